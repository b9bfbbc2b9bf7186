/// What JSON_TABLE means, as a query over the items that its paths find:
///
/// ```
/// JSON_TABLE(j, 'p' COLUMNS (a int PATH 'q', n FOR ORDINALITY, NESTED PATH 'r' COLUMNS (b int)))
///
/// SELECT json_value(item, 'q' RETURNING int) AS a, number AS n, b
/// FROM UNNEST(items(j, 'p')) WITH ORDINALITY AS t (item, number)
/// LEFT JOIN LATERAL (SELECT json_value(item2, 'lax $."b"' RETURNING int) AS b FROM UNNEST(items(item, 'r')) …) ON TRUE
/// ```
///
/// Nested siblings come one after the other (UNION) or combined (CROSS). Names of the query's own begin with `$`, which no column of a script does
/// unless it is quoted; expressions of the script look through them at the relations to the left.
/// - Source: Trino documentation, "JSON functions and operators", json_table.
struct JSONTableQuery {
  private let table: JSONTableClause
  private let range: SourceRange
  /// Levels and columns met so far.
  private var levelCount = 0
  private var columnCount = 0

  private init(_ table: JSONTableClause, range: SourceRange) {
    self.table = table
    self.range = range
  }

  static func query(_ table: JSONTableClause, range: SourceRange) throws(SQLError) -> Query {
    var names: Set<String> = []
    if let name = table.pathName { names.insert(name.folded) }
    try table.columns.checkNames(&names)
    var builder = JSONTableQuery(table, range: range)
    let level = try Level(columns: table.columns, name: table.pathName, plan: table.plan, range: range)
    return builder.query(table.path, level, names: table.columns.names).query
  }

  /// The columns of one path, and how its nested paths join them.
  private struct Level {
    var columns: [JSONTableColumn]
    var joining = JSONTablePlan.Joining.outer
    /// Nil without nested paths.
    var nested: Siblings?

    /// - Parameter plan: for this level and those below; nil for the default plan.
    init(columns: [JSONTableColumn], name: Identifier?, plan: JSONTablePlan?, range: SourceRange) throws(SQLError) {
      self.columns = columns
      let places = columns.indices.filter { if case .nested = columns[$0] { true } else { false } }
      switch plan {
      case .everywhere?, nil:
        var combination = JSONTablePlan.Combination.union
        if case .everywhere(let joining, let siblings)? = plan {
          self.joining = joining ?? .outer
          combination = siblings ?? .union
        }
        var levels: [Siblings] = []
        for place in places { levels.append(.one(place, try Self.nested(columns[place], plan, range))) }
        nested = levels.count > 1 ? .several(combination, levels) : levels.first
      case .path(let path)?:
        try Self.require(path, is: name, range)
        guard places.isEmpty else { throw Self.incomplete(path.range) }
      case .nested(let path, let joining, let inner)?:
        try Self.require(path, is: name, range)
        self.joining = joining
        var missing = Set(places)
        nested = try Self.siblings(inner, columns, &missing, range)
        guard missing.isEmpty else { throw Self.incomplete(path.range) }
      case .siblings(_, let plans)?:
        throw SQLError(
          .invalidPlan, "JSON_TABLE plan must begin with the path of the table, joined with OUTER or INNER",
          range: plans.first?.firstName?.range ?? range)
      }
    }

    private static func nested(_ column: JSONTableColumn, _ plan: JSONTablePlan?, _ range: SourceRange) throws(SQLError) -> Level {
      guard case .nested(_, let name, let columns) = column else { throw incomplete(range) }
      return try Level(columns: columns, name: name, plan: plan, range: range)
    }

    private static func siblings(
      _ plan: JSONTablePlan, _ columns: [JSONTableColumn], _ missing: inout Set<Int>, _ range: SourceRange
    ) throws(SQLError) -> Siblings {
      if case .siblings(let combination, let plans) = plan {
        var list: [Siblings] = []
        for plan in plans { list.append(try siblings(plan, columns, &missing, range)) }
        return .several(combination, list)
      }
      guard let name = plan.firstName else { throw incomplete(range) }
      let place = columns.firstIndex { if case .nested(_, let own, _) = $0 { own?.folded == name.folded } else { false } }
      guard let place, missing.remove(place) != nil else {
        throw SQLError(.invalidPlan, "JSON_TABLE plan names the path '\(name.spelling)', which is not nested there", range: name.range)
      }
      return .one(place, try nested(columns[place], plan, range))
    }

    private static func require(_ path: Identifier, is name: Identifier?, _ range: SourceRange) throws(SQLError) {
      guard let name else {
        throw SQLError(.missingPathName, "All JSON paths must be named when specific plan is given", range: range)
      }
      guard name.folded == path.folded else {
        throw SQLError(.invalidPlan, "JSON_TABLE plan names the path '\(path.spelling)' where '\(name.spelling)' stands", range: path.range)
      }
    }

    private static func incomplete(_ range: SourceRange) -> SQLError {
      SQLError(.invalidPlan, "JSON_TABLE plan should contain all JSON paths available at each level of nesting", range: range)
    }
  }

  private indirect enum Siblings {
    /// The place of a nested column, and what it has.
    case one(Int, Level)
    case several(JSONTablePlan.Combination, [Siblings])
  }

  /// A query, and by which name it gives each column, with the nested column of the level above that it comes from.
  private struct Part {
    var query: Query
    var columns: [(place: Int, name: Identifier)] = []
  }

  // MARK: Levels

  /// - Parameter names: what the columns are called, those of nested paths among them; nil for names of our own.
  private mutating func query(_ path: JSONFunctionCall.PathInvocation, _ level: Level, names: [Identifier]?) -> (query: Query, columns: [Identifier]) {
    levelCount += 1
    let item = Identifier("$item\(levelCount)", isQuoted: true)
    let number = Identifier("$number\(levelCount)", isQuoted: true)
    let items = Expression(.json(.items(path, onError: table.onError ?? .empty)), range: range)
    var source = aliased(.unnest([items], withOrdinality: true), "$items\(levelCount)", [item, number])
    var nested = Part(query: Query(body: QueryBody(.values([]))))
    if let siblings = level.nested {
      nested = part(siblings, level.columns, item)
      let right = aliased(.lateral(nested.query), "$nested\(levelCount)", [])
      let condition = JoinCondition.on(Expression(.boolean(true), range: range))
      source = Relation(
        .join(JoinClause(kind: level.joining == .outer ? .left : .inner, left: source, right: right, condition: condition)), range: range)
    }
    var expressions: [Expression] = []
    for (place, column) in level.columns.enumerated() {
      switch column {
      case .ordinality: expressions.append(reference(number))
      case .value(let name, let type, let own, let onEmpty, let onError):
        expressions.append(
          Expression(
            .json(.value(inside(item, own, name), returning: type, onEmpty: onEmpty, onError: onError ?? defaultOnError)), range: name.range))
      case .query(let name, let type, let own, let wrapper, let quotes, let onEmpty, let onError):
        expressions.append(
          Expression(
            .json(
              .query(
                inside(item, own, name), returning: JSONFunctionCall.Returning(type: type), wrapper: wrapper, quotes: quotes, onEmpty: onEmpty,
                onError: onError ?? defaultOnError)), range: name.range))
      case .nested: expressions += nested.columns.filter { $0.place == place }.map { reference($0.name) }
      }
    }
    let columns = names ?? expressions.map { _ in ownName() }
    return (select(zip(expressions, columns).map { ($0, $1) }, from: source), columns)
  }

  /// A column without ON ERROR is an error where the table asks for errors.
  private var defaultOnError: JSONFunctionCall.Behaviour? { table.onError == .error ? .error : nil }

  private func inside(_ item: Identifier, _ path: StringLiteral?, _ name: Identifier) -> JSONFunctionCall.PathInvocation {
    let quoted = name.spelling.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return JSONFunctionCall.PathInvocation(
      input: reference(item), path: path ?? StringLiteral(value: "lax $.\"\(quoted)\"", range: name.range), passing: [])
  }

  // MARK: Siblings

  private mutating func part(_ siblings: Siblings, _ columns: [JSONTableColumn], _ item: Identifier) -> Part {
    switch siblings {
    case .one(let place, let level):
      guard case .nested(let path, _, _) = columns[place] else { return Part(query: Query(body: QueryBody(.values([])))) }
      // Values that were passed are known to all paths.
      let invocation = JSONFunctionCall.PathInvocation(input: reference(item), path: path, passing: table.path.passing)
      let (query, names) = query(invocation, level, names: nil)
      return Part(query: query, columns: names.map { (place, $0) })
    case .several(.cross, let list):
      let parts = list.map { part($0, columns, item) }
      let relations = parts.map { aliased(.lateral($0.query), ownName().spelling, []) }
      let all = parts.flatMap(\.columns)
      return Part(query: select(all.map { (reference($0.name), $0.name) }, from: relations), columns: all)
    case .several(.union, let list):
      let parts = list.map { part($0, columns, item) }
      let all = parts.flatMap(\.columns)
      var operands: [QueryBody] = []
      for part in parts {
        let own = Set(part.columns.map(\.name))
        let items = all.map { (own.contains($0.name) ? reference($0.name) : Expression(.null, range: range), $0.name) }
        operands.append(select(items, from: aliased(.lateral(part.query), ownName().spelling, [])).body)
      }
      let body = QueryBody(
        .setOperation(SetOperationClause(kind: .union, quantifier: .all, operands: operands, isCorresponding: false)), range: range)
      return Part(query: Query(body: body, range: range), columns: all)
    }
  }

  // MARK: Syntax

  private mutating func ownName() -> Identifier {
    columnCount += 1
    return Identifier("$column\(columnCount)", isQuoted: true)
  }

  private func reference(_ name: Identifier) -> Expression { Expression(.name(QualifiedName([name], range: range)), range: range) }

  private func aliased(_ kind: RelationKind, _ name: String, _ columns: [Identifier]) -> Relation {
    Relation(
      .aliased(Relation(kind, range: range), TableAlias(name: Identifier(name, isQuoted: true), columns: columns, range: range)),
      range: range)
  }

  private func select(_ items: [(Expression, Identifier)], from relations: Relation...) -> Query { select(items, from: relations) }

  private func select(_ items: [(Expression, Identifier)], from relations: [Relation]) -> Query {
    let clause = SelectClause(
      items: items.map { SelectItem(.expression($0.0, alias: $0.1), range: range) }, from: relations)
    return Query(body: QueryBody(.select(clause), range: range), range: range)
  }
}

extension JSONTablePlan {
  /// The path that the plan is about.
  fileprivate var firstName: Identifier? {
    switch self {
    case .everywhere: nil
    case .path(let name), .nested(let name, _, _): name
    case .siblings(_, let plans): plans.first?.firstName
    }
  }
}

extension [JSONTableColumn] {
  /// In the order of the table's columns.
  fileprivate var names: [Identifier] {
    flatMap { column -> [Identifier] in
      switch column {
      case .ordinality(let name), .value(let name, _, _, _, _), .query(let name, _, _, _, _, _, _): [name]
      case .nested(_, _, let columns): columns.names
      }
    }
  }

  /// Columns and paths have names of their own.
  fileprivate func checkNames(_ seen: inout Set<String>) throws(SQLError) {
    for column in self {
      switch column {
      case .ordinality(let name), .value(let name, _, _, _, _), .query(let name, _, _, _, _, _, _): try name.check(&seen)
      case .nested(_, let name, let columns):
        if let name { try name.check(&seen) }
        try columns.checkNames(&seen)
      }
    }
  }
}

extension Identifier {
  fileprivate func check(_ seen: inout Set<String>) throws(SQLError) {
    if !seen.insert(folded).inserted {
      throw SQLError(
        .duplicateColumnOrPathName, "All column and path names in JSON_TABLE invocation must be unique", range: range)
    }
  }
}

extension Relation {
  /// JSON_TABLE, under its alias and sample, as the query that it means.
  package func withoutJSONTable() throws(SQLError) -> Relation {
    switch kind {
    case .jsonTable(let table): Relation(.lateral(try JSONTableQuery.query(table, range: range)), range: range)
    case .aliased(let inner, let alias): Relation(.aliased(try inner.withoutJSONTable(), alias), range: range)
    default: self
    }
  }
}

import Columnar
import Functions
import SQLSyntax

extension Binder {
  // MARK: FROM

  /// The comma-separated relations of FROM: cross joins from left to right. One row without columns when there are none.
  func bindFrom(_ relations: [Relation], in environment: BindEnvironment) throws(SQLError) -> FromBinding {
    if let first = relations.first { try checkCount(relations.count, of: "relations in FROM", range: first.range) }
    var result: FromBinding?
    for relation in relations { result = try bindRelation(relation, after: result, in: environment) }
    return result ?? FromBinding(plan: .values(rows: [[]], columns: []), fields: [])
  }

  /// Binds a relation, cross joined to the one before it if there is one. UNNEST and LATERAL see its columns.
  private func bindRelation(
    _ relation: Relation, after left: FromBinding?, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    guard let left else { return try bindRelation(relation, in: environment) }
    if relation.isLateral {
      // `t, UNNEST(t.a) AS u JOIN v ON …` reads as `(t CROSS JOIN UNNEST(t.a) AS u) JOIN v ON …`.
      if case .join(let join) = relation.kind {
        guard join.kind != .right, join.kind != .full else {
          throw SQLError.notSupported("\(join.kind.rawValue) of a lateral relation is not supported", range: relation.range)
        }
        let first = try bindRelation(join.left, after: left, in: environment)
        return try bindJoin(join, left: first, range: relation.range, in: environment)
      }
      return try bindLateral(relation, left: left, keepsLeft: false, condition: nil, in: environment)
    }
    return cross(left, try bindRelation(relation, in: environment), range: relation.range)
  }

  private func cross(_ left: FromBinding, _ right: FromBinding, range: SourceRange) -> FromBinding {
    let width = left.width
    return FromBinding(
      plan: .join(JoinNode(kind: .inner, left: left.plan, right: right.plan, keys: [], residual: nil, range: range)),
      fields: left.fields + right.fields.map { $0.shifted(by: width) })
  }

  func bindRelation(_ relation: Relation, in environment: BindEnvironment) throws(SQLError) -> FromBinding {
    switch relation.kind {
    case .table(let reference): return try bindTable(reference, range: relation.range, in: environment)
    case .function(let call): return try bindTableFunction(call, range: relation.range, in: environment)
    case .subquery(let query):
      return from(try bindQuery(query, in: environment, keepsOrder: false))
    case .lateral, .unnest, .jsonTable:
      let empty = FromBinding(plan: .values(rows: [[]], columns: []), fields: [])
      return try bindLateral(relation, left: empty, keepsLeft: false, condition: nil, in: environment)
    case .join(let join):
      let left = try bindRelation(join.left, in: environment)
      return try bindJoin(join, left: left, range: relation.range, in: environment)
    case .aliased(let inner, let alias):
      return try aliased(try bindRelation(inner, in: environment), alias)
    case .sampled(let inner, let sample):
      var bound = try bindRelation(inner, in: environment)
      bound.plan = .sample(bound.plan, fraction: try sampleFraction(sample))
      return bound
    case .pivot(let inner, let pivot):
      return try bindPivot(try bindRelation(inner, in: environment), pivot, in: environment)
    case .unpivot(let inner, let unpivot):
      return try bindUnpivot(try bindRelation(inner, in: environment), unpivot)
    case .matchRecognize:
      throw SQLError.notSupported("MATCH_RECOGNIZE is not supported", range: relation.range, hint: "use window functions")
    }
  }

  private func from(_ bound: BoundRelation) -> FromBinding {
    FromBinding(
      plan: bound.plan,
      fields: bound.columns.enumerated().map {
        ScopeField(name: $1.name, qualifier: [], index: $0, type: $1.type)
      })
  }

  private func aliased(_ binding: FromBinding, _ alias: TableAlias) throws(SQLError) -> FromBinding {
    var result = binding
    let visible = binding.fields.indices.filter { !binding.fields[$0].isHidden && !binding.fields[$0].isMerged }
    if !alias.columns.isEmpty {
      guard alias.columns.count == visible.count else {
        throw SQLError(
          .mismatchedColumnAliases,
          "Column alias list has \(alias.columns.count) entries but '\(alias.name.folded)' has \(visible.count) columns available",
          range: alias.columns[0].range.union(alias.columns[alias.columns.count - 1].range))
      }
    }
    for (number, position) in visible.enumerated() {
      let field = binding.fields[position]
      let name = alias.columns.isEmpty ? field.name : alias.columns[number].spelling
      result.fields[position] = ScopeField(
        name: name, qualifier: [alias.name.folded], index: field.index, type: field.type)
    }
    for position in binding.fields.indices where binding.fields[position].isHidden || binding.fields[position].isMerged {
      result.fields[position].qualifier = [alias.name.folded]
    }
    return result
  }

  private func sampleFraction(_ sample: SampleClause) throws(SQLError) -> Double {
    let range = sample.percentage.range
    let bound = try bindConstant(sample.percentage)
    guard bound.type.isNumeric else {
      throw SQLError(.typeMismatch, "Sample percentage should be a numeric expression", range: range)
    }
    guard case .double(let percentage) = try evaluate(coerce(bound, to: .double)).value else {
      throw SQLError(.invalidArguments, "Sample percentage cannot be NULL", range: range)
    }
    guard percentage >= 0 else {
      throw SQLError(.numericValueOutOfRange, "Sample percentage must be greater than or equal to 0", range: range)
    }
    guard percentage <= 100 else {
      throw SQLError(.numericValueOutOfRange, "Sample percentage must be less than or equal to 100", range: range)
    }
    return percentage / 100
  }

  // MARK: Joins

  private func bindJoin(
    _ join: JoinClause, left: FromBinding, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    if join.right.isLateral, !join.right.isJoin {
      return try bindLateralJoin(join, left: left, range: range, in: environment)
    }
    let right = try bindRelation(join.right, in: environment)
    switch join.condition {
    case nil: return cross(left, right, range: range)
    case .on(let condition)?: return try bindOn(join.kind, left, right, condition, range: range, in: environment)
    case .using(let columns)?: return try bindUsing(join.kind, left, right, columns, range: range)
    case .natural?:
      let rightNames = Set(right.fields.filter { !$0.isHidden }.compactMap(\.foldedName))
      let shared = left.fields.filter { !$0.isHidden && !$0.isMerged }.compactMap { field -> Identifier? in
        guard let name = field.foldedName, rightNames.contains(name) else { return nil }
        return Identifier(name, range: range)
      }
      if shared.isEmpty { return cross(left, right, range: range) }
      return try bindUsing(join.kind, left, right, shared, range: range)
    }
  }

  private func bindOn(
    _ kind: JoinClause.Kind, _ left: FromBinding, _ right: FromBinding, _ condition: Expression, range: SourceRange,
    in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    var joined = cross(left, right, range: range)
    let binder = ExpressionBinder(
      self, environment: environment, scope: Scope(joined.fields, parent: environment.outer), clause: .join)
    let bound = try onCondition(condition, binder)
    if binder.collector.subqueries.isEmpty {
      joined.plan = .join(
        JoinNode(
          kind: kind.joinKind, left: left.plan, right: right.plan, keys: [], residual: bound.isTrueLiteral ? nil : bound,
          range: range))
      return joined
    }
    guard kind == .inner || kind == .cross else {
      throw SQLError.notSupported(
        "Subqueries in the ON clause of \(kind.rawValue) are not supported", range: binder.collector.subqueries[0].range,
        hint: "compute them in a subquery in FROM first")
    }
    joined.plan = try filter(joined.plan, by: bound, binder.collector, mapping: nil)
    return joined
  }

  private func onCondition(_ condition: Expression, _ binder: ExpressionBinder) throws(SQLError) -> BoundExpression {
    binder.nullCountsAsFalse = true
    let bound = try binder.bind(condition)
    return try binder.boolean(bound, "JOIN ON clause must evaluate to a boolean: actual type \(bound.type)")
  }

  /// `USING (k)`: equal columns of both sides become one, which stands first and has no relation.
  private func bindUsing(
    _ kind: JoinClause.Kind, _ left: FromBinding, _ right: FromBinding, _ columns: [Identifier], range: SourceRange
  ) throws(SQLError) -> FromBinding {
    let leftScope = Scope(left.fields)
    let rightScope = Scope(right.fields)
    let leftWidth = left.width
    var joined = cross(left, right, range: range)
    var keys: [BoundExpression] = []
    /// Per merged column: what it is, over the joined columns.
    var merged: [(name: String, value: BoundExpression)] = []
    var hidden: Set<Int> = []
    var names: Set<String> = []
    for column in columns {
      guard names.insert(column.folded).inserted else {
        throw SQLError(
          .duplicateColumnName, "Column '\(column.folded)' appears multiple times in USING clause", range: column.range)
      }
      func find(_ scope: Scope, _ side: String) throws(SQLError) -> ScopeField {
        switch scope.find(column.folded, qualifier: []) {
        case .one(let field): return field
        case .many: throw SQLError(.ambiguousName, "Column '\(column.folded)' is ambiguous", range: column.range)
        case .none:
          throw SQLError(
            .columnNotFound, "Column '\(column.folded)' is missing from \(side) side of join", range: column.range,
            hint: Suggestion.hint(for: column.folded, among: scope.visibleNames))
        }
      }
      let leftField = try find(leftScope, "left")
      let rightField = try find(rightScope, "right").shifted(by: leftWidth)
      let pair: [BoundExpression] = [
        .column(leftField.index, leftField.type, column.range), .column(rightField.index, rightField.type, column.range),
      ]
      guard let type = TypeCoercion.commonSuperType(leftField.type, rightField.type) else {
        throw SQLError(
          .typeMismatch, "Column types of left and right side are not comparable: \(leftField.type), \(rightField.type)",
          range: column.range)
      }
      keys.append(try call("=", pair, range: column.range))
      let value: BoundExpression =
        switch kind {
        case .inner, .left, .cross: coerce(pair[0], to: type)
        case .right: coerce(pair[1], to: type)
        case .full: .coalesce(pair.map { coerce($0, to: type) }, type: type, column.range)
        }
      merged.append((leftField.name ?? column.spelling, value))
      hidden.insert(leftField.index)
      hidden.insert(rightField.index)
    }
    joined.plan = .join(
      JoinNode(
        kind: kind.joinKind, left: left.plan, right: right.plan, keys: [], residual: BoundExpression.conjunction(keys),
        range: range))
    for i in joined.fields.indices where hidden.contains(joined.fields[i].index) { joined.fields[i].isMerged = true }
    // A merged column that is no plain column of either side needs a projection of its own.
    var outputs = LogicalPlan.passingColumns(of: joined.plan)
    let width = outputs.count
    var fields: [ScopeField] = []
    for (name, value) in merged {
      if case .column(let index, let type, _) = value {
        fields.append(ScopeField(name: name, qualifier: [], index: index, type: type))
      } else {
        fields.append(ScopeField(name: name, qualifier: [], index: outputs.count, type: value.type))
        outputs.append(NamedExpression(value, name: name))
      }
    }
    if outputs.count > width { joined.plan = .project(joined.plan, outputs) }
    joined.fields = fields + joined.fields
    return joined
  }

  // MARK: UNNEST and LATERAL

  /// `left JOIN UNNEST(…) | LATERAL (…) [ON …]`
  private func bindLateralJoin(
    _ join: JoinClause, left: FromBinding, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    let keepsLeft: Bool
    switch join.kind {
    case .cross, .inner: keepsLeft = false
    case .left: keepsLeft = true
    case .right, .full:
      throw SQLError.notSupported(
        "\(join.kind.rawValue) involving UNNEST or LATERAL is not supported", range: range)
    }
    switch join.condition {
    case nil: return try bindLateral(join.right, left: left, keepsLeft: keepsLeft, condition: nil, in: environment)
    case .on(let condition)?:
      return try bindLateral(join.right, left: left, keepsLeft: keepsLeft, condition: condition, in: environment)
    case .using?, .natural?:
      throw SQLError.notSupported("USING with UNNEST or LATERAL is not supported", range: range)
    }
  }

  /// Joins an UNNEST or LATERAL relation, maybe with alias and sample, to the relation it looks at.
  private func bindLateral(
    _ relation: Relation, left: FromBinding, keepsLeft: Bool, condition: Expression?, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    let relation = try relation.withoutJSONTable()
    switch relation.kind {
    case .aliased(let inner, let alias):
      // The alias names the new columns only.
      let leftCount = left.fields.count
      if case .unnest(let expressions, let withOrdinality) = inner.kind {
        return try bindUnnest(
          expressions, withOrdinality, alias, left: left, keepsLeft: keepsLeft, condition, range: inner.range,
          in: environment)
      }
      guard case .lateral = inner.kind else { throw lateralUnsupported(relation) }
      // The condition of the join sees the alias.
      guard let condition else {
        let joined = try bindLateral(inner, left: left, keepsLeft: keepsLeft, condition: nil, in: environment)
        let own = FromBinding(plan: joined.plan, fields: Array(joined.fields[leftCount...]))
        return FromBinding(plan: joined.plan, fields: left.fields + (try aliased(own, alias)).fields)
      }
      return try bindLateralQuery(inner, alias, left: left, keepsLeft: keepsLeft, condition, in: environment)
    case .unnest(let expressions, let withOrdinality):
      return try bindUnnest(
        expressions, withOrdinality, nil, left: left, keepsLeft: keepsLeft, condition, range: relation.range,
        in: environment)
    case .lateral:
      return try bindLateralQuery(relation, nil, left: left, keepsLeft: keepsLeft, condition, in: environment)
    default: throw lateralUnsupported(relation)
    }
  }

  private func lateralUnsupported(_ relation: Relation) -> SQLError {
    SQLError.notSupported("This form of a lateral relation is not supported", range: relation.range)
  }

  private func bindLateralQuery(
    _ relation: Relation, _ alias: TableAlias?, left: FromBinding, keepsLeft: Bool, _ condition: Expression?,
    in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    guard case .lateral(let query) = relation.kind else { throw lateralUnsupported(relation) }
    var inner = environment
    inner.outer = Scope(left.fields, parent: environment.outer)
    let bound = try bindQuery(query, in: inner, keepsOrder: false)
    var own = from(bound)
    if let alias { own = try aliased(own, alias) }
    let width = left.width
    let fields = left.fields + own.fields.map { $0.shifted(by: width) }
    var predicate: BoundExpression?
    if let condition {
      let binder = ExpressionBinder(
        self, environment: environment, scope: Scope(fields, parent: environment.outer), clause: .join)
      let on = try onCondition(condition, binder)
      guard binder.collector.subqueries.isEmpty else {
        throw SQLError.notSupported("Subqueries in the ON clause of a lateral join are not supported", range: condition.range)
      }
      predicate = on.isTrueLiteral ? nil : on
    }
    let plan = try SubqueryJoin(binder: self, range: relation.range).lateral(
      bound.plan.applied(), to: left.plan, keepsLeft: keepsLeft, condition: predicate)
    return FromBinding(plan: plan, fields: fields)
  }

  private func bindUnnest(
    _ expressions: [Expression], _ withOrdinality: Bool, _ alias: TableAlias?, left: FromBinding, keepsLeft: Bool,
    _ condition: Expression?, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    let binder = ExpressionBinder(
      self, environment: environment, scope: Scope(left.fields, parent: environment.outer), clause: .unnest)
    var bound = try binder.bind(expressions)
    var plan = left.plan
    let values = try attachSubqueries(binder.collector, placeholders(in: bound, binder.collector), to: &plan, mapping: nil)
    bound = bound.map { $0.replacingPlaceholders(Placeholder.subquery, values) }

    var columns: [OutputColumn] = []
    var names: [String?] = []
    for expression in bound {
      switch expression.type {
      case .array(.row(let fields)):
        for field in fields {
          names.append(field.name)
          columns.append(OutputColumn(name: field.name ?? "field\(columns.count)", type: field.type))
        }
      case .array(let element):
        names.append(nil)
        columns.append(OutputColumn(name: "element\(columns.count)", type: element))
      case .map(let key, let value):
        names += [nil, nil]
        columns.append(OutputColumn(name: "key\(columns.count)", type: key))
        columns.append(OutputColumn(name: "value\(columns.count)", type: value))
      default:
        throw SQLError(
          .typeMismatch, "Cannot unnest type: \(expression.type)", range: expression.range,
          hint: "UNNEST takes arrays and maps")
      }
    }
    if withOrdinality {
      names.append("ordinality")
      columns.append(OutputColumn(name: "ordinality", type: .bigint))
    }
    let width = plan.columns.count
    var own = FromBinding(
      plan: plan,
      fields: columns.enumerated().map { ScopeField(name: names[$0], qualifier: [], index: width + $0, type: $1.type) })
    if let alias {
      own = try aliased(own, alias)
      for (number, identifier) in alias.columns.enumerated() { columns[number].name = identifier.spelling }
    }
    plan = .unnest(
      UnnestNode(
        input: plan, expressions: bound, withOrdinality: withOrdinality, keepsEmpty: keepsLeft, columns: columns))
    let result = FromBinding(plan: plan, fields: left.fields + own.fields)
    guard let condition else { return result }
    let on = ExpressionBinder(
      self, environment: environment, scope: Scope(result.fields, parent: environment.outer), clause: .join)
    let predicate = try onCondition(condition, on)
    if predicate.isTrueLiteral { return result }
    guard !keepsLeft else {
      throw SQLError.notSupported(
        "LEFT JOIN involving UNNEST is only supported with condition ON TRUE", range: condition.range)
    }
    return FromBinding(
      plan: try filter(result.plan, by: predicate, on.collector, mapping: nil), fields: result.fields)
  }
}

extension Relation {
  fileprivate var isJoin: Bool { if case .join = kind { true } else { false } }

  /// Sees the relations to its left.
  fileprivate var isLateral: Bool {
    switch kind {
    case .lateral, .unnest, .jsonTable: true
    case .aliased(let inner, _), .sampled(let inner, _): inner.isLateral && !inner.isJoin
    case .join(let join): join.left.isLateral
    case .table, .subquery, .function, .pivot, .unpivot, .matchRecognize: false
    }
  }
}

extension JoinClause.Kind {
  fileprivate var joinKind: JoinKind {
    switch self {
    case .cross, .inner: .inner
    case .left: .left
    case .right: .right
    case .full: .full
    }
  }
}

extension BoundExpression {
  var isTrueLiteral: Bool { literalValue?.value == .boolean(true) }
  var isFalseLiteral: Bool { literalValue?.value == .boolean(false) }
}

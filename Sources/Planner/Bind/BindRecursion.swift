import Columnar
import Functions
import SQLSyntax

extension Binder {
  /// `name [(columns)] AS (seed UNION [ALL] step)`, where the step names itself: the rows of a round are those that the step makes of the
  /// round before.
  func bindRecursiveTable(
    _ table: CommonTable, in environment: BindEnvironment
  ) throws(SQLError) -> CommonTableEntry {
    let query = table.query
    guard query.with == nil, query.orderBy.isEmpty, query.offset == nil, query.limit == nil,
      case .setOperation(let clause) = query.body.kind, clause.kind == .union, clause.operands.count >= 2,
      !clause.isCorresponding
    else {
      throw SQLError(
        .invalidRecursiveReference, "A recursive WITH query must be of the form: query UNION [ALL] query that names '\(table.name.folded)'",
        range: query.range)
    }
    let step = clause.operands[clause.operands.count - 1]
    let seeds = Array(clause.operands.dropLast())
    if let own = seeds.first(where: { $0.names(table.name) }) {
      throw SQLError(
        .invalidRecursiveReference, "Recursive reference in the first part of a recursive WITH query: the last part alone may name '\(table.name.folded)'",
        range: own.range)
    }
    var seedClause = clause
    seedClause.operands = seeds
    let seed = try bindOperand(
      seeds.count == 1 ? seeds[0] : QueryBody(.setOperation(seedClause), range: query.body.range), in: environment)
    var columns = try renamed(seed.columns, table.columns, name: table.name)
    let workID = makeCommonTableID()
    // The step may need wider types than the seed has; with them the step can become wider once more.
    for _ in 0..<4 {
      let start = casted(BoundRelation(plan: seed.plan, columns: seed.columns), to: columns)
      var inner = environment
      inner.commonTables[table.name.folded] = CommonTableEntry(
        id: workID, name: table.name.folded, plan: start, columns: columns)
      let next = try bindOperand(step, in: inner)
      guard next.columns.count == columns.count else {
        throw SQLError(
          .typeMismatch,
          "UNION query has different number of fields: \(columns.count), \(next.columns.count)", range: step.range)
      }
      var wider = columns
      for index in columns.indices {
        guard let common = TypeCoercion.commonSuperType(columns[index].type, next.columns[index].type) else {
          throw SQLError(
            .typeMismatch,
            "column \(index + 1) in UNION query has incompatible types: \(columns[index].type), \(next.columns[index].type)",
            range: step.range)
        }
        wider[index].type = common
      }
      if zip(wider, columns).allSatisfy({ $0.type == $1.type }) {
        let node = RecursiveNode(
          id: workID, name: table.name.folded, seed: start, step: casted(next, to: columns),
          isDistinct: clause.quantifier != .all, range: table.name.range)
        return CommonTableEntry(
          id: makeCommonTableID(), name: table.name.folded, plan: .recursive(node), columns: columns)
      }
      columns = wider
    }
    throw SQLError(
      .typeMismatch, "The columns of '\(table.name.folded)' become wider with every round", range: step.range,
      hint: "Give the columns of the first part their final types with CAST.")
  }
}

extension CommonTable {
  /// Whether the query names itself, in FROM or in a subquery of it.
  var isSelfReferring: Bool { query.body.names(name) }
}

extension QueryBody {
  /// Whether FROM or a subquery in it, not in expressions, names the table.
  func names(_ name: Identifier) -> Bool {
    switch kind {
    case .select(let select): select.from.contains { $0.names(name) }
    case .values: false
    case .table(let table): table.isSimple && table.folded == name.folded
    case .setOperation(let clause): clause.operands.contains { $0.names(name) }
    case .parenthesized(let query): query.body.names(name)
    }
  }
}

extension Relation {
  fileprivate func names(_ name: Identifier) -> Bool {
    switch kind {
    case .table(let reference): reference.name.isSimple && reference.name.folded == name.folded
    case .subquery(let query), .lateral(let query): query.body.names(name)
    case .join(let join): join.left.names(name) || join.right.names(name)
    case .aliased(let inner, _), .sampled(let inner, _), .pivot(let inner, _), .unpivot(let inner, _): inner.names(name)
    case .unnest, .function, .matchRecognize, .jsonTable: false
    }
  }
}

import Columnar
import SQLSyntax

/// One WITH query: bound once, referred to by id.
struct CommonTableEntry {
  let id: Int
  let name: String
  let plan: LogicalPlan
  let columns: [BoundColumn]
}

extension Binder {
  /// Binds the queries of a WITH clause in order; each sees the ones before it.
  func bindCommonTables(
    _ with: WithClause, in environment: inout BindEnvironment
  ) throws(SQLError) -> [CommonTableEntry] {
    try checkCount(with.tables.count, of: "WITH queries", range: with.tables[0].name.range)
    var entries: [CommonTableEntry] = []
    var names: Set<String> = []
    for table in with.tables {
      guard names.insert(table.name.folded).inserted else {
        throw SQLError(
          .duplicateNamedQuery, "WITH query name '\(table.name.folded)' specified more than once", range: table.name.range)
      }
      if with.isRecursive, table.isSelfReferring {
        let entry = try bindRecursiveTable(table, in: environment)
        entries.append(entry)
        environment.commonTables[entry.name] = entry
        continue
      }
      let bound = try bindQuery(table.query, in: environment, keepsOrder: false)
      let columns = try renamed(bound.columns, table.columns, name: table.name)
      let entry = CommonTableEntry(
        id: makeCommonTableID(), name: table.name.folded, plan: bound.plan.withNames(columns), columns: columns)
      entries.append(entry)
      environment.commonTables[entry.name] = entry
    }
    return entries
  }

  /// Columns under the names of an alias list, which has to be complete.
  func renamed(
    _ columns: [BoundColumn], _ aliases: [Identifier], name: Identifier
  ) throws(SQLError) -> [BoundColumn] {
    if aliases.isEmpty { return columns }
    guard aliases.count == columns.count else {
      throw SQLError(
        .mismatchedColumnAliases,
        "Column alias list has \(aliases.count) entries but '\(name.folded)' has \(columns.count) columns available",
        range: aliases[0].range.union(aliases[aliases.count - 1].range))
    }
    return zip(columns, aliases).map { BoundColumn(name: $1.spelling, type: $0.type, range: $1.range) }
  }

  /// Puts each definition where it is needed: into its only place of use, into every place when it is cheap to repeat, or once
  /// around the body. Later ones first, because they may use earlier ones.
  func placeCommonTables(_ entries: [CommonTableEntry], around body: LogicalPlan) -> LogicalPlan {
    var plan = body
    for entry in entries.reversed() {
      var uses = 0
      plan.forEachNode { if case .commonTableScan(entry.id, _, _) = $0 { uses += 1 } }
      if uses == 0 { continue }
      if uses == 1 || entry.plan.isCheapToRepeat || entry.plan.hasAnyOuterColumns {
        plan = plan.replacingCommonTable(entry.id, by: entry.plan)
      } else {
        plan = .commonTable(id: entry.id, name: entry.name, definition: entry.plan, body: plan)
      }
    }
    return plan
  }
}

extension LogicalPlan {
  func replacingCommonTable(_ id: Int, by definition: LogicalPlan) -> LogicalPlan {
    if case .commonTableScan(id, _, _) = self { return definition }
    return mapInputs { $0.replacingCommonTable(id, by: definition) }
  }

  /// Reading it again costs no more than keeping its rows: scans, filters and projections of one relation.
  var isCheapToRepeat: Bool {
    guard isDeterministic else { return false }
    var plan = self
    while true {
      switch plan {
      case .scan, .values, .commonTableScan: return true
      case .filter(let input, _), .project(let input, _): plan = input
      default: return false
      }
    }
  }
}

/// What Frazil accepts and a Trino coordinator does not: syntax of Athena's, Hive's and Spark's, and what only Frazil has.
///
/// For scripts that are sent to Trino: what is found here is named before anything is sent. It finds constructs, not every mistake; the rest is for
/// Trino itself to refuse.
package enum TrinoRules {
  /// - Returns: one error per construct, with its place.
  package static func violations(_ statement: Statement) -> [SQLError] {
    var found = AthenaRule.violations(statement, rules: shared)
    if let problem = foreign(statement) { found.insert(problem, at: 0) }
    return found
  }

  /// Rules of Athena's that hold for Trino too: what they refuse comes from Spark, DuckDB or Frazil.
  private static let shared: Set<String> = [
    "insert-overwrite", "merge-clauses", "using", "partition-transforms", "pivot", "qualify", "table-names", "spark-time-travel",
    "named-parameters", "functions", "drop-purge",
  ]

  private static func foreign(_ statement: Statement) -> SQLError? {
    func refused(_ what: String) -> SQLError { SQLError(.syntaxError, "Trino has no \(what)", range: statement.range) }
    switch statement.kind {
    case .unload, .vacuum, .optimize, .repairTable: return refused(statement.kindName)
    case .createTable(let create):
      if create.isExternal { return refused("CREATE EXTERNAL TABLE") }
      if !create.tableProperties.isEmpty || create.location != nil { return refused("LOCATION and TBLPROPERTIES in CREATE TABLE; it has WITH (...)") }
    case .createTableLike: return refused("CREATE TABLE LIKE in this form")
    case .alterTable(let alter):
      switch alter.action {
      case .replaceColumns, .changeColumn, .setProperties, .unsetProperties, .setSerDeProperties, .setLocation, .addPartitions, .dropPartitions,
        .renamePartition, .addPartitionField, .dropPartitionField, .replacePartitionField, .writeOrder, .setIdentifierFields,
        .dropIdentifierFields, .createReference, .dropReference:
        return refused(statement.kindName)
      case .rename, .addColumns, .dropColumns, .renameColumn, .alterColumn, .setExpressionProperties, .execute: break
      }
    case .show(.tableProperties), .show(.partitions): return refused(statement.kindName)
    case .prepare(_, let inner): return foreign(inner)
    case .explain(let explain): return foreign(explain.statement)
    default: break
    }
    for relation in SyntaxPieces(statement).relations {
      guard case .function(let call) = relation.kind, !call.isWrapped else { continue }
      return SQLError(.syntaxError, "Trino has no \(call.name.folded)(...) in FROM", range: call.name.range)
    }
    return nil
  }
}

import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// Spark's `create_changelog_view`: a view of the session over what the snapshots of a range changed.
///
/// The view is SQL over `table_changes`:
///
/// ```
/// changes ─ equal rows deleted and inserted cancel out ─ pairs of equal identifiers become updates ─▶ view
///            in one snapshot, or over all of them (net_changes)    (compute_updates)
/// ```
extension StatementRunner {
  func createChangelogView(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (table, values) = try arguments.tableAnd(
      ["changelog_view", "options", "compute_updates", "identifier_columns", "net_changes"], required: 0)
    let options = try values[1].map { try arguments.map($0, "options") } ?? [:]
    let (entry, _) = try await icebergEntry(table)
    let (metadata, _) = try await loadCurrent(table)
    let named = try values[3].map { try arguments.words($0, "identifier_columns") }
    let isNet = try arguments.flag(values[4], "net_changes")
    let computesUpdates = values[2] == nil ? named != nil : try arguments.flag(values[2], "compute_updates")
    guard !isNet || !computesUpdates else {
      throw SQLError(
        .invalidProcedureArgument, "net_changes cannot be combined with update images", range: arguments.range,
        hint: "Leave identifier_columns and compute_updates out.")
    }
    var identifiers: [String] = []
    if computesUpdates {
      identifiers = try identifierColumns(named, metadata, range: values[3]?.range ?? arguments.range)
    }
    let range = try ChangelogRange(options, metadata, values[1]?.range ?? arguments.range)
    let view = try values[0].map { try arguments.text($0, "changelog_view") } ?? entry.name + "_changes"
    let sql = ChangelogQuery(
      database: entry.database, table: entry.name, columns: metadata.schema.fields.map(\.name), range: range, isNet: isNet,
      identifiers: identifiers
    ).text
    let definition = ViewDefinition(name: view.lowercased(), sql: sql, place: place)
    // A mistake that only the query shows, like an unknown snapshot, should fail here and not at the first read.
    do { _ = try await bind(Parser.parseQuery(sql)) } catch {
      let found = SQLError(wrapping: error)
      throw SQLError(found.code, found.message, range: arguments.range, hint: found.hint)
    }
    session.define(definition)
    return textResult(["changelog_view"], [[definition.name]])
  }

  /// Columns that tell a row: as stated, or the table's identifier fields.
  private func identifierColumns(_ named: [String]?, _ metadata: TableMetadata, range: SourceRange) throws(SQLError) -> [String] {
    let fields = metadata.schema.fields
    guard let named else {
      let ids = metadata.schema.identifierFieldIDs
      let own = fields.filter { ids.contains($0.id) }.map(\.name)
      guard !own.isEmpty, own.count == ids.count else {
        throw SQLError(
          .invalidProcedureArgument, "Cannot compute the update images because identifier columns are not set", range: range,
          hint: "identifier_columns => array('id')")
      }
      return own
    }
    var found: [String] = []
    for name in named {
      guard let field = fields.first(where: { $0.name.lowercased() == name.lowercased() }) else {
        throw SQLError(
          .columnNotFound, "Column '\(name)' cannot be resolved", range: range, hint: Suggestion.hint(for: name, among: fields.map(\.name)))
      }
      found.append(field.name)
    }
    guard !found.isEmpty else { throw SQLError(.invalidProcedureArgument, "identifier_columns is empty", range: range) }
    return found
  }
}

/// Which snapshots a changelog covers: Spark's read options, by id or by time in milliseconds.
private struct ChangelogRange {
  /// Left out itself; nil is the beginning.
  var start: Int64?
  /// Nil is whatever is current when the view is read.
  var end: Int64?

  init(_ options: [String: String], _ metadata: TableMetadata, _ range: SourceRange) throws(SQLError) {
    let known = ["start-snapshot-id", "end-snapshot-id", "start-timestamp", "end-timestamp"]
    if let unknown = options.keys.filter({ !known.contains($0) }).min() {
      throw SQLError(.invalidProcedureArgument, "Unknown option: \(unknown)", range: range, hint: Suggestion.hint(for: unknown, among: known))
    }
    func number(_ name: String) throws(SQLError) -> Int64? {
      guard let text = options[name] else { return nil }
      guard let number = Int64(text) else {
        throw SQLError(.invalidProcedureArgument, "Option '\(name)' must be a whole number: \(text)", range: range)
      }
      return number
    }
    for side in ["start", "end"] where options[side + "-snapshot-id"] != nil && options[side + "-timestamp"] != nil {
      throw SQLError(.invalidProcedureArgument, "Cannot set both \(side)-snapshot-id and \(side)-timestamp", range: range)
    }
    start = try number("start-snapshot-id")
    end = try number("end-snapshot-id")
    let history = metadata.ancestors(of: metadata.currentSnapshotID)
    if let time = try number("end-timestamp") {
      // Before the first snapshot there is nothing: a range from it to itself.
      end = history.first { $0.timestampMilliseconds <= time }?.id ?? history.last?.id
      if let end, history.last?.id == end, history.last.map({ $0.timestampMilliseconds > time }) == true { start = end }
    }
    if let time = try number("start-timestamp"), start == nil {
      start = history.first { $0.timestampMilliseconds < time }?.id
      // A range that ends before it begins is empty.
      if let begin = start, let end, !metadata.isAncestor(begin, of: end) { start = end }
    }
  }
}

/// The text of a changelog view.
private struct ChangelogQuery {
  var database: String
  var table: String
  var columns: [String]
  var range: ChangelogRange
  var isNet: Bool
  /// Empty when updates are not wanted.
  var identifiers: [String]

  var text: String {
    var arguments = ["schema_name => \(SQLPrinter.quoted(database))", "table_name => \(SQLPrinter.quoted(table))"]
    if let start = range.start { arguments.append("start_snapshot_id => \(start)") }
    if let end = range.end { arguments.append("end_snapshot_id => \(end)") }
    let changes = "table_changes(\(arguments.joined(separator: ", ")))"

    let all = columns.map(Self.quoted).joined(separator: ", ")
    // Equal rows cancel out, so that of three deleted and one inserted two deleted ones stay: those with the highest numbers.
    let equal = isNet ? all : all + ", _change_ordinal"
    let numbered = """
      SELECT \(all), _change_type, _change_ordinal, _change_version_id,
        row_number() OVER (PARTITION BY \(equal), _change_type ORDER BY _change_ordinal) AS _change_number,
        count_if(_change_type = 'insert') OVER (PARTITION BY \(equal)) AS _change_inserted,
        count_if(_change_type = 'delete') OVER (PARTITION BY \(equal)) AS _change_deleted
      FROM \(changes)
      """
    let real = """
      SELECT \(all), upper(_change_type) AS _change_type, _change_ordinal, _change_version_id AS _commit_snapshot_id
      FROM (\(numbered)) WHERE _change_number > IF(_change_type = 'insert', _change_deleted, _change_inserted)
      """
    guard !identifiers.isEmpty else { return real }
    let keys = identifiers.map(Self.quoted).joined(separator: ", ")
    let message =
      "Cannot compute updates because there are multiple rows with the same identifier fields (\(identifiers.joined(separator: ", ")))"
    return """
      SELECT \(all),
        CASE WHEN _change_before = 0 OR _change_after = 0 THEN _change_type
          WHEN _change_before > 1 OR _change_after > 1 THEN CAST(fail(\(SQLPrinter.quoted(message))) AS varchar)
          WHEN _change_type = 'DELETE' THEN 'UPDATE_BEFORE' ELSE 'UPDATE_AFTER' END AS _change_type,
        _change_ordinal, _commit_snapshot_id
      FROM (SELECT *, count_if(_change_type = 'DELETE') OVER (PARTITION BY \(keys), _change_ordinal) AS _change_before,
          count_if(_change_type = 'INSERT') OVER (PARTITION BY \(keys), _change_ordinal) AS _change_after
        FROM (\(real)))
      """
  }

  private static func quoted(_ name: String) -> String { SQLPrinter.print(Identifier(name, isQuoted: true)) }
}

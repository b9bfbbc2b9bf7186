import Frazil
import JSONText
import TestSupport
import Testing

@Suite("Metadata tables over the corpus")
struct MetadataTableTests {
  private static let kinds = [
    "snapshots", "history", "refs", "properties", "manifests", "files", "partitions", "entries", "metadata_log_entries", "data_files",
    "delete_files", "all_manifests", "all_files", "all_data_files", "all_delete_files", "all_entries",
  ]

  /// The only value of a query, as JSON.
  private static func value(_ sql: String, _ table: CorpusTable) async throws -> String {
    let rows = try await QueryRows.run(sql, table.configuration)
    return String((rows.lines.first ?? "[]").dropFirst().dropLast())
  }

  @Test("every kind of every table is read, and their numbers agree with each other and with the rows")
  func everyKind() async throws {
    for table in try CorpusTable.all() where table.outcome == "ok" {
      let path = table.folder + "/" + (try table.expected.root.requireString("metadata"))
      var snapshotCount = 0
      var rowCount: Int64 = 0
      for result in try table.expected.root.requireElements("results") {
        if result.present("snapshot_id") != nil {
          snapshotCount += 1
        } else if let count = result["row_count"]?.int64 {
          rowCount = count
        }
      }
      func relation(_ kind: String) -> String { "iceberg_table('\(path)', metadata_table => '\(kind)')" }
      for kind in Self.kinds {
        do {
          let rows = try await QueryRows.run("SELECT * FROM \(relation(kind))", table.configuration)
          if kind == "snapshots" { #expect(rows.lines.count == snapshotCount, "\(table.name)") }
        } catch let error as SQLError {
          // States whose manifests were left out of the corpus.
          #expect(kind.hasPrefix("all_") && error.code.name == "ICEBERG_MISSING_DATA", "\(table.name) \(kind): \(error.message)")
        }
      }
      let files = try await Self.value("SELECT sum(record_count) FROM \(relation("data_files"))", table)
      let partitions = try await Self.value("SELECT sum(record_count) FROM \(relation("partitions"))", table)
      let manifests = try await Self.value("SELECT sum(added_rows_count + existing_rows_count) FROM \(relation("manifests"))", table)
      #expect(files == partitions, "\(table.name)")
      let hasDeletes = try await Self.value("SELECT count(*) FROM \(relation("delete_files"))", table) != "0"
      if hasDeletes { continue }
      #expect(files == "\(rowCount)" || (files == "null" && rowCount == 0), "\(table.name): \(files), \(rowCount)")
      // Version 1 may leave the counts of a manifest out.
      #expect(manifests == files || manifests == "null", "\(table.name): \(manifests), \(files)")
    }
  }
}

/// The tables that show what an Iceberg table is made of (sql.md sections 15 and 18.2).
package enum MetadataTableKind: String, CaseIterable, Sendable {
  case snapshots, history, refs, properties, manifests, files, partitions, entries
  case metadataLogEntries = "metadata_log_entries"
  case dataFiles = "data_files"
  case deleteFiles = "delete_files"
  case allManifests = "all_manifests"
  case allFiles = "all_files"
  case allDataFiles = "all_data_files"
  case allDeleteFiles = "all_delete_files"
  case allEntries = "all_entries"
  case positionDeletes = "position_deletes"

  /// Whose columns the table has: Athena's `"t$files"` or Spark's `db.t.files`.
  package enum Dialect: Sendable { case athena, spark }

  /// Athena's name of a metadata table, split at its `$`: `t$files` is `files` of `t`.
  package static func split(_ name: String) -> (table: String, kind: MetadataTableKind)? {
    guard let dollar = name.lastIndex(of: "$"), dollar != name.startIndex,
      let kind = MetadataTableKind(rawValue: name[name.index(after: dollar)...].lowercased())
    else { return nil }
    return (String(name[..<dollar]), kind)
  }
}

import Catalogs
import Columnar
package import SQLSyntax
package import Storage

/// Parquet files that are to become data files of an Iceberg table, with what their place says of their partition.
package struct ImportSource: Sendable {
  package struct File: Sendable {
    package let info: ObjectInfo
    /// Partition columns (folded) and their values as text; nil is NULL.
    package let partition: [String: String?]
  }

  package private(set) var files: [File]
  /// Names of the partition columns.
  package let keys: [String]

  /// The files of a Hive-style table.
  package init(_ table: ExternalTable) async throws {
    guard case .parquet(byPosition: false) = table.format else {
      throw SQLError.notSupported(
        "importing the files of '\(table.entry.database).\(table.entry.name)': only Parquet files whose columns are found by name can be",
        hint: "CREATE TABLE … AS SELECT * FROM \(table.entry.name) writes them again.")
    }
    keys = table.partitionFields.map { $0.name.lowercased() }
    files = try await table.partitionedFiles().map { partition, info in
      File(info: info, partition: Self.values(HivePath.entries(of: partition.name + "/" + info.location.name)))
    }
  }

  /// The files at a path, with Hive-style folders below it.
  package init(path: String, store: any ObjectStore) async throws {
    let root = Location(path)
    let listed = try await ExternalTable.visibleFiles(at: root, in: store)
    guard !listed.isEmpty else { throw StorageError(.notFound, root, "no files there") }
    files = listed.map { info in
      File(info: info, partition: Self.values(HivePath.entries(of: info.location.relativePath(below: root) ?? info.location.name)))
    }
    keys = files.first.map { $0.partition.keys.sorted() } ?? []
    if let odd = files.first(where: { $0.partition.keys.sorted() != keys }) {
      throw SQLError(
        .invalidArguments, "the files at \(path) do not lie in folders with the same keys: \(odd.info.location.text)")
    }
  }

  /// Leaves only the files of some partitions.
  ///
  /// - Parameter filter: partition columns and their values as folders spell them.
  package mutating func keep(_ filter: [String: String]) throws(SQLError) {
    guard !filter.isEmpty else { return }
    guard !keys.isEmpty else {
      throw SQLError(.invalidProcedureArgument, "Cannot use a partition filter with an unpartitioned source")
    }
    for key in filter.keys.sorted() where !keys.contains(key.lowercased()) {
      throw SQLError(
        .invalidProcedureArgument, "'\(key)' is no partition column of the source: they are \(keys.joined(separator: ", "))",
        hint: Suggestion.hint(for: key, among: keys))
    }
    files = files.filter { file in
      filter.allSatisfy { key, value in
        (file.partition[key.lowercased()] ?? nil).map { $0 == value } ?? (value == HivePath.nullName)
      }
    }
  }

  private static func values(_ entries: [(key: String, value: String?)]) -> [String: String?] {
    Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { _, last in last })
  }
}

import Columnar
import Storage

/// What valid tables hold that some engine refuses or misreads, and why.
///
/// The limits are those of Athena engine version 3 (Iceberg tables of format version 2, on S3, names of columns in lower case in Glue),
/// PyIceberg 0.12 and DuckDB 1.5.
package enum EngineLimits {
  private struct Limit: Sendable {
    let engine: String
    /// What of the table meets the limit; none when the engine takes it.
    let found: @Sendable (TableMetadata) -> [String]
    let reason: String
  }

  /// What cannot be verified here is a limit of ours, not a fault of the table.
  package static let thisEngine = "Frazil"
  private static let athena = "Athena"
  private static let olderReaders = "engines for format version 2"

  private static let limits = [
    Limit(
      engine: athena, found: { $0.formatVersion > 2 ? ["format version \($0.formatVersion)"] : [] },
      reason: "it takes Iceberg tables of version 2 only"),
    Limit(
      engine: "PyIceberg 0.12", found: { $0.formatVersion > 2 ? ["format version \($0.formatVersion)"] : [] },
      reason: "it reads such tables but does not write them"),
    Limit(
      engine: olderReaders, found: { columns($0) { $0.minimumFormatVersion > 2 && !$0.isNested } },
      reason: "the type came with version 3"),
    Limit(
      engine: olderReaders,
      found: { metadata in
        metadata.schema.allFields.filter { $0.initialDefault.map { $0 != .null } ?? false }.map { "the default value of column '\($0.name)'" }
      },
      reason: "they read NULL where older files lack the column"),
    Limit(
      engine: "DuckDB 1.5", found: { columns($0) { $0 == .timestampTZNanos } }, reason: "it does not know the type"),
    Limit(
      engine: "PyIceberg 0.12 and DuckDB 1.5",
      found: { metadata in
        metadata.snapshots.filter { $0.manifestList == nil }.map { "snapshot \($0.id) without a manifest list" }
      },
      reason: "they do not read the list of manifests that stands in old metadata files of version 1"),
    Limit(
      engine: athena, found: { columns($0, where: isOutsideAthena) },
      reason: "the type is not among those of its Iceberg tables"),
    Limit(
      engine: athena, found: { columns($0) { $0 == .timestampTZ } },
      reason: "older builds know timestamps without time zone only"),
    Limit(
      engine: athena,
      found: { metadata in
        metadata.schema.allFields.filter { $0.name != $0.name.lowercased() }.map { "column '\($0.name)'" }
      },
      reason: "Glue and Athena show names in lower case"),
    Limit(
      engine: "all writers",
      found: { metadata in
        metadata.partitionSpecs.flatMap(\.fields).compactMap { field in
          if case .unknown(let text) = field.transform { "partition transform \(text)" } else { nil }
        }
      },
      reason: "tables with a transform that is not known are read, not written"),
    Limit(
      engine: "all writers",
      found: { $0.properties["encryption.key-id"] != nil ? ["encryption.key-id"] : [] }, reason: "encrypted tables are not written here"),
    Limit(
      engine: athena,
      found: { metadata in
        guard let scheme = Location(metadata.location).scheme, scheme != "s3" else { return [] }
        return ["the location \(metadata.location)"]
      },
      reason: "it reads s3:// alone"),
  ]

  private static func isOutsideAthena(_ type: IcebergType) -> Bool {
    switch type {
    case .time, .uuid, .fixed: true
    default: false
    }
  }

  @Sendable private static func columns(_ metadata: TableMetadata, where isMeant: (IcebergType) -> Bool) -> [String] {
    metadata.schema.allFields.filter { isMeant($0.type) }.map { "column '\($0.name)' of type \($0.type)" }
  }

  /// - Parameter includesLocalPaths: also tells of locations without a scheme, which every table of a local catalog has.
  package static func problems(_ metadata: TableMetadata, file: String, includesLocalPaths: Bool) -> [TableProblem] {
    var problems: [TableProblem] = []
    for limit in limits {
      problems += limit.found(metadata).map { TableProblem(.engine, limit.engine, "\($0): \(limit.reason)") }
    }
    if Location(metadata.location).scheme == nil {
      if !metadata.location.hasPrefix("/") {
        problems.append(
          TableProblem(.engine, "all engines", "the location \(metadata.location) is relative: it means another place in another process"))
      } else if includesLocalPaths {
        problems.append(
          TableProblem(.engine, "engines on other machines", "the location \(metadata.location) has no scheme: it is a path of this machine"))
      }
    }
    if Location(file).name.hasSuffix(".metadata.json.gz") {
      problems.append(
        TableProblem(.engine, "newer writers", "the metadata file is gzip under its old name; they write .gz.metadata.json"))
    }
    return problems
  }

  /// What the files of the current state hold that engines stumble over.
  package static func problems(ofDeletes deletes: [ManifestEntry]) -> [TableProblem] {
    var problems: [TableProblem] = []
    let vectors = deletes.filter { $0.file.isDeletionVector }
    if !vectors.isEmpty {
      problems.append(TableProblem(.engine, athena, "\(vectors.count) deletion vectors: it takes Iceberg tables of version 2 only"))
    }
    let equality = deletes.filter { $0.file.content == .equalityDeletes }
    if !equality.isEmpty {
      problems.append(TableProblem(.engine, "PyIceberg 0.12", "\(equality.count) equality delete files: it refuses tables that have any"))
    }
    let shared = Dictionary(grouping: vectors, by: { $0.file.path }).filter { $0.value.count > 1 }
    for path in shared.keys.sorted() {
      problems.append(
        TableProblem(.engine, "DuckDB 1.5", "\(path) holds several deletion vectors: one scan that uses two of them mixes them up"))
    }
    return problems
  }

  /// Data files that are found by name alone.
  package static func problem(ofFilesWithoutIDs count: Int) -> TableProblem {
    TableProblem(
      .engine, "PyIceberg 0.12", "\(count) data files have no field ids and the table no \(NameMapping.property): it refuses them")
  }
}

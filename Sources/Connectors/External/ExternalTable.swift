package import Catalogs
package import Columnar
import Parquet
package import Planner
import SQLSyntax
package import Storage
import TextFormats

/// A Hive-style table: the files of a folder, or of one folder per partition, read as the table's SerDe prescribes.
///
/// Partition columns follow the table's own. Their values come from the registered (or projected) partition, never from the files.
package struct ExternalTable: Table {
  package let schema: Schema
  package let entry: CatalogTable
  let format: ExternalFormat
  let dataFields: [Field]
  package let partitionFields: [Field]
  let partitioning: Partitioning
  let store: any ObjectStore
  private let footers: ParquetFooterCache

  enum Partitioning: Sendable {
    case none
    case registered([HivePartition])
    case projected(ProjectedPartitions)
  }

  /// Reads the registered partitions too; files are looked at when a scan is planned.
  package static func open(
    _ entry: CatalogTable, catalog: any Catalog, store: any ObjectStore, footers: ParquetFooterCache, nowMicroseconds: Int64
  ) async throws -> ExternalTable {
    let keys = try fields(entry.partitionKeys)
    let partitioning: Partitioning
    if keys.isEmpty {
      partitioning = .none
    } else if entry.parameters["projection.enabled"]?.lowercased() == "true" {
      partitioning = .projected(try ProjectedPartitions(entry, keys: keys, nowMicroseconds: nowMicroseconds))
    } else {
      partitioning = .registered(
        try await catalog.partitions(of: entry.name, in: entry.database).map { try HivePartition($0, keys: keys) })
    }
    return try ExternalTable(entry, partitioning, keys: keys, store: store, footers: footers)
  }

  private init(
    _ entry: CatalogTable, _ partitioning: Partitioning, keys: [Field], store: any ObjectStore, footers: ParquetFooterCache
  ) throws {
    self.entry = entry
    format = try ExternalFormat(entry.storage, tableProperties: entry.parameters)
    dataFields = try Self.fields(entry.storage.columns)
    partitionFields = keys
    schema = Schema(dataFields + keys)
    self.partitioning = partitioning
    self.store = store
    self.footers = footers
  }

  package static func fields(_ columns: [CatalogColumn]) throws(CatalogError) -> [Field] {
    var fields: [Field] = []
    for column in columns { fields.append(Field(column.name, try HiveType.parse(column.type), comment: column.comment)) }
    return fields
  }

  package var hiddenColumns: [Field] { ExternalHiddenColumns.fields }

  package var location: Location { Location(entry.storage.location ?? "") }

  // MARK: Reading

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    var (partitions, notes) = try matchingPartitions(request)
    let partitionColumns = dataFields.count..<schema.count
    let listed = try await list(partitions, isMost: !request.predicates.contains { partitionColumns.contains($0.column) })
    let all = zip(partitions, listed).flatMap { partition, files in files.map { (partition, $0) } }
    partitions = []
    let files = all.filter { partition, info in
      request.predicates.allSatisfy { predicate in
        let hidden = predicate.column - schema.count
        return hidden < 0 || ScalarTest.mayPass(ExternalHiddenColumns.value(hidden, info, partition), predicate.test)
      }
    }
    notes += ScanNote.files(files.count, skipped: all.count - files.count)
    switch format {
    case .text(let serDe):
      let planned = files.map { partition, info in (textFile(serDe, info), sources(request, partition, info)) }
      return TextScan(planned, notes: notes)
    case .parquet(let byPosition):
      let whole = columnarSplits(request, files, byPosition: byPosition)
      return ParquetScan(try ParquetFileTable.splits(of: whole, footers: footers), notes: notes, footers: footers)
    case .avro: return AvroScan(columnarSplits(request, files, byPosition: false), notes: notes, readers: ReadersAhead(store))
    }
  }

  /// Every file with its partition.
  package func partitionedFiles() async throws -> [(partition: HivePartition, file: ObjectInfo)] {
    let partitions = try matchingPartitions(ScanRequest(columns: [])).0
    return zip(partitions, try await list(partitions, isMost: true)).flatMap { partition, files in files.map { (partition, $0) } }
  }

  func allFiles() async throws -> [ObjectInfo] { try await partitionedFiles().map(\.file) }

  /// Names of all partitions, registered or projected.
  package func partitionNames() throws -> [String] {
    try matchingPartitions(ScanRequest(columns: [])).0.map(\.name)
  }

  private func matchingPartitions(_ request: ScanRequest) throws -> ([HivePartition], [ScanNote]) {
    var tests: [(key: Int, test: Planner.ColumnPredicate.Test)] = []
    for predicate in request.predicates where predicate.column >= dataFields.count && predicate.column < schema.count {
      tests.append((predicate.column - dataFields.count, predicate.test))
    }
    switch partitioning {
    case .none: return ([HivePartition(values: [], name: "", location: location)], [])
    case .registered(let all):
      let kept = all.filter { partition in tests.allSatisfy { ScalarTest.mayPass(partition.values[$0.key], $0.test) } }
      return (kept, [ScanNote("partitions", kept.count), ScanNote("partitions skipped", all.count - kept.count)])
    case .projected(let projection):
      let kept = try projection.partitions(where: tests)
      return (kept, [ScanNote("partitions projected", kept.count)])
    }
  }

  /// - Parameter isMost: whether the table has hardly any others.
  private func list(_ partitions: [HivePartition], isMost: Bool) async throws -> [[ObjectInfo]] {
    if isMost, let together = try await PartitionListing(location, store).files(of: partitions) { return together }
    let store = self.store
    return try await withThrowingTaskGroup(of: (Int, [ObjectInfo]).self) { group in
      for (index, partition) in partitions.enumerated() {
        group.addTask { (index, try await Self.visibleFiles(at: partition.location, in: store)) }
      }
      var all = [[ObjectInfo]](repeating: [], count: partitions.count)
      for try await (index, files) in group { all[index] = files }
      return all
    }
  }

  /// Hive's rule: files and folders whose names begin with `_` or `.` are not there, nor are empty files.
  ///
  /// Where the table was migrated to Iceberg, its backup sees the files of that time: what the Iceberg table has written since lies in
  /// `metadata` and `data`.
  package static func visibleFiles(at folder: Location, in store: any ObjectStore) async throws(StorageError) -> [ObjectInfo] {
    visibleFiles(among: try await store.listAll(folder), at: folder)
  }

  static func visibleFiles(among files: [ObjectInfo], at folder: Location) -> [ObjectInfo] {
    let listed = files.map { info in (info: info, path: info.location.relativePath(below: folder) ?? info.location.name) }
    let isMigrated = listed.contains { $0.path.hasPrefix("metadata/") && $0.path.hasSuffix(".metadata.json") }
    return listed.filter { info, path in
      guard info.size > 0, !isMigrated || !path.hasPrefix("metadata/") && !path.hasPrefix("data/") else { return false }
      return path.split(separator: "/").allSatisfy { !$0.hasPrefix("_") && !$0.hasPrefix(".") }
    }.map(\.info)
  }

  private func textFile(_ serDe: TextSerDe, _ info: ObjectInfo) -> TextFile {
    let source = TextSource(store, info)
    switch serDe {
    case .delimited(let format): return TextFile(info, source, .delimited(format), columns: dataFields)
    case .json(let format): return TextFile(info, source, .json(format), columns: dataFields)
    }
  }

  private func sources(_ request: ScanRequest, _ partition: HivePartition, _ info: ObjectInfo) -> [TextColumnSource] {
    request.columns.map { index in
      if index < dataFields.count { return .file(index) }
      if index < schema.count { return .constant(partition.values[index - dataFields.count]) }
      return .constant(ExternalHiddenColumns.value(index - schema.count, info, partition))
    }
  }

  /// Whole files whose columns are found by name or position.
  private func columnarSplits(
    _ request: ScanRequest, _ files: [(HivePartition, ObjectInfo)], byPosition: Bool
  ) -> [ParquetSplit] {
    let predicates = request.predicates.compactMap { predicate -> Planner.ColumnPredicate? in
      request.columns.firstIndex(of: predicate.column).map { Planner.ColumnPredicate(column: $0, test: predicate.test) }
    }
    return files.map { partition, info in
      let sources = request.columns.map { index -> ParquetColumnSource in
        if index < dataFields.count {
          let field = dataFields[index]
          let match = byPosition ? ParquetColumnSource.Match.position(index) : .name(field.name)
          return .file(ParquetColumnSource.FileColumn(type: field.type, match: match), missing: .null(field.type))
        }
        if index < schema.count { return .constant(partition.values[index - dataFields.count]) }
        return .constant(ExternalHiddenColumns.value(index - schema.count, info, partition))
      }
      return ParquetSplit(
        location: info.location, size: info.size, stability: .inState(info.version), byteCount: info.size, sources: sources, predicates: predicates)
    }
  }
}

/// What every Hive-style table has besides its columns.
enum ExternalHiddenColumns {
  static let fields =
    HiddenColumns.fields + [Field("$file_size", .bigint), Field("$partition", .varchar)]

  static func value(_ index: Int, _ info: ObjectInfo, _ partition: HivePartition) -> Scalar {
    switch index {
    case HiddenColumns.fields.count: .bigint(Int64(info.size))
    case HiddenColumns.fields.count + 1: .text(partition.name)
    default: HiddenColumns.value(index, info)
    }
  }
}

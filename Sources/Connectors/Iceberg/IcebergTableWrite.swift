package import Columnar
package import Iceberg
import Parquet
package import Planner
package import Storage
import Synchronization

/// What all writers of one statement share: where files go, how they are written, what they must hold.
final class IcebergWritePlan: Sendable {
  let metadata: TableMetadata
  let branch: TargetBranch
  /// What errors and memory accounting call the table.
  let name: String
  let store: any ObjectStore
  let paths: DataFilePaths
  let options: ParquetWriterOptions
  let fileSchema: Schema
  /// Positions of the columns that files have; nil for all. Columns of type unknown are never stored.
  let storedColumns: [Int]?
  let metrics: MetricsConfiguration
  let nulls: RequiredColumns
  let targetFileSize: Int
  /// The order that rows come in: 0 for tables without one, nil where it is not known.
  let sortOrderID: Int32?
  let helpers: EncodingHelpers
  /// Whether a partition is to end in one file, whichever workers had its rows, and whether they are new or copied.
  let joinsRows: Bool
  private let hasUniqueNames: Bool
  private let finished = Mutex<[Location]>([])

  init(
    _ metadata: TableMetadata, branch: TargetBranch, lineage: [IcebergHiddenColumn], sortOrderID: Int32?, joinsRows: Bool, name: String,
    store: any ObjectStore, ids: IDSource, nowMilliseconds: Int64, workerCount: Int
  ) throws(IcebergError) {
    try metadata.checkIsWritable()
    let properties = TableProperties(metadata.properties)
    guard properties.dataFormat == "parquet" else {
      throw IcebergError(.unsupported, "data files in \(properties.dataFormat) cannot be written; parquet can")
    }
    self.metadata = metadata
    self.branch = branch
    self.name = name
    self.store = store
    hasUniqueNames = ids.isUnique
    paths = DataFilePaths(metadata, ids: ids, nowMilliseconds: nowMilliseconds)
    options = try ParquetWriterOptions(metadata)
    let fields = try metadata.schema.columnarSchema().fields + lineage.map(\.storedField)
    let stored = fields.indices.filter { fields[$0].type != .unknown }
    storedColumns = stored.count == fields.count ? nil : stored
    fileSchema = Schema(stored.map { fields[$0] })
    metrics = MetricsConfiguration(metadata)
    nulls = RequiredColumns(Schema(fields))
    targetFileSize = properties.targetFileSize
    self.sortOrderID = sortOrderID ?? (metadata.sortOrder.fields.isEmpty ? 0 : nil)
    helpers = EncodingHelpers(workerCount: workerCount)
    self.joinsRows = joinsRows
  }

  /// Makes a data file visible under its name, and remembers it for `removeFiles`.
  func publish(_ sink: any ObjectWriter, at location: Location) throws(StorageError) {
    do { _ = try sink.finish() } catch {
      // It may have happened all the same; what lies there is this statement's if nobody else takes such names.
      if error.kind != .alreadyExists, hasUniqueNames { finished.withLock { $0.append(location) } }
      throw error
    }
    finished.withLock { $0.append(location) }
  }

  /// Stores a small file that was made in memory, under the same rules.
  func store(_ bytes: [UInt8], at location: Location) async throws(StorageError) {
    do { _ = try await store.write(location, ByteSlice(bytes), if: .ifAbsent) } catch {
      if error.kind != .alreadyExists, hasUniqueNames { finished.withLock { $0.append(location) } }
      throw error
    }
    finished.withLock { $0.append(location) }
  }

  /// Removes the files of the statement. Best effort: what stays is an orphan that no reader sees.
  func removeFiles() async {
    let files = finished.withLock { files in
      defer { files = [] }
      return files
    }
    do { try await store.delete(files) } catch {
      // One that cannot be removed must not keep the others.
      for file in files { do { try await store.delete([file]) } catch { continue } }
    }
  }
}

/// An INSERT into an Iceberg table, or the rows of a CREATE TABLE AS: workers write data files, one commit makes them visible.
package struct IcebergTableWrite: PartitionedWrite {
  private let plan: IcebergWritePlan
  private let target: Target
  private let overwrite: IcebergOverwrite?

  fileprivate enum Target: Sendable {
    case existing(any TableCommitter, uuid: String?)
    case new(Committer)
    case replaced(any TableCommitter, TableDefinition, base: TableMetadata)
  }

  fileprivate init(_ plan: IcebergWritePlan, _ target: Target, overwrite: IcebergOverwrite? = nil) {
    self.overwrite = overwrite
    self.plan = plan
    self.target = target
  }

  package func makeWriter(_ context: QueryContext) throws -> any BatchWriter { try IcebergBatchWriter(plan, context) }

  package func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary {
    let files = try await plan.files(of: written.compactMap { $0 as? IcebergWrittenFiles })
    let rowCount = written.reduce(0) { $0 + $1.rowCount }
    do {
      switch target {
      case .existing(let committer, let uuid):
        // A state without changes is not worth a snapshot.
        if let overwrite {
          let (change, conflicts) = overwrite.change(adding: files, plan.metadata)
          if !change.isEmpty {
            _ = try await committer.commit(SnapshotChange(change, conflicts: conflicts, branch: plan.branch), expectedUUID: uuid)
          }
        } else if !files.isEmpty {
          _ = try await committer.commit(SnapshotChange(adding: files, branch: plan.branch), expectedUUID: uuid)
        }
      case .new(let committer): _ = try await committer.create(plan.metadata, adding: files.isEmpty ? nil : SnapshotChange(adding: files))
      case .replaced(let committer, let definition, let base):
        _ = try await committer.commit(
          TableReplacement(definition, of: base, planned: plan.metadata, adding: files), expectedUUID: base.tableUUID)
      }
    } catch {
      if error.kind != .commitStateUnknown { await plan.removeFiles() }
      throw error
    }
    return WriteSummary(rowCount: rowCount, fileCount: files.count)
  }

  package func abort(_ written: [any WrittenFiles]) async { await plan.removeFiles() }

  package func partitionCount(of written: [any WrittenFiles]) -> Int {
    var partitions: Set<[Scalar]> = []
    for case let files as IcebergWrittenFiles in written {
      partitions.formUnion(files.files.map(\.partition))
      partitions.formUnion(files.waiting?.partitions.map(\.values) ?? [])
    }
    return partitions.count
  }
}

/// Writes Iceberg tables of a catalog: what `IcebergTable` hands its writes to, and what CREATE TABLE uses.
package struct IcebergWriter: IcebergWriting {
  private let pointer: CatalogPointer
  private let name: String
  let store: any ObjectStore
  let context: QueryContext
  private let ids: IDSource
  /// Microseconds since 1970 UTC.
  private let clock: @Sendable () -> Int64
  private let staged: StagedTable?
  private let stagingID: String?

  /// - Parameters:
  ///   - pointer: the table in its catalog.
  ///   - base: the metadata file that the statement starts from, or whatever else tells it from other statements with the same seed.
  ///   - staged: the table within the open transaction, if there is one.
  ///   - stagingID: the session's write-audit-publish id, for statements that change rows; procedures commit as always.
  package init(
    _ pointer: CatalogPointer, name: String, base: String, store: any ObjectStore, context: QueryContext,
    clock: @escaping @Sendable () -> Int64, staged: StagedTable? = nil, stagingID: String? = nil
  ) {
    self.staged = staged
    self.stagingID = stagingID
    self.pointer = pointer
    self.name = name
    self.store = store
    self.context = context
    self.clock = clock
    ids = IDSource(seed: context.seed, scope: [name, base])
  }

  /// A UUID for a new table.
  package func makeUUID() -> String { ids.uuid() }

  /// Where changes of the table go: into the open transaction, or straight into the catalog.
  package var committer: any TableCommitter { staged ?? catalogCommitter }

  /// Makes tables; there is no other way outside of transactions.
  package var catalogCommitter: Committer { catalogCommitter(stagingID: nil) }

  /// Where new rows of the table go.
  private var rowCommitter: any TableCommitter { staged ?? catalogCommitter(stagingID: stagingID) }

  private func catalogCommitter(stagingID: String?) -> Committer {
    Committer(
      pointer, store: store, ids: ids, now: { [clock] in clock() / 1_000 }, engine: Self.engine, stagingID: stagingID,
      isCancelled: { [context] in context.cancellation.isCancelled })
  }

  /// What snapshot summaries say of who wrote them.
  package static let engine = [(key: "engine-name", value: "frazil"), (key: "engine-version", value: "0.1.0")]

  package func beginWrite(_ kind: WriteKind, table: IcebergTable) async throws -> any TableWrite {
    let committer = rowCommitter
    switch kind {
    case .append: return IcebergTableWrite(try plan(of: table), .existing(committer, uuid: table.metadata.tableUUID))
    case .overwrite(let rows):
      let plan = try plan(of: table)
      return IcebergTableWrite(
        plan, .existing(committer, uuid: table.metadata.tableUUID), overwrite: try await IcebergOverwrite(rows, of: table))
    case .rowChange(let change):
      return IcebergRowChange(
        try plan(
          of: table, lineage: IcebergHiddenColumn.lineage(table.metadata), joinsRows: table.metadata.distributesRows(of: change.command)),
        committer, change, wanted: table.predicate(change.predicates), opener: table.opener, context: context)
    }
  }

  /// Removes whole data files that were read from a state of the table.
  ///
  /// - Parameter predicates: all removed rows satisfy them; rows like these that others add meanwhile contradict the statement.
  package func remove(
    _ tasks: [FileScanTask], from table: IcebergTable, matching predicates: [Planner.ColumnPredicate]
  ) async throws(IcebergError) {
    let isSerializable = RowChangeProperties(table.metadata, .delete).isSerializable
    let conflicts = ConflictCheck(
      startID: table.metadata.currentSnapshotID, newRows: isSerializable ? table.predicate(predicates) : nil, changed: tasks,
      allowsNewDeletes: true)
    _ = try await rowCommitter.commit(
      SnapshotChange(FileChange(replacing: tasks, with: []), conflicts: conflicts, branch: table.branch), expectedUUID: table.metadata.tableUUID)
  }

  /// The rows of a table that comes into being with them.
  package func beginCreation(_ metadata: TableMetadata) throws(IcebergError) -> any TableWrite {
    IcebergTableWrite(try plan(metadata), .new(catalogCommitter))
  }

  /// The rows that take the place of a table's.
  ///
  /// - Parameter planned: what the definition makes of `base`.
  package func beginReplacement(
    of base: TableMetadata, by definition: TableDefinition, _ planned: TableMetadata
  ) throws(IcebergError) -> any TableWrite {
    IcebergTableWrite(try plan(planned), .replaced(committer, definition, base: base))
  }

  func plan(
    of table: IcebergTable, lineage: [IcebergHiddenColumn] = [], joinsRows: Bool? = nil
  ) throws(IcebergError) -> IcebergWritePlan {
    try plan(table.metadata, branch: table.branch, lineage: lineage, joinsRows: joinsRows)
  }

  func plan(
    _ metadata: TableMetadata, branch: TargetBranch = .main, lineage: [IcebergHiddenColumn] = [], sortOrderID: Int32? = nil,
    joinsRows: Bool? = nil
  ) throws(IcebergError) -> IcebergWritePlan {
    try IcebergWritePlan(
      metadata, branch: branch, lineage: lineage, sortOrderID: sortOrderID, joinsRows: joinsRows ?? metadata.distributesRows(of: nil),
      name: name, store: store, ids: ids, nowMilliseconds: clock() / 1_000, workerCount: context.workerCount)
  }
}

extension TableMetadata {
  /// Whether a statement brings the rows of a partition together before it writes them.
  ///
  /// - Parameter command: nil is INSERT.
  fileprivate func distributesRows(of command: RowChange.Command?) -> Bool {
    TableProperties(properties).distributesRows(of: command?.rawValue.lowercased(), isPartitioned: !partitionSpec.isUnpartitioned)
  }
}

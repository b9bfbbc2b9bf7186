package import Columnar
package import Iceberg
import Parquet
package import Planner
package import Storage

/// One state of an Iceberg table behind the engine's `Table` waist.
package struct IcebergTable: Table {
  package let schema: Schema
  package let metadata: TableMetadata
  /// Where writes go; the state that is read is its head.
  package let branch: TargetBranch
  private let version: TableMetadata.Version
  let icebergSchema: IcebergSchema
  private let snapshot: Snapshot?
  private let distinctCounts: [Int: Double]
  private let store: any ObjectStore
  private let footers: ParquetFooterCache
  /// Makes writes; nil for a table opened by location, or at an older state.
  private let writing: (any IcebergWriting)?

  /// - Parameter branch: only with the version `current`, which then is the branch's head.
  package init(
    metadata table: TableMetadata, version: TableMetadata.Version = .current, branch: TargetBranch = .main, store: any ObjectStore,
    footers: ParquetFooterCache, writing: (any IcebergWriting)? = nil
  ) throws {
    let metadata = try table.head(of: branch)
    self.metadata = metadata
    self.branch = branch
    self.version = version
    self.store = store
    self.footers = footers
    self.writing = writing
    let target = try metadata.scanTarget(version)
    snapshot = target.snapshot
    icebergSchema = target.schema
    schema = try target.schema.columnarSchema()
    let counts = metadata.distinctCounts(of: snapshot?.id)
    distinctCounts = Dictionary(
      uniqueKeysWithValues: counts.isEmpty ? [] : icebergSchema.fields.enumerated().compactMap { index, field in counts[field.id].map { (index, $0) } })
  }

  /// Snapshots do not change. Both schemas count: the columns follow from the table's, the values missing from old files from the state's.
  package var identity: String? {
    "\(metadata.location) \(metadata.tableUUID ?? "") \(metadata.currentSchemaID) \(icebergSchema.id) \(snapshot?.id ?? -1)"
  }

  package var hiddenColumns: [Field] { IcebergHiddenColumn.of(metadata).map(\.field) }

  package var rowIdentity: [Int]? {
    guard writing != nil, version == .current else { return nil }
    let hidden = IcebergHiddenColumn.of(metadata)
    return IcebergHiddenColumn.rowIdentity(metadata).compactMap { hidden.firstIndex(of: $0) }.map { schema.count + $0 }
  }

  /// NULL without a write default. SPEC "Default values".
  package func defaultValue(ofColumn index: Int) -> Scalar {
    Scalar(schema.fields[index].type, icebergSchema.fields[index].writeDefault ?? .null)
  }

  package var statistics: TableStatistics {
    TableStatistics(
      rowCount: snapshot?.summary.number("total-records").map { Int(clamping: $0) } ?? (snapshot == nil ? 0 : nil),
      byteCount: snapshot?.summary.number("total-files-size").map { Int(clamping: $0) }, distinctCounts: distinctCounts)
  }

  /// The field id of a visible column.
  package func fieldID(ofColumn index: Int) -> Int32 { icebergSchema.fields[index].id }

  package func columnStatistics() async throws -> [ColumnStatistics] {
    let tasks = try await planner(.everything).plan().tasks
    return icebergSchema.fields.enumerated().map { index, field in
      var totals = ColumnTotals()
      for task in tasks { totals.add(task.file, fieldID: field.id, field.type) }
      var statistics = totals.statistics(schema.fields[index].type)
      statistics.distinctCount = distinctCounts[index] ?? (tasks.isEmpty ? 0 : nil)
      return statistics
    }
  }

  package func exactRowCount() async throws -> Int? {
    try await planner(.everything).exactRowCount().map { Int(clamping: $0) }
  }

  /// Opens the table's files.
  var opener: DataFileOpener { DataFileOpener(store: store, footers: footers) }

  /// Whether the columns of a Parquet file can only be told by name; a file that cannot be opened is another problem.
  package func lacksFieldIDs(_ file: DataFile) -> Bool {
    guard file.format == .parquet, let opened = try? footers.open(Location(file.path), size: Int(clamping: file.fileSize)) else { return false }
    return !opened.columns.contains { StoredColumn($0).hasFieldIDs }
  }

  /// The data files that may hold rows of the current state like these.
  package func tasks(matching predicates: [Planner.ColumnPredicate]) async throws(IcebergError) -> [FileScanTask] {
    try await planner(predicate(predicates)).plan().tasks
  }

  /// Whether metadata alone says that all rows of a data file, before any deletes, satisfy all tests. SPEC "Scan Planning", strict metrics
  /// evaluation: no row of it can satisfy the opposite.
  package func satisfiesInAllRows(_ task: FileScanTask, _ predicates: [Planner.ColumnPredicate]) -> Bool {
    predicates.allSatisfy { predicate in
      guard icebergSchema.fields.indices.contains(predicate.column), let test = Self.translate(predicate.test) else { return false }
      let field = icebergSchema.fields[predicate.column]
      if let value = task.identityValues[field.id], value.type == schema.fields[predicate.column].type { return test.holds(value) }
      let others = IcebergPredicate.test(fieldID: field.id, test).opposite
      return !MetricsFilter(others.checked(icebergSchema), icebergSchema).mayMatch(
        task.file.metricsSource, recordCount: task.file.recordCount)
    }
  }

  private func planner(_ predicate: IcebergPredicate) -> ScanPlanner {
    ScanPlanner(metadata, store: store, version: version, predicate: predicate, readsDeletes: true)
  }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let plan = try await planner(predicate(request.predicates)).plan()
    return try await scan(of: plan.tasks, request) { notes(plan, $0) }
  }

  /// A scan of some data files.
  ///
  /// - Parameter notes: what EXPLAIN says, of the files that are really read.
  func scan(of planned: [FileScanTask], _ request: ScanRequest, notes: ([FileScanTask]) -> [ScanNote]) async throws -> any Scan {
    let pushed = request.predicates.compactMap { predicate -> Planner.ColumnPredicate? in
      request.columns.firstIndex(of: predicate.column).map { Planner.ColumnPredicate(column: $0, test: predicate.test) }
    }
    let hidden = IcebergHiddenColumn.of(metadata)
    let named = Set(request.columns + request.predicates.map(\.column)).filter { $0 >= schema.count }.map { hidden[$0 - schema.count] }
    let files = opener
    let modified = named.contains(.fileModifiedTime) ? try await modificationTimes(planned) : [:]
    let conditions = request.predicates.filter { $0.column >= schema.count }.compactMap { predicate in
      Self.translate(predicate.test).map { (hidden[predicate.column - schema.count], $0) }
    }
    let tasks = planned.filter { task in
      conditions.allSatisfy { column, test in
        column.value(task, modifiedMicroseconds: modified[task.file.path]).map { test.holds($0) } ?? true
      }
    }
    var deletes = try ScanDeletes(tasks, metadata, files: files)
    let columns = try ScanColumns(icebergSchema, metadata, request.columns)
    // Few files are cut at their row groups, so that all workers have something to do.
    let cutsFiles = tasks.count < 16
    let wantsAllColumns = request.limit == nil && Set(request.columns.filter { $0 < schema.count }).count == schema.count
    var splits: [IcebergSplit] = []
    for task in tasks {
      let size = Int(clamping: task.file.fileSize)
      var data = ParquetSplit(
        location: Location(task.file.path), size: size, stability: .immutable, byteCount: size,
        sources: columns.sources(task, modifiedMicroseconds: modified[task.file.path]), predicates: pushed)
      // What single columns take stands in the metrics, which are not decoded for it.
      if wantsAllColumns { data.wantedBytes = size }
      let whole = IcebergSplit(data: data, format: task.file.format, deletes: try deletes.deletes(for: task))
      splits += cutsFiles && task.file.format == .parquet ? cut(whole, at: task.file.splitOffsets) : [whole]
    }
    return IcebergScan(splits, notes: notes(tasks), files: files)
  }

  private func cut(_ whole: IcebergSplit, at offsets: [Int64]) -> [IcebergSplit] {
    // Offsets out of order are ignored (SPEC), so that no row group is read twice or lost.
    guard offsets.count > 1, zip(offsets, offsets.dropFirst()).allSatisfy({ $0 < $1 }) else { return [whole] }
    return offsets.indices.map { index in
      var split = whole
      let start = index == 0 ? 0 : Int(clamping: offsets[index])
      let end = index + 1 < offsets.count ? Int(clamping: offsets[index + 1]) : Int.max
      split.data.byteRange = start..<max(start, end)
      split.data.byteCount = whole.byteCount / offsets.count
      return split
    }
  }

  private func modificationTimes(_ tasks: [FileScanTask]) async throws -> [String: Int64] {
    try await withThrowingTaskGroup(of: (String, Int64).self) { [store] group in
      for task in tasks {
        group.addTask { (task.file.path, try await store.info(Location(task.file.path)).modifiedMicroseconds) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
  }

  /// The engine's conditions by field id; those on hidden columns only filter.
  func predicate(_ predicates: [Planner.ColumnPredicate]) -> IcebergPredicate {
    .all(
      predicates.compactMap { predicate in
        guard icebergSchema.fields.indices.contains(predicate.column) else { return nil }
        let id = icebergSchema.fields[predicate.column].id
        return Self.translate(predicate.test).map { .test(fieldID: id, $0) }
      })
  }

  private static func translate(_ test: Planner.ColumnPredicate.Test) -> IcebergPredicate.Test? {
    switch test {
    case .equal(let scalar): return .equal(scalar)
    case .notEqual(let scalar): return .notEqual(scalar)
    case .less(let scalar): return .less(scalar)
    case .lessOrEqual(let scalar): return .lessOrEqual(scalar)
    case .greater(let scalar): return .greater(scalar)
    case .greaterOrEqual(let scalar): return .greaterOrEqual(scalar)
    case .oneOf(let scalars): return .oneOf(scalars)
    case .isNull: return .isNull
    case .isNotNull: return .isNotNull
    case .startsWith(let scalar):
      guard case .bytes(let bytes) = scalar.value else { return nil }
      return .startsWith(bytes)
    }
  }

  private func notes(_ plan: ScanPlan, _ tasks: [FileScanTask]) -> [ScanNote] {
    let report = plan.report
    let deletes = Set(tasks.lazy.flatMap(\.deletes).map { [$0.file.path, $0.file.referencedDataFile ?? ""] })
    return [
      ScanNote("manifests", report.manifestCount), ScanNote("manifests skipped", report.manifestsSkipped),
      ScanNote("files read", tasks.count), ScanNote("delete files read", deletes.count),
      ScanNote("files skipped by manifest", report.filesSkippedByManifest),
      ScanNote("files skipped by partition", report.filesSkippedByPartition),
      ScanNote("files skipped by metrics", report.filesSkippedByMetrics),
      ScanNote("files skipped by hidden column", plan.tasks.count - tasks.count),
    ].filter { $0.count > 0 || $0.label == "files read" }
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    guard let writing, version == .current else {
      throw IcebergError(.unsupported, "a table opened by location, or at an older state, cannot be written")
    }
    return try await writing.beginWrite(kind, table: self)
  }
}

/// Makes the writes of a table; given by whoever holds the catalog that commits them.
package protocol IcebergWriting: Sendable {
  func beginWrite(_ kind: WriteKind, table: IcebergTable) async throws -> any TableWrite
}

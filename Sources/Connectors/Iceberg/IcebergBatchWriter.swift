import Columnar
import Iceberg
import Parquet
import Planner
import SQLSyntax
import Storage
import Synchronization

/// One worker's part of a write to an Iceberg table: splits batches by partition and writes data files.
///
/// Rows wait per partition until a row group is full; the file of a partition is opened then. When the rows that wait take more memory
/// than the worker may use, the partition with most of them is written early; when too many files are open, the one that was used longest
/// ago is closed and a later row of its partition begins another.
final class IcebergBatchWriter: BatchWriter {
  private let plan: IcebergWritePlan
  private let context: QueryContext
  private let router: PartitionRouter
  private let options: ParquetWriterOptions
  /// Whether rows that fill no row group are left for the commit, which joins those of the whole statement.
  private let leavesRows: Bool
  private let budget: Int
  private var reservation: MemoryReservation
  private var partitions: [[UInt8]: OpenPartition] = [:]
  private var waitingBytes = 0
  private var openFiles = 0
  private var clock = 0
  private var written: [DataFile] = []
  private var rowCount = 0

  /// Batches that would fall into tiny pieces wait here until there are enough of them to be split at once.
  private var staged: [Batch] = []
  private var stagedRows = 0
  private var stagedBytes = 0

  private static let maximumOpenFiles = 64
  private static let minimumPieceRows = 256
  private static let maximumStagedRows = 1 << 18

  /// - Parameter leavesRows: nil is what the plan says.
  init(_ plan: IcebergWritePlan, _ context: QueryContext, leavesRows: Bool? = nil) throws {
    self.plan = plan
    self.leavesRows = leavesRows ?? plan.joinsRows
    self.context = context
    router = try PartitionRouter(plan.metadata)
    var options = plan.options
    options.runParallel = plan.helpers.runParallel
    self.options = options
    budget = max(1 << 20, min(1 << 30, context.memory.limit / (4 * max(1, context.workerCount))))
    reservation = MemoryReservation(context.memory, holder: "writing \(plan.name)")
    plan.helpers.writerStarted()
  }

  func write(_ batch: Batch) throws {
    guard batch.count > 0 else { return }
    try plan.nulls.check(batch)
    rowCount += batch.count
    if staged.isEmpty, let pieces = router.route(batch, minimumRows: Self.minimumPieceRows) {
      try append(pieces)
    } else {
      staged.append(batch)
      stagedRows += batch.count
      stagedBytes += RowSizes.estimate(batch)
      if stagedRows >= Self.maximumStagedRows || stagedBytes >= budget / 2 { try splitStaged() }
    }
    while waitingBytes > budget || !reservation.reserve(waitingBytes + stagedBytes) {
      guard let largest = partitions.values.max(by: { $0.waitingBytes < $1.waitingBytes }), largest.waitingBytes > 0 else { break }
      try flush(largest)
    }
  }

  /// Splits the staged batches as one.
  private func splitStaged() throws {
    guard let first = staged.first else { return }
    let batch = Batch.concatenated(staged, types: first.columns.map(\.type))
    staged = []
    stagedRows = 0
    stagedBytes = 0
    try append(router.route(batch, minimumRows: 0) ?? [])
  }

  func append(_ pieces: [PartitionRouter.Piece]) throws {
    for piece in pieces {
      let partition: OpenPartition
      if let known = partitions[piece.key] {
        partition = known
      } else {
        partition = OpenPartition(key: piece.key, values: piece.values)
        partitions[piece.key] = partition
      }
      try append(piece.batch, to: partition)
    }
  }

  /// Cut where a row group is full: files end between row groups only.
  private func append(_ batch: Batch, to partition: OpenPartition) throws {
    var rest = batch
    while rest.count > 0 {
      let perRow = max(1, RowSizes.estimate(rest) / rest.count)
      let room = min(options.rowGroupRows - partition.waitingRows, max(1, (options.rowGroupBytes - partition.waitingBytes) / perRow))
      let piece = rest.count <= room ? rest : rest.slice(0, room)
      waitingBytes += partition.append(piece)
      rest = rest.slice(piece.count, rest.count - piece.count)
      if partition.waitingRows >= options.rowGroupRows || partition.waitingBytes >= options.rowGroupBytes { try flush(partition) }
    }
  }

  func finish() throws -> any WrittenFiles { try finishFiles() }

  func finishFiles() throws -> IcebergWrittenFiles {
    try splitStaged()
    reservation.trim(to: waitingBytes)
    // What runs until the commit must not lack the memory.
    let leavesRows = leavesRows && context.memory.used <= context.memory.limit / 2
    var left: [WaitingRows.Partition] = []
    var leftBytes = 0
    // In the order of keys, so that the same rows give the same files.
    for partition in partitions.values.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      try context.cancellation.check()
      if leavesRows, partition.file == nil, partition.waitingRows > 0 {
        leftBytes += partition.waitingBytes
        left.append(WaitingRows.Partition(key: partition.key, values: partition.values, batches: partition.takeAll()))
        continue
      }
      try flush(partition)
      try close(partition)
    }
    partitions = [:]
    plan.helpers.writerFinished()
    guard !left.isEmpty else {
      reservation.release()
      return IcebergWrittenFiles(files: written, rowCount: rowCount)
    }
    var held = MemoryReservation(context.memory, holder: reservation.holder)
    swap(&held, &reservation)
    held.trim(to: leftBytes)
    return IcebergWrittenFiles(files: written, rowCount: rowCount, waiting: WaitingRows(left, context, held))
  }

  /// Finished files are known to the plan, whose `abort` removes them.
  func abort() {
    for partition in partitions.values { partition.file?.sink.abort() }
    partitions = [:]
    staged = []
    reservation.release()
    plan.helpers.writerFinished()
  }

  // MARK: Files

  /// Writes the waiting rows of a partition as a row group.
  private func flush(_ partition: OpenPartition) throws {
    guard partition.waitingRows > 0 else { return }
    let file = try partition.file ?? open(partition)
    clock += 1
    partition.lastUse = clock
    waitingBytes -= partition.waitingBytes
    let before = file.writer.byteCount
    for batch in partition.takeAll() {
      try file.writer.write(plan.storedColumns.map { Batch(columns: $0.map { batch.columns[$0] }, count: batch.count) } ?? batch)
    }
    try file.writer.flush()
    context.progress.bytesWritten.add(file.writer.byteCount - before, ordering: .relaxed)
    if file.writer.byteCount >= plan.targetFileSize { try close(partition) }
  }

  private func open(_ partition: OpenPartition) throws -> OpenFile {
    if openFiles >= Self.maximumOpenFiles,
      let oldest = partitions.values.filter({ $0.file != nil }).min(by: { $0.lastUse < $1.lastUse })
    {
      try close(oldest)
    }
    let location = plan.paths.next(partition.values)
    let sink = try plan.store.openWriter(location, if: .ifAbsent, .synced)
    let file = OpenFile(location: location, sink: sink, writer: try ParquetWriter(plan.fileSchema, to: sink, options: options))
    partition.file = file
    openFiles += 1
    return file
  }

  private func close(_ partition: OpenPartition) throws {
    guard let file = partition.file else { return }
    partition.file = nil
    openFiles -= 1
    do {
      let description = try file.writer.finish()
      try plan.publish(file.sink, at: file.location)
      written.append(
        DataFile(
          description, path: file.location.text, schema: plan.metadata.schema, specID: plan.metadata.defaultSpecID,
          partition: partition.values, sortOrderID: plan.sortOrderID, metrics: plan.metrics))
    } catch {
      file.sink.abort()
      throw error
    }
  }

  private struct OpenFile {
    let location: Location
    let sink: any ObjectWriter
    let writer: ParquetWriter
  }

  /// A partition with rows that wait for their row group, and its file once it is open.
  private final class OpenPartition {
    let key: [UInt8]
    let values: [Scalar]
    var file: OpenFile?
    var lastUse = 0
    private(set) var waitingRows = 0
    private(set) var waitingBytes = 0
    private var waiting: [Batch] = []
    private var smallPieces = 0

    /// Pieces below this are joined once there are many of them: each has buffers of its own for every column.
    private static let smallPieceRows = 4_096
    private static let maximumSmallPieces = 64
    /// Memory of a column's buffers beside the values.
    private static let bufferOverhead = 160

    init(key: [UInt8], values: [Scalar]) {
      self.key = key
      self.values = values
    }

    /// - Returns: how many bytes more wait.
    func append(_ batch: Batch) -> Int {
      let before = waitingBytes
      waiting.append(batch)
      waitingRows += batch.count
      waitingBytes += RowSizes.estimate(batch) + batch.columns.count * Self.bufferOverhead
      if batch.count < Self.smallPieceRows { smallPieces += 1 }
      if smallPieces >= Self.maximumSmallPieces { joinSmallPieces() }
      return waitingBytes - before
    }

    private func joinSmallPieces() {
      // Rows keep their order: only the run of small pieces at the end is joined.
      let start = (waiting.lastIndex { $0.count >= Self.smallPieceRows } ?? -1) + 1
      let pieces = Array(waiting[start...])
      let types = pieces[0].columns.map(\.type)
      waiting.removeSubrange(start...)
      let joined = Batch.concatenated(pieces, types: types).compacted()
      waiting.append(joined)
      smallPieces = joined.count < Self.smallPieceRows ? 1 : 0
      waitingBytes = waiting.reduce(0) { $0 + RowSizes.estimate($1) + $1.columns.count * Self.bufferOverhead }
    }

    func takeAll() -> [Batch] {
      defer {
        waiting = []
        waitingRows = 0
        waitingBytes = 0
        smallPieces = 0
      }
      return waiting
    }
  }
}

/// What one worker wrote.
struct IcebergWrittenFiles: WrittenFiles {
  let files: [DataFile]
  let rowCount: Int
  /// What it left for the commit: see `IcebergWritePlan.files(of:)`.
  var waiting: WaitingRows?
}

package import Columnar
import Compression
package import Storage
import Synchronization

/// What was written, with the numbers an Iceberg manifest wants.
package struct WrittenParquetFile: Sendable {
  package var rowCount: Int
  package var byteCount: Int
  /// Where the row groups begin.
  package var splitOffsets: [Int64]
  package var leaves: [LeafMetrics]

  package struct LeafMetrics: Sendable {
    package var path: [String]
    package var fieldID: Int32?
    package var type: SQLType
    /// Nulls included.
    package var valueCount: Int
    package var nullCount: Int
    package var nanCount: Int
    /// Whole, not cut; nil when there is no value but NULL and NaN.
    package var lower: Scalar?
    package var upper: Scalar?
    package var compressedByteCount: Int
  }
}

/// Writes batches as a Parquet file into an `ObjectWriter`, which the caller finishes or aborts afterwards.
///
/// Rows are gathered until a row group is full, then written column after column; with `options.runParallel` the columns of a
/// row group are encoded by several threads. For one thread at a time.
package final class ParquetWriter {
  private let sink: any ObjectWriter
  private let options: ParquetWriterOptions
  private let schema: WriterSchema
  private let types: [SQLType]
  private let footer: FooterWriter
  private let pool: EncoderPool
  private let startOffset: Int

  private var pending: [Batch] = []
  private var pendingRows = 0
  private var pendingBytes = 0
  private var groups: [WrittenRowGroup] = []
  private var isFinished = false

  /// Columns encoded before their bytes go out: bounds the memory of wide row groups.
  private static let blockSize = 64

  package init(_ fields: Schema, to sink: any ObjectWriter, options: ParquetWriterOptions = ParquetWriterOptions())
    throws(ParquetError)
  {
    self.sink = sink
    self.options = options
    guard options.codec.isSupported, options.codec != .deflate else {
      throw .unsupported("Parquet files cannot be written with the compression \(options.codec)")
    }
    guard options.rowGroupRows > 0, options.rowGroupBytes > 0, options.pageRows > 0, options.pageBytes > 0,
      options.pageBytes <= 1 << 30, options.rowGroupRows <= 1 << 31
    else { throw .invalidRequest("row group and page sizes must be positive") }
    schema = try WriterSchema(fields, rootName: options.rootName, fixedLengths: options.fixedLengths)
    types = fields.types
    footer = FooterWriter(schema: schema, options: options)
    pool = EncoderPool(options.codec, options.compressionLevel)
    startOffset = sink.byteCount
    try append(Array("PAR1".utf8))
  }

  /// Bytes written so far; rows that still wait are in `pendingByteCount`.
  package var byteCount: Int { sink.byteCount - startOffset }
  /// About the uncompressed bytes of the rows not yet written.
  package var pendingByteCount: Int { pendingBytes }
  package var rowCount: Int { groups.reduce(pendingRows) { $0 + $1.rowCount } }

  private func append(_ bytes: [UInt8]) throws(ParquetError) {
    do throws(StorageError) { try sink.append(bytes) } catch { throw ParquetError(storage: error) }
  }

  private func append(_ bytes: UnsafeRawBufferPointer) throws(ParquetError) {
    do throws(StorageError) { try sink.append(bytes) } catch { throw ParquetError(storage: error) }
  }

  // MARK: Rows

  /// Appends rows; the columns have the schema's types. The batch is held, not copied, until its row group is written.
  package func write(_ batch: Batch) throws(ParquetError) {
    try check(batch.columns, batch.count)
    var rest = batch
    while rest.count > 0 {
      let bytes = RowSizes.estimate(rest)
      let perRow = max(1, bytes / rest.count)
      let room = min(options.rowGroupRows - pendingRows, max(1, (options.rowGroupBytes - pendingBytes) / perRow))
      if rest.count <= room {
        pending.append(rest)
        pendingRows += rest.count
        pendingBytes += bytes
        rest = rest.slice(0, 0)
      } else {
        pending.append(rest.slice(0, room))
        pendingRows += room
        pendingBytes += room * perRow
        rest = rest.slice(room, rest.count - room)
      }
      if pendingRows >= options.rowGroupRows || pendingBytes >= options.rowGroupBytes { try flush() }
    }
  }

  /// Writes whole columns as one row group of their own, however large.
  package func writeRowGroup(columns: [Column], rowCount: Int) throws(ParquetError) {
    try flush()
    try check(columns, rowCount)
    guard rowCount > 0 else { return }
    pending = [Batch(columns: columns, count: rowCount)]
    pendingRows = rowCount
    try flush()
  }

  private func check(_ columns: [Column], _ rowCount: Int) throws(ParquetError) {
    guard !isFinished else { throw .invalidRequest("the file is finished") }
    guard columns.count == types.count else {
      throw .invalidRequest("\(columns.count) columns given, the file has \(types.count)")
    }
    for (column, type) in zip(columns, types) {
      guard column.count == rowCount, column.type.physical == type.physical else {
        throw .invalidRequest("a column of \(column.count) rows and type \(column.type), where \(rowCount) of \(type) are due")
      }
    }
  }

  /// Writes the waiting rows as a row group.
  package func flush() throws(ParquetError) {
    guard pendingRows > 0 else { return }
    let batches = pending
    let rowCount = pendingRows
    pending = []
    pendingRows = 0
    pendingBytes = 0
    var group = WrittenRowGroup(rowCount: rowCount, offset: sink.byteCount - startOffset, chunks: [])
    group.chunks.reserveCapacity(schema.leaves.count)
    var first = 0
    while first < schema.columns.count {
      let end = min(schema.columns.count, first + Self.blockSize)
      for result in encode(first..<end, batches, rowCount) {
        for chunk in try result.get() { try append(chunk, to: &group) }
      }
      first = end
    }
    groups.append(group)
  }

  /// Encodes some top-level columns, in parallel if there are threads for it.
  private func encode(_ columns: Range<Int>, _ batches: [Batch], _ rowCount: Int) -> [Result<[EncodedChunk], ParquetError>] {
    let schema = self.schema
    let options = self.options
    let pool = self.pool
    @Sendable func encodeColumn(_ index: Int) -> Result<[EncodedChunk], ParquetError> {
      Result { () throws(ParquetError) in
        do throws(ParquetError) {
          return try Self.encode(schema.columns[index], index, batches, rowCount, options, pool)
        } catch {
          throw error.located(column: schema.columns[index].name)
        }
      }
    }
    guard let runParallel = options.runParallel, columns.count > 1 else { return columns.map(encodeColumn) }
    let results = Mutex<[Result<[EncodedChunk], ParquetError>?]>(Array(repeating: nil, count: columns.count))
    runParallel(columns.count) { position in
      let result = encodeColumn(columns.lowerBound + position)
      let transfer = UncheckedTransfer(result)
      results.withLock { $0[position] = transfer.value }
    }
    return results.withLock { UncheckedTransfer($0.map { $0 ?? .failure(.invalidRequest("a column was not encoded")) }) }.value
  }

  private static func encode(
    _ node: WriterNode, _ index: Int, _ batches: [Batch], _ rowCount: Int, _ options: ParquetWriterOptions,
    _ pool: EncoderPool
  ) throws(ParquetError) -> [EncodedChunk] {
    var pieces: [[LeafPiece]] = node.leaves.map { _ in [] }
    let firstLeaf = node.leaves.first?.index ?? 0
    for batch in batches {
      var shredder = Shredder()
      try shredder.shred(node, batch.columns[index])
      for (leaf, piece) in shredder.pieces { pieces[leaf - firstLeaf].append(piece) }
    }
    let tools = try pool.takeTools()
    defer { pool.giveBack(tools) }
    var chunks: [EncodedChunk] = []
    for (position, leaf) in node.leaves.enumerated() {
      var encoder = ColumnChunkEncoder(leaf, options: options, tools: tools, output: pool.takeBuffer())
      chunks.append(try encoder.encode(pieces[position], rowCount: rowCount))
      pieces[position] = []
    }
    return chunks
  }

  private func append(_ chunk: EncodedChunk, to group: inout WrittenRowGroup) throws(ParquetError) {
    var written = WrittenChunk(chunk: chunk, offset: sink.byteCount - startOffset, compressedSize: chunk.byteCount)
    guard let output = chunk.output else { return }
    try append(output.bytes)
    // The bytes are out; only the numbers are kept.
    written.chunk.output = nil
    pool.giveBack(output)
    group.chunks.append(written)
  }

  /// Behind all row groups, those of one column side by side: whoever looks for a value reads them in one go.
  private func appendBloomFilters() throws(ParquetError) {
    for index in schema.leaves.indices {
      for group in groups.indices {
        guard let filter = groups[group].chunks[index].chunk.bloomFilter else { continue }
        let header = filter.header
        groups[group].chunks[index].bloomFilterOffset = sink.byteCount - startOffset
        groups[group].chunks[index].bloomFilterLength = header.count + filter.bytes.count
        try append(header)
        try append(filter.bytes)
        groups[group].chunks[index].chunk.bloomFilter = nil
      }
    }
  }

  // MARK: End

  /// Writes the waiting rows, the Bloom filters, the page indexes and the footer. The sink is left to its owner to finish.
  package func finish() throws(ParquetError) -> WrittenParquetFile {
    try flush()
    guard !isFinished else { throw .invalidRequest("the file is finished already") }
    isFinished = true
    try appendBloomFilters()
    for group in groups.indices {
      for index in groups[group].chunks.indices {
        guard let bytes = footer.columnIndex(groups[group].chunks[index].chunk) else { continue }
        groups[group].chunks[index].columnIndex = (sink.byteCount - startOffset, bytes.count)
        try append(bytes)
      }
    }
    for group in groups.indices {
      for index in groups[group].chunks.indices {
        guard let bytes = footer.offsetIndex(groups[group].chunks[index]) else { continue }
        groups[group].chunks[index].offsetIndex = (sink.byteCount - startOffset, bytes.count)
        try append(bytes)
      }
    }
    let bytes = footer.footer(groups)
    guard let length = UInt32(exactly: bytes.count) else { throw .unsupported("a footer of \(bytes.count) bytes") }
    try append(bytes)
    try append((0..<4).map { UInt8(truncatingIfNeeded: length >> UInt32(8 * $0)) } + Array("PAR1".utf8))
    return summary()
  }

  private func summary() -> WrittenParquetFile {
    var leaves: [WrittenParquetFile.LeafMetrics] = []
    for leaf in schema.leaves {
      var statistics = ValueStatistics()
      var byteCount = 0
      for group in groups {
        statistics.merge(group.chunks[leaf.index].chunk.statistics)
        byteCount += group.chunks[leaf.index].compressedSize
      }
      func scalar(_ value: ScalarValue?) -> Scalar? {
        guard let value else { return nil }
        if case .timestampTZ = leaf.type, case .int(let instant) = value {
          return Scalar(leaf.type, .timestampTZ(TimestampTZ(instant: instant)))
        }
        return Scalar(leaf.type, value)
      }
      leaves.append(
        WrittenParquetFile.LeafMetrics(
          path: leaf.path, fieldID: leaf.fieldID, type: leaf.type, valueCount: statistics.entryCount,
          nullCount: statistics.nullCount, nanCount: statistics.nanCount, lower: scalar(statistics.minimum),
          upper: scalar(statistics.maximum), compressedByteCount: byteCount))
    }
    return WrittenParquetFile(
      rowCount: groups.reduce(0) { $0 + $1.rowCount }, byteCount: byteCount,
      splitOffsets: groups.map { Int64($0.offset) }, leaves: leaves)
  }
}

extension WriterNode {
  /// The leaves below, in file order.
  var leaves: [WrittenLeaf] {
    switch shape {
    case .leaf(let leaf): [leaf]
    case .list(let element): element.leaves
    case .map(let key, let value): key.leaves + value.leaves
    case .row(let fields): fields.flatMap(\.leaves)
    }
  }
}

/// A value made by one thread and read by another after the first is done with it.
// SAFETY: encoded chunks are handed over whole; the encoding thread keeps no reference.
private struct UncheckedTransfer<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// Compressors and buffers that wait for the next column: they are large.
// SAFETY: what lies in the lists is used by nobody; a thread that takes something out uses it alone until it gives it back.
private final class EncoderPool: Sendable {
  private struct Idle: @unchecked Sendable {
    var tools: [EncoderTools] = []
    var buffers: [OutputBuffer] = []
  }

  private let codec: Codec
  private let level: Int?
  private let idle = Mutex(Idle())

  init(_ codec: Codec, _ level: Int?) {
    self.codec = codec
    self.level = level
  }

  func takeTools() throws(ParquetError) -> EncoderTools {
    if let waiting = idle.withLock({ UncheckedTransfer($0.tools.popLast()) }).value { return waiting }
    do throws(CompressionError) { return EncoderTools(try Compressor(codec, level: level)) } catch {
      throw ParquetError(.unsupported, "\(error)")
    }
  }

  func giveBack(_ tools: EncoderTools) {
    let transfer = UncheckedTransfer(tools)
    idle.withLock { $0.tools.append(transfer.value) }
  }

  func takeBuffer() -> OutputBuffer {
    idle.withLock { UncheckedTransfer($0.buffers.popLast()) }.value ?? OutputBuffer(capacity: 1 << 14)
  }

  func giveBack(_ buffer: OutputBuffer) {
    buffer.clear()
    let transfer = UncheckedTransfer(buffer)
    idle.withLock { $0.buffers.append(transfer.value) }
  }
}

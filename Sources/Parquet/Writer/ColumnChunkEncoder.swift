import Columnar
import Compression

#if canImport(Glibc)
  import Glibc
#endif

/// One column chunk, encoded and compressed; offsets count from its first byte.
struct EncodedChunk {
  struct Page {
    var offset: Int
    /// Header included.
    var compressedSize: Int
    var firstRow: Int
    var statistics: ValueStatistics
  }

  let leaf: WrittenLeaf
  /// nil once the bytes are written.
  var output: OutputBuffer?
  var codec: Codec
  var byteCount = 0
  var rowCount = 0
  var uncompressedSize = 0
  var hasDictionary = false
  /// Offset of the first data page.
  var dataOffset = 0
  var dictionaryPages = 0
  var plainPages = 0
  var pages: [Page] = []
  var statistics = ValueStatistics()
  var bloomFilter: BloomFilter?
}

/// Encodes the rows of a row group for one leaf. Used by one thread; chunks are independent of each other.
struct ColumnChunkEncoder {
  private let leaf: WrittenLeaf
  private let options: ParquetWriterOptions
  private let tools: EncoderTools
  private let output: OutputBuffer
  private let plain: PlainEncoder
  private let physical: PhysicalType

  private var chunk: EncodedChunk
  /// Whether pages are compressed; settled by the first pages.
  private var isCompressing: Bool
  /// The page being made, before and after compression.
  private var body: OutputBuffer { tools.body }
  private var compressed: OutputBuffer { tools.compressed }

  // The chunk's levels and values, put together from its pieces.
  private var entryCount = 0
  private var definition: Buffer?
  private var repetition: Buffer?
  private var values: [Column] = []
  private var valueCount = 0
  /// Values side by side, made when a plain page is due.
  private var contiguous: (base: UnsafeRawPointer, owner: FlatVector)?
  private var dictionary: DictionaryBuilder?
  private var ids = Buffer(byteCount: 0)
  /// Values that have ids; the others do not fit the dictionary.
  private var idCount = 0

  init(_ leaf: WrittenLeaf, options: ParquetWriterOptions, tools: EncoderTools, output: OutputBuffer) {
    self.leaf = leaf
    self.options = options
    self.tools = tools
    self.output = output
    isCompressing = options.codec != .uncompressed
    plain = PlainEncoder(leaf)
    physical = leaf.type.physical == .timestampTZ ? .int64 : leaf.type.physical
    chunk = EncodedChunk(leaf: leaf, output: output, codec: options.codec)
  }

  mutating func encode(_ pieces: [LeafPiece], rowCount: Int) throws(ParquetError) -> EncodedChunk {
    chunk.rowCount = rowCount
    join(pieces)
    if options.usesDictionary { buildDictionary() }
    if isCompressing { try judgeCompression() }
    if let dictionary, idCount > 0 { try writeDictionaryPage(dictionary) }
    chunk.dataOffset = output.count
    try writePages()
    chunk.byteCount = output.count
    if options.bloomFilterPaths.contains(leaf.dottedPath) { try buildBloomFilter() }
    return chunk
  }

  // MARK: Putting together

  private mutating func join(_ pieces: [LeafPiece]) {
    entryCount = pieces.reduce(0) { $0 + $1.count }
    definition = joined(pieces, fill: UInt8(truncatingIfNeeded: leaf.maxDefinition)) { $0.definition }
    repetition = joined(pieces, fill: 0) { $0.repetition }
    values = pieces.map(\.values).filter { $0.count > 0 }
    valueCount = values.reduce(0) { $0 + $1.count }
  }

  private func joined(_ pieces: [LeafPiece], fill: UInt8, _ part: (LeafPiece) -> Buffer?) -> Buffer? {
    guard pieces.contains(where: { part($0) != nil }) else { return nil }
    if pieces.count == 1 { return part(pieces[0]) }
    let whole = Buffer(byteCount: entryCount)
    var position = 0
    for piece in pieces {
      if let levels = part(piece) {
        memcpy(whole.base + position, levels.base, piece.count)
      } else {
        memset(whole.base + position, Int32(fill), piece.count)
      }
      position &+= piece.count
    }
    return whole
  }

  /// The values of all pieces in one place; columns that are flat and alone stay where they are.
  private mutating func contiguousValues() -> UnsafeRawPointer {
    if let contiguous { return contiguous.base }
    let width = plain.width
    if values.count == 1, case .flat(let vector) = values[0].encoding {
      contiguous = (UnsafeRawPointer(vector.values.base), vector)
      return UnsafeRawPointer(vector.values.base)
    }
    let whole = Buffer(byteCount: valueCount &* width)
    var position = 0
    for index in values.indices {
      // Flattened columns share their strings with the originals, which `values` keeps.
      let vector = values[index].flattened().flat
      memcpy(whole.base + position, vector.values.base, values[index].count &* width)
      position &+= values[index].count &* width
    }
    contiguous = (UnsafeRawPointer(whole.base), FlatVector(values: BufferSlice(whole)))
    return UnsafeRawPointer(whole.base)
  }

  private mutating func buildDictionary() {
    guard valueCount > 0, leaf.kind != .boolean, leaf.form != .null else { return }
    let storedWidth = max(1, plain.storedWidth)
    guard
      DictionaryBuilder.looksWorthwhile(
        values, physical: physical, storedWidth: storedWidth, byteLimit: options.dictionaryBytes)
    else { return }
    var builder = DictionaryBuilder(physical: physical, storedWidth: storedWidth, byteLimit: options.dictionaryBytes)
    ids = Buffer(byteCount: valueCount &* 4)
    let target = ids.base.assumingMemoryBound(to: UInt32.self)
    for column in values {
      let done = builder.add(column, into: target + idCount)
      idCount &+= done
      if done < column.count { break }
    }
    // A dictionary that was full early, or has hardly fewer entries than there are values, only costs.
    if idCount &* 4 < valueCount || builder.count &* 4 > idCount &* 3 && builder.count > 64 {
      idCount = 0
      return
    }
    dictionary = builder
  }

  private mutating func writeDictionaryPage(_ dictionary: DictionaryBuilder) throws(ParquetError) {
    body.clear()
    try plain.append(dictionary.entries.base, dictionary.count, into: body)
    let bytes = try compress(body.bytes)
    var header = CompactWriter()
    header.structureElement { page in
      page.int32(1, PageHeader.Kind.dictionary.rawValue)
      page.int32(2, Int32(truncatingIfNeeded: body.count))
      page.int32(3, Int32(truncatingIfNeeded: bytes.count))
      if options.writesChecksums { page.int32(4, Int32(bitPattern: Checksum.crc32(bytes))) }
      page.structure(7) { dictionaryHeader in
        dictionaryHeader.int32(1, Int32(truncatingIfNeeded: dictionary.count))
        dictionaryHeader.int32(2, PageEncoding.plain.rawValue)
      }
    }
    append(header.bytes, bytes, uncompressed: body.count)
    chunk.hasDictionary = true
  }

  /// Compresses some values from the middle; if that saves next to nothing, the whole chunk stays uncompressed.
  private mutating func judgeCompression() throws(ParquetError) {
    let sampleCount = 8_192
    guard options.minimumSaving > 0, valueCount >= 4 &* sampleCount, leaf.form != .null else { return }
    let saving: Double
    if let dictionary, idCount == valueCount {
      // Ids and entries weigh as much as they will take in the file.
      let width = max(1, PageLoader.bitWidth(dictionary.count &- 1))
      let idBytes = Double(valueCount &* width / 8)
      let entryCount = min(dictionary.count, 1_024)
      let ids = try savedShare { encoder throws(ParquetError) in
        encoder.appendIDs(encoder.valueCount / 2, sampleCount)
      }
      let entries = try savedShare { encoder throws(ParquetError) in
        try encoder.plain.append(
          dictionary.entries.base + (dictionary.count &- entryCount) / 2 &* encoder.plain.width, entryCount, into: encoder.body)
      }
      saving =
        (ids * idBytes + entries * Double(dictionary.storedBytes)) / (idBytes + Double(dictionary.storedBytes))
    } else if idCount == 0 {
      saving = try savedShare { encoder throws(ParquetError) in
        try encoder.plain.append(
          encoder.contiguousValues() + encoder.valueCount / 2 &* encoder.plain.width, sampleCount, into: encoder.body)
      }
    } else {
      return
    }
    if saving < options.minimumSaving {
      isCompressing = false
      chunk.codec = .uncompressed
    }
  }

  /// The part of what `fill` appends to `body` that compression saves.
  private mutating func savedShare(_ fill: (inout ColumnChunkEncoder) throws(ParquetError) -> Void) throws(ParquetError) -> Double {
    body.clear()
    try fill(&self)
    guard body.count > 0 else { return 0 }
    return 1 - Double(try compress(body.bytes).count) / Double(body.count)
  }

  /// Bytes compressed with the file's codec, in memory that stays until the next call.
  private func compress(_ bytes: UnsafeRawBufferPointer) throws(ParquetError) -> UnsafeRawBufferPointer {
    guard bytes.count <= Int(Int32.max) else { throw .unsupported("a page of \(bytes.count) bytes") }
    guard isCompressing else { return bytes }
    compressed.clear()
    do throws(CompressionError) {
      let bound = try tools.compressor.bound(bytes.count)
      let target = UnsafeMutableRawBufferPointer(start: compressed.reserve(bound), count: bound)
      compressed.commit(try tools.compressor.compress(bytes, into: target))
    } catch {
      throw ParquetError(.inputOutput, "a page could not be compressed: \(error)", column: leaf.dottedPath)
    }
    return compressed.bytes
  }

  private mutating func append(_ header: [UInt8], _ bytes: UnsafeRawBufferPointer, uncompressed: Int) {
    output.append(header)
    if let base = bytes.baseAddress { output.append(base, count: bytes.count) }
    chunk.uncompressedSize &+= header.count &+ uncompressed
  }

  // MARK: Data pages

  /// Where a page ends: entries, rows and present values from its start.
  private struct Extent {
    var entries = 0
    var rows = 0
    var values = 0
  }

  private mutating func writePages() throws(ParquetError) {
    var entry = 0
    var value = 0
    var row = 0
    var usesIDs = idCount > 0
    while entry < entryCount {
      var extent = pageExtent(entry, value, usesIDs: usesIDs)
      if usesIDs && extent.entries == 0 {
        // The next record has values that the dictionary lacks.
        usesIDs = false
        extent = pageExtent(entry, value, usesIDs: false)
      }
      try writePage(entry, value, row, extent, usesIDs: usesIDs)
      entry &+= extent.entries
      value &+= extent.values
      row &+= extent.rows
    }
  }

  private mutating func pageExtent(_ entry: Int, _ value: Int, usesIDs: Bool) -> Extent {
    let maxDefinition = UInt8(truncatingIfNeeded: leaf.maxDefinition)
    let isFixed = plain.storedWidth > 0 || leaf.kind == .boolean || usesIDs
    let marks = definition.map { UnsafePointer($0.base.assumingMemoryBound(to: UInt8.self)) }
    let valueLimit = usesIDs ? idCount &- value : Int.max
    if repetition == nil && isFixed {
      // Rows of one width: no need to walk.
      let width = usesIDs ? 4 : max(1, plain.storedWidth)
      let rows = min(entryCount &- entry, min(options.pageRows, max(1, options.pageBytes / width)))
      var present = rows
      if let marks {
        present = 0
        for index in entry..<entry &+ rows where marks[index] == maxDefinition { present &+= 1 }
      }
      if present <= valueLimit { return Extent(entries: rows, rows: rows, values: present) }
    }
    let starts = repetition.map { UnsafePointer($0.base.assumingMemoryBound(to: UInt8.self)) }
    let views: UnsafePointer<StringView>? =
      leaf.form == .byteArray && !usesIDs ? contiguousValues().assumingMemoryBound(to: StringView.self) : nil
    var extent = Extent()
    /// The extent at the last border between rows.
    var whole = Extent()
    var bytes = 0
    while true {
      let index = entry &+ extent.entries
      let isEnd = index == entryCount
      if isEnd || starts.map({ $0[index] == 0 }) ?? true {
        whole = extent
        if isEnd || extent.rows >= options.pageRows || bytes >= options.pageBytes { return whole }
        extent.rows &+= 1
      }
      if marks.map({ $0[index] == maxDefinition }) ?? true {
        if extent.values == valueLimit { return whole }
        bytes &+= views.map { $0[value &+ extent.values].count &+ 4 } ?? max(1, plain.storedWidth)
        extent.values &+= 1
      }
      extent.entries &+= 1
    }
  }

  private mutating func writePage(_ entry: Int, _ value: Int, _ row: Int, _ extent: Extent, usesIDs: Bool)
    throws(ParquetError)
  {
    var statistics = ValueStatistics(entryCount: extent.entries, nullCount: extent.entries &- extent.values)
    body.clear()
    let repetitionCount = appendLevels(repetition, entry, extent.entries, max: leaf.maxRepetition, fill: 0)
    let definitionCount = appendLevels(
      definition, entry, extent.entries, max: leaf.maxDefinition, fill: UInt8(truncatingIfNeeded: leaf.maxDefinition))
    let levelCount = body.count
    /// Values that are compressed from where they lie.
    var direct: UnsafeRawBufferPointer?
    if usesIDs {
      appendIDs(value, extent.values)
      if options.writesStatistics { scanIDs(value, extent.values, into: &statistics) }
    } else if leaf.form != .null {
      let start = contiguousValues() + value &* plain.width
      if plain.isCopy && (levelCount == 0 || options.usesDataPageV2) {
        direct = UnsafeRawBufferPointer(start: start, count: extent.values &* plain.width)
      } else {
        try plain.append(start, extent.values, into: body)
      }
      if options.writesStatistics { BoundsScan.scan(start, extent.values, physical, into: &statistics) }
    }
    let valueBytes: UnsafeRawBufferPointer =
      direct ?? UnsafeRawBufferPointer(rebasing: body.bytes[(options.usesDataPageV2 ? levelCount : 0)...])
    let stored = try compress(valueBytes)
    let encoding = usesIDs ? PageEncoding.rleDictionary : .plain
    let uncompressedSize = valueBytes.count &+ (options.usesDataPageV2 ? levelCount : 0)
    let offset = output.count
    let header = pageHeader(
      extent, encoding, uncompressedSize: uncompressedSize, stored: stored, levelCount: levelCount,
      repetitionCount: repetitionCount, definitionCount: definitionCount)
    output.append(header)
    if options.usesDataPageV2, levelCount > 0, let levels = body.bytes.baseAddress {
      output.append(levels, count: levelCount)
    }
    if let base = stored.baseAddress { output.append(base, count: stored.count) }
    chunk.uncompressedSize &+= header.count &+ uncompressedSize
    chunk.pages.append(
      EncodedChunk.Page(
        offset: offset, compressedSize: output.count &- offset, firstRow: row, statistics: statistics))
    chunk.statistics.merge(statistics)
    if usesIDs { chunk.dictionaryPages &+= 1 } else { chunk.plainPages &+= 1 }
  }

  private func pageHeader(
    _ extent: Extent, _ encoding: PageEncoding, uncompressedSize: Int, stored: UnsafeRawBufferPointer, levelCount: Int,
    repetitionCount: Int, definitionCount: Int
  ) -> [UInt8] {
    var writer = CompactWriter()
    let isV2 = options.usesDataPageV2
    writer.structureElement { page in
      page.int32(1, (isV2 ? PageHeader.Kind.dataV2 : .data).rawValue)
      page.int32(2, Int32(truncatingIfNeeded: uncompressedSize))
      page.int32(3, Int32(truncatingIfNeeded: stored.count &+ (isV2 ? levelCount : 0)))
      if options.writesChecksums {
        var checksum: UInt32 = 0
        if isV2 { checksum = Checksum.crc32(UnsafeRawBufferPointer(rebasing: body.bytes[..<levelCount])) }
        page.int32(4, Int32(bitPattern: Checksum.crc32(stored, seed: checksum)))
      }
      if isV2 {
        page.structure(8) { data in
          data.int32(1, Int32(truncatingIfNeeded: extent.entries))
          data.int32(2, Int32(truncatingIfNeeded: extent.entries &- extent.values))
          data.int32(3, Int32(truncatingIfNeeded: extent.rows))
          data.int32(4, encoding.rawValue)
          data.int32(5, Int32(truncatingIfNeeded: definitionCount))
          data.int32(6, Int32(truncatingIfNeeded: repetitionCount))
          data.boolean(7, isCompressing)
        }
      } else {
        page.structure(5) { data in
          data.int32(1, Int32(truncatingIfNeeded: extent.entries))
          data.int32(2, encoding.rawValue)
          data.int32(3, PageEncoding.rle.rawValue)
          data.int32(4, PageEncoding.rle.rawValue)
        }
      }
    }
    return writer.bytes
  }

  /// Appends a level section; v1 pages put its length before it. Returns its bytes without the length.
  private func appendLevels(_ levels: Buffer?, _ entry: Int, _ count: Int, max: Int, fill: UInt8) -> Int {
    guard max > 0 else { return 0 }
    let start = body.count
    if !options.usesDataPageV2 { body.append(littleEndian: UInt32(0)) }
    let content = body.count
    let width = PageLoader.bitWidth(max)
    if let levels {
      let values = levels.base.assumingMemoryBound(to: UInt8.self) + entry
      if width == 1 {
        RunLengthEncoder.encodeBits(values, count: count, into: body)
      } else {
        RunLengthEncoder.encode(values, count: count, width: width, into: body)
      }
    } else {
      RunLengthEncoder.repeated(UInt32(fill), count, width, body)
    }
    let byteCount = body.count &- content
    if !options.usesDataPageV2 { body.store(UInt32(truncatingIfNeeded: byteCount), at: start) }
    return byteCount
  }

  private func appendIDs(_ value: Int, _ count: Int) {
    guard let dictionary else { return }
    // A width of 0 would be legal for one entry, but some readers dislike it.
    let width = max(1, PageLoader.bitWidth(dictionary.count &- 1))
    body.append([UInt8(truncatingIfNeeded: width)])
    RunLengthEncoder.encode(ids.base.assumingMemoryBound(to: UInt32.self) + value, count: count, width: width, into: body)
  }

  /// Bounds of the entries a page refers to.
  private func scanIDs(_ value: Int, _ count: Int, into statistics: inout ValueStatistics) {
    guard let dictionary, count > 0 else { return }
    let ids = ids.base.assumingMemoryBound(to: UInt32.self) + value
    let width = physical.byteWidth
    let isFloating = physical == .double || physical == .float
    if dictionary.count >= count || isFloating {
      // As many entries as rows, or NaN to be counted: look at the values themselves.
      let gathered = Buffer(byteCount: count &* width)
      func gather<Value: BitwiseCopyable>(_ type: Value.Type) {
        let entries = dictionary.entries.base.assumingMemoryBound(to: type)
        let target = gathered.base.assumingMemoryBound(to: type)
        for index in 0..<count { target[index] = entries[Int(ids[index])] }
      }
      switch width {
      case 1: gather(UInt8.self)
      case 2: gather(UInt16.self)
      case 4: gather(UInt32.self)
      case 8: gather(UInt64.self)
      default: gather(UInt128.self)
      }
      BoundsScan.scan(gathered.base, count, physical, into: &statistics)
      return
    }
    let seen = Buffer.zeroed(byteCount: dictionary.count)
    let marks = seen.base.assumingMemoryBound(to: UInt8.self)
    for index in 0..<count { marks[Int(ids[index])] = 1 }
    var index = 0
    while index < dictionary.count {
      // Stretches of entries that occur.
      guard marks[index] != 0 else {
        index &+= 1
        continue
      }
      let start = index
      while index < dictionary.count && marks[index] != 0 { index &+= 1 }
      BoundsScan.scan(dictionary.entries.base + start &* width, index &- start, physical, into: &statistics)
    }
  }

  // MARK: Bloom filter

  private mutating func buildBloomFilter() throws(ParquetError) {
    guard leaf.kind != .boolean, leaf.form != .null, valueCount > 0 else { return }
    let isDistinct = dictionary != nil && idCount == valueCount
    let count = isDistinct ? dictionary?.count ?? 0 : valueCount
    let base = isDistinct ? UnsafeRawPointer(dictionary?.entries.base ?? ids.base) : contiguousValues()
    let filter = BloomFilter(
      distinctCount: count, falsePositiveRate: options.bloomFilterRate, limit: options.bloomFilterBytes)
    var position = 0
    while position < count {
      let step = min(4_096, count &- position)
      body.clear()
      try plain.append(base + position &* plain.width, step, into: body)
      guard var cursor = body.bytes.baseAddress else { break }
      for _ in 0..<step {
        var length = plain.storedWidth
        if leaf.kind == .byteArray {
          length = Int(cursor.loadUnaligned(as: UInt32.self))
          cursor += 4
        }
        filter.insert(XXHash64.hash(cursor, count: length))
        cursor += length
      }
      position &+= step
    }
    chunk.bloomFilter = filter
  }
}

/// What a thread needs for encoding and what is too large to make anew for every column.
final class EncoderTools {
  let compressor: Compressor
  let body = OutputBuffer(capacity: 1 << 16)
  let compressed = OutputBuffer(capacity: 1 << 16)

  init(_ compressor: Compressor) { self.compressor = compressor }
}

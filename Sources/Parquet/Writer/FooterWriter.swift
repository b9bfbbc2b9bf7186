import Columnar
import Compression

/// A column chunk after its bytes went out; what the footer says of it.
struct WrittenChunk {
  var chunk: EncodedChunk
  /// Offset of the chunk's first byte in the file.
  var offset: Int
  var compressedSize: Int
  var bloomFilterOffset: Int?
  var bloomFilterLength = 0
  var columnIndex: (offset: Int, length: Int)?
  var offsetIndex: (offset: Int, length: Int)?
}

struct WrittenRowGroup {
  var rowCount: Int
  var offset: Int
  var chunks: [WrittenChunk]
}

/// Writes page indexes and the footer as thrift.
///
/// - Source: parquet.thrift.
struct FooterWriter {
  let schema: WriterSchema
  let options: ParquetWriterOptions
  /// Bounds of text and binary are cut to this many bytes, as parquet-java does in page indexes.
  private static let boundLength = 64

  // MARK: Bounds

  private struct Bounds {
    var minimum: [UInt8]
    var maximum: [UInt8]?
    var isMinimumExact = true
    var isMaximumExact = true
  }

  /// The stored bounds of some values; nil when there are none to be given.
  private func bounds(_ statistics: ValueStatistics, _ leaf: WrittenLeaf) -> Bounds? {
    guard options.writesStatistics, let low = statistics.minimum?.replacingZero(with: -0.0),
      let high = statistics.maximum?.replacingZero(with: 0.0)
    else { return nil }
    let encoder = PlainEncoder(leaf)
    guard let minimum = encoder.bytes(of: low), let maximum = encoder.bytes(of: high) else { return nil }
    var bounds = Bounds(minimum: minimum, maximum: maximum)
    guard leaf.type.physical == .string else { return bounds }
    if minimum.count > Self.boundLength {
      bounds.minimum = Array(minimum.prefix(Self.cut(minimum, isText: leaf.type.isText)))
      bounds.isMinimumExact = false
    }
    if maximum.count > Self.boundLength {
      bounds.maximum = Self.above(maximum, isText: leaf.type.isText)
      bounds.isMaximumExact = false
    }
    return bounds
  }

  /// Where to cut without splitting a character.
  private static func cut(_ bytes: [UInt8], isText: Bool) -> Int {
    var end = boundLength
    while isText, end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return end
  }

  /// A short value above everything that begins like `bytes`; nil when there is none.
  private static func above(_ bytes: [UInt8], isText: Bool) -> [UInt8]? {
    guard isText else {
      var prefix = Array(bytes.prefix(boundLength))
      while let last = prefix.last {
        if last < 0xFF {
          prefix[prefix.count - 1] = last + 1
          return prefix
        }
        prefix.removeLast()
      }
      return nil
    }
    // The last character that has a successor is replaced by it.
    guard let text = String(validating: bytes.prefix(cut(bytes, isText: true)), as: UTF8.self) else { return nil }
    var scalars = Array(text.unicodeScalars)
    while let last = scalars.popLast() {
      // The surrogates' range is passed over.
      let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
      if let scalar = Unicode.Scalar(next) {
        scalars.append(scalar)
        var result = ""
        result.unicodeScalars.append(contentsOf: scalars)
        return Array(result.utf8)
      }
    }
    return nil
  }

  // MARK: Page index

  /// The column index of a chunk; nil where the format wants none.
  func columnIndex(_ chunk: EncodedChunk) -> [UInt8]? {
    guard options.writesPageIndex, options.writesStatistics, !chunk.pages.isEmpty, chunk.leaf.form != .null else { return nil }
    var pageBounds: [Bounds?] = []
    for page in chunk.pages {
      let isNullPage = page.statistics.nullCount == page.statistics.entryCount
      let bounds = isNullPage ? nil : bounds(page.statistics, chunk.leaf)
      // A page of NaN only, or a bound too long to be given: no index for the chunk.
      if !isNullPage && bounds?.maximum == nil { return nil }
      pageBounds.append(bounds)
    }
    var writer = CompactWriter()
    writer.structureElement { index in
      index.listHeader(1, count: pageBounds.count, of: .isTrue)
      for bounds in pageBounds { index.booleanElement(bounds == nil) }
      index.listHeader(2, count: pageBounds.count, of: .binary)
      for bounds in pageBounds { index.binaryElement(bounds?.minimum ?? []) }
      index.listHeader(3, count: pageBounds.count, of: .binary)
      for bounds in pageBounds { index.binaryElement(bounds?.maximum ?? []) }
      index.int32(4, boundaryOrder(chunk))
      index.listHeader(5, count: pageBounds.count, of: .int64)
      for page in chunk.pages { index.int64Element(Int64(page.statistics.nullCount)) }
      if isFloating(chunk.leaf) {
        index.listHeader(8, count: pageBounds.count, of: .int64)
        for page in chunk.pages { index.int64Element(Int64(page.statistics.nanCount)) }
      }
    }
    return writer.bytes
  }

  private func isFloating(_ leaf: WrittenLeaf) -> Bool { leaf.kind == .float || leaf.kind == .double }

  /// 0 unordered, 1 ascending, 2 descending, by both lists of bounds.
  private func boundaryOrder(_ chunk: EncodedChunk) -> Int32 {
    let pages = chunk.pages.map(\.statistics).filter { $0.minimum != nil }
    func holds(_ wanted: (Int) -> Bool) -> Bool {
      zip(pages, pages.dropFirst()).allSatisfy { left, right in
        guard let low = left.minimum, let high = left.maximum, let nextLow = right.minimum, let nextHigh = right.maximum,
          let lows = low.order(nextLow), let highs = high.order(nextHigh)
        else { return false }
        return wanted(lows) && wanted(highs)
      }
    }
    if holds({ $0 <= 0 }) { return 1 }
    return holds { $0 >= 0 } ? 2 : 0
  }

  func offsetIndex(_ written: WrittenChunk) -> [UInt8]? {
    guard options.writesPageIndex, !written.chunk.pages.isEmpty else { return nil }
    var writer = CompactWriter()
    writer.structureElement { index in
      index.listHeader(1, count: written.chunk.pages.count, of: .structure)
      for page in written.chunk.pages {
        index.structureElement { location in
          location.int64(1, Int64(written.offset + page.offset))
          location.int32(2, Int32(truncatingIfNeeded: page.compressedSize))
          location.int64(3, Int64(page.firstRow))
        }
      }
    }
    return writer.bytes
  }

  // MARK: Footer

  func footer(_ groups: [WrittenRowGroup]) -> [UInt8] {
    var writer = CompactWriter()
    writer.structureElement { file in
      file.int32(1, 2)
      file.listHeader(2, count: schema.elements.count, of: .structure)
      for (index, element) in schema.elements.enumerated() {
        file.structureElement { write(element, isRoot: index == 0, into: &$0) }
      }
      file.int64(3, Int64(groups.reduce(0) { $0 + $1.rowCount }))
      file.listHeader(4, count: groups.count, of: .structure)
      for (index, group) in groups.enumerated() { file.structureElement { write(group, index, into: &$0) } }
      if !options.keyValues.isEmpty {
        file.listHeader(5, count: options.keyValues.count, of: .structure)
        for pair in options.keyValues {
          file.structureElement { entry in
            entry.string(1, pair.key)
            if let value = pair.value { entry.string(2, value) }
          }
        }
      }
      file.string(6, options.createdBy)
      file.listHeader(7, count: schema.leaves.count, of: .structure)
      for _ in schema.leaves { file.structureElement { $0.structure(1) { _ in } } }
    }
    return writer.bytes
  }

  private func write(_ element: WriterSchema.Element, isRoot: Bool, into writer: inout CompactWriter) {
    if let kind = element.kind { writer.int32(1, kind.rawValue) }
    if let length = element.typeLength { writer.int32(2, Int32(truncatingIfNeeded: length)) }
    if !isRoot, let repetition = element.repetition { writer.int32(3, repetition.rawValue) }
    writer.string(4, element.name)
    if let count = element.childCount { writer.int32(5, Int32(truncatingIfNeeded: count)) }
    if let converted = element.convertedType { writer.int32(6, converted) }
    if case .decimal(let precision, let scale) = element.type {
      writer.int32(7, Int32(truncatingIfNeeded: scale))
      writer.int32(8, Int32(truncatingIfNeeded: precision))
    }
    if let id = element.fieldID { writer.int32(9, id) }
    writeLogicalType(element, &writer)
  }

  private func writeLogicalType(_ element: WriterSchema.Element, _ writer: inout CompactWriter) {
    func member(_ number: Int16, _ body: (inout CompactWriter) -> Void = { _ in }) {
      writer.structure(10) { union in union.structure(number, body) }
    }
    func temporal(_ number: Int16, isUTC: Bool, precision: Int) {
      member(number) { kind in
        kind.boolean(1, isUTC)
        kind.emptyMember(2, precision <= 6 ? 2 : 3)
      }
    }
    func integer(_ bits: Int8) {
      member(10) { kind in
        kind.int8(1, bits)
        kind.boolean(2, true)
      }
    }
    switch element.group {
    case .map: return member(2)
    case .list: return member(3)
    case nil: break
    }
    switch element.type {
    case .varchar, .char: member(1)
    case .decimal(let precision, let scale):
      member(5) { kind in
        kind.int32(1, Int32(truncatingIfNeeded: scale))
        kind.int32(2, Int32(truncatingIfNeeded: precision))
      }
    case .date: member(6)
    case .time(let precision): temporal(7, isUTC: false, precision: precision)
    case .timestamp(let precision): temporal(8, isUTC: false, precision: precision)
    case .timestampTZ(let precision): temporal(8, isUTC: true, precision: precision)
    case .tinyint: integer(8)
    case .smallint: integer(16)
    case .unknown: member(11)
    case .json: member(12)
    case .uuid: member(14)
    default: break
    }
  }

  private func write(_ group: WrittenRowGroup, _ ordinal: Int, into writer: inout CompactWriter) {
    writer.listHeader(1, count: group.chunks.count, of: .structure)
    for chunk in group.chunks { writer.structureElement { write(chunk, into: &$0) } }
    writer.int64(2, Int64(group.chunks.reduce(0) { $0 + $1.chunk.uncompressedSize }))
    writer.int64(3, Int64(group.rowCount))
    writer.int64(5, Int64(group.offset))
    writer.int64(6, Int64(group.chunks.reduce(0) { $0 + $1.compressedSize }))
    if let ordinal = Int16(exactly: ordinal) { writer.int16(7, ordinal) }
  }

  private func write(_ written: WrittenChunk, into writer: inout CompactWriter) {
    writer.int64(2, 0)
    writer.structure(3) { writeMetadata(written, into: &$0) }
    if let index = written.offsetIndex {
      writer.int64(4, Int64(index.offset))
      writer.int32(5, Int32(truncatingIfNeeded: index.length))
    }
    if let index = written.columnIndex {
      writer.int64(6, Int64(index.offset))
      writer.int32(7, Int32(truncatingIfNeeded: index.length))
    }
  }

  private func writeMetadata(_ written: WrittenChunk, into writer: inout CompactWriter) {
    let chunk = written.chunk
    let leaf = chunk.leaf
    var encodings: [PageEncoding] = [.plain, .rle]
    if chunk.hasDictionary { encodings.append(.rleDictionary) }
    writer.int32(1, leaf.kind.rawValue)
    writer.listHeader(2, count: encodings.count, of: .int32)
    for encoding in encodings { writer.int32Element(encoding.rawValue) }
    writer.listHeader(3, count: leaf.path.count, of: .binary)
    for name in leaf.path { writer.binaryElement(name.utf8) }
    writer.int32(4, PageCodec(chunk.codec).rawValue)
    writer.int64(5, Int64(chunk.statistics.entryCount))
    writer.int64(6, Int64(chunk.uncompressedSize))
    writer.int64(7, Int64(written.compressedSize))
    writer.int64(9, Int64(written.offset + chunk.dataOffset))
    if chunk.hasDictionary { writer.int64(11, Int64(written.offset)) }
    if options.writesStatistics {
      writer.structure(12) { writeStatistics(chunk.statistics, leaf, into: &$0) }
    }
    var counts: [(PageHeader.Kind, PageEncoding, Int)] = []
    let dataKind: PageHeader.Kind = options.usesDataPageV2 ? .dataV2 : .data
    if chunk.hasDictionary { counts.append((.dictionary, .plain, 1)) }
    if chunk.dictionaryPages > 0 { counts.append((dataKind, .rleDictionary, chunk.dictionaryPages)) }
    if chunk.plainPages > 0 { counts.append((dataKind, .plain, chunk.plainPages)) }
    writer.listHeader(13, count: counts.count, of: .structure)
    for (kind, encoding, count) in counts {
      writer.structureElement { entry in
        entry.int32(1, kind.rawValue)
        entry.int32(2, encoding.rawValue)
        entry.int32(3, Int32(truncatingIfNeeded: count))
      }
    }
    if let offset = written.bloomFilterOffset {
      writer.int64(14, Int64(offset))
      writer.int32(15, Int32(truncatingIfNeeded: written.bloomFilterLength))
    }
  }

  private func writeStatistics(_ statistics: ValueStatistics, _ leaf: WrittenLeaf, into writer: inout CompactWriter) {
    writer.int64(3, Int64(statistics.nullCount))
    if let bounds = bounds(statistics, leaf) {
      if let maximum = bounds.maximum { writer.binary(5, maximum) }
      writer.binary(6, bounds.minimum)
      if bounds.maximum != nil { writer.boolean(7, bounds.isMaximumExact) }
      writer.boolean(8, bounds.isMinimumExact)
    }
    if isFloating(leaf) { writer.int64(9, Int64(statistics.nanCount)) }
  }
}

extension WriterSchema.Element {
  /// The older annotation, where there is one.
  var convertedType: Int32? {
    switch group {
    case .list: return 3
    case .map: return 1
    case nil: break
    }
    switch type {
    case .varchar, .char: return 0
    case .decimal: return 5
    case .date: return 6
    case .time(let precision): return precision <= 6 ? 8 : nil
    case .timestamp(let precision), .timestampTZ(let precision): return precision <= 6 ? 10 : nil
    case .tinyint: return 15
    case .smallint: return 16
    case .json: return 19
    default: return nil
    }
  }
}

extension PageCodec {
  /// The number of a codec that pages can be written with.
  init(_ codec: Codec) {
    switch codec {
    case .uncompressed, .deflate: self = .uncompressed
    case .snappy: self = .snappy
    case .gzip: self = .gzip
    case .zstd: self = .zstd
    case .lz4Raw: self = .lz4Raw
    case .lz4Hadoop: self = .lz4Hadoop
    case .brotli: self = .brotli
    case .lzo: self = .lzo
    }
  }
}

import Columnar
import Compression

/// A page after its header: where its stored body is.
struct StoredPage {
  var header: PageHeader
  /// Offset of the header in the file.
  var fileOffset: Int
  var body: UnsafeRawPointer
  var buffer: Buffer
}

/// A page ready to be decoded.
struct LoadedPage {
  var repetition: LevelSource
  var definition: LevelSource
  var values: ValueSource
  /// What the values' views point into.
  var buffer: Buffer
}

/// Checks, decompresses and takes apart the pages of one column chunk.
struct PageLoader {
  let leaf: LeafColumn
  let codec: PageCodec
  let verifyChecksums: Bool
  let decompressor: Decompressor
  /// Whether Impala wrote the file, see `BitPackedLevels`.
  let isFromImpala: Bool

  /// The page whose header starts at `fileOffset`.
  func stored(at fileOffset: Int, in source: ChunkSource) throws(ParquetError) -> StoredPage {
    var (buffer, rest) = try source.bytes(at: fileOffset, atLeast: 1)
    var header: PageHeader
    do throws(ParquetError) {
      header = try PageHeader(reading: rest)
    } catch {
      // Perhaps the header is only cut by the end of the window read so far.
      (buffer, rest) = try source.bytes(at: fileOffset, atLeast: source.available(at: fileOffset))
      do throws(ParquetError) { header = try PageHeader(reading: rest) } catch {
        var located = error
        located.byteOffset = fileOffset &+ (error.byteOffset ?? 0)
        throw located
      }
    }
    let byteCount = header.byteCount &+ Int(header.compressedSize)
    if byteCount > rest.count {
      let available = source.available(at: fileOffset)
      guard byteCount <= available else {
        throw .corrupt(
          "stored size of a page", expected: "at most \(available &- header.byteCount)", found: "\(header.compressedSize)",
          at: fileOffset)
      }
      (buffer, rest) = try source.bytes(at: fileOffset, atLeast: byteCount)
    }
    guard let start = rest.baseAddress else { throw .corrupt("a page is due behind the end of its column chunk", at: fileOffset) }
    return StoredPage(header: header, fileOffset: fileOffset, body: start + header.byteCount, buffer: buffer)
  }

  private func verify(_ page: StoredPage) throws(ParquetError) {
    guard verifyChecksums, let expected = page.header.checksum else { return }
    let found = Checksum.crc32(UnsafeRawBufferPointer(start: page.body, count: Int(page.header.compressedSize)))
    guard found == expected else {
      throw .corrupt("page checksum", expected: "\(expected)", found: "\(found)", at: page.fileOffset)
    }
  }

  /// The body of a page, or the part from `skipping` on, decompressed. `reusable` is written over when nobody else holds it.
  private func decompressed(_ page: StoredPage, skipping: Int, reusable: inout Buffer?) throws(ParquetError)
    -> (bytes: UnsafeRawPointer, byteCount: Int, buffer: Buffer)
  {
    let storedCount = Int(page.header.compressedSize) &- skipping
    let byteCount = Int(page.header.uncompressedSize) &- skipping
    guard storedCount >= 0, byteCount >= 0 else {
      throw .corrupt("level bytes of a page", expected: "at most the page's size", found: "\(skipping)", at: page.fileOffset)
    }
    guard let codec = codec.codec else {
      guard storedCount == byteCount else {
        throw .corrupt(
          "uncompressed page", expected: "\(byteCount) bytes", found: "\(storedCount)", at: page.fileOffset)
      }
      return (page.body + skipping, byteCount, page.buffer)
    }
    // Compressed nothing: some writers store no bytes at all for it.
    if storedCount == 0 && byteCount == 0 { return (page.body + skipping, 0, page.buffer) }
    let target: Buffer
    if isKnownUniquelyReferenced(&reusable), let buffer = reusable, buffer.byteCount >= byteCount {
      target = buffer
    } else {
      target = Buffer(byteCount: max(byteCount, 64))
    }
    let written: Int
    do throws(CompressionError) {
      written = try decompressor.decompress(
        codec, UnsafeRawBufferPointer(start: page.body + skipping, count: storedCount),
        into: UnsafeMutableRawBufferPointer(start: target.base, count: byteCount))
    } catch {
      throw ParquetError(error.kind == .unsupported ? .unsupported : .corrupt, "\(error)", byteOffset: page.fileOffset)
    }
    guard written == byteCount else {
      throw .corrupt("decompressed page", expected: "\(byteCount) bytes", found: "\(written)", at: page.fileOffset)
    }
    reusable = target
    return (UnsafeRawPointer(target.base), byteCount, target)
  }

  /// The entries of a dictionary page, as values to be decoded.
  func dictionary(_ page: StoredPage) throws(ParquetError) -> (values: ValueSource, count: Int, buffer: Buffer) {
    try verify(page)
    let encoding = page.header.encoding
    guard encoding == PageEncoding.plain.rawValue || encoding == PageEncoding.plainDictionary.rawValue else {
      throw .corrupt("encoding of a dictionary page", expected: "PLAIN", found: "\(encoding)", at: page.fileOffset)
    }
    var fresh: Buffer?
    let (bytes, byteCount, buffer) = try decompressed(page, skipping: 0, reusable: &fresh)
    let count = Int(page.header.valueCount)
    // A value takes at least a bit, a byte array four bytes, so the page bounds how many there can be.
    let most: Int =
      switch leaf.kind {
      case .boolean: byteCount &* 8
      case .byteArray: byteCount / 4
      default: leaf.storedWidth == 0 ? byteCount : byteCount / leaf.storedWidth
      }
    guard count <= most else {
      throw .corrupt("entries of a dictionary page", expected: "at most \(most)", found: "\(count)", at: page.fileOffset)
    }
    let values = try ValueSource(
      PageEncoding.plain.rawValue, leaf, bytes: bytes, byteCount: byteCount, valueCount: count)
    return (values, count, buffer)
  }

  /// A data page of either version.
  func data(_ page: StoredPage, reusable: inout Buffer?) throws(ParquetError) -> LoadedPage {
    try verify(page)
    return page.header.kind == .dataV2
      ? try dataV2(page, reusable: &reusable) : try dataV1(page, reusable: &reusable)
  }

  /// `[repetition levels] [definition levels] values`, compressed as a whole; each level section behind its length.
  private func dataV1(_ page: StoredPage, reusable: inout Buffer?) throws(ParquetError) -> LoadedPage {
    let (start, byteCount, buffer) = try decompressed(page, skipping: 0, reusable: &reusable)
    let count = Int(page.header.valueCount)
    var cursor = start
    let end = start + byteCount
    let repetition = try levels(
      &cursor, end, encoding: page.header.repetitionEncoding, max: leaf.maxRepetition, count: count)
    let definition = try levels(
      &cursor, end, encoding: page.header.definitionEncoding, max: leaf.maxDefinition, count: count)
    let values = try ValueSource(
      page.header.encoding, leaf, bytes: cursor, byteCount: end - cursor, valueCount: count)
    return LoadedPage(repetition: repetition, definition: definition, values: values, buffer: buffer)
  }

  private func levels(
    _ cursor: inout UnsafeRawPointer, _ end: UnsafeRawPointer, encoding: Int32, max: Int, count: Int
  ) throws(ParquetError) -> LevelSource {
    guard max > 0 else { return .none }
    let width = Self.bitWidth(max)
    switch PageEncoding(rawValue: encoding) {
    case .rle:
      guard end - cursor >= 4 else { throw .corrupt("a page ends inside the length of its levels") }
      let length = Int(UInt32(littleEndian: cursor.loadUnaligned(as: UInt32.self)))
      guard length <= end - cursor &- 4 else {
        throw .corrupt("length of levels", expected: "at most \(end - cursor &- 4)", found: "\(length)")
      }
      let decoder = RunDecoder(cursor + 4, byteCount: length, width: width)
      cursor += 4 &+ length
      return .runs(decoder)
    case .bitPacked:
      let length = BitPackedLevels.byteCount(count, width: width)
      guard length <= end - cursor else {
        throw .corrupt("bit-packed levels", expected: "\(length) bytes", found: "\(end - cursor)")
      }
      let decoder = BitPackedLevels(cursor, count: count, width: width, isLowestFirst: isFromImpala)
      cursor += length
      return .packed(decoder)
    default: throw .corrupt("encoding of levels", expected: "RLE or BIT_PACKED", found: "\(encoding)")
    }
  }

  /// `repetition levels | definition levels | values`, only the values compressed; lengths are in the header.
  private func dataV2(_ page: StoredPage, reusable: inout Buffer?) throws(ParquetError) -> LoadedPage {
    let header = page.header
    let repetitionCount = Int(header.repetitionByteCount)
    let definitionCount = Int(header.definitionByteCount)
    let storedCount = Int(header.compressedSize)
    guard repetitionCount >= 0, definitionCount >= 0, repetitionCount &+ definitionCount <= storedCount else {
      throw .corrupt(
        "level bytes of a page", expected: "at most \(storedCount)", found: "\(repetitionCount) and \(definitionCount)",
        at: page.fileOffset)
    }
    guard header.nullCount >= 0, header.nullCount <= header.valueCount, header.rowCount >= 0 else {
      throw .corrupt(
        "null count of a page", expected: "0...\(header.valueCount)", found: "\(header.nullCount)", at: page.fileOffset)
    }
    let levelCount = repetitionCount &+ definitionCount
    let values: (bytes: UnsafeRawPointer, byteCount: Int, buffer: Buffer)
    if header.isCompressed && storedCount > levelCount {
      values = try decompressed(page, skipping: levelCount, reusable: &reusable)
    } else {
      values = (page.body + levelCount, storedCount &- levelCount, page.buffer)
    }
    func source(_ offset: Int, _ count: Int, max: Int) -> LevelSource {
      max == 0
        ? .none : .runs(RunDecoder(page.body + offset, byteCount: count, width: Self.bitWidth(max)))
    }
    return LoadedPage(
      repetition: source(0, repetitionCount, max: leaf.maxRepetition),
      definition: source(repetitionCount, definitionCount, max: leaf.maxDefinition),
      values: try ValueSource(
        header.encoding, leaf, bytes: values.bytes, byteCount: values.byteCount,
        valueCount: Int(header.valueCount) &- Int(header.nullCount)),
      buffer: values.buffer)
  }

  /// Bits that hold 0...max.
  static func bitWidth(_ max: Int) -> Int { Int.bitWidth - max.leadingZeroBitCount }
}

extension PageCodec {
  /// The codec of `Compression`; nil for pages that are not compressed.
  var codec: Codec? {
    switch self {
    case .uncompressed: nil
    case .snappy: .snappy
    case .gzip: .gzip
    case .lzo: .lzo
    case .brotli: .brotli
    case .lz4Hadoop: .lz4Hadoop
    case .zstd: .zstd
    case .lz4Raw: .lz4Raw
    }
  }
}

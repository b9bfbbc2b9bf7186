import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Level values of one page, in order.
enum LevelSource {
  /// The column has no such levels: all are 0.
  case none
  case runs(RunDecoder)
  case packed(BitPackedLevels)

  mutating func read(_ count: Int, into target: UnsafeMutablePointer<UInt8>) throws(ParquetError) {
    switch self {
    case .none: memset(target, 0, count)
    case .runs(var decoder):
      try decoder.read(count, into: target)
      self = .runs(decoder)
    case .packed(var decoder):
      try decoder.read(count, into: target)
      self = .packed(decoder)
    }
  }

  /// The level that all of the next `count` entries have; nil when that is not plain to see. Consumes nothing.
  mutating func uniform(_ count: Int) throws(ParquetError) -> UInt8? {
    switch self {
    case .none: return 0
    case .packed: return nil
    case .runs(var decoder):
      let repetition = try decoder.repetition()
      self = .runs(decoder)
      guard let repetition, repetition.count >= count else { return nil }
      return UInt8(truncatingIfNeeded: repetition.value)
    }
  }

  /// Passes over `count` entries that `uniform` has answered for.
  mutating func skipUniform(_ count: Int) throws(ParquetError) {
    guard case .runs(var decoder) = self else { return }
    try decoder.skip(count)
    self = .runs(decoder)
  }
}

/// The values of one page, in order, nulls left out.
enum ValueSource {
  /// Values of a fixed width side by side.
  case fixed(cursor: UnsafeRawPointer, end: UnsafeRawPointer, width: Int)
  /// Byte arrays, each behind its length.
  case byteArrays(cursor: UnsafeRawPointer, end: UnsafeRawPointer)
  /// Booleans, eight to a byte.
  case bits(base: UnsafeRawPointer, index: Int, count: Int)
  case booleanRuns(RunDecoder)
  case delta(DeltaDecoder)
  case deltaLengths(DeltaLengthDecoder)
  case deltaBytes(DeltaByteArrayDecoder)
  case split(ByteStreamSplitDecoder)
  /// Numbers of dictionary entries.
  case ids(RunDecoder)

  var isDictionary: Bool { if case .ids = self { true } else { false } }

  /// - Parameters:
  ///   - bytes: the value section of the page.
  ///   - valueCount: values in it, nulls left out, as far as known; an upper bound otherwise.
  init(_ encoding: Int32, _ leaf: LeafColumn, bytes: UnsafeRawPointer, byteCount: Int, valueCount: Int)
    throws(ParquetError)
  {
    func illegal() -> ParquetError { .corrupt("encoding \(encoding) is not allowed for \(leaf.kind) values") }
    let end = bytes + byteCount
    let width = leaf.storedWidth
    switch PageEncoding(rawValue: encoding) {
    case .plain:
      switch leaf.kind {
      case .boolean: self = .bits(base: bytes, index: 0, count: byteCount &* 8)
      case .byteArray: self = .byteArrays(cursor: bytes, end: end)
      default: self = .fixed(cursor: bytes, end: end, width: width)
      }
    case .plainDictionary, .rleDictionary:
      guard byteCount > 0 else {
        // A page of nulls only may lack even the width byte.
        self = .ids(RunDecoder(bytes, byteCount: 0, width: 1))
        return
      }
      let bitWidth = Int(bytes.load(as: UInt8.self))
      guard bitWidth <= 32 else {
        throw .corrupt("bit width of dictionary indices", expected: "at most 32", found: "\(bitWidth)")
      }
      self = .ids(RunDecoder(bytes + 1, byteCount: byteCount &- 1, width: bitWidth))
    case .rle:
      guard leaf.kind == .boolean else { throw illegal() }
      guard byteCount >= 4 else {
        if valueCount == 0 || byteCount == 0 {
          self = .booleanRuns(RunDecoder(bytes, byteCount: 0, width: 1))
          return
        }
        throw .corrupt("a page of run-length encoded booleans ends inside its length")
      }
      let length = Int(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)))
      guard length <= byteCount &- 4 else {
        throw .corrupt("length of run-length encoded booleans", expected: "at most \(byteCount &- 4)", found: "\(length)")
      }
      self = .booleanRuns(RunDecoder(bytes + 4, byteCount: length, width: 1))
    case .deltaBinaryPacked:
      guard leaf.kind == .int32 || leaf.kind == .int64 else { throw illegal() }
      self = .delta(try DeltaDecoder(bytes, byteCount: byteCount, maxWidth: width &* 8))
    case .deltaLengthByteArray:
      guard leaf.kind == .byteArray else { throw illegal() }
      self = .deltaLengths(try DeltaLengthDecoder(bytes, byteCount: byteCount))
    case .deltaByteArray:
      guard leaf.kind == .byteArray || leaf.kind == .fixedByteArray else { throw illegal() }
      self = .deltaBytes(try DeltaByteArrayDecoder(bytes, byteCount: byteCount))
    case .byteStreamSplit:
      guard leaf.kind != .boolean, leaf.kind != .byteArray, leaf.kind != .int96, width > 0 else { throw illegal() }
      self = .split(try ByteStreamSplitDecoder(bytes, byteCount: byteCount, width: width))
    case .alp: throw .unsupported("the encoding ALP is not supported")
    case .bitPacked: throw illegal()
    case nil: throw .unsupported("unknown encoding \(encoding)")
    }
  }

  /// `count` fixed-width values as they are stored: in place where they lie side by side, else copied to `scratch`.
  mutating func readRaw(_ count: Int, width: Int, scratch: UnsafeMutableRawPointer) throws(ParquetError) -> UnsafeRawPointer {
    switch self {
    case .fixed(let cursor, let end, let width):
      let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
      guard !overflow, byteCount <= end - cursor else {
        throw .corrupt("plain values", expected: "\(count) of \(width) bytes", found: "\(end - cursor) bytes")
      }
      self = .fixed(cursor: cursor + byteCount, end: end, width: width)
      return cursor
    case .bits(let base, let index, let bitCount):
      guard count <= bitCount &- index else {
        throw .corrupt("plain booleans", expected: "\(count) more", found: "\(bitCount &- index)")
      }
      let target = scratch.assumingMemoryBound(to: UInt8.self)
      for i in 0..<count {
        let bit = index &+ i
        target[i] = (base.load(fromByteOffset: bit &>> 3, as: UInt8.self) &>> UInt8(truncatingIfNeeded: bit & 7)) & 1
      }
      self = .bits(base: base, index: index &+ count, count: bitCount)
    case .booleanRuns(var decoder):
      try decoder.read(count, into: scratch.assumingMemoryBound(to: UInt8.self))
      self = .booleanRuns(decoder)
    case .delta(var decoder):
      if width == 4 {
        try decoder.read(count, into: scratch.assumingMemoryBound(to: Int32.self))
      } else {
        try decoder.read(count, into: scratch.assumingMemoryBound(to: Int64.self))
      }
      self = .delta(decoder)
    case .split(var decoder):
      try decoder.read(count, into: scratch)
      self = .split(decoder)
    case .byteArrays, .deltaLengths, .deltaBytes, .ids:
      throw .corrupt("byte arrays where fixed-width values are due")
    }
    return UnsafeRawPointer(scratch)
  }

  /// `count` byte arrays as views.
  ///
  /// - Parameters:
  ///   - fixedLength: what every value must measure; nil for byte arrays.
  ///   - scratch: room for `count` lengths.
  /// - Returns: a block that the views point into, when it is not the page itself.
  mutating func readViews(
    _ count: Int, fixedLength: Int?, scratch: UnsafeMutablePointer<Int32>, into views: UnsafeMutablePointer<StringView>
  ) throws(ParquetError) -> Buffer? {
    switch self {
    case .byteArrays(let start, let end):
      var cursor = start
      for index in 0..<count {
        let available = end - cursor
        guard available >= 4 else {
          throw .corrupt("plain byte arrays", expected: "\(count &- index) more", found: "\(available) bytes")
        }
        let length = Int(UInt32(littleEndian: cursor.loadUnaligned(as: UInt32.self)))
        guard length <= available &- 4 else {
          throw .corrupt("length of a plain byte array", expected: "at most \(available &- 4)", found: "\(length)")
        }
        views[index] = StringView(cursor + 4, count: length)
        cursor += length &+ 4
      }
      self = .byteArrays(cursor: cursor, end: end)
      return nil
    case .fixed(_, _, let width):
      let base = try readRaw(count, width: width, scratch: UnsafeMutableRawPointer(scratch))
      for index in 0..<count { views[index] = StringView(base + index &* width, count: width) }
      return nil
    case .split(var decoder):
      let width = fixedLength ?? 0
      let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
      guard !overflow, count <= decoder.remaining else { throw .corrupt("byte stream split data ends early") }
      let block = Buffer(byteCount: byteCount)
      try decoder.read(count, into: block.base)
      for index in 0..<count { views[index] = StringView(block.base + index &* width, count: width) }
      self = .split(decoder)
      return block
    case .deltaLengths(var decoder):
      try decoder.read(count, scratch: scratch, into: views)
      self = .deltaLengths(decoder)
      return nil
    case .deltaBytes(var decoder):
      let block = try decoder.read(count, scratch: scratch, into: views)
      self = .deltaBytes(decoder)
      if let fixedLength {
        for index in 0..<count where views[index].count != fixedLength {
          throw .corrupt("length of a fixed byte array", expected: "\(fixedLength)", found: "\(views[index].count)")
        }
      }
      return block
    case .bits, .booleanRuns, .delta, .ids:
      throw .corrupt("fixed-width values where byte arrays are due")
    }
  }
}

extension LeafColumn {
  /// Bytes of a stored value of fixed width; booleans count as the byte they are unpacked to.
  var storedWidth: Int {
    switch kind {
    case .boolean: 1
    case .int32, .float: 4
    case .int64, .double: 8
    case .int96: 12
    case .fixedByteArray: typeLength
    case .byteArray: 0
    }
  }
}

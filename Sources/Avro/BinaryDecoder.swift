/// A cursor over Avro's binary encoding; every read checks the end.
///
/// Source: Avro 1.12 specification, "Binary Encoding".
package struct BinaryDecoder {
  let base: UnsafeRawPointer
  let end: Int
  /// Index of the next byte.
  package internal(set) var offset: Int

  /// `bytes` must outlive the decoder.
  package init(_ bytes: UnsafeRawBufferPointer) {
    // An empty buffer may have no address; nothing is read from it then.
    base = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
    end = bytes.count
    offset = 0
  }

  package var isAtEnd: Bool { offset == end }
  var remaining: Int { end &- offset }

  @inline(__always)
  mutating func byte() throws(AvroError) -> UInt8 {
    guard offset < end else { throw truncated() }
    defer { offset &+= 1 }
    return base.load(fromByteOffset: offset, as: UInt8.self)
  }

  /// A zig-zag varint of at most ten bytes.
  @inline(__always)
  package mutating func long() throws(AvroError) -> Int64 {
    guard offset < end else { throw truncated() }
    let first = base.load(fromByteOffset: offset, as: UInt8.self)
    if first < 0x80 {
      offset &+= 1
      return Int64(first >> 1) ^ -Int64(first & 1)
    }
    return try longSlowly()
  }

  @inline(never)
  private mutating func longSlowly() throws(AvroError) -> Int64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    var at = offset
    while true {
      guard at < end else { throw truncated() }
      let byte = base.load(fromByteOffset: at, as: UInt8.self)
      at &+= 1
      if shift == 63, byte > 1 { throw AvroError(.corrupt, "a number is longer than 64 bits", at: offset) }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { break }
      shift &+= 7
      if shift > 63 { throw AvroError(.corrupt, "a number is longer than 64 bits", at: offset) }
    }
    offset = at
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  package mutating func int() throws(AvroError) -> Int32 {
    let start = offset
    guard let value = Int32(exactly: try long()) else { throw AvroError(.corrupt, "an int is out of range", at: start) }
    return value
  }

  package mutating func boolean() throws(AvroError) -> Bool {
    let byte = try byte()
    guard byte <= 1 else { throw AvroError(.corrupt, "a boolean must be 0 or 1, not \(byte)", at: offset - 1) }
    return byte == 1
  }

  /// The range of a length-prefixed string or byte sequence.
  @inline(__always)
  package mutating func bytesRange() throws(AvroError) -> Range<Int> {
    let start = offset
    let length = try long()
    guard length >= 0 else { throw AvroError(.corrupt, "a length is negative (\(length))", at: start) }
    guard length <= Int64(remaining) else { throw truncated("\(length) bytes were announced, \(remaining) are left") }
    let first = offset
    offset &+= Int(length)
    return first..<offset
  }

  package mutating func bytes() throws(AvroError) -> UnsafeRawBufferPointer { slice(try bytesRange()) }

  package mutating func fixed(_ size: Int) throws(AvroError) -> UnsafeRawBufferPointer {
    guard size >= 0, size <= remaining else { throw truncated() }
    defer { offset &+= size }
    return slice(offset..<offset + size)
  }

  func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  /// The header of an array or map block.
  ///
  /// - Returns: the number of items, 0 at the end; and the bytes of the block where the writer tells them.
  @inline(__always)
  mutating func blockHeader() throws(AvroError) -> (count: Int, byteCount: Int?) {
    let start = offset
    let count = try long()
    if count >= 0 { return (Int(count), nil) }
    guard count != .min else { throw AvroError(.corrupt, "a block of \(count) items", at: start) }
    let size = try long()
    guard size >= 0, size <= Int64(remaining) else { throw AvroError(.corrupt, "a block is longer than the data", at: start) }
    return (Int(-count), Int(size))
  }

  func truncated(_ detail: String? = nil) -> AvroError {
    AvroError(.truncated, detail.map { "the data end early: \($0)" } ?? "the data end early", at: offset)
  }
}

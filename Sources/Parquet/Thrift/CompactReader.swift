/// Wire types of Thrift's compact protocol.
enum CompactType: UInt8 {
  case stop = 0
  case isTrue, isFalse, byte, int16, int32, int64, double, binary, list, set, map, structure
}

/// A piece of the bytes a `CompactReader` runs over.
package struct ByteSpan: Sendable, Hashable {
  package var offset: Int
  package var count: Int
}

/// Reads Thrift's compact protocol from hostile bytes: every length is held against the bytes left, nesting is bounded,
/// unknown fields are skipped by their wire type.
///
/// The memory must outlive the reader.
///
/// - Source: Thrift, thrift-compact-protocol.md.
struct CompactReader {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let count: Int
  private(set) var position = 0
  private var depth = 0

  private static let maxDepth = 64

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = UnsafeBufferPointer(
      start: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count)
    count = bytes.count
  }

  var remaining: Int { count &- position }

  @inline(__always)
  private mutating func nextByte() throws(ParquetError) -> UInt8 {
    guard position < count else { throw truncated() }
    defer { position &+= 1 }
    return bytes[position]
  }

  private func truncated() -> ParquetError {
    .corrupt("thrift structure ends in the middle of a value", at: position)
  }

  mutating func varint() throws(ParquetError) -> UInt64 {
    var result: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try nextByte()
      result |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { return result }
      shift &+= 7
      guard shift < 64 else { throw .corrupt("thrift varint longer than 10 bytes", at: position) }
    }
  }

  private mutating func zigzag() throws(ParquetError) -> Int64 {
    let raw = try varint()
    return Int64(bitPattern: raw &>> 1) ^ -Int64(bitPattern: raw & 1)
  }

  // MARK: Structures

  /// Calls `field` for every field of the structure that starts here; it must consume the field's value, by one of the
  /// typed readers below or `skip`.
  @inline(__always)
  mutating func structure(
    _ field: (inout CompactReader, Int, CompactType) throws(ParquetError) -> Void
  ) throws(ParquetError) {
    depth &+= 1
    guard depth <= Self.maxDepth else { throw .corrupt("thrift structure nested too deeply", at: position) }
    var identifier = 0
    while true {
      let header = try nextByte()
      if header & 0x0F == 0 { break }
      guard let type = CompactType(rawValue: header & 0x0F) else {
        throw .corrupt("unknown thrift type \(header & 0x0F)", at: position)
      }
      let delta = Int(header &>> 4)
      if delta == 0 {
        identifier = Int(truncatingIfNeeded: try zigzag())
      } else {
        identifier &+= delta
      }
      try field(&self, identifier, type)
    }
    depth &-= 1
  }

  /// A nested structure field: checks the wire type first.
  @inline(__always)
  mutating func structure(
    _ type: CompactType, _ field: (inout CompactReader, Int, CompactType) throws(ParquetError) -> Void
  ) throws(ParquetError) {
    try expect(type, .structure)
    try structure(field)
  }

  /// The size and element type of a list field. The size is at most the bytes left: every element takes at least one.
  mutating func listHeader(_ type: CompactType) throws(ParquetError) -> (count: Int, element: CompactType) {
    guard type == .list || type == .set else { throw mismatch(type, .list) }
    let header = try nextByte()
    var size = UInt64(header &>> 4)
    if size == 15 { size = try varint() }
    guard size <= UInt64(remaining) else {
      throw .corrupt("thrift list of \(size) elements in \(remaining) bytes", at: position)
    }
    guard let element = CompactType(rawValue: header & 0x0F), element != .stop || size == 0 else {
      throw .corrupt("unknown thrift element type \(header & 0x0F)", at: position)
    }
    return (Int(size), element)
  }

  /// Reads each element of a list of structures.
  @inline(__always)
  mutating func structureList(
    _ type: CompactType, _ element: (inout CompactReader) throws(ParquetError) -> Void
  ) throws(ParquetError) {
    let (count, elementType) = try listHeader(type)
    guard count > 0 else { return }
    try expect(elementType, .structure)
    for _ in 0..<count { try element(&self) }
  }

  mutating func int64List(_ type: CompactType) throws(ParquetError) -> [Int64] {
    let (count, element) = try listHeader(type)
    var result: [Int64] = []
    result.reserveCapacity(count)
    for _ in 0..<count { result.append(try integer(element)) }
    return result
  }

  mutating func booleanList(_ type: CompactType) throws(ParquetError) -> [Bool] {
    let (count, element) = try listHeader(type)
    guard count == 0 || element == .isTrue || element == .isFalse else { throw mismatch(element, .isTrue) }
    var result: [Bool] = []
    result.reserveCapacity(count)
    for _ in 0..<count { result.append(try nextByte() == 1) }
    return result
  }

  mutating func binaryList(_ type: CompactType) throws(ParquetError) -> [ByteSpan] {
    let (count, element) = try listHeader(type)
    var result: [ByteSpan] = []
    result.reserveCapacity(count)
    for _ in 0..<count { result.append(try binary(element)) }
    return result
  }

  // MARK: Values

  private func mismatch(_ found: CompactType, _ expected: CompactType) -> ParquetError {
    .corrupt("thrift field type", expected: "\(expected)", found: "\(found)", at: position)
  }

  private func expect(_ found: CompactType, _ expected: CompactType) throws(ParquetError) {
    if found != expected { throw mismatch(found, expected) }
  }

  /// An integer field of any width; narrower wire types than the declared one are harmless.
  mutating func integer(_ type: CompactType) throws(ParquetError) -> Int64 {
    switch type {
    case .int32, .int64, .int16: return try zigzag()
    case .byte: return Int64(Int8(bitPattern: try nextByte()))
    default: throw mismatch(type, .int64)
    }
  }

  mutating func int32(_ type: CompactType) throws(ParquetError) -> Int32 {
    let wide = try integer(type)
    guard let value = Int32(exactly: wide) else { throw .corrupt("thrift i32 out of range: \(wide)", at: position) }
    return value
  }

  mutating func boolean(_ type: CompactType) throws(ParquetError) -> Bool {
    switch type {
    case .isTrue: return true
    case .isFalse: return false
    default: throw mismatch(type, .isTrue)
    }
  }

  /// Where the bytes of a binary or string field lie.
  mutating func binary(_ type: CompactType) throws(ParquetError) -> ByteSpan {
    try expect(type, .binary)
    let length = try varint()
    guard length <= UInt64(remaining) else {
      throw .corrupt("thrift string of \(length) bytes in \(remaining) bytes", at: position)
    }
    let span = ByteSpan(offset: position, count: Int(length))
    position &+= Int(length)
    return span
  }

  mutating func string(_ type: CompactType) throws(ParquetError) -> String {
    let span = try binary(type)
    return String(decoding: bytes[span.offset..<span.offset &+ span.count], as: UTF8.self)
  }

  /// The member of a union that is set, by its field id; nil when none is. `field` consumes the member.
  mutating func union(_ type: CompactType) throws(ParquetError) -> Int? {
    var member: Int?
    try structure(type) { (reader, identifier, fieldType) throws(ParquetError) in
      member = identifier
      try reader.skip(fieldType)
    }
    return member
  }

  /// Passes over the value of a field of type `type`.
  mutating func skip(_ type: CompactType) throws(ParquetError) {
    switch type {
    case .stop, .isTrue, .isFalse: break
    case .byte: _ = try nextByte()
    case .int16, .int32, .int64: _ = try varint()
    case .double:
      guard remaining >= 8 else { throw truncated() }
      position &+= 8
    case .binary: _ = try binary(type)
    case .list, .set:
      let (count, element) = try listHeader(type)
      for _ in 0..<count { try skipElement(element) }
    case .map:
      let size = try varint()
      guard size > 0 else { return }
      guard size <= UInt64(remaining) else { throw truncated() }
      let types = try nextByte()
      guard let key = CompactType(rawValue: types &>> 4), let value = CompactType(rawValue: types & 0x0F),
        key != .stop, value != .stop
      else { throw .corrupt("unknown thrift map types", at: position) }
      for _ in 0..<size {
        try skipElement(key)
        try skipElement(value)
      }
    case .structure:
      try structure { (reader, _, fieldType) throws(ParquetError) in try reader.skip(fieldType) }
    }
  }

  /// Booleans take a byte inside lists and maps, none as a field; lists of lists count towards the depth limit.
  private mutating func skipElement(_ type: CompactType) throws(ParquetError) {
    switch type {
    case .isTrue, .isFalse: _ = try nextByte()
    default:
      depth &+= 1
      guard depth <= Self.maxDepth else { throw .corrupt("thrift value nested too deeply", at: position) }
      try skip(type)
      depth &-= 1
    }
  }
}

import Columnar

/// A summary of many values in few bytes that can be joined with others of its kind: what a value of a sketch type holds.
///
/// A class, because an aggregate changes the one of each group in place. The bytes are those of Trino (airlift/stats), little-endian, so that sketches
/// that were stored as varbinary can be read by both.
protocol Sketch: AnyObject {
  /// - Throws: `INVALID_FUNCTION_ARGUMENT` when the bytes are no sketch of this kind.
  init(bytes: UnsafeRawBufferPointer) throws(KernelError)
  /// - Throws: `INVALID_FUNCTION_ARGUMENT` when the two were made with parameters that do not fit together.
  func merge(_ other: Self) throws(KernelError)
  func write(to bytes: inout TextBuffer)
  /// Bytes held, for memory accounting.
  var byteCount: Int { get }
}

/// Reads the parts of a sketch one after the other; never beyond the end.
struct SketchReader {
  private let bytes: UnsafeRawBufferPointer
  private let kind: StaticString
  private var offset = 0

  /// - Parameter kind: what the bytes should be, for messages.
  init(_ bytes: UnsafeRawBufferPointer, _ kind: StaticString) {
    self.bytes = bytes
    self.kind = kind
  }

  var remaining: Int { bytes.count - offset }

  mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type = Value.self) throws(KernelError) -> Value {
    let size = MemoryLayout<Value>.size
    guard remaining >= size else { throw malformed("it ends too early") }
    let value = bytes.loadUnaligned(fromByteOffset: offset, as: type)
    offset += size
    return Value(littleEndian: value)
  }

  mutating func double() throws(KernelError) -> Double { Double(bitPattern: try integer()) }

  mutating func bytes(_ count: Int) throws(KernelError) -> UnsafeRawBufferPointer {
    guard count >= 0, remaining >= count else { throw malformed("it ends too early") }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// A number of parts that follow, each of at least `size` bytes.
  mutating func count<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, ofSize size: Int) throws(KernelError) -> Int {
    let value = try integer(type)
    guard let count = Int(exactly: value), count >= 0, count <= remaining / size else { throw malformed("it ends too early") }
    return count
  }

  func end() throws(KernelError) {
    guard remaining == 0 else { throw malformed("it has \(remaining) bytes too many") }
  }

  func require(_ condition: Bool, _ fault: StaticString) throws(KernelError) {
    if !condition { throw malformed("\(fault)") }
  }

  private func malformed(_ fault: String) -> KernelError { .invalidArgument("Cannot read the bytes as \(kind): \(fault)") }
}

extension TextBuffer {
  mutating func append<Value: FixedWidthInteger & BitwiseCopyable>(littleEndian value: Value) {
    withUnsafeBytes(of: value.littleEndian) { append($0) }
  }

  mutating func append(littleEndian value: Double) { append(littleEndian: value.bitPattern) }
}

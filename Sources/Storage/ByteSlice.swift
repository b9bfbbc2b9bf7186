import Glibc

/// A range of immutable bytes together with whatever keeps them alive. Cheap to copy and to cut.
///
/// Readers hand these out instead of arrays, so that a page or a metadata file is never copied on its way.
// SAFETY: the bytes are never written once a slice exists; `owner` is only retained and released.
package struct ByteSlice: @unchecked Sendable {
  /// Keeps `bytes` alive; nil only for an empty slice or static memory.
  package let owner: AnyObject?
  package let bytes: UnsafeRawBufferPointer

  package init(owner: AnyObject?, bytes: UnsafeRawBufferPointer) {
    self.owner = owner
    self.bytes = bytes
  }

  package static let empty = ByteSlice(owner: nil, bytes: UnsafeRawBufferPointer(start: nil, count: 0))

  /// A copy of `array`'s bytes.
  package init(_ array: [UInt8]) {
    let buffer = ByteBuffer(byteCount: array.count)
    array.withUnsafeBytes { source in
      if let base = source.baseAddress { buffer.start.copyMemory(from: base, byteCount: source.count) }
    }
    self = buffer.slice(count: array.count)
  }

  package init(utf8 text: String) { self.init(Array(text.utf8)) }

  package var count: Int { bytes.count }
  package var isEmpty: Bool { bytes.count == 0 }

  /// The bytes `range`, counted from the start of this slice; nil when it does not lie inside.
  package func slice(_ range: Range<Int>) -> ByteSlice? {
    guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
    return ByteSlice(owner: owner, bytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// The bytes stay alive for the call.
  package func withBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(owner) {} }
    return try body(bytes)
  }

  package var array: [UInt8] { withBytes { Array($0) } }

  /// The bytes as text; ill-formed UTF-8 is replaced.
  package var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}

/// Memory filled once by a reader and then shared through `ByteSlice`s.
///
/// Aligned to 64 bytes, with 64 zeroed bytes behind the end, so that decoders may load whole words past the last byte.
// SAFETY: written by its maker before the first slice is handed out, never after.
package final class ByteBuffer: @unchecked Sendable {
  package static let slack = 64

  package let start: UnsafeMutableRawPointer
  package let byteCount: Int

  package init(byteCount: Int) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    start = UnsafeMutableRawPointer.allocate(byteCount: byteCount + Self.slack, alignment: 64)
    memset(start + byteCount, 0, Self.slack)
  }

  deinit { start.deallocate() }

  package var mutableBytes: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(start: start, count: byteCount) }

  /// The first `count` bytes; all of them by default.
  package func slice(count: Int? = nil) -> ByteSlice {
    ByteSlice(owner: self, bytes: UnsafeRawBufferPointer(start: start, count: count ?? byteCount))
  }
}

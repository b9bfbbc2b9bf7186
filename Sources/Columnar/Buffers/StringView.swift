#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A 16-byte string or binary value.
///
///     length <= 12:  | length: 4 | bytes: 12, zero-padded            |
///     longer:        | length: 4 | first 4 bytes | pointer: 8 bytes  |
///
/// The pointer is kept alive by the `heap` of the column that holds the view.
@frozen
package struct StringView: Sendable, BitwiseCopyable {
  package var length: UInt32
  package var prefix: UInt32
  package var rest: UInt64

  @inlinable package static var maxInlineLength: Int { 12 }

  /// The empty string.
  @inlinable
  package init() {
    length = 0
    prefix = 0
    rest = 0
  }

  /// A view of `count` bytes at `bytes`, which must stay alive when there are more than 12.
  @inlinable
  package init(_ bytes: UnsafeRawPointer, count: Int) {
    length = UInt32(truncatingIfNeeded: count)
    if count > 12 {
      prefix = bytes.loadUnaligned(as: UInt32.self)
      rest = UInt64(UInt(bitPattern: bytes))
    } else if count >= 8 {
      prefix = bytes.loadUnaligned(as: UInt32.self)
      let tail = bytes.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      rest = tail &>> (UInt64(truncatingIfNeeded: 12 &- count) &* 8)
    } else if count >= 4 {
      prefix = bytes.loadUnaligned(as: UInt32.self)
      let tail = UInt64(bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
      rest = tail &>> (UInt64(truncatingIfNeeded: 8 &- count) &* 8)
    } else {
      var small: UInt32 = 0
      var index = 0
      while index < count {
        small |= UInt32(bytes.load(fromByteOffset: index, as: UInt8.self)) &<< UInt32(truncatingIfNeeded: index &* 8)
        index &+= 1
      }
      prefix = small
      rest = 0
    }
  }

  @inlinable package var count: Int { Int(length) }
  @inlinable package var isInline: Bool { length <= 12 }

  /// Length and first four bytes as one word: unequal words mean unequal strings.
  @inlinable package var head: UInt64 { UInt64(length) | (UInt64(prefix) &<< 32) }

  /// The address of the bytes of the view stored at `view`.
  @inlinable
  package static func bytes(at view: UnsafePointer<StringView>) -> UnsafeRawPointer {
    if view.pointee.length <= 12 { return UnsafeRawPointer(view) + 4 }
    return UnsafeRawPointer(bitPattern: UInt(view.pointee.rest)).unsafelyUnwrapped
  }

  @inlinable
  package static func buffer(at view: UnsafePointer<StringView>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes(at: view), count: view.pointee.count)
  }

  @inlinable
  package static func string(at view: UnsafePointer<StringView>) -> String {
    String(decoding: buffer(at: view), as: UTF8.self)
  }

  @inlinable
  package static func equal(_ left: UnsafePointer<StringView>, _ right: UnsafePointer<StringView>) -> Bool {
    if left.pointee.head != right.pointee.head { return false }
    if left.pointee.rest == right.pointee.rest { return true }
    if left.pointee.length <= 12 { return false }
    return memcmp(bytes(at: left) + 4, bytes(at: right) + 4, left.pointee.count &- 4) == 0
  }

  /// Byte order: negative, zero or positive.
  @inlinable
  package static func compare(_ left: UnsafePointer<StringView>, _ right: UnsafePointer<StringView>) -> Int {
    let leftPrefix = left.pointee.prefix.bigEndian
    let rightPrefix = right.pointee.prefix.bigEndian
    if leftPrefix != rightPrefix { return leftPrefix < rightPrefix ? -1 : 1 }
    let common = min(left.pointee.count, right.pointee.count)
    let order = memcmp(bytes(at: left), bytes(at: right), common)
    return order != 0 ? Int(order) : left.pointee.count &- right.pointee.count
  }

  /// Calls `body` with the bytes of this view, wherever they are.
  @inlinable
  package func withBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result)
    throws(Failure) -> Result
  {
    var copy = self
    return try withUnsafePointer(to: &copy) { (pointer) throws(Failure) -> Result in
      try body(StringView.buffer(at: pointer))
    }
  }
}

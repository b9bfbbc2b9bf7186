#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reference-counted raw memory, aligned to 64 bytes, with at least 64 zeroed bytes of slack behind `byteCount`,
/// so that unaligned 8- and 16-byte reads of kernels may overrun the end.
///
/// A buffer is filled by its maker and immutable once a `Column` holds it.
package final class Buffer: @unchecked Sendable {  // immutable once shared, see above
  package let base: UnsafeMutableRawPointer
  package let byteCount: Int
  /// What frees memory that was not allocated here (a mapped file, a decompressed page).
  private let owner: AnyObject?
  private let isMapped: Bool

  /// Uninitialised memory, except for the slack. Large buffers are mapped with huge pages where the system has them.
  package init(byteCount: Int) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    self.owner = nil
    let size = (byteCount + 127) & ~63
    #if os(Linux)
      if size >= Self.mappingThreshold,
        let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        mapped != MAP_FAILED
      {
        madvise(mapped, size, 14 /* MADV_HUGEPAGE */)
        self.base = mapped
        self.isMapped = true
        return
      }
    #endif
    self.isMapped = false
    self.base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    memset(base + byteCount, 0, size - byteCount)
  }

  /// Memory somebody else keeps alive through `owner`; it must have readable slack or be read exactly.
  package init(base: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
    self.base = base
    self.byteCount = byteCount
    self.owner = owner
    self.isMapped = false
  }

  deinit {
    guard owner == nil else { return }
    if isMapped {
      munmap(base, (byteCount + 127) & ~63)
    } else {
      base.deallocate()
    }
  }

  /// From this size on, memory comes from `mmap` and is returned to the system when freed.
  private static let mappingThreshold = 4 << 20

  package static func zeroed(byteCount: Int) -> Buffer {
    let buffer = Buffer(byteCount: byteCount)
    if !buffer.isMapped { memset(buffer.base, 0, byteCount) }
    return buffer
  }

  package static func of<Value: BitwiseCopyable>(_ values: [Value]) -> Buffer {
    let buffer = Buffer(byteCount: values.count * MemoryLayout<Value>.stride)
    values.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress { memcpy(buffer.base, source, bytes.count) }
    }
    return buffer
  }
}

/// A typed window into a `Buffer`: `count` is known to whoever holds it.
package struct BufferSlice: Sendable {
  package let buffer: Buffer
  package let byteOffset: Int

  @inlinable
  package init(_ buffer: Buffer, byteOffset: Int = 0) {
    self.buffer = buffer
    self.byteOffset = byteOffset
  }

  @inlinable package var base: UnsafeMutableRawPointer { buffer.base + byteOffset }

  /// The values from here on. Bind the slice, or the column it is part of, to a `let` that outlives the pointer's use.
  @inlinable
  package func pointer<Value>(as type: Value.Type) -> UnsafePointer<Value> {
    UnsafePointer((buffer.base + byteOffset).assumingMemoryBound(to: Value.self))
  }

  @inlinable
  package func advanced(byBytes distance: Int) -> BufferSlice {
    BufferSlice(buffer, byteOffset: byteOffset + distance)
  }
}

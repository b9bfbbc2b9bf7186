import CIntrinsics

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
  private var kind: Kind

  enum Kind { case allocated, pooled, mapped, borrowed }

  /// Uninitialised memory, except for the slack. Medium buffers are used again, large ones mapped with huge pages where the system has them.
  package convenience init(byteCount: Int) { self.init(byteCount: byteCount, mappedFrom: Self.mappingThreshold) }

  private init(byteCount: Int, mappedFrom threshold: Int) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    self.owner = nil
    let size = (byteCount + 127) & ~63
    #if os(Linux)
      if size >= threshold,
        let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        mapped != MAP_FAILED
      {
        madvise(mapped, size, 14 /* MADV_HUGEPAGE */)
        self.base = mapped
        self.kind = .mapped
        return
      }
    #endif
    if size >= BufferPool.smallest && size <= BufferPool.largest {
      self.kind = .pooled
      self.base = BufferPool.take(size)
    } else {
      self.kind = .allocated
      self.base = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    }
    memset(base + byteCount, 0, size - byteCount)
  }

  /// Makes a buffer larger that nobody else holds; the first `used` bytes stay, and what follows is zero if `isZeroed`.
  ///
  /// Large memory moves by the system's page table: nothing is copied, and there are never two of it.
  package static func grow(_ buffer: inout Buffer, to byteCount: Int, keeping used: Int, isZeroed: Bool) {
    #if os(Linux)
      if buffer.kind == .mapped, isKnownUniquelyReferenced(&buffer), let moved = Buffer(moving: buffer, to: byteCount) {
        buffer = moved
        return
      }
    #endif
    let larger = isZeroed ? Buffer.zeroed(byteCount: byteCount) : Buffer(byteCount: byteCount)
    memcpy(larger.base, buffer.base, used)
    buffer = larger
  }

  #if os(Linux)
    /// Takes over the mapping of a buffer, which is left without memory.
    private init?(moving old: Buffer, to byteCount: Int) {
      let size = (byteCount + 127) & ~63
      guard let moved = frazil_grow_mapping(old.base, (old.byteCount + 127) & ~63, size) else { return nil }
      old.kind = .borrowed
      base = moved
      self.byteCount = byteCount
      owner = nil
      kind = .mapped
      madvise(moved, size, 14 /* MADV_HUGEPAGE */)
    }
  #endif

  /// Memory somebody else keeps alive through `owner`; it must have readable slack or be read exactly.
  package init(base: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
    self.base = base
    self.byteCount = byteCount
    self.owner = owner
    self.kind = .borrowed
  }

  deinit {
    let size = (byteCount + 127) & ~63
    if kind == .borrowed { return }
    let block = RestingMemory.Block(base: base, byteCount: size, kind: kind)
    if size <= RestingMemory.largest { RestingMemory.put(block) } else { block.free() }
  }

  /// From this size on, memory comes from `mmap` and is returned to the system when freed.
  private static let mappingThreshold = BufferPool.largest
  /// For zeroed memory earlier: the system's pages are clear already, and what is never touched costs nothing.
  private static let zeroedMappingThreshold = 2 << 20

  package static func zeroed(byteCount: Int) -> Buffer {
    let buffer = Buffer(byteCount: byteCount, mappedFrom: zeroedMappingThreshold)
    if buffer.kind != .mapped { memset(buffer.base, 0, byteCount) }
    return buffer
  }

  /// Says that the first `byteCount` bytes of zeroed memory will be written soon: the system then provides them at once, which is
  /// cheaper than page by page. A hint.
  package func prepare(byteCount: Int) {
    #if os(Linux)
      if kind == .mapped { madvise(base, min(byteCount, self.byteCount), 23 /* MADV_POPULATE_WRITE */) }
    #endif
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

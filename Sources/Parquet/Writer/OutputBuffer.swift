import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Bytes that grow at the end, without being zeroed first.
final class OutputBuffer {
  private var memory: UnsafeMutableRawPointer
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 4_096) {
    self.capacity = max(capacity, 64)
    memory = UnsafeMutableRawPointer.allocate(byteCount: self.capacity, alignment: 64)
  }

  deinit { memory.deallocate() }

  /// Room for `byteCount` more bytes; `commit` says how many were filled. Up to 16 bytes more may be scribbled on.
  func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let needed = count &+ byteCount &+ 16
    if needed > capacity {
      capacity = max(needed, capacity &* 2)
      let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 64)
      memcpy(larger, memory, count)
      memory.deallocate()
      memory = larger
    }
    return memory + count
  }

  func commit(_ byteCount: Int) { count &+= byteCount }

  func append(_ bytes: UnsafeRawPointer, count byteCount: Int) {
    memcpy(reserve(byteCount), bytes, byteCount)
    commit(byteCount)
  }

  func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { source in
      if let base = source.baseAddress { append(base, count: source.count) }
    }
  }

  func append<Value: FixedWidthInteger>(littleEndian value: Value) {
    reserve(MemoryLayout<Value>.size).storeBytes(of: value.littleEndian, as: Value.self)
    commit(MemoryLayout<Value>.size)
  }

  /// Overwrites bytes that were appended before.
  func store(_ value: UInt32, at offset: Int) { memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self) }

  func clear() { count = 0 }

  /// Valid until the next change.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: count) }
}

import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Writes values as PLAIN: in their stored form, side by side, byte arrays behind their lengths.
struct PlainEncoder {
  let form: StoredForm
  /// Bytes of a value in the engine's form.
  let width: Int
  /// Bytes of a stored value; 0 for bits and byte arrays.
  let storedWidth: Int

  init(_ leaf: WrittenLeaf) {
    form = leaf.form
    let physical = leaf.type.physical
    // Zoned timestamps have become instants before.
    width = physical == .timestampTZ ? 8 : physical.byteWidth
    switch leaf.kind {
    case .boolean, .byteArray: storedWidth = 0
    case .int32, .float: storedWidth = 4
    case .int64, .double: storedWidth = 8
    case .int96: storedWidth = 12
    case .fixedByteArray: storedWidth = leaf.typeLength
    }
  }

  /// Whether stored values are the engine's values as they lie in memory.
  var isCopy: Bool { form == .copy }

  /// Appends `count` values that lie at `values`.
  func append(_ values: UnsafeRawPointer, _ count: Int, into output: OutputBuffer) throws(ParquetError) {
    switch form {
    case .copy: output.append(values, count: count &* width)
    case .bits: bits(values.assumingMemoryBound(to: UInt8.self), count, output)
    case .int8ToInt32: map(values, Int8.self, count, output) { Int32($0) }
    case .int16ToInt32: map(values, Int16.self, count, output) { Int32($0) }
    case .int64ToInt32: map(values, Int64.self, count, output) { Int32(truncatingIfNeeded: $0) }
    case .uuid: map(values, Int128.self, count, output) { (UInt128(bitPattern: $0) ^ (1 << 127)).bigEndian }
    case .decimal(let length):
      let source = values.assumingMemoryBound(to: Int128.self)
      let target = output.reserve(count &* length &+ 16)
      for index in 0..<count {
        // The lowest bytes of the big-endian form, moved to the front.
        let shifted = UInt128(bitPattern: source[index]) &<< UInt128(truncatingIfNeeded: 8 &* (16 &- length))
        (target + index &* length).storeBytes(of: shifted.bigEndian, as: UInt128.self)
      }
      output.commit(count &* length)
    case .byteArray: byteArrays(values.assumingMemoryBound(to: StringView.self), count, output)
    case .fixedBytes(let length):
      let views = values.assumingMemoryBound(to: StringView.self)
      let target = output.reserve(count &* length)
      for index in 0..<count {
        guard views[index].count == length else {
          throw .invalidRequest("a value of \(views[index].count) bytes in a column of fixed length \(length)")
        }
        memcpy(target + index &* length, StringView.bytes(at: views + index), length)
      }
      output.commit(count &* length)
    case .null: break
    }
  }

  private func map<Value: BitwiseCopyable, Stored: BitwiseCopyable>(
    _ values: UnsafeRawPointer, _ type: Value.Type, _ count: Int, _ output: OutputBuffer, _ body: (Value) -> Stored
  ) {
    let source = values.assumingMemoryBound(to: type)
    let size = MemoryLayout<Stored>.size
    let target = output.reserve(count &* size)
    for index in 0..<count { target.storeBytes(of: body(source[index]), toByteOffset: index &* size, as: Stored.self) }
    output.commit(count &* size)
  }

  private func bits(_ source: UnsafePointer<UInt8>, _ count: Int, _ output: OutputBuffer) {
    let byteCount = (count &+ 7) &>> 3
    let target = output.reserve(byteCount).assumingMemoryBound(to: UInt8.self)
    for byte in 0..<byteCount {
      var packed: UInt8 = 0
      for bit in 0..<min(8, count &- byte &* 8) {
        packed |= (source[byte &* 8 &+ bit] & 1) &<< UInt8(truncatingIfNeeded: bit)
      }
      target[byte] = packed
    }
    output.commit(byteCount)
  }

  private func byteArrays(_ views: UnsafePointer<StringView>, _ count: Int, _ output: OutputBuffer) {
    var total = 0
    for index in 0..<count { total &+= views[index].count &+ 4 }
    let start = output.reserve(total)
    var target = start
    for index in 0..<count {
      let view = views[index]
      target.storeBytes(of: view.length, as: UInt32.self)
      if view.isInline {
        // Always twelve bytes; the next value writes over the surplus, and there is slack behind the last.
        target.storeBytes(of: view.prefix, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: view.rest, toByteOffset: 8, as: UInt64.self)
      } else {
        memcpy(target + 4, StringView.bytes(at: views + index), view.count)
      }
      target += view.count &+ 4
    }
    output.commit(total)
  }

  /// A bound as stored, without a length.
  func bytes(of value: ScalarValue) -> [UInt8]? {
    func plain<Value: BitwiseCopyable>(_ number: Value) -> [UInt8]? {
      let output = OutputBuffer()
      var number = number
      // Only byte arrays of a wrong length throw, and those come as arrays below.
      try? append(&number, 1, into: output)
      return Array(output.bytes)
    }
    switch value {
    case .boolean(let flag): return [flag ? 1 : 0]
    case .int(let number):
      switch width {
      case 1: return plain(Int8(truncatingIfNeeded: number))
      case 2: return plain(Int16(truncatingIfNeeded: number))
      case 4: return plain(Int32(truncatingIfNeeded: number))
      default: return plain(number)
      }
    case .int128(let number): return plain(number)
    case .real(let number): return plain(number)
    case .double(let number): return plain(number)
    case .bytes(let bytes): return bytes
    case .null, .timestampTZ, .list, .map, .row: return nil
    }
  }
}

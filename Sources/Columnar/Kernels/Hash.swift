/// 64-bit hashing of values and columns, for hash tables in memory and for partitioning spilled rows. Not stable across versions;
/// Iceberg's bucket transform has its own hash.
package enum Hashing {
  @usableFromInline static var first: UInt64 { 0x9E37_79B9_7F4A_7C15 }
  @usableFromInline static var second: UInt64 { 0xD6E8_FEB8_6659_FD93 }

  /// The hash of NULL.
  @inlinable package static var null: UInt64 { 0x5851_F42D_4C95_7F2D }

  /// Both halves of the 128-bit product, folded: every input bit reaches every output bit.
  @inlinable
  package static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = left.multipliedFullWidth(by: right)
    return product.high ^ product.low
  }

  @inlinable
  package static func word(_ value: UInt64) -> UInt64 { mix(value ^ first, second) }

  @inlinable
  package static func words(_ low: UInt64, _ high: UInt64) -> UInt64 { mix(mix(low ^ first, second) ^ high, first) }

  /// Adds the hash of one more key column.
  @inlinable
  package static func combine(_ hash: UInt64, _ next: UInt64) -> UInt64 { mix(hash ^ second, next ^ first) }

  /// Bytes in steps of 16, with an overlapping load for the tail.
  @inlinable
  package static func bytes(_ start: UnsafeRawPointer, count: Int) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: count) ^ second
    var position = start
    var left = count
    while left > 16 {
      hash = mix(
        position.loadUnaligned(as: UInt64.self) ^ first,
        position.loadUnaligned(fromByteOffset: 8, as: UInt64.self) ^ hash)
      position += 16
      left &-= 16
    }
    var low: UInt64 = 0
    var high: UInt64 = 0
    if left >= 8 {
      low = position.loadUnaligned(as: UInt64.self)
      high = position.loadUnaligned(fromByteOffset: left &- 8, as: UInt64.self)
    } else if left >= 4 {
      low = UInt64(position.loadUnaligned(as: UInt32.self))
      high = UInt64(position.loadUnaligned(fromByteOffset: left &- 4, as: UInt32.self))
    } else if left > 0 {
      low = UInt64(position.load(as: UInt8.self))
      high =
        UInt64(position.load(fromByteOffset: left &>> 1, as: UInt8.self)) &<< 8
        | UInt64(position.load(fromByteOffset: left &- 1, as: UInt8.self))
    }
    return mix(mix(low ^ first, high ^ hash), second)
  }

  /// Equal strings have equal hashes, inline or not: short ones hash their 16-byte view.
  @inlinable
  package static func string(_ view: UnsafePointer<StringView>) -> UInt64 {
    let value = view.pointee
    if value.length <= 12 { return words(value.head, value.rest) }
    return bytes(UnsafeRawPointer(bitPattern: UInt(value.rest)).unsafelyUnwrapped, count: value.count)
  }

  /// Zeros of both signs are one value, and so are all NaNs (Trino groups and joins them so).
  @inlinable
  package static func normalised(_ value: Double) -> UInt64 {
    if value == 0 { return 0 }
    return value.isNaN ? 0x7FF8_0000_0000_0000 : value.bitPattern
  }

  @inlinable
  package static func normalised(_ value: Float) -> UInt32 {
    if value == 0 { return 0 }
    return value.isNaN ? 0x7FC0_0000 : value.bitPattern
  }
}

extension Column {
  /// Hashes of all rows: `hashes[i] = hash(self[i])`, or combined with what is there when `combining`.
  ///
  /// Values that compare equal hash equal whatever the encoding. Dictionary columns are hashed once per entry.
  package func hash(into hashes: UnsafeMutablePointer<UInt64>, combining: Bool) {
    switch encoding {
    case .flat(let vector):
      hashRows(vector, into: hashes, combining: combining)
    case .constant:
      let one = valueHashes()
      for row in 0..<count { hashes[row] = combining ? Hashing.combine(hashes[row], one[0]) : one[0] }
    case .dictionary(let vector):
      let entries = vector.values.count == 0 ? [Hashing.null] : vector.values.valueHashes()
      let indices = vector.indices.pointer(as: UInt32.self)
      let validity = vector.validity?.pointer(as: UInt8.self)
      entries.withUnsafeBufferPointer { table in
        for row in 0..<count {
          let isNull = validity.map { $0[row] == 0 } ?? false
          let hash = isNull ? Hashing.null : table[Int(indices[row])]
          hashes[row] = combining ? Hashing.combine(hashes[row], hash) : hash
        }
      }
    }
  }

  /// Hashes of the stored values: per row of a flat column, one for a constant.
  private func valueHashes() -> [UInt64] {
    let size = isConstant ? 1 : count
    return [UInt64](unsafeUninitializedCapacity: max(size, 1)) { buffer, initialised in
      if let base = buffer.baseAddress {
        Column(flat: flat, type: type, count: size).hashRows(flat, into: base, combining: false)
      }
      initialised = size
    }
  }

  private func hashRows(_ vector: FlatVector, into hashes: UnsafeMutablePointer<UInt64>, combining: Bool) {
    let validity = vector.validity?.pointer(as: UInt8.self)
    let rows = count
    func fill(_ hashOf: (Int) -> UInt64) {
      if let validity {
        for row in 0..<rows {
          let hash = validity[row] == 0 ? Hashing.null : hashOf(row)
          hashes[row] = combining ? Hashing.combine(hashes[row], hash) : hash
        }
      } else if combining {
        for row in 0..<rows { hashes[row] = Hashing.combine(hashes[row], hashOf(row)) }
      } else {
        for row in 0..<rows { hashes[row] = hashOf(row) }
      }
    }
    switch type.physical {
    case .boolean:
      let values = vector.values.pointer(as: UInt8.self)
      fill { Hashing.word(UInt64(values[$0])) }
    case .int8:
      let values = vector.values.pointer(as: Int8.self)
      fill { Hashing.word(UInt64(bitPattern: Int64(values[$0]))) }
    case .int16:
      let values = vector.values.pointer(as: Int16.self)
      fill { Hashing.word(UInt64(bitPattern: Int64(values[$0]))) }
    case .int32:
      let values = vector.values.pointer(as: Int32.self)
      fill { Hashing.word(UInt64(bitPattern: Int64(values[$0]))) }
    case .int64:
      let values = vector.values.pointer(as: UInt64.self)
      fill { Hashing.word(values[$0]) }
    case .int128:
      let values = vector.values.pointer(as: UInt128.self)
      fill {
        Hashing.words(UInt64(truncatingIfNeeded: values[$0]), UInt64(truncatingIfNeeded: values[$0] >> 64))
      }
    case .float:
      let values = vector.values.pointer(as: Float.self)
      fill { Hashing.word(UInt64(Hashing.normalised(values[$0]))) }
    case .double:
      let values = vector.values.pointer(as: Double.self)
      fill { Hashing.word(Hashing.normalised(values[$0])) }
    case .timestampTZ:
      let values = vector.values.pointer(as: TimestampTZ.self)
      fill { Hashing.word(UInt64(bitPattern: values[$0].instant)) }
    case .string:
      let values = vector.values.pointer(as: StringView.self)
      fill { Hashing.string(values + $0) }
    case .row:
      let fields = vector.children.map { $0.allHashes() }
      fill { row in fields.reduce(Hashing.first) { Hashing.combine($0, $1[row]) } }
    case .list:
      let entries = vector.values.pointer(as: ListEntry.self)
      let children = vector.children.map { $0.allHashes() }
      let isMap = children.count == 2
      fill { row in
        let entry = entries[row]
        let range = Int(entry.offset)..<Int(entry.offset) + Int(entry.count)
        // The order of a map's entries means nothing, so their hashes are added up.
        if isMap { return range.reduce(UInt64(entry.count)) { $0 &+ Hashing.combine(children[0][$1], children[1][$1]) } }
        return range.reduce(UInt64(entry.count)) { Hashing.combine($0, children[0][$1]) }
      }
    }
  }

  private func allHashes() -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: count) { buffer, initialised in
      if let base = buffer.baseAddress { hash(into: base, combining: false) }
      initialised = count
    }
  }
}

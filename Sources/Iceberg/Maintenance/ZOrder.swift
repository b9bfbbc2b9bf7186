package import Columnar

/// Keys whose byte order is the Z-order (Morton) curve over several columns: rows that are near in every column are near in the order.
///
/// Each value becomes 65 bits that sort as it does, one that says whether it is NULL (NULLs first) and 64 of the value; the bits of all
/// columns are then taken in turns, the highest first:
///
/// ```
/// a: 1 a63 a62 …      ┐
/// b: 1 b63 b62 …      ┘ key: 1 1 a63 b63 a62 b62 … , filled with zeros to whole bytes
/// ```
///
/// | type | bits |
/// |---|---|
/// | boolean, integers, dates, times, timestamps | the 64-bit number, sign bit flipped |
/// | decimals | the unscaled number, cut to 64 bits at either end |
/// | real, double | of the double, all bits flipped where negative, else the sign bit; NaN last |
/// | text, binary, fixed, uuid | the first eight bytes |
///
/// Java's ZOrderByteUtils does the same with whole bytes and without the NULL bit.
package enum ZOrder {
  /// - Parameter columns: of one length, none nested.
  /// - Returns: a varbinary column without NULLs.
  package static func keys(_ columns: [Column], count: Int) -> Column {
    let ranks = columns.map { Ranks($0) }
    let width = (65 * columns.count + 7) / 8
    let builder = ColumnBuilder(type: .varbinary, capacity: count)
    withUnsafeTemporaryAllocation(byteCount: width, alignment: 8) { key in
      for row in 0..<count {
        key.initializeMemory(as: UInt8.self, repeating: 0)
        var bit = 0
        for rank in ranks {
          if rank.isValid[row] { key[bit >> 3] |= 0x80 >> UInt8(truncatingIfNeeded: bit & 7) }
          bit += 1
        }
        var shift: UInt64 = 64
        while shift > 0 {
          shift -= 1
          for rank in ranks {
            let value = UInt8(truncatingIfNeeded: (rank.values[row] &>> shift) & 1)
            key[bit >> 3] |= value << UInt8(truncatingIfNeeded: 7 - bit & 7)
            bit += 1
          }
        }
        builder.append(bytes: UnsafeRawBufferPointer(key))
      }
    }
    return builder.finish()
  }

  /// Whether values of a type can be part of a key.
  package static func takes(_ type: SQLType) -> Bool {
    switch type.physical {
    case .list, .row: false
    case .boolean, .int8, .int16, .int32, .int64, .int128, .float, .double, .string, .timestampTZ: true
    }
  }

  /// Numbers that sort like the values of a column; zero for NULL.
  private struct Ranks {
    var values: [UInt64]
    var isValid: [Bool]

    init(_ column: Column) {
      let view = ColumnView(column)
      isValid = (0..<column.count).map { view.isValid($0) }
      values = []
      switch column.type.physical {
      case .boolean: values = ranks(view, UInt8.self) { UInt64($0 & 1) }
      case .int8: values = ranks(view, Int8.self) { Self.ordered(Int64($0)) }
      case .int16: values = ranks(view, Int16.self) { Self.ordered(Int64($0)) }
      case .int32: values = ranks(view, Int32.self) { Self.ordered(Int64($0)) }
      case .int64: values = ranks(view, Int64.self) { Self.ordered($0) }
      case .int128: values = ranks(view, Int128.self) { Self.ordered(Int64(clamping: $0)) }
      case .float: values = ranks(view, Float.self) { Self.ordered(Double($0)) }
      case .double: values = ranks(view, Double.self) { Self.ordered($0) }
      case .timestampTZ: values = ranks(view, TimestampTZ.self) { Self.ordered($0.instant) }
      case .string:
        let texts = view.pointer(as: StringView.self)
        values = isValid.indices.map { isValid[$0] ? Self.prefix(StringView.buffer(at: texts + view.index($0))) : 0 }
      case .list, .row: values = [UInt64](repeating: 0, count: column.count)
      }
    }

    private func ranks<Value>(_ view: ColumnView, _ type: Value.Type, _ rank: (Value) -> UInt64) -> [UInt64] {
      let numbers = view.pointer(as: type)
      return isValid.indices.map { isValid[$0] ? rank(numbers[view.index($0)]) : 0 }
    }

    private static func ordered(_ number: Int64) -> UInt64 { UInt64(bitPattern: number) ^ (1 << 63) }

    private static func ordered(_ number: Double) -> UInt64 {
      let bits = Hashing.normalised(number)
      return bits >> 63 == 0 ? bits ^ (1 << 63) : ~bits
    }

    private static func prefix(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
      var rank: UInt64 = 0
      for index in 0..<8 { rank = rank << 8 | (index < bytes.count ? UInt64(bytes[index]) : 0) }
      return rank
    }
  }
}

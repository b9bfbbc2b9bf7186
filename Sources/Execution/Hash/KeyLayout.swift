import Columnar
import Functions

/// How the key columns of a hash table lie side by side in rows of fixed width.
///
///     one key up to 8 bytes:   | value, zero-extended: 8 |                                   shape .word
///     one text key:            | StringView: 16 |                                            shape .text
///     anything else:           | null bits | field | field | ... | padding to 8 | zones: 4 each |   shape .general
///
/// Two rows are the same key when their compared bytes are, except that long strings and encoded nested values are compared
/// through their pointers. Floating numbers are normalised first: -0.0 is 0.0 and every NaN the same. A NULL is zero bytes: in the
/// one-key shapes its hash tells it from a zero, see `GroupTable`.
struct KeyLayout {
  enum Shape { case word, text, general }

  enum Kind {
    case fixed(Int)
    case float, double
    case text
    /// The instant is compared, the zone is carried along.
    case timestampTZ(zoneOffset: Int)
    /// Bytes of `KeyEncoder`, as a string view.
    case nested
  }

  struct Field {
    let type: SQLType
    let kind: Kind
    let offset: Int
  }

  let fields: [Field]
  let shape: Shape
  /// Bytes that decide about equality; a multiple of 8.
  let comparedByteCount: Int
  let stride: Int
  let hasPointers: Bool
  let nullByteCount: Int

  init(types: [SQLType]) {
    func width(_ kind: Kind) -> Int {
      switch kind {
      case .fixed(let width): width
      case .float: 4
      case .double, .timestampTZ: 8
      case .text, .nested: 16
      }
    }
    let kinds = types.map { type -> Kind in
      switch type.physical {
      case .float: .float
      case .double: .double
      case .string: .text
      case .timestampTZ: .timestampTZ(zoneOffset: 0)
      case .list, .row: .nested
      default: .fixed(type.physical.byteWidth)
      }
    }
    if types.count == 1, case .text = kinds[0] {
      shape = .text
    } else if types.count == 1, width(kinds[0]) <= 8 {
      if case .timestampTZ = kinds[0] { shape = .general } else { shape = .word }
    } else {
      shape = .general
    }
    nullByteCount = shape == .general ? (types.count + 7) / 8 : 0
    var offset = nullByteCount
    var offsets: [Int] = []
    for kind in kinds {
      offsets.append(offset)
      offset += width(kind)
    }
    comparedByteCount = max(8, (offset + 7) & ~7)
    var zone = comparedByteCount
    var made: [Field] = []
    for (index, kind) in kinds.enumerated() {
      var kind = kind
      if case .timestampTZ = kind {
        kind = .timestampTZ(zoneOffset: zone)
        zone += 4
      }
      made.append(Field(type: types[index], kind: kind, offset: offsets[index]))
    }
    fields = made
    stride = (zone + 7) & ~7
    hasPointers = kinds.contains { if case .text = $0 { true } else if case .nested = $0 { true } else { false } }
  }

  /// Writes `count` rows of keys. Long strings point into the columns' memory, nested values into `arena`.
  func encode(_ columns: [Column], count: Int, into rows: UnsafeMutableRawPointer, arena: inout StringHeap) {
    let stride = stride
    if shape == .general || fields[0].type.physical.byteWidth < 8 {
      rows.initializeMemory(as: UInt8.self, repeating: 0, count: count &* stride)
    }
    for (index, field) in fields.enumerated() {
      let column = columns[index]
      let target = rows + field.offset
      switch field.kind {
      case .fixed(1): Self.copy(column, count, target, stride, UInt8.self) { $0 }
      case .fixed(2): Self.copy(column, count, target, stride, UInt16.self) { $0 }
      case .fixed(4): Self.copy(column, count, target, stride, UInt32.self) { $0 }
      case .fixed(16): Self.copy(column, count, target, stride, UInt128.self) { $0 }
      case .fixed: Self.copy(column, count, target, stride, UInt64.self) { $0 }
      case .float: Self.copy(column, count, target, stride, Float.self) { Hashing.normalised($0) }
      case .double: Self.copy(column, count, target, stride, Double.self) { Hashing.normalised($0) }
      case .text: Self.copy(column, count, target, stride, StringView.self) { $0 }
      case .timestampTZ(let zoneOffset):
        Self.copy(column, count, target, stride, TimestampTZ.self) { $0.instant }
        Self.copy(column, count, rows + zoneOffset, stride, TimestampTZ.self) { $0.zone }
      case .nested:
        let encoder = KeyEncoder(column)
        for row in 0..<count {
          (target + row &* stride).storeBytes(of: encoder.encode(row, into: &arena), as: StringView.self)
        }
      }
      if shape == .general { markNulls(column, index, count, rows) }
    }
  }

  @inline(__always)
  private static func copy<Value, Stored: BitwiseCopyable>(
    _ column: Column, _ count: Int, _ target: UnsafeMutableRawPointer, _ stride: Int, _ type: Value.Type,
    _ convert: (Value) -> Stored
  ) {
    let view = ColumnView(column)
    let values = view.pointer(as: type)
    if view.isFlat && !view.mayHaveNulls {
      for row in 0..<count { (target + row &* stride).storeBytes(of: convert(values[row]), as: Stored.self) }
    } else {
      let zero = MemoryLayout<Stored>.size
      for row in 0..<count {
        let place = target + row &* stride
        if view.isValid(row) {
          place.storeBytes(of: convert(values[view.index(row)]), as: Stored.self)
        } else {
          place.initializeMemory(as: UInt8.self, repeating: 0, count: zero)
        }
      }
    }
  }

  private func markNulls(_ column: Column, _ index: Int, _ count: Int, _ rows: UnsafeMutableRawPointer) {
    if column.hasNoValidity { return }
    let view = ColumnView(column)
    let place = rows + index / 8
    let bit = UInt8(1) << UInt8(index % 8)
    for row in 0..<count where !view.isValid(row) {
      let byte = place + row &* stride
      byte.storeBytes(of: byte.load(as: UInt8.self) | bit, as: UInt8.self)
    }
  }

  func isNull(_ row: UnsafeRawPointer, field: Int) -> Bool {
    nullByteCount > 0 && (row + field / 8).load(as: UInt8.self) & (1 << UInt8(field % 8)) != 0
  }

  /// Field by field, for rows whose bytes differ but that hold pointers.
  func isSameKey(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    for index in 0..<nullByteCount where (left + index).load(as: UInt8.self) != (right + index).load(as: UInt8.self) {
      return false
    }
    for field in fields {
      let first = left + field.offset
      let second = right + field.offset
      let same: Bool
      switch field.kind {
      case .text, .nested: same = Self.isSameText(first, second)
      case .double, .timestampTZ: same = first.loadUnaligned(as: UInt64.self) == second.loadUnaligned(as: UInt64.self)
      case .float: same = first.loadUnaligned(as: UInt32.self) == second.loadUnaligned(as: UInt32.self)
      case .fixed(8): same = first.loadUnaligned(as: UInt64.self) == second.loadUnaligned(as: UInt64.self)
      case .fixed(4): same = first.loadUnaligned(as: UInt32.self) == second.loadUnaligned(as: UInt32.self)
      case .fixed(2): same = first.loadUnaligned(as: UInt16.self) == second.loadUnaligned(as: UInt16.self)
      case .fixed(1): same = first.load(as: UInt8.self) == second.load(as: UInt8.self)
      case .fixed: same = first.loadUnaligned(as: UInt128.self) == second.loadUnaligned(as: UInt128.self)
      }
      if !same { return false }
    }
    return true
  }

  /// Two string views at any alignment.
  @inline(__always)
  static func isSameText(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    var first = left.loadUnaligned(as: StringView.self)
    var second = right.loadUnaligned(as: StringView.self)
    return StringView.equal(&first, &second)
  }
}

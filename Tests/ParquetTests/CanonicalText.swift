import Columnar

/// Writes values in the corpus' digest form: one line of compact JSON a row.
struct CanonicalText {
  var bytes: [UInt8] = []

  private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }
  private mutating func put(_ character: Unicode.Scalar) { bytes.append(UInt8(truncatingIfNeeded: character.value)) }

  mutating func appendRows(_ column: Column, _ type: ExpectedType) {
    let column = column
    let view = ColumnView(column)
    for row in 0..<column.count {
      append(view, column.type, row, type)
      bytes.append(10)
    }
  }

  private mutating func append(_ view: ColumnView, _ sqlType: SQLType, _ row: Int, _ type: ExpectedType) {
    guard view.isValid(row) else { return put("null") }
    let index = view.index(row)
    switch type {
    case .list(let element):
      let entry = view.pointer(as: ListEntry.self)[index]
      let child = view.children[0]
      let childView = ColumnView(child)
      put("[")
      for offset in 0..<Int(entry.count) {
        if offset > 0 { put(",") }
        append(childView, child.type, Int(entry.offset) + offset, element)
      }
      put("]")
    case .map(let key, let value):
      let entry = view.pointer(as: ListEntry.self)[index]
      let keys = view.children[0], values = view.children[1]
      let keyView = ColumnView(keys), valueView = ColumnView(values)
      put("[")
      for offset in 0..<Int(entry.count) {
        if offset > 0 { put(",") }
        put("[")
        append(keyView, keys.type, Int(entry.offset) + offset, key)
        put(",")
        append(valueView, values.type, Int(entry.offset) + offset, value)
        put("]")
      }
      put("]")
    case .row(let fields):
      put("{")
      for (position, field) in fields.enumerated() {
        if position > 0 { put(",") }
        quote(Array(field.name.utf8))
        put(":")
        let child = view.children[position]
        append(ColumnView(child), child.type, index, field.type)
      }
      put("}")
    case .decimal(let scale):
      let value = sqlType.physical == .int64 ? Int128(view.pointer(as: Int64.self)[index]) : view.pointer(as: Int128.self)[index]
      put("\"")
      put(Self.decimal(value, scale: scale))
      put("\"")
    case .fixed:
      if sqlType == .uuid {
        let value = UInt128(bitPattern: view.pointer(as: Int128.self)[index]) ^ (1 << 127)
        put("\"")
        for shift in stride(from: 120, through: 0, by: -8) { hex(UInt64(truncatingIfNeeded: value >> UInt128(shift)) & 0xFF, 2) }
        put("\"")
      } else {
        binary(StringView.buffer(at: view.pointer(as: StringView.self) + index))
      }
    case .temporal(let name, let digits):
      let value =
        name == "timestamptz" ? view.pointer(as: TimestampTZ.self)[index].instant : view.pointer(as: Int64.self)[index]
      temporal(value, name, digits)
    case .plain(let name): plain(view, index, name)
    }
  }

  private mutating func plain(_ view: ColumnView, _ index: Int, _ name: String) {
    switch name {
    case "boolean": put(view.pointer(as: UInt8.self)[index] != 0 ? "true" : "false")
    case "int8": integer(Int64(view.pointer(as: Int8.self)[index]))
    case "int16", "uint8": integer(Int64(view.pointer(as: Int16.self)[index]))
    case "int32", "uint16": integer(Int64(view.pointer(as: Int32.self)[index]))
    case "int64", "uint32": integer(view.pointer(as: Int64.self)[index])
    case "uint64": put("\(view.pointer(as: Int128.self)[index])")
    case "double":
      let value = view.pointer(as: Double.self)[index]
      put("\"f64:")
      hex(value.isNaN ? 0x7ff8_0000_0000_0000 : value.bitPattern, 16)
      put("\"")
    case "float":
      let value = view.pointer(as: Float.self)[index]
      put("\"f32:")
      hex(UInt64(value.isNaN ? 0x7fc0_0000 : value.bitPattern), 8)
      put("\"")
    case "float16":
      put("\"f16:")
      hex(UInt64(Self.half(view.pointer(as: Float.self)[index])), 4)
      put("\"")
    case "string":
      let text = StringView.buffer(at: view.pointer(as: StringView.self) + index)
      if text.contains(where: { $0 >= 0x80 }), String(validating: text, as: UTF8.self) == nil {
        put("\"hex:")
        for byte in text { hex(UInt64(byte), 2) }
        put("\"")
      } else {
        quote(text)
      }
    case "binary": binary(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case "date":
      put("\"")
      date(Int64(view.pointer(as: Int32.self)[index]))
      put("\"")
    default: put("null")
    }
  }

  private mutating func integer(_ value: Int64) {
    if value < 0 { put("-") }
    unsigned(value.magnitude, 1)
  }

  /// At least `width` decimal digits.
  private mutating func unsigned(_ value: UInt64, _ width: Int) {
    let start = bytes.count
    var rest = value
    repeat {
      bytes.append(UInt8(truncatingIfNeeded: 48 + rest % 10))
      rest /= 10
    } while rest > 0 || bytes.count - start < width
    bytes[start...].reverse()
  }

  private mutating func hex(_ value: UInt64, _ digits: Int) {
    for position in stride(from: digits - 1, through: 0, by: -1) {
      let nibble = UInt8(truncatingIfNeeded: value >> UInt64(position * 4)) & 15
      bytes.append(nibble < 10 ? 48 + nibble : 87 + nibble)
    }
  }

  private mutating func binary(_ value: UnsafeRawBufferPointer) {
    put("\"")
    for byte in value { hex(UInt64(byte), 2) }
    put("\"")
  }

  private mutating func quote(_ text: some Sequence<UInt8>) {
    put("\"")
    for byte in text {
      switch byte {
      case 0x22: put("\\\"")
      case 0x5C: put("\\\\")
      case 8: put("\\b")
      case 9: put("\\t")
      case 10: put("\\n")
      case 12: put("\\f")
      case 13: put("\\r")
      case 0..<0x20:
        put("\\u00")
        hex(UInt64(byte), 2)
      default: bytes.append(byte)
      }
    }
    put("\"")
  }

  private static func decimal(_ value: Int128, scale: Int) -> String {
    var digits = String(value.magnitude)
    if digits.count <= scale { digits = String(repeating: "0", count: scale + 1 - digits.count) + digits }
    if scale > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale)) }
    return value < 0 ? "-" + digits : digits
  }

  /// Days since 1970 as a proleptic Gregorian date with astronomical years.
  private mutating func date(_ days: Int64) {
    // Days from 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468
    let era = shifted >= 0 ? shifted / 146_097 : (shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
    // As C prints a number in four places, the sign taking one.
    if year < 0 { put("-") }
    unsigned(year.magnitude, year < 0 ? 3 : 4)
    put("-")
    unsigned(UInt64(month >= 10 ? month - 9 : month + 3), 2)
    put("-")
    unsigned(UInt64(day), 2)
  }

  private mutating func temporal(_ value: Int64, _ name: String, _ digits: Int) {
    let perSecond: Int64 = digits == 9 ? 1_000_000_000 : 1_000_000
    let perDay = perSecond * 86_400
    put("\"")
    var ofDay = value
    if name != "time" {
      var days = value / perDay
      if value % perDay < 0 { days -= 1 }
      ofDay = value &- days &* perDay
      date(days)
      put("T")
    }
    let seconds = ofDay / perSecond
    unsigned(UInt64(seconds / 3_600), 2)
    put(":")
    unsigned(UInt64(seconds / 60 % 60), 2)
    put(":")
    unsigned(UInt64(seconds % 60), 2)
    put(".")
    let fraction = ofDay % perSecond
    unsigned(UInt64(digits == 3 ? fraction / 1_000 : fraction), digits)
    if name == "timestamptz" { put("Z") }
    put("\"")
  }

  /// The half-precision bits of a value that came from half precision.
  private static func half(_ value: Float) -> UInt16 {
    if value.isNaN { return 0x7e00 }
    let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
    let magnitude = value.magnitude
    if magnitude.isInfinite { return sign | 0x7c00 }
    if magnitude < 0x1p-14 { return sign | UInt16(magnitude * 0x1p24) }
    let bits = magnitude.bitPattern
    return sign | UInt16((bits >> 23) - 112) << 10 | UInt16(bits >> 13 & 0x3ff)
  }
}

import Columnar
import Frazil

/// Rows in the corpus' form: one line of compact JSON each (../shared/corpus/iceberg/README.md).
enum CanonicalRow {
  static func lines(_ batch: Batch) -> [String] {
    (0..<batch.count).map { row in
      "[" + batch.columns.map { text($0.scalarValue(at: row), $0.type) }.joined(separator: ",") + "]"
    }
  }

  /// The corpus' name of a type; fixed-size and other bytes, and uuids, are all `binary`.
  static func name(_ type: SQLType) -> String {
    switch type {
    case .integer: "int32"
    case .bigint: "int64"
    case .real: "float"
    case .varchar: "string"
    case .varbinary, .uuid: "binary"
    case .unknown: "null"
    case .decimal(let precision, let scale): "decimal(\(precision),\(scale))"
    case .time(let precision): "time(\(unit(precision)))"
    case .timestamp(let precision): "timestamp(\(unit(precision)))"
    case .timestampTZ(let precision): "timestamptz(\(unit(precision)))"
    case .array(let element): "list<\(name(element))>"
    case .map(let key, let value): "map<\(name(key)),\(name(value))>"
    case .row(let fields): "struct<" + fields.map { "\($0.name ?? ""):\(name($0.type))" }.joined(separator: ",") + ">"
    default: "\(type)"
    }
  }

  private static func unit(_ precision: Int) -> String { [3: "ms", 6: "us", 9: "ns"][precision] ?? "?" }

  static func text(_ value: ScalarValue, _ type: SQLType) -> String {
    switch (value, type) {
    case (.null, _): return "null"
    case (.boolean(let flag), _): return flag ? "true" : "false"
    case (.list(let elements), .array(let element)): return "[" + elements.map { text($0, element) }.joined(separator: ",") + "]"
    case (.map(let pairs), .map(let key, let mapped)):
      return "[" + pairs.map { "[\(text($0.key, key)),\(text($0.value, mapped))]" }.joined(separator: ",") + "]"
    case (.row(let values), .row(let fields)):
      return "{" + zip(values, fields).map { quoted($1.name ?? "") + ":" + text($0, $1.type) }.joined(separator: ",") + "}"
    case (.real(let number), _): return quoted(python(number.description, number.isNaN, number.isInfinite, number < 0))
    case (.double(let number), _): return quoted(python(number.description, number.isNaN, number.isInfinite, number < 0))
    case (.int(let number), .decimal(_, let scale)): return quoted(decimal(Int128(number), scale))
    case (.int128(let number), .decimal(_, let scale)): return quoted(decimal(number, scale))
    case (.int128(let number), _): return quoted(hex(withUnsafeBytes(of: (UInt128(bitPattern: number) ^ (1 << 127)).bigEndian, Array.init)))
    case (.bytes(let bytes), .varbinary): return quoted(hex(bytes))
    case (.bytes(let bytes), _): return quoted(String(decoding: bytes, as: UTF8.self))
    case (.int(let days), .date): return quoted(date(days))
    case (.int(let ticks), .time(let precision)): return quoted(time(ticks, precision))
    case (.int(let ticks), .timestamp(let precision)): return quoted(timestamp(ticks, precision))
    case (.timestampTZ(let moment), .timestampTZ(let precision)): return quoted(timestamp(moment.instant, precision) + "Z")
    case (.int(let number), _): return "\(number)"
    default: return "?"
    }
  }

  /// Python's `repr` of a float from Swift's description: the same digits, but exponents from 1e16 on and below 1e-4.
  private static func python(_ description: String, _ isNaN: Bool, _ isInfinite: Bool, _ isNegative: Bool) -> String {
    if isNaN { return "nan" }
    if isInfinite { return isNegative ? "-inf" : "inf" }
    let parts = description.split(separator: "e")
    var mantissa = String(parts[0])
    let sign = mantissa.hasPrefix("-") ? "-" : ""
    mantissa = String(mantissa.drop { $0 == "-" })
    let pieces = mantissa.split(separator: ".", omittingEmptySubsequences: false)
    var digits = pieces[0] + (pieces.count > 1 ? pieces[1] : "")
    var point = pieces[0].count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.first == "0", digits.count > 1 {
      digits = digits.dropFirst()
      point -= 1
    }
    while digits.last == "0", digits.count > 1 { digits = digits.dropLast() }
    if digits == "0" { return sign + "0.0" }
    if point > 16 || point < -3 {
      let exponent = point - 1
      let fraction = digits.dropFirst().isEmpty ? "" : "." + digits.dropFirst()
      let magnitude = String(exponent.magnitude)
      return sign + digits.prefix(1) + fraction + "e" + (exponent < 0 ? "-" : "+") + (magnitude.count < 2 ? "0" : "") + magnitude
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if point >= digits.count { return sign + digits + String(repeating: "0", count: point - digits.count) + ".0" }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  private static func decimal(_ number: Int128, _ scale: Int) -> String {
    var digits = String(number.magnitude)
    if digits.count <= scale { digits = String(repeating: "0", count: scale + 1 - digits.count) + digits }
    if scale > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale)) }
    return number < 0 ? "-" + digits : digits
  }

  private static func hex(_ bytes: [UInt8]) -> String { bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

  private static func pad(_ number: Int64, _ width: Int) -> String {
    let digits = String(number.magnitude)
    return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count - (number < 0 ? 1 : 0))) + digits
  }

  /// Days since 1970, proleptic Gregorian.
  private static func date(_ days: Int64) -> String {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * month + 2) / 5 + 1
    return "\(pad(yearOfEra + era * 400 + (month >= 10 ? 1 : 0), 4))-\(pad(month >= 10 ? month - 9 : month + 3, 2))-\(pad(day, 2))"
  }

  private static func perSecond(_ precision: Int) -> Int64 { precision == 9 ? 1_000_000_000 : 1_000_000 }

  private static func time(_ ticks: Int64, _ precision: Int) -> String {
    let seconds = ticks / perSecond(precision)
    let fraction = ticks % perSecond(precision)
    return "\(pad(seconds / 3_600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))."
      + (precision == 3 ? pad(fraction / 1_000, 3) : pad(fraction, precision))
  }

  private static func timestamp(_ ticks: Int64, _ precision: Int) -> String {
    let perDay = 86_400 * perSecond(precision)
    let days = ticks >= 0 ? ticks / perDay : (ticks + 1) / perDay - 1
    return date(days) + "T" + time(ticks - days * perDay, precision)
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case _ where scalar.value < 0x20: result += "\\u00" + hex([UInt8(scalar.value)])
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

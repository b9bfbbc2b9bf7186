package import Columnar

extension PartitionTransform {
  /// A partition value as it stands in folder names (`day=2024-01-31`); NULL is `null`. Not normative: values are never read back
  /// from paths.
  package func pathText(_ value: Scalar) -> String {
    guard !value.isNull else { return "null" }
    switch (self, value.value) {
    case (.year, .int(let years)): return pad(1970 + years, 4)
    case (.month, .int(let months)):
      let year = floorDivide(months, 12)
      return "\(pad(1970 + year, 4))-\(pad(months - year * 12 + 1, 2))"
    case (.day, .int(let days)): return dateText(days)
    case (.hour, .int(let hours)):
      let days = floorDivide(hours, 24)
      return "\(dateText(days))-\(pad(hours - days * 24, 2))"
    default: return plainText(value)
    }
  }

  private func plainText(_ scalar: Scalar) -> String {
    switch (scalar.value, scalar.type) {
    case (.boolean(let flag), _): return flag ? "true" : "false"
    case (.int(let days), .date): return dateText(days)
    case (.int(let ticks), .time(let precision)): return timeText(ticks, precision)
    case (.int(let ticks), .timestamp(let precision)): return timestampText(ticks, precision)
    case (.timestampTZ(let moment), .timestampTZ(let precision)):
      return timestampText(moment.instant, precision) + "+00:00"
    case (.int(let number), .decimal(_, let scale)): return decimalText(Int128(number), scale)
    case (.int128(let number), .decimal(_, let scale)): return decimalText(number, scale)
    case (.int128(let number), _):
      let digits = SingleValue.uuidBytes(number).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      let parts = [8, 4, 4, 4, 12]
      var rest = digits[...]
      return parts.map { length in
        defer { rest = rest.dropFirst(length) }
        return String(rest.prefix(length))
      }.joined(separator: "-")
    case (.int(let number), _): return "\(number)"
    case (.real(let number), _): return "\(number)"
    case (.double(let number), _): return "\(number)"
    case (.bytes(let bytes), .varbinary): return base64(bytes)
    case (.bytes(let bytes), _): return String(decoding: bytes, as: UTF8.self)
    default: return "null"
    }
  }

  private func pad(_ number: Int64, _ width: Int) -> String {
    let digits = String(number.magnitude)
    return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private func dateText(_ days: Int64) -> String {
    let date = CivilDate(days: days)
    return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))"
  }

  private func timeText(_ ticks: Int64, _ precision: Int) -> String {
    let perSecond = SQLType.ticksPerSecond(precision: precision)
    let seconds = floorDivide(ticks, perSecond)
    var text = "\(pad(seconds / 3_600, 2)):\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2))"
    let fraction = ticks - seconds * perSecond
    if fraction != 0 {
      var digits = pad(fraction, perSecond == 1_000_000 ? 6 : 9)
      while digits.hasSuffix("0") { digits.removeLast() }
      text += "." + digits
    }
    return text
  }

  private func timestampText(_ ticks: Int64, _ precision: Int) -> String {
    let perDay = SQLType.ticksPerSecond(precision: precision) * 86_400
    let days = floorDivide(ticks, perDay)
    return "\(dateText(days))T\(timeText(ticks - days * perDay, precision))"
  }

  private func decimalText(_ unscaled: Int128, _ scale: Int) -> String {
    var digits = String(unscaled.magnitude)
    if scale > 0 {
      digits = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
      digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale))
    }
    return (unscaled < 0 ? "-" : "") + digits
  }

  private func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".unicodeScalars)
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let left = bytes.count - start
      let word =
        Int(bytes[start]) << 16 | (left > 1 ? Int(bytes[start + 1]) << 8 : 0) | (left > 2 ? Int(bytes[start + 2]) : 0)
      text.unicodeScalars.append(alphabet[word >> 18])
      text.unicodeScalars.append(alphabet[word >> 12 & 63])
      text.unicodeScalars.append(left > 1 ? alphabet[word >> 6 & 63] : "=")
      text.unicodeScalars.append(left > 2 ? alphabet[word & 63] : "=")
    }
    return text
  }

  /// A name or value inside a path: as in HTML forms, which is what Java's writers use.
  package static func formEncoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "*"),
        UInt8(ascii: "_"):
        result.unicodeScalars.append(UnicodeScalar(byte))
      case 0x20: result += "+"
      default: result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
    return result
  }
}

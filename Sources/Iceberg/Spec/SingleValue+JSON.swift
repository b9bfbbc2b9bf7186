package import Columnar
package import JSONText

// SPEC Appendix D, "JSON single-value serialization".

extension SingleValue {
  /// A default value from its JSON form.
  package static func decode(_ json: JSONValue, _ type: IcebergType) throws(IcebergError) -> ScalarValue {
    if json.isNull { return .null }
    guard let value = try decoded(json, type) else {
      throw IcebergError(
        .corrupt, "a default value does not fit type \(type): \(String(decoding: json.textBytes.prefix(60), as: UTF8.self))",
        offset: json.offset)
    }
    return value
  }

  private static func decoded(_ json: JSONValue, _ type: IcebergType) throws(IcebergError) -> ScalarValue? {
    switch type {
    case .boolean: return json.boolean.map { .boolean($0) }
    case .int: return json.int32.map { .int(Int64($0)) }
    case .long: return json.int64.map { .int($0) }
    case .float: return json.double.map { .real(Float($0)) }
    case .double: return json.double.map { .double($0) }
    case .date: return json.string.flatMap(TimeText.days).map { .int($0) }
    case .time: return json.string.flatMap { TimeText.timeOfDay($0, ticksPerSecond: 1_000_000) }.map { .int($0) }
    case .timestamp: return json.string.flatMap { TimeText.instant($0, ticksPerSecond: 1_000_000) }.map { .int($0) }
    case .timestampNanos: return json.string.flatMap { TimeText.instant($0, ticksPerSecond: 1_000_000_000) }.map { .int($0) }
    case .timestampTZ:
      return json.string.flatMap { TimeText.instant($0, ticksPerSecond: 1_000_000) }.map { .timestampTZ(TimestampTZ(instant: $0)) }
    case .timestampTZNanos:
      return json.string.flatMap { TimeText.instant($0, ticksPerSecond: 1_000_000_000) }.map {
        .timestampTZ(TimestampTZ(instant: $0))
      }
    case .string: return json.string.map { .bytes(Array($0.utf8)) }
    case .uuid: return json.string.flatMap(uuid).map { .int128($0) }
    case .binary, .fixed: return json.string.flatMap(hexadecimal).map { .bytes($0) }
    case .decimal(let precision, let scale):
      return json.string.flatMap { decimalText($0, scale: scale) }.map { decimal($0, precision: precision) }
    case .structure(let fields):
      guard json.kind == .object else { return nil }
      var values: [ScalarValue] = []
      for field in fields {
        guard let member = json["\(field.id)"] else {
          values.append(field.initialDefault ?? .null)
          continue
        }
        values.append(try decode(member, field.type))
      }
      return .row(values)
    case .list(let element):
      guard json.kind == .array else { return nil }
      var values: [ScalarValue] = []
      for item in json.elements { values.append(try decode(item, element.type)) }
      return .list(values)
    case .map(let key, let value):
      guard let keys = json["keys"], let values = json["values"], keys.count == values.count else { return nil }
      var pairs: [ScalarPair] = []
      for (keyJSON, valueJSON) in zip(keys.elements, values.elements) {
        pairs.append(ScalarPair(key: try decode(keyJSON, key.type), value: try decode(valueJSON, value.type)))
      }
      return .map(pairs)
    case .unknown, .variant, .geometry, .geography: return nil
    }
  }

  package static func write(_ value: ScalarValue, _ type: IcebergType, to writer: inout JSONWriter) {
    switch (type, value) {
    case (_, .null): writer.null()
    case (.boolean, .boolean(let flag)): writer.boolean(flag)
    case (.int, .int(let number)), (.long, .int(let number)): writer.integer(number)
    case (.float, .real(let number)): writer.float(number)
    case (.double, .double(let number)): writer.double(number)
    case (.structure(let fields), .row(let values)):
      writer.object { writer in
        for (field, value) in zip(fields, values) { writer.member("\(field.id)") { write(value, field.type, to: &$0) } }
      }
    case (.list(let element), .list(let values)):
      writer.array { writer in for value in values { write(value, element.type, to: &writer) } }
    case (.map(let key, let valueField), .map(let pairs)):
      writer.object { writer in
        writer.member("keys") { writer in writer.array { writer in for pair in pairs { write(pair.key, key.type, to: &writer) } } }
        writer.member("values") { writer in
          writer.array { writer in for pair in pairs { write(pair.value, valueField.type, to: &writer) } }
        }
      }
    default: writer.string(text(value, type))
    }
  }

  /// A value as text: the JSON string form of those types that have one, decimal numbers for the others.
  package static func text(_ value: ScalarValue, _ type: IcebergType) -> String {
    switch (type, value) {
    case (_, .null): return "null"
    case (_, .boolean(let flag)): return flag ? "true" : "false"
    case (.date, .int(let days)): return CivilDate(days: days).text
    case (.time, .int(let ticks)): return TimeText.timeOfDay(ticks, ticksPerSecond: 1_000_000)
    case (.timestamp, .int(let ticks)): return TimeText.instant(ticks, ticksPerSecond: 1_000_000)
    case (.timestampNanos, .int(let ticks)): return TimeText.instant(ticks, ticksPerSecond: 1_000_000_000)
    case (.timestampTZ, .timestampTZ(let moment)): return TimeText.instant(moment.instant, ticksPerSecond: 1_000_000) + "+00:00"
    case (.timestampTZNanos, .timestampTZ(let moment)):
      return TimeText.instant(moment.instant, ticksPerSecond: 1_000_000_000) + "+00:00"
    case (.decimal(_, let scale), .int(let number)): return decimalText(Int128(number), scale: scale)
    case (.decimal(_, let scale), .int128(let number)): return decimalText(number, scale: scale)
    case (.uuid, .int128(let number)):
      let digits = hexadecimal(uuidBytes(number))
      var text = ""
      for (index, digit) in digits.enumerated() {
        if index == 8 || index == 12 || index == 16 || index == 20 { text.append("-") }
        text.append(digit)
      }
      return text
    case (.string, .bytes(let bytes)): return String(decoding: bytes, as: UTF8.self)
    case (_, .bytes(let bytes)): return hexadecimal(bytes)
    case (_, .int(let number)): return String(number)
    case (_, .int128(let number)): return String(number)
    case (_, .real(let number)): return number.description
    case (_, .double(let number)): return number.description
    case (_, .timestampTZ(let moment)): return String(moment.instant)
    case (_, .list), (_, .map), (_, .row): return ""
    }
  }

  static func decimalText(_ value: Int128, scale: Int) -> String {
    let digits = String(value.magnitude)
    let sign = value < 0 ? "-" : ""
    guard scale > 0 else { return sign + digits }
    let wide = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
    return sign + wide.dropLast(scale) + "." + wide.suffix(scale)
  }

  /// The unscaled value of a decimal written with up to `scale` fraction digits, or with an exponent.
  static func decimalText(_ text: String, scale: Int) -> Int128? {
    var digits: Int128 = 0
    var fraction = 0
    var isFraction = false
    var isNegative = false
    var exponent = 0
    let bytes = Array(text.utf8)
    guard !bytes.isEmpty else { return nil }
    var at = 0
    if bytes[0] == UInt8(ascii: "-") || bytes[0] == UInt8(ascii: "+") {
      isNegative = bytes[0] == UInt8(ascii: "-")
      at = 1
    }
    guard at < bytes.count else { return nil }
    while at < bytes.count {
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let (scaled, first) = digits.multipliedReportingOverflow(by: 10)
        let (sum, second) = scaled.addingReportingOverflow(Int128(byte - 0x30))
        if first || second { return nil }
        digits = sum
        if isFraction { fraction += 1 }
      case UInt8(ascii: ".") where !isFraction: isFraction = true
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        guard let value = Int(String(decoding: bytes[(at + 1)...], as: UTF8.self)), abs(value) < 100 else { return nil }
        exponent = value
        at = bytes.count
      default: return nil
      }
      at += 1
    }
    var shift = scale - fraction + exponent
    while shift > 0 {
      let (scaled, overflow) = digits.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      digits = scaled
      shift -= 1
    }
    while shift < 0 {
      guard digits % 10 == 0 else { return nil }
      digits /= 10
      shift += 1
    }
    return isNegative ? -digits : digits
  }

  static func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".unicodeScalars)
    var text = ""
    for byte in bytes {
      text.unicodeScalars.append(digits[Int(byte >> 4)])
      text.unicodeScalars.append(digits[Int(byte & 15)])
    }
    return text
  }

  static func hexadecimal(_ text: String) -> [UInt8]? {
    let digits = text.utf8.compactMap { byte -> UInt8? in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 0x30
      case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
      case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
      default: nil
      }
    }
    guard digits.count == text.utf8.count, digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  private static func uuid(_ text: String) -> Int128? {
    guard let bytes = hexadecimal(text.filter { $0 != "-" }), bytes.count == 16 else { return nil }
    return bytes.withUnsafeBytes { uuid($0) }
  }
}

/// ISO 8601 texts of dates and times, to and from ticks.
enum TimeText {
  /// Days of `2017-11-16`; years may have a sign and more digits.
  static func days(_ text: String) -> Int64? {
    var body = text[...]
    let isNegative = body.first == "-"
    if isNegative || body.first == "+" { body = body.dropFirst() }
    let parts = body.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, let year = number(parts[0], 4...9), let month = number(parts[1], 2...2), let day = number(parts[2], 2...2)
    else { return nil }
    let date = CivilDate(year: isNegative ? -year : year, month: month, day: day)
    return date.isValid ? date.daysSince1970 : nil
  }

  /// `22:31:08.123456`, seconds and fraction optional.
  static func timeOfDay(_ text: some StringProtocol, ticksPerSecond: Int64) -> Int64? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 || parts.count == 3, let hour = number(parts[0], 2...2), hour < 24, let minute = number(parts[1], 2...2),
      minute < 60
    else { return nil }
    var ticks = (hour * 3_600 + minute * 60) * ticksPerSecond
    guard parts.count == 3 else { return ticks }
    let seconds = parts[2].split(separator: ".", omittingEmptySubsequences: false)
    guard seconds.count <= 2, let second = number(seconds[0], 2...2), second < 60 else { return nil }
    ticks += second * ticksPerSecond
    guard seconds.count == 2 else { return ticks }
    var unit = ticksPerSecond
    for byte in seconds[1].utf8 {
      guard (0x30...0x39).contains(byte), unit % 10 == 0 || byte == 0x30 else { return nil }
      unit /= 10
      ticks += Int64(byte - 0x30) * unit
    }
    return ticks
  }

  /// `2017-11-16T22:31:08.123456`, optionally with `Z` or an offset, which is applied.
  static func instant(_ text: String, ticksPerSecond: Int64) -> Int64? {
    guard let separator = text.firstIndex(where: { $0 == "T" || $0 == " " }), let days = days(String(text[..<separator])) else { return nil }
    var time = text[text.index(after: separator)...]
    var offsetSeconds: Int64 = 0
    if time.last == "Z" {
      time = time.dropLast()
    } else if let sign = time.lastIndex(where: { $0 == "+" || $0 == "-" }) {
      let parts = time[time.index(after: sign)...].split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let hours = number(parts[0], 2...2), let minutes = number(parts[1], 2...2) else { return nil }
      offsetSeconds = (hours * 3_600 + minutes * 60) * (time[sign] == "-" ? -1 : 1)
      time = time[..<sign]
    }
    guard let ticks = timeOfDay(time, ticksPerSecond: ticksPerSecond) else { return nil }
    let (base, first) = (days * 86_400 - offsetSeconds).multipliedReportingOverflow(by: ticksPerSecond)
    let (sum, second) = base.addingReportingOverflow(ticks)
    return first || second ? nil : sum
  }

  /// All digits of the precision, as the specification writes single values.
  static func timeOfDay(_ ticks: Int64, ticksPerSecond: Int64) -> String {
    let seconds = ticks / ticksPerSecond
    let fraction = (ticks % ticksPerSecond).magnitude
    let digits = ticksPerSecond == 1_000_000 ? 6 : 9
    return padded((seconds / 3_600).magnitude, 2) + ":" + padded((seconds / 60 % 60).magnitude, 2) + ":" + padded((seconds % 60).magnitude, 2)
      + "." + padded(fraction, digits)
  }

  static func instant(_ ticks: Int64, ticksPerSecond: Int64) -> String {
    let days = floorDivide(ticks, 86_400 * ticksPerSecond)
    let time = ticks &- days &* 86_400 &* ticksPerSecond
    return CivilDate(days: days).text + "T" + timeOfDay(time, ticksPerSecond: ticksPerSecond)
  }

  private static func number(_ text: some StringProtocol, _ widths: ClosedRange<Int>) -> Int64? {
    guard widths.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int64(text)
  }
}

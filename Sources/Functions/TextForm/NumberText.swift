import Columnar
import Glibc

/// Significant decimal digits and where the point stands: the value is `0.d1 d2 d3 ... * 10^pointPosition`.
struct DecimalDigits {
  /// Up to 20 digits, as ASCII; no leading and no trailing zeros.
  var digits: InlineArray<20, UInt8> = .init(repeating: 0)
  var count = 0
  var pointPosition = 0

  /// Reads `1.5e-07`, `12345.678`, `5e-324` as the standard library and C print finite numbers; the sign is skipped.
  init(printed text: UnsafeBufferPointer<UInt8>) {
    var exponent = 0
    var sawPoint = false
    var index = 0
    while index < text.count {
      let byte = text[index]
      if byte >= 0x30 && byte <= 0x39 {
        if count > 0 || byte != 0x30 {
          if count < 20 {
            digits[count] = byte
            count += 1
          }
          if !sawPoint { pointPosition += 1 }
        } else if sawPoint {
          pointPosition -= 1
        }
      } else if byte == UInt8(ascii: ".") {
        sawPoint = true
      } else if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
        index += 1
        var isNegative = false
        while index < text.count {
          let digit = text[index]
          if digit == UInt8(ascii: "-") { isNegative = true }
          if digit >= 0x30 && digit <= 0x39 { exponent = exponent &* 10 &+ Int(digit &- 0x30) }
          index += 1
        }
        if isNegative { exponent = -exponent }
        break
      }
      index += 1
    }
    while count > 0 && digits[count - 1] == 0x30 { count -= 1 }
    pointPosition += exponent
  }

  /// The shortest digits that read back as the same number; where one digit would do, the nearest two, as Java's `Double.toString` has it. They are
  /// other digits (4.9E-324 instead of 5E-324) only where the next number is a tenth away or more: below a hundred times the smallest.
  init(_ value: Double) {
    var text = value.description
    self = text.withUTF8 { DecimalDigits(printed: $0) }
    if count == 1, value.magnitude < 0x1p-1067 { self = DecimalDigits(value, digitCount: 2) }
  }

  init(_ value: Float) {
    var text = value.description
    self = text.withUTF8 { DecimalDigits(printed: $0) }
    if count == 1, value.magnitude < 0x1p-142 { self = DecimalDigits(Double(value), digitCount: 2) }
  }

  /// The nearest number with so many significant digits.
  init(_ value: Double, digitCount: Int32) {
    self = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 32) { scratch in
      guard let base = scratch.baseAddress else { return DecimalDigits(printed: UnsafeBufferPointer(start: nil, count: 0)) }
      let length = withVaList([digitCount - 1, value.magnitude]) { vsnprintf(base, 32, "%.*e", $0) }
      return base.withMemoryRebound(to: UInt8.self, capacity: 32) { bytes in
        DecimalDigits(printed: UnsafeBufferPointer(start: bytes, count: Int(length)))
      }
    }
  }
}

/// Texts of numbers: Java's `toString`, Trino's CAST forms, decimals.
extension TextBuffer {
  /// `Double.toString` of JDK 19 and later: what results show.
  package mutating func append(double value: Double) {
    if value == value.rounded(.towardZero), abs(value) < 1e7, value != 0 {
      append(integer: Int64(value))
      append(".0")
      return
    }
    guard appendSpecial(value, zero: "0.0") else { return append(javaDigits: DecimalDigits(value)) }
  }

  package mutating func append(real value: Float) {
    guard appendSpecial(Double(value), zero: "0.0") else { return append(javaDigits: DecimalDigits(value)) }
  }

  /// What CAST(double AS varchar) gives: always one digit before the point and an exponent.
  mutating func append(castDouble value: Double) {
    guard appendSpecial(value, zero: "0E0") else { return append(scientific: DecimalDigits(value)) }
  }

  /// The same for real: at most seven significant digits.
  mutating func append(castReal value: Float) {
    if appendSpecial(Double(value), zero: "0E0") { return }
    var digits = DecimalDigits(value)
    if digits.count > 7 { digits = DecimalDigits(Double(value), digitCount: 7) }
    append(scientific: digits)
  }

  /// Sign, and the whole text of zero, NaN and infinities; true when nothing is left to append.
  private mutating func appendSpecial(_ value: Double, zero: StaticString) -> Bool {
    if value.isNaN {
      append("NaN")
      return true
    }
    if value.sign == .minus { append(UInt8(ascii: "-")) }
    if value.isInfinite {
      append("Infinity")
      return true
    }
    guard value == 0 else { return false }
    append(zero)
    return true
  }

  private mutating func append(javaDigits digits: DecimalDigits) {
    let point = digits.pointPosition
    guard point > -3 && point <= 7 else { return append(scientific: digits) }
    if point <= 0 {
      append("0.")
      for _ in 0..<(-point) { append(0x30) }
      for index in 0..<digits.count { append(digits.digits[index]) }
      return
    }
    for index in 0..<point { append(index < digits.count ? digits.digits[index] : 0x30) }
    append(UInt8(ascii: "."))
    if digits.count <= point { append(0x30) }
    if point < digits.count { for index in point..<digits.count { append(digits.digits[index]) } }
  }

  private mutating func append(scientific digits: DecimalDigits) {
    append(digits.digits[0])
    append(UInt8(ascii: "."))
    if digits.count == 1 { append(0x30) }
    if digits.count > 1 { for index in 1..<digits.count { append(digits.digits[index]) } }
    append(UInt8(ascii: "E"))
    append(integer: Int64(digits.pointPosition - 1))
  }

  /// Plain digits with exactly `scale` of them behind the point.
  package mutating func append(decimal value: Int128, scale: Int) {
    if value < 0 { append(UInt8(ascii: "-")) }
    guard scale > 0 else { return append(unsigned: value.magnitude) }
    let (whole, fraction) = value.magnitude.quotientAndRemainder(dividingBy: DecimalMath.power(scale).magnitude)
    append(unsigned: whole)
    append(UInt8(ascii: "."))
    append(unsigned: fraction, minimumDigits: scale)
  }
}

/// Reads numbers from text.
enum NumberParser {
  enum DecimalResult { case value(Int128), notANumber, tooLarge }

  /// Java's decimal syntax (sign, digits, point, exponent), rounded half away from zero to `scale`.
  static func decimal(_ text: UnsafeRawBufferPointer, precision: Int, scale: Int) -> DecimalResult {
    let bytes = trimmed(text)
    var index = 0
    var isNegative = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    let start = index
    var digitCount = 0
    var fractionDigits = 0
    var sawPoint = false
    while index < bytes.count {
      let byte = bytes[index]
      if byte >= 0x30 && byte <= 0x39 {
        digitCount += 1
        if sawPoint { fractionDigits += 1 }
      } else if byte == UInt8(ascii: "."), !sawPoint {
        sawPoint = true
      } else {
        break
      }
      index += 1
    }
    guard digitCount > 0 else { return .notANumber }
    let end = index
    var exponent = 0
    if index < bytes.count {
      guard bytes[index] | 0x20 == UInt8(ascii: "e"), let parsed = integer(slice(bytes, index + 1, bytes.count), as: Int32.self)
      else { return .notANumber }
      exponent = Int(parsed)
    }
    // Digits that count, then one that rounds.
    let keep = digitCount - fractionDigits + exponent + scale
    var value: Int128 = 0
    var seen = 0
    var roundsUp = false
    for position in start..<end where bytes[position] != UInt8(ascii: ".") {
      let digit = Int128(bytes[position] &- 0x30)
      if seen == keep {
        roundsUp = digit >= 5
        break
      }
      seen += 1
      value = value &* 10 &+ digit
      if value >= DecimalMath.power(38) { return .tooLarge }
    }
    if seen < keep, value != 0 {
      guard let scaled = DecimalMath.scaleUp(value, by: keep - seen) else { return .tooLarge }
      value = scaled
    }
    if roundsUp { value += 1 }
    guard DecimalMath.fits(value, precision: precision) else { return .tooLarge }
    return .value(isNegative ? -value : value)
  }

  /// Optional sign and digits; blanks around are ignored.
  static func integer<Value: FixedWidthInteger & SignedInteger>(_ text: UnsafeRawBufferPointer, as type: Value.Type) -> Value? {
    let bytes = trimmed(text)
    var index = 0
    var isNegative = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    guard index < bytes.count else { return nil }
    // Negative accumulation reaches the minimum.
    var value: Value = 0
    while index < bytes.count {
      let digit = bytes[index] &- 0x30
      guard digit <= 9 else { return nil }
      let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
      let (difference, overflows) = product.subtractingReportingOverflow(Value(digit))
      if productOverflows || overflows { return nil }
      value = difference
      index += 1
    }
    if isNegative { return value }
    return value == Value.min ? nil : 0 - value
  }

  /// Java's floating-point syntax without hexadecimal forms.
  static func double(_ text: UnsafeRawBufferPointer) -> Double? {
    let bytes = trimmed(text)
    var index = 0
    var isNegative = false
    if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    let rest = slice(bytes, index, bytes.count)
    if equals(rest, "NaN") { return .nan }
    if equals(rest, "Infinity") { return isNegative ? -.infinity : .infinity }
    var mantissa: UInt64 = 0
    var digitCount = 0
    var significant = 0
    var exponent = 0
    var sawPoint = false
    while index < bytes.count {
      let byte = bytes[index]
      if byte >= 0x30 && byte <= 0x39 {
        digitCount += 1
        if significant < 19 {
          mantissa = mantissa &* 10 &+ UInt64(byte &- 0x30)
          if mantissa != 0 { significant += 1 }
          if sawPoint { exponent -= 1 }
        } else {
          significant += 1
          if !sawPoint { exponent += 1 }
        }
      } else if byte == UInt8(ascii: "."), !sawPoint {
        sawPoint = true
      } else {
        break
      }
      index += 1
    }
    guard digitCount > 0 else { return nil }
    var end = index
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      var stop = index + 1
      while stop < bytes.count, bytes[stop] | 0x20 != UInt8(ascii: "d"), bytes[stop] | 0x20 != UInt8(ascii: "f") { stop += 1 }
      guard let parsed = integer(slice(bytes, index + 1, stop), as: Int32.self) else { return nil }
      exponent += Int(parsed)
      end = stop
      index = stop
    }
    // Java allows a type letter at the end.
    if index < bytes.count {
      let letter = bytes[index] | 0x20
      guard index + 1 == bytes.count, letter == UInt8(ascii: "d") || letter == UInt8(ascii: "f") else { return nil }
    }
    // Both the digits and the power are exact: one correctly rounded operation.
    if significant <= 19, mantissa <= 1 << 53, abs(exponent) <= 22 {
      let magnitude = exponent < 0 ? Double(mantissa) / exactPowers[-exponent] : Double(mantissa) * exactPowers[exponent]
      return isNegative ? -magnitude : magnitude
    }
    return withUnsafeTemporaryAllocation(byteCount: end + 1, alignment: 1) { scratch -> Double? in
      guard let base = scratch.baseAddress, let source = bytes.baseAddress else { return nil }
      memcpy(base, source, end)
      base.storeBytes(of: 0, toByteOffset: end, as: UInt8.self)
      return strtod(base.assumingMemoryBound(to: CChar.self), nil)
    }
  }

  private static let exactPowers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  /// Without white space (up to U+0020) at both ends.
  static func trimmed(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    var start = 0
    var end = text.count
    while start < end, text[start] <= 0x20 { start += 1 }
    while end > start, text[end - 1] <= 0x20 { end -= 1 }
    return slice(text, start, end)
  }

  static func equals(_ bytes: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
    bytes.count == word.utf8CodeUnitCount
      && (bytes.count == 0 || bytes.baseAddress.map { memcmp($0, word.utf8Start, bytes.count) == 0 } ?? false)
  }
}

/// Bytes `start ..< end` of a buffer.
@inline(__always)
func slice(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(rebasing: bytes[start..<end])
}

import Columnar

/// Exact arithmetic on unscaled decimals of up to 38 digits. Sums and products that leave 128 bits, and results of more than
/// 38 digits, are errors; quotients go through 256 bits.
enum DecimalMath {
  /// 10^0 ... 10^38.
  static let powers: [Int128] = {
    var list: [Int128] = [1]
    for _ in 0..<38 { list.append(list[list.count - 1] * 10) }
    return list
  }()

  static let shortPowers: [Int64] = (0...18).map { Int64(powers[$0]) }

  static func power(_ exponent: Int) -> Int128 { powers[exponent] }

  static let overflow = KernelError.outOfRange("Decimal overflow")

  /// Whether a value has at most `precision` digits.
  @inline(__always)
  static func fits(_ value: Int128, precision: Int) -> Bool {
    value.magnitude < powers[precision].magnitude
  }

  /// `value * 10^places`; nil beyond 128 bits.
  static func scaleUp(_ value: Int128, by places: Int) -> Int128? {
    if places == 0 || value == 0 { return value }
    if places > 38 { return nil }
    let (result, overflows) = value.multipliedReportingOverflow(by: powers[places])
    return overflows ? nil : result
  }

  /// `value / 10^places` rounded half away from zero.
  static func scaleDown(_ value: Int128, by places: Int) -> Int128 {
    if places == 0 { return value }
    if places > 38 { return 0 }
    let divisor = powers[places].magnitude
    let (quotient, remainder) = value.magnitude.quotientAndRemainder(dividingBy: divisor)
    let rounded = Int128(quotient) + (remainder >= divisor - remainder ? 1 : 0)
    return value < 0 ? -rounded : rounded
  }

  /// The value at another scale, rounded half away from zero; nil when it does not fit `precision` digits.
  static func rescale(_ value: Int128, from scale: Int, to newScale: Int, precision: Int) -> Int128? {
    let result =
      newScale >= scale ? scaleUp(value, by: newScale - scale) : scaleDown(value, by: scale - newScale)
    guard let result, fits(result, precision: precision) else { return nil }
    return result
  }

  /// `dividend * 10^places / divisor` rounded half away from zero; nil when the quotient has more than 38 digits.
  static func divide(_ dividend: Int128, scaledBy places: Int, by divisor: Int128) -> Int128? {
    guard let (quotient, remainder) = longDivide(dividend.magnitude, places, divisor.magnitude) else { return nil }
    let size = divisor.magnitude
    let rounded = quotient + (remainder >= size - remainder ? 1 : 0)
    guard rounded < powers[38].magnitude else { return nil }
    return (dividend < 0) != (divisor < 0) ? -Int128(rounded) : Int128(rounded)
  }

  private static func longDivide(
    _ dividend: UInt128, _ places: Int, _ divisor: UInt128
  ) -> (quotient: UInt128, remainder: UInt128)? {
    let first = min(places, 38)
    let (high, low) = dividend.multipliedFullWidth(by: powers[first].magnitude)
    guard high < divisor else { return nil }
    var (quotient, remainder) = high == 0 ? low.quotientAndRemainder(dividingBy: divisor) : divisor.dividingFullWidth((high, low))
    for _ in first..<places {
      let (up, down) = remainder.multipliedFullWidth(by: 10)
      let (digit, rest) = divisor.dividingFullWidth((up, down))
      let (shifted, overflows) = quotient.multipliedReportingOverflow(by: 10)
      guard !overflows, shifted < powers[38].magnitude else { return nil }
      quotient = shifted + digit
      remainder = rest
    }
    return (quotient, remainder)
  }
}

/// Reads an unscaled decimal of either width.
@inline(__always)
func loadDecimal(_ base: UnsafeRawPointer, _ index: Int, isShort: Bool) -> Int128 {
  isShort
    ? Int128(base.assumingMemoryBound(to: Int64.self)[index]) : base.assumingMemoryBound(to: Int128.self)[index]
}

/// Writes an unscaled decimal whose digits were checked.
@inline(__always)
func storeDecimal(_ value: Int128, _ base: UnsafeMutableRawPointer, _ index: Int, isShort: Bool) {
  if isShort {
    base.assumingMemoryBound(to: Int64.self)[index] = Int64(truncatingIfNeeded: value)
  } else {
    base.assumingMemoryBound(to: Int128.self)[index] = value
  }
}

extension SQLType {
  /// Precision and scale of a decimal.
  var decimalShape: (precision: Int, scale: Int)? {
    if case .decimal(let precision, let scale) = self { (precision, scale) } else { nil }
  }
}

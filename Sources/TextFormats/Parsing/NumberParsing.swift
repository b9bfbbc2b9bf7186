import Glibc

/// Numbers straight from bytes, without `String`. Every function takes exactly the bytes of the value, which must be followed by
/// readable memory (`ByteBuffer`, `Buffer` slack), and answers nil for anything else than one number filling them.
enum NumberParsing {
  /// A decimal integer with optional sign, as Java's `Long.parseLong` takes it; nil on overflow.
  @inline(__always)
  static func int64(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int64? {
    guard count > 0 else { return nil }
    var index = 0
    let first = bytes[0]
    let isNegative = first == 0x2D
    if isNegative || first == 0x2B {
      index = 1
      if count == 1 { return nil }
    }
    let digits = count &- index
    if digits <= 18 {
      var value: UInt64 = 0
      if digits >= 8 {
        guard let head = eightDigits(bytes + index) else { return nil }
        value = head
        index &+= 8
        if count &- index >= 8 {
          guard let next = eightDigits(bytes + index) else { return nil }
          value = value &* 100_000_000 &+ next
          index &+= 8
        }
      }
      while index < count {
        let digit = bytes[index] &- 0x30
        if digit > 9 { return nil }
        value = value &* 10 &+ UInt64(digit)
        index &+= 1
      }
      let signed = Int64(bitPattern: value)
      return isNegative ? 0 &- signed : signed
    }
    return int64Long(bytes, from: index, count, isNegative)
  }

  /// The rare integers of 19 digits or with leading zeros.
  private static func int64Long(_ bytes: UnsafePointer<UInt8>, from start: Int, _ count: Int, _ isNegative: Bool) -> Int64? {
    var value: UInt64 = 0
    for index in start..<count {
      let digit = bytes[index] &- 0x30
      if digit > 9 { return nil }
      let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = shifted.addingReportingOverflow(UInt64(digit))
      if overflow || carry { return nil }
      value = sum
    }
    if isNegative { return value <= 1 << 63 ? Int64(truncatingIfNeeded: 0 &- value) : nil }
    return Int64(exactly: value)
  }

  /// Eight ASCII digits as a number below 10^8, or nil. Reads exactly 8 bytes.
  @inline(__always)
  static func eightDigits(_ bytes: UnsafePointer<UInt8>) -> UInt64? {
    var word = UnsafeRawPointer(bytes).loadUnaligned(as: UInt64.self).littleEndian
    // Each byte must be 0x30...0x39: high nibble 3, and adding 6 must not carry out of the low nibble.
    guard (word & 0xF0F0_F0F0_F0F0_F0F0) == 0x3030_3030_3030_3030,
      ((word &+ 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) == 0x3030_3030_3030_3030
    else { return nil }
    word &-= 0x3030_3030_3030_3030
    word = (word &* 10) &+ (word &>> 8)  // pairs of digits in the even bytes
    let pairs: UInt64 = 0x0000_00FF_0000_00FF
    let low = (word & pairs) &* 0x000F_4240_0000_0064
    let high = ((word &>> 16) & pairs) &* 0x0000_2710_0000_0001
    return UInt64(UInt32(truncatingIfNeeded: (low &+ high) &>> 32))
  }

  /// A floating-point number as Java's `Double.parseDouble` takes it, correctly rounded: blanks around, sign, digits with
  /// point and exponent, `NaN`, `Infinity`, a `d` or `f` suffix.
  @inline(__always)
  static func double(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Double? {
    guard let decimal = DecimalText(bytes, count) else { return specialDouble(bytes, count) }
    // Exact when both numbers are: one rounding (Clinger).
    if decimal.digitsAreExact, decimal.mantissa <= 1 << 53 {
      let value = Double(decimal.mantissa)
      if decimal.exponent == 0 { return decimal.isNegative ? -value : value }
      if decimal.exponent < 0, decimal.exponent >= -22 {
        let result = value / PowersOfTen.double(-decimal.exponent)
        return decimal.isNegative ? -result : result
      }
      if decimal.exponent > 0, decimal.exponent <= 22 {
        let result = value * PowersOfTen.double(decimal.exponent)
        return decimal.isNegative ? -result : result
      }
    }
    return hardDouble(bytes, count, decimal)
  }

  @inline(__always)
  static func float(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Float? {
    // Below 2^24 and 10^10 the same argument holds in single precision; else ask the library, never round twice.
    if let decimal = DecimalText(bytes, count), decimal.digitsAreExact, decimal.mantissa <= 1 << 24,
      decimal.exponent <= 0, decimal.exponent >= -10
    {
      let result = Float(decimal.mantissa) / PowersOfTen.float(-decimal.exponent)
      return decimal.isNegative ? -result : result
    }
    guard let wide = double(bytes, count) else { return nil }
    if wide.isNaN { return .nan }
    if wide.isInfinite || wide == 0 { return Float(wide) }
    return withTerminatedCopy(bytes, count) { strtof($0, nil) }
  }

  @inline(never)
  private static func hardDouble(_ bytes: UnsafePointer<UInt8>, _ count: Int, _ decimal: DecimalText) -> Double {
    if decimal.mantissa == 0, decimal.digitsAreExact { return decimal.isNegative ? -0.0 : 0.0 }
    #if arch(x86_64)
      // 64 bits of mantissa hold up to 19 digits and 10^27 exactly; the quotient is then off by at most half of its last bit. Unless the
      // 11 bits that fall away lie right at the middle, rounding it once more gives the nearest double.
      if decimal.digitsAreExact, decimal.exponent >= -27, decimal.exponent <= 27 {
        let mantissa = Float80(decimal.mantissa)
        let wide =
          decimal.exponent < 0
          ? mantissa / PowersOfTen.extended(-decimal.exponent) : mantissa * PowersOfTen.extended(decimal.exponent)
        let lost = wide.significandBitPattern & 0x7FF
        if lost < 0x3FF || lost > 0x401 { return decimal.isNegative ? -Double(wide) : Double(wide) }
      }
    #endif
    return withTerminatedCopy(bytes, count) { strtod($0, nil) }
  }

  private static func specialDouble(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Double? {
    var start = 0
    var end = count
    while start < end, bytes[start] <= 0x20 { start += 1 }
    while end > start, bytes[end - 1] <= 0x20 { end -= 1 }
    guard start < end else { return nil }
    if start > 0 || end < count { return double(bytes + start, end - start) }
    switch String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self) {
    case "NaN", "+NaN", "-NaN": return .nan
    case "Infinity", "+Infinity": return .infinity
    case "-Infinity": return -.infinity
    default: break
    }
    guard let last = count > 1 ? bytes[count - 1] | 0x20 : nil, last == 0x64 || last == 0x66 else { return nil }
    guard DecimalText(bytes, count - 1) != nil else { return nil }
    return double(bytes, count - 1)
  }

  private static func withTerminatedCopy<Value>(
    _ bytes: UnsafePointer<UInt8>, _ count: Int, _ body: (UnsafePointer<CChar>) -> Value
  ) -> Value {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: count + 1) { copy in
      guard let base = copy.baseAddress else { return body("") }
      memcpy(base, bytes, count)
      base[count] = 0
      return body(base)
    }
  }

  /// `text` scaled to `scale` fractional digits and rounded half up, as an unscaled integer; nil when it is no plain or
  /// exponential number or needs more than `precision` digits.
  static func decimal(_ bytes: UnsafePointer<UInt8>, _ count: Int, precision: Int, scale: Int) -> Int128? {
    var index = 0
    var isNegative = false
    if count > 0, bytes[0] == 0x2D || bytes[0] == 0x2B {
      isNegative = bytes[0] == 0x2D
      index = 1
    }
    // 39 digits fit; what lies behind them only matters for rounding.
    var value: UInt128 = 0
    var kept = 0
    var dropped = 0
    var firstDropped: UInt8 = 0
    var fraction = 0
    var seenPoint = false
    var digits = 0
    while index < count {
      let byte = bytes[index]
      let digit = byte &- 0x30
      if digit <= 9 {
        digits += 1
        if seenPoint { fraction += 1 }
        if kept < 38 {
          value = value * 10 + UInt128(digit)
          if value > 0 { kept += 1 }
        } else {
          if dropped == 0 { firstDropped = digit }
          dropped += 1
        }
      } else if byte == 0x2E, !seenPoint {
        seenPoint = true
      } else {
        break
      }
      index += 1
    }
    guard digits > 0 else { return nil }
    var exponent = 0
    if index < count {
      guard bytes[index] | 0x20 == 0x65, let parsed = int64(bytes + index + 1, count - index - 1), abs(parsed) < 10_000 else {
        return nil
      }
      exponent = Int(parsed)
    }
    // value * 10^shift is the unscaled result.
    let shift = scale - fraction + exponent + dropped
    if value == 0 { return 0 }
    if shift >= 0 {
      // Digits that did not fit would be needed.
      if kept + shift > 38 || (dropped > 0 && shift > 0) { return nil }
      for _ in 0..<shift { value *= 10 }
      if dropped > 0, firstDropped >= 5 { value += 1 }
    } else {
      let remove = -shift
      if remove > kept { return 0 }
      for _ in 1..<remove { value /= 10 }
      value = value / 10 + (value % 10 >= 5 ? 1 : 0)
    }
    guard value < PowersOfTen.wide(precision) else { return nil }
    return isNegative ? -Int128(value) : Int128(value)
  }
}

/// A decimal number taken apart: ±mantissa * 10^exponent.
struct DecimalText {
  var mantissa: UInt64 = 0
  var exponent = 0
  var isNegative = false
  /// False when there were more digits than `mantissa` holds.
  var digitsAreExact = true

  /// Nil unless the bytes are one number: sign, digits with at most one point, exponent.
  @inline(__always)
  init?(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    guard count > 0 else { return nil }
    var index = 0
    let first = bytes[0]
    if first == 0x2D || first == 0x2B {
      isNegative = first == 0x2D
      index = 1
    }
    let digitsStart = index
    var value: UInt64 = 0
    while index < count {
      let digit = bytes[index] &- 0x30
      if digit > 9 { break }
      value = value &* 10 &+ UInt64(digit)
      index &+= 1
    }
    var digits = index &- digitsStart
    if index < count, bytes[index] == 0x2E {
      index &+= 1
      let fractionStart = index
      while index < count {
        let digit = bytes[index] &- 0x30
        if digit > 9 { break }
        value = value &* 10 &+ UInt64(digit)
        index &+= 1
      }
      exponent = fractionStart &- index
      digits &+= index &- fractionStart
    }
    guard digits > 0 else { return nil }
    if digits > 19 {
      // The sum above may have wrapped: leading zeros are harmless, anything else is left to strtod.
      var zeros = 0
      for position in digitsStart..<index {
        if bytes[position] == 0x30 { zeros += 1 } else if bytes[position] != 0x2E { break }
      }
      digitsAreExact = digits - zeros <= 19
    }
    mantissa = value
    if index < count {
      guard bytes[index] | 0x20 == 0x65 else { return nil }
      guard let written = NumberParsing.exponent(bytes + (index &+ 1), count &- index &- 1) else { return nil }
      exponent &+= written
    }
  }
}

extension NumberParsing {
  /// The digits after `e`, with a sign; beyond ±100,000 it makes no difference any more.
  @inline(never)
  fileprivate static func exponent(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int? {
    var index = 0
    var isNegative = false
    if count > 0, bytes[0] == 0x2D || bytes[0] == 0x2B {
      isNegative = bytes[0] == 0x2D
      index = 1
    }
    guard index < count else { return nil }
    var value = 0
    while index < count {
      let digit = bytes[index] &- 0x30
      if digit > 9 { return nil }
      value = min(value &* 10 &+ Int(digit), 100_000)
      index += 1
    }
    return isNegative ? -value : value
  }
}

/// Powers of ten that a type holds exactly.
enum PowersOfTen {
  private static let doubles: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// 10^n for n in 0...22.
  @inline(__always)
  static func double(_ power: Int) -> Double { doubles[power] }

  /// 10^n for n in 0...10.
  @inline(__always)
  static func float(_ power: Int) -> Float { Float(doubles[power]) }

  #if arch(x86_64)
    /// 10^n for n in 0...27: 5^27 has 63 bits.
    static func extended(_ power: Int) -> Float80 {
      power <= 19 ? Float80(wholes[power]) : Float80(wholes[19]) * Float80(wholes[power - 19])
    }
  #endif

  private static let wholes: [UInt64] = {
    var powers: [UInt64] = [1]
    for _ in 0..<19 { powers.append(powers[powers.count - 1] * 10) }
    return powers
  }()

  /// 10^n for n in 0...38.
  static func wide(_ power: Int) -> UInt128 {
    var value: UInt128 = 1
    for _ in 0..<min(max(power, 0), 38) { value *= 10 }
    return value
  }
}

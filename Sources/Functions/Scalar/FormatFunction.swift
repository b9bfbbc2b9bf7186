import Columnar
import Glibc

extension FunctionLibrary {
  static let format: [ScalarDefinition] = [
    ScalarDefinition(
      "format", "Values put into a text by a Java format: format('%03d %s', 7, 'x').", [.varchar, .any], isVariadic: true,
      returns: .type(.varchar), propagatesNulls: false
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      for type in types.dropFirst() where type.isNested {
        throw FunctionError("NOT_SUPPORTED", "Type not supported for formatting: \(type)")
      }
      return formatKernel
    }
  ]
}

private let formatKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let format = Operand(arguments[0])
    let columns = arguments.dropFirst().map { FormatArgument($0) }
    var last: (text: UnsafeRawBufferPointer, pieces: [JavaFormat.Piece])?
    var out = TextColumnBuilder(count: call.count)
    for row in 0..<call.count {
      guard format.isValid(row) else {
        out.endRowAsNull()
        continue
      }
      do throws(KernelError) {
        let text = StringView.buffer(at: format.pointer(as: StringView.self) + (row & format.mask))
        let pieces: [JavaFormat.Piece]
        if let last, StringSearch.isEqual(last.text, text) {
          pieces = last.pieces
        } else {
          pieces = try JavaFormat.parse(text)
          last = (text, pieces)
        }
        for piece in pieces {
          switch piece {
          case .literal(let bytes): bytes.withUnsafeBytes { out.bytes.append($0) }
          case .conversion(let conversion):
            guard conversion.argument < columns.count else {
              throw .invalidArgument("Invalid format string: \(String(decoding: text, as: UTF8.self)): no argument for %\(conversion.letter)")
            }
            out.bytes.append(text: try conversion.apply(columns[conversion.argument], row))
          }
        }
      } catch { throw error.at(row: row) }
      out.endRow()
    }
    return out.finish(call.resultType)
  }
}

/// One argument column of `format`.
private struct FormatArgument {
  let type: SQLType
  private let column: Column
  private let view: ColumnView

  init(_ column: Column) {
    self.column = column
    type = column.type
    view = ColumnView(column)
  }

  func isNull(_ row: Int) -> Bool { !view.isValid(row) }

  var isInteger: Bool { type.isInteger }
  func integer(_ row: Int) -> Int64 {
    if case .int(let value) = column.scalarValue(at: row) { value } else { 0 }
  }

  /// A double, real or decimal as a number of digits.
  func decimal(_ row: Int) -> FormatNumber? {
    switch column.scalarValue(at: row) {
    case .double(let value): FormatNumber(value)
    case .real(let value): FormatNumber(Double(value))
    case .int(let value): if case .decimal(_, let scale) = type { FormatNumber(Int128(value), scale: scale) } else { nil }
    case .int128(let value): FormatNumber(value, scale: type.decimalScale)
    default: nil
    }
  }

  func boolean(_ row: Int) -> Bool? { if case .boolean(let flag) = column.scalarValue(at: row) { flag } else { nil } }

  /// Days and milliseconds of a date or timestamp.
  func reading(_ row: Int) -> (day: Int, milliseconds: Int)? {
    switch type {
    case .date, .timestamp, .timestampTZ, .time: break
    default: return nil
    }
    var reader = TemporalReader(column.slice(row, 1).flattened())
    let reading = reader.reading(0)
    return (reading.day, reading.ticks / Int(reader.ticksPerSecond / 1000))
  }

  /// What `%s` shows: Java's text of the value.
  func text(_ row: Int) -> String {
    switch type {
    case .double, .real:
      return shown(column, row)
    case .timestamp(let precision), .timestampTZ(let precision):
      var reader = TemporalReader(column.slice(row, 1).flattened())
      var out = TextBuffer()
      out.append(iso: 0, &reader)
      // java.time leaves out a fraction of zeros.
      var text = String(decoding: out.bytes, as: UTF8.self)
      let zeros = "." + String(repeating: "0", count: precision)
      if precision > 0, let range = text.ranges(of: zeros).first { text.removeSubrange(range) }
      return text
    default:
      var clock = ZoneClock()
      var out = TextBuffer()
      ValuePrinter(column).append(row, to: &out, &clock)
      return String(decoding: out.bytes, as: UTF8.self)
    }
  }
}

/// A number as exact decimal digits, or one that is not finite.
private struct FormatNumber {
  let isNegative: Bool
  let special: String?
  let value: Double
  private let unscaled: Int128
  private let scale: Int
  private let isDecimal: Bool

  init(_ value: Double) {
    self.value = value
    isNegative = value < 0 || (value == 0 && value.sign == .minus)
    special = value.isNaN ? "NaN" : value.isInfinite ? "Infinity" : nil
    unscaled = 0
    scale = 0
    isDecimal = false
  }

  init(_ unscaled: Int128, scale: Int) {
    self.unscaled = unscaled
    self.scale = scale
    isDecimal = true
    isNegative = unscaled < 0
    special = nil
    var text = TextBuffer()
    text.append(decimal: unscaled, scale: scale)
    value = NumberParser.double(text.bytes) ?? 0
  }

  /// Digits with so many behind the point, rounded half up, without sign.
  func fixed(_ places: Int) -> String {
    if isDecimal, let rounded = DecimalMath.rescale(unscaled, from: scale, to: places, precision: 38) {
      var text = TextBuffer()
      text.append(decimal: rounded < 0 ? -rounded : rounded, scale: places)
      return String(decoding: text.bytes, as: UTF8.self)
    }
    // Java rounds the shortest decimal text of the double, half up.
    let shortest = "\(value.magnitude)"
    if let exact = Self.decimal(shortest), let rounded = DecimalMath.rescale(exact.unscaled, from: exact.scale, to: places, precision: 38) {
      var text = TextBuffer()
      text.append(decimal: rounded, scale: places)
      return String(decoding: text.bytes, as: UTF8.self)
    }
    return Self.printed("%.*f", places, value.magnitude)
  }

  func scientific(_ places: Int) -> String { Self.printed("%.*e", places, value.magnitude) }

  private static func decimal(_ text: String) -> (unscaled: Int128, scale: Int)? {
    let parts = text.split(separator: "e")
    guard parts.count <= 2, let exponent = parts.count == 2 ? Int(parts[1]) : 0 else { return nil }
    let digits = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    guard let unscaled = Int128(digits.joined()) else { return nil }
    let scale = (digits.count == 2 ? digits[1].count : 0) - exponent
    if scale >= 0 { return scale <= 38 ? (unscaled, scale) : nil }
    return DecimalMath.scaleUp(unscaled, by: -scale).map { ($0, 0) }
  }

  private static func printed(_ format: String, _ places: Int, _ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: 400 + min(places, 1000))
    let size = buffer.count
    _ = withVaList([Int32(min(places, 1000)), value]) { vsnprintf(&buffer, size, format, $0) }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// Java's format strings.
/// - Source: java.util.Formatter, "Format String Syntax".
private enum JavaFormat {
  enum Piece {
    case literal([UInt8])
    case conversion(Conversion)
  }

  struct Conversion {
    var argument: Int
    var flags: Set<UInt8> = []
    var width: Int?
    var precision: Int?
    var letter: Character
    /// The letter behind `t`.
    var dateLetter: Character?

    private func has(_ flag: Character) -> Bool { flags.contains(flag.asciiValue ?? 0) }

    func apply(_ value: FormatArgument, _ row: Int) throws(KernelError) -> String {
      let isUpper = letter.isUppercase
      var text = try body(value, row)
      if isUpper { text = text.uppercased() }
      guard let width, text.count < width else { return text }
      let padding = String(repeating: " ", count: width - text.count)
      return has("-") ? text + padding : padding + text
    }

    private func mismatch(_ value: FormatArgument) -> KernelError {
      .invalidArgument("Invalid format string: %\(letter) does not fit a value of type \(value.type)")
    }

    private func body(_ value: FormatArgument, _ row: Int) throws(KernelError) -> String {
      if letter.lowercased() == "b" {
        if value.isNull(row) { return "false" }
        return value.type == .boolean ? (value.boolean(row) == true ? "true" : "false") : "true"
      }
      if value.isNull(row) { return cut("null") }
      switch letter.lowercased() {
      case "s": return cut(value.text(row))
      case "c":
        guard value.isInteger, let scalar = UInt32(exactly: value.integer(row)).flatMap({ Unicode.Scalar($0) }) else {
          throw mismatch(value)
        }
        return String(Character(scalar))
      case "d":
        guard value.isInteger else { throw mismatch(value) }
        let number = value.integer(row)
        return signed(grouped(String(number.magnitude)), isNegative: number < 0)
      case "x", "o":
        guard value.isInteger else { throw mismatch(value) }
        let bits: UInt64
        switch value.type {
        case .tinyint: bits = UInt64(UInt8(truncatingIfNeeded: value.integer(row)))
        case .smallint: bits = UInt64(UInt16(truncatingIfNeeded: value.integer(row)))
        case .integer: bits = UInt64(UInt32(truncatingIfNeeded: value.integer(row)))
        default: bits = UInt64(bitPattern: value.integer(row))
        }
        let isHex = letter.lowercased() == "x"
        var digits = String(bits, radix: isHex ? 16 : 8)
        if has("#") { digits = (isHex ? "0x" : "0") + digits }
        if has("0"), let width { digits = String(repeating: "0", count: max(0, width - digits.count)) + digits }
        return digits
      case "f", "e", "g":
        guard let number = value.decimal(row) else { throw mismatch(value) }
        if let special = number.special { return signed(special, isNegative: number.isNegative, padsZeros: false) }
        let places = precision ?? 6
        switch letter.lowercased() {
        case "f": return signed(grouped(number.fixed(places)), isNegative: number.isNegative)
        case "e": return signed(number.scientific(places), isNegative: number.isNegative)
        default:
          let significant = max(places, 1)
          let size = number.value.magnitude
          if size == 0 || (size >= 1e-4 && size < Glibc.pow(10, Double(significant))) {
            let whole = size == 0 ? 1 : Int(Glibc.floor(Glibc.log10(size))) + 1
            return signed(grouped(number.fixed(max(0, significant - whole))), isNegative: number.isNegative)
          }
          return signed(number.scientific(significant - 1), isNegative: number.isNegative)
        }
      case "t":
        guard let reading = value.reading(row), let dateLetter else { throw mismatch(value) }
        return try Self.date(dateLetter, reading.day, reading.milliseconds)
      default: throw .invalidArgument("Invalid format string: unknown conversion %\(letter)")
      }
    }

    private func cut(_ text: String) -> String { precision.map { String(text.prefix($0)) } ?? text }

    private func grouped(_ digits: String) -> String {
      guard has(",") else { return digits }
      let parts = digits.split(separator: ".", maxSplits: 1)
      var whole = ""
      for (index, digit) in parts[0].enumerated() {
        if index > 0, (parts[0].count - index) % 3 == 0 { whole.append(",") }
        whole.append(digit)
      }
      return parts.count == 2 ? whole + "." + parts[1] : whole
    }

    private func signed(_ digits: String, isNegative: Bool, padsZeros: Bool = true) -> String {
      var before = ""
      var after = ""
      if isNegative {
        if has("(") { (before, after) = ("(", ")") } else { before = "-" }
      } else if has("+") {
        before = "+"
      } else if has(" ") {
        before = " "
      }
      var digits = digits
      if has("0"), padsZeros, let width {
        digits = String(repeating: "0", count: max(0, width - digits.count - before.count - after.count)) + digits
      }
      return before + digits + after
    }

    private static func date(_ letter: Character, _ day: Int, _ milliseconds: Int) throws(KernelError) -> String {
      let date = CivilCalendar.date(ofDay: day)
      let hour = milliseconds / 3_600_000
      func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
      func padded(_ value: Int, _ size: Int) -> String {
        let digits = "\(abs(value))"
        return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, size - digits.count)) + digits
      }
      let minute = milliseconds / 60_000 % 60
      let second = milliseconds / 1000 % 60
      let hour12 = hour % 12 == 0 ? 12 : hour % 12
      switch letter {
      case "Y": return padded(date.year, 4)
      case "y": return two(CivilCalendar.floorModulo(date.year, 100))
      case "C": return two(date.year / 100)
      case "m": return two(date.month)
      case "d": return two(date.day)
      case "e": return "\(date.day)"
      case "j": return padded(CivilCalendar.dayOfYear(day), 3)
      case "B": return DateTimeFormat.monthNames[date.month - 1]
      case "b", "h": return String(DateTimeFormat.monthNames[date.month - 1].prefix(3))
      case "A": return DateTimeFormat.dayNames[CivilCalendar.weekday(day) - 1]
      case "a": return String(DateTimeFormat.dayNames[CivilCalendar.weekday(day) - 1].prefix(3))
      case "H": return two(hour)
      case "k": return "\(hour)"
      case "I": return two(hour12)
      case "l": return "\(hour12)"
      case "M": return two(minute)
      case "S": return two(second)
      case "L": return padded(milliseconds % 1000, 3)
      case "p": return hour < 12 ? "am" : "pm"
      case "R": return "\(two(hour)):\(two(minute))"
      case "T": return "\(two(hour)):\(two(minute)):\(two(second))"
      case "r": return "\(two(hour12)):\(two(minute)):\(two(second)) \(hour < 12 ? "AM" : "PM")"
      case "D": return "\(two(date.month))/\(two(date.day))/\(two(CivilCalendar.floorModulo(date.year, 100)))"
      case "F": return "\(padded(date.year, 4))-\(two(date.month))-\(two(date.day))"
      default: throw .invalidArgument("Invalid format string: unknown date conversion %t\(letter)")
      }
    }
  }

  static func parse(_ text: UnsafeRawBufferPointer) throws(KernelError) -> [Piece] {
    var pieces: [Piece] = []
    var literal: [UInt8] = []
    var index = 0
    var next = 0
    var previous = -1
    func invalid() -> KernelError { .invalidArgument("Invalid format string: \(String(decoding: text, as: UTF8.self))") }
    func number() -> Int? {
      let start = index
      var value = 0
      while index < text.count, text[index] &- 0x30 <= 9, index - start < 6 {
        value = value * 10 + Int(text[index] - 0x30)
        index += 1
      }
      return index > start ? value : nil
    }
    while index < text.count {
      guard text[index] == UInt8(ascii: "%") else {
        literal.append(text[index])
        index += 1
        continue
      }
      index += 1
      var conversion = Conversion(argument: -1, letter: "s")
      let start = index
      if index < text.count, text[index] != 0x30, let place = number() {
        if index < text.count, text[index] == UInt8(ascii: "$") {
          index += 1
          guard place >= 1 else { throw invalid() }
          conversion.argument = place - 1
        } else {
          index = start
        }
      } else if index < text.count, text[index] == UInt8(ascii: "<") {
        index += 1
        guard previous >= 0 else { throw invalid() }
        conversion.argument = previous
      }
      while index < text.count, "-#+ 0,(".utf8.contains(text[index]) {
        conversion.flags.insert(text[index])
        index += 1
      }
      conversion.width = number()
      if index < text.count, text[index] == UInt8(ascii: ".") {
        index += 1
        guard let places = number() else { throw invalid() }
        conversion.precision = places
      }
      guard (conversion.width ?? 0) <= 10_000, (conversion.precision ?? 0) <= 1_000, index < text.count else { throw invalid() }
      let letter = Character(Unicode.Scalar(text[index]))
      index += 1
      if letter == "%" || letter == "n" {
        literal.append(letter == "%" ? UInt8(ascii: "%") : 0x0A)
        continue
      }
      guard "sScCdxXofeEgGbBtT".contains(letter) else { throw invalid() }
      conversion.letter = letter
      if letter == "t" || letter == "T" {
        guard index < text.count else { throw invalid() }
        conversion.dateLetter = Character(Unicode.Scalar(text[index]))
        index += 1
      }
      if conversion.argument < 0 {
        conversion.argument = next
        next += 1
      }
      previous = conversion.argument
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = []
      pieces.append(.conversion(conversion))
    }
    if !literal.isEmpty { pieces.append(.literal(literal)) }
    return pieces
  }
}

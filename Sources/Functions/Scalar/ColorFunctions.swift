import Columnar

extension FunctionLibrary {
  /// Text for terminals. Trino's ColorFunctions; a color is compared but not ordered.
  static let color: [ScalarDefinition] = [
    checkedUnary("color", "A color: #rgb, or black, red, green, yellow, blue, magenta, cyan, white.") {
      (text: Text) throws(KernelError) -> TerminalColor in
      guard let color = TerminalColor(text.string) else { throw .invalidArgument("Invalid color: '\(text.string)'") }
      return color
    },
    checkedTernary("color", "A color between two, a fraction of the way.") {
      (fraction: Double, low: TerminalColor, high: TerminalColor) throws(KernelError) -> TerminalColor in try mixed(fraction, low, high)
    },
    ScalarDefinition(
      "color", "A color between two, as a value lies between two: (value, low, high, low color, high color).",
      [.double, .double, .double, .exact(.color), .exact(.color)], returns: .type(.color),
      kernel: optionalKernel(.color) { (operands: [Operand], row: Int) throws(KernelError) -> TerminalColor? in
        func number(_ index: Int) -> Double { operands[index].pointer(as: Double.self)[row & operands[index].mask] }
        func color(_ index: Int) -> TerminalColor { TerminalColor.load(operands[index].pointer(as: Int32.self), row & operands[index].mask) }
        return try mixed((number(0) - number(1)) / (number(2) - number(1)), color(3), color(4))
      }),
    checkedTernary("rgb", "A color of red, green and blue, each from 0 to 255.") {
      (red: Int64, green: Int64, blue: Int64) throws(KernelError) -> TerminalColor in
      for (name, part) in [("red", red), ("green", green), ("blue", blue)] where !(0...255).contains(part) {
        throw .invalidArgument("\(name) must be between 0 and 255")
      }
      return TerminalColor(red: Int(red), green: Int(green), blue: Int(blue))
    },
    textBinary(
      "render", "Text in a color.",
      returns: .computed("varchar(x + 15)") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        guard case .varchar(let length?) = types[0] else { return .varchar }
        return .varchar(length: min(Int(Int32.max), length + 15))
      }
    ) { (text: Text, color: TerminalColor, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(text: color.escape)
      out.bytes.append(text.bytes)
      out.bytes.append(text: TerminalColor.reset)
    },
    textBinary("render", "A number in a color.", returns: .type(.varchar(length: 35))) {
      (number: Int64, color: TerminalColor, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(text: "\(color.escape)\(number)\(TerminalColor.reset)")
    },
    textBinary("render", "A number in a color.", returns: .type(.varchar(length: 41))) {
      (number: Double, color: TerminalColor, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(text: "\(color.escape)\(javaText(number))\(TerminalColor.reset)")
    },
    textUnary("render", "A green check mark, or a red cross.", returns: .type(.varchar(length: 16))) {
      (flag: Bool, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(text: "\u{1B}[38;5;\(flag ? "2m✓" : "1m✗")\(TerminalColor.reset)")
    },
    textBinary("bar", "A bar of so many characters at 1, from red to green.") {
      (share: Double, width: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      try bar(share, width, TerminalColor(red: 255, green: 0, blue: 0), TerminalColor(red: 0, green: 255, blue: 0), &out)
    },
    ScalarDefinition(
      "bar", "A bar of so many characters at 1, from one color to another.", [.double, .bigint, .exact(.color), .exact(.color)],
      returns: .type(.varchar),
      kernel: textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
        func color(_ index: Int) -> TerminalColor { TerminalColor.load(operands[index].pointer(as: Int32.self), row & operands[index].mask) }
        try bar(
          operands[0].pointer(as: Double.self)[row & operands[0].mask], operands[1].pointer(as: Int64.self)[row & operands[1].mask],
          color(2), color(3), &out)
      }),
  ]

  private static func mixed(_ fraction: Double, _ low: TerminalColor, _ high: TerminalColor) throws(KernelError) -> TerminalColor {
    guard low.isRGB else { throw .invalidArgument("lowColor not a valid RGB color") }
    guard high.isRGB else { throw .invalidArgument("highColor not a valid RGB color") }
    return low.mixed(with: high, fraction.isNaN ? .nan : Float(max(0, min(1, fraction))))
  }

  /// Characters of a bar; nobody's terminal is as wide, and a number by mistake must not fill the memory.
  private static let widestBar: Int64 = 1_000_000

  private static func bar(
    _ share: Double, _ width: Int64, _ low: TerminalColor, _ high: TerminalColor, _ out: inout TextColumnBuilder
  ) throws(KernelError) {
    guard width <= widestBar else { throw .invalidArgument("width must not be greater than \(widestBar)") }
    guard low.isRGB, high.isRGB else { throw .invalidArgument("color is not a valid rgb value") }
    let length = share * Double(width)
    let count = length.isNaN ? 0 : Int64(max(0, min(Double(max(0, width)), length)))
    for position in 0..<count {
      let color = low.mixed(with: high, Float(Double(position) / Double(width - 1)))
      out.bytes.append(text: "\(color.escape)█")
    }
    out.bytes.append(text: TerminalColor.reset)
    for _ in count..<max(count, width) { out.bytes.append(UInt8(ascii: " ")) }
  }
}

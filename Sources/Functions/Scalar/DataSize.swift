import Columnar

extension FunctionLibrary {
  static let dataSize: [ScalarDefinition] = ["parse_data_size", "parse_presto_data_size"].map { name in
    ScalarDefinition(
      name, "Bytes of a size such as 2.3MB; units from B, kB, MB to YB go by 1,024.", [.varchar],
      returns: .type(.decimal(precision: 38, scale: 0)),
      kernel: optionalKernel(.decimal(precision: 38, scale: 0)) { (operands: [Operand], row: Int) throws(KernelError) -> ByteCount? in
        ByteCount(output: try bytes(Text.load(operands[0].pointer(as: Text.Stored.self), row & operands[0].mask).string))
      })
  }

  private struct ByteCount: SQLResult {
    let output: Int128
    static var resultType: SQLType { .decimal(precision: 38, scale: 0) }
  }

  /// Each 1,024 times the one before.
  private static let sizeUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]

  /// Rounded down.
  private static func bytes(_ text: String) throws(KernelError) -> Int128 {
    let number = text.prefix { $0 == "." || ($0.isASCII && $0.isNumber) }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    let digits = parts.joined()
    guard let power = sizeUnits.firstIndex(of: String(text[number.endIndex...])), parts.count <= 2, !digits.isEmpty else {
      throw .invalidArgument("Invalid data size: '\(text)'")
    }
    // The digits behind the 38th of a fraction are less than a byte of all but the largest units.
    let fraction = parts.count == 2 ? parts[1].prefix(max(0, 38 - parts[0].count)) : ""
    let outOfRange = KernelError.outOfRange("Value out of range: '\(text)'")
    guard let mantissa = UInt128(parts[0] + fraction), mantissa < DecimalMath.powers[38].magnitude else { throw outOfRange }
    let divisor = DecimalMath.power(fraction.count).magnitude
    let product = mantissa.multipliedFullWidth(by: UInt128(1) << UInt128(10 * power))
    guard product.high < divisor else { throw outOfRange }
    let count = divisor.dividingFullWidth(product).quotient
    guard count < DecimalMath.powers[38].magnitude else { throw outOfRange }
    return Int128(count)
  }
}

import Columnar

extension FunctionLibrary {
  static let bitwise: [ScalarDefinition] = [
    binary("bitwise_and", "Bits set in both.") { (x: Int64, y: Int64) -> Int64 in x & y },
    binary("bitwise_or", "Bits set in either.") { (x: Int64, y: Int64) -> Int64 in x | y },
    binary("bitwise_xor", "Bits set in one of the two.") { (x: Int64, y: Int64) -> Int64 in x ^ y },
    unary("bitwise_not", "All bits turned.") { (x: Int64) -> Int64 in ~x },
    checkedBinary("bit_count", "Number of set bits of x as a two's complement number of so many bits.") {
      (x: Int64, bits: Int64) throws(KernelError) -> Int64 in
      guard bits >= 2 && bits <= 64 else {
        throw .invalidArgument("Bits specified in bit_count must be between 2 and 64, got \(bits)")
      }
      if bits < 64 {
        let limit = Int64(1) << (bits - 1)
        guard x >= -limit && x < limit else {
          throw .invalidArgument("Number must be representable with the bits specified. \(x) cannot be represented with \(bits) bits")
        }
        return Int64((x & ((Int64(1) << bits) - 1)).nonzeroBitCount)
      }
      return Int64(x.nonzeroBitCount)
    },
  ] + shifts(Int8.self) + shifts(Int16.self) + shifts(Int32.self) + shifts(Int64.self)

  private static func shifts<Value: FixedWidthInteger & SignedInteger & SQLArgument & SQLResult>(
    _ type: Value.Type
  ) -> [ScalarDefinition] where Value.Output == Value, Value.Stored == Value {
    [
      binary("bitwise_left_shift", "x with its bits moved left.") { (x: Value, n: Int64) -> Value in
        n < 0 || n >= Value.bitWidth ? 0 : x << Value(truncatingIfNeeded: n)
      },
      binary("bitwise_right_shift", "x with its bits moved right, zeros filled in.") { (x: Value, n: Int64) -> Value in
        if n < 0 || n >= Value.bitWidth { return 0 }
        return Value(truncatingIfNeeded: Value.Magnitude(truncatingIfNeeded: x) >> Value.Magnitude(truncatingIfNeeded: n))
      },
      binary("bitwise_right_shift_arithmetic", "x with its bits moved right, the sign filled in.") {
        (x: Value, n: Int64) -> Value in
        n < 0 || n >= Value.bitWidth ? (x < 0 ? -1 : 0) : x >> Value(truncatingIfNeeded: n)
      },
    ]
  }
}

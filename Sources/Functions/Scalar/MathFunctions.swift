import Columnar
import Glibc

extension FunctionLibrary {
  static let math: [ScalarDefinition] = roots + trigonometry + floatingTests + bases

  private static let roots: [ScalarDefinition] = [
    unary("sqrt", "Square root; NaN below zero.") { (x: Double) -> Double in x.squareRoot() },
    unary("cbrt", "Cube root.") { (x: Double) -> Double in
      // The C library may be off by a unit in the last place, even for cubes of whole numbers: one step of Newton's method.
      let root = Glibc.cbrt(x)
      return root == 0 || !root.isFinite ? root : root - (root * root * root - x) / (3 * root * root)
    },
    unary("exp", "e to the power x.") { (x: Double) -> Double in Glibc.exp(x) },
    unary("ln", "Natural logarithm.") { (x: Double) -> Double in Glibc.log(x) },
    unary("log2", "Logarithm to base 2.") { (x: Double) -> Double in Glibc.log2(x) },
    unary("log10", "Logarithm to base 10.") { (x: Double) -> Double in Glibc.log10(x) },
    binary("log", "Logarithm of x to a base: log(b, x).") { (b: Double, x: Double) -> Double in Glibc.log(x) / Glibc.log(b) },
    binary("power", aliases: ["pow"], "x to the power p.") { (x: Double, p: Double) -> Double in Glibc.pow(x, p) },
    ScalarDefinition(
      "pi", "The ratio of a circle's circumference to its diameter.", [], returns: .type(.double),
      kernel: constantKernel(.double(Double.pi))),
    ScalarDefinition(
      "e", "Euler's number.", [], returns: .type(.double), kernel: constantKernel(.double(2.718281828459045))),
    ScalarDefinition(
      "nan", "The double that is not a number.", [], returns: .type(.double), kernel: constantKernel(.double(.nan))),
    ScalarDefinition(
      "infinity", "Positive infinity.", [], returns: .type(.double), kernel: constantKernel(.double(.infinity))),
  ]

  private static let trigonometry: [ScalarDefinition] = [
    unary("sin", "Sine of an angle in radians.") { (x: Double) -> Double in Glibc.sin(x) },
    unary("cos", "Cosine of an angle in radians.") { (x: Double) -> Double in Glibc.cos(x) },
    unary("tan", "Tangent of an angle in radians.") { (x: Double) -> Double in Glibc.tan(x) },
    unary("asin", "Arc sine.") { (x: Double) -> Double in Glibc.asin(x) },
    unary("acos", "Arc cosine.") { (x: Double) -> Double in Glibc.acos(x) },
    unary("atan", "Arc tangent.") { (x: Double) -> Double in Glibc.atan(x) },
    binary("atan2", "Arc tangent of y / x: atan2(y, x).") { (y: Double, x: Double) -> Double in Glibc.atan2(y, x) },
    unary("sinh", "Hyperbolic sine.") { (x: Double) -> Double in Glibc.sinh(x) },
    unary("cosh", "Hyperbolic cosine.") { (x: Double) -> Double in Glibc.cosh(x) },
    unary("tanh", "Hyperbolic tangent.") { (x: Double) -> Double in Glibc.tanh(x) },
    unary("degrees", "Radians as degrees.") { (x: Double) -> Double in x * 180 / .pi },
    unary("radians", "Degrees as radians.") { (x: Double) -> Double in x / 180 * .pi },
  ]

  private static let floatingTests: [ScalarDefinition] = [
    unary("is_nan", "Whether x is not a number.") { (x: Double) -> Bool in x.isNaN },
    unary("is_nan", "Whether x is not a number.") { (x: Float) -> Bool in x.isNaN },
    unary("is_finite", "Whether x is neither infinite nor NaN.") { (x: Double) -> Bool in x.isFinite },
    unary("is_infinite", "Whether x is positive or negative infinity.") { (x: Double) -> Bool in x.isInfinite },
    checkedTernary("normal_cdf", "Normal distribution: normal_cdf(mean, sd, value).") {
      (mean: Double, deviation: Double, value: Double) throws(KernelError) -> Double in
      guard deviation > 0 else { throw .invalidArgument("standardDeviation must be > 0") }
      return 0.5 * (1 + Glibc.erf((value - mean) / (deviation * 2.0.squareRoot())))
    },
    checkedTernary("inverse_normal_cdf", "Inverse of the normal distribution: inverse_normal_cdf(mean, sd, p).") {
      (mean: Double, deviation: Double, p: Double) throws(KernelError) -> Double in
      guard p > 0 && p < 1 else { throw .invalidArgument("p must be 0 > p > 1") }
      guard deviation > 0 else { throw .invalidArgument("sd must be > 0") }
      return mean + deviation * inverseNormal(p)
    },
    checkedTernary("wilson_interval_lower", "Lower bound of the Wilson score interval: (successes, trials, z).") {
      (successes: Int64, trials: Int64, z: Double) throws(KernelError) -> Double in
      try wilson(successes, trials, z, isUpper: false)
    },
    checkedTernary("wilson_interval_upper", "Upper bound of the Wilson score interval: (successes, trials, z).") {
      (successes: Int64, trials: Int64, z: Double) throws(KernelError) -> Double in
      try wilson(successes, trials, z, isUpper: true)
    },
  ]

  private static let bases: [ScalarDefinition] = [
    checkedQuaternary("width_bucket", "The bucket of x among n equal ones between two bounds; 0 below, n + 1 above.") {
      (x: Double, low: Double, high: Double, n: Int64) throws(KernelError) -> Int64 in
      guard n > 0 else { throw .invalidArgument("bucketCount must be greater than 0") }
      guard !x.isNaN else { throw .invalidArgument("operand must not be NaN") }
      guard low.isFinite else { throw .invalidArgument("first bound must be finite") }
      guard high.isFinite else { throw .invalidArgument("second bound must be finite") }
      guard low != high else { throw .invalidArgument("bounds cannot equal each other") }
      let (lower, upper) = (min(low, high), max(low, high))
      if n == .max && (x >= upper || x < lower) { throw .outOfRange("Bucket for value \(javaText(x)) is out of range") }
      let bucket: Int64
      if x < lower {
        bucket = 0
      } else if x >= upper {
        bucket = n + 1
      } else {
        bucket = min(Int64(exactly: (Double(n) * (x - lower) / (upper - lower)).rounded(.down)) ?? n, n - 1) + 1
      }
      return low > high ? n - bucket + 1 : bucket
    },
    ScalarDefinition(
      "width_bucket", "The number of the first bin above x.", [.double, .array(.double)], returns: .type(.bigint),
      kernel: binKernel),
    checkedBinary("from_base", "The number a text stands for in a radix.") {
      (text: Text, radix: Int64) throws(KernelError) -> Int64 in
      guard radix >= 2 && radix <= 36 else { throw .invalidArgument("Radix must be between 2 and 36") }
      guard let value = Int64(text.string, radix: Int(radix)) else {
        throw .invalidArgument("Not a valid base-\(radix) number: \(text.string)")
      }
      return value
    },
    textBinary("to_base", "A number written in a radix.", returns: .type(.varchar(length: 64))) {
      (x: Int64, radix: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      guard radix >= 2 && radix <= 36 else { throw .invalidArgument("Radix must be between 2 and 36") }
      out.bytes.append(text: String(x, radix: Int(radix)))
    },
  ]
}

/// A body that gives the same value for every row.
func constantKernel(_ scalar: Scalar) -> ScalarKernel {
  { (_: [Column], call: FunctionCall) throws(KernelError) -> Column in .constant(scalar, count: call.count) }
}

private let binKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let bins = ListOperand(arguments[1])
  let values = Operand(bins.elements)
  return try optionalKernel(.bigint) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
    let x = operands[0].pointer(as: Double.self)[row & operands[0].mask]
    let range = bins.range(row)
    guard !range.isEmpty else { throw .invalidArgument("Bins cannot be an empty array") }
    guard !x.isNaN else { throw .invalidArgument("Operand cannot be NaN") }
    var bucket: Int64 = 0
    var previous = -Double.infinity
    for element in range {
      guard values.isValid(element) else { throw .invalidArgument("Bin values cannot be NULL") }
      let bin = values.pointer(as: Double.self)[element & values.mask]
      guard bin.isFinite else { throw .invalidArgument("Bin value must be finite, got \(javaText(bin))") }
      guard bin >= previous else { throw .invalidArgument("Bin values are not sorted in ascending order") }
      previous = bin
      if x >= bin { bucket += 1 }
    }
    return bucket
  }(arguments, call)
}

private func wilson(_ successes: Int64, _ trials: Int64, _ z: Double, isUpper: Bool) throws(KernelError) -> Double {
  guard successes >= 0 else { throw .invalidArgument("number of successes must not be negative") }
  guard trials > 0 else { throw .invalidArgument("number of trials must be positive") }
  guard successes <= trials else {
    throw .invalidArgument("number of successes must not be larger than number of trials")
  }
  guard z >= 0 else { throw .invalidArgument("z-score must not be negative") }
  let n = Double(trials)
  let p = Double(successes) / n
  let center = p + z * z / (2 * n)
  let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
  return (center + (isUpper ? spread : -spread)) / (1 + z * z / n)
}

/// Quantile of the standard normal distribution: a rational approximation (relative error below 1.2e-9) and two Newton steps on erfc.
private func inverseNormal(_ p: Double) -> Double {
  func tail(_ q: Double) -> Double {
    let t = (-2 * Glibc.log(q)).squareRoot()
    return t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t)
  }
  var x = p < 0.5 ? -tail(p) : tail(1 - p)
  for _ in 0..<6 {
    let error = 0.5 * Glibc.erfc(-x / 2.0.squareRoot()) - p
    let slope = Glibc.exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    guard slope > 0 else { break }
    let step = error / slope
    // Halley's correction for the curvature of the distribution.
    x -= step / (1 + x * step / 2)
  }
  return x
}

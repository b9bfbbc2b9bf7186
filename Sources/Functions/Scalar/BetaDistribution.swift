import Columnar
import Glibc

extension FunctionLibrary {
  static let betaDistribution: [ScalarDefinition] = [
    checkedTernary("beta_cdf", "Beta distribution: beta_cdf(a, b, value).") {
      (a: Double, b: Double, value: Double) throws(KernelError) -> Double in
      guard value >= 0, value <= 1 else { throw .invalidArgument("value must be in the interval [0, 1]") }
      guard a > 0 else { throw .invalidArgument("a must be > 0") }
      guard b > 0 else { throw .invalidArgument("b must be > 0") }
      return regularizedBeta(value, a, b)
    },
    checkedTernary("inverse_beta_cdf", "Inverse of the beta distribution: inverse_beta_cdf(a, b, p).") {
      (a: Double, b: Double, p: Double) throws(KernelError) -> Double in
      guard p >= 0, p <= 1 else { throw .invalidArgument("p must be in the interval [0, 1]") }
      guard a > 0 else { throw .invalidArgument("a must be > 0") }
      guard b > 0 else { throw .invalidArgument("b must be > 0") }
      // The distribution grows: halving finds the place to the last bit.
      var (low, high) = (0.0, 1.0)
      for _ in 0..<200 {
        let middle = low + (high - low) / 2
        if middle <= low || middle >= high { break }
        if regularizedBeta(middle, a, b) < p { low = middle } else { high = middle }
      }
      return p == 0 ? 0 : p == 1 ? 1 : high
    },
    checkedBinary("t_cdf", "Student's t distribution: t_cdf(value, degrees of freedom).") { (value: Double, freedom: Double) throws(KernelError) -> Double in
      guard freedom > 0 else { throw .invalidArgument("df must be greater than 0") }
      // DLMF 8.17, by the beta distribution of the squared value.
      let tail = regularizedBeta(freedom / (freedom + value * value), freedom / 2, 0.5) / 2
      return value < 0 ? tail : 1 - tail
    },
    checkedBinary("t_pdf", "The density of Student's t distribution: t_pdf(value, degrees of freedom).") {
      (value: Double, freedom: Double) throws(KernelError) -> Double in
      guard freedom > 0 else { throw .invalidArgument("df must be greater than 0") }
      let scale = Glibc.lgamma((freedom + 1) / 2) - Glibc.lgamma(freedom / 2) - Glibc.log(freedom * Double.pi) / 2
      return Glibc.exp(scale - (freedom + 1) / 2 * Glibc.log1p(value * value / freedom))
    },
  ]
}

/// The regularised incomplete beta function, by its continued fraction on the side where that converges fast.
/// - Source: DLMF 8.17.22; evaluated by the modified Lentz method.
private func regularizedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
  if x <= 0 { return 0 }
  if x >= 1 { return 1 }
  if x > (a + 1) / (a + b + 2) { return 1 - regularizedBeta(1 - x, b, a) }
  let scale = Glibc.exp(
    Glibc.lgamma(a + b) - Glibc.lgamma(a) - Glibc.lgamma(b) + a * Glibc.log(x) + b * Glibc.log1p(-x))
  let tiny = 1e-300
  var c = 1.0
  var d = 1 - (a + b) * x / (a + 1)
  if d.magnitude < tiny { d = tiny }
  d = 1 / d
  var fraction = d
  for step in 1...1000 {
    let m = Double(step)
    for numerator in [
      m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
    ] {
      d = 1 + numerator * d
      if d.magnitude < tiny { d = tiny }
      c = 1 + numerator / c
      if c.magnitude < tiny { c = tiny }
      d = 1 / d
      fraction *= c * d
    }
    if (c * d - 1).magnitude < 1e-16 { break }
  }
  return scale * fraction / a
}

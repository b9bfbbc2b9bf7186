import Columnar
import Glibc

extension FunctionLibrary {
  static let statistics: [AggregateDefinition] =
    [
      AggregateDefinition(
        "variance", aliases: ["var_samp"], "Sample variance; NULL for fewer than two values.", .double, returns: .double,
        fold: MomentsFold(result: .sampleVariance)),
      AggregateDefinition(
        "var_pop", "Population variance.", .double, returns: .double, fold: MomentsFold(result: .populationVariance)),
      AggregateDefinition(
        "stddev", aliases: ["stddev_samp"], "Sample standard deviation; NULL for fewer than two values.", .double,
        returns: .double, fold: MomentsFold(result: .sampleDeviation)),
      AggregateDefinition(
        "stddev_pop", "Population standard deviation.", .double, returns: .double,
        fold: MomentsFold(result: .populationDeviation)),
      AggregateDefinition(
        "skewness", "Skewness; NULL for fewer than three values.", .double, returns: .double, fold: MomentsFold(result: .skewness)),
      AggregateDefinition(
        "kurtosis", "Excess kurtosis; NULL for fewer than four values.", .double, returns: .double,
        fold: MomentsFold(result: .kurtosis)),
      AggregateDefinition(
        "geometric_mean", "Geometric mean.", .double, returns: .double, fold: GeometricMeanFold<Double>()),
      AggregateDefinition("geometric_mean", "Geometric mean.", .real, returns: .real, fold: GeometricMeanFold<Float>()),
      AggregateDefinition("geometric_mean", "Geometric mean.", .bigint, returns: .double, fold: WholeGeometricMeanFold()),
      AggregateDefinition(
        "entropy", "Entropy in bits of a distribution given by counts.", .double, returns: .double, fold: EntropyFold()),
    ] + pairs("covar_pop", "Population covariance of y and x.", .populationCovariance)
    + pairs("covar_samp", "Sample covariance of y and x.", .sampleCovariance)
    + pairs("corr", "Correlation of y and x.", .correlation)
    + pairs("regr_slope", "Slope of the line of least squares: (y, x).", .slope)
    + pairs("regr_intercept", "Intercept of the line of least squares: (y, x).", .intercept)
    + pairs("regr_r2", "Square of the correlation of y and x.", .determination)
    + pairs("regr_avgx", "Mean of x where y is not NULL.", .meanX)
    + pairs("regr_avgy", "Mean of y where x is not NULL.", .meanY)
    + pairs("regr_sxx", "Sum of squares of x around its mean.", .squaresX)
    + pairs("regr_syy", "Sum of squares of y around its mean.", .squaresY)
    + pairs("regr_sxy", "Sum of products of x and y around their means.", .products)
    + [
      AggregateDefinition(
        "regr_count", "Number of rows where neither y nor x is NULL.", [.double, .double], returns: .type(.bigint)
      ) { (_: [SQLType], _: SQLType) throws(FunctionError) in { _ in PairCountState() } }
    ]

  private static func pairs(_ name: String, _ description: String, _ result: PairMomentsFold.Result) -> [AggregateDefinition] {
    [SQLType.double, .real].map { type in
      AggregateDefinition(name, description, [.exact(type), .exact(type)], returns: .type(type)) {
        (_: [SQLType], _: SQLType) throws(FunctionError) in
        { _ in BinaryFoldState(PairMomentsFold(wanted: result), type) }
      }
    }
  }
}

/// Central moments up to the fourth, updated value by value and merged without loss of precision.
/// - Source: Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments" (2008).
private struct MomentsFold: UnaryFold {
  enum Result { case sampleVariance, populationVariance, sampleDeviation, populationDeviation, skewness, kurtosis }
  struct Accumulator: BitwiseCopyable {
    var count = 0.0
    var mean = 0.0
    var m2 = 0.0
    var m3 = 0.0
    var m4 = 0.0
  }
  let result: Result

  func add(_ value: Double, to state: inout Accumulator) {
    let before = state.count
    state.count += 1
    let n = state.count
    let delta = value - state.mean
    let step = delta / n
    let square = step * step
    let term = delta * step * before
    state.mean += step
    state.m4 += term * square * (n * n - 3 * n + 3) + 6 * square * state.m2 - 4 * step * state.m3
    state.m3 += term * step * (n - 2) - 3 * step * state.m2
    state.m2 += term
  }

  func merge(_ other: Accumulator, into state: inout Accumulator) {
    guard other.count > 0 else { return }
    guard state.count > 0 else {
      state = other
      return
    }
    let (na, nb) = (state.count, other.count)
    let n = na + nb
    let delta = other.mean - state.mean
    let delta2 = delta * delta
    let m4 =
      state.m4 + other.m4 + delta2 * delta2 * na * nb * (na * na - na * nb + nb * nb) / (n * n * n)
      + 6 * delta2 * (na * na * other.m2 + nb * nb * state.m2) / (n * n) + 4 * delta * (na * other.m3 - nb * state.m3) / n
    let m3 =
      state.m3 + other.m3 + delta * delta2 * na * nb * (na - nb) / (n * n)
      + 3 * delta * (na * other.m2 - nb * state.m2) / n
    state.m2 += other.m2 + delta2 * na * nb / n
    state.m3 = m3
    state.m4 = m4
    state.mean += delta * nb / n
    state.count = n
  }

  func result(_ state: Accumulator) -> Double? {
    let n = state.count
    switch result {
    case .sampleVariance: return n < 2 ? nil : state.m2 / (n - 1)
    case .populationVariance: return n < 1 ? nil : state.m2 / n
    case .sampleDeviation: return n < 2 ? nil : (state.m2 / (n - 1)).squareRoot()
    case .populationDeviation: return n < 1 ? nil : (state.m2 / n).squareRoot()
    case .skewness: return n < 3 ? nil : n.squareRoot() * state.m3 / Glibc.pow(state.m2, 1.5)
    case .kurtosis:
      guard n >= 4 else { return nil }
      let scale = (n - 2) * (n - 3)
      return (n - 1) * n * (n + 1) / scale * state.m4 / (state.m2 * state.m2) - 3 * (n - 1) * (n - 1) / scale
    }
  }
}

private struct GeometricMeanFold<Value: BinaryFloatingPoint & BitwiseCopyable & Sendable>: UnaryFold {
  struct Accumulator: BitwiseCopyable {
    var count = 0.0
    var logarithms = 0.0
  }
  func add(_ value: Value, to state: inout Accumulator) {
    state.count += 1
    state.logarithms += Glibc.log(Double(value))
  }
  func merge(_ other: Accumulator, into state: inout Accumulator) {
    state.count += other.count
    state.logarithms += other.logarithms
  }
  func result(_ state: Accumulator) -> Value? {
    state.count == 0 ? nil : Value(Glibc.exp(state.logarithms / state.count))
  }
}

/// Integers have a double as their mean; without an overload of their own they would count as real.
private struct WholeGeometricMeanFold: UnaryFold {
  private let mean = GeometricMeanFold<Double>()

  func add(_ value: Int64, to state: inout GeometricMeanFold<Double>.Accumulator) { mean.add(Double(value), to: &state) }
  func merge(_ other: GeometricMeanFold<Double>.Accumulator, into state: inout GeometricMeanFold<Double>.Accumulator) {
    mean.merge(other, into: &state)
  }
  func result(_ state: GeometricMeanFold<Double>.Accumulator) -> Double? { mean.result(state) }
}

private struct EntropyFold: UnaryFold {
  struct Accumulator: BitwiseCopyable {
    var sum = 0.0
    var products = 0.0
    var hasNegative = false
  }
  func add(_ value: Double, to state: inout Accumulator) {
    if value < 0 { state.hasNegative = true }
    guard value > 0 else { return }
    state.sum += value
    state.products += value * Glibc.log(value)
  }
  func merge(_ other: Accumulator, into state: inout Accumulator) {
    state.sum += other.sum
    state.products += other.products
    state.hasNegative = state.hasNegative || other.hasNegative
  }
  func result(_ state: Accumulator) throws(KernelError) -> Double? {
    if state.hasNegative { throw .invalidArgument("Entropy count argument must be non-negative") }
    guard state.sum > 0 else { return 0 }
    return max(0, (Glibc.log(state.sum) - state.products / state.sum) / Glibc.log(2))
  }
}

private struct PairMomentsFold: BinaryFold {
  enum Result {
    case populationCovariance, sampleCovariance, correlation, slope, intercept, determination, meanX, meanY, squaresX
    case squaresY, products
  }
  struct Accumulator: BitwiseCopyable {
    var count = 0.0
    var meanX = 0.0
    var meanY = 0.0
    var squaresX = 0.0
    var squaresY = 0.0
    var products = 0.0
  }
  let wanted: Result

  func add(_ y: Double, _ x: Double, to state: inout Accumulator) {
    state.count += 1
    let (dx, dy) = (x - state.meanX, y - state.meanY)
    state.meanX += dx / state.count
    state.meanY += dy / state.count
    state.squaresX += dx * (x - state.meanX)
    state.squaresY += dy * (y - state.meanY)
    state.products += dx * (y - state.meanY)
  }

  func merge(_ other: Accumulator, into state: inout Accumulator) {
    guard other.count > 0 else { return }
    guard state.count > 0 else {
      state = other
      return
    }
    let n = state.count + other.count
    let share = state.count * other.count / n
    let (dx, dy) = (other.meanX - state.meanX, other.meanY - state.meanY)
    state.squaresX += other.squaresX + dx * dx * share
    state.squaresY += other.squaresY + dy * dy * share
    state.products += other.products + dx * dy * share
    state.meanX += dx * other.count / n
    state.meanY += dy * other.count / n
    state.count = n
  }

  func result(_ state: Accumulator) -> Double? {
    let n = state.count
    guard n > 0 else { return nil }
    /// Trino's rule: what is not finite is NULL.
    func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
    switch wanted {
    case .populationCovariance: return state.products / n
    case .sampleCovariance: return n < 2 ? nil : state.products / (n - 1)
    case .correlation: return finite(state.products / (state.squaresX * state.squaresY).squareRoot())
    case .slope: return finite(state.products / state.squaresX)
    case .intercept: return finite(state.meanY - state.products / state.squaresX * state.meanX)
    case .determination:
      if state.squaresX == 0 { return nil }
      return state.squaresY == 0 ? 1 : finite(state.products * state.products / (state.squaresX * state.squaresY))
    case .meanX: return state.meanX
    case .meanY: return state.meanY
    case .squaresX: return state.squaresX
    case .squaresY: return state.squaresY
    case .products: return state.products
    }
  }
}

private final class PairCountState: GroupwiseAggregateState {
  private let counts = GroupValues<Int64>()

  func resize(groupCount: Int) { counts.resize(groupCount) }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let (y, x) = (ColumnView(arguments[0]), ColumnView(arguments[1]))
    for row in 0..<count where y.isValid(row) && x.isValid(row) { counts.base[Int(groups[row])] &+= 1 }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? PairCountState else { return }
    for index in 0..<count { counts.base[Int(targets[index])] &+= other.counts[Int(groups[index])] }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let counts = self.counts
    return try groupColumn(.bigint, start: start, count: count, isPresent: { _ in true }) {
      (group: Int) throws(KernelError) in counts[group]
    }
  }

  var byteCount: Int { counts.byteCount }
}

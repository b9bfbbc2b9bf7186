import Columnar
import Glibc

/// A t-digest: clusters of neighbouring values, small at both ends of the distribution and larger in its middle. Exact while each
/// value has a cluster of its own.
///
/// ```
/// 0 | least: double | largest: double | compression: double | weight of all: double | count: int32 | means: double | weights: double
/// ```
/// - Source: Dunning, Ertl, "Computing extremely accurate quantiles using t-digests" (2019); the bytes from airlift, TDigest.serialize.
final class TDigest: Sketch {
  private(set) var means: [Double] = []
  private(set) var weights: [Double] = []
  private var pending: [(mean: Double, weight: Double)] = []
  private(set) var totalWeight = 0.0
  private var least = Double.infinity
  private var largest = -Double.infinity

  private static let compression = 200.0
  private static let pendingLimit = 2_000
  /// Clusters that are written: 8 KB.
  private static let writtenLimit = 500

  init() {}

  var byteCount: Int { (means.count + pending.count) * 16 + 96 }

  func add(_ value: Double, weight: Double) {
    pending.append((value, weight))
    totalWeight += weight
    least = min(least, value)
    largest = max(largest, value)
    if pending.count >= Self.pendingLimit { compress() }
  }

  func merge(_ other: TDigest) {
    for (mean, weight) in zip(other.means, other.weights) { pending.append((mean, weight)) }
    pending += other.pending
    totalWeight += other.totalWeight
    least = min(least, other.least)
    largest = max(largest, other.largest)
    if pending.count >= Self.pendingLimit { compress() }
  }

  func compress() {
    if pending.isEmpty { return }
    let clusters = zip(means, weights).map { (mean: $0, weight: $1) } + pending
    pending = []
    compress(clusters.sorted { $0.mean < $1.mean }, limit: Self.pendingLimit)
  }

  /// - Parameter limit: so many clusters may stay as they are.
  private func compress(_ clusters: [(mean: Double, weight: Double)], limit: Int) {
    if clusters.count <= limit {
      means = clusters.map(\.mean)
      weights = clusters.map(\.weight)
      return
    }
    means = []
    weights = []
    var current = clusters[0]
    var before = 0.0
    var limit = Self.limit(after: 0) * totalWeight
    for cluster in clusters.dropFirst() {
      if before + current.weight + cluster.weight <= limit {
        let weight = current.weight + cluster.weight
        current.mean += (cluster.mean - current.mean) * cluster.weight / weight
        current.weight = weight
      } else {
        means.append(current.mean)
        weights.append(current.weight)
        before += current.weight
        limit = Self.limit(after: before / totalWeight) * totalWeight
        current = cluster
      }
    }
    means.append(current.mean)
    weights.append(current.weight)
  }

  /// The share up to which a cluster may reach that begins at a share: one step of the scale function k1.
  private static func limit(after share: Double) -> Double {
    let k = compression / (2 * .pi) * Glibc.asin(2 * min(share, 1) - 1) + 1
    if k >= compression / 4 { return 1 }
    return (Glibc.sin(k * 2 * .pi / compression) + 1) / 2
  }

  // MARK: Reading

  /// The value at a share; NaN of nothing. Call `compress` before.
  func value(at share: Double) -> Double {
    if means.isEmpty { return .nan }
    if means.count == 1 { return means[0] }
    let index = share * totalWeight
    if index < 1 { return least }
    if weights[0] > 1, index < weights[0] / 2 {
      return least + (index - 1) / (weights[0] / 2 - 1) * (means[0] - least)
    }
    if index > totalWeight - 1 { return largest }
    let last = weights[weights.count - 1]
    if last > 1, totalWeight - index <= last / 2 {
      return largest - (totalWeight - index - 1) / (last / 2 - 1) * (largest - means[means.count - 1])
    }
    var seen = weights[0] / 2
    for cluster in 0..<(means.count - 1) {
      let step = (weights[cluster] + weights[cluster + 1]) / 2
      guard seen + step > index else {
        seen += step
        continue
      }
      var left = 0.0
      var right = 0.0
      if weights[cluster] == 1 {
        if index - seen < 0.5 { return means[cluster] }
        left = 0.5
      }
      if weights[cluster + 1] == 1 {
        if seen + step - index <= 0.5 { return means[cluster + 1] }
        right = 0.5
      }
      let toLeft = index - seen - left
      let toRight = seen + step - index - right
      return (means[cluster] * toRight + means[cluster + 1] * toLeft) / (toLeft + toRight)
    }
    return largest
  }

  /// The share of values up to and including `value`; nil of nothing. Call `compress` before.
  ///
  /// Values that have a cluster of their own are counted; half of a larger cluster is taken to lie below its mean.
  func share(upTo value: Double) -> Double? {
    if means.isEmpty { return nil }
    if value < least { return 0 }
    if value >= largest { return 1 }
    var before = 0.0
    var last = (value: least, weight: 0.0)
    func between(_ next: Double, _ weight: Double) -> Double {
      (last.weight + (value - last.value) / (next - last.value) * (weight - last.weight)) / totalWeight
    }
    for (mean, weight) in zip(means, weights) {
      let half = weight == 1 ? 0 : weight / 2
      if mean > value { return between(mean, before + half) }
      last = (mean, before + (weight == 1 ? 1 : half))
      before += weight
    }
    return between(largest, totalWeight)
  }

  /// The mean of what lies between two shares; nil when nothing does. Call `compress` before.
  func mean(from low: Double, to high: Double) -> Double? {
    var before = 0.0
    var sum = 0.0
    var weightOfSum = 0.0
    for (mean, weight) in zip(means, weights) {
      let inside = min(before + weight, high * totalWeight) - max(before, low * totalWeight)
      if inside > 0 {
        sum += mean * inside
        weightOfSum += inside
      }
      before += weight
    }
    return weightOfSum > 0 ? sum / weightOfSum : nil
  }

  // MARK: Bytes

  init(bytes: UnsafeRawBufferPointer) throws(KernelError) {
    var reader = SketchReader(bytes, "tdigest")
    try reader.require(try reader.integer(UInt8.self) == 0, "its format is unknown")
    least = try reader.double()
    largest = try reader.double()
    // How strongly it was compressed, and the sum of its weights, which is counted again below.
    _ = try reader.double()
    _ = try reader.double()
    let count = try reader.count(Int32.self, ofSize: 16)
    var clusters: [(mean: Double, weight: Double)] = []
    for _ in 0..<count { clusters.append((try reader.double(), 0)) }
    for index in 0..<count { clusters[index].weight = try reader.double() }
    try reader.end()
    try reader.require(clusters.allSatisfy { $0.mean.isFinite && $0.weight.isFinite && $0.weight > 0 }, "a cluster is no number")
    clusters.sort { $0.mean < $1.mean }
    if let first = clusters.first, let last = clusters.last {
      try reader.require(least <= first.mean && last.mean <= largest, "a cluster lies outside of its bounds")
    }
    totalWeight = clusters.reduce(0) { $0 + $1.weight }
    compress(clusters, limit: Self.pendingLimit)
  }

  func write(to bytes: inout TextBuffer) {
    compress()
    compress(zip(means, weights).map { (mean: $0, weight: $1) }, limit: Self.writtenLimit)
    bytes.append(0)
    // Trino's default compression.
    for value in [least, largest, 100, totalWeight] { bytes.append(littleEndian: value) }
    bytes.append(littleEndian: Int32(means.count))
    for mean in means { bytes.append(littleEndian: mean) }
    for weight in weights { bytes.append(littleEndian: weight) }
  }
}

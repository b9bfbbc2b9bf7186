import Columnar

/// TABLESAMPLE BERNOULLI: each row is kept with the same probability, independently. With a seed and one worker always the same rows.
struct SampleFactory: OperatorFactory {
  let fraction: Double

  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer {
    let seed = worker.context.seed ?? UInt64.random(in: .min ... .max)
    return Local(fraction, seed: seed &+ UInt64(worker.index) &* 0x9E37_79B9_7F4A_7C15, next: next)
  }

  private final class Local: Consumer {
    private let fraction: Double
    private var state: UInt64
    private let next: any Consumer

    init(_ fraction: Double, seed: UInt64, next: any Consumer) {
      self.fraction = fraction
      state = seed
      self.next = next
    }

    func consume(_ batch: Batch) throws -> Demand {
      if fraction >= 1 { return try next.consume(batch) }
      let rows = batch.rows { _ in nextUnit() < fraction }
      return rows.isEmpty ? .more : try next.consume(batch.take(rows, count: rows.count))
    }

    func finish() throws { try next.finish() }

    /// SplitMix64 (Steele, Lea, Flood 2014), scaled to 0..<1.
    private func nextUnit() -> Double {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed &>> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed &>> 27)) &* 0x94D0_49BB_1331_11EB
      mixed ^= mixed &>> 31
      return Double(mixed &>> 11) * 0x1p-53
    }
  }
}

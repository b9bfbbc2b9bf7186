import Glibc

/// Something the engine does to many values through its own interfaces, and the plain loop that does the same here.
///
/// Both run on the same inputs in the same process, in turns; only their ratio is judged, so a slow or busy machine changes nothing. The
/// limits leave room for noise and honest overhead, but none for a generic helper that has lost its specialisation at a module border:
/// that costs a factor of ten and more.
// SAFETY: kernels are run one after the other, by one task.
struct Kernel: @unchecked Sendable {
  let name: String
  /// What the engine may cost at most, as a multiple of the loop.
  let limit: Double
  /// Values per call, for showing nanoseconds per value.
  let count: Int
  let engine: () async throws -> Void
  let loop: () -> Void
}

struct KernelResult: Sendable {
  let kernel: Kernel
  let engineNanoseconds: Double
  let loopNanoseconds: Double

  var ratio: Double { engineNanoseconds / loopNanoseconds }
  var isWithinLimit: Bool { ratio <= kernel.limit }
}

extension Kernel {
  /// The cheapest of some calls of each side.
  func measure(rounds: Int) async throws -> KernelResult {
    try await engine()
    loop()
    var engineBest = Int.max
    var loopBest = Int.max
    for _ in 0..<rounds {
      let start = now()
      try await engine()
      let middle = now()
      loop()
      engineBest = min(engineBest, middle - start)
      loopBest = min(loopBest, now() - middle)
    }
    return KernelResult(
      kernel: self, engineNanoseconds: Double(engineBest) / Double(count), loopNanoseconds: Double(loopBest) / Double(count))
  }

  /// CPU time of the process: what else the machine does is not counted.
  private func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}

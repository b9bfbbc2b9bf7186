import Columnar
import Glibc

/// Nanoseconds of a clock that only goes forward.
func monotonicNanoseconds() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec &* 1_000_000_000 &+ now.tv_nsec
}

/// Stands behind an operator: counts what it hands on and how long those behind it take.
final class OutputTap: Consumer {
  let next: any Consumer
  private(set) var rows = 0
  private(set) var nanoseconds = 0

  init(next: any Consumer) { self.next = next }

  func consume(_ batch: Batch) throws -> Demand {
    let start = monotonicNanoseconds()
    rows &+= batch.count
    let demand = try next.consume(batch)
    nanoseconds &+= monotonicNanoseconds() &- start
    return demand
  }

  func finish() throws {
    let start = monotonicNanoseconds()
    try next.finish()
    nanoseconds &+= monotonicNanoseconds() &- start
  }
}

/// Stands before an operator: counts its input, and its time without the time of those behind its tap.
final class Meter: Consumer {
  private let body: any Consumer
  private let tap: OutputTap?
  private let statistics: PlanStatistics
  private var rows = 0
  private var nanoseconds = 0

  init(_ body: any Consumer, tap: OutputTap?, statistics: PlanStatistics) {
    self.body = body
    self.tap = tap
    self.statistics = statistics
  }

  func consume(_ batch: Batch) throws -> Demand {
    let start = monotonicNanoseconds()
    rows &+= batch.count
    let demand = try body.consume(batch)
    nanoseconds &+= monotonicNanoseconds() &- start
    return demand
  }

  func finish() throws {
    let start = monotonicNanoseconds()
    try body.finish()
    nanoseconds &+= monotonicNanoseconds() &- start
    statistics.add(
      rowsIn: rows, rowsOut: tap?.rows ?? 0, nanoseconds: nanoseconds &- (tap?.nanoseconds ?? 0))
  }
}

/// Passes several streams on to one consumer and finishes it after the last of them.
final class StreamJoint: Consumer {
  private let next: any Consumer
  private var open: Int

  init(next: any Consumer, streams: Int) {
    self.next = next
    open = streams
  }

  func consume(_ batch: Batch) throws -> Demand { try next.consume(batch) }

  func finish() throws {
    open &-= 1
    if open == 0 { try next.finish() }
  }
}

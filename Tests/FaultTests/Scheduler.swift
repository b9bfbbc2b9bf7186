import Synchronization
import TestSupport

/// Lets one of several writers run at a time. Whoever makes a call waits before it; when all wait, the seed says who goes on.
///
/// The order is the same for a seed as long as every writer makes one call at a time.
final class Scheduler: Sendable {
  private struct Waiter {
    let wake: @Sendable () -> Void
  }

  private struct State {
    var random: SeededRandom
    /// Writers that have not finished.
    var running: Set<Int>
    var waiting: [Int: [Waiter]] = [:]
    var last = 0
    var turns: [Int] = []
  }

  private let state: Mutex<State>
  /// Of 100 turns, how many stay with the writer that had the last one: some seeds make long runs, others change all the time.
  private let stickiness: UInt64

  init(seed: UInt64, writers: Int) {
    var random = SeededRandom(seed)
    stickiness = [0, 30, 60, 85][Int(random.next() % 4)]
    state = Mutex(State(random: random, running: Set(0..<writers)))
  }

  /// Who went on, turn after turn.
  var turns: [Int] { state.withLock { $0.turns } }
  var turnCount: Int { state.withLock { $0.turns.count } }

  /// Waits for the writer's turn.
  func pass(_ writer: Int) async {
    await withCheckedContinuation { continuation in
      park(writer, Waiter { continuation.resume() })
    }
  }

  func finish(_ writer: Int) {
    let next = state.withLock { state in
      state.running.remove(writer)
      return Self.choose(&state, stickiness)
    }
    next?.wake()
  }

  private func park(_ writer: Int, _ waiter: Waiter) {
    let next = state.withLock { state in
      state.waiting[writer, default: []].append(waiter)
      return Self.choose(&state, stickiness)
    }
    next?.wake()
  }

  /// The next one, when everybody waits.
  private static func choose(_ state: inout State, _ stickiness: UInt64) -> Waiter? {
    let ready = state.running.sorted()
    guard !ready.isEmpty, ready.allSatisfy({ state.waiting[$0] != nil }) else { return nil }
    let stays = state.running.contains(state.last) && state.random.next() % 100 < stickiness
    let writer = stays ? state.last : ready[Int(state.random.next() % UInt64(ready.count))]
    state.last = writer
    state.turns.append(writer)
    guard var waiters = state.waiting[writer] else { return nil }
    let waiter = waiters.removeFirst()
    state.waiting[writer] = waiters.isEmpty ? nil : waiters
    return waiter
  }
}

/// The order in which writers' changes of the catalog took effect.
final class CommitLog: Sendable {
  private let writers = Mutex<[Int]>([])

  var all: [Int] { writers.withLock { $0 } }
  var count: Int { all.count }
  func append(_ writer: Int) { writers.withLock { $0.append(writer) } }
}

import Synchronization

/// The bytes that reads ahead of all objects of a store may hold together. When they run out, blocks that nobody has come for in a while
/// are given up; the others are about to be used.
final class ReadAheadBudget: Sendable {
  private struct State {
    var used = 0
    /// Oldest first.
    var blocks: [ReadAheadBlock] = []
  }

  private let byteLimit: Int
  private let state = Mutex(State())

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  var bytesHeld: Int { state.withLock { $0.used } }

  /// Takes a block in; false when there is no room for it.
  func admit(_ block: ReadAheadBlock) -> Bool {
    let size = block.range.count
    let evicted: [ReadAheadBlock]? = state.withLock { state in
      var evicted: [ReadAheadBlock] = []
      if state.used + size > byteLimit {
        var kept: [ReadAheadBlock] = []
        for old in state.blocks {
          if state.used + size > byteLimit, old.isForgotten {
            state.used -= old.range.count
            evicted.append(old)
          } else {
            kept.append(old)
          }
        }
        state.blocks = kept
      }
      guard state.used + size <= byteLimit else { return evicted.isEmpty ? nil : evicted }
      state.used += size
      state.blocks.append(block)
      return evicted
    }
    for old in evicted ?? [] { old.giveUp() }
    return state.withLock { $0.blocks.contains { $0 === block } }
  }

  func release(_ block: ReadAheadBlock) {
    state.withLock { state in
      guard let index = state.blocks.firstIndex(where: { $0 === block }) else { return }
      state.used -= block.range.count
      state.blocks.remove(at: index)
    }
  }
}

/// A range of an object that is being read, or has been, before anybody asked for it.
final class ReadAheadBlock: Sendable {
  typealias Outcome = Result<S3Client.Content, StorageError>

  let range: Range<Int>
  private let delivery = Delivery<Outcome>()
  private let task = Mutex<Task<Void, Never>?>(nil)
  /// What was handed out: disjoint parts that do not touch.
  private let taken = Mutex<[Range<Int>]>([])
  private let flags = Mutex((isReady: false, isGivenUp: false, lastUse: ContinuousClock.now))
  private static let patience = Duration.seconds(10)

  init(_ range: Range<Int>) { self.range = range }

  /// Whether it has been ready, and unused, for long.
  var isForgotten: Bool { flags.withLock { $0.isReady && ContinuousClock.now - $0.lastUse > Self.patience } }
  var isGivenUp: Bool { flags.withLock { $0.isGivenUp } }

  func start(_ read: @escaping @Sendable () async throws(StorageError) -> S3Client.Content) {
    let started = Task(executorPreference: StorageExecutor.shared) { [self] in
      let outcome: Outcome
      do throws(StorageError) { outcome = .success(try await read()) } catch { outcome = .failure(error) }
      delivery.deliver(outcome)
      flags.withLock { flags in
        flags.isReady = true
        flags.lastUse = .now
      }
    }
    task.withLock { $0 = started }
  }

  /// Waits for the bytes; for threads of the engine.
  func wait() -> Outcome { delivery.wait { giveUp() } }

  /// Notes that a part was handed out; true when all was, so that the block has done its work.
  func take(_ part: Range<Int>) -> Bool {
    flags.withLock { $0.lastUse = .now }
    return taken.withLock { taken in
      var joined = part
      taken.removeAll { other in
        guard other.lowerBound <= joined.upperBound, joined.lowerBound <= other.upperBound else { return false }
        joined = min(other.lowerBound, joined.lowerBound)..<max(other.upperBound, joined.upperBound)
        return true
      }
      taken.append(joined)
      return joined == range
    }
  }

  func giveUp() {
    flags.withLock { $0.isGivenUp = true }
    task.withLock { $0?.cancel() }
  }
}

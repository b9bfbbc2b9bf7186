import Synchronization

/// What a statement, or a part of it, asks of stores that are far away. Local disk and memory are not counted.
///
/// Whoever works for the part sets `current` around its work; a store notes there what it sends. What a part notes, the whole it belongs to
/// knows as well.
package final class StorageTraffic: Sendable {
  @TaskLocal package static var current: StorageTraffic?

  package struct Count: Sendable, Equatable {
    /// Requests sent, writes and listings included. One that is repeated after a failure counts once.
    package var requests = 0
    /// Bytes of objects that the requests asked for.
    package var bytesAsked = 0
    /// Bytes of objects handed on: fewer than asked where gaps were read along, more where a cache had them.
    package var bytesUsed = 0

    /// Whether there was nothing far away.
    package var isEmpty: Bool { requests == 0 && bytesUsed == 0 }

    package init(requests: Int = 0, bytesAsked: Int = 0, bytesUsed: Int = 0) {
      self.requests = requests
      self.bytesAsked = bytesAsked
      self.bytesUsed = bytesUsed
    }
  }

  private let whole: StorageTraffic?
  private let requests = Atomic<Int>(0)
  private let bytesAsked = Atomic<Int>(0)
  private let bytesUsed = Atomic<Int>(0)

  /// - Parameter whole: what this is a part of.
  package init(partOf whole: StorageTraffic? = nil) { self.whole = whole }

  package var count: Count {
    Count(
      requests: requests.load(ordering: .relaxed), bytesAsked: bytesAsked.load(ordering: .relaxed),
      bytesUsed: bytesUsed.load(ordering: .relaxed))
  }

  /// Another part of the same whole; of this one, when it is the whole.
  package func makePart() -> StorageTraffic { StorageTraffic(partOf: whole ?? self) }

  package func note(requests: Int = 0, bytesAsked: Int = 0, bytesUsed: Int = 0) {
    if requests != 0 { self.requests.add(requests, ordering: .relaxed) }
    if bytesAsked != 0 { self.bytesAsked.add(bytesAsked, ordering: .relaxed) }
    if bytesUsed != 0 { self.bytesUsed.add(bytesUsed, ordering: .relaxed) }
    whole?.note(requests: requests, bytesAsked: bytesAsked, bytesUsed: bytesUsed)
  }
}

extension StorageTraffic? {
  /// Runs `body` with this as the current count; nothing is counted for nil.
  package func counting<Value>(_ body: () throws -> Value) rethrows -> Value {
    guard let self else { return try body() }
    return try StorageTraffic.$current.withValue(self, operation: body)
  }
}

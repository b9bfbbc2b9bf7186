import Storage

/// What a statement asks of stores far away, and what of that is for finding out what to read: metadata, manifests, listings, the footers
/// that choose row groups.
struct StatementTraffic: Sendable {
  let whole: StorageTraffic
  let planning: StorageTraffic

  init() {
    whole = StorageTraffic()
    planning = whole.makePart()
  }

  /// Runs a step of planning.
  func planning<Value: Sendable>(_ step: @Sendable () async throws -> Value) async throws -> Value {
    try await StorageTraffic.$current.withValue(planning) { try await step() }
  }
}

import Storage
import Synchronization

/// What goes wrong at one call of a store.
enum Fault: String, CaseIterable, Sendable {
  /// An error, and nothing has happened.
  case errorBefore
  /// The call does its work, then its answer is lost.
  case errorAfter
  /// The process ends before the call: it and every later one fails.
  case killedBefore
  /// The process ends right after the call.
  case killedAfter
  /// The process ends in the middle: half of the bytes are there, half of the objects removed.
  case torn
  /// The call takes its time; those without suspension do not, as they would hold up a worker's thread.
  case slow

  var endsProcess: Bool { self == .killedBefore || self == .killedAfter || self == .torn }
}

/// A memory store whose nth call goes wrong. Everything counts: also every piece that is appended to an object, and every range read.
final class FaultStore: ObjectStore {
  struct Plan: Sendable {
    /// Counted from 1.
    var call: Int
    var fault: Fault
  }

  let inner: MemoryStore
  private let plan: Plan?
  private let state = Mutex((calls: 0, isDead: false))
  private static let delay = Duration.milliseconds(2)

  init(_ inner: MemoryStore, _ plan: Plan?) {
    self.inner = inner
    self.plan = plan
  }

  var callCount: Int { state.withLock { $0.calls } }
  /// Whether the planned call came.
  var hasFailed: Bool { plan.map { callCount >= $0.call } ?? false }

  func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice {
    try await call(location) { () async throws(StorageError) in try await inner.read(location, range) }
  }

  func info(_ location: Location) async throws(StorageError) -> ObjectInfo {
    try await call(location) { () async throws(StorageError) in try await inner.info(location) }
  }

  func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError) -> ObjectVersion {
    try await call(location, torn: { [inner] in
      guard let half = bytes.slice(0..<bytes.count / 2) else { return }
      _ = try? await inner.write(Self.tornName(location), half, if: condition)
    }) { () async throws(StorageError) in try await inner.write(location, bytes, if: condition) }
  }

  func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage {
    try await call(prefix) { () async throws(StorageError) in try await inner.list(prefix, after: after) }
  }

  func delete(_ locations: [Location]) async throws(StorageError) {
    try await call(locations.first ?? Location(""), torn: { [inner] in
      try? await inner.delete(Array(locations.prefix((locations.count + 1) / 2)))
    }) { () async throws(StorageError) in try await inner.delete(locations) }
  }

  // MARK: Calls without suspension

  func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader {
    let opened = try callNow(location) { () throws(StorageError) in Opened(reader: try inner.openReader(location, size: size)) }
    return FaultReader(opened.reader, self)
  }

  func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError)
    -> any ObjectWriter
  {
    FaultWriter(location, condition, self)
  }

  private struct Opened: Sendable { let reader: any SynchronousReader }

  // MARK: Faults

  /// Where half of an object ends: data and metadata files under their own name, the worst that a store can do. A document of the
  /// catalog under a hidden one: that it is replaced as a whole is what a catalog stands on.
  fileprivate static func tornName(_ location: Location) -> Location {
    location.name.hasSuffix(".json") && location.isLocal ? Location(location.text + ".tmp") : location
  }

  private func next(_ location: Location) throws(StorageError) -> Fault? {
    let (fault, isDead) = state.withLock { state -> (Fault?, Bool) in
      if state.isDead { return (nil, true) }
      state.calls += 1
      guard let plan, plan.call == state.calls else { return (nil, false) }
      if plan.fault.endsProcess { state.isDead = true }
      return (plan.fault, false)
    }
    if isDead { throw Self.dead(location) }
    return fault
  }

  private static func dead(_ location: Location) -> StorageError {
    StorageError(.io, location, "injected fault: the process has ended")
  }

  private static func failed(_ location: Location) -> StorageError { StorageError(.io, location, "injected fault", isRetryable: true) }

  private func call<Value: Sendable>(
    _ location: Location, torn: () async -> Void = {}, _ body: () async throws(StorageError) -> Value
  ) async throws(StorageError) -> Value {
    switch try next(location) {
    case nil: return try await body()
    case .errorBefore: throw Self.failed(location)
    case .errorAfter:
      _ = try await body()
      throw Self.failed(location)
    case .killedBefore: throw Self.dead(location)
    case .killedAfter:
      _ = try await body()
      throw Self.dead(location)
    case .torn:
      await torn()
      throw Self.dead(location)
    case .slow:
      do { try await Task.sleep(for: Self.delay) } catch { throw StorageError(.io, location, "cancelled") }
      return try await body()
    }
  }

  fileprivate func callNow<Value: Sendable>(
    _ location: Location, torn: () -> Void = {}, _ body: () throws(StorageError) -> Value
  ) throws(StorageError) -> Value {
    switch try next(location) {
    case nil, .slow: return try body()
    case .errorBefore: throw Self.failed(location)
    case .errorAfter:
      _ = try body()
      throw Self.failed(location)
    case .killedBefore: throw Self.dead(location)
    case .killedAfter:
      _ = try body()
      throw Self.dead(location)
    case .torn:
      torn()
      throw Self.dead(location)
    }
  }
}

private final class FaultReader: SynchronousReader {
  private let inner: any SynchronousReader
  private let store: FaultStore

  init(_ inner: any SynchronousReader, _ store: FaultStore) {
    self.inner = inner
    self.store = store
  }

  var location: Location { inner.location }
  var size: Int { inner.size }
  var readsAheadByItself: Bool { inner.readsAheadByItself }

  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    try store.callNow(location) { () throws(StorageError) in try inner.read(at: offset, into: destination) }
  }

  func willNeed(_ range: Range<Int>) { inner.willNeed(range) }
}

/// An object in the making: half of its bytes are there when the process ends while it is written.
private final class FaultWriter: ObjectWriter {
  private var bytes: [UInt8]? = []
  private(set) var byteCount = 0
  private let location: Location
  private let condition: PutCondition
  private let store: FaultStore

  init(_ location: Location, _ condition: PutCondition, _ store: FaultStore) {
    self.location = location
    self.condition = condition
    self.store = store
  }

  func append(_ more: UnsafeRawBufferPointer) throws(StorageError) {
    try store.callNow(location, torn: { publishHalf() }) { () throws(StorageError) in
      byteCount += more.count
      bytes?.append(contentsOf: more)
    }
  }

  func finish() throws(StorageError) -> ObjectVersion {
    guard let whole = bytes else { throw StorageError(.io, location, "cannot finish: the object is closed") }
    return try store.callNow(location, torn: { publishHalf() }) { () throws(StorageError) in
      bytes = nil
      return try publish(whole)
    }
  }

  func abort() { bytes = nil }

  private func publishHalf() {
    guard let bytes else { return }
    _ = try? publish(Array(bytes.prefix(bytes.count / 2)))
    self.bytes = nil
  }

  private func publish(_ bytes: [UInt8]) throws(StorageError) -> ObjectVersion {
    let writer = try store.inner.openWriter(location, if: condition, .synced)
    try writer.append(bytes)
    return try writer.finish()
  }
}

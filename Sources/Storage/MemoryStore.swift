import Glibc
import Synchronization

/// Objects held in memory, for tests: the same promises as the real stores, and failures on demand.
package final class MemoryStore: ObjectStore {
  /// One call that shall fail.
  package struct Fault: Sendable {
    package enum Moment: Sendable {
      /// Nothing happens, the error is thrown.
      case before
      /// The call does its work, then the error is thrown: an answer lost on the way.
      case after
    }
    /// Counted from 1 over the calls of `operation`, or over all calls when that is nil.
    package var call: Int
    package var operation: Operation?
    package var moment: Moment
    package var kind: StorageError.Kind

    package init(call: Int, of operation: Operation? = nil, _ moment: Moment = .before, _ kind: StorageError.Kind = .io) {
      self.call = call
      self.operation = operation
      self.moment = moment
      self.kind = kind
    }
  }

  package enum Operation: Sendable, Hashable { case read, info, write, list, delete }

  private struct Entry {
    var bytes: ByteSlice
    var version: ObjectVersion
    var modifiedMicroseconds: Int64
  }

  private struct State {
    var entries: [Location: Entry] = [:]
    var counter = 0
    var calls: [Operation: Int] = [:]
    var totalCalls = 0
    var faults: [Fault] = []
    var action: (call: Int, run: @Sendable () -> Void)?
  }

  private let state = Mutex(State())
  private let pageSize: Int

  /// - Parameter pageSize: objects per page of `list`.
  package init(pageSize: Int = 1_000) { self.pageSize = pageSize }

  /// The same objects, times included; from here on the two are independent.
  package init(copying other: MemoryStore) {
    pageSize = other.pageSize
    let (entries, counter) = other.state.withLock { ($0.entries, $0.counter) }
    state.withLock { state in
      state.entries = entries
      state.counter = counter
    }
  }

  package func inject(_ fault: Fault) {
    state.withLock { $0.faults.append(fault) }
  }

  /// Does `action` once, before the call with this number (counted from 1 over all calls) is carried out.
  package func before(call: Int, _ action: @escaping @Sendable () -> Void) {
    state.withLock { $0.action = (call, action) }
  }

  package func clearFaults() { state.withLock { $0.faults = [] } }

  package var callCount: Int { state.withLock { $0.totalCalls } }

  package var locations: [Location] {
    state.withLock { $0.entries.keys.sorted { $0.text.precedesInByteOrder($1.text) } }
  }

  package func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice {
    try readNow(location, range)
  }

  package func info(_ location: Location) async throws(StorageError) -> ObjectInfo { try infoNow(location) }

  package func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError)
    -> ObjectVersion
  {
    try writeNow(location, bytes, if: condition)
  }

  package func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage {
    try call(.list, prefix) { state throws(StorageError) in Self.page(state, prefix, after, self.pageSize) }
  }

  package func delete(_ locations: [Location]) async throws(StorageError) {
    try call(.delete, locations.first ?? Location("")) { state throws(StorageError) in
      for location in locations { state.entries[location] = nil }
    }
  }

  package func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader {
    if let size { return MemoryReader(self, location, size: size) }
    return MemoryReader(self, location, size: try infoNow(location).size)
  }

  package func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError)
    -> any ObjectWriter
  {
    MemoryWriter(self, location, condition)
  }

  // MARK: The work, without suspension

  fileprivate func readNow(_ location: Location, _ range: Range<Int>?) throws(StorageError) -> ByteSlice {
    try call(.read, location) { state throws(StorageError) in
      guard let entry = state.entries[location] else { throw Self.missing(location) }
      guard let range else { return entry.bytes }
      guard let slice = entry.bytes.slice(range) else {
        throw StorageError(.corrupt, location, "bytes \(range) were asked for, but the object has \(entry.bytes.count) bytes")
      }
      return slice
    }
  }

  fileprivate func infoNow(_ location: Location) throws(StorageError) -> ObjectInfo {
    try call(.info, location) { state throws(StorageError) in
      guard let entry = state.entries[location] else { throw Self.missing(location) }
      return Self.info(location, entry)
    }
  }

  fileprivate func writeNow(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) throws(StorageError)
    -> ObjectVersion
  {
    try call(.write, location) { state throws(StorageError) in
      let present = state.entries[location]
      switch condition {
      case .none: break
      case .ifAbsent:
        if present != nil { throw StorageError(.alreadyExists, location, "there is such an object already") }
      case .ifMatches(let version):
        if present?.version != version {
          throw StorageError(.conditionFailed, location, "the object has changed since it was read")
        }
      }
      state.counter += 1
      let version = ObjectVersion("m\(state.counter)")
      // Time is a count of writes: tests want the same every time.
      state.entries[location] = Entry(bytes: bytes, version: version, modifiedMicroseconds: Int64(state.counter) * 1_000_000)
      return version
    }
  }

  private func call<Value: Sendable>(
    _ operation: Operation, _ location: Location, _ body: (inout sending State) throws(StorageError) -> sending Value
  ) throws(StorageError) -> Value {
    // Outside the lock: the action may use the store.
    let action = state.withLock { state in
      guard let action = state.action, action.call <= state.totalCalls + 1 else { return nil as (@Sendable () -> Void)? }
      state.action = nil
      return action.run
    }
    action?()
    return try state.withLock { state throws(StorageError) in
      state.totalCalls += 1
      let count = state.calls[operation, default: 0] + 1
      state.calls[operation] = count
      let total = state.totalCalls
      let fault = state.faults.first { fault in
        guard let wanted = fault.operation else { return fault.call == total }
        return wanted == operation && fault.call == count
      }
      if let fault, fault.moment == .before { throw Self.error(fault, location) }
      let value = try body(&state)
      if let fault { throw Self.error(fault, location) }
      return value
    }
  }

  private static func error(_ fault: Fault, _ location: Location) -> StorageError {
    StorageError(fault.kind, location, "injected fault", isRetryable: fault.kind == .io)
  }

  private static func page(_ state: State, _ prefix: Location, _ after: String?, _ pageSize: Int) -> ListPage {
    let folder = prefix.folderText
    var names = state.entries.keys.map(\.text).filter { $0 == prefix.text || $0.utf8.starts(with: folder.utf8) }
    names.sort { $0.precedesInByteOrder($1) }
    if let after { names.removeFirst(names.firstIndex { after.precedesInByteOrder($0) } ?? names.count) }
    let page = names.prefix(pageSize)
    let objects = page.compactMap { name in state.entries[Location(name)].map { info(Location(name), $0) } }
    return ListPage(objects: objects, next: names.count > page.count ? page.last : nil)
  }

  private static func missing(_ location: Location) -> StorageError {
    StorageError(.notFound, location, "there is no such object")
  }

  private static func info(_ location: Location, _ entry: Entry) -> ObjectInfo {
    ObjectInfo(
      location: location, size: entry.bytes.count, version: entry.version, modifiedMicroseconds: entry.modifiedMicroseconds)
  }
}

private final class MemoryReader: SynchronousReader {
  let location: Location
  let size: Int
  var readsAheadByItself: Bool { true }
  private let store: MemoryStore

  init(_ store: MemoryStore, _ location: Location, size: Int) {
    self.store = store
    self.location = location
    self.size = size
  }

  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    let (end, overflow) = offset.addingReportingOverflow(destination.count)
    guard offset >= 0, !overflow, end <= size else { throw outOfBounds(offset..<max(offset, overflow ? offset : end)) }
    try store.readNow(location, offset..<end).withBytes { destination.copyMemory(from: $0) }
  }

  func willNeed(_ range: Range<Int>) {}
}

private final class MemoryWriter: ObjectWriter {
  private(set) var byteCount = 0
  private let store: MemoryStore
  private let location: Location
  private let condition: PutCondition
  private var bytes: [UInt8]? = []

  init(_ store: MemoryStore, _ location: Location, _ condition: PutCondition) {
    self.store = store
    self.location = location
    self.condition = condition
  }

  func append(_ more: UnsafeRawBufferPointer) throws(StorageError) {
    byteCount += more.count
    bytes?.append(contentsOf: more)
  }

  func finish() throws(StorageError) -> ObjectVersion {
    guard let bytes else { throw StorageError(.io, location, "cannot finish: the object is closed") }
    self.bytes = nil
    return try store.writeNow(location, ByteSlice(bytes), if: condition)
  }

  func abort() { bytes = nil }
}

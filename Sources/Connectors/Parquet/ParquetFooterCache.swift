package import Parquet
import Planner
package import Storage
import Synchronization

/// Open Parquet files by location, so that a statement (and the next one of the session) reads each footer once. Whoever asks for a file that
/// another thread is opening waits for it.
///
/// Data files never change under their name, but files of external tables may: an entry is only used for the same size, and the state that a
/// listing tells.
package final class ParquetFooterCache: Sendable {
  fileprivate struct Entry {
    var file: ParquetFile
    var stability: ObjectStability
    /// Bytes of memory, about; 0 for local files, of which only the number counts.
    var cost: Int
  }

  fileprivate struct State {
    var files: [Location: Entry] = [:]
    /// Oldest first.
    var order: ArraySlice<Location> = []
    var localCount = 0
    var byteCount = 0
    var opening: [Location: Delivery<Bool>] = [:]

    /// The file if it is as it was asked for.
    func file(_ location: Location, size: Int?, _ stability: ObjectStability, _ options: ParquetFile.Options) -> ParquetFile? {
      guard let size, let entry = files[location], entry.stability == stability, entry.file.byteCount == size, entry.file.options == options
      else { return nil }
      return entry.file
    }
  }

  private let state = Mutex(State())
  private let store: any ObjectStore

  /// Local files kept open at most.
  fileprivate static let localLimit = 256
  /// Bytes that what is kept of remote files may take.
  fileprivate static let byteLimit = 64 << 20
  /// Remote files whose footers are read side by side, and morsels that are read ahead.
  static let prefetchDepth = 32
  private static let prefetchers = BlockingPool(threadCount: prefetchDepth)

  package init(store: any ObjectStore) { self.store = store }

  /// - Parameter readsWhole: see `ParquetFile.open`.
  package func open(
    _ location: Location, size: Int?, stability: ObjectStability = .mayChange, readsWhole: Bool = false,
    options: ParquetFile.Options = ParquetFile.Options()
  ) throws(ParquetError) -> ParquetFile {
    // Without a size every call looks at the file anew.
    guard size != nil else { return try ParquetFile.open(location, in: store, options: options) }
    while true {
      let own = Delivery<Bool>()
      let (known, other) = state.withLock { state -> (ParquetFile?, Delivery<Bool>?) in
        if let file = state.file(location, size: size, stability, options) { return (file, nil) }
        let other = state.opening[location]
        if other == nil { state.opening[location] = own }
        return (nil, other)
      }
      if let known { return known }
      if let other {
        // What came of it is looked at above; what failed is tried here, for an error of one's own.
        _ = other.wait()
        continue
      }
      defer {
        state.withLock { $0.opening[location] = nil }
        own.deliver(true)
      }
      let file = try ParquetFile.open(location, in: store, size: size, stability: stability, readsWhole: readsWhole, options: options)
      state.withLock { $0.insert(file, stability, at: location) }
      return file
    }
  }

  /// A file that was listed.
  package func open(_ info: ObjectInfo) throws(ParquetError) -> ParquetFile {
    try open(info.location, size: info.size, stability: .inState(info.version))
  }

  /// Calls `body` with every file in turn; footers of files that are far away are read side by side.
  package func forEach(_ files: [ObjectInfo], _ body: (ObjectInfo, ParquetFile) throws -> Void) throws {
    let isRemote = files.count > 1 && store.isRemote(files[0].location)
    for (index, info) in files.enumerated() {
      if isRemote, index % Self.prefetchDepth == 0 {
        for next in files[index..<min(files.count, index + 2 * Self.prefetchDepth)] { submit { [self] in _ = try? open(next) } }
      }
      try body(info, open(info))
    }
  }

  /// Begins to read the footers of a few files, when they are far away.
  func openAhead(_ splits: [ParquetSplit]) {
    guard splits.count > 1, isRemote(splits) else { return }
    for split in splits { submit { [self] in _ = try? open(split.location, size: split.size, stability: split.stability) } }
  }

  private func submit(_ job: @escaping @Sendable () -> Void) {
    let traffic = StorageTraffic.current
    Self.prefetchers.submit { traffic.counting(job) }
  }

  /// Whether the files of a scan are far away; all of one scan are where the first is.
  func isRemote(_ splits: [any Split]) -> Bool {
    (splits.first as? ParquetSplit).map { store.isRemote($0.location) } ?? false
  }

  /// Closes the files of a folder that is about to be removed: files of the same names may come after them.
  package func forget(_ locations: [Location]) {
    state.withLock { state in
      for location in locations { state.remove(location) }
      let gone = Set(locations)
      state.order.removeAll { gone.contains($0) }
    }
  }

  package func forget(below folder: Location) {
    state.withLock { state in
      let gone = state.files.keys.filter { $0.relativePath(below: folder) != nil }
      for location in gone { state.remove(location) }
      let known = state.files
      state.order.removeAll { known[$0] == nil }
    }
  }
}

extension ParquetFooterCache.State {
  fileprivate mutating func insert(_ file: ParquetFile, _ stability: ObjectStability, at location: Location) {
    if files[location] == nil { order.append(location) } else { remove(location) }
    let cost = file.reader.isRemote ? file.memoryEstimate : 0
    files[location] = ParquetFooterCache.Entry(file: file, stability: stability, cost: cost)
    byteCount += cost
    if cost == 0 { localCount += 1 }
    while order.count > 1, localCount > ParquetFooterCache.localLimit || byteCount > ParquetFooterCache.byteLimit, let oldest = order.popFirst() {
      remove(oldest)
    }
  }

  fileprivate mutating func remove(_ location: Location) {
    guard let entry = files.removeValue(forKey: location) else { return }
    byteCount -= entry.cost
    if entry.cost == 0 { localCount -= 1 }
  }
}

extension ParquetFile {
  /// Of a file far away, bytes: what its footer became, and the end of the file that its reader keeps.
  fileprivate var memoryEstimate: Int { 4 * (byteCount - footerOffset) + min(byteCount, 64 << 10) + 1_024 }
}

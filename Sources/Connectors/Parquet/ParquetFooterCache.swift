package import Parquet
package import Storage
import Synchronization

/// Open Parquet files by location, so that a statement (and the next one of the session) reads each footer once.
///
/// Data files never change under their name, but files of external tables may: an entry is only used for the same size.
package final class ParquetFooterCache: Sendable {
  private struct State {
    var files: [Location: ParquetFile] = [:]
    var order: [Location] = []
  }
  private let state = Mutex(State())
  private let store: any ObjectStore

  /// Files kept open at most.
  private static let limit = 256

  package init(store: any ObjectStore) { self.store = store }

  package func open(_ location: Location, size: Int?, options: ParquetFile.Options = ParquetFile.Options())
    throws(ParquetError) -> ParquetFile
  {
    if let size, let known = state.withLock({ $0.files[location] }), known.byteCount == size, known.options == options {
      return known
    }
    let file = try ParquetFile.open(location, in: store, size: size, options: options)
    state.withLock { state in
      if state.files.updateValue(file, forKey: location) == nil { state.order.append(location) }
      if state.order.count > Self.limit {
        let dropped = state.order.removeFirst()
        state.files[dropped] = nil
      }
    }
    return file
  }

  /// Closes the files of a folder that is about to be removed: files of the same names may come after them.
  package func forget(_ locations: [Location]) {
    state.withLock { state in
      for location in locations { state.files[location] = nil }
      let gone = Set(locations)
      state.order.removeAll { gone.contains($0) }
    }
  }

  package func forget(below folder: Location) {
    state.withLock { state in
      state.order.removeAll { location in
        guard location.relativePath(below: folder) != nil else { return false }
        state.files[location] = nil
        return true
      }
    }
  }
}

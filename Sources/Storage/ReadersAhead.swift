import Synchronization

/// Readers of objects far away, opened before they are needed and shared by all who read parts of one object meanwhile: what was announced
/// for one of them is there for the others, and all read the same state. Objects that are near get a reader for each who opens them.
package final class ReadersAhead: Sendable {
  package struct Object: Sendable {
    package var location: Location
    package var size: Int?
    package var stability: ObjectStability

    package init(_ location: Location, size: Int?, _ stability: ObjectStability) {
      self.location = location
      self.size = size
      self.stability = stability
    }
  }

  /// Why a reader is kept open.
  private enum Purpose: Hashable {
    /// Somebody has looked at the object, and will read it.
    case looked
    /// Bytes from here on are under way.
    case announced(from: Int)
    /// Somebody has begun to read a large object: others will read further parts, of which some may have come already.
    case begun
  }

  private struct Entry {
    weak var reader: (any SynchronousReader)?
    var kept: [Purpose: any SynchronousReader] = [:]
  }

  package let store: any ObjectStore
  private let entries = Mutex<[Location: Entry]>([:])

  /// What is asked for of an object before anybody reads it: whoever does asks for more.
  private static let announcedLimit = 8 << 20

  /// Objects up to this size come in one request, which a reader keeps as long as it lives.
  private static let smallByteCount = 1 << 20

  package init(_ store: any ObjectStore) { self.store = store }

  /// Begins to read a range of an object, when that is far away; `open` from the range's start on finds it. What fails does so again there.
  package func announce(_ object: Object, _ range: Range<Int>) {
    guard store.isRemote(object.location), let reader = try? shared(object, keptFor: .announced(from: range.lowerBound)) else { return }
    let end = min(range.upperBound, reader.size, range.lowerBound + Self.announcedLimit)
    if range.lowerBound < end { reader.willNeed(range.lowerBound..<end) }
  }

  /// Opens an object to read it from `start` on.
  package func open(_ object: Object, from start: Int) throws(StorageError) -> any SynchronousReader {
    let known = entries.withLock { entries -> (any SynchronousReader)? in
      guard var entry = entries[object.location] else { return nil }
      let reader = entry.kept.removeValue(forKey: .announced(from: start)) ?? entry.kept[.looked] ?? entry.reader
      entry.kept[.looked] = nil
      // Small ones are read in one go, and their bytes would stay.
      if let reader, reader.size > Self.smallByteCount { entry.kept[.begun] = reader }
      entries[object.location] = reader == nil && entry.kept.isEmpty ? nil : entry
      return reader
    }
    if let known { return known }
    return try shared(object, keptFor: nil)
  }

  /// Opens an object to look at a part of it that will be read later: the reader stays until it is.
  package func openToLook(_ object: Object) throws(StorageError) -> any SynchronousReader { try shared(object, keptFor: .looked) }

  private func shared(_ object: Object, keptFor purpose: Purpose?) throws(StorageError) -> any SynchronousReader {
    let known = entries.withLock { $0[object.location].flatMap { $0.reader } }
    let reader: any SynchronousReader
    if let known { reader = known } else { reader = try store.openReader(object.location, size: object.size, object.stability) }
    guard reader.isRemote else { return reader }
    return entries.withLock { entries in
      var entry = entries[object.location] ?? Entry()
      // Another thread may have opened one in between.
      let shared = entry.reader ?? reader
      entry.reader = shared
      if let purpose { entry.kept[purpose] = shared }
      entries[object.location] = entry
      return shared
    }
  }
}

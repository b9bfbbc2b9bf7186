/// The waist between file formats and bytes: local disk, memory, S3.
///
/// `async` calls belong to the control plane (catalogs, metadata, commits). Calls without `async` block: they are for the engine's own
/// threads (decoding, writing data files), never for a Swift task. Locations in answers are spelled like those in the question.
package protocol ObjectStore: Sendable {
  /// The bytes `range` of an object, or all of it. A range reaching beyond the end is `corrupt`.
  func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice

  /// All bytes of an object that never changes under its name, such as a manifest: they may come from a cache.
  func readImmutable(_ location: Location) async throws(StorageError) -> ByteSlice

  /// What holds the bytes when a network lies between them and here, nil when none does. One location on two servers is two objects.
  func server(of location: Location) -> String?

  func info(_ location: Location) async throws(StorageError) -> ObjectInfo

  /// Stores a whole object; it is durable when this returns, and nobody ever sees a part of it.
  func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError) -> ObjectVersion

  /// One page of the objects at and below the folder `prefix`, recursively, in byte order of their paths.
  ///
  /// - Parameter after: `ListPage.next` of the page before, nil for the first.
  /// - Returns: an empty page when there is no such folder. A `prefix` that names an object lists that object.
  func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage

  /// Removes objects; those that are not there count as removed.
  func delete(_ locations: [Location]) async throws(StorageError)

  /// Removes everything below a folder, and the folder itself where the store has such a thing.
  func deleteFolder(_ folder: Location) async throws(StorageError)

  /// Removes a folder and those in it as far as they are empty; files stay. Stores without folders have nothing to do.
  func deleteEmptyFolders(_ folder: Location) async throws(StorageError)

  /// Opens an object for positioned reads. `size`, when the caller knows it (from a manifest), saves asking for it.
  func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader

  /// `openReader` with what is known about whether the object may change: if not, its bytes may come from a cache.
  func openReader(_ location: Location, size: Int?, _ stability: ObjectStability) throws(StorageError) -> any SynchronousReader

  /// Starts a large object; nothing is visible before `finish`.
  func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError)
    -> any ObjectWriter
}

extension ObjectStore {
  package func read(_ location: Location) async throws(StorageError) -> ByteSlice { try await read(location, nil) }

  package func readImmutable(_ location: Location) async throws(StorageError) -> ByteSlice { try await read(location, nil) }

  package func server(of location: Location) -> String? { nil }

  /// Whether a network lies between here and the bytes: requests are to be few, early and side by side then.
  package func isRemote(_ location: Location) -> Bool { server(of: location) != nil }

  package func write(_ location: Location, _ bytes: ByteSlice) async throws(StorageError) -> ObjectVersion {
    try await write(location, bytes, if: .none)
  }

  package func openReader(_ location: Location, size: Int?, _ stability: ObjectStability) throws(StorageError) -> any SynchronousReader {
    try openReader(location, size: size)
  }

  package func openReader(_ location: Location) throws(StorageError) -> any SynchronousReader {
    try openReader(location, size: nil)
  }

  package func openWriter(_ location: Location) throws(StorageError) -> any ObjectWriter {
    try openWriter(location, if: .none, .synced)
  }

  /// Every object at and below `prefix`, over all pages.
  package func listAll(_ prefix: Location) async throws(StorageError) -> [ObjectInfo] {
    var objects: [ObjectInfo] = []
    var after: String?
    repeat {
      let page = try await list(prefix, after: after)
      objects += page.objects
      after = page.next
    } while after != nil
    return objects
  }

  package func exists(_ location: Location) async throws(StorageError) -> Bool {
    do {
      _ = try await info(location)
      return true
    } catch where error.kind == .notFound {
      return false
    }
  }

  package func deleteFolder(_ folder: Location) async throws(StorageError) {
    try await delete(listAll(folder).map(\.location))
  }

  package func deleteEmptyFolders(_ folder: Location) async throws(StorageError) {}
}

/// Identifies one state of an object (an ETag); compared for equality only.
package struct ObjectVersion: Hashable, Sendable {
  package let text: String
  package init(_ text: String) { self.text = text }
}

package struct ObjectInfo: Sendable, Equatable {
  package var location: Location
  package var size: Int
  package var version: ObjectVersion
  /// Time of the last change, microseconds since 1970 UTC.
  package var modifiedMicroseconds: Int64

  package init(location: Location, size: Int, version: ObjectVersion, modifiedMicroseconds: Int64) {
    self.location = location
    self.size = size
    self.version = version
    self.modifiedMicroseconds = modifiedMicroseconds
  }
}

package struct ListPage: Sendable {
  package var objects: [ObjectInfo]
  /// Where the next page begins; nil when this was the last.
  package var next: String?

  package init(objects: [ObjectInfo], next: String? = nil) {
    self.objects = objects
    self.next = next
  }
}

/// What must hold for a write to happen; checked atomically with the write.
package enum PutCondition: Sendable, Equatable {
  case none
  /// Fails with `alreadyExists` when there is an object.
  case ifAbsent
  /// Fails with `conditionFailed` unless the object is there in this state.
  case ifMatches(ObjectVersion)
}

package enum Durability: Sendable {
  /// On stable storage when `finish` returns; for everything a commit refers to.
  case synced
  /// Handed to the operating system; for exports, which nothing refers to.
  case buffered
}

/// An object being written piece by piece, by one thread. `finish` or `abort` ends it; dropping it aborts.
package protocol ObjectWriter: AnyObject {
  /// Bytes appended so far, which is the offset of the next byte.
  var byteCount: Int { get }
  func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError)
  /// Makes the object visible under its name.
  func finish() throws(StorageError) -> ObjectVersion
  /// Leaves nothing behind. Does nothing after `finish` or a second time.
  func abort()
}

extension ObjectWriter {
  package func append(_ bytes: ByteSlice) throws(StorageError) { try bytes.withBytes(append) }
  package func append(_ bytes: [UInt8]) throws(StorageError) {
    // A closure with typed throws does not fit `Array.withUnsafeBytes`, hence the result.
    try bytes.withUnsafeBytes { bytes in Result { () throws(StorageError) in try append(bytes) } }.get()
  }
}

/// An open object for positioned reads by the engine's own threads; several may read at once.
package protocol SynchronousReader: AnyObject, Sendable {
  var location: Location { get }
  var size: Int { get }
  /// Whether `willNeed` starts reading in the background (the kernel's read-ahead), so that no prefetching thread is needed.
  var readsAheadByItself: Bool { get }
  /// Ranges so many bytes apart are better read as one.
  var coalesceGap: Int { get }
  /// Fills `destination` with the bytes from `offset` on, or throws; never partly.
  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError)
  /// Like `read`, for bytes that will be read again: what `willNeed` brought of them stays, and they do not count as used.
  func look(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError)
  /// Says that `range` will be read soon.
  func willNeed(_ range: Range<Int>)
  /// Says that `range` was read, or will not be: what `willNeed` brought of it can go.
  func release(_ range: Range<Int>)
  /// See `ObjectStore.isRemote`.
  var isRemote: Bool { get }
  /// The state of the object that was read, once something was; nil where a reader holds on to one state anyway.
  var stateRead: ObjectVersion? { get }
}

extension SynchronousReader {
  package func look(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    try read(at: offset, into: destination)
  }
  package func release(_ range: Range<Int>) {}
  package var isRemote: Bool { false }
  package var stateRead: ObjectVersion? { nil }
  package var coalesceGap: Int { 64 << 10 }

  /// The bytes of `range` in fresh memory.
  package func read(_ range: Range<Int>) throws(StorageError) -> ByteSlice {
    guard range.lowerBound >= 0, range.upperBound <= size else { throw outOfBounds(range) }
    let buffer = ByteBuffer(byteCount: range.count)
    try read(at: range.lowerBound, into: buffer.mutableBytes)
    return buffer.slice()
  }

  package func outOfBounds(_ range: Range<Int>) -> StorageError {
    StorageError(
      .corrupt, location, "bytes \(range.lowerBound)..<\(range.upperBound) were asked for, but the object has \(size) bytes")
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A store that is read, and never written: what is written goes to the overlay's folder, and is read from there first.
package struct OverlayStore: ObjectStore {
  private let base: any ObjectStore
  private let folder: OverlayFolder

  package init(base: any ObjectStore, folder: OverlayFolder) {
    self.base = base
    self.folder = folder
  }

  private var layer: LocalStore { folder.store }

  /// Where an object is written; those of the overlay itself are where they are.
  private func place(_ location: Location) throws(StorageError) -> Location { folder.contains(location) ? location : try folder.place(of: location) }

  /// Whether the overlay has an object of its own there.
  private func isWritten(_ place: Location) -> Bool { access(place.text, F_OK) == 0 && !isFolder(place) }

  private func isFolder(_ place: Location) -> Bool {
    var status = stat()
    return stat(place.text, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private func gone(_ location: Location) -> StorageError { StorageError(.notFound, location, "was deleted in the overlay") }

  // MARK: Reading

  package func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice {
    let place = try place(location)
    if isWritten(place) { return try await layer.read(place, range) }
    if try folder.isDeleted(location) { throw gone(location) }
    return try await base.read(location, range)
  }

  package func server(of location: Location) -> String? {
    // What cannot be told is reported when it is read.
    guard let place = try? place(location), !isWritten(place), (try? folder.isDeleted(location)) == false else { return nil }
    return base.server(of: location)
  }

  package func info(_ location: Location) async throws(StorageError) -> ObjectInfo {
    let place = try place(location)
    if isWritten(place) {
      var info = try await layer.info(place)
      info.location = location
      return info
    }
    if try folder.isDeleted(location) { throw gone(location) }
    return try await base.info(location)
  }

  package func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader {
    let place = try place(location)
    if isWritten(place) { return try layer.openReader(place, size: size) }
    if try folder.isDeleted(location) { throw gone(location) }
    return try base.openReader(location, size: size)
  }

  /// Always one page, since both sides have to be seen to sort them.
  package func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage {
    if folder.contains(prefix) { return try await layer.list(prefix, after: after) }
    let place = try place(prefix)
    var found: [String: ObjectInfo] = [:]
    for object in try await base.listAll(prefix) where try !folder.isDeleted(object.location) { found[object.location.text] = object }
    for var object in try await layer.listAll(place) {
      object.location = object.location.relativePath(below: place).map(prefix.appending) ?? prefix
      found[object.location.text] = object
    }
    return ListPage(objects: found.values.sorted { $0.location.text.precedesInByteOrder($1.location.text) })
  }

  // MARK: Writing

  package func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError) -> ObjectVersion {
    let place = try place(location)
    if folder.contains(location) || isWritten(place) { return try await layer.write(place, bytes, if: condition) }
    let isThere = try folder.isDeleted(location) ? nil : try await current(location)
    switch (condition, isThere) {
    case (.none, _): break
    case (.ifAbsent, nil): break
    case (.ifAbsent, _): throw StorageError(.alreadyExists, location, "is there already")
    case (.ifMatches(let version), let info?) where info.version == version: break
    case (.ifMatches, _): throw StorageError(.conditionFailed, location, "has changed, or is gone")
    }
    return try await layer.write(place, bytes, if: condition == .none ? .none : .ifAbsent)
  }

  private func current(_ location: Location) async throws(StorageError) -> ObjectInfo? {
    do { return try await base.info(location) } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
  }

  package func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError) -> any ObjectWriter {
    let place = try place(location)
    if folder.contains(location) || isWritten(place) { return try layer.openWriter(place, if: condition, durability) }
    switch condition {
    case .none: break
    case .ifAbsent:
      if try !folder.isDeleted(location), try isThere(location) { throw StorageError(.alreadyExists, location, "is there already") }
    case .ifMatches: throw StorageError(.notSupported, location, "a large object is not replaced on a condition in an overlay")
    }
    return try layer.openWriter(place, if: condition, durability)
  }

  private func isThere(_ location: Location) throws(StorageError) -> Bool {
    do {
      _ = try base.openReader(location, size: nil)
      return true
    } catch {
      if error.kind == .notFound { return false }
      throw error
    }
  }

  // MARK: Deleting

  package func delete(_ locations: [Location]) async throws(StorageError) {
    for location in locations {
      let place = try place(location)
      let isOwn = isWritten(place)
      if isOwn { try await layer.delete([place]) }
      if folder.contains(location) { continue }
      // What was made here has nothing below it, mostly; the rest is remembered as deleted.
      if isOwn, try await current(location) == nil { continue }
      _ = try await layer.write(folder.deletion(of: location), .empty)
    }
  }

  package func deleteFolder(_ folder: Location) async throws(StorageError) {
    if self.folder.contains(folder) { return try await layer.deleteFolder(folder) }
    try await layer.deleteFolder(place(folder))
    if try await base.list(folder, after: nil).objects.isEmpty { return }
    _ = try await layer.write(self.folder.deletion(ofFolder: folder), .empty)
  }

  package func deleteEmptyFolders(_ folder: Location) async throws(StorageError) { try await layer.deleteEmptyFolders(place(folder)) }
}

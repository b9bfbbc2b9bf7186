package import Storage

/// Finds the current metadata file of an Iceberg table that no catalog knows, from the files alone.
///
/// A table opened so is a picture of what lies there: writers that go through a catalog may have left newer files that were never
/// committed, which only the catalog could tell.
///
/// Source: Iceberg specification, "File System Tables"; file names as Hadoop's catalog (`v3.metadata.json`) and all others
/// (`00003-<uuid>.metadata.json`) write them, gzipped ones included.
package enum MetadataDiscovery {
  /// - Parameter location: the table's folder, its `metadata` folder, or a metadata file, which is then the answer.
  /// - Throws: `tableNotFound` when there is no metadata file.
  package static func currentMetadata(at location: Location, in store: any ObjectStore) async throws(CatalogError) -> Location {
    if isMetadataFile(location.name) {
      guard try await exists(location, store) else { throw missing(location, "there is no such metadata file") }
      return location
    }
    for folder in location.trimmedName == "metadata" ? [location, location.appending("metadata")] : [location.appending("metadata"), location] {
      if let found = try await hinted(in: folder, store) { return found }
      if let found = try await newest(in: folder, store) { return found }
    }
    throw missing(location, "no metadata file (…/metadata/*.metadata.json) was found: this is not the folder of an Iceberg table")
  }

  /// The version a metadata file's name begins with; nil for other names.
  package static func version(of name: String) -> Int? {
    guard isMetadataFile(name) else { return nil }
    let digits = (name.hasPrefix("v") ? name.dropFirst() : name[...]).prefix { $0.isASCII && $0.isNumber }
    return Int(digits)
  }

  private static func isMetadataFile(_ name: String) -> Bool {
    name.hasSuffix(".metadata.json") || name.hasSuffix(".metadata.json.gz")
  }

  /// What `version-hint.text` says. It may lag behind: later versions are looked for as well.
  private static func hinted(in folder: Location, _ store: any ObjectStore) async throws(CatalogError) -> Location? {
    guard let text = try await hint(in: folder, store) else { return nil }
    guard var version = Int(text) else {
      // Some writers put the file's stem there.
      guard !text.isEmpty, !text.contains("/") else { return nil }
      return try await file(named: text, in: folder, store)
    }
    guard version >= 0, var found = try await file(version, in: folder, store) else { return nil }
    while version < Int.max, let next = try await file(version + 1, in: folder, store) {
      found = next
      version += 1
    }
    return found
  }

  private static func hint(in folder: Location, _ store: any ObjectStore) async throws(CatalogError) -> String? {
    do throws(StorageError) {
      let bytes = try await store.read(folder.appending("version-hint.text"))
      guard bytes.count <= 1_000 else { return nil }
      return bytes.string.split(whereSeparator: \.isWhitespace).first.map(String.init)
    } catch {
      if error.kind == .notFound { return nil }
      throw CatalogError(storage: error)
    }
  }

  private static func file(_ version: Int, in folder: Location, _ store: any ObjectStore) async throws(CatalogError) -> Location? {
    try await file(named: "v\(version)", in: folder, store)
  }

  private static func file(named stem: String, in folder: Location, _ store: any ObjectStore) async throws(CatalogError) -> Location? {
    for ending in [".metadata.json", ".gz.metadata.json", ".metadata.json.gz"] {
      let location = folder.appending(stem + ending)
      if try await exists(location, store) { return location }
    }
    return nil
  }

  /// The file with the highest version; of several with one version the one written last.
  private static func newest(in folder: Location, _ store: any ObjectStore) async throws(CatalogError) -> Location? {
    let objects: [ObjectInfo]
    do throws(StorageError) { objects = try await store.listAll(folder) } catch { throw CatalogError(storage: error) }
    var best: (version: Int, object: ObjectInfo)?
    for object in objects {
      guard let relative = object.location.relativePath(below: folder), !relative.contains("/"), isMetadataFile(relative) else { continue }
      // A name without a number is better than nothing.
      let version = version(of: relative) ?? -1
      if let current = best {
        guard version >= current.version else { continue }
        if version == current.version, object.modifiedMicroseconds < current.object.modifiedMicroseconds { continue }
      }
      best = (version, object)
    }
    return best?.object.location
  }

  private static func exists(_ location: Location, _ store: any ObjectStore) async throws(CatalogError) -> Bool {
    do throws(StorageError) { return try await store.exists(location) } catch { throw CatalogError(storage: error) }
  }

  private static func missing(_ location: Location, _ reason: String) -> CatalogError {
    CatalogError(.tableNotFound, "\(location.text): \(reason)")
  }
}

extension Location {
  /// The last path component, also when a slash follows it.
  fileprivate var trimmedName: String {
    var text = self.text[...]
    while text.last == "/" { text = text.dropLast() }
    return Location(String(text)).name
  }
}

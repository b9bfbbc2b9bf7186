package import Storage

/// The files behind the paths of a table function.
package enum FileList {
  /// Every file that a path or pattern names, in the order of the paths, within one in byte order.
  ///
  /// - Throws: `notFound` for a path without any file.
  package static func files(_ paths: [String], in store: any ObjectStore) async throws(StorageError) -> [ObjectInfo] {
    var files: [ObjectInfo] = []
    for path in paths {
      let found = try await FilePattern(path).list(in: store)
      guard !found.isEmpty else {
        let isPattern = path.contains("*") || path.contains("?")
        if !isPattern { _ = try await store.info(Location(path)) }
        throw StorageError(.notFound, Location(path), isPattern ? "no files match" : "no files there")
      }
      files += found
    }
    return files
  }
}

package import Storage

/// A file, a folder, or a path with `*` (any characters but `/`), `**` (any folders) and `?`.
package struct FilePattern {
  private let text: String

  package init(_ text: String) { self.text = text }

  /// Matching files in byte order of their paths. Names that begin with `.` or `_` are passed over unless named exactly.
  package func list(in store: any ObjectStore) async throws(StorageError) -> [ObjectInfo] {
    guard text.contains("*") || text.contains("?") else {
      let listed = try await store.listAll(Location(text))
      if listed.count == 1, listed[0].location.text == text { return listed }
      return listed.filter { !Self.isHidden($0.location.name) }
    }
    let segments = text.split(separator: "/", omittingEmptySubsequences: false)
    let fixed = segments.prefix { !$0.contains("*") && !$0.contains("?") }
    let folder = fixed.isEmpty ? "." : fixed.joined(separator: "/")
    let pattern = Array(text.utf8)
    return try await store.listAll(Location(folder.isEmpty ? "/" : folder)).compactMap { info in
      var info = info
      // A pattern without a folder names files without one.
      if fixed.isEmpty, info.location.text.hasPrefix("./") { info.location = Location(String(info.location.text.dropFirst(2))) }
      let matches = Self.matches(pattern[...], Array(info.location.text.utf8)[...])
      return matches && !Self.isHidden(info.location.name) ? info : nil
    }
  }

  private static func isHidden(_ name: String) -> Bool { name.hasPrefix(".") || name.hasPrefix("_") }

  private static func matches(_ pattern: ArraySlice<UInt8>, _ path: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return path.isEmpty }
    let rest = pattern.dropFirst()
    switch first {
    case UInt8(ascii: "*"):
      let crossesFolders = rest.first == UInt8(ascii: "*")
      let after = crossesFolders ? rest.dropFirst() : rest
      var tail = path
      while true {
        if matches(after, tail) { return true }
        guard let byte = tail.first, crossesFolders || byte != UInt8(ascii: "/") else { return false }
        tail = tail.dropFirst()
      }
    case UInt8(ascii: "?"):
      guard let byte = path.first, byte != UInt8(ascii: "/") else { return false }
      return matches(rest, path.dropFirst())
    default:
      return path.first == first && matches(rest, path.dropFirst())
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The folder that takes every write of an overlay, and remembers what was deleted.
///
///     DIR/overlay.json                          says that this is one
///     DIR/catalogs/<catalog>/…                  entries that differ from the catalog's (`OverlayCatalog`)
///     DIR/files/s3/bucket/key                   what was written to s3://bucket/key
///     DIR/files/local/absolute/path             what was written to /absolute/path
///     DIR/deleted/s3/bucket/key.deleted         s3://bucket/key counts as deleted
///     DIR/deleted/s3/bucket/folder/.all         everything below that was there before does
///
/// A location keeps its name in metadata; only its bytes lie elsewhere.
package struct OverlayFolder: Sendable {
  /// Absolute, without a slash at its end.
  package let path: String
  private let workingFolder: String
  let store = LocalStore()

  private static let marker = "overlay.json"

  private init(path: String, workingFolder: String) {
    self.path = path
    self.workingFolder = workingFolder
  }

  /// Opens an overlay that is there already.
  ///
  /// - Throws: when the folder is none.
  package static func existing(_ folder: String) throws(StorageError) -> OverlayFolder {
    let overlay = try located(folder)
    guard access(overlay.path + "/" + marker, F_OK) == 0 else {
      throw StorageError(.notFound, Location(folder), "is no overlay: it has no \(marker)")
    }
    return overlay
  }

  /// Opens an overlay, and makes it where there is none.
  ///
  /// - Throws: when the folder holds something else.
  package static func open(_ folder: String) throws(StorageError) -> OverlayFolder {
    let overlay = try located(folder)
    if access(overlay.path + "/" + marker, F_OK) == 0 { return overlay }
    guard try isEmpty(overlay.path) else {
      throw StorageError(.alreadyExists, Location(folder), "holds files that are no overlay; choose another folder for it")
    }
    let writer = try overlay.store.openWriter(Location(overlay.path + "/" + marker), if: .none, .synced)
    try writer.append(Array("{\"frazil-overlay\": 1}\n".utf8))
    _ = try writer.finish()
    return overlay
  }

  private static func located(_ folder: String) throws(StorageError) -> OverlayFolder {
    guard !folder.isEmpty, Location(folder).isLocal else {
      throw StorageError(.invalidLocation, Location(folder), "an overlay is a folder of this machine")
    }
    guard let working = workingFolder else { throw StorageError(errno: errno, Location("."), "cannot find") }
    return OverlayFolder(path: absolute(folder, in: working), workingFolder: working)
  }

  private static var workingFolder: String? {
    guard let current = getcwd(nil, 0) else { return nil }
    defer { free(current) }
    return String(cString: current)
  }

  /// A path from the root on, without `.` and `..`; links are not followed.
  package static func absolute(_ path: String) -> String { absolute(path, in: workingFolder ?? "/") }

  private static func isEmpty(_ path: String) throws(StorageError) -> Bool {
    guard let folder = opendir(path) else {
      if errno == ENOENT { return true }
      throw StorageError(errno: errno, Location(path), "cannot list")
    }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
      if name != ".", name != ".." { return false }
    }
    return true
  }

  // MARK: Places

  /// Whether a location lies in the overlay itself, which needs no other place.
  func contains(_ location: Location) -> Bool {
    guard let path = location.localPath else { return false }
    let absolute = Self.absolute(path, in: workingFolder)
    return absolute == self.path || absolute.hasPrefix(self.path + "/")
  }

  /// Where the bytes of a location are once they were written.
  package func place(of location: Location) throws(StorageError) -> Location { Location(path + "/files/" + (try name(location))) }

  /// Whether an object was written here.
  package func holds(_ location: Location) throws(StorageError) -> Bool {
    if contains(location) { return true }
    return access(try place(of: location).text, F_OK) == 0
  }

  func deletion(of location: Location) throws(StorageError) -> Location { Location(path + "/deleted/" + (try name(location)) + ".deleted") }

  func deletion(ofFolder location: Location) throws(StorageError) -> Location { Location(path + "/deleted/" + (try name(location)) + "/.all") }

  /// The folder of everything that is remembered about deletions at and below a location.
  package func deletions(below location: Location) throws(StorageError) -> Location { Location(path + "/deleted/" + (try name(location))) }

  private func name(_ location: Location) throws(StorageError) -> String {
    if let path = location.localPath { return "local" + Self.absolute(path, in: workingFolder) }
    let text = location.canonicalText
    guard let separator = text.firstRange(of: "://") else { throw StorageError(.invalidLocation, location, "has no place in an overlay") }
    var rest = text[separator.upperBound...]
    while rest.hasSuffix("/") { rest = rest.dropLast() }
    guard !rest.split(separator: "/").contains(where: { $0 == ".." || $0 == "." }) else {
      throw StorageError(.invalidLocation, location, "the path leaves its bucket")
    }
    return text[..<separator.lowerBound] + "/" + rest
  }

  private static func absolute(_ path: String, in folder: String) -> String {
    var parts: [Substring] = []
    for part in (path.hasPrefix("/") ? path : folder + "/" + path).split(separator: "/") {
      if part == ".." { _ = parts.popLast() } else if part != "." { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  // MARK: Deletions

  /// Whether what a location held before the overlay counts as deleted.
  func isDeleted(_ location: Location) throws(StorageError) -> Bool {
    guard access(path + "/deleted", F_OK) == 0 else { return false }
    if access(try deletion(of: location).text, F_OK) == 0 { return true }
    // A folder above it may be gone as a whole.
    let root = path + "/deleted"
    var folder = try deletions(below: location).text
    while folder.count > root.count {
      if access(folder + "/.all", F_OK) == 0 { return true }
      guard let slash = folder.lastIndex(of: "/") else { break }
      folder = String(folder[..<slash])
    }
    return false
  }
}

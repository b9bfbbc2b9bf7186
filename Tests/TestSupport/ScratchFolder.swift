import Glibc
package import Storage

/// A folder of its own for one test, removed with everything in it at the end.
package final class ScratchFolder: Sendable {
  package let path: String

  package init() {
    var template = Array("/tmp/frazil-test-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

  deinit { Self.remove(path) }

  /// Makes a file, and the folders above it.
  package func write(_ name: String, _ text: String) throws {
    let writer = try LocalStore().openWriter(location(name), if: .none, .buffered)
    try writer.append(Array(text.utf8))
    _ = try writer.finish()
  }

  package func location(_ name: String) -> Location { Location(path).appending(name) }

  /// Names in the folder itself, hidden ones included.
  package var names: [String] { Self.names(path) }

  /// Paths of all files in the folder and below, hidden ones included.
  package var files: [String] { Self.files(path) }

  private static func names(_ folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func files(_ folder: String) -> [String] {
    names(folder).flatMap { name in
      let path = folder + "/" + name
      return isFolder(path) ? files(path) : [path]
    }
  }

  private static func remove(_ folder: String) {
    for name in names(folder) {
      let path = folder + "/" + name
      if isFolder(path) { remove(path) } else { unlink(path) }
    }
    rmdir(folder)
  }

  /// Links do not count: what they lead to is somebody else's.
  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}

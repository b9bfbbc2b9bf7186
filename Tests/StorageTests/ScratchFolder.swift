import Glibc
import Storage

/// A folder of its own for one test, removed at the end.
final class ScratchFolder: Sendable {
  let path: String

  init() {
    var template = Array("/tmp/frazil-storage-XXXXXX".utf8CString)
    path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
  }

  deinit {
    let path = path
    Task { try await LocalStore().deleteFolder(Location(path)) }
  }

  func location(_ name: String) -> Location { Location(path).appending(name) }

  /// Every name in the folder, hidden ones included.
  var names: [String] {
    guard let stream = opendir(path) else { return [] }
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
}

import TestSupport

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files of the project as a reader sees them, without what builds and demos leave behind.
enum ProjectFiles {
  /// Paths from the root, in byte order.
  static let all: [String] = {
    let root = Corpus.packageRoot + "/"
    return Corpus.files(below: Corpus.packageRoot, suffix: "").map { String($0.dropFirst(root.count)) }.filter { path in
      let parts = path.split(separator: "/")
      return !parts.contains { $0.hasPrefix(".build") || $0 == ".git" || $0 == ".swiftpm" || $0 == "__pycache__" || $0 == "warehouse" }
        && !path.hasPrefix("bench/data/") && parts.last != "Package.resolved"
    }
  }()

  /// `all` and every folder on the way to them.
  static let places: Set<String> = {
    var places = Set(all)
    for path in all {
      var parts = path.split(separator: "/")
      while parts.count > 1 {
        parts.removeLast()
        places.insert(parts.joined(separator: "/"))
      }
    }
    return places
  }()

  static func swift(in folder: String) -> [String] { all.filter { $0.hasPrefix(folder) && $0.hasSuffix(".swift") } }

  static func bytes(_ path: String) -> [UInt8] { Corpus.bytes(Corpus.packageRoot + "/" + path) ?? [] }
  static func text(_ path: String) -> String { String(decoding: bytes(path), as: UTF8.self) }

  static func lines(_ path: String) -> [String] {
    bytes(path).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether a file holds a text, found by the C library: these tests look through everything, in debug builds.
  static func contains(_ bytes: [UInt8], _ word: String) -> Bool {
    let word = Array(word.utf8)
    return bytes.withUnsafeBytes { text in
      guard let base = text.baseAddress, let first = word.first, text.count >= word.count else { return false }
      var offset = 0
      while let found = memchr(base + offset, Int32(first), text.count - word.count + 1 - offset) {
        offset = base.distance(to: UnsafeRawPointer(found))
        if memcmp(base + offset, word, word.count) == 0 { return true }
        offset += 1
        if offset > text.count - word.count { return false }
      }
      return false
    }
  }
}

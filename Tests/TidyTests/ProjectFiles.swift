import TestSupport

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

  static func swift(in folder: String) -> [String] { all.filter { $0.hasPrefix(folder) && $0.hasSuffix(".swift") } }

  static func lines(_ path: String) -> [Substring] { text(path).split(separator: "\n", omittingEmptySubsequences: false) }

  static func text(_ path: String) -> String {
    String(decoding: Corpus.bytes(Corpus.packageRoot + "/" + path) ?? [], as: UTF8.self)
  }
}

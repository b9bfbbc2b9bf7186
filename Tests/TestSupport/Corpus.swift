import Glibc

/// Files of other projects that tests read where they are: `../shared/corpus` beside the package, or what FRAZIL_CORPUS names.
package enum Corpus {
  /// The folder, or nil (after saying so in one line) when it is not there.
  package static func folder(_ name: String, _ test: String = #function) -> String? {
    let root = environment("FRAZIL_CORPUS") ?? packageRoot + "/../shared/corpus"
    let path = root + "/" + name
    guard access(path, R_OK) == 0 else {
      print("skipped \(test): no corpus folder \(name)")
      return nil
    }
    return path
  }

  /// The interpreter for tests that compare with other engines; nil (after saying so) unless FRAZIL_PYTHON names one.
  package static func python(_ test: String = #function) -> String? {
    if let python = environment("FRAZIL_PYTHON") { return python }
    print("skipped \(test): FRAZIL_PYTHON is not set")
    return nil
  }

  package static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// The folder of Package.swift.
  package static let packageRoot: String = {
    // Tests/TestSupport/Corpus.swift
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(3)
    return parts.joined(separator: "/")
  }()

  /// All bytes of a file; nil when it cannot be read.
  package static func bytes(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var result: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&block, 1, block.count, file)
      if count == 0 { return result }
      result += block[..<count]
    }
  }

  /// The lines of a tab-separated file behind its header, each as column name to value.
  package static func table(_ path: String) -> [[String: String]] {
    guard let bytes = bytes(path) else { return [] }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true)
    guard let header = lines.first?.split(separator: "\t", omittingEmptySubsequences: false) else { return [] }
    return lines.dropFirst().map { line in
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
      return Dictionary(zip(header.map(String.init), cells.map(String.init)), uniquingKeysWith: { first, _ in first })
    }
  }

  /// Paths of all files below a folder that end so, in byte order.
  package static func files(below folder: String, suffix: String) -> [String] {
    var result: [String] = []
    var open = [folder]
    while let path = open.popLast() {
      guard let directory = opendir(path) else { continue }
      defer { closedir(directory) }
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        if name == "." || name == ".." { continue }
        let child = path + "/" + name
        if entry.pointee.d_type == UInt8(DT_DIR) { open.append(child) } else if name.hasSuffix(suffix) { result.append(child) }
      }
    }
    return result.sorted()
  }

  /// Runs a program and waits.
  ///
  /// - Returns: its exit code and what it printed.
  package static func run(_ program: String, _ arguments: [String]) -> (status: Int32, output: String) {
    func quoted(_ text: String) -> String { "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'" }
    let command = ([program] + arguments).map(quoted).joined(separator: " ") + " 2>&1"
    guard let pipe = popen(command, "r") else { return (-1, "popen failed") }
    var output: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = fread(&block, 1, block.count, pipe)
      if count == 0 { break }
      output += block[..<count]
    }
    let status = pclose(pipe)
    return ((status >> 8) & 0xFF, String(decoding: output, as: UTF8.self))
  }

  /// A fresh empty folder that the caller removes.
  package static func temporaryFolder() -> String {
    var template = Array("/tmp/frazil-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return "/tmp" }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  package static func write(_ bytes: [UInt8], to path: String) {
    guard let file = fopen(path, "wb") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  package static func remove(_ folder: String) { _ = run("rm", ["-rf", folder]) }
}

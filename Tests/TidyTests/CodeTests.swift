import Functions
import Testing

/// Habits of the code that a reader can rely on.
@Suite struct CodeTests {
  static let lineLimit = 600

  @Test("a file holds one idea: it is no longer than 600 lines")
  func length() {
    for path in ProjectFiles.all where [".swift", ".py", ".sh", ".slt"].contains(where: path.hasSuffix) {
      let count = ProjectFiles.bytes(path).count { $0 == UInt8(ascii: "\n") }
      let limit = path.hasSuffix(".slt") ? 1_500 : Self.lineLimit
      #expect(count <= limit, "\(path) has \(count) lines")
    }
  }

  @Test("nothing that data can reach may trap: no try!, no forced casts, no fatalError in Sources")
  func traps() {
    let banned = ["try!", "as! ", "fatalError(", "DispatchSemaphore"]
    // The only abstract class: its subclasses override the method.
    let allowed: Set<String> = ["Sources/Execution/Expression/ExpressionEvaluator.swift fatalError("]
    for path in ProjectFiles.swift(in: "Sources/") {
      let bytes = ProjectFiles.bytes(path)
      for word in banned where ProjectFiles.contains(bytes, word) && !allowed.contains("\(path) \(word)") {
        for line in ProjectFiles.lines(path) where line.contains(word) && !line.drop(while: { $0 == " " }).hasPrefix("//") {
          Issue.record("\(path): \(line)")
        }
      }
    }
  }

  @Test("no machine, no account and no unfinished business is written down")
  func words() {
    // Taken apart, or this file would be the first to be found.
    let banned = ["/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "/wo" + "rk/", "FIX" + "ME", "HA" + "CK:", "<<<<" + "<<<", ">>>>" + ">>>"]
    let endings = [".swift", ".md", ".py", ".sh", ".sql", ".slt", ".ebnf", ".txt", ".h", ".c", ".modulemap"]
    for path in ProjectFiles.all where endings.contains(where: path.hasSuffix) || path == "Makefile" || path.hasPrefix(".ci/") {
      let bytes = ProjectFiles.bytes(path)
      for word in banned where ProjectFiles.contains(bytes, word) { Issue.record("\(path) contains \(word)") }
    }
  }

  @Test("file names are unique within a module, and no module has a type of its own name's")
  func names() {
    for module in LayerTests.modules.map(\.name) {
      let names = ProjectFiles.swift(in: "Sources/\(module)/").compactMap { $0.split(separator: "/").last }
      #expect(Set(names).count == names.count, "\(module) has two files of one name")
      #expect(!names.contains("\(module).swift"))
      for word in ["Utils", "Utilities", "Helpers", "Common", "Misc"] { #expect(!names.contains("\(word).swift"), "\(module) has \(word)") }
    }
  }

  @Test("only the command line prints")
  func printing() {
    for path in ProjectFiles.swift(in: "Sources/") where !path.hasPrefix("Sources/CLI/") {
      guard ProjectFiles.contains(ProjectFiles.bytes(path), "rint(") else { continue }
      for line in ProjectFiles.lines(path) {
        let code = line.drop { $0 == " " }
        if code.hasPrefix("print(") || code.hasPrefix("debugPrint(") { Issue.record("\(path): \(line)") }
      }
    }
  }

  @Test("every logic test says which rule it shows: its first line is a comment")
  func logicTestHeaders() {
    let files = ProjectFiles.all.filter { $0.hasPrefix("Tests/SQLLogicTests/cases/") && $0.hasSuffix(".slt") }
    #expect(files.count > 4)
    for path in files { #expect(ProjectFiles.bytes(path).starts(with: "# ".utf8), "\(path)") }
  }

  @Test("every function that SHOW FUNCTIONS lists is described in a sentence")
  func functions() {
    let listing = FunctionLibrary.standard.listing
    #expect(listing.count > 100)
    for function in listing {
      #expect(function.description.count > 5 && function.description.hasSuffix("."), "\(function.name): '\(function.description)'")
      #expect(function.name == function.name.lowercased())
    }
  }
}

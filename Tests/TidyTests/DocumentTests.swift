import SQLSyntax
import Testing

/// What documents say about the project is there.
@Suite struct DocumentTests {
  static let documents = ProjectFiles.all.filter { $0.hasSuffix(".md") }

  @Test("every path that a document names exists", arguments: documents)
  func paths(document: String) {
    let folder = document.split(separator: "/").dropLast().joined(separator: "/")
    for match in Self.prose(document).matches(of: /`([A-Za-z.][A-Za-z0-9_.+\/-]*)`/) {
      let name = String(match.output.1)
      guard Self.looksLikePath(name) else { continue }
      #expect(Self.exists(name, from: folder), "\(document) names \(name)")
    }
    for match in Self.prose(document).matches(of: /\]\(([A-Za-z.][A-Za-z0-9_.+\/-]*)\)/) {
      #expect(Self.exists(String(match.output.1), from: folder), "\(document) links to \(match.output.1)")
    }
  }

  @Test("the SQL of the documents parses", arguments: documents)
  func sql(document: String) {
    for match in ProjectFiles.text(document).matches(of: /```sql\n(.*?)```/.dotMatchesNewlines()) {
      let script = String(match.output.1)
      do throws(SQLError) {
        _ = try Parser.parseScript(script)
      } catch {
        Issue.record("\(document)\n\(error.rendered(in: SourceText(script)))")
      }
    }
  }

  @Test("a new user's documents are there, and the changes have a place for the next version")
  func basics() {
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Grammar/README.md", "bench/README.md"] {
      #expect(ProjectFiles.all.contains(name), "\(name) is missing")
    }
    #expect(ProjectFiles.lines("CHANGELOG.md").contains("## Unreleased"))
    #expect(ProjectFiles.text("LICENSE").contains("Apache License"))
  }

  /// The document without its code blocks: what commands make is not there yet.
  private static func prose(_ document: String) -> String {
    ProjectFiles.text(document).replacing(/```.*?```/.dotMatchesNewlines(), with: "")
  }

  /// A path of the project rather than a name of the code (`Session.run`) or a place of the user's (`./warehouse`).
  private static func looksLikePath(_ name: String) -> Bool {
    if name.hasPrefix("./") || name.hasPrefix("../") { return false }
    let endings = [".swift", ".md", ".txt", ".ebnf", ".py", ".sh", ".sql", ".slt"]
    return name.contains("/") || endings.contains { name.hasSuffix($0) && name.count > $0.count }
  }

  private static func exists(_ name: String, from folder: String) -> Bool {
    let path = name.hasSuffix("/") ? String(name.dropLast()) : name
    // Made by the benchmarks.
    if path == "bench/data" { return true }
    let places = path.hasPrefix("Sources/") || path.hasPrefix("Tests/") || folder.isEmpty ? [path] : [path, "\(folder)/\(path)"]
    if places.contains(where: ProjectFiles.places.contains) { return true }
    // Elsewhere in the text the folder was named.
    return !path.hasPrefix("Sources/") && !path.hasPrefix("Tests/") && ProjectFiles.places.contains { $0.hasSuffix("/" + path) }
  }
}

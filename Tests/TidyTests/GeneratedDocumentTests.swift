import Functions
import SQLSyntax
import TestSupport
import Testing

/// Documents that list what the code has are as new as the code. With `FRAZIL_WRITE_DOCS=1` the tests write them.
@Suite struct GeneratedDocumentTests {
  @Test("docs/functions.md lists every function")
  func functions() throws {
    try expect(
      "docs/functions.md", isTable: ["| function | arguments | result | kind | what it gives |", "|---|---|---|---|---|"],
      of: FunctionLibrary.standard.listing.map {
        "| `\($0.name)` | \(cell($0.argumentTypes)) | \(cell($0.returnType)) | \($0.kind.rawValue) | \(cell($0.description)) |"
      })
  }

  @Test("docs/errors.md lists every error code")
  func errors() throws {
    var rows: [String] = []
    for line in ProjectFiles.lines("Sources/SQLSyntax/Source/ErrorCode.swift") {
      guard let match = line.firstMatch(of: /ErrorCode\("([A-Z_]+)", \.([a-zA-Z]+)\)/) else { continue }
      rows.append("| `\(match.output.1)` | \(kinds[String(match.output.2)] ?? "") |")
    }
    try expect("docs/errors.md", isTable: ["| code | whose turn it is |", "|---|---|"], of: rows.sorted())
  }

  @Test("docs/strict-mode.md lists every rule")
  func strictMode() throws {
    try expect(
      "docs/strict-mode.md", isTable: ["| rule | what it refuses | page of Athena's user guide |", "|---|---|---|"],
      of: AthenaRule.all.map { "| `\($0.name)` | \(cell($0.refuses)) | \($0.source) |" })
  }

  private let kinds = [
    "userError": "the statement's author", "internalError": "Frazil", "insufficientResources": "the machine, or a limit",
    "external": "files, catalogs and services",
  ]

  private func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

  /// The table that begins with `head` has these rows; what stands around it is written by hand.
  private func expect(_ document: String, isTable head: [String], of rows: [String]) throws {
    let lines = ProjectFiles.lines(document)
    let start = try #require(lines.firstIndex(of: head[0]), "\(document) has no table \(head[0])")
    let end = lines[start...].firstIndex { !$0.hasPrefix("|") } ?? lines.count
    if Corpus.environment("FRAZIL_WRITE_DOCS") == "1" {
      let text = (lines[..<start] + head + rows + lines[end...]).joined(separator: "\n")
      Corpus.write(Array(text.utf8), to: Corpus.packageRoot + "/" + document)
      return
    }
    #expect(Array(lines[start..<end]) == head + rows, "FRAZIL_WRITE_DOCS=1 writes \(document) anew")
  }
}

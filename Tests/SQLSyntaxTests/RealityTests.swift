import Foundation
import SQLSyntax
import Testing

/// Everything that is written as SQL elsewhere in the project parses and survives printing.
@Suite struct RealityTests {
  @Test("every statement of the logic tests and every example script parses")
  func scripts() throws {
    var count = 0
    for (file, sql) in try Self.logicTestStatements() + Self.exampleScripts() {
      do throws(SQLError) {
        for parsed in try Parser.parseScript(sql) {
          count += 1
          let again = try Parser.parseStatement(SQLPrinter.print(parsed.statement))
          if again != parsed.statement { Issue.record("\(file): another tree after printing\n\(sql)") }
        }
      } catch {
        Issue.record("\(file)\n\(error.rendered(in: SourceText(sql)))")
      }
    }
    #expect(count > 0)
  }

  private static func files(_ folder: String, _ suffix: String) -> [URL] {
    let root = GrammarFile.packageRoot.appendingPathComponent(folder)
    let all = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    return all.filter { $0.pathExtension == suffix }
  }

  private static func exampleScripts() throws -> [(String, String)] {
    try files("queries", "sql").map { ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8)) }
  }

  /// The SQL between a line `statement ok` or `query …` and a line `----` or an empty one, and the left sides of `expressions`.
  /// What shall fail may fail in the parser, so it is left out.
  private static func logicTestStatements() throws -> [(String, String)] {
    var statements: [(String, String)] = []
    for file in files("Tests/SQLLogicTests/cases", "slt") {
      // What `let` keeps is a number, or part of a text.
      let text = try String(contentsOf: file, encoding: .utf8).replacing(#/\$\{\w+\}/#, with: "1")
      for block in text.components(separatedBy: "\n\n") {
        var lines = block.components(separatedBy: "\n").filter { !$0.hasPrefix("#") }
        guard !lines.isEmpty else { continue }
        let head = lines.removeFirst()
        if head.hasPrefix("statement ok") || (head.hasPrefix("query") && !head.hasPrefix("query error")) {
          statements.append((file.lastPathComponent, lines.prefix { !$0.hasPrefix("----") }.joined(separator: "\n")))
        } else if head == "expressions" {
          for line in lines {
            let sides = line.components(separatedBy: " ==> ")
            if sides.count == 2, !sides[1].hasPrefix("error") { statements.append((file.lastPathComponent, "SELECT \(sides[0])")) }
          }
        }
      }
    }
    return statements
  }
}

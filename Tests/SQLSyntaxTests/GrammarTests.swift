import Foundation
import SQLSyntax
import Testing

@Suite struct GrammarTests {
  /// `FRAZIL_SEED` tries another one.
  static let seed = ProcessInfo.processInfo.environment["FRAZIL_SEED"].flatMap { UInt64($0) } ?? 20_261_124

  @Test("sentences of the grammar are accepted, survive printing, and reach every production")
  func sentences() throws {
    let grammar = try GrammarFile()
    var generator = SentenceGenerator(grammar: grammar, seed: Self.seed)
    for name in (0..<4).flatMap({ _ in grammar.names }) {
      let sql = generator.sentence(reaching: name).joined(separator: " ")
      do throws(SQLError) {
        let statement = try Parser.parseStatement(sql)
        let printed = SQLPrinter.print(statement)
        let again = try Parser.parseStatement(printed)
        if again != statement {
          Issue.record("seed \(Self.seed), sentence for \(name): another tree after printing\n\(sql)\n\(printed)\n\(SQLPrinter.print(again))")
        }
      } catch {
        Issue.record("seed \(Self.seed), sentence for \(name)\n\(sql)\n\(error.rendered(in: SourceText(sql)))")
      }
    }
    #expect(grammar.names.filter { generator.visits[$0] == nil } == [])
  }

  @Test("a sentence with a token deleted, doubled or swapped, or cut short, parses or fails with a range inside the text")
  func mutations() throws {
    let grammar = try GrammarFile()
    var generator = SentenceGenerator(grammar: grammar, seed: Self.seed &+ 1)
    for name in grammar.names {
      let sentence = generator.sentence(reaching: name)
      for kind in 0..<6 {
        let position = Int.random(in: 0..<sentence.count, using: &generator.random)
        var tokens = sentence
        switch kind {
        case 0: tokens.remove(at: position)
        case 1: tokens.insert(tokens[position], at: position)
        case 2: tokens.swapAt(position, (position + 1) % tokens.count)
        default: tokens.removeSubrange(position...)
        }
        let sql = tokens.joined(separator: " ")
        if let error = failure(of: sql), (error.range ?? .unknown).upperBound > sql.utf8.count {
          Issue.record("seed \(Self.seed), sentence for \(name): \(error) has a range outside of the text\n\(sql)")
        }
      }
    }
  }

  @Test("any cut of a text, also in the middle of a literal, parses or fails")
  func cuts() throws {
    let sql = "SELECT 'a''b', \"c\"\"d\", X'6', U&'\\0041', 1.5e, `x` /* c */ -- d\nFROM é TBLPROPERTIES (\"\\"
    for end in 0...sql.utf8.count {
      let text = String(decoding: sql.utf8.prefix(end), as: UTF8.self)
      let range = failure(of: text)?.range
      #expect((range?.upperBound ?? 0) <= text.utf8.count)
      _ = ScriptSplitter.isComplete(text)
    }
  }

  private func failure(of sql: String) -> SQLError? {
    do throws(SQLError) {
      _ = try Parser.parseScript(sql)
      return nil
    } catch {
      return error
    }
  }

  @Test("keywords.txt lists the words of Keyword.swift")
  func keywords() throws {
    let lines = try GrammarFile.text("Grammar/keywords.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    #expect(lines == Keyword.allCases.map { $0.isReserved ? "\($0.rawValue) R" : $0.rawValue })
  }

  @Test("words that are not reserved can be columns, tables, aliases and functions", arguments: Keyword.allCases.filter { !$0.isReserved })
  func words(keyword: Keyword) throws {
    let word = keyword.rawValue
    for sql in [
      "SELECT \(word), t.\(word) AS \(word), \(word) + 1 FROM \(word) AS \(word) WHERE \(word) = 1 ORDER BY \(word)",
      "INSERT INTO \(word) (\(word)) SELECT 1", "CREATE TABLE \(word) (\(word) int)", "WITH \(word) AS (SELECT 1) TABLE \(word)",
      "UPDATE \(word) SET \(word) = 1",
    ] {
      _ = try Parser.parseStatement(sql)
    }
  }

  @Test("every parse function names a production, and every production is named")
  func productions() throws {
    let grammar = try GrammarFile()
    let folder = GrammarFile.packageRoot.appendingPathComponent("Sources/SQLSyntax/Parser")
    var named: Set<String> = []
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
      var productions: [String] = []
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let text = line.trimmingCharacters(in: .whitespaces)
        if text.hasPrefix("/// Grammar: ") { productions = text.dropFirst(13).components(separatedBy: ", ") }
        if text.hasPrefix("//") { continue }
        if text.contains("mutating func parse") {
          #expect(!productions.isEmpty, "\(file.lastPathComponent): \(text)")
          named.formUnion(productions)
        }
        productions = []
      }
    }
    #expect(named.subtracting(grammar.names) == [])
    #expect(Set(grammar.names).subtracting(named) == [])
  }
}

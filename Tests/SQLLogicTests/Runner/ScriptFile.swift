/// One slt file: a list of records that run in order against one engine.
///
/// The format is sqllogictest's, with eight additions (`expressions`, `file`, `let`, `session`, `requires`, `header`, `optimised`, ` | ` between columns).
/// `README.md` beside the cases describes it.
struct ScriptFile {
  let path: String
  let records: [Record]

  struct Record {
    /// 1-based line of the record's first line.
    let line: Int
    let kind: Kind
    /// What the default catalog must be able to do, or the record is left out.
    var requirements: [Capability] = []

    /// Whether it asks the engine; files and sessions cost nothing.
    var asksEngine: Bool {
      switch kind {
      case .statement, .query, .variable: true
      case .file, .session: false
      }
    }
  }

  enum Kind {
    /// Runs `sql`; `expected` says how it must end.
    case statement(sql: String, expected: StatementExpectation)
    /// Runs `sql` and compares its rows as text. Not a check of its own when `rows` came from nowhere.
    case query(sql: String, QueryExpectation)
    /// Writes a file below the scratch folder.
    case file(name: String, contents: String)
    /// Keeps the only value of a query for `${name}` in later records.
    case variable(name: String, sql: String)
    /// Later records run in the session of this name.
    case session(name: String)
  }

  enum StatementExpectation {
    case success
    /// Rows affected.
    case count(Int)
    /// A regular expression found somewhere in `CODE: line L:C: message` or in the hint.
    case error(pattern: String)
  }

  struct QueryExpectation {
    /// One letter per column: T any, I integers, R real, double and decimal, B boolean. Nil: not checked.
    var types: String?
    var sort: Sort = .none
    /// The first expected row holds the column labels.
    var hasHeader = false
    /// The optimiser's rules are on for this query, also in the mode that switches them off: the rows are an optimised plan.
    var isOptimised = false
    var rows: [String]
  }

  enum Sort { case none, rows }
}

/// What is wrong with an slt file itself.
struct ScriptError: Error, CustomStringConvertible {
  let path: String
  let line: Int
  let message: String
  var description: String { "\(path):\(line): \(message)" }
}

extension ScriptFile {
  init(path: String, text: String) throws(ScriptError) {
    self.path = path
    var parser = ScriptParser(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    records = try parser.parse()
  }
}

private struct ScriptParser {
  let path: String
  let lines: [Substring]
  var index = 0
  /// Of the last `requires`.
  var requirements: [Capability] = []

  mutating func parse() throws(ScriptError) -> [ScriptFile.Record] {
    var records: [ScriptFile.Record] = []
    while index < lines.count {
      let line = lines[index]
      let words = line.split(separator: " ")
      guard let first = words.first, !line.hasPrefix("#") else {
        index += 1
        continue
      }
      let start = index + 1
      let recordCount = records.count
      index += 1
      switch first {
      case "statement": records.append(.init(line: start, kind: try statement(line, words, start)))
      case "query": records.append(.init(line: start, kind: try query(words, start)))
      case "expressions": try expressions(into: &records)
      case "file":
        guard words.count == 2 else { throw failure(start, "usage: file NAME") }
        records.append(.init(line: start, kind: .file(name: String(words[1]), contents: try fileContents(start))))
      case "let":
        guard words.count == 2 else { throw failure(start, "usage: let NAME") }
        records.append(.init(line: start, kind: .variable(name: String(words[1]), sql: try sql(start))))
      case "session":
        guard words.count == 2 else { throw failure(start, "usage: session NAME") }
        records.append(.init(line: start, kind: .session(name: String(words[1]))))
      case "requires": requirements = try capabilities(words.dropFirst(), start)
      case "halt": return records
      default: throw failure(start, "unknown directive '\(first)'")
      }
      for added in recordCount..<records.count { records[added].requirements = requirements }
    }
    return records
  }

  private func capabilities(_ names: ArraySlice<Substring>, _ start: Int) throws(ScriptError) -> [Capability] {
    var found: [Capability] = []
    for name in names where name != "nothing" {
      guard let capability = Capability(rawValue: String(name)) else {
        throw failure(start, "requires nothing or some of \(Capability.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      found.append(capability)
    }
    guard !names.isEmpty else { throw failure(start, "usage: requires nothing|NAME...") }
    return found
  }

  private func failure(_ line: Int, _ message: String) -> ScriptError {
    ScriptError(path: path, line: line, message: message)
  }

  /// The lines up to an empty one or `----`, joined; at least one.
  private mutating func sql(_ start: Int) throws(ScriptError) -> String {
    var text: [Substring] = []
    while index < lines.count, !lines[index].isEmpty, lines[index] != "----" {
      text.append(lines[index])
      index += 1
    }
    guard !text.isEmpty else { throw failure(start, "no SQL follows") }
    return text.joined(separator: "\n")
  }

  private mutating func statement(
    _ line: Substring, _ words: [Substring], _ start: Int
  ) throws(ScriptError) -> ScriptFile.Kind {
    let expected: ScriptFile.StatementExpectation
    switch words.dropFirst().first {
    case "ok": expected = .success
    case "count":
      guard words.count == 3, let count = Int(words[2]) else { throw failure(start, "usage: statement count N") }
      expected = .count(count)
    case "error":
      let pattern = line.dropFirst("statement error".count).drop { $0 == " " }
      expected = .error(pattern: String(pattern))
    default: throw failure(start, "statement ok|error|count expected")
    }
    return .statement(sql: try sql(start), expected: expected)
  }

  private mutating func query(_ words: [Substring], _ start: Int) throws(ScriptError) -> ScriptFile.Kind {
    guard words.count >= 2 else { throw failure(start, "usage: query TYPES [rowsort] [header] [optimised]") }
    var expectation = ScriptFile.QueryExpectation(types: String(words[1]), rows: [])
    for word in words.dropFirst(2) {
      switch word {
      case "nosort": expectation.sort = .none
      case "rowsort": expectation.sort = .rows
      case "header": expectation.hasHeader = true
      case "optimised": expectation.isOptimised = true
      default: throw failure(start, "unknown word '\(word)' after query")
      }
    }
    let text = try sql(start)
    guard index < lines.count, lines[index] == "----" else { throw failure(start, "---- expected after the query") }
    index += 1
    while index < lines.count, !lines[index].isEmpty {
      expectation.rows.append(String(lines[index]))
      index += 1
    }
    return .query(sql: text, expectation)
  }

  /// `expression ==> value` or `expression ==> error PATTERN`, one check per line up to an empty line.
  private mutating func expressions(into records: inout [ScriptFile.Record]) throws(ScriptError) {
    while index < lines.count, !lines[index].isEmpty {
      let line = lines[index]
      index += 1
      if line.hasPrefix("#") { continue }
      guard let arrow = line.ranges(of: " ==> ").last else { throw failure(index, "' ==> ' expected") }
      let sql = "SELECT " + line[..<arrow.lowerBound]
      let value = line[arrow.upperBound...]
      let kind: ScriptFile.Kind =
        value.hasPrefix("error ")
        ? .statement(sql: sql, expected: .error(pattern: String(value.dropFirst("error ".count))))
        : .query(sql: sql, ScriptFile.QueryExpectation(rows: [String(value)]))
      records.append(.init(line: index, kind: kind))
    }
  }

  /// The lines up to `----`, each with its newline.
  private mutating func fileContents(_ start: Int) throws(ScriptError) -> String {
    var contents = ""
    while index < lines.count, lines[index] != "----" {
      contents += lines[index] + "\n"
      index += 1
    }
    guard index < lines.count else { throw failure(start, "---- expected after the file") }
    index += 1
    return contents
  }
}

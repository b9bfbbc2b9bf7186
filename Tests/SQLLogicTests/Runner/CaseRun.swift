import Foundation

/// Runs the records of one file in one mode, in this process, and prints what failed.
///
/// Before each record a line `@<line>` goes to stdout: should the engine trap or hang, the parent knows where.
struct CaseRun {
  let script: ScriptFile
  let mode: Mode
  /// Scratch folder of this run: `warehouse/` and whatever `file` writes.
  let scratch: String
  /// Folder of committed input files.
  let data: String
  private(set) var passed = 0
  private(set) var failed = 0
  /// Records that need what the default catalog lacks.
  private(set) var leftOut = 0
  private var variables: [String: String]

  init(script: ScriptFile, mode: Mode, scratch: String, data: String) {
    self.script = script
    self.mode = mode
    self.scratch = scratch
    self.data = data
    variables = ["TMP": scratch, "WAREHOUSE": scratch + "/warehouse", "DATA": data]
  }

  mutating func run() async throws {
    var engine = try EngineUnderTest(mode: mode, warehouse: scratch + "/warehouse", scratch: scratch)
    variables["WAREHOUSE"] = engine.warehouse
    try await engine.makeDefaultDatabase()
    for record in script.records {
      print("@\(record.line)")
      fflush(nil)
      if record.asksEngine, record.requirements.contains(where: engine.lacks) {
        leftOut += 1
        continue
      }
      switch record.kind {
      case .file(let name, let contents):
        try write(substitute(contents), to: scratch + "/" + name)
      case .session(let name): engine.use(name)
      case .variable(let name, let text):
        let sql = substitute(text)
        switch await engine.run(sql) {
        case .success(let result):
          guard result.rows.count == 1, result.rows[0].count == 1, let value = result.rows[0][0] else {
            report(record, sql, "one value expected, found \(result.rows)")
            continue
          }
          variables[name] = value
        case .failure(let error): report(record, sql, error.text)
        }
      case .statement(let text, let expected):
        let sql = substitute(text)
        check(record, sql, Self.mismatch(expected, await engine.run(sql), substitute))
      case .query(let text, var expected):
        let sql = substitute(text)
        expected.rows = expected.rows.map(substitute)
        switch await engine.run(sql, isOptimised: expected.isOptimised) {
        case .success(let result): check(record, sql, expected.mismatch(result))
        case .failure(let error): check(record, sql, error.text)
        }
      }
    }
    print("@end")
  }

  private static func mismatch(
    _ expected: ScriptFile.StatementExpectation, _ outcome: Result<TextResult, StatementFailure>,
    _ substitute: (String) -> String
  ) -> String? {
    switch (expected, outcome) {
    case (.success, .success): return nil
    case (.success, .failure(let error)), (.count, .failure(let error)): return error.text
    case (.count(let count), .success(let result)):
      return result.affectedRows == count
        ? nil : "expected \(count) affected rows, found \(result.affectedRows.map(String.init) ?? "no count")"
    case (.error(let pattern), .success(let result)):
      return "an error '\(pattern)' was expected, but it succeeded with \(result.rows.prefix(3).map(ExpectedText.row))"
    case (.error(let pattern), .failure(let error)):
      guard let regex = try? Regex(substitute(pattern)) else { return "'\(pattern)' is not a regular expression" }
      return error.text.contains(regex) ? nil : "expected an error with '\(pattern)', found\n\(error.text)"
    }
  }

  private mutating func check(_ record: ScriptFile.Record, _ sql: String, _ mismatch: String?) {
    if let mismatch { report(record, sql, mismatch) } else { passed += 1 }
  }

  private mutating func report(_ record: ScriptFile.Record, _ sql: String, _ message: String) {
    failed += 1
    print("\(script.path):\(record.line) [\(mode.name)]")
    for line in sql.split(separator: "\n") { print("    " + line) }
    for line in message.split(separator: "\n").prefix(25) { print("  " + line) }
  }

  private func substitute(_ text: String) -> String {
    guard text.contains("${") else { return text }
    var result = text
    for (name, value) in variables { result = result.replacing("${\(name)}", with: value) }
    return result
  }

  private func write(_ contents: String, to path: String) throws {
    let url = URL(filePath: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(contents.utf8).write(to: url)
  }
}

import JSONText
public import SQLSyntax

/// What a check of one table found: `frazil check`, `Session.check`.
public struct TableReport: Sendable {
  public enum Outcome: String, Sendable {
    /// Nothing contradicts the specification. Warnings and engines that would not take the table do not count.
    case clean
    /// Something does: rows may be lost or wrong.
    case problems
    /// The check could not be run.
    case failed
  }

  public struct Finding: Sendable, Hashable {
    /// `error`, `warning`, or `engine` for what some engine refuses.
    public let severity: String
    /// The file or field it is about, or the engine.
    public let place: String
    public let problem: String
  }

  public let table: String
  public let findings: [Finding]
  /// Why the check could not be run.
  public let failure: SQLError?

  public var outcome: Outcome {
    failure != nil ? .failed : findings.contains { $0.severity == "error" } ? .problems : .clean
  }

  /// For people: a line with the outcome, then the findings, errors first.
  public var text: String {
    if let failure { return "\(table): not checked\n  \(failure.code): \(failure.message)\n" }
    func count(_ severity: String, _ one: String, _ many: String) -> String? {
      let number = findings.count { $0.severity == severity }
      return number == 0 ? nil : "\(number) \(number == 1 ? one : many)"
    }
    let counts = [
      count("error", "error", "errors"), count("warning", "warning", "warnings"),
      count("engine", "note about engines", "notes about engines"),
    ].compactMap(\.self)
    var text = "\(table): " + ([outcome == .clean ? "clean" : nil].compactMap(\.self) + counts).joined(separator: ", ") + "\n"
    for (severity, title) in [("error", "errors"), ("warning", "warnings"), ("engine", "engines that would not take it")] {
      let found = findings.filter { $0.severity == severity }
      if found.isEmpty { continue }
      text += "  \(title)\n"
      for finding in found { text += "    \(finding.place): \(finding.problem)\n" }
    }
    return text
  }

  /// An array with one object per table: `table`, `outcome`, `findings`, and `failure` where the check could not be run.
  public static func json(_ reports: [TableReport]) -> String {
    var writer = JSONWriter()
    writer.array { writer in
      for report in reports {
        writer.object { writer in
          writer.member("table", report.table)
          writer.member("outcome", report.outcome.rawValue)
          writer.key("findings")
          writer.array { writer in
            for finding in report.findings {
              writer.object { writer in
                writer.member("severity", finding.severity)
                writer.member("place", finding.place)
                writer.member("problem", finding.problem)
              }
            }
          }
          if let failure = report.failure { writer.member("failure", "\(failure.code): \(failure.message)") }
        }
      }
    }
    return writer.text + "\n"
  }
}

extension Session {
  /// Verifies a table against the specification: its metadata, and every file of its current state.
  public func check(table: String) async -> TableReport {
    let name = table.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
    do throws(SQLError) {
      let rows = try await run("CALL system.check_table(table => '\(name)', engines => true)").tuples(of: String.self, String.self, String.self)
      return TableReport(
        table: table, findings: rows.map { TableReport.Finding(severity: $0.0, place: $0.1, problem: $0.2) }, failure: nil)
    } catch {
      return TableReport(table: table, findings: [], failure: error)
    }
  }
}

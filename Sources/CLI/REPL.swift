import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The prompt: statements over several lines, ended by `;`, with history; a failed statement does not end it.
struct REPL {
  let runner: ScriptRunner
  let warehouse: String

  func run() async {
    let home = getenv("HOME").map { String(cString: $0) }
    let editor = LineEditor(historyPath: home.map { $0 + "/.frazil_history" })
    print("frazil 0.1.0, warehouse \(warehouse)\nEnd statements with ; and leave with exit or Ctrl-D. Type help for help.")
    var pending = ""
    while true {
      switch editor.readLine(prompt: pending.isEmpty ? "frazil> " : "     -> ") {
      case .end: return
      case .interrupted: pending = ""
      case .text(let line):
        let word = line.lowercased().filter { $0 != ";" && $0 != " " }
        if pending.isEmpty {
          if word.isEmpty { continue }
          if word == "exit" || word == "quit" || word == "\\q" { return }
          if word == "help" || word == "\\?" || word == "\\h" {
            print(Self.help)
            continue
          }
          if let shortcut = Self.shortcut(line) {
            _ = await runner.run(script: shortcut, name: nil)
            continue
          }
        }
        pending += pending.isEmpty ? line : "\n" + line
        guard runner.session.isComplete(pending) else { continue }
        editor.remember(pending)
        _ = await runner.run(script: pending, name: nil)
        pending = ""
      }
    }
  }

  /// psql's habits.
  private static func shortcut(_ line: String) -> String? {
    let words = line.split(separator: " ").map(String.init)
    switch words.first {
    case "\\dt": return "SHOW TABLES"
    case "\\l", "\\dn": return "SHOW DATABASES"
    case "\\df": return "SHOW FUNCTIONS"
    case "\\d": return words.count > 1 ? "DESCRIBE \(words[1])" : "SHOW TABLES"
    default: return nil
    }
  }

  private static let help = """
    SELECT ...;            run a statement (it may span lines)
    SHOW TABLES;           also: SHOW DATABASES, DESCRIBE t, SHOW CREATE TABLE t
    EXPLAIN [ANALYZE] ...; how a query runs
    \\dt  \\l  \\d TABLE  \\df   as in psql
    Ctrl-C cancels a running statement; exit, quit or Ctrl-D leaves.
    """
}

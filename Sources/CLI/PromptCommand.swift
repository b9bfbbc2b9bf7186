import Frazil

/// What can be typed at the prompt besides SQL: the habits of psql (`\dt`) and of DuckDB and SQLite (`.tables`), on one line without `;`.
enum PromptCommand: Equatable {
  case nothing
  case quit
  case help
  case statement(String)
  case script(String)
  /// Nil is standard output.
  case output(String?)
  case format(OutputFormat)
  /// Nil turns it over.
  case timing(Bool?)
  case misused(String)

  static let helpText = """
    SELECT ...;              a statement; it may span lines and ends with ;
    EXPLAIN [ANALYZE] ...;   how a query runs
    .help          \\?        this text
    .quit          \\q        leave (also exit, quit or Ctrl-D)
    .tables        \\dt       tables of the current database
    .views         \\dv       views of the current database
    .databases     \\l        databases
    .schema TABLE  \\d TABLE  columns of a table
    .functions     \\df       functions
    .read FILE     \\i FILE   run a script
    .output [FILE] \\o [FILE] write results to a file or s3://..., or here again
    .mode FORMAT             table, csv, json, jsonl or markdown
    .timer [on|off] \\timing  show how long statements take, and what Athena would bill for what they scan
    Tab completes names, Ctrl-R searches the history, Ctrl-C drops a line or cancels the running statement.
    """

  /// - Returns: nil when the line begins a statement.
  static func parse(_ line: String) -> PromptCommand? {
    let text = line.trimmingBlanks()
    if text.isEmpty { return .nothing }
    let bare = text.last == ";" ? String(text.dropLast()).trimmingBlanks() : text
    switch bare.lowercased() {
    case "exit", "quit": return .quit
    case "help": return .help
    default: break
    }
    guard text.first == "\\" || text.first == "." else { return nil }
    let name = String(bare.prefix { $0 != " " && $0 != "\t" })
    let rest = bare.dropFirst(name.count).trimmingBlanks()
    // A quoted path may hold blanks at its ends.
    let argument = rest.count >= 2 && rest.first == "'" && rest.last == "'" ? String(rest.dropFirst().dropLast()) : rest
    switch name {
    case ".quit", ".exit", "\\q": return .quit
    case ".help", "\\?", "\\h": return .help
    case ".tables", "\\dt": return .statement("SHOW TABLES")
    case ".views", "\\dv": return .statement("SHOW VIEWS")
    case ".databases", "\\l", "\\dn": return .statement("SHOW DATABASES")
    case ".functions", "\\df": return .statement("SHOW FUNCTIONS")
    case ".schema", "\\d", "\\d+":
      return .statement(argument.isEmpty ? "SHOW TABLES" : "DESCRIBE \(argument)")
    case ".read", "\\i": return argument.isEmpty ? .misused("\(name) needs a file") : .script(argument)
    case ".output", "\\o": return .output(argument.isEmpty ? nil : argument)
    case ".mode":
      if let format = OutputFormat(rawValue: argument.lowercased()) { return .format(format) }
      return .misused(".mode is one of \(OutputFormat.allCases.map(\.rawValue).joined(separator: ", "))")
    case ".timer", "\\timing":
      switch argument.lowercased() {
      case "": return .timing(nil)
      case "on": return .timing(true)
      case "off": return .timing(false)
      default: return .misused("\(name) is on or off")
      }
    default: return .misused("unknown command \(name); .help lists them")
    }
  }
}

extension StringProtocol {
  func trimmingBlanks() -> String {
    var rest = self[...]
    while let first = rest.first, first.isWhitespace { rest = rest.dropFirst() }
    while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
    return String(rest)
  }
}

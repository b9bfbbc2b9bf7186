import SQLSyntax

/// The part of TOML 1.0 that configuration needs: tables, dotted keys, strings on one line, numbers and booleans.
///
/// Arrays, inline tables, dates and strings of several lines are refused by name rather than misread.
struct TOMLReader {
  struct Entry {
    var path: [String]
    /// Strings without quotes and escapes; numbers and booleans as written.
    var value: String
    var line: Int
  }

  private let path: String
  private let lines: [Substring]

  init(_ text: String, path: String) {
    self.path = path
    lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
  }

  func entries() throws(SQLError) -> [Entry] {
    var entries: [Entry] = []
    var table: [String] = []
    var tables: Set<[String]> = []
    for (index, content) in lines.enumerated() {
      var line = Line(path: path, number: index + 1, rest: content)
      line.skipBlanks()
      if line.isAtEnd { continue }
      if line.accept("[") {
        if line.rest.first == "[" { throw line.failure("arrays of tables are not understood") }
        table = try line.key()
        guard line.accept("]") else { throw line.failure("']' is missing behind the name of a table") }
        guard tables.insert(table).inserted else { throw line.failure("table [\(table.joined(separator: "."))] is there twice") }
      } else {
        let key = table + (try line.key())
        guard line.accept("=") else { throw line.failure("'=' is missing behind a key") }
        guard !entries.contains(where: { $0.path == key }) else { throw line.failure("'\(key.joined(separator: "."))' is there twice") }
        entries.append(Entry(path: key, value: try line.value(), line: line.number))
      }
      line.skipBlanks()
      guard line.isAtEnd else { throw line.failure("something follows that does not belong there") }
    }
    return entries
  }

  private struct Line {
    let path: String
    let number: Int
    var rest: Substring

    /// At the end or in front of a comment.
    var isAtEnd: Bool { rest.isEmpty || rest.first == "#" }

    func failure(_ message: String) -> SQLError { SQLError(.invalidArguments, "\(path), line \(number): \(message)") }

    mutating func skipBlanks() { rest = rest.drop { $0 == " " || $0 == "\t" } }

    mutating func accept(_ mark: Character) -> Bool {
      skipBlanks()
      guard rest.first == mark else { return false }
      rest.removeFirst()
      return true
    }

    mutating func key() throws(SQLError) -> [String] {
      var parts: [String] = []
      repeat {
        skipBlanks()
        if rest.first == "\"" || rest.first == "'" {
          parts.append(try string())
        } else {
          let word = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
          guard !word.isEmpty else { throw failure("a key was expected") }
          rest = rest.dropFirst(word.count)
          parts.append(String(word))
        }
      } while accept(".")
      return parts
    }

    mutating func value() throws(SQLError) -> String {
      skipBlanks()
      switch rest.first {
      case nil, "#": throw failure("a value was expected")
      case "\"", "'": return try string()
      case "[", "{": throw failure("arrays and inline tables are not understood; write [table] and key = value")
      default:
        let word = rest.prefix { $0 != " " && $0 != "\t" && $0 != "#" }
        rest = rest.dropFirst(word.count)
        guard word == "true" || word == "false" || Int64(word) != nil || (word.first != "n" && word.first != "i" && Double(word) != nil) else {
          throw failure("the value is no string in quotes, number or boolean")
        }
        return String(word)
      }
    }

    /// `"…"` with escapes, or `'…'` as it stands.
    private mutating func string() throws(SQLError) -> String {
      guard let quote = rest.popFirst() else { throw failure("a string was expected") }
      if rest.hasPrefix(String(repeating: quote, count: 2)) { throw failure("strings of several lines are not understood") }
      var text = ""
      while let character = rest.popFirst() {
        if character == quote { return text }
        guard character == "\\", quote == "\"" else {
          text.append(character)
          continue
        }
        switch rest.popFirst() {
        case "\"": text += "\""
        case "\\": text += "\\"
        case "n": text += "\n"
        case "t": text += "\t"
        case "r": text += "\r"
        case "u": text.unicodeScalars.append(try scalar(digits: 4))
        case "U": text.unicodeScalars.append(try scalar(digits: 8))
        default: throw failure("a backslash is followed by something that is no escape")
        }
      }
      throw failure("a string is not closed")
    }

    private mutating func scalar(digits: Int) throws(SQLError) -> Unicode.Scalar {
      let text = rest.prefix(digits)
      guard text.count == digits, let value = UInt32(text, radix: 16), let scalar = Unicode.Scalar(value) else {
        throw failure("an escape names no character")
      }
      rest = rest.dropFirst(digits)
      return scalar
    }
  }
}

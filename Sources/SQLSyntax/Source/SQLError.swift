/// The one error type that leaves the engine.
///
/// It carries Trino's code, one sentence, the smallest range of the script that explains the problem, and what to do next.
/// Lower floors throw their own errors; the border above wraps them once and keeps them as `cause`.
public struct SQLError: Error, Sendable {
  public var code: ErrorCode
  /// One sentence without the code and without a position.
  public var message: String
  /// Where in the script; nil when no part of the script is to blame.
  public var range: SourceRange?
  /// Further facts, each with its own place when it has one.
  public var notes: [Note]
  /// What the user can do about it.
  public var hint: String?
  /// The error of a lower floor that led to this one.
  public var cause: (any Error)?
  /// True when the same statement may succeed if it is simply run again.
  public var isRetryable: Bool

  public struct Note: Sendable {
    public var message: String
    public var range: SourceRange?

    public init(_ message: String, range: SourceRange? = nil) {
      self.message = message
      self.range = range
    }
  }

  public init(
    _ code: ErrorCode, _ message: String, range: SourceRange? = nil, notes: [Note] = [], hint: String? = nil,
    cause: (any Error)? = nil, isRetryable: Bool? = nil
  ) {
    self.code = code
    self.message = message
    self.range = range.flatMap { $0.isUnknown ? nil : $0 }
    self.notes = notes
    self.hint = hint
    self.cause = cause
    self.isRetryable = isRetryable ?? code.isRetryable
  }

  /// A statement or clause that is understood but cannot be carried out.
  public static func notSupported(_ message: String, range: SourceRange? = nil, hint: String? = nil) -> SQLError {
    SQLError(.notSupported, message, range: range, hint: hint)
  }

  /// The same error with a place, when it had none.
  public func located(at range: SourceRange?) -> SQLError {
    guard self.range == nil, let range, !range.isUnknown else { return self }
    var copy = self
    copy.range = range
    return copy
  }

  /// The same error after its statement was found `offset` bytes into a longer script.
  public func shifted(by offset: Int) -> SQLError {
    func moved(_ range: SourceRange?) -> SourceRange? {
      range.map { SourceRange($0.lowerBound + offset, $0.upperBound + offset) }
    }
    var copy = self
    copy.range = moved(range)
    copy.notes = notes.map { Note($0.message, range: moved($0.range)) }
    return copy
  }
}

extension SQLError: CustomStringConvertible {
  /// Code and sentence, without the script: `COLUMN_NOT_FOUND: Column 'x' cannot be resolved`.
  public var description: String { "\(code.name): \(message)" }
}

extension SQLError {
  /// One line as Trino and Athena write it: `COLUMN_NOT_FOUND: line 1:8: Column 'x' cannot be resolved`.
  public func summary(in source: SourceText) -> String {
    guard let range else { return description }
    return "\(code.name): \(source.location(of: range.lowerBound)): \(message)"
  }

  /// The whole error for a terminal: sentence, place, source line with a caret, notes, hint and cause.
  ///
  /// ```
  /// COLUMN_NOT_FOUND: column 'regoin' cannot be resolved
  ///   line 3, column 8
  ///   3 | SELECT regoin, sum(amount)
  ///     |        ^^^^^^
  ///   hint: did you mean 'region' (table sales)?
  /// ```
  public func rendered(in source: SourceText) -> String {
    var lines = [description]
    if let range { lines += Self.place(range, in: source) }
    for note in notes {
      lines.append("  note: \(note.message)")
      if let range = note.range { lines += Self.place(range, in: source) }
    }
    if let hint { lines.append("  hint: \(hint)") }
    if let cause { lines.append("  cause: \(cause)") }
    return lines.joined(separator: "\n")
  }

  /// Longest part of a source line that is shown; longer ones are cut around the caret.
  private static let excerptWidth = 120

  private static func place(_ range: SourceRange, in source: SourceText) -> [String] {
    let location = source.location(of: range.lowerBound)
    let number = String(location.line)
    let gutter = String(repeating: " ", count: number.count)
    // A tab would move the caret away from its character, so it is shown as one blank; other control characters could do anything to a terminal.
    var line = source.line(location.line).map { character in
      character == "\t" ? " " : character.unicodeScalars.first.map { $0.value < 32 || $0.value == 127 } == true ? "\u{FFFD}" : character
    }
    var column = min(location.column - 1, line.count)
    var count = source.characterCountOnFirstLine(range)
    if line.count > excerptWidth {
      let start = max(0, min(column - excerptWidth / 3, line.count - excerptWidth))
      let end = min(line.count, start + excerptWidth)
      let isCutAtEnd = end < line.count
      line = Array(start > 0 ? "…" : "") + line[start..<end] + Array(isCutAtEnd ? "…" : "")
      column -= start > 0 ? start - 1 : 0
      count = min(count, max(1, line.count - column))
    }
    // Characters that take two cells of a terminal take two carets.
    let marked = line[column..<min(column + count, line.count)]
    let indent = line[..<column].reduce(0) { $0 + displayWidth($1) }
    let width = max(count, marked.reduce(0) { $0 + displayWidth($1) })
    return [
      "  line \(location.line), column \(location.column)",
      "  \(number) | \(String(line))",
      "  \(gutter) | \(String(repeating: " ", count: indent))\(String(repeating: "^", count: width))",
    ]
  }
}

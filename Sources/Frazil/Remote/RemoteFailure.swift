import SQLSyntax

/// Makes the error of another engine one of ours: code, sentence, and the place in the statement that it names.
///
///     COLUMN_NOT_FOUND: line 3:8: Column 'x' cannot be resolved        Athena's StateChangeReason
///     line 1:8: mismatched input 'FRM'                                 Trino, and Athena when it refuses a statement
enum RemoteFailure {
  /// - Parameters:
  ///   - text: the statement as it was sent.
  ///   - code: what the engine calls the error; nil takes it from the reason.
  static func error(_ reason: String, code: ErrorCode?, in text: String, isRetryable: Bool? = nil, note: String? = nil) -> SQLError {
    var rest = reason[...]
    var named = code
    if named == nil, let colon = rest.firstRange(of: ": "), isName(rest[..<colon.lowerBound]) {
      named = ErrorCode(String(rest[..<colon.lowerBound]), .userError)
      rest = rest[colon.upperBound...]
    }
    var range: SourceRange?
    if rest.hasPrefix("line "), let end = rest.firstRange(of: ": ") {
      let numbers = rest[..<end.lowerBound].dropFirst(5).split(separator: ":").map { Int($0) }
      if numbers.count == 2, let line = numbers[0], let column = numbers[1] {
        range = place(SourceLocation(line: line, column: column), in: text)
        rest = rest[end.upperBound...]
      }
    }
    var message = String(rest)
    while message.last?.isWhitespace == true { message.removeLast() }
    return SQLError(
      named ?? .genericExternal, message.isEmpty ? "no reason was given" : message, range: range, notes: note.map { [SQLError.Note($0)] } ?? [],
      isRetryable: isRetryable)
  }

  /// From a place on to the end of the word there.
  static func place(_ location: SourceLocation, in text: String) -> SourceRange? {
    guard let start = SourceText(text).offset(of: location) else { return nil }
    let bytes = Array(text.utf8)
    var end = start
    while end < bytes.count, isWordByte(bytes[end]) { end += 1 }
    return SourceRange(start, min(max(end, start + 1), max(bytes.count, start)))
  }

  private static func isName(_ text: Substring) -> Bool {
    text.utf8.count > 2 && text.utf8.allSatisfy { ($0 >= 0x41 && $0 <= 0x5A) || $0 == UInt8(ascii: "_") || ($0 >= 0x30 && $0 <= 0x39) }
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80 || (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A)
  }
}

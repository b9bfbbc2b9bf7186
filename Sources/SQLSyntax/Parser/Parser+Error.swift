/// What parse functions throw: a reference, so that the many frames of a deep descent stay small.
final class SyntaxFailure: Error {
  let error: SQLError

  init(_ error: SQLError) { self.error = error }
}

/// Something the grammar would have accepted.
enum Expectation: Sendable, Hashable {
  case keyword(Keyword)
  case symbol(TokenKind)
  /// The name of a production, shown as `<name>`.
  case rule(String)

  var text: String {
    switch self {
    case .keyword(let keyword): "'\(keyword.rawValue)'"
    case .symbol(let kind): kind.symbol.map { "'\($0)'" } ?? "<\(kind)>"
    case .rule(let name): "<\(name)>"
    }
  }
}

extension Parser {
  func failure(_ message: String, at range: SourceRange, hint: String? = nil) -> SyntaxFailure {
    SyntaxFailure(SQLError(.syntaxError, message, range: range, hint: hint))
  }

  /// The current token fits nowhere. Worded as Trino does: `mismatched input 'x'. Expecting: 'FROM', <expression>`.
  func mismatch() -> SyntaxFailure {
    if token.kind == .invalid, let problem = token.problem { return lexicalFailure(problem) }
    if token.kind == .digitIdentifier {
      return failure(
        "identifiers must not start with a digit; surround the identifier with double quotes", at: token.range,
        hint: "write \"\(text(of: token.range))\"")
    }
    let expected = Set(currentExpectations.map(\.text))
    let found = token.kind == .endOfText ? "<EOF>" : text(of: token.range)
    var message = "mismatched input '\(abbreviated(found))'"
    if !expected.isEmpty {
      // Words and symbols before the names of productions, each in alphabetical order.
      let sorted = expected.sorted { ($0.hasPrefix("<") ? 1 : 0, $0) < ($1.hasPrefix("<") ? 1 : 0, $1) }
      message += ". Expecting: \(sorted.joined(separator: ", "))"
    }
    return failure(message, at: mismatchRange, hint: mismatchHint())
  }

  /// At the end of the text the caret stands behind the last token, not on the blank lines after it.
  private var mismatchRange: SourceRange {
    guard token.kind == .endOfText, index > 0 else { return token.range }
    return SourceRange(previous.range.upperBound, previous.range.upperBound)
  }

  private func abbreviated(_ text: String) -> String {
    text.count <= 60 ? text : text.prefix(57) + "..."
  }

  private func lexicalFailure(_ problem: LexicalProblem) -> SyntaxFailure {
    let range = token.range
    let found = abbreviated(text(of: range))
    func mismatched(_ hint: String) -> SyntaxFailure { failure("mismatched input '\(found)'", at: range, hint: hint) }
    switch problem {
    case .unterminatedString:
      // Only the opening quote is marked; the rest of the script is not to blame.
      return failure(
        "the text that begins here has no closing quote", at: SourceRange(range.lowerBound, range.lowerBound + 1),
        hint: backslashHint() ?? "a quote inside a text is written twice: 'it''s'")
    case .unterminatedIdentifier:
      return failure(
        "the quoted name that begins here has no closing quote", at: SourceRange(range.lowerBound, range.lowerBound + 1))
    case .unterminatedComment:
      return failure("the comment that begins here is not closed by */", at: SourceRange(range.lowerBound, range.lowerBound + 2))
    case .emptyIdentifier:
      return failure(
        "Zero-length delimited identifier not allowed", at: range, hint: "an empty text is written with single quotes: ''")
    case .unexpectedCharacter:
      switch found {
      case "‘", "’", "“", "”": return mismatched("this is a typographic quote; write ' for text and \" for names")
      case "@", "$", "#": return mismatched("'\(found)' cannot stand in a name without double quotes: \"t\(found)x\"")
      default: return mismatched("names with other characters than letters, digits and _ need double quotes")
      }
    case .doubleEquals: return mismatched("equality is written with a single =")
    case .doubleColon: return mismatched("write CAST(value AS type) instead of value::type")
    case .nullSafeEquals: return mismatched("write a IS NOT DISTINCT FROM b instead of a <=> b")
    case .doubleAsterisk: return mismatched("write power(x, y) instead of x ** y")
    case .bitOperator:
      return mismatched("there are no bit operators; use bitwise_and, bitwise_or, bitwise_xor, bitwise_not, bitwise_left_shift")
    }
  }

  // MARK: Hints

  /// The most specific advice for a token that fits nowhere.
  private func mismatchHint() -> String? {
    backslashHint() ?? commonMistakeHint() ?? reservedWordHint() ?? misspellingHint() ?? quoteHint()
  }

  /// `'it\'s'` reads as the text `it\` with junk glued to it, of which the first word may pass for an alias.
  private func backslashHint() -> String? {
    for position in [index - 1, index - 2] where position >= 0 {
      let literal = tokens[position]
      if literal.kind == .string, literal.range.upperBound == tokens[position + 1].range.lowerBound,
        text(of: literal.range).hasSuffix("\\'")
      {
        return "a backslash does not escape a quote; write it twice: 'it''s'"
      }
    }
    return nil
  }

  private func commonMistakeHint() -> String? {
    let word = token.kind == .word ? text(of: token.range).uppercased() : ""
    let before = previous.kind == .word ? text(of: previous.range).uppercased() : ""
    // The word itself may have been taken for an alias.
    let either = [word, before]
    if previous.kind == .comma, let keyword = token.keyword, keyword.isReserved {
      return "remove the comma before \(keyword.rawValue)"
    }
    if token.keyword == .offset || (before == "OFFSET" && token.kind == .integer) { return "OFFSET comes before LIMIT" }
    if either.contains("ILIKE") { return "write lower(x) LIKE lower(pattern) instead of x ILIKE pattern" }
    if either.contains("RLIKE") || either.contains("REGEXP") { return "write regexp_like(x, pattern)" }
    if either.contains("SEMI") || either.contains("ANTI") { return "write WHERE [NOT] EXISTS (SELECT … )" }
    if either.contains("MINUS") { return "write EXCEPT instead of MINUS" }
    if token.keyword == .view, before == "LATERAL" { return "write CROSS JOIN UNNEST(…) AS t(x) instead of LATERAL VIEW explode(…)" }
    return nil
  }

  private func reservedWordHint() -> String? {
    guard let keyword = token.keyword, keyword.isReserved, currentExpectations.contains(.rule("identifier")),
      !Self.clauseKeywords.contains(keyword) || ([.order, .group].contains(keyword) && peek(1).keyword != .by)
    else { return nil }
    let word = text(of: token.range)
    return "'\(word)' is a reserved word; write \"\(word)\" to use it as a name"
  }

  /// Looks at this token, and at the one before, which `SELECT a FORM t` takes for an alias.
  private func misspellingHint() -> String? {
    let expected = currentExpectations.compactMap { expectation in
      if case .keyword(let keyword) = expectation { keyword.rawValue } else { nil }
    }
    if token.kind == .word, token.keyword == nil, let hint = Suggestion.hint(for: text(of: token.range), among: expected) {
      return hint
    }
    guard index > 0, previous.kind == .word, previous.keyword == nil else { return nil }
    return Suggestion.hint(for: text(of: previous.range), among: Self.clauseKeywords.map(\.rawValue))
  }

  /// Words that begin the next clause: where one is found, something before it is missing rather than a name badly chosen.
  private static let clauseKeywords: [Keyword] = [
    .from, .where, .group, .having, .order, .limit, .offset, .union, .except, .intersect, .join, .left, .right, .full, .inner, .cross,
    .on, .using, .when, .then, .else, .end, .into, .values, .as, .set,
  ]

  private func quoteHint() -> String? {
    let expected = currentExpectations
    if token.kind == .quotedIdentifier, expected.contains(.rule("string")) {
      return "double quotes make a name; write text in single quotes"
    }
    if token.kind == .string, expected.contains(.rule("identifier")) {
      return "single quotes make a text; write names in double quotes or without"
    }
    return nil
  }
}

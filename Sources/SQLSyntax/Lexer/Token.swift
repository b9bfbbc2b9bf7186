/// One token: its kind and its bytes. The text is cut from the script when it is needed.
package struct Token: Sendable, Hashable {
  package var kind: TokenKind
  /// The keyword that an unquoted word spells, reserved or not.
  package var keyword: Keyword?
  /// Only for `.invalid`.
  package var problem: LexicalProblem?
  package var range: SourceRange
}

package enum TokenKind: UInt8, Sendable, Hashable {
  case endOfText
  /// A run of bytes that is no token; `problem` says why.
  case invalid

  // Names
  case word
  /// `"name"`
  case quotedIdentifier
  /// `` `name` ``
  case backquotedIdentifier
  /// `123view`, which is no name without quotes.
  case digitIdentifier

  // Literals
  case string
  /// `'…'` or `"…"` where Hive's rules hold: backslash escapes, either quote.
  case hiveString
  /// `U&'…'`
  case unicodeString
  /// `X'…'`
  case binaryString
  case integer
  case decimal
  case double

  // Symbols
  case leftParenthesis
  case rightParenthesis
  case leftBracket
  case rightBracket
  case comma
  case dot
  case semicolon
  case colon
  case questionMark
  case plus
  case minus
  case asterisk
  case slash
  case percent
  case concatenate
  case equal
  case notEqual
  case less
  case lessOrEqual
  case greater
  case greaterOrEqual
  case arrow
  case doubleArrow

  /// How a symbol is written; nil for tokens whose text varies.
  package var symbol: String? {
    switch self {
    case .leftParenthesis: "("
    case .rightParenthesis: ")"
    case .leftBracket: "["
    case .rightBracket: "]"
    case .comma: ","
    case .dot: "."
    case .semicolon: ";"
    case .colon: ":"
    case .questionMark: "?"
    case .plus: "+"
    case .minus: "-"
    case .asterisk: "*"
    case .slash: "/"
    case .percent: "%"
    case .concatenate: "||"
    case .equal: "="
    case .notEqual: "<>"
    case .less: "<"
    case .lessOrEqual: "<="
    case .greater: ">"
    case .greaterOrEqual: ">="
    case .arrow: "->"
    case .doubleArrow: "=>"
    case .endOfText, .invalid, .word, .quotedIdentifier, .backquotedIdentifier, .digitIdentifier, .string, .hiveString,
      .unicodeString, .binaryString, .integer, .decimal, .double:
      nil
    }
  }
}

/// Why some bytes are no token.
package enum LexicalProblem: UInt8, Sendable, Hashable {
  case unterminatedString
  case unterminatedIdentifier
  case unterminatedComment
  case emptyIdentifier
  case unexpectedCharacter
  /// `==`
  case doubleEquals
  /// `::`
  case doubleColon
  /// `<=>`
  case nullSafeEquals
  /// `**`
  case doubleAsterisk
  /// `&`, `|`, `^`, `~`, `<<`
  case bitOperator
}

/// Cuts a script into statements without parsing them, so that a script runs up to its first mistake, and a prompt knows when to wait for more lines.
package enum ScriptSplitter {
  /// One statement's tokens, from the first to the last, without the `;` and the comments around.
  package struct Piece: Sendable, Hashable {
    package var range: SourceRange
    /// Whether a `;` followed.
    package var isTerminated: Bool
  }

  /// The non-empty statements of a text in order.
  package static func split(_ text: String) -> [Piece] { pieces(Lexer.tokens(of: Array(text.utf8))) }

  /// Whether what was typed so far can be run: it ends with a `;` outside of quotes and comments, or holds nothing at all.
  package static func isComplete(_ text: String) -> Bool {
    let tokens = Lexer.tokens(of: Array(text.utf8))
    let isOpen = tokens.contains { token in
      switch token.problem {
      case .unterminatedString, .unterminatedIdentifier, .unterminatedComment: true
      default: false
      }
    }
    return !isOpen && pieces(tokens).allSatisfy(\.isTerminated)
  }

  private static func pieces(_ tokens: [Token]) -> [Piece] {
    var pieces: [Piece] = []
    var current: SourceRange?
    for token in tokens {
      switch token.kind {
      case .semicolon, .endOfText:
        if let range = current { pieces.append(Piece(range: range, isTerminated: token.kind == .semicolon)) }
        current = nil
      default:
        current = current.map { $0.union(token.range) } ?? token.range
      }
    }
    return pieces
  }
}

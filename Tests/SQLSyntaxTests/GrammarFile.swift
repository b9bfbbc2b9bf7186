import Foundation

/// `Grammar/sql.ebnf` as data.
struct GrammarFile {
  /// A part of a production. Every choice and option has a number, by which the generator counts how often each was taken.
  indirect enum Part {
    case keyword(String)
    case symbol(String)
    case lexical(String)
    case production(String)
    case sequence([Part])
    case choice([Part], id: Int)
    case optional(Part, id: Int)
    case repetition(Part, id: Int)
    /// `{# production }`
    case anyOrder(Part)
  }

  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  private(set) var productions: [String: Part] = [:]
  /// In the order of the file.
  private(set) var names: [String] = []

  static let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    try String(contentsOf: packageRoot.appendingPathComponent(path), encoding: .utf8)
  }

  init() throws {
    var reader = Reader(tokens: try Self.tokens(of: Self.text("Grammar/sql.ebnf")))
    while let name = reader.take() {
      try reader.expect("=")
      productions[name] = try reader.readChoice()
      names.append(name)
      try reader.expect(";")
    }
  }

  /// Words, `'symbols'`, `?classes?` and the signs of the notation.
  private static func tokens(of text: String) throws -> [String] {
    var tokens: [String] = []
    var rest = text[...]
    while let first = rest.first {
      if first.isWhitespace {
        rest.removeFirst()
      } else if rest.hasPrefix("(*") {
        guard let end = rest.range(of: "*)") else { throw Problem(description: "a comment is not closed") }
        rest = rest[end.upperBound...]
      } else if first == "'" || first == "?" {
        guard let end = rest.dropFirst().firstIndex(of: first) else { throw Problem(description: "\(first) is not closed") }
        tokens.append(String(rest[...end]))
        rest = rest[rest.index(after: end)...]
      } else if first.isLetter {
        let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        tokens.append(String(word))
        rest = rest[word.endIndex...]
      } else {
        let length = rest.hasPrefix("{#") ? 2 : 1
        tokens.append(String(rest.prefix(length)))
        rest = rest.dropFirst(length)
      }
    }
    return tokens
  }

  private struct Reader {
    var tokens: [String]
    var index = 0
    var idCount = 0

    init(tokens: [String]) { self.tokens = tokens }

    var next: String? { index < tokens.count ? tokens[index] : nil }

    mutating func take() -> String? {
      defer { index += 1 }
      return next
    }

    mutating func expect(_ token: String) throws {
      guard let found = take(), found == token else {
        throw Problem(description: "'\(token)' expected before \(tokens[index...].prefix(8).joined(separator: " "))")
      }
    }

    private mutating func newID() -> Int {
      idCount += 1
      return idCount
    }

    mutating func readChoice() throws -> Part {
      var alternatives = [try readSequence()]
      while next == "|" {
        index += 1
        alternatives.append(try readSequence())
      }
      return alternatives.count == 1 ? alternatives[0] : .choice(alternatives, id: newID())
    }

    private mutating func readSequence() throws -> Part {
      var parts: [Part] = []
      while let token = next, !["|", ")", "]", "}", ";"].contains(token) {
        index += 1
        switch token {
        case "(":
          parts.append(try readChoice())
          try expect(")")
        case "[":
          parts.append(.optional(try readChoice(), id: newID()))
          try expect("]")
        case "{":
          parts.append(.repetition(try readChoice(), id: newID()))
          try expect("}")
        case "{#":
          parts.append(.anyOrder(try readChoice()))
          try expect("}")
        default: parts.append(Self.terminal(token))
        }
      }
      return .sequence(parts)
    }

    private static func terminal(_ token: String) -> Part {
      let inner = String(token.dropFirst().dropLast())
      if token.hasPrefix("'") { return .symbol(inner) }
      if token.hasPrefix("?") { return .lexical(inner.trimmingCharacters(in: .whitespaces)) }
      return token.first!.isUppercase ? .keyword(token) : .production(token)
    }
  }
}

/// Turns syntax trees back into SQL: one line, keywords in upper case, no more parentheses than needed.
///
/// Parsing the result gives an equal tree. Used by the round-trip tests, by messages that quote an expression, and to hand a statement to another engine.
package enum SQLPrinter {
  package static func print(_ statement: Statement) -> String { render(statement) }
  package static func print(_ query: Query) -> String { render(query) }
  package static func print(_ relation: Relation) -> String { render(relation) }
  package static func print(_ expression: Expression) -> String { render(expression) }
  package static func print(_ type: TypeName) -> String { render(type) }
  package static func print(_ name: QualifiedName) -> String { render(name) }
  package static func print(_ identifier: Identifier) -> String { render(identifier) }

  /// A text literal by Trino's rules, where a backslash is only a backslash.
  package static func quoted(_ text: String) -> String { enclosed(text, "'") }
}

// MARK: - Words and lists

extension SQLPrinter {
  /// The parts that are there, separated by blanks.
  static func words(_ parts: String?...) -> String { parts.compactMap { $0?.isEmpty == false ? $0 : nil }.joined(separator: " ") }

  static func list<Element>(_ elements: [Element], _ render: (Element) -> String) -> String {
    elements.map(render).joined(separator: ", ")
  }

  /// `(a, b)`
  static func group<Element>(_ elements: [Element], _ render: (Element) -> String) -> String { "(\(list(elements, render)))" }

  /// The parts with a word before them, or nothing when there are none.
  static func clause<Element>(_ word: String, _ elements: [Element], _ render: (Element) -> String) -> String? {
    elements.isEmpty ? nil : "\(word) \(list(elements, render))"
  }

  static func enclosed(_ text: String, _ quote: Character) -> String {
    var result = String(quote)
    // By scalars: a quote followed by a combining mark is one character, yet still ends the literal.
    for scalar in text.unicodeScalars {
      result.unicodeScalars.append(scalar)
      if Character(scalar) == quote { result.unicodeScalars.append(scalar) }
    }
    result.append(quote)
    return result
  }

  /// A text by Hive's rules, for property lists and delimiters.
  static func hiveQuoted(_ literal: StringLiteral) -> String {
    var result = "'"
    for scalar in literal.value.unicodeScalars {
      // `\%` and `\_` stand for themselves with their backslash, so the backslash is always doubled.
      if scalar == "\\" || scalar == "'" { result.unicodeScalars.append("\\") }
      result.unicodeScalars.append(scalar)
    }
    return result + "'"
  }

  static func render(_ literal: StringLiteral) -> String { quoted(literal.value) }

  static func render(_ identifier: Identifier) -> String {
    identifier.isQuoted || !isWord(identifier.spelling) ? enclosed(identifier.spelling, "\"") : identifier.spelling
  }

  private static func isWord(_ text: String) -> Bool {
    guard let first = text.utf8.first, first.isWordStart else { return false }
    return text.utf8.allSatisfy(\.isWordPart)
  }

  static func render(_ name: QualifiedName) -> String { name.parts.map(render).joined(separator: ".") }

  static func render(_ property: PropertyEntry) -> String { "\(hiveQuoted(property.key)) = \(hiveQuoted(property.value))" }

  static func render(_ property: ExpressionProperty) -> String { "\(render(property.name)) = \(render(property.value))" }

  /// `WORD ('k' = 'v')`, or nothing.
  static func properties(_ word: String, _ entries: [PropertyEntry]) -> String? {
    entries.isEmpty ? nil : "\(word) \(group(entries, render))"
  }
}

// MARK: - Types

extension SQLPrinter {
  static func render(_ type: TypeName) -> String {
    switch type.kind {
    case .named(let name, let arguments): render(name) + (arguments.isEmpty ? "" : group(arguments, render))
    case .array(let element): "array(\(render(element)))"
    case .map(let key, let value): "map(\(render(key)), \(render(value)))"
    case .row(let fields): render(fields)
    case .time(let precision, let withTimeZone): time("time", precision, withTimeZone)
    case .timestamp(let precision, let withTimeZone): time("timestamp", precision, withTimeZone)
    case .interval(let from, let to): "interval \(from.rawValue.lowercased()) to \(to.rawValue.lowercased())"
    }
  }

  private static func render(_ argument: TypeArgument) -> String {
    switch argument {
    case .number(let number): number.text
    case .type(let type): render(type)
    }
  }

  /// Only Hive's form has room for NOT NULL and comments.
  private static func render(_ fields: [RowFieldName]) -> String {
    guard fields.contains(where: { $0.isNotNull || $0.comment != nil }) else {
      return "row" + group(fields) { words($0.name.map(render), render($0.type)) }
    }
    let inner = list(fields) { field in
      let name = field.name.map { render($0) + ":" }
      return words(name, render(field.type), field.isNotNull ? "NOT NULL" : nil, field.comment.map { "COMMENT \(render($0))" })
    }
    return "struct<\(inner)>"
  }

  private static func time(_ name: String, _ precision: Int?, _ withTimeZone: Bool) -> String {
    name + (precision.map { "(\($0))" } ?? "") + (withTimeZone ? " with time zone" : "")
  }
}

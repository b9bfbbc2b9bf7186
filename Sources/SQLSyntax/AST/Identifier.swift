/// One name as written, without its quotes (`"a""b"` is `a"b`).
///
/// Names match without regard to case even when quoted, so resolution goes through `folded`; `spelling` is for labels and messages.
package struct Identifier: Sendable, Hashable {
  package var spelling: String
  package var isQuoted: Bool
  @NotCompared package var range: SourceRange

  package init(_ spelling: String, isQuoted: Bool = false, range: SourceRange = .unknown) {
    self.spelling = spelling
    self.isQuoted = isQuoted
    self.range = range
  }

  /// The form that names are compared in.
  package var folded: String { spelling.lowercased() }
}

/// One or more names joined by dots: `catalog.schema.table`, `alias.column.field`, `cat.system.procedure`.
package struct QualifiedName: Sendable, Hashable {
  /// Never empty.
  package var parts: [Identifier]
  @NotCompared package var range: SourceRange

  package init(_ parts: [Identifier], range: SourceRange? = nil) {
    precondition(!parts.isEmpty, "a qualified name has at least one part")
    self.parts = parts
    self.range = range ?? parts.dropFirst().reduce(parts[0].range) { $0.union($1.range) }
  }

  package var last: Identifier { parts[parts.count - 1] }
  package var isSimple: Bool { parts.count == 1 }
  /// The folded parts joined by dots, for messages and look-up.
  package var folded: String { parts.map(\.folded).joined(separator: ".") }
  /// The parts as written joined by dots.
  package var spelling: String { parts.map(\.spelling).joined(separator: ".") }
}

/// A text literal with its escapes resolved.
package struct StringLiteral: Sendable, Hashable {
  package var value: String
  @NotCompared package var range: SourceRange

  package init(value: String, range: SourceRange) {
    self.value = value
    self.range = range
  }
}

/// A number as written, kept as text because its type depends on a session property (section 2 of the dialect).
package struct NumberLiteral: Sendable, Hashable {
  package enum Form: Sendable, Hashable {
    /// Digits only, or `0x`, `0o`, `0b` followed by digits.
    case integer
    /// With a decimal point and no exponent: double in Athena, decimal in Trino.
    case decimal
    /// With an exponent.
    case double
  }

  /// Without `_` separators; with a leading `-` when one stood directly before the digits of a literal.
  package var text: String
  package var form: Form
  @NotCompared package var range: SourceRange

  package init(text: String, form: Form, range: SourceRange = .unknown) {
    self.text = text
    self.form = form
    self.range = range
  }

  /// The value of an integer of any radix when it fits 64 bits.
  package var int64Value: Int64? {
    guard form == .integer else { return nil }
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? text.dropFirst() : text[...]
    let radix =
      switch digits.prefix(2).lowercased() {
      case "0x": 16
      case "0o": 8
      case "0b": 2
      default: 10
      }
    return Int64((isNegative ? "-" : "") + (radix == 10 ? digits : digits.dropFirst(2)), radix: radix)
  }
}

/// `'key' = 'value'` of TBLPROPERTIES, SERDEPROPERTIES, DBPROPERTIES and OPTIONS. Both sides are text, whatever quotes they had.
package struct PropertyEntry: Sendable, Hashable {
  package var key: StringLiteral
  package var value: StringLiteral

  package var range: SourceRange { key.range.union(value.range) }
}

/// `name = expression` of `WITH (…)` in CTAS and UNLOAD, and of Trino's `SET PROPERTIES`.
package struct ExpressionProperty: Sendable, Hashable {
  package var name: Identifier
  package var value: Expression

  package var range: SourceRange { name.range.union(value.range) }
}

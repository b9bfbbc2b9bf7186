/// How JSON text becomes rows.
///
/// | | openX | hive | plain |
/// |---|---|---|---|
/// | a line that is no object | NULLs, or error | error | error |
/// | value of another type | NULL where Trino's reader says so | error | error |
/// | broken line | error, or NULLs with `ignoresMalformed` | error | error |
/// | rows | one per line | one per line | one per value, wherever it begins; an array gives its elements (`isLineDelimited`: one per line) |
package struct JSONLinesFormat: Sendable, Equatable {
  package enum Dialect: Sendable {
    /// org.openx.data.jsonserde.JsonSerDe, as Trino reads it.
    case openX
    /// org.apache.hive.hcatalog.data.JsonSerDe.
    case hive
    /// `read_json`.
    case plain
  }

  package var dialect: Dialect
  package var ignoresMalformed = false
  package var isCaseInsensitive = true
  /// Dots of keys count as underscores (`dots.in.keys`).
  package var mapsDots = false
  /// Column name (lower case) to the key it is read from (`mapping.<column>`).
  package var keyOfColumn: [String: String] = [:]
  package var timestampPatterns: [String] = []
  package var skippedLines = 0
  /// Plain dialect: every line holds one object, so that a file can be read in parts.
  package var isLineDelimited = false

  package init(_ dialect: Dialect) {
    self.dialect = dialect
    if dialect == .plain { isCaseInsensitive = false }
  }

  /// What a key of an object is compared as.
  func folded(_ key: String) -> String {
    var key = key
    if mapsDots { key = key.replacing(".", with: "_") }
    return isCaseInsensitive ? key.lowercased() : key
  }

  /// The key a top-level column is read from, folded like the keys of the file.
  func key(of column: String) -> String {
    // Column names of a catalog are lower case, whatever the file says.
    folded(keyOfColumn[column.lowercased()] ?? column)
  }
}

/// The result of a statement as the comparison needs it: everything already text.
struct TextResult {
  var columnNames: [String]
  /// SQL names as `typeof` prints them.
  var columnTypes: [String]
  /// Nil is NULL.
  var rows: [[String?]]
  /// Rows changed, for DML.
  var affectedRows: Int?
}

/// How values stand in the expected part: NULL as `NULL`, the empty text as `(empty)`, line breaks and tabs escaped,
/// columns joined by ` | `.
enum ExpectedText {
  static func row(_ values: [String?]) -> String {
    values.map(value).joined(separator: " | ")
  }

  private static func value(_ text: String?) -> String {
    guard let text else { return "NULL" }
    if text.isEmpty { return "(empty)" }
    guard text.utf8.contains(where: { $0 == 10 || $0 == 9 || $0 == 13 }) else { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": escaped += "\\n"
      case "\t": escaped += "\\t"
      case "\r": escaped += "\\r"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

extension ScriptFile.QueryExpectation {
  /// What differs between `result` and the expectation; nil when nothing does.
  func mismatch(_ result: TextResult) -> String? {
    if let types, let difference = typeMismatch(types, result) { return difference }
    var expected = rows
    if hasHeader {
      guard !expected.isEmpty else { return "header asked for, but no row is expected" }
      let labels = expected.removeFirst()
      let found = result.columnNames.joined(separator: " | ")
      if labels != found { return "expected columns: \(labels)\n  found columns: \(found)" }
    }
    var found = result.rows.map(ExpectedText.row)
    if sort == .rows {
      expected.sort { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
      found.sort { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    }
    guard expected != found else { return nil }
    return Self.difference(expected, found)
  }

  private func typeMismatch(_ types: String, _ result: TextResult) -> String? {
    guard types.count == result.columnNames.count else {
      return "expected \(types.count) columns, found \(result.columnNames.count): \(result.columnTypes)"
    }
    for (letter, type) in zip(types, result.columnTypes) {
      let name = type.prefix { $0 != "(" }
      let fits =
        switch letter {
        case "I": ["tinyint", "smallint", "integer", "bigint", "unknown"].contains(name)
        case "R": ["real", "double", "decimal", "unknown"].contains(name)
        case "B": ["boolean", "unknown"].contains(name)
        default: true
        }
      if !fits { return "expected column types \(types), found \(result.columnTypes)" }
    }
    return nil
  }

  /// The rows that only one side has, at most ten of each, or a word on the order.
  private static func difference(_ expected: [String], _ found: [String]) -> String {
    var remaining: [String: Int] = [:]
    for row in found { remaining[row, default: 0] += 1 }
    var missing: [String] = []
    for row in expected {
      if let count = remaining[row], count > 0 { remaining[row] = count - 1 } else { missing.append(row) }
    }
    var extra: [String] = []
    for row in found where remaining[row, default: 0] > 0 {
      remaining[row, default: 0] -= 1
      extra.append(row)
    }
    if missing.isEmpty, extra.isEmpty {
      return "the rows are right but in another order; found:\n" + found.prefix(10).map { "    " + $0 }.joined(separator: "\n")
    }
    var lines = ["expected \(expected.count) rows, found \(found.count)"]
    lines += missing.prefix(10).map { "  - " + $0 }
    lines += extra.prefix(10).map { "  + " + $0 }
    return lines.joined(separator: "\n")
  }
}

import SQLSyntax

/// The pattern of SHOW statements: `*` any characters and `|` between alternatives, as in Hive; `%` and `_` as in LIKE; case does not count.
struct NamePattern {
  private let alternatives: [[Character]]?

  /// - Parameter pattern: nil matches every name.
  init(_ pattern: StringLiteral?) {
    alternatives = pattern.map {
      $0.value.lowercased().split(separator: "|", omittingEmptySubsequences: false).map(Array.init)
    }
  }

  func matching(_ names: [String]) -> [String] { names.filter(matches) }

  func matches(_ name: String) -> Bool {
    guard let alternatives else { return true }
    let text = Array(name.lowercased())
    return alternatives.contains { Self.matches($0, text) }
  }

  /// Goes back to the last `*` only, which is enough: what an earlier one took can only be more. At most pattern times text steps.
  private static func matches(_ pattern: [Character], _ text: [Character]) -> Bool {
    var position = 0
    var index = 0
    var star: (pattern: Int, text: Int)?
    while position < text.count {
      if index < pattern.count, pattern[index] == "*" || pattern[index] == "%" {
        star = (index, position)
        index += 1
      } else if index < pattern.count, pattern[index] == "_" || pattern[index] == text[position] {
        index += 1
        position += 1
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        index = last.pattern + 1
        position = last.text + 1
      } else {
        return false
      }
    }
    return pattern[index...].allSatisfy { $0 == "*" || $0 == "%" }
  }
}

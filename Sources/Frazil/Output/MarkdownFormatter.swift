import Columnar

/// A table for READMEs and pull requests.
struct MarkdownFormatter: ResultFormatter {
  let columns: [ResultColumn]

  func begin() -> [UInt8] {
    let names = columns.map { Self.escaped($0.name) }
    let numbers = ["tinyint", "smallint", "integer", "bigint", "real", "double"]
    let rules = columns.map { numbers.contains($0.type) || $0.type.hasPrefix("decimal") ? "---:" : "---" }
    return Array("| \(names.joined(separator: " | ")) |\n| \(rules.joined(separator: " | ")) |\n".utf8)
  }

  func write(_ batch: ResultBatch) -> [UInt8] {
    let texts = batch.batch.columns.map { ResultText(athena: $0) }
    var bytes: [UInt8] = []
    for row in 0..<batch.rowCount {
      let values = texts.map { $0.string(row).map(Self.escaped) ?? "NULL" }
      bytes.append(contentsOf: "| \(values.joined(separator: " | ")) |\n".utf8)
    }
    return bytes
  }

  func end() -> [UInt8] { [] }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "|": result += "\\|"
      case "\n", "\r\n": result += "<br>"
      default: result.append(character)
      }
    }
    return result
  }
}

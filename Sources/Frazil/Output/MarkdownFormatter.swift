import Columnar
import Functions

/// A table for READMEs and pull requests.
struct MarkdownFormatter: ResultFormatter {
  let columns: [ResultColumn]

  func begin() -> [UInt8] {
    let names = columns.map { Self.escaped(Array($0.name.utf8)) }
    let numbers = ["tinyint", "smallint", "integer", "bigint", "real", "double"]
    let rules = columns.map { numbers.contains($0.type) || $0.type.hasPrefix("decimal") ? "---:" : "---" }
    return Array("| \(names.joined(separator: " | ")) |\n| \(rules.joined(separator: " | ")) |\n".utf8)
  }

  func write(_ batch: ResultBatch) -> [UInt8] {
    let texts = batch.batch.columns.map { AthenaText($0) }
    var bytes: [UInt8] = []
    for row in 0..<batch.rowCount {
      let values = texts.map { text -> String in
        var scratch: [UInt8] = []
        return text.append(row: row, to: &scratch) ? Self.escaped(scratch) : "NULL"
      }
      bytes.append(contentsOf: "| \(values.joined(separator: " | ")) |\n".utf8)
    }
    return bytes
  }

  func end() -> [UInt8] { [] }

  private static func escaped(_ bytes: [UInt8]) -> String {
    var result = ""
    for character in String(decoding: bytes, as: UTF8.self) {
      switch character {
      case "|": result += "\\|"
      case "\n", "\r\n": result += "<br>"
      default: result.append(character)
      }
    }
    return result
  }
}

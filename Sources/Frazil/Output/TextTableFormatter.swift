import Columnar

/// A framed table. Columns are as wide as the widest value of the first rows; on a terminal, wide ones are cut to fit with `…`.
struct TextTableFormatter: ResultFormatter {
  private let columns: [ResultColumn]
  private let limit: Int?
  private let isRightAligned: [Bool]
  private var widths: [Int] = []
  private var pending: [[String]] = []
  private var hasHeader = false
  private var rowCount = 0

  /// Rows looked at before column widths are fixed and rows flow through.
  private static let sampleRows = 10_000

  init(columns: [ResultColumn], width: Int?) {
    self.columns = columns
    limit = width
    isRightAligned = columns.map { column in
      ["tinyint", "smallint", "integer", "bigint", "real", "double"].contains(column.type)
        || column.type.hasPrefix("decimal")
    }
  }

  func begin() -> [UInt8] { [] }

  mutating func write(_ batch: ResultBatch) -> [UInt8] {
    let texts = batch.batch.columns.map { ResultText(athena: $0) }
    for row in 0..<batch.rowCount {
      pending.append(
        texts.map { text in text.string(row).map(printable) ?? "NULL" })
    }
    rowCount += batch.rowCount
    return hasHeader || pending.count >= Self.sampleRows ? flush() : []
  }

  mutating func end() -> [UInt8] {
    var bytes = flush()
    bytes.append(contentsOf: line("└", "┴", "┘").utf8)
    bytes.append(contentsOf: "\n(\(rowCount) \(rowCount == 1 ? "row" : "rows"))\n".utf8)
    return bytes
  }

  private mutating func flush() -> [UInt8] {
    var bytes: [UInt8] = []
    if !hasHeader {
      hasHeader = true
      measure()
      bytes.append(contentsOf: line("┌", "┬", "┐").utf8)
      bytes.append(contentsOf: "\n".utf8)
      appendRow(columns.map { printable($0.name) }, aligned: false, to: &bytes)
      bytes.append(contentsOf: line("├", "┼", "┤").utf8)
      bytes.append(contentsOf: "\n".utf8)
    }
    for row in pending { appendRow(row, aligned: true, to: &bytes) }
    pending.removeAll(keepingCapacity: true)
    return bytes
  }

  private mutating func measure() {
    widths = columns.map { max(1, displayWidth($0.name)) }
    for row in pending { for (index, text) in row.enumerated() { widths[index] = max(widths[index], displayWidth(text)) } }
    guard let limit else { return }
    // Take from the widest column first until the frame fits, but leave every column something to show.
    var total = widths.reduce(0) { $0 + $1 + 3 } + 1
    while total > limit, let widest = widths.indices.max(by: { widths[$0] < widths[$1] }), widths[widest] > 8 {
      widths[widest] -= 1
      total -= 1
    }
  }

  private func appendRow(_ values: [String], aligned: Bool, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: "│".utf8)
    for (index, value) in values.enumerated() {
      let text = fitted(value, widths[index])
      let padding = String(repeating: " ", count: max(0, widths[index] - displayWidth(text)))
      let onRight = aligned && isRightAligned[index]
      bytes.append(contentsOf: (" " + (onRight ? padding + text : text + padding) + " │").utf8)
    }
    bytes.append(contentsOf: "\n".utf8)
  }

  private func line(_ left: String, _ middle: String, _ right: String) -> String {
    left + widths.map { String(repeating: "─", count: $0 + 2) }.joined(separator: middle) + right
  }

  private func fitted(_ text: String, _ width: Int) -> String {
    guard limit != nil, displayWidth(text) > width else { return text }
    var result = ""
    var used = 1
    for character in text {
      let next = used + displayWidth(String(character))
      if next > width { break }
      result.append(character)
      used = next
    }
    return result + "…"
  }

  /// Control characters would break the frame, so line breaks and tabs are shown as the escapes people know.
  private func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if scalar.value < 32 || scalar.value == 127 { result += "\u{FFFD}" } else { result.unicodeScalars.append(scalar) }
      }
    }
    return result
  }
}

/// Terminal cells that a text takes: East Asian wide characters and emoji take two.
func displayWidth(_ text: String) -> Int {
  if text.utf8.allSatisfy({ $0 < 128 }) { return text.utf8.count }
  return text.reduce(0) { total, character in
    guard let scalar = character.unicodeScalars.first else { return total }
    let value = scalar.value
    let isWide =
      (0x1100...0x115F).contains(value) || (0x2E80...0xA4CF).contains(value) || (0xAC00...0xD7A3).contains(value)
      || (0xF900...0xFAFF).contains(value) || (0xFE30...0xFE6F).contains(value) || (0xFF00...0xFF60).contains(value)
      || (0xFFE0...0xFFE6).contains(value) || (0x1F300...0x1FAFF).contains(value) || (0x20000...0x3FFFD).contains(value)
    return total + (isWide ? 2 : 1)
  }
}

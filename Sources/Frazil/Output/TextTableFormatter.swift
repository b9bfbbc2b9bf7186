import Columnar
import SQLSyntax

/// A framed table. Columns are as wide as the widest value of the first rows; on a terminal, wide ones are cut to fit with `…`,
/// and when that is not enough, columns in the middle are left out and counted below the frame.
struct TextTableFormatter: ResultFormatter {
  private let columns: [ResultColumn]
  private let limit: Int?
  private let isRightAligned: [Bool]
  private var widths: [Int] = []
  /// Columns that are shown; a gap between two of them is a column of `…`.
  private var shown: [Int] = []
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
      pending.append(texts.map { text in text.string(row).map(printable) ?? "NULL" })
    }
    rowCount += batch.rowCount
    return hasHeader || pending.count >= Self.sampleRows ? flush() : []
  }

  mutating func end() -> [UInt8] {
    var bytes = flush()
    bytes.append(contentsOf: line("└", "┴", "┘").utf8)
    let hidden = shown.count < columns.count ? ", \(shown.count) of \(columns.count) columns shown" : ""
    bytes.append(contentsOf: "\n(\(rowCount) \(rowCount == 1 ? "row" : "rows")\(hidden))\n".utf8)
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
    shown = Array(columns.indices)
    guard let limit else { return }
    hideColumns(limit)
    // Take from the widest column first until the frame fits, but leave every column something to show.
    var total = frameWidth(shown.map { widths[$0] })
    while total > limit, let widest = shown.max(by: { widths[$0] < widths[$1] }), widths[widest] > Self.narrowest {
      widths[widest] -= 1
      total -= 1
    }
  }

  /// Cells that a column keeps however many there are.
  private static let narrowest = 8

  /// Leaves out columns from the middle until the rest fits when cut as far as they may be; the first and the last one stay.
  private mutating func hideColumns(_ limit: Int) {
    func smallest(_ index: Int) -> Int { min(widths[index], Self.narrowest) }
    guard frameWidth(shown.map(smallest)) > limit else { return }
    var left: [Int] = []
    var right: [Int] = []
    // The gap's own column takes four cells.
    var room = limit - 1 - 4
    for step in 0..<columns.count {
      let index = step % 2 == 0 ? step / 2 : columns.count - 1 - step / 2
      room -= smallest(index) + 3
      if room < 0 && step >= 2 { break }
      if step % 2 == 0 { left.append(index) } else { right.append(index) }
    }
    shown = left + right.reversed()
  }

  private func frameWidth(_ widths: [Int]) -> Int { widths.reduce(1) { $0 + $1 + 3 } }

  private func appendRow(_ values: [String], aligned: Bool, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: "│".utf8)
    var previous = -1
    for index in shown {
      if index != previous + 1 { bytes.append(contentsOf: " … │".utf8) }
      previous = index
      let text = fitted(values[index], widths[index])
      let padding = String(repeating: " ", count: max(0, widths[index] - displayWidth(text)))
      let onRight = aligned && isRightAligned[index]
      bytes.append(contentsOf: (" " + (onRight ? padding + text : text + padding) + " │").utf8)
    }
    bytes.append(contentsOf: "\n".utf8)
  }

  private func line(_ left: String, _ middle: String, _ right: String) -> String {
    var cells: [String] = []
    var previous = -1
    for index in shown {
      if index != previous + 1 { cells.append("───") }
      previous = index
      cells.append(String(repeating: "─", count: widths[index] + 2))
    }
    return left + cells.joined(separator: middle) + right
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

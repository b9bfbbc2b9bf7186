/// A line and a column, both counted from 1. Columns count characters as a reader sees them, not bytes.
public struct SourceLocation: Sendable, Hashable, CustomStringConvertible {
  public let line: Int
  public let column: Int

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }

  public var description: String { "line \(line):\(column)" }
}

/// The text of a script, with what is needed to show a part of it: lines, columns, excerpts.
public struct SourceText: Sendable {
  public let text: String
  package let bytes: [UInt8]
  /// Byte offset of the first byte of every line. Lines end at `\n`; a `\r` before it belongs to the line end.
  private let lineStarts: [Int]

  public init(_ text: String) {
    self.text = text
    bytes = Array(text.utf8)
    var starts = [0]
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") { starts.append(offset + 1) }
    lineStarts = starts
  }

  public func location(of byteOffset: Int) -> SourceLocation {
    let offset = min(max(byteOffset, 0), bytes.count)
    let index = lineIndex(of: offset)
    let before = String(decoding: bytes[lineStarts[index]..<offset], as: UTF8.self)
    return SourceLocation(line: index + 1, column: before.count + 1)
  }

  /// The byte offset of a place; nil when the text has none there.
  public func offset(of location: SourceLocation) -> Int? {
    guard location.line >= 1, location.line <= lineStarts.count, location.column >= 1 else { return nil }
    let text = line(location.line)
    guard location.column <= text.count + 1 else { return nil }
    return lineStarts[location.line - 1] + text.prefix(location.column - 1).utf8.count
  }

  /// The text of a line counted from 1, without its end; empty for a line that does not exist.
  public func line(_ number: Int) -> String {
    guard number >= 1, number <= lineStarts.count else { return "" }
    return String(decoding: bytes[lineStarts[number - 1]..<lineEnd(number - 1)], as: UTF8.self)
  }

  /// The text of a range, cut to what exists.
  public func excerpt(_ range: SourceRange) -> String {
    let lower = min(range.lowerBound, bytes.count)
    return String(decoding: bytes[lower..<max(lower, min(range.upperBound, bytes.count))], as: UTF8.self)
  }

  /// Number of characters of `range` that stand on the line where it begins; at least 1, for the caret.
  func characterCountOnFirstLine(_ range: SourceRange) -> Int {
    let lower = min(range.lowerBound, bytes.count)
    let end = lineEnd(lineIndex(of: lower))
    let upper = max(lower, min(range.upperBound, end))
    return max(1, String(decoding: bytes[lower..<upper], as: UTF8.self).count)
  }

  private func lineEnd(_ index: Int) -> Int {
    guard index + 1 < lineStarts.count else { return bytes.count }
    var end = lineStarts[index + 1] - 1
    if end > lineStarts[index], bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return end
  }

  /// Binary search for the last line that starts at or before `offset`.
  private func lineIndex(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle - 1 }
    }
    return low
  }
}

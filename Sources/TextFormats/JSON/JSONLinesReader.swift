package import Columnar
import Glibc
import Storage

/// Reads a file of JSON objects into batches, only the columns asked for.
package final class JSONLinesReader: TextReader {
  private let location: Location
  private let format: JSONLinesFormat
  private let context: QueryContext
  private let blocks: TextBlocks
  private let stream: any ByteStream
  private let source: TextSource
  private let firstByte: Int
  private let endOffset: Int
  private let readsLines: Bool
  private let values: JSONValueReader
  private let keys: JSONValueReader.Keys
  private let columns: [ValueColumn]
  /// For each column its position among all columns of the table, where lines that are arrays are read by position.
  private let ordinals: [Int]
  private var position = 0
  private var hasBlock = false
  private var skipsPartialLine: Bool
  private var linesToSkip: Int
  /// Inside the brackets of a file that is one array (`read_json`).
  private var isInArray = false
  private var isAtEnd = false
  private var linesBefore = 0
  private var bytesReported = 0

  /// - Parameters:
  ///   - columns: the columns wanted, in the order the batches shall have them.
  ///   - ordinals: where each of them stands among all columns of the table; nil when these are all.
  ///   - split: part of an uncompressed file with one object per line; lines that begin inside belong to it.
  package init(
    _ source: TextSource, format: JSONLinesFormat, columns: [Field], ordinals: [Int]? = nil, split: Range<Int>? = nil,
    context: QueryContext
  ) throws {
    location = source.location
    self.format = format
    self.context = context
    self.ordinals = ordinals ?? Array(columns.indices)
    let start = split?.lowerBound ?? 0
    let firstByte = max(start - 1, 0)
    self.source = source
    self.firstByte = firstByte
    endOffset = split?.upperBound ?? Int.max
    stream = try source.open(from: firstByte, readAheadEnd: endOffset, context.cancellation)
    blocks = TextBlocks(source.location, stream, offset: firstByte, softEnd: endOffset)
    readsLines = format.dialect != .plain || format.isLineDelimited
    skipsPartialLine = start > 0
    linesToSkip = start > 0 ? 0 : format.skippedLines
    values = JSONValueReader(format)
    keys = JSONValueReader.Keys(columns.map { format.key(of: $0.name) }, format)
    self.columns = columns.map { ValueColumn($0.type, capacity: min(max(context.batchCapacity, 1), 8_192)) }
  }

  package func next() throws -> Batch? {
    try context.cancellation.check()
    let capacity = max(context.batchCapacity, 1)
    var count = 0
    while count < capacity, !isAtEnd {
      let isRow = readsLines ? try readLine(rowsBefore: count) : try readPlain(rowsBefore: count)
      if isRow { count += 1 }
    }
    ProgressCounters.add(stream.bytesRead - bytesReported, to: context.progress.bytesRead)
    bytesReported = stream.bytesRead
    guard count > 0 else { return nil }
    return Batch(columns: columns.map { $0.finish() }, count: count)
  }

  // MARK: One object per line

  /// The next line that belongs to this reader; nil at the end.
  private func nextLine() throws -> Range<Int>? {
    while true {
      guard let end = try lineEnd() else {
        isAtEnd = true
        return nil
      }
      let start = position
      position = min(end + 1, blocks.count)
      if skipsPartialLine {
        skipsPartialLine = false
        continue
      }
      if blocks.offset + start >= endOffset {
        isAtEnd = true
        return nil
      }
      if linesToSkip > 0 {
        linesToSkip -= 1
        continue
      }
      return start..<end
    }
  }

  /// Reads one line; false when it gave no row.
  ///
  /// - Parameter rowsBefore: values each column holds already.
  private func readLine(rowsBefore: Int) throws -> Bool {
    guard let line = try nextLine() else { return false }
    let (start, end) = (line.lowerBound, line.upperBound)
    var cursor = JSONCursor(blocks.bytes, from: start, to: end)
    let first = cursor.peek()
    do {
      if first == 0, cursor.position >= end {
        // Trino's OpenX reader gives a row of NULLs for a blank line, the Hive one skips it.
        guard format.dialect == .openX else { return false }
        appendNulls(rowsBefore)
      } else if first == UInt8(ascii: "{") {
        try values.readObject(&cursor, keys, columns, blocks.block)
      } else if first == UInt8(ascii: "["), format.dialect == .openX {
        try readByPosition(&cursor)
      } else if format.dialect == .openX {
        appendNulls(rowsBefore)
      } else {
        throw cursor.malformed("'{' is expected")
      }
      if format.dialect == .plain { try expectLineEnd(&cursor, end) }
      return true
    } catch let error as JSONCursor.Malformed {
      for column in columns { column.truncate(to: rowsBefore) }
      guard format.ignoresMalformed else { throw malformedLine(error) }
      appendNulls(rowsBefore)
      return true
    } catch let error as JSONValueReader.Mismatch {
      throw self.error("'\(error.text)' is not a value of type \(error.type)", at: error.position)
    }
  }

  private func expectLineEnd(_ cursor: inout JSONCursor, _ end: Int) throws(JSONCursor.Malformed) {
    _ = cursor.peek()
    if cursor.position < end { throw cursor.malformed("nothing may follow an object on its line") }
  }

  private func malformedLine(_ error: JSONCursor.Malformed) -> TextFormatError {
    let what = format.dialect == .plain ? "the line is not a JSON object" : "Row is not a valid JSON Object"
    return self.error("\(what): \(error.reason)", at: error.position)
  }

  private func appendNulls(_ rowsBefore: Int) {
    for column in columns where column.count == rowsBefore { column.appendNull() }
  }

  /// A line that is an array gives its elements to the columns in order.
  private func readByPosition(_ cursor: inout JSONCursor) throws {
    cursor.position += 1
    var index = 0
    if !cursor.take(UInt8(ascii: "]")) {
      repeat {
        if let column = ordinals.firstIndex(of: index) {
          try values.readValue(&cursor, into: columns[column], blocks.block, depth: 1)
        } else {
          try cursor.skipValue(depth: 1)
        }
        index += 1
      } while cursor.take(UInt8(ascii: ","))
      try cursor.expect(UInt8(ascii: "]"), "',' or ']'")
    }
    for (column, ordinal) in zip(columns, ordinals) where ordinal >= index { column.appendNull() }
  }

  /// Where the line at `position` ends, reading on as needed; nil at the end of the file.
  private func lineEnd() throws -> Int? {
    while true {
      if hasBlock, position < blocks.count {
        let rest = blocks.bytes + position
        if let found = memchr(rest, 0x0A, blocks.count - position) {
          return position + (found - UnsafeMutableRawPointer(mutating: rest))
        }
        if blocks.isLast { return blocks.count }
      } else if hasBlock, blocks.isLast {
        return nil
      }
      try nextBlock()
    }
  }

  private func nextBlock() throws {
    if hasBlock {
      linesBefore += lineEnds(before: position)
      try blocks.advance(from: position)
    } else {
      try blocks.advance(from: 0)
      hasBlock = true
      let bytes = blocks.bytes
      if blocks.offset == 0, blocks.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
        try blocks.advance(from: 3)
      }
    }
    position = 0
    if format.dialect == .plain { try checkEncoding() }
  }

  /// `read_json` refuses bytes that are no UTF-8. A character may be cut at the end of a block, which is seen whole in the next, and at
  /// the start of a split, in a line that is another reader's.
  private func checkEncoding() throws {
    var start = 0
    if skipsPartialLine {
      guard let lineEnd = UnsafeBufferPointer(start: blocks.bytes, count: blocks.count).firstIndex(of: 0x0A) else { return }
      start = lineEnd + 1
    }
    let bytes = UnsafeBufferPointer(start: blocks.bytes + start, count: blocks.count - start)
    guard let position = UTF8Validation.firstError(in: bytes), blocks.isLast || start + position + 4 <= blocks.count else { return }
    throw error("the file is not UTF-8; convert it first (iconv -f latin1 -t utf-8)", at: start + position)
  }

  // MARK: Values wherever they begin

  /// Reads one object of `read_json` into the columns; false at the end.
  private func readPlain(rowsBefore: Int) throws -> Bool {
    try nextObject { cursor in
      do {
        try values.readObject(&cursor, keys, columns, blocks.block)
      } catch let bad as JSONCursor.Malformed {
        for column in columns { column.truncate(to: rowsBefore) }
        throw bad
      }
    }
  }

  /// The shape of the next object, nil at the end; for looking at a file before its columns are known.
  func nextShape() throws -> JSONInference.Shape? {
    if readsLines { return try nextLineShape() }
    var shape: JSONInference.Shape?
    let found = try nextObject { cursor in shape = try JSONInference.Shape(&cursor) }
    return found ? shape : nil
  }

  private func nextLineShape() throws -> JSONInference.Shape? {
    while let line = try nextLine() {
      var cursor = JSONCursor(blocks.bytes, from: line.lowerBound, to: line.upperBound)
      if cursor.peek() == 0, cursor.position >= line.upperBound { continue }
      do {
        guard cursor.peek() == UInt8(ascii: "{") else { throw cursor.malformed("'{' is expected") }
        let shape = try JSONInference.Shape(&cursor)
        try expectLineEnd(&cursor, line.upperBound)
        return shape
      } catch let error as JSONCursor.Malformed {
        throw malformedLine(error)
      }
    }
    return nil
  }

  /// Calls `body` at the next object, which it must read; again from the same place when the block ended too early.
  private func nextObject(_ body: (inout JSONCursor) throws -> Void) throws -> Bool {
    if !hasBlock { try nextBlock() }
    while true {
      var cursor = JSONCursor(blocks.bytes, from: position, to: blocks.count)
      let first = cursor.peek()
      position = cursor.position
      if position >= blocks.count {
        if blocks.isLast {
          if isInArray { throw error("the array is not closed", at: position) }
          isAtEnd = true
          return false
        }
        try nextBlock()
        continue
      }
      switch first {
      case UInt8(ascii: "[") where !isInArray:
        isInArray = true
        position += 1
      case UInt8(ascii: "]") where isInArray:
        isInArray = false
        position += 1
      case UInt8(ascii: ",") where isInArray:
        position += 1
      case UInt8(ascii: "{"):
        do {
          try body(&cursor)
          position = cursor.position
          return true
        } catch let bad as JSONCursor.Malformed {
          guard !blocks.isLast, isCut(from: position) else { throw error(bad.reason, at: bad.position) }
          // Only the end is missing: look again with more of the file.
          try nextBlock()
        } catch let bad as JSONValueReader.Mismatch {
          throw error("'\(bad.text)' is not a value of type \(bad.type)", at: bad.position)
        }
      default:
        throw error("an object is expected", at: position)
      }
    }
  }

  /// Whether the object at `start` reaches the end of the block without closing.
  private func isCut(from start: Int) -> Bool {
    var depth = 0
    var isInString = false
    var index = start
    let bytes = blocks.bytes
    while index < blocks.count {
      let byte = bytes[index]
      if isInString {
        if byte == UInt8(ascii: "\\") { index += 1 } else if byte == UInt8(ascii: "\"") { isInString = false }
      } else if byte == UInt8(ascii: "\"") {
        isInString = true
      } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
        depth += 1
      } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
        depth -= 1
        if depth <= 0 { return false }
      }
      index += 1
    }
    return true
  }

  // MARK: Errors

  private func error(_ message: String, at position: Int) -> TextFormatError {
    TextFormatError(
      .badData, message, location: location,
      line: (firstByte > 0 ? source.lineEnds(before: firstByte) : 0) + linesBefore + lineEnds(before: position) + 1)
  }

  private func lineEnds(before position: Int) -> Int {
    var total = 0
    let bytes = blocks.bytes
    for index in 0..<min(position, blocks.count) where bytes[index] == 0x0A { total += 1 }
    return total
  }
}

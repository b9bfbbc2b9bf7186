import CIntrinsics
package import Columnar
import Storage

/// Reads a delimited text file into batches, only the columns asked for.
package final class DelimitedReader: TextReader {
  private let location: Location
  private let format: DelimitedTextFormat
  private let columns: [Field]
  private let projection: [Int]
  private let context: QueryContext
  private let blocks: TextBlocks
  /// Records that begin at or behind this offset belong to the next split.
  private let endOffset: Int
  private var indexer: FieldIndexer
  private var decoders: [FieldDecoder]
  private var firsts: UnsafeMutablePointer<UInt32>
  private var counts: UnsafeMutablePointer<UInt32>
  private let batchCapacity: Int
  /// Next record of the indexed block.
  private var nextRow = 0
  private var rowLimit = 0
  private var isAtEnd = false
  private var hasBlock = false
  private var linesToSkip: Int
  private var recordsToSkip: Int
  private var skipsPartialLine: Bool
  private let opensInQuotes: Bool
  private let split: Range<Int>?
  private let seams: RecordSeams?
  /// Line ends between the first byte read and the block.
  private var linesBefore = 0
  private var bytesReported = 0
  private let source: TextSource
  private let stream: any ByteStream

  /// - Parameters:
  ///   - columns: what the fields of a line are, in the file's order.
  ///   - projection: the columns wanted, as indices of `columns`; batches have them in this order.
  ///   - split: part of an uncompressed file; records that begin inside belong to it.
  ///   - seams: of the splits of this file; needed where quoted fields may hold line ends.
  ///   - hasHeader: the first record holds names.
  package init(
    _ source: TextSource, format: DelimitedTextFormat, columns: [Field], projection: [Int], split: Range<Int>? = nil,
    seams: RecordSeams? = nil, hasHeader: Bool = false, context: QueryContext
  ) throws {
    self.source = source
    self.split = split
    self.seams = seams
    location = source.location
    self.format = format
    self.columns = columns
    self.projection = projection
    self.context = context
    let start = split?.lowerBound ?? 0
    // One byte early: a split that starts right behind a line end owns that line.
    let firstByte = max(start - 1, 0)
    opensInQuotes = start > 0 ? try seams?.isInQuotes(at: firstByte, context.cancellation) ?? false : false
    endOffset = split?.upperBound ?? Int.max
    if endOffset < Int.max { try seams?.countAhead(to: endOffset - 1, context.cancellation) }
    stream = try source.open(from: firstByte, readAheadEnd: endOffset, context.cancellation)
    blocks = TextBlocks(source.location, stream, offset: firstByte, softEnd: endOffset)
    indexer = FieldIndexer(format)
    batchCapacity = max(context.batchCapacity, 1)
    firsts = .allocate(capacity: batchCapacity)
    counts = .allocate(capacity: batchCapacity)
    skipsPartialLine = start > 0
    linesToSkip = start > 0 ? 0 : format.skippedLines
    recordsToSkip = hasHeader && start == 0 ? 1 : 0
    decoders = projection.map { FieldDecoder(columns[$0].type, format, column: $0) }
  }

  deinit {
    indexer.deallocate()
    firsts.deallocate()
    counts.deallocate()
  }

  package func next() throws -> Batch? {
    try context.cancellation.check()
    while true {
      if nextRow < rowLimit {
        if let batch = try takeBatch() { return batch }
        continue
      }
      if isAtEnd { return nil }
      try nextBlock()
    }
  }

  /// The next record as texts, nil for NULL, however many fields it has; for looking at a file before its columns are known.
  func nextRecord() throws -> [String?]? {
    while true {
      while nextRow < rowLimit {
        let first = nextRow == 0 ? 0 : Int(indexer.rowEnds[nextRow - 1])
        let end = Int(indexer.rowEnds[nextRow])
        nextRow += 1
        if end - first == 1, isBlank(indexer.ends, UInt32(first)) { continue }
        let unquoter = FieldUnquoter()
        return try (first..<end).map { index in
          let start = Int(indexer.ends[index - 1] &+ 1)
          var stop = Int(indexer.ends[index])
          if index == end - 1, stop > start, blocks.bytes[stop - 1] == 0x0D { stop -= 1 }
          let field = UnsafeBufferPointer(start: blocks.bytes + start, count: stop - start)
          if format.nullTexts.contains(where: { $0.elementsEqual(field) }) { return nil }
          do throws(FieldUnquoter.Malformed) {
            let value = try unquoter.decode(field, format)
            return String(decoding: UnsafeBufferPointer(start: value.bytes, count: value.count), as: UTF8.self)
          } catch {
            throw self.error(.badData, error.reason, at: start)
          }
        }
      }
      if isAtEnd { return nil }
      try nextBlock()
    }
  }

  // MARK: Blocks

  private func nextBlock() throws {
    if hasBlock {
      let consumed = rowLimit == 0 ? start(ofRow: 0) : start(ofRow: rowLimit)
      if blocks.isLast {
        isAtEnd = true
        return
      }
      linesBefore += lineEnds(before: consumed)
      try blocks.advance(from: consumed)
    } else {
      try blocks.advance(from: 0)
      hasBlock = true
      if blocks.offset == 0, blocks.count >= 3, blocks.bytes[0] == 0xEF, blocks.bytes[1] == 0xBB, blocks.bytes[2] == 0xBF {
        try blocks.advance(from: 3)
      }
    }
    reportProgress()
    guard try skipLines() else { return }
    indexer.index(blocks.bytes, from: 0, count: blocks.count, isLast: blocks.isLast)
    if blocks.isLast, indexer.endsInQuotes, format.dialect == .csv {
      throw error(.badData, "a quoted field is not closed", at: start(ofRow: max(indexer.rowCount - 1, 0)))
    }
    if format.dialect == .csv { try checkEncoding() }
    nextRow = 0
    rowLimit = max(indexer.rowCount - format.skippedFooterLines, 0)
    try cutAtSplitEnd()
    let skipped = min(recordsToSkip, rowLimit)
    nextRow = skipped
    recordsToSkip -= skipped
  }

  /// `read_csv` refuses bytes that are no UTF-8: they would become texts that other tools cannot read.
  private func checkEncoding() throws {
    let end = indexer.recordsEnd
    guard let position = UTF8Validation.firstError(in: UnsafeBufferPointer(start: blocks.bytes, count: end)) else { return }
    throw error(.badData, "the file is not UTF-8; convert it first (iconv -f latin1 -t utf-8)", at: position)
  }

  /// Drops what comes before the first record of this reader. False when the block is used up by it.
  private func skipLines() throws -> Bool {
    if skipsPartialLine {
      guard try skipPartialRecord() else { return false }
    }
    while linesToSkip > 0 {
      guard let end = firstLineEnd() else {
        guard try dropBlock() else { return false }
        continue
      }
      linesToSkip -= 1
      linesBefore += 1
      try blocks.advance(from: end)
    }
    return true
  }

  /// Passes over the rest of a record that began in the split before. False when the file ends with it.
  private func skipPartialRecord() throws -> Bool {
    var inQuotes = opensInQuotes
    while true {
      if let end = partialRecordEnd(&inQuotes) {
        skipsPartialLine = false
        linesBefore += lineEnds(before: end)
        try blocks.advance(from: end)
        if let split { try claim(split.lowerBound, recordStart: blocks.offset) }
        return true
      }
      linesBefore += lineEnds(before: max(blocks.count - 1, 0))
      guard try dropBlock() else {
        if let split { try claim(split.lowerBound, recordStart: Int.max) }
        return false
      }
    }
  }

  /// Goes on to the next block; the last byte is kept because it may be half of a line end. False at the end of the file.
  private func dropBlock() throws -> Bool {
    nextRow = 0
    rowLimit = 0
    if blocks.isLast {
      isAtEnd = true
      return false
    }
    try blocks.advance(from: max(blocks.count - 1, 0))
    return true
  }

  /// - Parameter inQuotes: the state at the block's first byte; afterwards that at its last byte.
  private func partialRecordEnd(_ inQuotes: inout Bool) -> Int? {
    guard seams != nil, let quote = format.quote else { return firstLineEnd() }
    let bytes = blocks.bytes
    for index in 0..<blocks.count {
      let byte = bytes[index]
      if !inQuotes {
        if byte == format.lineDelimiter { return index + 1 }
        if byte == 0x0D, format.lineDelimiter == 0x0A, index + 1 < blocks.count || blocks.isLast {
          return index + 1 < blocks.count && bytes[index + 1] == 0x0A ? index + 2 : index + 1
        }
      }
      if byte == quote, index + 1 < blocks.count { inQuotes.toggle() }
    }
    return blocks.isLast && blocks.count > 0 ? blocks.count : nil
  }

  private func claim(_ boundary: Int, recordStart: Int) throws {
    guard let seams, !seams.agree(boundary: boundary, recordStart: recordStart) else { return }
    throw TextFormatError(
      .badData, "quotes in unusual places keep the file from being read in parts (at byte \(boundary)); use parallel => false",
      location: location)
  }

  private func firstLineEnd() -> Int? {
    let bytes = blocks.bytes
    var index = 0
    while index < blocks.count {
      if bytes[index] == format.lineDelimiter { return index + 1 }
      if bytes[index] == 0x0D, format.lineDelimiter == 0x0A, index + 1 < blocks.count || blocks.isLast {
        return index + 1 < blocks.count && bytes[index + 1] == 0x0A ? index + 2 : index + 1
      }
      index += 1
    }
    return blocks.isLast && blocks.count > 0 ? blocks.count : nil
  }

  /// Records that begin behind the split are another reader's.
  private func cutAtSplitEnd() throws {
    guard endOffset != Int.max, blocks.offset + blocks.count > endOffset else { return }
    var low = 0
    var high = rowLimit
    while low < high {
      let middle = (low + high) / 2
      if blocks.offset + start(ofRow: middle) < endOffset { low = middle + 1 } else { high = middle }
    }
    // The first record beyond the end is another reader's: there is nothing more for this one.
    if low < rowLimit || blocks.offset + indexer.recordsEnd >= endOffset {
      isAtEnd = true
      try claim(endOffset, recordStart: blocks.offset + (low < rowLimit ? start(ofRow: low) : indexer.recordsEnd))
    }
    rowLimit = low
  }

  private func start(ofRow row: Int) -> Int {
    row == 0 ? Int(indexer.ends[-1] &+ 1) : Int(indexer.ends[Int(indexer.rowEnds[row - 1]) - 1]) + 1
  }

  private func lineEnds(before position: Int) -> Int {
    var total = 0
    var base = 0
    let bytes = blocks.bytes
    while base < position {
      let left = position - base
      let present: UInt64 = left >= 64 ? ~0 : (1 << UInt64(left)) - 1
      total += (frazil_match64(bytes + base, format.lineDelimiter) & present).nonzeroBitCount
      base += 64
    }
    return total
  }

  private func reportProgress() {
    ProgressCounters.add(stream.bytesRead - bytesReported, to: context.progress.bytesRead)
    bytesReported = stream.bytesRead
  }

  // MARK: Batches

  /// Up to a batch of the block's records; nil when they were all blank lines.
  private func takeBatch() throws -> Batch? {
    let width = columns.count
    let rowEnds = indexer.rowEnds
    let ends = indexer.ends
    let checks = format.dialect == .csv
    var allComplete = true
    var taken = 0
    var row = nextRow
    var first = row == 0 ? 0 : rowEnds[row &- 1]
    while row < rowLimit, taken < batchCapacity {
      let end = rowEnds[row]
      let fields = Int(end &- first)
      if fields != width || (checks && width == 1) {
        if checks, fields == 1, isBlank(ends, first), width > 1 {
          row &+= 1
          first = end
          continue
        }
        if checks, fields > width || fields < width && !format.padsMissingFields { throw fieldCountError(row, fields) }
        if fields < width { allComplete = false }
      }
      firsts[taken] = first
      counts[taken] = UInt32(truncatingIfNeeded: fields)
      taken &+= 1
      row &+= 1
      first = end
    }
    let startRow = nextRow
    nextRow = row
    guard taken > 0 else { return nil }
    let table = FieldTable(
      bytes: blocks.bytes, ends: UnsafePointer(ends), firsts: UnsafePointer(firsts), counts: UnsafePointer(counts),
      allComplete: allComplete, rowCount: taken, delimiter: format.fieldDelimiter)
    var results: [Column] = []
    results.reserveCapacity(projection.count)
    for decoder in decoders {
      do {
        results.append(try decoder.decode(table, block: blocks.block, decodesQuotes: indexer.isIrregular))
      } catch let bad as FieldDecoder.BadValue {
        throw badValueError(bad, table, startRow)
      }
    }
    return Batch(columns: results, count: taken)
  }

  private func isBlank(_ ends: UnsafeMutablePointer<UInt32>, _ index: UInt32) -> Bool {
    let start = Int(ends[Int(index) - 1] &+ 1)
    let end = Int(ends[Int(index)])
    return end == start || (end == start + 1 && blocks.bytes[start] == 0x0D)
  }

  // MARK: Errors

  private func error(_ kind: TextFormatError.Kind, _ message: String, at position: Int, column: Int? = nil) -> TextFormatError {
    TextFormatError(
      kind, message, location: location, line: linesBeforeSplit() + linesBefore + lineEnds(before: position) + 1, column: column)
  }

  /// Line ends before the first byte this reader looked at: only an error needs to know.
  private func linesBeforeSplit() -> Int {
    guard let split, split.lowerBound > 1 else { return 0 }
    return source.lineEnds(before: split.lowerBound - 1)
  }

  private func fieldCountError(_ row: Int, _ fields: Int) -> TextFormatError {
    error(
      .badData, "the line has \(fields) field\(fields == 1 ? "" : "s"), but \(columns.count) \(columns.count == 1 ? "is" : "are") expected",
      at: start(ofRow: row), column: min(fields, columns.count) + (fields > columns.count ? 1 : 0))
  }

  private func badValueError(_ bad: FieldDecoder.BadValue, _ table: FieldTable, _ startRow: Int) -> TextFormatError {
    let index = Int(table.firsts[bad.row])
    let position = Int(table.ends[index - 1] &+ 1)
    let column = columns[bad.column]
    let message =
      format.dialect == .openCSV
      ? "Error parsing field value '\(bad.text)' for field \(bad.column)" : "'\(bad.text)' is not a value of type \(column.type), column '\(column.name)'"
    return error(.badData, bad.reason ?? message, at: position, column: bad.column + 1)
  }
}

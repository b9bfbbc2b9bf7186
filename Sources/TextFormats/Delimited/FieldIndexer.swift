import CIntrinsics

/// Finds where the fields and records of a block end.
///
/// Sixty-four bytes at a time become bit masks of delimiters, line ends and quotes; a running exclusive-or over the quote mask tells
/// which bytes are quoted (the idea of simdjson, Langdale and Lemire 2019). Whatever that cannot decide (escape characters, quotes in odd
/// places) sends the rest of the block through a plain state machine with the same output.
///
/// ```
/// block     a,"b,c",d⏎e,f⏎g
/// ends       ^       ^ ^ ^ ^         positions of the field and record ends
/// rowEnds             ^3  ^5          number of ends up to and with each record's last
/// ```
struct FieldIndexer {
  private let dialect: DelimitedTextFormat.Dialect
  private let delimiter: UInt8
  private let newline: UInt8
  private let quote: UInt8?
  private let escape: UInt8?
  /// A carriage return ends a line too, alone or before `\n` (Hadoop's line reader).
  private let endsAtReturn: Bool

  /// Positions in the block; the entry before the first (index -1 of `ends`) is one before the first record.
  private(set) var endStorage: UnsafeMutablePointer<UInt32>
  private var endCapacity: Int
  private(set) var rowEnds: UnsafeMutablePointer<UInt32>
  private var rowCapacity: Int
  private(set) var endCount = 0
  private(set) var rowCount = 0
  /// Quotes or escapes of the block stand where only the full rules decode them.
  private(set) var isIrregular = false
  /// A record was still inside quotes when the bytes ended.
  private(set) var endsInQuotes = false

  var ends: UnsafeMutablePointer<UInt32> { endStorage + 1 }

  init(_ format: DelimitedTextFormat) {
    dialect = format.dialect
    delimiter = format.fieldDelimiter
    newline = format.lineDelimiter
    quote = format.quote
    escape = format.escape
    endsAtReturn = format.lineDelimiter == UInt8(ascii: "\n") && format.fieldDelimiter != UInt8(ascii: "\r")
    endCapacity = 1 << 16
    rowCapacity = 1 << 14
    endStorage = .allocate(capacity: endCapacity + 1)
    rowEnds = .allocate(capacity: rowCapacity)
  }

  /// The owner calls this once when done.
  func deallocate() {
    endStorage.deallocate()
    rowEnds.deallocate()
  }

  /// Where the last whole record ends: the bytes from here on belong to the next block.
  var recordsEnd: Int { rowCount == 0 ? Int(endStorage[0] &+ 1) : Int(ends[Int(rowEnds[rowCount &- 1]) &- 1]) &+ 1 }

  /// Indexes `bytes[start..<count]`; 64 readable bytes must follow.
  ///
  /// - Parameter isLast: nothing follows this block, so that an unfinished record ends at `count`.
  mutating func index(_ bytes: UnsafePointer<UInt8>, from start: Int, count: Int, isLast: Bool) {
    endStorage[0] = UInt32(truncatingIfNeeded: start) &- 1
    endCount = 0
    rowCount = 0
    isIrregular = false
    endsInQuotes = false
    if !indexByMasks(bytes, from: start, count: count) {
      isIrregular = true
      let resume = recordsEnd
      endCount = rowCount == 0 ? 0 : Int(rowEnds[rowCount &- 1])
      indexByStates(bytes, from: resume, count: count)
    }
    if isLast, recordsEnd < count {
      reserve(ends: 1, rows: 1)
      ends[endCount] = UInt32(truncatingIfNeeded: count)
      endCount &+= 1
      rowEnds[rowCount] = UInt32(truncatingIfNeeded: endCount)
      rowCount &+= 1
    }
  }

  /// False when the state machine must take over from the last whole record on.
  private mutating func indexByMasks(_ bytes: UnsafePointer<UInt8>, from start: Int, count: Int) -> Bool {
    let (delimiter, newline, endsAtReturn) = (self.delimiter, self.newline, self.endsAtReturn)
    let quote = self.quote ?? 0
    let hasQuote = self.quote != nil
    let escape = self.escape ?? 0
    let hasEscape = self.escape != nil
    let quotesHoldLines = dialect == .csv
    var insideCarry: UInt64 = 0  // all ones while a quoted field is open
    var borderCarry: UInt64 = 1  // whether the byte before was a border: field, line or quote
    var base = start
    var ends = self.ends
    var endCount = self.endCount
    var rowCount = self.rowCount
    while base < count {
      if endCount &+ 64 > endCapacity || rowCount &+ 64 > rowCapacity {
        self.endCount = endCount
        self.rowCount = rowCount
        reserve(ends: 64, rows: 64)
        ends = self.ends
      }
      let left = count &- base
      let present: UInt64 = left >= 64 ? ~0 : (1 &<< UInt64(truncatingIfNeeded: left)) &- 1
      let chunk = bytes + base
      let delimiters = frazil_match64(chunk, delimiter) & present
      var lines = frazil_match64(chunk, newline) & present
      var lineBytes = lines
      if endsAtReturn {
        let returns = frazil_match64(chunk, 0x0D) & present
        if returns != 0 {
          lineBytes |= returns
          // The newline may be the first byte behind the chunk; behind the block we cannot know yet.
          let nextIsNewline: UInt64 = left > 64 && chunk[64] == newline ? 1 : 0
          var lone = returns & ~((lines &>> 1) | (nextIsNewline &<< 63))
          if left <= 64 { lone &= ~((present &>> 1) ^ present) }
          lines |= lone
        }
      }
      var inside: UInt64 = 0
      if hasEscape, frazil_match64(chunk, escape) & present != 0 {
        self.endCount = endCount
        self.rowCount = rowCount
        return false
      }
      if hasQuote {
        let quotes = frazil_match64(chunk, quote) & present
        if quotes | insideCarry != 0 {
          inside = prefixXor(quotes) ^ insideCarry
          let borders = delimiters | lineBytes | quotes
          let before = (borders &<< 1) | borderCarry
          let nextIsBorder: UInt64
          if left > 64 {
            let next = chunk[64]
            nextIsBorder = next == delimiter || next == newline || next == quote || (endsAtReturn && next == 0x0D) ? 1 : 0
          } else {
            nextIsBorder = 1
          }
          var after = (borders &>> 1) | (nextIsBorder &<< 63)
          if left < 64 { after |= 1 &<< UInt64(truncatingIfNeeded: left &- 1) }
          let opening = quotes & inside
          let closing = quotes & ~inside
          let odd = (opening & ~before) | (closing & ~after) | (quotesHoldLines ? 0 : lines & inside)
          if odd != 0 {
            self.endCount = endCount
            self.rowCount = rowCount
            return false
          }
          insideCarry = UInt64(bitPattern: Int64(bitPattern: inside) &>> 63)
          borderCarry = borders &>> 63
        } else {
          borderCarry = (delimiters | lineBytes) &>> 63
        }
      }
      lines &= ~inside
      var borders = (delimiters & ~inside) | lines
      while lines != 0 {
        let through = lines ^ (lines &- 1)  // bits up to and with the lowest line end
        rowEnds[rowCount] = UInt32(truncatingIfNeeded: endCount &+ (borders & through).nonzeroBitCount)
        rowCount &+= 1
        lines &= lines &- 1
      }
      while borders != 0 {
        ends[endCount] = UInt32(truncatingIfNeeded: base &+ borders.trailingZeroBitCount)
        endCount &+= 1
        borders &= borders &- 1
      }
      base &+= 64
    }
    self.endCount = endCount
    self.rowCount = rowCount
    endsInQuotes = insideCarry != 0
    return true
  }

  /// Bit i of the result is the exclusive or of the bits 0...i.
  @inline(__always)
  private func prefixXor(_ bits: UInt64) -> UInt64 {
    var value = bits
    value ^= value &<< 1
    value ^= value &<< 2
    value ^= value &<< 4
    value ^= value &<< 8
    value ^= value &<< 16
    value ^= value &<< 32
    return value
  }

  private mutating func indexByStates(_ bytes: UnsafePointer<UInt8>, from start: Int, count: Int) {
    let quote = self.quote
    let escape = self.escape
    var position = start
    var fieldStart = start
    var inQuotes = false
    while position < count {
      let byte = bytes[position]
      let isLine = byte == newline || (endsAtReturn && byte == 0x0D && (position + 1 == count || bytes[position + 1] != newline))
      // At the very end a return may be half of a line end: leave the record to the next block.
      if endsAtReturn, byte == 0x0D, position + 1 == count, !(inQuotes && dialect == .csv) { break }
      if isLine, !(inQuotes && dialect == .csv) {
        emit(position, isLine: true)
        fieldStart = position + 1
        inQuotes = false
      } else if inQuotes {
        switch dialect {
        case .csv:
          if byte == escape {
            position += 1
          } else if byte == quote {
            if position + 1 < count, bytes[position + 1] == quote { position += 1 } else { inQuotes = false }
          }
        case .openCSV:
          if byte == escape {
            if position + 1 < count, bytes[position + 1] == quote || bytes[position + 1] == escape { position += 1 }
          } else if byte == quote {
            if position + 1 < count, bytes[position + 1] == quote { position += 1 } else { inQuotes = false }
          }
        case .lazySimple: break
        }
      } else if byte == delimiter {
        emit(position, isLine: false)
        fieldStart = position + 1
      } else if byte == quote, dialect == .openCSV || position == fieldStart {
        inQuotes = true
      } else if byte == escape, dialect == .lazySimple, position + 1 < count, bytes[position + 1] != newline {
        position += 1
      }
      position += 1
    }
    endsInQuotes = inQuotes
  }

  private mutating func emit(_ position: Int, isLine: Bool) {
    reserve(ends: 1, rows: 1)
    ends[endCount] = UInt32(truncatingIfNeeded: position)
    endCount &+= 1
    if isLine {
      rowEnds[rowCount] = UInt32(truncatingIfNeeded: endCount)
      rowCount &+= 1
    }
  }

  private mutating func reserve(ends endsMore: Int, rows rowsMore: Int) {
    if endCount + endsMore > endCapacity {
      let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: endCapacity * 2 + 1)
      larger.update(from: endStorage, count: endCount + 1)
      endStorage.deallocate()
      endStorage = larger
      endCapacity *= 2
    }
    if rowCount + rowsMore > rowCapacity {
      let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: rowCapacity * 2)
      larger.update(from: rowEnds, count: rowCount)
      rowEnds.deallocate()
      rowEnds = larger
      rowCapacity *= 2
    }
  }
}

import Columnar

extension FunctionLibrary {
  static let regex: [ScalarDefinition] = regexSearches + regexPieces + regexReplacements

  private static let regexSearches: [ScalarDefinition] = [
    ScalarDefinition(
      "regexp_like", "Whether a regular expression matches somewhere in the text.", [.varchar, .varchar],
      returns: .type(.boolean),
      kernel: regexKernel(.boolean) { (matcher: RegexMatcher, row: RegexRow) throws(KernelError) -> Bool? in
        try matcher.find(row.text)
      }),
    ScalarDefinition(
      "regexp_count", "How often a regular expression matches.", [.varchar, .varchar], returns: .type(.bigint),
      kernel: regexKernel(.bigint) { (matcher: RegexMatcher, row: RegexRow) throws(KernelError) -> Int64? in
        var matches: Int64 = 0
        try matcher.forEachMatch(row.text) { () throws(KernelError) in matches += 1 }
        return matches
      }),
    position([]), position([.integer]), position([.integer, .integer]),
  ]

  private static func position(_ more: [TypePattern]) -> ScalarDefinition {
    ScalarDefinition(
      "regexp_position", "Position in characters of a match (text, pattern, start, occurrence); -1 without one.",
      [.varchar, .varchar] + more, returns: .type(.integer),
      kernel: regexKernel(.integer) { (matcher: RegexMatcher, row: RegexRow) throws(KernelError) -> Int32? in
        try regexPosition(matcher, row.text, start: row.integer(2) ?? 1, occurrence: row.integer(3) ?? 1)
      })
  }

  private static let regexPieces: [ScalarDefinition] = [
    extract([]), extract([.bigint]), extractAll([]), extractAll([.bigint]),
    ScalarDefinition(
      "regexp_split", "The pieces of a text between matches.", [.varchar, .varchar], returns: arrayOfText,
      kernel: regexListKernel { (matcher: RegexMatcher, row: RegexRow, out: inout RegexPieces) throws(KernelError) in
        var last = 0
        try matcher.forEachMatch(row.text) { () throws(KernelError) in
          out.append(slice(row.text, last, max(last, matcher.start)))
          last = matcher.end
        }
        out.append(slice(row.text, last, row.text.count))
      }),
  ]

  private static let arrayOfText = ResultRule.computed("array(varchar(x))") {
    (types: [SQLType]) throws(FunctionError) -> SQLType in .array(types[0])
  }

  private static func extract(_ more: [TypePattern]) -> ScalarDefinition {
    ScalarDefinition(
      "regexp_extract", "What the first match, or a group of it, covers; NULL without a match.", [.varchar, .varchar] + more,
      returns: .argument(0)
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let regex = RegexArguments(arguments)
        var out = TextColumnBuilder(count: call.count)
        try regex.forEachRow(call.count) { (matcher: RegexMatcher?, row: RegexRow) throws(KernelError) in
          defer { out.endRow() }
          guard let matcher else { return out.setNull() }
          let group = try regexGroup(row.bigint(2) ?? 0, matcher)
          guard try matcher.find(row.text), let range = matcher.range(group) else { return out.setNull() }
          out.borrow(slice(row.text, range.lowerBound, range.upperBound))
        }
        return out.finish(call.resultType, retaining: regex.heap)
      }
    }
  }

  private static func extractAll(_ more: [TypePattern]) -> ScalarDefinition {
    ScalarDefinition(
      "regexp_extract_all", "What every match, or a group of it, covers.", [.varchar, .varchar] + more, returns: arrayOfText,
      kernel: regexListKernel { (matcher: RegexMatcher, row: RegexRow, out: inout RegexPieces) throws(KernelError) in
        let group = try regexGroup(row.bigint(2) ?? 0, matcher)
        try matcher.forEachMatch(row.text) { () throws(KernelError) in
          out.append(matcher.range(group).map { slice(row.text, $0.lowerBound, $0.upperBound) })
        }
      })
  }

  private static let regexReplacements: [ScalarDefinition] = [
    ScalarDefinition(
      "regexp_replace", "Text with every match removed.", [.varchar, .varchar], returns: .argument(0), kernel: replaceKernel),
    ScalarDefinition(
      "regexp_replace", "Text with every match replaced; $1 and ${name} stand for groups.", [.varchar, .varchar, .varchar],
      returns: .computed("varchar") { (types: [SQLType]) throws(FunctionError) -> SQLType in
        guard case .varchar(let source?) = types[0], case .varchar(let replacement?) = types[2] else { return .varchar }
        // Trino's bound: x + max(x * y / 2, y) * (x + 1).
        let (product, first) = source.multipliedReportingOverflow(by: replacement)
        let (growth, second) = max(product / 2, replacement).multipliedReportingOverflow(by: source &+ 1)
        let (length, third) = growth.addingReportingOverflow(source)
        return first || second || third || length >= Int(Int32.max) ? .varchar : .varchar(length: length)
      }, kernel: replaceKernel),
    ScalarDefinition(
      "regexp_replace", "Text with every match replaced by what a function makes of its groups.",
      [.varchar, .varchar, .function([.array(.varchar)], .varchar)], returns: .type(.varchar), kernel: replaceByLambda),
  ]
}

/// One row of a regular expression function's arguments.
struct RegexRow {
  let text: UnsafeRawBufferPointer
  fileprivate let operands: [Operand]
  let row: Int

  /// An argument behind the pattern, when the overload has it.
  func bigint(_ index: Int) -> Int64? {
    index < operands.count ? operands[index].pointer(as: Int64.self)[row & operands[index].mask] : nil
  }
  func integer(_ index: Int) -> Int32? {
    index < operands.count ? operands[index].pointer(as: Int32.self)[row & operands[index].mask] : nil
  }
  func text(_ index: Int) -> UnsafeRawBufferPointer? {
    guard index < operands.count else { return nil }
    return StringView.buffer(at: operands[index].pointer(as: StringView.self) + (row & operands[index].mask))
  }
}

/// The arguments `text, pattern, ...`: keeps the program of the pattern from row to row while it stays the same.
private struct RegexArguments {
  let operands: [Operand]
  var heap: [Buffer] { operands.flatMap(\.heap) }

  init(_ arguments: [Column]) { operands = arguments.map { Operand($0) } }

  /// Calls `body` for every row, without a matcher where an argument is NULL.
  func forEachRow(
    _ count: Int, _ body: (RegexMatcher?, RegexRow) throws(KernelError) -> Void
  ) throws(KernelError) {
    let texts = operands[0].pointer(as: StringView.self)
    let patterns = operands[1].pointer(as: StringView.self)
    var matcher: RegexMatcher?
    var lastPattern: UnsafeRawBufferPointer?
    for row in 0..<count {
      let input = RegexRow(text: StringView.buffer(at: texts + (row & operands[0].mask)), operands: operands, row: row)
      do throws(KernelError) {
        guard operands.allSatisfy({ $0.isValid(row) }) else {
          try body(nil, input)
          continue
        }
        let pattern = StringView.buffer(at: patterns + (row & operands[1].mask))
        if matcher == nil || !(lastPattern.map { StringSearch.isEqual($0, pattern) } ?? false) {
          matcher = try RegexMatcher(try RegexProgram.of(pattern))
          lastPattern = pattern
        }
        try body(matcher, input)
      } catch {
        throw error.at(row: row)
      }
    }
  }
}

/// Fixed-width results; nil is NULL.
private func regexKernel<R: SQLResult>(
  _ type: SQLType, _ body: @escaping @Sendable (RegexMatcher, RegexRow) throws(KernelError) -> R?
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let values = Buffer.zeroed(byteCount: call.count * MemoryLayout<R.Output>.stride)
      let target = values.pointer(as: R.Output.self)
      let validity = Buffer.allValid(count: call.count)
      var hasNulls = false
      try RegexArguments(arguments).forEachRow(call.count) { (matcher: RegexMatcher?, row: RegexRow) throws(KernelError) in
        if let matcher, let value = try body(matcher, row) {
          target[row.row] = value.output
        } else {
          validity.pointer(as: UInt8.self)[row.row] = 0
          hasNulls = true
        }
      }
      return Column(type: type, count: call.count, values: values, validity: hasNulls ? validity : nil)
    }
  }
}

/// The pieces of all rows of an array result, borrowed from the text argument.
private struct RegexPieces {
  private var views: [StringView] = []
  private var validity: [UInt8] = []
  private var hasNulls = false
  var count: Int { views.count }

  mutating func append(_ piece: UnsafeRawBufferPointer?) {
    if let piece, let base = piece.baseAddress, piece.count > 0 {
      views.append(StringView(base, count: piece.count))
    } else {
      views.append(StringView())
    }
    validity.append(piece == nil ? 0 : 1)
    if piece == nil { hasNulls = true }
  }

  func column(_ type: SQLType, heap: [Buffer]) -> Column {
    Column(
      type: type, count: views.count, views: Buffer.of(views), heap: heap, validity: hasNulls ? Buffer.of(validity) : nil)
  }
}

private func regexListKernel(
  _ body: @escaping @Sendable (RegexMatcher, RegexRow, inout RegexPieces) throws(KernelError) -> Void
) -> ScalarKernel {
  { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let regex = RegexArguments(arguments)
      var list = ListBuilder(count: call.count)
      var pieces = RegexPieces()
      try regex.forEachRow(call.count) { (matcher: RegexMatcher?, row: RegexRow) throws(KernelError) in
        guard let matcher else { return list.appendNull() }
        let before = pieces.count
        try body(matcher, row, &pieces)
        list.append(pieces.count - before)
      }
      return list.finish(
        call.resultType, children: [pieces.column(call.resultType.children[0], heap: regex.heap)])
    }
  }
}

private func regexGroup(_ group: Int64, _ matcher: RegexMatcher) throws(KernelError) -> Int {
  guard group >= 0 else { throw .invalidArgument("Group cannot be negative") }
  guard group <= Int64(matcher.program.groupCount) else {
    throw .invalidArgument("Pattern has \(matcher.program.groupCount) groups. Cannot access group \(group)")
  }
  return Int(group)
}

private func regexPosition(
  _ matcher: RegexMatcher, _ text: UnsafeRawBufferPointer, start: Int32, occurrence: Int32
) throws(KernelError) -> Int32 {
  guard start >= 1 else { throw .invalidArgument("start position cannot be smaller than 1") }
  guard occurrence >= 1 else { throw .invalidArgument("occurrence cannot be smaller than 1") }
  guard Int(start) <= UTF8Text.count(text) else { return -1 }
  var offset = UTF8Text.offset(text, of: Int(start) - 1)
  var left = occurrence
  while offset < text.count, try matcher.find(text, from: offset) {
    left -= 1
    if left == 0 { return Int32(truncatingIfNeeded: UTF8Text.count(slice(text, 0, matcher.start)) + 1) }
    guard matcher.start < text.count else { break }
    // The next match may overlap this one.
    offset = UTF8Text.next(text, after: matcher.start)
  }
  return -1
}

// MARK: Replacing

private let replaceKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
    let regex = RegexArguments(arguments)
    var out = TextColumnBuilder(count: call.count)
    try regex.forEachRow(call.count) { (matcher: RegexMatcher?, row: RegexRow) throws(KernelError) in
      defer { out.endRow() }
      guard let matcher else { return out.setNull() }
      let replacement = row.text(2)
      var last = 0
      var isChanged = false
      try matcher.forEachMatch(row.text) { () throws(KernelError) in
        isChanged = true
        out.bytes.append(slice(row.text, last, max(last, matcher.start)))
        if let replacement { try appendReplacement(replacement, matcher, row.text, to: &out.bytes) }
        last = matcher.end
      }
      if isChanged { out.bytes.append(slice(row.text, last, row.text.count)) } else { out.borrow(row.text) }
    }
    return out.finish(call.resultType, retaining: regex.heap)
  }
}

/// Appends a replacement text: `$1`, `${name}`, and `\` before a character that stands for itself.
private func appendReplacement(
  _ replacement: UnsafeRawBufferPointer, _ matcher: RegexMatcher, _ text: UnsafeRawBufferPointer, to out: inout TextBuffer
) throws(KernelError) {
  func illegal(_ reason: String? = nil) -> KernelError {
    .invalidArgument("Illegal replacement sequence: \(reason ?? String(decoding: replacement, as: UTF8.self))")
  }
  func digit(_ index: Int) -> Int? {
    guard index < replacement.count, replacement[index] &- 0x30 <= 9 else { return nil }
    return Int(replacement[index] - 0x30)
  }
  var index = 0
  while index < replacement.count {
    let byte = replacement[index]
    index += 1
    if byte == UInt8(ascii: "\\") {
      guard index < replacement.count else { throw illegal() }
      out.append(replacement[index])
      index += 1
      continue
    }
    guard byte == UInt8(ascii: "$") else {
      out.append(byte)
      continue
    }
    var group: Int
    if index < replacement.count, replacement[index] == UInt8(ascii: "{") {
      guard let end = replacement[index...].firstIndex(of: UInt8(ascii: "}")) else { throw illegal() }
      let name = String(decoding: slice(replacement, index + 1, end), as: UTF8.self)
      guard let known = matcher.program.group(named: name) else { throw illegal("unknown group { \(name) }") }
      group = known
      index = end + 1
    } else {
      guard let first = digit(index) else { throw illegal() }
      guard first <= matcher.program.groupCount else { throw illegal("unknown group \(first)") }
      group = first
      index += 1
      // Further digits belong to the number while such a group exists.
      while let next = digit(index), group * 10 + next <= matcher.program.groupCount {
        group = group * 10 + next
        index += 1
      }
    }
    if let range = matcher.range(group) { out.append(slice(text, range.lowerBound, range.upperBound)) }
  }
}

/// All matches of all rows are handed to the lambda at once, each with its groups from 1 on as an array.
private let replaceByLambda: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let regex = RegexArguments(Array(arguments[..<2]))
  var groups = RegexPieces()
  var groupCounts: [Int] = []
  var rows: [UInt32] = []
  var places: [Range<Int>] = []
  // Matches of each row; nil is a NULL row.
  var spans: [Range<Int>?] = []
  try regex.forEachRow(call.count) { (matcher: RegexMatcher?, row: RegexRow) throws(KernelError) in
    guard let matcher else { return spans.append(nil) }
    let first = places.count
    try matcher.forEachMatch(row.text) { () throws(KernelError) in
      for group in 1..<(matcher.program.groupCount + 1) {
        groups.append(matcher.range(group).map { slice(row.text, $0.lowerBound, $0.upperBound) })
      }
      groupCounts.append(matcher.program.groupCount)
      rows.append(UInt32(truncatingIfNeeded: row.row))
      places.append(matcher.start..<max(matcher.start, matcher.end))
    }
    spans.append(first..<places.count)
  }
  var list = ListBuilder(count: groupCounts.count)
  for size in groupCounts { list.append(size) }
  let parameter = list.finish(.array(.varchar), children: [groups.column(.varchar, heap: regex.heap)])
  let replaced = try call.lambdas[0]([parameter], rows, rows.count).flattened()
  let replacements = Operand(replaced)
  let views = replacements.pointer(as: StringView.self)
  let texts = regex.operands[0].pointer(as: StringView.self)
  var out = TextColumnBuilder(count: call.count)
  for row in 0..<call.count {
    defer { out.endRow() }
    guard let span = spans[row], span.allSatisfy({ replacements.isValid($0) }) else {
      out.setNull()
      continue
    }
    let text = StringView.buffer(at: texts + (row & regex.operands[0].mask))
    var last = 0
    for match in span {
      out.bytes.append(slice(text, last, max(last, places[match].lowerBound)))
      out.bytes.append(StringView.buffer(at: views + (match & replacements.mask)))
      last = places[match].upperBound
    }
    out.bytes.append(slice(text, last, text.count))
  }
  return out.finish(call.resultType, retaining: regex.heap)
}

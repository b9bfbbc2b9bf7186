import Columnar

extension FunctionLibrary {
  static let likeOperators: [ScalarDefinition] = [
    ScalarDefinition(
      "like", "Whether the whole text matches a pattern of % (any text) and _ (one character).", [.varchar, .varchar],
      returns: .type(.boolean), kernel: likeKernel),
    ScalarDefinition(
      "like", "The same with a character that takes the special meaning of the next one away.",
      [.varchar, .varchar, .varchar], returns: .type(.boolean), kernel: likeKernel),
  ]
}

private let likeKernel: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let operands = arguments.map { Operand($0) }
  let count = call.count
  if operands.contains(where: \.isAllNull) { return .nulls(.boolean, count: count) }
  let values = Buffer.zeroed(byteCount: count)
  let target = values.pointer(as: UInt8.self)
  let validity = mergedValidity(operands, count: count)
  let valid = validity?.pointer(as: UInt8.self)
  let texts = operands[0].pointer(as: StringView.self)
  let mask = operands[0].mask
  func compile(_ row: Int) throws(KernelError) -> LikePattern {
    let pattern = Text.load(operands[1].pointer(as: StringView.self), row & operands[1].mask)
    guard operands.count == 3 else { return try LikePattern(pattern.bytes, escape: nil) }
    let escape = Text.load(operands[2].pointer(as: StringView.self), row & operands[2].mask)
    return try LikePattern(pattern.bytes, escape: escape.bytes)
  }
  if count > 0, operands.dropFirst().allSatisfy(\.isConstant) {
    let pattern = try compile(0)
    for row in 0..<count { target[row] = pattern.matches(StringView.buffer(at: texts + (row & mask))) ? 1 : 0 }
  } else {
    for row in 0..<count {
      if let valid, valid[row] == 0 { continue }
      do throws(KernelError) {
        target[row] = try compile(row).matches(StringView.buffer(at: texts + (row & mask))) ? 1 : 0
      } catch { throw error.at(row: row) }
    }
  }
  return Column(type: .boolean, count: count, values: values, validity: validity)
}

/// A LIKE pattern cut at its `%`: the first piece is anchored at the start, the last at the end, those between are looked for from
/// left to right, which needs no backtracking.
struct LikePattern {
  private struct Piece {
    /// Bytes to match; where `isAny` is set at an index, one whole code point instead.
    var bytes: [UInt8] = []
    var isAny: [Bool] = []
    var hasAny = false
    var codePoints = 0
  }
  private var pieces: [Piece] = []

  init(_ pattern: UnsafeRawBufferPointer, escape: UnsafeRawBufferPointer?) throws(KernelError) {
    var escapeScalar: Unicode.Scalar?
    if let escape {
      guard UTF8Text.count(escape) == 1 else { throw .invalidArgument("Escape string must be a single character") }
      escapeScalar = UTF8Text.decode(escape, at: 0).scalar
    }
    var piece = Piece()
    var index = 0
    var isEscaped = false
    while index < pattern.count {
      let (scalar, next) = UTF8Text.decode(pattern, at: index)
      if let escapeScalar, scalar == escapeScalar, !isEscaped {
        isEscaped = true
        index = next
        continue
      }
      if isEscaped, scalar != "%", scalar != "_", scalar != escapeScalar {
        throw .invalidArgument("Escape character must be followed by '%', '_' or the escape character itself")
      }
      if !isEscaped, scalar == "%" {
        pieces.append(piece)
        piece = Piece()
      } else if !isEscaped, scalar == "_" {
        piece.bytes.append(0)
        piece.isAny.append(true)
        piece.hasAny = true
        piece.codePoints += 1
      } else {
        for position in index..<next {
          piece.bytes.append(pattern[position])
          piece.isAny.append(false)
        }
        piece.codePoints += 1
      }
      isEscaped = false
      index = next
    }
    if isEscaped {
      throw .invalidArgument("Escape character must be followed by '%', '_' or the escape character itself")
    }
    pieces.append(piece)
  }

  func matches(_ text: UnsafeRawBufferPointer) -> Bool {
    guard let start = Self.match(pieces[0], text, at: 0) else { return false }
    if pieces.count == 1 { return start == text.count }
    var position = start
    for piece in pieces[1..<(pieces.count - 1)] {
      guard let end = Self.find(piece, text, from: position) else { return false }
      position = end
    }
    let last = pieces[pieces.count - 1]
    var begin = text.count
    if last.hasAny {
      for _ in 0..<last.codePoints {
        guard begin > position else { return false }
        begin = UTF8Text.previous(text, before: begin)
      }
    } else {
      begin = text.count - last.bytes.count
    }
    return begin >= position && Self.match(last, text, at: begin) == text.count
  }

  /// The end of the match at `start`; nil when the piece does not match there.
  private static func match(_ piece: Piece, _ text: UnsafeRawBufferPointer, at start: Int) -> Int? {
    var position = start
    if !piece.hasAny {
      guard text.count - start >= piece.bytes.count else { return nil }
      for byte in piece.bytes {
        guard text[position] == byte else { return nil }
        position &+= 1
      }
      return position
    }
    for index in piece.bytes.indices {
      guard position < text.count else { return nil }
      if piece.isAny[index] {
        position = UTF8Text.next(text, after: position)
      } else {
        guard text[position] == piece.bytes[index] else { return nil }
        position &+= 1
      }
    }
    return position
  }

  /// The end of the first match at or after `start`.
  private static func find(_ piece: Piece, _ text: UnsafeRawBufferPointer, from start: Int) -> Int? {
    if piece.bytes.isEmpty { return start }
    if !piece.hasAny {
      return piece.bytes.withUnsafeBytes { UTF8Text.find($0, in: text, from: start) }.map { $0 + piece.bytes.count }
    }
    var position = start
    while position < text.count {
      if let end = match(piece, text, at: position) { return end }
      position = UTF8Text.next(text, after: position)
    }
    return nil
  }
}

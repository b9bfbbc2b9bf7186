import Columnar
import Functions
import SQLSyntax

/// Truth in one byte, so that AND is the minimum, OR the maximum and NOT `2 - x` (Kleene's logic).
enum Truth {
  static let no: UInt8 = 0
  static let unknown: UInt8 = 1
  static let yes: UInt8 = 2

  /// Writes the truth of each row of a boolean column.
  static func read(_ column: Column, into target: UnsafeMutablePointer<UInt8>) {
    let rows = column.count
    if let dictionary = column.dictionary {
      let entries = dictionary.values.count
      let table = Buffer(byteCount: max(entries, 1))
      defer { withExtendedLifetime(table) {} }
      let truths = table.base.assumingMemoryBound(to: UInt8.self)
      truths[0] = unknown
      read(dictionary.values, into: truths)
      let indices = dictionary.indices.pointer(as: UInt32.self)
      if let validity = dictionary.validity?.pointer(as: UInt8.self) {
        for row in 0..<rows { target[row] = validity[row] == 0 ? unknown : truths[Int(indices[row])] }
      } else {
        for row in 0..<rows { target[row] = truths[Int(indices[row])] }
      }
      return
    }
    let view = ColumnView(column)
    let flags = view.pointer(as: UInt8.self)
    if view.isConstant {
      let truth = rows > 0 && !view.isValid(0) ? unknown : flags[0] &<< 1
      for row in 0..<rows { target[row] = truth }
    } else if let validity = view.valueValidity {
      for row in 0..<rows { target[row] = ((flags[row] &<< 1) & (0 &- validity[row])) | (1 &- validity[row]) }
    } else {
      for row in 0..<rows { target[row] = flags[row] &<< 1 }
    }
  }

  static func column(_ truths: UnsafePointer<UInt8>, count: Int) -> Column {
    let values = Buffer(byteCount: count)
    let flags = values.base.assumingMemoryBound(to: UInt8.self)
    var unknowns: UInt8 = 0
    for row in 0..<count {
      flags[row] = truths[row] &>> 1
      unknowns |= truths[row] & 1
    }
    guard unknowns != 0 else { return Column(type: .boolean, count: count, values: values) }
    let validity = Buffer(byteCount: count)
    let valid = validity.base.assumingMemoryBound(to: UInt8.self)
    for row in 0..<count { valid[row] = 1 &- (truths[row] & 1) }
    return Column(type: .boolean, count: count, values: values, validity: validity)
  }
}

/// AND and OR. Later operands are evaluated only for rows that are still open, unless they cannot fail.
final class KleeneNode: EvaluationNode {
  enum Operation { case and, or }
  private let operation: Operation
  private let operands: [EvaluationNode]

  init(_ operation: Operation, _ operands: [EvaluationNode], _ range: SourceRange) {
    self.operation = operation
    self.operands = operands
    super.init(.boolean, range, over: operands)
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    let count = batch.count
    let first = try operands[0].evaluate(batch)
    if operands.count == 1 { return first }
    if isSafe, columns.count == 1, let together = try ofEntries(first, batch) { return together }
    let decided = operation == .and ? Truth.no : Truth.yes
    if first.isConstant, count > 0 {
      var truth: UInt8 = 0
      Truth.read(first.repeated(1), into: &truth)
      if truth == decided { return first }
    }
    let buffer = Buffer(byteCount: count)
    let scratch = Buffer(byteCount: count)
    defer { withExtendedLifetime((buffer, scratch)) {} }
    let truths = buffer.base.assumingMemoryBound(to: UInt8.self)
    let others = scratch.base.assumingMemoryBound(to: UInt8.self)
    Truth.read(first, into: truths)
    for operand in operands.dropFirst() {
      if operand.isSafe {
        Truth.read(try operand.evaluate(batch), into: others)
        if operation == .and {
          for row in 0..<count { truths[row] = min(truths[row], others[row]) }
        } else {
          for row in 0..<count { truths[row] = max(truths[row], others[row]) }
        }
        continue
      }
      var open: [UInt32] = []
      for row in 0..<count where truths[row] != decided { open.append(UInt32(truncatingIfNeeded: row)) }
      if open.isEmpty { break }
      let isWhole = open.count == count
      Truth.read(try operand.evaluate(isWhole ? batch : batch.subset(open, columns: operand.columns)), into: others)
      for (position, row) in open.enumerated() {
        let truth = truths[Int(row)]
        truths[Int(row)] = operation == .and ? min(truth, others[position]) : max(truth, others[position])
      }
    }
    return Truth.column(truths, count: count)
  }
}

extension KleeneNode {
  /// When all operands, which read one column, are known for the entries of its dictionary, so is their combination.
  private func ofEntries(_ first: Column, _ batch: Batch) throws(SQLError) -> Column? {
    guard let dictionary = first.dictionary, dictionary.values.count <= batch.count, dictionary.values.count > 0 else { return nil }
    let entries = dictionary.values.count
    var truths = [UInt8](repeating: 0, count: entries)
    var others = truths
    Truth.read(dictionary.values, into: &truths)
    for operand in operands.dropFirst() {
      let column = try operand.evaluate(batch)
      guard let other = column.dictionary, other.isSameRows(as: dictionary) else { return nil }
      Truth.read(other.values, into: &others)
      for entry in 0..<entries { truths[entry] = operation == .and ? min(truths[entry], others[entry]) : max(truths[entry], others[entry]) }
    }
    return .over(dictionary, values: Truth.column(truths, count: entries), count: batch.count)
  }
}

extension DictionaryVector {
  /// True when every row of both refers to the entry of the same number.
  fileprivate func isSameRows(as other: DictionaryVector) -> Bool {
    values.count == other.values.count && indices.isSame(as: other.indices) && (validity == nil) == (other.validity == nil)
      && (validity.map { mine in other.validity.map { mine.isSame(as: $0) } ?? false } ?? true)
  }
}

extension BufferSlice {
  fileprivate func isSame(as other: BufferSlice) -> Bool { buffer === other.buffer && byteOffset == other.byteOffset }
}

final class NotNode: EvaluationNode {
  private let operand: EvaluationNode

  init(_ operand: EvaluationNode, _ range: SourceRange) {
    self.operand = operand
    super.init(.boolean, range, over: [operand])
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    let column = try operand.evaluate(batch)
    if let dictionary = column.dictionary, dictionary.values.count < batch.count {
      return .over(dictionary, values: Self.negated(dictionary.values), count: batch.count)
    }
    if column.isConstant && batch.count > 1 { return Self.negated(column.repeated(1)).asConstant(count: batch.count) }
    return Self.negated(column)
  }

  private static func negated(_ column: Column) -> Column {
    let buffer = Buffer(byteCount: column.count)
    defer { withExtendedLifetime(buffer) {} }
    let truths = buffer.base.assumingMemoryBound(to: UInt8.self)
    Truth.read(column, into: truths)
    for row in 0..<column.count { truths[row] = 2 &- truths[row] }
    return Truth.column(truths, count: column.count)
  }
}

final class IsNullNode: EvaluationNode {
  private let operand: EvaluationNode

  init(_ operand: EvaluationNode, _ range: SourceRange) {
    self.operand = operand
    super.init(.boolean, range, over: [operand])
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    let column = try operand.evaluate(batch)
    let count = batch.count
    if column.hasNoValidity { return .constant(.boolean(false), count: count) }
    if column.isConstant { return .constant(.boolean(!ColumnView(column).isValid(0)), count: count) }
    let values = Buffer(byteCount: count)
    let flags = values.base.assumingMemoryBound(to: UInt8.self)
    let view = ColumnView(column)
    if let validity = view.valueValidity, view.isFlat {
      for row in 0..<count { flags[row] = 1 &- validity[row] }
    } else {
      for row in 0..<count { flags[row] = view.isValid(row) ? 0 : 1 }
    }
    return Column(type: .boolean, count: count, values: values)
  }
}

/// NULL instead of a catchable error, row by row only when the whole batch fails.
final class TryNode: EvaluationNode {
  private let operand: EvaluationNode

  init(_ operand: EvaluationNode, _ range: SourceRange) {
    self.operand = operand
    super.init(operand.type, range, over: [operand])
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    do { return try operand.evaluate(batch) } catch {
      guard error.isCatchable else { throw error }
    }
    return try halves(batch)
  }

  /// Divides a failing batch until single rows fail: few bad rows cost few evaluations.
  private func halves(_ batch: Batch) throws(SQLError) -> Column {
    if batch.count == 1 { return .nulls(type, count: 1) }
    let middle = batch.count / 2
    var parts: [Column] = []
    for half in [batch.slice(0, middle), batch.slice(middle, batch.count - middle)] {
      do { parts.append(try operand.evaluate(half)) } catch {
        guard error.isCatchable else { throw error }
        parts.append(try halves(half))
      }
    }
    return .concatenated(parts, type: type)
  }
}

import Columnar
import Functions
import SQLSyntax

/// `value IN (list)`: true for a match, else NULL when the value or an element of the list is NULL, else false.
///
/// A list of literals is looked up in a hash table, once per dictionary entry where there is a dictionary.
final class InListNode: EvaluationNode {
  private let value: EvaluationNode
  private let list: [EvaluationNode]
  private let literals: LiteralSet?
  private var memo = DictionaryMemo()

  static func make(_ value: EvaluationNode, _ list: [EvaluationNode], _ range: SourceRange) throws(SQLError) -> InListNode {
    let isLiteral = list.allSatisfy { $0 is LiteralNode } && !value.type.isNested
    let literals = isLiteral ? LiteralSet(list.compactMap { ($0 as? LiteralNode)?.scalar }, value.type) : nil
    return InListNode(value, list, literals, range)
  }

  private init(_ value: EvaluationNode, _ list: [EvaluationNode], _ literals: LiteralSet?, _ range: SourceRange) {
    self.value = value
    self.list = list
    self.literals = literals
    super.init(.boolean, range, over: [value] + list)
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    let column = try value.evaluate(batch)
    let count = batch.count
    guard let literals else { return try compare(column, batch) }
    if column.isConstant && count > 1 { return literals.test(column.repeated(1)).asConstant(count: count) }
    if let dictionary = column.dictionary, dictionary.values.count > 0 {
      if let known = memo.result(for: dictionary, rows: count), let known {
        return .over(dictionary, values: known, count: count)
      }
      if memo.isWorthwhile(for: dictionary) {
        let result = literals.test(dictionary.values)
        memo.keep(result, for: dictionary)
        return .over(dictionary, values: result, count: count)
      }
    }
    return literals.test(column.flattened())
  }

  /// Elements that are expressions: one comparison each.
  private func compare(_ column: Column, _ batch: Batch) throws(SQLError) -> Column {
    let count = batch.count
    let buffer = Buffer(byteCount: count)
    defer { withExtendedLifetime(buffer) {} }
    let truths = buffer.base.assumingMemoryBound(to: UInt8.self)
    for row in 0..<count { truths[row] = Truth.no }
    for element in list {
      let comparer = RowComparer(column, try element.evaluate(batch))
      for row in 0..<count where truths[row] != Truth.yes {
        switch comparer.equality(row, row) {
        case .equal: truths[row] = Truth.yes
        case .unknown: truths[row] = Truth.unknown
        case .different: break
        }
      }
    }
    return Truth.column(truths, count: count)
  }
}

/// A set of literals of one type.
private final class LiteralSet {
  private let table: GroupTable
  private let scratch = KeyScratch()
  private let hasNull: Bool

  init(_ literals: [Scalar], _ type: SQLType) {
    hasNull = literals.contains(where: \.isNull)
    let builder = ColumnBuilder(type: type, capacity: literals.count)
    // NaN equals nothing, itself included.
    for literal in literals where !literal.isNull && !Self.isNaN(literal.value) { builder.append(literal.value) }
    table = GroupTable(types: [type])
    let column = builder.finish()
    var groups = [UInt32](repeating: 0, count: column.count)
    table.insert([column], count: column.count, groups: &groups)
  }

  private static func isNaN(_ value: ScalarValue) -> Bool {
    switch value {
    case .double(let number): number.isNaN
    case .real(let number): number.isNaN
    default: false
    }
  }

  /// For a flat column.
  func test(_ column: Column) -> Column {
    let count = column.count
    let found = Buffer(byteCount: count * 4)
    defer { withExtendedLifetime(found) {} }
    let groups = found.base.assumingMemoryBound(to: UInt32.self)
    table.find([column], count: count, groups: groups, scratch: scratch)
    let buffer = Buffer(byteCount: count)
    defer { withExtendedLifetime(buffer) {} }
    let truths = buffer.base.assumingMemoryBound(to: UInt8.self)
    let missing = hasNull ? Truth.unknown : Truth.no
    for row in 0..<count { truths[row] = groups[row] == GroupTable.none ? missing : Truth.yes }
    if let validity = column.flat.validity?.pointer(as: UInt8.self) {
      for row in 0..<count where validity[row] == 0 { truths[row] = Truth.unknown }
    }
    return Truth.column(truths, count: count)
  }
}

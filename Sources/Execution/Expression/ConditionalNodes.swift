import Columnar
import SQLSyntax

/// Searched CASE: each branch is evaluated only for the rows that no earlier branch took.
final class CaseNode: EvaluationNode {
  private let conditions: [EvaluationNode]
  private let results: [EvaluationNode]
  private let otherwise: EvaluationNode
  private let selection = Selection()

  init(
    _ conditions: [EvaluationNode], _ results: [EvaluationNode], otherwise: EvaluationNode, _ type: SQLType,
    _ range: SourceRange
  ) {
    self.conditions = conditions
    self.results = results
    self.otherwise = otherwise
    super.init(type, range, over: conditions + results + [otherwise])
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    if batch.count == 0 { return Batch.empty([type]).columns[0] }
    var pieces = RowPieces(count: batch.count)
    /// nil: all rows.
    var open: [UInt32]?
    for (condition, result) in zip(conditions, results) {
      let input = open.map { batch.subset($0, columns: condition.columns) } ?? batch
      let truth = try condition.evaluate(input)
      selection.select(truth)
      let taken = selection.count
      if taken == 0 { continue }
      if taken == input.count {
        guard let rows = open else { return try result.evaluate(batch) }
        pieces.add(try result.evaluate(batch.subset(rows, columns: result.columns)), rows: rows)
        return pieces.finish(type)
      }
      let (rows, rest) = split(open, count: input.count)
      pieces.add(try result.evaluate(batch.subset(rows, columns: result.columns)), rows: rows)
      open = rest
    }
    guard let rows = open else { return try otherwise.evaluate(batch) }
    pieces.add(try otherwise.evaluate(batch.subset(rows, columns: otherwise.columns)), rows: rows)
    return pieces.finish(type)
  }

  /// The selected rows and the others, as rows of the batch.
  private func split(_ open: [UInt32]?, count: Int) -> ([UInt32], [UInt32]) {
    var taken: [UInt32] = []
    var rest: [UInt32] = []
    taken.reserveCapacity(selection.count)
    rest.reserveCapacity(count - selection.count)
    let selected = selection.indices
    var next = 0
    for position in 0..<count {
      let row = open.map { $0[position] } ?? UInt32(truncatingIfNeeded: position)
      if next < selection.count && Int(selected[next]) == position {
        taken.append(row)
        next += 1
      } else {
        rest.append(row)
      }
    }
    return (taken, rest)
  }
}

/// The first operand that is not NULL; later ones are evaluated only for rows that are still NULL.
final class CoalesceNode: EvaluationNode {
  private let operands: [EvaluationNode]

  init(_ operands: [EvaluationNode], _ type: SQLType, _ range: SourceRange) {
    self.operands = operands
    super.init(type, range, over: operands)
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    let first = try operands[0].evaluate(batch)
    if first.hasNoValidity || batch.count == 0 { return first }
    var pieces = RowPieces(count: batch.count)
    var open = allRows(batch.count)
    var column = first
    for (number, operand) in operands.enumerated() {
      if number > 0 { column = try operand.evaluate(batch.subset(open, columns: operand.columns)) }
      let isLast = number == operands.count - 1
      if isLast || column.hasNoValidity {
        if number == 0 { return column }
        pieces.add(column, rows: open)
        return pieces.finish(type)
      }
      let view = ColumnView(column)
      var valid: [UInt32] = []
      var validRows: [UInt32] = []
      var rest: [UInt32] = []
      for (position, row) in open.enumerated() {
        if view.isValid(position) {
          valid.append(UInt32(truncatingIfNeeded: position))
          validRows.append(row)
        } else {
          rest.append(row)
        }
      }
      if rest.isEmpty {
        if number == 0 { return column }
        pieces.add(column, rows: open)
        return pieces.finish(type)
      }
      if !validRows.isEmpty { pieces.add(column.take(valid), rows: validRows) }
      open = rest
    }
    return pieces.finish(type)
  }
}

/// `ROW(a, b)`.
final class MakeRowNode: EvaluationNode {
  private let fields: [EvaluationNode]

  init(_ fields: [EvaluationNode], _ type: SQLType, _ range: SourceRange) {
    self.fields = fields
    super.init(type, range, over: fields)
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    var children: [Column] = []
    for field in fields { children.append(try field.evaluate(batch)) }
    return Column(
      flat: FlatVector(values: BufferSlice(Buffer(byteCount: 0)), children: children), type: type, count: batch.count)
  }
}

/// Field of a row value; NULL where the row is NULL.
final class FieldNode: EvaluationNode {
  private let operand: EvaluationNode
  private let index: Int

  init(_ operand: EvaluationNode, index: Int, _ type: SQLType, _ range: SourceRange) {
    self.operand = operand
    self.index = index
    super.init(type, range, over: [operand])
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    let column = try operand.evaluate(batch)
    switch column.encoding {
    case .flat(let vector): return vector.children[index].nulled(vector.validity)
    case .constant(let vector):
      if batch.count == 0 { return Batch.empty([type]).columns[0] }
      return vector.children[index].slice(0, 1).nulled(vector.validity).flattened().asConstant(count: batch.count)
    case .dictionary(let dictionary):
      let entries = dictionary.values.flat
      return .over(
        dictionary, values: entries.children[index].nulled(entries.validity).flattened(), count: batch.count)
    }
  }
}

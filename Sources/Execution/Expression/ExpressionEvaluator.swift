package import Columnar
import Functions
package import Planner
import SQLSyntax

/// Evaluates one bound expression over batches; owned by one worker, because it keeps scratch and results per dictionary.
///
/// What the column encodings buy happens here: deterministic calls on a dictionary column run once per entry, calls on
/// constants once. CASE, AND, OR, COALESCE and TRY evaluate their operands only for the rows that need them.
package final class ExpressionEvaluator {
  private let root: EvaluationNode

  package init(_ expression: BoundExpression, context: QueryContext) throws {
    root = try EvaluationNode.make(expression, context)
  }

  /// One value per row of the batch, in any encoding.
  package func evaluate(_ batch: Batch) throws -> Column { try root.evaluate(batch) }

  /// Columns of the input that the expression reads.
  package var columns: Set<Int> { root.columns }

  /// Cannot raise an error whatever the data.
  var isSafe: Bool { root.isSafe }

  /// The index of the column that the expression merely repeats.
  package var columnIndex: Int? { (root as? ColumnNode)?.index }

  /// Evaluates an expression without input.
  package static func constant(_ expression: BoundExpression, context: QueryContext) throws -> Scalar {
    let column = try ExpressionEvaluator(expression, context: context).evaluate(Batch(columns: [], count: 1))
    return column.scalar(at: 0)
  }
}

/// One node of an expression made ready for evaluation.
class EvaluationNode {
  let type: SQLType
  let range: SourceRange
  /// Input columns read by this node and those below.
  let columns: Set<Int>
  /// No input, same result every time.
  let isConstant: Bool
  /// Cannot raise an error whatever the data: may be evaluated for rows that do not need it.
  let isSafe: Bool

  init(_ type: SQLType, _ range: SourceRange, columns: Set<Int>, isConstant: Bool, isSafe: Bool) {
    self.type = type
    self.range = range
    self.columns = columns
    self.isConstant = isConstant
    self.isSafe = isSafe
  }

  /// The properties that follow from the operands.
  init(_ type: SQLType, _ range: SourceRange, over operands: [EvaluationNode], addsErrors: Bool = false) {
    self.type = type
    self.range = range
    columns = operands.reduce(into: []) { $0.formUnion($1.columns) }
    isConstant = operands.allSatisfy(\.isConstant)
    isSafe = !addsErrors && operands.allSatisfy(\.isSafe)
  }

  func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    fatalError("abstract")
  }

  static func make(_ expression: BoundExpression, _ context: QueryContext) throws(SQLError) -> EvaluationNode {
    func nodes(_ expressions: [BoundExpression]) throws(SQLError) -> [EvaluationNode] {
      var made: [EvaluationNode] = []
      for expression in expressions { made.append(try make(expression, context)) }
      return made
    }
    switch expression {
    case .column(let index, let type, let range): return ColumnNode(index, type, range)
    case .literal(let scalar, let range): return LiteralNode(scalar, range)
    case .call(let function, let arguments, let range):
      return CallNode(function, try CallArgument.make(arguments, context), range, context)
    case .cast(let operand, let type, let isTry, let range):
      return CastNode(try make(operand, context), to: type, isTry: isTry, range, context)
    case .and(let operands, let range): return KleeneNode(.and, try nodes(operands), range)
    case .or(let operands, let range): return KleeneNode(.or, try nodes(operands), range)
    case .not(let operand, let range): return NotNode(try make(operand, context), range)
    case .isNull(let operand, let range): return IsNullNode(try make(operand, context), range)
    case .caseWhen(let branches, let otherwise, let type, let range):
      let conditions = try nodes(branches.map(\.condition))
      let results = try nodes(branches.map(\.result))
      return CaseNode(conditions, results, otherwise: try make(otherwise, context), type, range)
    case .coalesce(let operands, let type, let range): return CoalesceNode(try nodes(operands), type, range)
    case .inList(let value, let list, let range):
      return try InListNode.make(try make(value, context), try nodes(list), range)
    case .tryCatch(let operand, let range): return TryNode(try make(operand, context), range)
    case .makeRow(let fields, let type, let range): return MakeRowNode(try nodes(fields), type, range)
    case .field(let operand, let index, let type, let range):
      return FieldNode(try make(operand, context), index: index, type, range)
    case .lambda(_, let range): throw .notSupported("A lambda stands only as an argument of a function", range: range)
    case .outerColumn(_, _, _, let range):
      throw .notSupported("The correlated subquery refers to its outer query in a way that cannot be decorrelated", range: range)
    }
  }
}

final class ColumnNode: EvaluationNode {
  let index: Int

  init(_ index: Int, _ type: SQLType, _ range: SourceRange) {
    self.index = index
    super.init(type, range, columns: [index], isConstant: false, isSafe: true)
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column { batch.columns[index] }
}

final class LiteralNode: EvaluationNode {
  let scalar: Scalar
  private let one: Column

  init(_ scalar: Scalar, _ range: SourceRange) {
    self.scalar = scalar
    one = .constant(scalar, count: 1)
    super.init(scalar.type, range, columns: [], isConstant: true, isSafe: true)
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column { one.repeated(batch.count) }
}

extension Column {
  /// A constant column with another number of rows.
  func repeated(_ count: Int) -> Column { Column(type: type, count: count, encoding: encoding) }
}

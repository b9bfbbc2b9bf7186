import Columnar
import Functions
import SQLSyntax

extension BoundExpression {
  /// Whether evaluating the expression for a row may end in an error (overflow, division, a failing cast). False only where it surely
  /// cannot: such expressions may be evaluated for rows that do not ask for them.
  package var mayFail: Bool {
    switch self {
    case .column, .literal, .outerColumn: false
    case .call(let function, let arguments, _): !function.isTotal || arguments.contains(where: \.mayFail)
    case .cast(let operand, let type, let isTry, _):
      operand.mayFail || !(isTry || TypeCoercion.canCoerce(from: operand.type, to: type))
    case .lambda: true
    case .and, .or, .not, .isNull, .caseWhen, .coalesce, .inList, .tryCatch, .makeRow, .field: operands.contains(where: \.mayFail)
    }
  }

  /// The expression for rows where `condition` is true, NULL elsewhere; itself when it cannot fail.
  package func onlyWhere(_ condition: BoundExpression) -> BoundExpression {
    guard mayFail else { return self }
    return .caseWhen(
      [CaseBranch(condition: condition, result: self)], otherwise: .literal(.null(type), range), type: type, range)
  }
}

extension ResolvedScalar {
  /// Has a result for every argument: comparisons, and arithmetic of floating numbers.
  fileprivate var isTotal: Bool {
    switch name {
    case "=", "<>", "<", "<=", ">", ">=", OperatorName.isDistinctFrom: true
    case "+", "-", "*", "/", OperatorName.negate, "abs": resultType == .double || resultType == .real
    default: false
    }
  }
}

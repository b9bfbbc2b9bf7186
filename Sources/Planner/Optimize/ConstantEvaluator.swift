package import Columnar
import Functions
package import SQLSyntax

/// Computes expressions without columns, through the same kernels that run over batches, on columns of one row.
package struct ConstantEvaluator {
  private let context: QueryContext

  package init(context: QueryContext) { self.context = context }

  /// - Throws: what the expression throws for a row, at its place; NOT_SUPPORTED for a lambda or a column.
  package func evaluate(_ expression: BoundExpression) throws(SQLError) -> Scalar {
    switch expression {
    case .literal(let scalar, _): return scalar
    case .column, .outerColumn:
      throw SQLError(.expressionNotConstant, "Expression is not constant", range: expression.range)
    case .lambda: throw SQLError.notSupported("Lambda is not constant", range: expression.range)
    case .call(let function, let arguments, let range):
      var columns: [Column] = []
      for argument in arguments {
        let value = try evaluate(argument)
        if value.isNull, function.propagatesNulls { return .null(function.resultType) }
        columns.append(.constant(value, count: 1))
      }
      // SAFETY: no lambda evaluators are passed, so no pointer is handed over.
      let call = unsafe Functions.FunctionCall(count: 1, resultType: function.resultType, context: context)
      return try scalar(range) { () throws(KernelError) in try function.kernel(columns, call) }
    case .cast(let operand, let type, let isTry, let range):
      let value = try evaluate(operand)
      if value.isNull { return .null(type) }
      return try scalar(range) { () throws(KernelError) in
        try castColumn(.constant(value, count: 1), to: type, isTry: isTry, context: context)
      }
    case .and(let operands, _): return try connective(operands, absorbing: false)
    case .or(let operands, _): return try connective(operands, absorbing: true)
    case .not(let operand, _):
      if case .boolean(let value) = try evaluate(operand).value { return .boolean(!value) }
      return .null(.boolean)
    case .isNull(let operand, _): return .boolean(try evaluate(operand).isNull)
    case .caseWhen(let branches, let otherwise, _, _):
      for branch in branches where try evaluate(branch.condition).value == .boolean(true) {
        return try evaluate(branch.result)
      }
      return try evaluate(otherwise)
    case .coalesce(let operands, let type, _):
      for operand in operands {
        let value = try evaluate(operand)
        if !value.isNull { return value }
      }
      return .null(type)
    case .inList(let value, let list, let range): return try membership(value, list, range)
    case .tryCatch(let operand, _):
      do throws(SQLError) {
        return try evaluate(operand)
      } catch {
        guard KernelError(error.code.name, "").isCatchable else { throw error }
        return .null(operand.type)
      }
    case .makeRow(let operands, let type, _):
      var values: [ScalarValue] = []
      for operand in operands { values.append(try evaluate(operand).value) }
      return Scalar(type, .row(values))
    case .field(let operand, let index, let type, _):
      guard case .row(let values) = try evaluate(operand).value, values.indices.contains(index) else { return .null(type) }
      return Scalar(type, values[index])
    }
  }

  /// Three-valued AND (absorbing false) or OR (absorbing true).
  private func connective(_ operands: [BoundExpression], absorbing: Bool) throws(SQLError) -> Scalar {
    var sawNull = false
    for operand in operands {
      guard case .boolean(let value) = try evaluate(operand).value else {
        sawNull = true
        continue
      }
      if value == absorbing { return .boolean(absorbing) }
    }
    return sawNull ? .null(.boolean) : .boolean(!absorbing)
  }

  private func membership(
    _ value: BoundExpression, _ list: [BoundExpression], _ range: SourceRange
  ) throws(SQLError) -> Scalar {
    let wanted = try evaluate(value)
    if wanted.isNull { return .null(.boolean) }
    let equal: ResolvedScalar
    do {
      equal = try FunctionLibrary.standard.resolveScalar("=", [wanted.type, wanted.type])
    } catch {
      throw SQLError(functionError: error, range: range)
    }
    var sawNull = false
    for item in list {
      let test = BoundExpression.call(equal, [.literal(wanted, range), item], range)
      switch try evaluate(test).value {
      case .boolean(true): return .boolean(true)
      case .null: sawNull = true
      default: break
      }
    }
    return sawNull ? .null(.boolean) : .boolean(false)
  }

  private func scalar(
    _ range: SourceRange, _ compute: () throws(KernelError) -> Column
  ) throws(SQLError) -> Scalar {
    let column: Column
    do throws(KernelError) {
      column = try compute()
    } catch {
      throw SQLError(.named(error.code), error.message, range: range)
    }
    guard column.count == 1 else {
      throw SQLError(.genericInternalError, "A function gave \(column.count) rows for one", range: range)
    }
    return column.scalar(at: 0)
  }
}

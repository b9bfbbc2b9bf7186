import Columnar
import Functions
import SQLSyntax

/// Computes what does not depend on the rows, and removes conditions that are decided.
///
/// An expression that fails is left as it is: whether and for which row it is evaluated is decided at run time.
struct ConstantFolding {
  let functions: FunctionLibrary
  let context: QueryContext

  func apply(_ plan: LogicalPlan) -> LogicalPlan {
    plan.transformedBottomUp { node in
      let folded = node.mapExpressions(fold)
      guard case .filter(let input, let predicate) = folded else { return folded }
      return predicate.isTrueLiteral ? input : folded
    }
  }

  func fold(_ expression: BoundExpression) -> BoundExpression {
    if case .lambda(var lambda, let range) = expression {
      lambda.captures = lambda.captures.map(fold)
      lambda.body = fold(lambda.body)
      return .lambda(lambda, range)
    }
    switch expression {
    case .column, .literal, .outerColumn: return expression
    default: return simplified(expression.mapOperands(fold))
    }
  }

  /// The operands are folded already.
  private func simplified(_ expression: BoundExpression) -> BoundExpression {
    let range = expression.range
    switch expression {
    case .and(let operands, _): return connective(operands, absorbing: false, range)
    case .or(let operands, _): return connective(operands, absorbing: true, range)
    case .not(let operand, _):
      if case .not(let inner, _) = operand { return inner }
      if case .boolean(let value)? = operand.literalValue?.value { return .literal(.boolean(!value), range) }
      return operand.isNullLiteral ? .literal(.null(.boolean), range) : expression
    case .isNull(let operand, _):
      guard let value = operand.literalValue else { return expression }
      return .literal(.boolean(value.isNull), range)
    case .caseWhen(let branches, let otherwise, let type, _):
      return caseWhen(branches, otherwise, type, range)
    case .coalesce(let operands, let type, _):
      var kept: [BoundExpression] = []
      for operand in operands where !operand.isNullLiteral {
        kept.append(operand)
        if operand.literalValue != nil { break }
      }
      if kept.isEmpty { return .literal(.null(type), range) }
      return kept.count == 1 ? kept[0] : .coalesce(kept, type: type, range)
    case .call(let function, let arguments, _):
      if function.propagatesNulls, function.isDeterministic, arguments.contains(where: \.isNullLiteral) {
        return .literal(.null(function.resultType), range)
      }
      if function.isDeterministic, arguments.allSatisfy({ $0.literalValue != nil }) { return evaluated(expression) }
      return comparison(function.name, arguments, range) ?? expression
    case .cast(let operand, let type, _, _):
      if operand.type == type { return operand }
      return operand.literalValue != nil ? evaluated(expression) : expression
    case .inList(let value, let list, _):
      if value.isNullLiteral { return .literal(.null(.boolean), range) }
      if value.literalValue != nil, list.allSatisfy({ $0.literalValue != nil }) { return evaluated(expression) }
      return narrowedList(value, list, range) ?? expression
    case .makeRow(let operands, _, _):
      return operands.allSatisfy { $0.literalValue != nil } ? evaluated(expression) : expression
    case .field(let operand, let index, _, _):
      if case .makeRow(let operands, _, _) = operand { return operands[index] }
      return operand.literalValue != nil ? evaluated(expression) : expression
    case .tryCatch(let operand, _): return operand.literalValue != nil ? operand : expression
    case .column, .literal, .outerColumn, .lambda: return expression
    }
  }

  private func evaluated(_ expression: BoundExpression) -> BoundExpression {
    // An error now is an error then, for the rows that get there.
    guard let value = try? ConstantEvaluator(context: context).evaluate(expression) else { return expression }
    return .literal(value, expression.range)
  }

  /// Drops decided terms; `absorbing` decides the whole.
  private func connective(_ operands: [BoundExpression], absorbing: Bool, _ range: SourceRange) -> BoundExpression {
    var kept: [BoundExpression] = []
    var seen: Set<BoundExpression> = []
    for operand in operands {
      let parts: [BoundExpression] =
        switch operand {
        case .and(let inner, _) where !absorbing: inner
        case .or(let inner, _) where absorbing: inner
        default: [operand]
        }
      for part in parts {
        if case .boolean(let value)? = part.literalValue?.value {
          if value == absorbing { return .literal(.boolean(absorbing), range) }
          continue
        }
        if part.isDeterministic, !seen.insert(part).inserted { continue }
        kept.append(part)
      }
    }
    if kept.isEmpty { return .literal(.boolean(!absorbing), range) }
    if kept.count == 1 { return kept[0] }
    return absorbing ? .or(kept, range) : .and(kept, range)
  }

  private func caseWhen(
    _ branches: [CaseBranch], _ otherwise: BoundExpression, _ type: SQLType, _ range: SourceRange
  ) -> BoundExpression {
    var kept: [CaseBranch] = []
    var rest = otherwise
    for branch in branches {
      if branch.condition.isFalseLiteral || branch.condition.isNullLiteral { continue }
      if branch.condition.isTrueLiteral {
        rest = branch.result
        break
      }
      kept.append(branch)
    }
    return kept.isEmpty ? rest : .caseWhen(kept, otherwise: rest, type: type, range)
  }

  // MARK: Comparisons of widened columns

  /// `CAST(x AS bigint) = 5` is `x = 5` when the literal has an exact counterpart in x's type: the column can then be compared,
  /// looked up in a dictionary and pruned as it is stored.
  private func comparison(_ name: String, _ arguments: [BoundExpression], _ range: SourceRange) -> BoundExpression? {
    guard arguments.count == 2, ["=", "<>", "<", "<=", ">", ">="].contains(name) else { return nil }
    for (wide, constant) in [(0, 1), (1, 0)] {
      guard case .cast(let inner, let type, false, _) = arguments[wide], let literal = arguments[constant].literalValue,
        Self.isExactWidening(from: inner.type, to: type), let narrow = narrowed(literal, to: inner.type),
        let function = try? functions.resolveScalar(name, [inner.type, inner.type]),
        function.argumentTypes == [inner.type, inner.type]
      else { continue }
      let constantExpression = BoundExpression.literal(narrow, arguments[constant].range)
      return .call(function, wide == 0 ? [inner, constantExpression] : [constantExpression, inner], range)
    }
    return nil
  }

  private func narrowedList(
    _ value: BoundExpression, _ list: [BoundExpression], _ range: SourceRange
  ) -> BoundExpression? {
    guard case .cast(let inner, let type, false, _) = value, Self.isExactWidening(from: inner.type, to: type) else { return nil }
    var narrow: [BoundExpression] = []
    for item in list {
      guard let literal = item.literalValue, let scalar = narrowed(literal, to: inner.type) else { return nil }
      narrow.append(.literal(scalar, item.range))
    }
    return .inList(inner, narrow, range)
  }

  /// The value in a narrower type, if going there and back gives it again.
  private func narrowed(_ scalar: Scalar, to type: SQLType) -> Scalar? {
    if scalar.isNull { return .null(type) }
    let evaluator = ConstantEvaluator(context: context)
    let cast = BoundExpression.cast(.literal(scalar, .unknown), to: type, isTry: true, .unknown)
    guard let narrow = try? evaluator.evaluate(cast), !narrow.isNull else { return nil }
    let back = BoundExpression.cast(.literal(narrow, .unknown), to: scalar.type, isTry: true, .unknown)
    guard let wide = try? evaluator.evaluate(back), wide == scalar else { return nil }
    return narrow
  }

  /// Different values stay different and in the same order.
  static func isExactWidening(from source: SQLType, to target: SQLType) -> Bool {
    switch (source, target) {
    case (.tinyint, .smallint), (.tinyint, .integer), (.tinyint, .bigint), (.smallint, .integer), (.smallint, .bigint),
      (.integer, .bigint), (.tinyint, .double), (.smallint, .double), (.integer, .double), (.real, .double),
      (.tinyint, .real), (.smallint, .real):
      return true
    case (.tinyint, .decimal(let precision, let scale)): return precision - scale >= 3
    case (.smallint, .decimal(let precision, let scale)): return precision - scale >= 5
    case (.integer, .decimal(let precision, let scale)): return precision - scale >= 10
    case (.bigint, .decimal(let precision, let scale)): return precision - scale >= 19
    case (.decimal(let precision, let scale), .decimal(let otherPrecision, let otherScale)):
      return otherScale >= scale && otherPrecision - otherScale >= precision - scale
    case (.varchar(let length?), .varchar(let other)): return (other ?? Int.max) >= length
    case (.date, .timestamp): return true
    case (.timestamp(let precision), .timestamp(let other)), (.timestampTZ(let precision), .timestampTZ(let other)),
      (.time(let precision), .time(let other)), (.timeTZ(let precision), .timeTZ(let other)):
      return other >= precision
    default: return false
    }
  }
}

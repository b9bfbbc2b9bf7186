import Columnar
import Functions

/// Two expressions are equal when they compute the same from the same columns; where they were written takes no part.
///
/// Two calls of a function that is not deterministic are equal too: `GROUP BY random()` is one key, as in Trino.
extension BoundExpression: Hashable {
  package static func == (left: BoundExpression, right: BoundExpression) -> Bool {
    switch (left, right) {
    case (.column(let index, let type, _), .column(let otherIndex, let otherType, _)):
      return index == otherIndex && type == otherType
    case (.outerColumn(let level, let index, let type, _), .outerColumn(let otherLevel, let otherIndex, let otherType, _)):
      return level == otherLevel && index == otherIndex && type == otherType
    case (.literal(let scalar, _), .literal(let other, _)): return scalar == other
    case (.call(let function, let arguments, _), .call(let other, let otherArguments, _)):
      return function.isSame(as: other) && arguments == otherArguments
    case (.cast(let operand, let type, let isTry, _), .cast(let other, let otherType, let otherIsTry, _)):
      return isTry == otherIsTry && type == otherType && operand == other
    case (.and(let operands, _), .and(let others, _)), (.or(let operands, _), .or(let others, _)):
      return operands == others
    case (.not(let operand, _), .not(let other, _)), (.isNull(let operand, _), .isNull(let other, _)),
      (.tryCatch(let operand, _), .tryCatch(let other, _)):
      return operand == other
    case (.caseWhen(let branches, let otherwise, let type, _), .caseWhen(let others, let otherOtherwise, let otherType, _)):
      return type == otherType && branches.count == others.count && otherwise == otherOtherwise
        && zip(branches, others).allSatisfy { $0.condition == $1.condition && $0.result == $1.result }
    case (.coalesce(let operands, let type, _), .coalesce(let others, let otherType, _)),
      (.makeRow(let operands, let type, _), .makeRow(let others, let otherType, _)):
      return type == otherType && operands == others
    case (.inList(let value, let list, _), .inList(let other, let otherList, _)):
      return value == other && list == otherList
    case (.field(let operand, let index, let type, _), .field(let other, let otherIndex, let otherType, _)):
      return index == otherIndex && type == otherType && operand == other
    case (.lambda(let lambda, _), .lambda(let other, _)):
      return lambda.parameterTypes == other.parameterTypes && lambda.captures == other.captures && lambda.body == other.body
    default: return false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .column(let index, _, _):
      hasher.combine(0)
      hasher.combine(index)
    case .outerColumn(let level, let index, _, _):
      hasher.combine(1)
      hasher.combine(level)
      hasher.combine(index)
    case .literal(let scalar, _):
      hasher.combine(2)
      hasher.combine(scalar)
    case .call(let function, _, _): hasher.combine(function.name)
    case .cast(_, let type, _, _): hasher.combine(type)
    case .and: hasher.combine(3)
    case .or: hasher.combine(4)
    case .not: hasher.combine(5)
    case .isNull: hasher.combine(6)
    case .caseWhen: hasher.combine(7)
    case .coalesce: hasher.combine(8)
    case .inList: hasher.combine(9)
    case .tryCatch: hasher.combine(10)
    case .makeRow: hasher.combine(11)
    case .field(_, let index, _, _): hasher.combine(100 &+ index)
    case .lambda(let lambda, _): hasher.combine(lambda.body)
    }
    for operand in operands { operand.hash(into: &hasher) }
  }
}

extension ResolvedScalar {
  /// Overloads are told apart by name and types: their kernels cannot be compared.
  func isSame(as other: ResolvedScalar) -> Bool {
    name == other.name && argumentTypes == other.argumentTypes && resultType == other.resultType
  }
}

extension ResolvedAggregate {
  func isSame(as other: ResolvedAggregate) -> Bool {
    name == other.name && argumentTypes == other.argumentTypes && resultType == other.resultType
  }
}

extension SortKey: Hashable {
  package static func == (left: SortKey, right: SortKey) -> Bool {
    left.expression == right.expression && left.isDescending == right.isDescending && left.nullsFirst == right.nullsFirst
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(expression)
    hasher.combine(isDescending)
    hasher.combine(nullsFirst)
  }
}

extension AggregateCall {
  /// Computes the same value: used to evaluate one call that is written several times once.
  func isSame(as other: AggregateCall) -> Bool {
    function.isSame(as: other.function) && arguments == other.arguments && isDistinct == other.isDistinct
      && filter == other.filter && order == other.order && lambdas.map(\.body) == other.lambdas.map(\.body)
  }

  func hashValue(into hasher: inout Hasher) {
    hasher.combine(function.name)
    hasher.combine(arguments)
    hasher.combine(isDistinct)
    hasher.combine(filter)
    hasher.combine(order)
  }
}

/// An aggregate call as a dictionary key.
struct AggregateCallKey: Hashable {
  let call: AggregateCall
  static func == (left: AggregateCallKey, right: AggregateCallKey) -> Bool { left.call.isSame(as: right.call) }
  func hash(into hasher: inout Hasher) { call.hashValue(into: &hasher) }
}

import Columnar
import Functions
import SQLSyntax

/// An expression whose every part has a number, the same for parts that are equal. Whoever looks for equal parts compares numbers then, not
/// trees, which in a chain of n operators would be n²/2 nodes to hash.
package struct NumberedExpression: Sendable {
  package let expression: BoundExpression
  package let number: Int
  /// In the order of `expression.operands`.
  package let operands: [NumberedExpression]
  /// As `BoundExpression.isDeterministic`, of the whole.
  let isDeterministic: Bool
  /// As `BoundExpression.isConstant`, of the whole.
  let isConstant: Bool
}

/// Gives numbers to expressions. Each node is hashed once, with its operands' numbers in their place.
package struct ExpressionNumbers: Sendable {
  private var numbers: [BoundExpression: Int] = [:]
  /// How many nodes were looked at.
  package private(set) var visitCount = 0

  package init() {}

  /// How many different expressions there are.
  package var count: Int { numbers.count }

  package mutating func numbered(_ expression: BoundExpression) -> NumberedExpression {
    visitCount += 1
    var operands: [NumberedExpression] = []
    // No input has columns below zero.
    let node = expression.mapOperands { operand in
      let numbered = self.numbered(operand)
      operands.append(numbered)
      return .column(-1 - numbered.number, operand.type, .unknown)
    }
    let number = numbers[node] ?? numbers.count
    if number == numbers.count { numbers[node] = number }
    var isDeterministic = operands.allSatisfy(\.isDeterministic)
    var isConstant = operands.allSatisfy(\.isConstant)
    switch expression {
    case .column, .outerColumn: isConstant = false
    case .call(let function, _, _): isDeterministic = isDeterministic && function.isDeterministic
    case .lambda(let lambda, _): isDeterministic = isDeterministic && lambda.body.isDeterministic
    case .literal, .cast, .and, .or, .not, .isNull, .caseWhen, .coalesce, .inList, .tryCatch, .makeRow, .field: break
    }
    return NumberedExpression(
      expression: expression, number: number, operands: operands, isDeterministic: isDeterministic, isConstant: isConstant)
  }
}

extension NumberedExpression {
  /// The expression with other parts where `replacement` gives some; what is replaced is not entered.
  func replacing(_ replacement: (NumberedExpression) -> BoundExpression?) -> BoundExpression {
    if let replaced = replacement(self) { return replaced }
    var next = 0
    return expression.mapOperands { _ in
      defer { next += 1 }
      return operands[next].replacing(replacement)
    }
  }
}

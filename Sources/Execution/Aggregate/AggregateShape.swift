import Columnar
import Functions
import Planner
import SQLSyntax

/// An aggregation as the operator runs it: what to compute from the input first, and which of those columns each part uses.
///
/// The computed columns are what an aggregation spills, so that replaying needs no expressions.
struct AggregateShape: Sendable {
  /// One aggregate call; positions are columns of the computed input.
  struct Call: Sendable {
    let function: ResolvedAggregate
    let arguments: [Int]
    let filter: Int?
    let isDistinct: Bool
    let order: [Order]
    let lambdas: [BoundLambda]
    let range: SourceRange
  }

  struct Order: Sendable {
    let column: Int
    let isDescending: Bool
    let nullsFirst: Bool
  }

  /// The first `keyTypes.count` are the keys.
  let expressions: [BoundExpression]
  let keyTypes: [SQLType]
  let groupingSets: [[Int]]
  let calls: [Call]

  init(_ node: AggregateNode) {
    var expressions = node.keys.map(\.expression)
    func place(_ expression: BoundExpression) -> Int {
      if case .column(let index, _, _) = expression {
        for (position, known) in expressions.enumerated() {
          if case .column(index, _, _) = known { return position }
        }
      }
      expressions.append(expression)
      return expressions.count - 1
    }
    calls = node.aggregates.map { call in
      // Rows that the filter drops must not make an argument fail.
      let arguments = call.filter.map { filter in call.arguments.map { $0.onlyWhere(filter) } } ?? call.arguments
      return Call(
        function: call.function, arguments: arguments.map(place), filter: call.filter.map(place),
        isDistinct: call.isDistinct && !call.function.ignoresDuplicates,
        order: !call.function.isOrderSensitive
          ? []
          : call.order.map {
            Order(column: place($0.expression), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
          }, lambdas: call.lambdas, range: call.range)
    }
    self.expressions = expressions
    keyTypes = node.keys.map(\.expression.type)
    groupingSets = node.groupingSets
  }

  var inputTypes: [SQLType] { expressions.map(\.type) }
}

import Columnar
import Functions
import Planner
import SQLSyntax

extension ResolvedAggregate {
  /// A state with the lambdas of the call, if it has any.
  func makeState(_ lambdas: [BoundLambda], _ range: SourceRange, _ context: QueryContext) -> any AggregateState {
    let state = makeState(context)
    if let state = state as? any LambdaAggregateState {
      state.lambdas = lambdas.map { Self.evaluator($0, range, context) }
    }
    return state
  }

  /// Evaluates a lambda that captures nothing; made ready when it is first called.
  private static func evaluator(_ lambda: BoundLambda, _ range: SourceRange, _ context: QueryContext) -> LambdaEvaluator {
    var body: EvaluationNode?
    return { (parameters: [Column], _: UnsafePointer<UInt32>, count: Int) throws(KernelError) -> Column in
      do throws(SQLError) {
        let node: EvaluationNode
        if let body {
          node = body
        } else {
          node = try EvaluationNode.make(lambda.body, context)
          body = node
        }
        if count == 0 { return Batch.empty([node.type]).columns[0] }
        return try node.evaluate(Batch(columns: parameters, count: count))
      } catch {
        throw KernelError(error.code.name, error.message)
      }
    }
  }
}

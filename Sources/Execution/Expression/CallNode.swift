import Columnar
import Functions
import Planner
import SQLSyntax

/// An argument of a call: a value, or a lambda with what it captures.
enum CallArgument {
  case value(EvaluationNode)
  case lambda(LambdaNode)

  static func make(_ arguments: [BoundExpression], _ context: QueryContext) throws(SQLError) -> [CallArgument] {
    var made: [CallArgument] = []
    for argument in arguments {
      if case .lambda(let lambda, let range) = argument {
        made.append(.lambda(try LambdaNode(lambda, range, context)))
      } else {
        made.append(.value(try EvaluationNode.make(argument, context)))
      }
    }
    return made
  }

  var columns: Set<Int> {
    switch self {
    case .value(let node): node.columns
    case .lambda(let lambda): lambda.captures.reduce(into: []) { $0.formUnion($1.columns) }
    }
  }
}

/// A lambda's body, and the columns of the enclosing input that it reads.
final class LambdaNode {
  let captures: [EvaluationNode]
  let body: EvaluationNode
  let type: SQLType

  init(_ lambda: BoundLambda, _ range: SourceRange, _ context: QueryContext) throws(SQLError) {
    var captures: [EvaluationNode] = []
    for capture in lambda.captures { captures.append(try EvaluationNode.make(capture, context)) }
    self.captures = captures
    body = try EvaluationNode.make(lambda.body, context)
    type = body.type
  }
}

/// A function or operator.
final class CallNode: EvaluationNode {
  private let function: ResolvedScalar
  private let arguments: [CallArgument]
  private let context: QueryContext
  /// Position of the only argument that is not a constant expression, when results per dictionary may be kept.
  private let onlyVariable: Int?
  private let hasLambda: Bool
  private var memo = DictionaryMemo()

  /// Operators that cannot fail on any data.
  private static let safeFunctions: Set<String> = ["=", "<>", "<", "<=", ">", ">=", "is distinct from"]

  init(_ function: ResolvedScalar, _ arguments: [CallArgument], _ range: SourceRange, _ context: QueryContext) {
    self.function = function
    self.arguments = arguments
    self.context = context
    var values: [EvaluationNode] = []
    var variables: [Int] = []
    var hasLambda = false
    for (position, argument) in arguments.enumerated() {
      switch argument {
      case .value(let node):
        values.append(node)
        if !node.isConstant { variables.append(position) }
      case .lambda:
        hasLambda = true
        variables.append(position)
      }
    }
    self.hasLambda = hasLambda
    onlyVariable = variables.count == 1 && !hasLambda && function.isDeterministic ? variables[0] : nil
    super.init(
      function.resultType, range, columns: arguments.reduce(into: []) { $0.formUnion($1.columns) },
      isConstant: function.isDeterministic && !hasLambda && values.allSatisfy(\.isConstant),
      isSafe: !hasLambda && Self.safeFunctions.contains(function.name) && values.allSatisfy(\.isSafe))
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    var columns: [Column] = []
    columns.reserveCapacity(arguments.count)
    for argument in arguments {
      switch argument {
      case .value(let node): columns.append(try node.evaluate(batch))
      case .lambda(let lambda): columns.append(.nulls(lambda.type, count: batch.count))
      }
    }
    if hasLambda { return try callWithLambdas(columns, batch) }
    if function.isDeterministic {
      if batch.count > 1, columns.allSatisfy(\.isConstant) {
        return try call(columns.map { $0.repeated(1) }, count: 1).asConstant(count: batch.count)
      }
      if let result = try callPerEntry(columns, count: batch.count) { return result }
    }
    return try call(columns, count: batch.count)
  }

  private func call(_ columns: [Column], count: Int) throws(SQLError) -> Column {
    do {
      return try run(columns, FunctionCall(count: count, resultType: function.resultType, context: context))
    } catch { throw error.located(at: range) }
  }

  /// Runs the kernel on columns that live until it returns. Kernels read through bare pointers: a dictionary that they flattened
  /// themselves could be freed before its last value is read.
  private func run(_ columns: [Column], _ call: Functions.FunctionCall) throws(KernelError) -> Column {
    let plain = columns.map { $0.dictionary == nil ? $0 : $0.flattened() }
    return try withExtendedLifetime(plain) { () throws(KernelError) -> Column in try function.kernel(plain, call) }
  }

  /// Runs the call once per dictionary entry, when one argument is a dictionary and the others are constants.
  ///
  /// Entries that no row refers to may fail where no row does; then the rows themselves are computed.
  private func callPerEntry(_ columns: [Column], count: Int) throws(SQLError) -> Column? {
    guard let position = Self.onlyDictionary(columns), let dictionary = columns[position].dictionary else { return nil }
    if dictionary.validity != nil && !function.propagatesNulls { return nil }
    let entries = dictionary.values.count
    if entries == 0 { return nil }
    let mayKeep = onlyVariable == position
    if mayKeep, let known = memo.result(for: dictionary, rows: count) {
      guard let known else { return nil }
      return Column.over(dictionary, values: known, count: count)
    }
    guard mayKeep ? memo.isWorthwhile(for: dictionary) : entries <= count else { return nil }
    let arguments = columns.enumerated().map { $0 == position ? dictionary.values : $1.repeated(entries) }
    let result: Column
    do {
      result = try run(
        arguments, FunctionCall(count: entries, resultType: function.resultType, context: context)
      ).flattened()
    } catch {
      if mayKeep { memo.keep(nil, for: dictionary) }
      return nil
    }
    if mayKeep { memo.keep(result, for: dictionary) }
    return Column.over(dictionary, values: result, count: count)
  }

  /// The position of the only column that is not constant, if it is a dictionary.
  private static func onlyDictionary(_ columns: [Column]) -> Int? {
    var found: Int?
    for (position, column) in columns.enumerated() where !column.isConstant {
      if found != nil || column.dictionary == nil { return nil }
      found = position
    }
    return found
  }

  private func callWithLambdas(_ columns: [Column], _ batch: Batch) throws(SQLError) -> Column {
    let failure = LambdaFailure()
    var evaluators: [LambdaEvaluator] = []
    for argument in arguments {
      guard case .lambda(let lambda) = argument else { continue }
      var captured: [Column] = []
      for capture in lambda.captures { captured.append(try capture.evaluate(batch)) }
      let bound = BoundBody(body: lambda.body, captured: captured, failure: failure)
      evaluators.append(bound.evaluate)
    }
    do {
      return try function.kernel(
        columns,
        FunctionCall(count: batch.count, resultType: function.resultType, context: context, lambdas: evaluators))
    } catch {
      // The error of the lambda's body knows its place better than the call does.
      if let inner = failure.error, inner.code.name == error.code { throw inner }
      throw error.located(at: range)
    }
  }

  private final class LambdaFailure { var error: SQLError? }

  /// A lambda's body with the captured columns of one batch.
  private struct BoundBody {
    let body: EvaluationNode
    let captured: [Column]
    let failure: LambdaFailure

    func evaluate(_ parameters: [Column], _ rows: UnsafePointer<UInt32>, _ count: Int) throws(KernelError) -> Column {
      if count == 0 { return Batch.empty([body.type]).columns[0] }
      let input = Batch(columns: parameters + captured.map { $0.take(rows, count: count) }, count: count)
      do throws(SQLError) {
        return try body.evaluate(input)
      } catch {
        failure.error = error
        throw KernelError(error.code.name, error.message)
      }
    }
  }
}

/// CAST and TRY_CAST.
final class CastNode: EvaluationNode {
  private let operand: EvaluationNode
  private let isTry: Bool
  private let context: QueryContext
  private var memo = DictionaryMemo()

  init(_ operand: EvaluationNode, to type: SQLType, isTry: Bool, _ range: SourceRange, _ context: QueryContext) {
    self.operand = operand
    self.isTry = isTry
    self.context = context
    super.init(type, range, over: [operand], addsErrors: !isTry)
  }

  override func evaluate(_ batch: Batch) throws(SQLError) -> Column {
    let column = try operand.evaluate(batch)
    if column.type == type { return column }
    if column.isConstant && batch.count > 1 {
      return try cast(column.repeated(1)).asConstant(count: batch.count)
    }
    if let dictionary = column.dictionary, dictionary.values.count > 0 {
      if let known = memo.result(for: dictionary, rows: batch.count) {
        if let known { return Column.over(dictionary, values: known, count: batch.count) }
      } else if memo.isWorthwhile(for: dictionary) {
        let result: Column?
        do { result = try castColumn(dictionary.values, to: type, isTry: isTry, context: context).flattened() } catch {
          result = nil
        }
        memo.keep(result, for: dictionary)
        if let result { return Column.over(dictionary, values: result, count: batch.count) }
      }
    }
    return try cast(column)
  }

  private func cast(_ column: Column) throws(SQLError) -> Column {
    do { return try castColumn(column, to: type, isTry: isTry, context: context) } catch {
      throw error.located(at: range)
    }
  }
}

package import Columnar

/// What a scalar function's body is handed beside its arguments.
package struct FunctionCall {
  /// Rows to produce.
  package let count: Int
  package let resultType: SQLType
  package let context: QueryContext
  /// One per lambda argument, in order.
  package let lambdas: [LambdaEvaluator]

  package init(count: Int, resultType: SQLType, context: QueryContext, lambdas: [LambdaEvaluator] = []) {
    self.count = count
    self.resultType = resultType
    self.context = context
    self.lambdas = lambdas
  }
}

/// Evaluates a lambda's body for many elements at once.
///
/// - `parameters`: one column per lambda parameter, all of `count` elements.
/// - `rows`: for each element the row of the call it belongs to; captured columns are read there.
package typealias LambdaEvaluator = (_ parameters: [Column], _ rows: UnsafePointer<UInt32>, _ count: Int)
  throws(KernelError) -> Column

/// A batch-level function body: argument columns of `call.count` rows in any encoding -> result column of the same count.
package typealias ScalarKernel = @Sendable (_ arguments: [Column], _ call: FunctionCall) throws(KernelError) -> Column

/// A scalar function chosen for given argument types; what a bound call holds.
package struct ResolvedScalar: Sendable {
  package let name: String
  /// Types that the arguments must be cast to first. Lambda arguments stand as their result type.
  package let argumentTypes: [SQLType]
  package let resultType: SQLType
  /// Same inputs give the same output: may be folded, and evaluated once per dictionary entry or constant.
  package let isDeterministic: Bool
  /// Any NULL argument makes the result NULL (Trino's default); otherwise the body handles NULLs itself.
  package let propagatesNulls: Bool
  package let kernel: ScalarKernel

  package init(
    name: String, argumentTypes: [SQLType], resultType: SQLType, isDeterministic: Bool = true,
    propagatesNulls: Bool = true, kernel: @escaping ScalarKernel
  ) {
    self.name = name
    self.argumentTypes = argumentTypes
    self.resultType = resultType
    self.isDeterministic = isDeterministic
    self.propagatesNulls = propagatesNulls
    self.kernel = kernel
  }
}

/// An argument as the binder knows it while it looks for the function.
package enum ArgumentType: Sendable, Hashable {
  case value(SQLType)
  /// A lambda of that many parameters; its types follow from the other arguments.
  case lambda(parameterCount: Int)
}

package import Columnar

/// The accumulators of one aggregate call for many groups, owned by one worker.
///
/// Group numbers are dense from 0. The hash table calls it once per batch, never per row.
package protocol AggregateState: AnyObject {
  /// Makes room for groups `0 ..< groupCount`; new groups start empty. Never shrinks.
  func resize(groupCount: Int)
  /// Adds rows: row `i` of every argument belongs to group `groups[i]`. NULL handling is the function's own.
  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError)
  /// Adds another worker's state of the same function: its group `i` goes to `groupMap[i]`.
  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError)
  /// Results for groups `start ..< start + count`.
  func finish(start: Int, count: Int) throws(KernelError) -> Column
  /// Bytes held, for memory accounting.
  var byteCount: Int { get }
}

/// A state of which single groups can be merged, at a cost that depends on those alone: one with a value of its own for each group.
package protocol GroupwiseAggregateState: AggregateState {
  /// Adds groups of another worker's state of the same function: its group `groups[i]` goes to `targets[i]`.
  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError)
}

extension GroupwiseAggregateState {
  package func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    other.resize(groupCount: count)
    if count == 1 {
      var group: UInt32 = 0
      return try merge(other, groups: &group, into: groupMap, count: 1)
    }
    let groups = (0..<UInt32(truncatingIfNeeded: count)).map { $0 }
    try merge(other, groups: groups, into: groupMap, count: count)
  }
}

/// An aggregate with lambda arguments: they are set before the first row.
package protocol LambdaAggregateState: AggregateState {
  /// In the order of the arguments. The rows handed to them are numbered 0 ..< count: nothing can be captured.
  var lambdas: [LambdaEvaluator] { get set }
}

/// An aggregate function chosen for given argument types.
package struct ResolvedAggregate: Sendable {
  package let name: String
  package let argumentTypes: [SQLType]
  package let resultType: SQLType
  /// The result depends on the order of rows (array_agg, listagg); ORDER BY inside the call is honoured for these.
  package let isOrderSensitive: Bool
  /// min, max and the like: DISTINCT changes nothing and is dropped.
  package let ignoresDuplicates: Bool
  package let makeState: @Sendable (QueryContext) -> any AggregateState

  package init(
    name: String, argumentTypes: [SQLType], resultType: SQLType, isOrderSensitive: Bool = false,
    ignoresDuplicates: Bool = false, makeState: @escaping @Sendable (QueryContext) -> any AggregateState
  ) {
    self.name = name
    self.argumentTypes = argumentTypes
    self.resultType = resultType
    self.isOrderSensitive = isOrderSensitive
    self.ignoresDuplicates = ignoresDuplicates
    self.makeState = makeState
  }
}

/// The window functions that are not aggregates. Arguments and result types are resolved by `FunctionLibrary.resolveWindow`.
package enum WindowFunctionKind: String, Sendable, CaseIterable {
  case rowNumber = "row_number"
  case rank
  case denseRank = "dense_rank"
  case percentRank = "percent_rank"
  case cumeDist = "cume_dist"
  case ntile
  case lag
  case lead
  case firstValue = "first_value"
  case lastValue = "last_value"
  case nthValue = "nth_value"
}

/// A window function chosen for given argument types; an aggregate over a frame is one too.
package struct ResolvedWindow: Sendable {
  package enum Body: Sendable {
    case function(WindowFunctionKind)
    case aggregate(ResolvedAggregate)
  }
  package let body: Body
  package let argumentTypes: [SQLType]
  package let resultType: SQLType

  package init(body: Body, argumentTypes: [SQLType], resultType: SQLType) {
    self.body = body
    self.argumentTypes = argumentTypes
    self.resultType = resultType
  }
}

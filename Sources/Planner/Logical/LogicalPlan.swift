package import Columnar
package import Functions
package import SQLSyntax

/// A relational plan. Every node's output columns are `columns`; expressions index the columns of the node's input.
package indirect enum LogicalPlan: Sendable {
  case scan(ScanNode)
  /// Rows of expressions without input.
  case values(rows: [[BoundExpression]], columns: [OutputColumn])
  case filter(LogicalPlan, BoundExpression)
  case project(LogicalPlan, [NamedExpression])
  case aggregate(AggregateNode)
  case join(JoinNode)
  case sort(LogicalPlan, [SortKey])
  /// Sort, then the first `count` rows after `offset`; `withTies` keeps rows equal to the last one.
  case topN(LogicalPlan, [SortKey], offset: Int, count: Int, withTies: Bool)
  case limit(LogicalPlan, offset: Int, count: Int?)
  /// UNION ALL; DISTINCT is an aggregate above it. Inputs have equal column types.
  case unionAll([LogicalPlan])
  case setOperation(SetOperationKind, isDistinct: Bool, LogicalPlan, LogicalPlan)
  case window(WindowNode)
  case unnest(UnnestNode)
  case pivot(PivotNode)
  /// Fails when the input has more than one row, gives a row of NULLs when it has none: a scalar subquery.
  case singleRow(LogicalPlan, SourceRange)
  /// Computes `definition` once and keeps its rows for every `commonTableScan` of the same id inside `body`.
  case commonTable(id: Int, name: String, definition: LogicalPlan, body: LogicalPlan)
  case commonTableScan(id: Int, name: String, columns: [OutputColumn])
  case recursive(RecursiveNode)
  case sample(LogicalPlan, fraction: Double)
}

/// One column of a node's output.
package struct OutputColumn: Sendable, Hashable {
  package var name: String
  package var type: SQLType
  package init(name: String, type: SQLType) {
    self.name = name
    self.type = type
  }
}

package struct NamedExpression: Sendable {
  package var expression: BoundExpression
  package var name: String
  package init(_ expression: BoundExpression, name: String) {
    self.expression = expression
    self.name = name
  }
}

package struct ScanNode: Sendable {
  package var table: any Table
  /// As the script or catalog names it, for EXPLAIN and errors.
  package var tableName: String
  /// Table indices (visible columns first, hidden ones after) that the scan delivers, in order.
  package var tableColumns: [Int]
  package var columns: [OutputColumn]
  /// For pruning only; column indices are table indices. The filter above stays.
  package var predicates: [ColumnPredicate]
  package var limit: Int?
  package var range: SourceRange

  package init(
    table: any Table, tableName: String, tableColumns: [Int], columns: [OutputColumn],
    predicates: [ColumnPredicate] = [], limit: Int? = nil, range: SourceRange
  ) {
    self.table = table
    self.tableName = tableName
    self.tableColumns = tableColumns
    self.columns = columns
    self.predicates = predicates
    self.limit = limit
    self.range = range
  }
}

/// WITH RECURSIVE: the rows of `seed`, then those of `step` again and again until a round adds none. In the step,
/// `commonTableScan(id)` stands for the rows that the round before added. Both sides have the same columns.
package struct RecursiveNode: Sendable {
  package var id: Int
  package var name: String
  package var seed: LogicalPlan
  package var step: LogicalPlan
  /// UNION: rows that were there before are dropped, so that a recursion over a circle ends.
  package var isDistinct: Bool
  package var range: SourceRange

  package init(id: Int, name: String, seed: LogicalPlan, step: LogicalPlan, isDistinct: Bool, range: SourceRange) {
    self.id = id
    self.name = name
    self.seed = seed
    self.step = step
    self.isDistinct = isDistinct
    self.range = range
  }
}

/// GROUP BY with one or several grouping sets. Output: the keys, then the aggregates, then (with several sets) one bigint `groupID`:
/// the position of the row's set in `groupingSets`. Keys that are not in the set are NULL. An empty set has one row even without input.
package struct AggregateNode: Sendable {
  package var input: LogicalPlan
  package var keys: [NamedExpression]
  /// Each a list of key indices; one set with all keys for a plain GROUP BY; one empty set for a global aggregate.
  package var groupingSets: [[Int]]
  package var aggregates: [AggregateCall]

  package init(
    input: LogicalPlan, keys: [NamedExpression], groupingSets: [[Int]], aggregates: [AggregateCall]
  ) {
    self.input = input
    self.keys = keys
    self.groupingSets = groupingSets
    self.aggregates = aggregates
  }
}

package struct AggregateCall: Sendable {
  package var function: ResolvedAggregate
  package var arguments: [BoundExpression]
  package var isDistinct: Bool
  package var filter: BoundExpression?
  /// ORDER BY inside the call.
  package var order: [SortKey]
  /// Lambda arguments; they capture nothing.
  package var lambdas: [BoundLambda]
  package var name: String
  package var range: SourceRange

  package init(
    function: ResolvedAggregate, arguments: [BoundExpression], isDistinct: Bool = false, filter: BoundExpression? = nil,
    order: [SortKey] = [], lambdas: [BoundLambda] = [], name: String, range: SourceRange
  ) {
    self.function = function
    self.arguments = arguments
    self.isDistinct = isDistinct
    self.filter = filter
    self.order = order
    self.lambdas = lambdas
    self.name = name
    self.range = range
  }
}

package enum JoinKind: Sendable, Hashable {
  case inner, left, right, full
  /// Left rows with (semi) or without (anti) a match; output is the left columns.
  case semi, anti
  /// `NOT IN`: like anti, but a NULL on either side of an equi key makes the test unknown.
  case nullAwareAnti
  /// Left columns plus one nullable boolean: whether a match exists (three-valued for IN, see `JoinNode.isNullAware`).
  case mark
  /// Left join that fails when a left row has more than one match: a correlated scalar subquery.
  case leftSingle
}

/// Output: left columns, then right columns (not for semi, anti; one boolean for mark).
package struct JoinNode: Sendable {
  package var kind: JoinKind
  package var left: LogicalPlan
  package var right: LogicalPlan
  /// Equal-type pairs: left expression over left columns, right expression over right columns.
  package var keys: [JoinKey]
  /// Further condition over left columns followed by right columns.
  package var residual: BoundExpression?
  /// mark joins of IN, with exactly one key and no residual: the mark is NULL when there is no match but the left value is NULL and the
  /// right side has rows, or the right side has a NULL.
  package var isNullAware: Bool
  /// semi and anti joins: the hash table is made of the left rows, which the right ones mark. Same rows, for a left side that is much smaller.
  package var buildsLeft = false
  package var range: SourceRange

  package init(
    kind: JoinKind, left: LogicalPlan, right: LogicalPlan, keys: [JoinKey], residual: BoundExpression?,
    isNullAware: Bool = false, range: SourceRange
  ) {
    self.kind = kind
    self.left = left
    self.right = right
    self.keys = keys
    self.residual = residual
    self.isNullAware = isNullAware
    self.range = range
  }
}

extension JoinNode {
  /// The inputs change places, keys and residual with them; the kind is for the caller to set.
  package var mirrored: JoinNode {
    let leftWidth = left.columns.count
    let rightWidth = right.columns.count
    var result = self
    result.left = right
    result.right = left
    result.keys = keys.map { JoinKey(left: $0.right, right: $0.left, matchesNulls: $0.matchesNulls) }
    result.residual = residual.map { $0.mappingColumns { $0 < leftWidth ? $0 + rightWidth : $0 - leftWidth } }
    return result
  }
}

package struct JoinKey: Sendable {
  package var left: BoundExpression
  package var right: BoundExpression
  /// `IS NOT DISTINCT FROM`: NULL matches NULL.
  package var matchesNulls: Bool
  package init(left: BoundExpression, right: BoundExpression, matchesNulls: Bool = false) {
    self.left = left
    self.right = right
    self.matchesNulls = matchesNulls
  }
}

package struct SortKey: Sendable {
  package var expression: BoundExpression
  package var isDescending: Bool
  package var nullsFirst: Bool
  package init(_ expression: BoundExpression, isDescending: Bool = false, nullsFirst: Bool = false) {
    self.expression = expression
    self.isDescending = isDescending
    self.nullsFirst = nullsFirst
  }
}

package enum SetOperationKind: Sendable, Hashable { case intersect, except }

/// Output: input columns, then one column per function. All functions share partition and order.
package struct WindowNode: Sendable {
  package var input: LogicalPlan
  package var partition: [BoundExpression]
  package var order: [SortKey]
  package var functions: [WindowCall]
  package init(input: LogicalPlan, partition: [BoundExpression], order: [SortKey], functions: [WindowCall]) {
    self.input = input
    self.partition = partition
    self.order = order
    self.functions = functions
  }
}

package struct WindowCall: Sendable {
  package var function: ResolvedWindow
  package var arguments: [BoundExpression]
  package var filter: BoundExpression?
  package var frame: WindowFrame
  package var ignoresNulls: Bool
  package var name: String
  package var range: SourceRange
  package init(
    function: ResolvedWindow, arguments: [BoundExpression], filter: BoundExpression? = nil, frame: WindowFrame,
    ignoresNulls: Bool = false, name: String, range: SourceRange
  ) {
    self.function = function
    self.arguments = arguments
    self.filter = filter
    self.frame = frame
    self.ignoresNulls = ignoresNulls
    self.name = name
    self.range = range
  }
}

package struct WindowFrame: Sendable {
  package enum Unit: Sendable { case rows, range, groups }
  package enum Bound: Sendable {
    case unboundedPreceding
    case preceding(BoundExpression)
    case currentRow
    case following(BoundExpression)
    case unboundedFollowing
  }
  package var unit: Unit
  package var start: Bound
  package var end: Bound
  package init(unit: Unit, start: Bound, end: Bound) {
    self.unit = unit
    self.start = start
    self.end = end
  }

  /// What SQL gives an OVER clause with ORDER BY and no frame; without ORDER BY all rows are peers, which is the whole partition.
  package static let standard = WindowFrame(unit: .range, start: .unboundedPreceding, end: .currentRow)
}

/// CROSS JOIN UNNEST. Output: input columns, then per array one column (per map two, per array of rows one per field), then the ordinality (bigint).
package struct UnnestNode: Sendable {
  package var input: LogicalPlan
  package var expressions: [BoundExpression]
  package var withOrdinality: Bool
  /// LEFT JOIN UNNEST ... ON TRUE: rows without elements stay, with NULLs.
  package var keepsEmpty: Bool
  /// The new columns only.
  package var columns: [OutputColumn]
  package init(
    input: LogicalPlan, expressions: [BoundExpression], withOrdinality: Bool, keepsEmpty: Bool, columns: [OutputColumn]
  ) {
    self.input = input
    self.expressions = expressions
    self.withOrdinality = withOrdinality
    self.keepsEmpty = keepsEmpty
    self.columns = columns
  }
}

/// Many conditional aggregates over the same key run as one operator (ARCHITECTURE section 0.5).
/// Output: the group keys, then per cell in order its aggregate over the rows where `pivotKey` equals the cell's value. Without keys: one
/// row, also without input.
package struct PivotNode: Sendable {
  package var input: LogicalPlan
  package var keys: [NamedExpression]
  package var pivotKey: BoundExpression
  package var cells: [PivotCell]
  package init(input: LogicalPlan, keys: [NamedExpression], pivotKey: BoundExpression, cells: [PivotCell]) {
    self.input = input
    self.keys = keys
    self.pivotKey = pivotKey
    self.cells = cells
  }
}

package struct PivotCell: Sendable {
  /// Not NULL, of the pivot key's type.
  package var value: Scalar
  package var aggregate: ResolvedAggregate
  /// Over the input; empty for `count(*)` with FILTER.
  package var arguments: [BoundExpression]
  package var name: String
  package init(value: Scalar, aggregate: ResolvedAggregate, arguments: [BoundExpression], name: String) {
    self.value = value
    self.aggregate = aggregate
    self.arguments = arguments
    self.name = name
  }
}

extension LogicalPlan {
  /// Nodes on the longest way down.
  var depth: Int {
    var depth = 0
    var level = [self]
    while !level.isEmpty {
      depth += 1
      level = level.flatMap(\.inputs)
    }
    return depth
  }

  /// The output columns, in order.
  package var columns: [OutputColumn] {
    switch self {
    case .scan(let node): node.columns
    case .values(_, let columns), .commonTableScan(_, _, let columns): columns
    case .filter(let input, _), .sort(let input, _), .topN(let input, _, _, _, _), .limit(let input, _, _),
      .singleRow(let input, _), .sample(let input, _):
      input.columns
    case .project(_, let expressions): expressions.map { OutputColumn(name: $0.name, type: $0.expression.type) }
    case .aggregate(let node):
      node.keys.map { OutputColumn(name: $0.name, type: $0.expression.type) }
        + node.aggregates.map { OutputColumn(name: $0.name, type: $0.function.resultType) }
        + (node.groupingSets.count > 1 ? [OutputColumn(name: "groupid", type: .bigint)] : [])
    case .join(let node):
      switch node.kind {
      case .semi, .anti, .nullAwareAnti: node.left.columns
      case .mark: node.left.columns + [OutputColumn(name: "mark", type: .boolean)]
      case .inner, .left, .right, .full, .leftSingle: node.left.columns + node.right.columns
      }
    case .unionAll(let inputs): inputs.first?.columns ?? []
    case .setOperation(_, _, let left, _): left.columns
    case .window(let node):
      node.input.columns + node.functions.map { OutputColumn(name: $0.name, type: $0.function.resultType) }
    case .unnest(let node): node.input.columns + node.columns
    case .pivot(let node):
      node.keys.map { OutputColumn(name: $0.name, type: $0.expression.type) }
        + node.cells.map { OutputColumn(name: $0.name, type: $0.aggregate.resultType) }
    case .commonTable(_, _, _, let body): body.columns
    case .recursive(let node): node.seed.columns
    }
  }

  /// Direct inputs.
  package var inputs: [LogicalPlan] {
    switch self {
    case .scan, .values, .commonTableScan: []
    case .filter(let input, _), .project(let input, _), .sort(let input, _), .topN(let input, _, _, _, _),
      .limit(let input, _, _), .singleRow(let input, _), .sample(let input, _):
      [input]
    case .aggregate(let node): [node.input]
    case .join(let node): [node.left, node.right]
    case .unionAll(let inputs): inputs
    case .setOperation(_, _, let left, let right): [left, right]
    case .window(let node): [node.input]
    case .unnest(let node): [node.input]
    case .pivot(let node): [node.input]
    case .commonTable(_, _, let definition, let body): [definition, body]
    case .recursive(let node): [node.seed, node.step]
    }
  }
}

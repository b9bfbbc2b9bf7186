import Columnar
import Functions
import Planner
import SQLSyntax

/// A join as the operator runs it: the right side is built, the left side probes.
///
/// Held and spilled build rows are the right columns followed by the right keys, probe rows the left columns followed by the left
/// keys. A join without keys (cross join, any condition) has one group with all build rows.
struct JoinShape: Sendable {
  let kind: JoinKind
  let leftTypes: [SQLType]
  let rightTypes: [SQLType]
  let leftKeys: [BoundExpression]
  let rightKeys: [BoundExpression]
  let matchesNulls: [Bool]
  let residual: BoundExpression?
  let isNullAware: Bool
  let range: SourceRange

  init(_ node: JoinNode) throws(SQLError) {
    kind = node.kind
    leftTypes = node.left.columns.map(\.type)
    rightTypes = node.right.columns.map(\.type)
    leftKeys = node.keys.map(\.left)
    rightKeys = node.keys.map(\.right)
    matchesNulls = node.keys.map(\.matchesNulls)
    residual = node.residual
    isNullAware = node.isNullAware || node.kind == .nullAwareAnti
    range = node.range
    if isNullAware && (node.keys.count != 1 || node.residual != nil) {
      throw .notSupported("NOT IN over several columns or with a correlated condition", range: node.range)
    }
  }

  var keyTypes: [SQLType] { rightKeys.map(\.type) }
  var buildTypes: [SQLType] { rightTypes + keyTypes }
  var probeTypes: [SQLType] { leftTypes + keyTypes }
  var buildKeyColumns: [Int] { Array(rightTypes.count..<rightTypes.count + rightKeys.count) }
  var probeKeyColumns: [Int] { Array(leftTypes.count..<leftTypes.count + leftKeys.count) }

  /// Rows divided by the hash of their keys meet in the same division, so the join can be spilled. A join without keys has
  /// nothing to divide by, and NOT IN needs to know of all NULLs.
  var canSpill: Bool { !leftKeys.isEmpty && !isNullAware }

  /// Build rows without a match are part of the result.
  var keepsUnmatchedBuild: Bool { kind == .right || kind == .full }

  /// Without build rows nothing can come out.
  var needsBuildRows: Bool {
    switch kind {
    case .inner, .semi, .right: true
    case .left, .full, .anti, .nullAwareAnti, .mark, .leftSingle: false
    }
  }

  /// The build columns of matches are part of the result.
  var outputsBuild: Bool {
    switch kind {
    case .inner, .left, .right, .full, .leftSingle: true
    case .semi, .anti, .nullAwareAnti, .mark: false
    }
  }

  /// A key column with NULL where SQL's `=` cannot be true: NaN equals nothing.
  static func comparable(_ column: Column, matchesNulls: Bool) -> Column {
    if matchesNulls { return column }
    switch column.type.physical {
    case .double: return withoutNaN(column, Double.self) { $0.isNaN }
    case .float: return withoutNaN(column, Float.self) { $0.isNaN }
    default: return column
    }
  }

  private static func withoutNaN<Value>(_ column: Column, _ type: Value.Type, _ isNaN: (Value) -> Bool) -> Column {
    let flat = column.flattened()
    let values = flat.flat.values.pointer(as: type)
    var found = false
    for row in 0..<flat.count { found = isNaN(values[row]) || found }
    if !found { return column }
    let validity = Buffer(byteCount: flat.count)
    let target = validity.base.assumingMemoryBound(to: UInt8.self)
    let view = ColumnView(flat)
    for row in 0..<flat.count { target[row] = view.isValid(row) && !isNaN(values[row]) ? 1 : 0 }
    return Column(
      flat: FlatVector(values: flat.flat.values, validity: BufferSlice(validity)), type: flat.type, count: flat.count)
  }
}

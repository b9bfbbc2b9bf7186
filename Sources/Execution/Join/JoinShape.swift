import Columnar
import Functions
import Planner
import SQLSyntax

/// A join as the operator runs it: the right side is built, the left side probes. For `JoinNode.buildsLeft` the sides of the plan have
/// changed places here: "left" and "right" are those of the operator.
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
  /// Over the left columns that it reads, then the right ones.
  let residual: BoundExpression?
  let residualLeft: [Int]
  let residualRight: [Int]
  /// What a join without keys can look its pairs up by.
  let ranges: [RangeCondition]
  let isNullAware: Bool
  /// A semi or anti join whose result are build rows: with or without a match.
  let marksBuild: Bool
  let range: SourceRange

  init(_ plan: JoinNode) throws(SQLError) {
    let node = plan.buildsLeft ? plan.mirrored : plan
    marksBuild = plan.buildsLeft
    kind = node.kind
    leftTypes = node.left.columns.map(\.type)
    rightTypes = node.right.columns.map(\.type)
    leftKeys = node.keys.map(\.left)
    rightKeys = node.keys.map(\.right)
    matchesNulls = node.keys.map(\.matchesNulls)
    let leftWidth = node.left.columns.count
    let columns = node.residual?.columnIndices.sorted() ?? []
    residual = node.residual?.mappingColumns { columns.firstIndex(of: $0) ?? $0 }
    residualLeft = columns.filter { $0 < leftWidth }
    residualRight = columns.filter { $0 >= leftWidth }.map { $0 - leftWidth }
    ranges = node.keys.isEmpty ? (node.residual?.conjuncts ?? []).compactMap { RangeCondition($0, leftWidth: leftWidth) } : []
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
  /// nothing to divide by.
  var canSpill: Bool { !leftKeys.isEmpty }

  /// Build rows without a match are part of the result.
  var keepsUnmatchedBuild: Bool { kind == .right || kind == .full }

  /// Build rows come out when all left rows have been seen.
  var endsWithBuild: Bool { keepsUnmatchedBuild || marksBuild }

  /// Something depends on which left rows had a match.
  var needsLeftMatches: Bool { kind != .inner && kind != .right && !marksBuild }

  /// Without build rows nothing can come out.
  var needsBuildRows: Bool {
    if marksBuild { return true }
    switch kind {
    case .inner, .semi, .right: return true
    case .left, .full, .anti, .nullAwareAnti, .mark, .leftSingle: return false
    }
  }

  /// The build columns of matches are part of the result.
  var outputsBuild: Bool {
    switch kind {
    case .inner, .left, .right, .full, .leftSingle: true
    case .semi, .anti, .nullAwareAnti, .mark: false
    }
  }

  /// A key column with NULL where SQL's `=` cannot be true: NaN equals nothing, nor does an array, map or row with a NULL in it.
  static func comparable(_ column: Column, matchesNulls: Bool) -> Column {
    if matchesNulls { return column }
    switch column.type.physical {
    case .double: return withoutNaN(column, Double.self) { $0.isNaN }
    case .float: return withoutNaN(column, Float.self) { $0.isNaN }
    case .list, .row: return withoutPartialNulls(column)
    default: return column
    }
  }

  private static func withoutPartialNulls(_ column: Column) -> Column {
    let flat = column.flattened()
    let flags = equalToThemselves(flat)
    if !flags.contains(0) { return column }
    let validity = Buffer(byteCount: flags.count)
    for (row, flag) in flags.enumerated() { validity.base.storeBytes(of: flag, toByteOffset: row, as: UInt8.self) }
    let vector = flat.flat
    return Column(
      flat: FlatVector(
        values: vector.values, validity: BufferSlice(validity), heap: vector.heap, children: vector.children),
      type: flat.type, count: flat.count)
  }

  /// Per row of a flat column: 1 when the value equals itself, so neither is nor holds a NULL or a NaN.
  private static func equalToThemselves(_ column: Column) -> [UInt8] {
    let view = ColumnView(column)
    var flags = [UInt8](repeating: 1, count: column.count)
    for row in 0..<column.count where !view.isValid(row) { flags[row] = 0 }
    let vector = column.flat
    switch column.type.physical {
    case .double:
      let values = vector.values.pointer(as: Double.self)
      for row in 0..<column.count where flags[row] == 1 && values[row].isNaN { flags[row] = 0 }
    case .float:
      let values = vector.values.pointer(as: Float.self)
      for row in 0..<column.count where flags[row] == 1 && values[row].isNaN { flags[row] = 0 }
    case .row:
      for child in vector.children {
        let inner = equalToThemselves(child.flattened())
        for row in 0..<column.count where inner[row] == 0 { flags[row] = 0 }
      }
    case .list:
      let entries = vector.values.pointer(as: ListEntry.self)
      for child in vector.children {
        let inner = equalToThemselves(child.flattened())
        if !inner.contains(0) { continue }
        for row in 0..<column.count where flags[row] == 1 {
          let start = Int(entries[row].offset)
          if inner[start..<start &+ Int(entries[row].count)].contains(0) { flags[row] = 0 }
        }
      }
    default: break
    }
    return flags
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

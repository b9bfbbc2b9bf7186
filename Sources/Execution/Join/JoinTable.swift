import Columnar

/// What IN and NOT IN ask about all build rows, wherever they are.
struct BuildFacts: Sendable {
  var isEmpty = true
  /// A row has NULL as its key. NaN does not count: it is different from everything, not unknown.
  var hasNullKey = false

  mutating func note(_ keys: [Column], count: Int) {
    if count > 0 { isEmpty = false }
    for key in keys where !hasNullKey && !key.hasNoValidity {
      let view = ColumnView(key)
      for row in 0..<count where !view.isValid(row) {
        hasNullKey = true
        break
      }
    }
  }

  mutating func add(_ other: BuildFacts) {
    isEmpty = isEmpty && other.isEmpty
    hasNullKey = hasNullKey || other.hasNullKey
  }
}

/// The build side of a join in memory. Immutable once made; workers probe it side by side.
// SAFETY: immutable after init, except for the match flags, of which every prober has its own.
final class JoinTable: @unchecked Sendable {
  /// Right columns, then keys.
  let rows: Batch
  let index: JoinIndex
  /// What the join as a whole has built; this table may be a division of it.
  let facts: BuildFacts
  let hasKeys: Bool
  /// The columns of `shape.residualRight`; without keys they are read block by block, for which they are flat.
  let residualColumns: [Column]
  /// Of a join by ranges; `rows` are in its order.
  let rangeIndex: RangeIndex?

  /// - Parameter index: of the keys in `rows`.
  init(_ rows: Batch, _ shape: JoinShape, _ facts: BuildFacts, index: JoinIndex, rangeIndex: RangeIndex? = nil) {
    self.rows = rows
    self.index = index
    self.facts = facts
    self.rangeIndex = rangeIndex
    let hasKeys = !shape.rightKeys.isEmpty
    self.hasKeys = hasKeys
    residualColumns = shape.residualRight.map { hasKeys ? rows.columns[$0] : rows.columns[$0].flattened() }
  }

  convenience init(_ rows: Batch, _ shape: JoinShape, _ facts: BuildFacts, _ check: () throws -> Void) throws {
    let keys = shape.buildKeyColumns.map { rows.columns[$0] }
    self.init(rows, shape, facts, index: try JoinIndex(keys, count: rows.count, shape, check))
  }
}

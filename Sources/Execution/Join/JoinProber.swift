import Columnar
import Planner
import SQLSyntax

/// Probes one table with batches of the left side and passes on what the kind of join makes of the matches. Owned by one worker.
final class JoinProber {
  let shape: JoinShape
  let table: JoinTable
  let worker: Worker
  let next: any Consumer
  private let grouper: Grouper
  /// Over the columns of `shape.residualLeft`, then those of `shape.residualRight`.
  let residual: ExpressionEvaluator?
  /// The left sides of the table's range conditions.
  let rangeProbes: [ExpressionEvaluator]
  let selection = Selection()
  /// One row of NULL per right column.
  private let nullRow: [Column]
  /// One row of NULL per left column.
  private let leftNullRow: [Column]
  private var groups = Buffer(byteCount: 0)
  /// Per build row, where those with or without a match come out in the end.
  private let matchedBuild: Buffer?
  /// Pairs of left and build rows on their way.
  var leftRows: [UInt32] = []
  var buildRows: [UInt32] = []
  /// The residual holds for these pairs.
  private var arePairsChecked = false
  /// The same for joins whose left rows have one match at most: left rows, then build rows.
  private var pairs = Buffer(byteCount: 0)
  /// Matches per row of the current batch, as far as they matter.
  private var matches: [UInt8] = []

  init(_ shape: JoinShape, _ table: JoinTable, _ worker: Worker, next: any Consumer) throws {
    self.shape = shape
    self.table = table
    self.worker = worker
    self.next = next
    grouper = Grouper(sharing: table.index.table)
    residual = try shape.residual.map { try ExpressionEvaluator($0, context: worker.context) }
    rangeProbes = try table.rangeIndex?.probes.map { try ExpressionEvaluator($0, context: worker.context) } ?? []
    nullRow = shape.rightTypes.map { .nulls($0, count: 1) }
    leftNullRow = shape.leftTypes.map { .nulls($0, count: 1) }
    matchedBuild = shape.endsWithBuild ? .zeroed(byteCount: table.rows.count) : nil
  }

  /// - Parameter keys: the left keys of the batch.
  func probe(_ batch: Batch, keys: [Column]) throws -> Demand {
    if table.rows.count == 0 && shape.needsBuildRows { return .enough }
    let found = findGroups(batch, keys)
    if shape.marksBuild {
      if residual != nil { return try markPairs(batch, found) }
      markGroups(found, batch.count)
      return .more
    }
    let needsPairs = shape.outputsBuild || residual != nil
    if !needsPairs { return try passMarked(batch, keys) { found[$0] != GroupTable.none } }
    if shape.kind == .inner && residual == nil && table.index.isUnique && table.hasKeys { return try passUnique(batch, found) }
    matches = [UInt8](repeating: 0, count: batch.count)
    let demand = table.hasKeys ? try passPairs(batch, found) : try passBlocks(batch)
    if demand == .enough { return .enough }
    switch shape.kind {
    case .inner, .right: return .more
    case .left, .full, .leftSingle:
      let rows = batch.rows { matches[$0] == 0 }
      if rows.isEmpty { return .more }
      let left = batch.take(rows, count: rows.count)
      return try next.consume(
        Batch(columns: left.columns + nullRow.map { $0.repeated(rows.count) }, count: rows.count))
    case .semi, .anti, .mark, .nullAwareAnti:
      let flags = matches
      return try passMarked(batch, keys) { flags[$0] != 0 }
    }
  }

  // MARK: Groups

  private func findGroups(_ batch: Batch, _ keys: [Column]) -> UnsafePointer<UInt32> {
    let count = batch.count
    if groups.byteCount < count &* 4 { groups = Buffer(byteCount: count &* 4) }
    let found = groups.base.assumingMemoryBound(to: UInt32.self)
    if !table.hasKeys {
      found.initialize(repeating: table.rows.count > 0 ? 0 : GroupTable.none, count: count)
      return UnsafePointer(found)
    }
    let comparable = keys.enumerated().map { JoinShape.comparable($1, matchesNulls: shape.matchesNulls[$0]) }
    if case .single(let group) = grouper.assign(comparable, count: count, groups: found, inserting: false) {
      found.initialize(repeating: group, count: count)
    }
    // Unusable build rows are not in the table, so a NULL key finds nothing by itself unless it matches NULLs elsewhere.
    if let usable = JoinIndex.usableRows(comparable, shape.matchesNulls, count) {
      var position = 0
      for row in 0..<count {
        if position < usable.count && Int(usable[position]) == row {
          position &+= 1
        } else {
          found[row] = GroupTable.none
        }
      }
    }
    return UnsafePointer(found)
  }

  // MARK: Semi, anti and mark joins

  /// Marks build rows for which the residual holds with some left row; those that are marked need no other.
  private func markPairs(_ batch: Batch, _ found: UnsafePointer<UInt32>) throws -> Demand {
    guard let flags = matchedBuild?.base.assumingMemoryBound(to: UInt8.self) else { return .more }
    beginPairs(areChecked: false)
    let (starts, rows) = (table.index.starts, table.index.groupRows)
    for row in 0..<batch.count where found[row] != GroupTable.none {
      let group = Int(found[row])
      for position in Int(starts[group])..<Int(starts[group &+ 1]) where flags[Int(rows[position])] == 0 {
        leftRows.append(UInt32(truncatingIfNeeded: row))
        buildRows.append(rows[position])
        if leftRows.count >= worker.context.batchCapacity {
          _ = try flush(batch)
          try worker.check()
        }
      }
    }
    return try flush(batch)
  }

  /// Marks the build rows of the groups that were found: all rows of a group at once, so the first tells whether that has happened.
  private func markGroups(_ found: UnsafePointer<UInt32>, _ count: Int) {
    guard let matchedBuild else { return }
    let flags = matchedBuild.base.assumingMemoryBound(to: UInt8.self)
    let (starts, rows) = (table.index.starts, table.index.groupRows)
    for row in 0..<count where found[row] != GroupTable.none {
      let group = Int(found[row])
      if flags[Int(rows[Int(starts[group])])] != 0 { continue }
      for position in Int(starts[group])..<Int(starts[group &+ 1]) { flags[Int(rows[position])] = 1 }
    }
  }

  private func passMarked(_ batch: Batch, _ keys: [Column], _ isMatch: (Int) -> Bool) throws -> Demand {
    switch shape.kind {
    case .semi: return try pass(batch, batch.rows(where: isMatch))
    case .anti: return try pass(batch, batch.rows { !isMatch($0) })
    case .nullAwareAnti:
      if table.facts.isEmpty { return try next.consume(batch) }
      if table.facts.hasNullKey { return .enough }
      let view = ColumnView(keys[0])
      return try pass(batch, batch.rows { !isMatch($0) && view.isValid($0) })
    case .mark:
      let truths = Buffer(byteCount: batch.count)
      defer { withExtendedLifetime(truths) {} }
      let target = truths.base.assumingMemoryBound(to: UInt8.self)
      let key = shape.isNullAware && !table.facts.isEmpty ? ColumnView(keys[0]) : nil
      for row in 0..<batch.count {
        if isMatch(row) {
          target[row] = Truth.yes
        } else if let key, table.facts.hasNullKey || !key.isValid(row) {
          target[row] = Truth.unknown
        } else {
          target[row] = Truth.no
        }
      }
      let mark = Truth.column(target, count: batch.count)
      return try next.consume(Batch(columns: batch.columns + [mark], count: batch.count))
    case .inner, .left, .right, .full, .leftSingle: return .more
    }
  }

  private func pass(_ batch: Batch, _ rows: [UInt32]) throws -> Demand {
    if rows.isEmpty { return .more }
    return try next.consume(rows.count == batch.count ? batch : batch.take(rows, count: rows.count))
  }

  // MARK: Pairs

  /// Each left row has at most one match and needs no further test.
  private func passUnique(_ batch: Batch, _ found: UnsafePointer<UInt32>) throws -> Demand {
    let (leftRows, buildRows, matched) = uniquePairs(batch.count, found)
    if matched == 0 { return .more }
    let left = matched == batch.count ? batch : batch.take(leftRows, count: matched)
    let right = (0..<shape.rightTypes.count).map { table.rows.columns[$0].take(buildRows, count: matched) }
    return try next.consume(Batch(columns: left.columns + right, count: matched))
  }

  /// The pairs where every key has one build row, in loops without a branch or an unforeseen address to wait for. Valid until the next call.
  private func uniquePairs(
    _ count: Int, _ found: UnsafePointer<UInt32>
  ) -> (left: UnsafePointer<UInt32>, build: UnsafePointer<UInt32>, count: Int) {
    if pairs.byteCount < count &* 8 { pairs = Buffer(byteCount: count &* 8) }
    let leftRows = pairs.base.assumingMemoryBound(to: UInt32.self)
    let buildRows = leftRows + count
    var matched = 0
    for row in 0..<count {
      leftRows[matched] = UInt32(truncatingIfNeeded: row)
      buildRows[matched] = found[row]
      matched &+= found[row] == GroupTable.none ? 0 : 1
    }
    if !table.index.groupsAreRows {
      let groupRows = table.index.groupRows
      for index in 0..<matched { buildRows[index] = groupRows[Int(buildRows[index])] }
    }
    return (UnsafePointer(leftRows), UnsafePointer(buildRows), matched)
  }

  private func rightColumns(_ rows: [UInt32]) -> [Column] {
    (0..<shape.rightTypes.count).map { table.rows.columns[$0].take(rows) }
  }

  /// All pairs of rows with equal keys, in pieces of the query's batch size.
  private func passPairs(_ batch: Batch, _ found: UnsafePointer<UInt32>) throws -> Demand {
    beginPairs(areChecked: false)
    if table.index.isUnique {
      let (left, build, count) = uniquePairs(batch.count, found)
      leftRows.append(contentsOf: UnsafeBufferPointer(start: left, count: count))
      buildRows.append(contentsOf: UnsafeBufferPointer(start: build, count: count))
      return try flush(batch)
    }
    for row in 0..<batch.count {
      let group = found[row]
      if group == GroupTable.none { continue }
      let range = Int(table.index.starts[Int(group)])..<Int(table.index.starts[Int(group) &+ 1])
      if try gather(row, range, batch) == .enough { return .enough }
    }
    return try flush(batch)
  }

  func beginPairs(areChecked: Bool) {
    leftRows.removeAll(keepingCapacity: true)
    buildRows.removeAll(keepingCapacity: true)
    arePairsChecked = areChecked
  }

  /// Pairs gathered so far go first when those that follow are of the other sort.
  func switchPairs(areChecked: Bool, _ batch: Batch) throws -> Demand {
    if arePairsChecked == areChecked { return .more }
    let demand = try flush(batch)
    arePairsChecked = areChecked
    return demand
  }

  /// Pairs a left row with the build rows at `positions` of `groupRows`.
  func gather(_ row: Int, _ positions: Range<Int>, _ batch: Batch) throws -> Demand {
    if try switchPairs(areChecked: false, batch) == .enough { return .enough }
    let capacity = worker.context.batchCapacity
    var position = positions.lowerBound
    while position < positions.upperBound {
      let size = min(positions.upperBound &- position, capacity &- leftRows.count)
      for index in position..<position &+ size {
        leftRows.append(UInt32(truncatingIfNeeded: row))
        buildRows.append(table.index.groupRows[index])
      }
      position &+= size
      if leftRows.count >= capacity {
        if try flush(batch) == .enough { return .enough }
        try worker.check()
      }
    }
    return .more
  }

  /// Passes on the pairs gathered so far, as far as the residual holds for them.
  func flush(_ batch: Batch) throws -> Demand {
    if leftRows.isEmpty { return .more }
    defer { beginPairs(areChecked: arePairsChecked) }
    if let residual, !arePairsChecked {
      let count = leftRows.count
      let columns = shape.residualLeft.map { batch.columns[$0].take(leftRows) } + table.residualColumns.map { $0.take(buildRows) }
      selection.select(try residual.evaluate(Batch(columns: columns, count: count)))
      let kept = selection.count
      if kept == 0 { return .more }
      if kept < count {
        let indices = selection.indices
        for position in 0..<kept {
          leftRows[position] = leftRows[Int(indices[position])]
          buildRows[position] = buildRows[Int(indices[position])]
        }
        leftRows.removeLast(count - kept)
        buildRows.removeLast(count - kept)
      }
    }
    if shape.needsLeftMatches { for row in leftRows { try noteMatch(of: Int(row)) } }
    if let matchedBuild {
      let flags = matchedBuild.base.assumingMemoryBound(to: UInt8.self)
      for row in buildRows { flags[Int(row)] = 1 }
    }
    guard shape.outputsBuild else { return .more }
    let left = batch.take(leftRows, count: leftRows.count)
    return try next.consume(Batch(columns: left.columns + rightColumns(buildRows), count: left.count))
  }

  private func noteMatch(of row: Int) throws {
    if shape.kind == .leftSingle && matches[row] != 0 {
      throw SQLError(.subqueryMultipleRows, "Scalar sub-query has returned multiple rows", range: shape.range)
    }
    matches[row] = 1
  }

  /// A left row matches all build rows of a block.
  func noteMatches(of row: Int, builds: Range<Int>) throws {
    if shape.needsLeftMatches { for _ in 0..<min(builds.count, 2) { try noteMatch(of: row) } }
    guard let matchedBuild else { return }
    let flags = matchedBuild.base.assumingMemoryBound(to: UInt8.self)
    for build in builds { flags[build] = 1 }
  }

  // MARK: Build rows without a match

  /// Which build rows had a match with this prober's rows.
  var buildMatches: Buffer? { matchedBuild }

  /// Passes on the build rows that no prober matched, with NULLs for the left side; of a semi or anti join those with or without a match.
  func passBuild(_ probers: [Buffer]) throws -> Demand {
    let total = table.rows.count
    let isMatchWanted = shape.marksBuild && shape.kind == .semi
    let capacity = worker.context.batchCapacity
    let flags = probers.map { UnsafePointer($0.base.assumingMemoryBound(to: UInt8.self)) }
    var rows: [UInt32] = []
    for row in 0...total {
      if row < total && flags.contains(where: { $0[row] != 0 }) == isMatchWanted { rows.append(UInt32(truncatingIfNeeded: row)) }
      if rows.count >= capacity || (row == total && !rows.isEmpty) {
        try worker.check()
        let left = shape.marksBuild ? [] : leftNullRow.map { $0.repeated(rows.count) }
        if try next.consume(Batch(columns: left + rightColumns(rows), count: rows.count)) == .enough { return .enough }
        rows.removeAll(keepingCapacity: true)
      }
    }
    return .more
  }
}

extension Batch {
  /// The rows for which `condition` holds.
  func rows(where condition: (Int) -> Bool) -> [UInt32] {
    var rows: [UInt32] = []
    rows.reserveCapacity(count)
    for row in 0..<count where condition(row) { rows.append(UInt32(truncatingIfNeeded: row)) }
    return rows
  }
}

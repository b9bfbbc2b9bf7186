import Columnar
import Planner
import SQLSyntax

/// Pairs of a join without keys. The condition is evaluated over one row of one side, as a constant, and a block of rows of the other:
/// nothing is copied for pairs that do not match. Pairs without a condition are passed on as such blocks.
extension JoinProber {
  /// Blocks below this length cost more than gathering their pairs.
  private static let shortestBlock = 64
  /// So few pairs are gathered in the order of the left rows.
  private static let fewestPairs = 1_024

  func passBlocks(_ batch: Batch) throws -> Demand {
    let total = table.rows.count
    beginPairs(areChecked: false)
    let ranges = try candidateRows(of: batch)
    if ranges == nil, total < batch.count, total &* batch.count > Self.fewestPairs { return try passByBuildRow(batch) }
    for row in 0..<batch.count {
      let range = ranges?[row] ?? 0..<total
      if range.isEmpty { continue }
      let demand = range.count < Self.shortestBlock ? try gather(row, range, batch) : try passByLeftRow(row, range, batch)
      if demand == .enough { return .enough }
    }
    return try flush(batch)
  }

  /// Per left row the build rows that can match; nil when nothing is known.
  private func candidateRows(of batch: Batch) throws -> [Range<Int>]? {
    guard let index = table.rangeIndex else { return nil }
    do {
      return index.candidates(try rangeProbes.map { try $0.evaluate(batch) }, count: batch.count)
    } catch let error as SQLError where error.isCatchable {
      // Whether a pair asks for that value is decided by the condition as a whole.
      return nil
    }
  }

  // MARK: One left row, many build rows

  private func passByLeftRow(_ row: Int, _ range: Range<Int>, _ batch: Batch) throws -> Demand {
    if try switchPairs(areChecked: true, batch) == .enough { return .enough }
    let fixed = (residual == nil ? Array(batch.columns.indices) : shape.residualLeft).map {
      batch.columns[$0].slice(row, 1).asConstant(count: 1)
    }
    var begin = range.lowerBound
    while begin < range.upperBound {
      try worker.check()
      let size = min(worker.context.batchCapacity, range.upperBound &- begin)
      let left = fixed.map { $0.repeated(size) }
      guard let residual else {
        try noteMatches(of: row, builds: begin..<begin &+ size)
        let right = (0..<shape.rightTypes.count).map { table.rows.columns[$0].slice(begin, size) }
        if try next.consume(Batch(columns: left + right, count: size)) == .enough { return .enough }
        begin &+= size
        continue
      }
      let right = table.residualColumns.map { $0.slice(begin, size) }
      selection.select(try residual.evaluate(Batch(columns: left + right, count: size)))
      let indices = selection.indices
      for position in 0..<selection.count {
        leftRows.append(UInt32(truncatingIfNeeded: row))
        buildRows.append(UInt32(truncatingIfNeeded: begin) &+ indices[position])
      }
      if leftRows.count >= worker.context.batchCapacity, try flush(batch) == .enough { return .enough }
      // One match is all that a semi, anti or mark join asks for.
      if selection.count > 0 && !shape.outputsBuild { return .more }
      begin &+= size
    }
    return .more
  }

  // MARK: One build row, many left rows

  private func passByBuildRow(_ batch: Batch) throws -> Demand {
    beginPairs(areChecked: true)
    let left = shape.residualLeft.map { batch.columns[$0] }
    for row in 0..<table.rows.count {
      try worker.check()
      guard let residual else {
        if shape.kind != .inner {
          for leftRow in 0..<batch.count { try noteMatches(of: leftRow, builds: row..<row &+ 1) }
        }
        let right = (0..<shape.rightTypes.count).map {
          table.rows.columns[$0].slice(row, 1).asConstant(count: batch.count)
        }
        if try next.consume(Batch(columns: batch.columns + right, count: batch.count)) == .enough { return .enough }
        continue
      }
      let right = table.residualColumns.map { $0.slice(row, 1).asConstant(count: batch.count) }
      selection.select(try residual.evaluate(Batch(columns: left + right, count: batch.count)))
      let indices = selection.indices
      for position in 0..<selection.count {
        leftRows.append(indices[position])
        buildRows.append(UInt32(truncatingIfNeeded: row))
      }
      if leftRows.count >= worker.context.batchCapacity, try flush(batch) == .enough { return .enough }
    }
    return try flush(batch)
  }
}

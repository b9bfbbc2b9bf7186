import Columnar
import Storage

/// Which rows of a row group can meet some predicates.
package enum RowSelection: Sendable, Equatable {
  case all
  /// Ascending, disjoint ranges of rows of the row group; the others cannot match, by the page index.
  case some([Range<Int>])
  /// None, as the chunk's statistics show.
  case noneByStatistics
  /// None, as a Bloom filter shows.
  case noneByBloomFilter
  /// None, as the page index shows.
  case noneByPageIndex
}

/// What pruning saved so far.
package struct PruningCounts: Sendable, Equatable {
  package var rowGroups = 0
  package var skippedByStatistics = 0
  package var skippedByBloomFilter = 0
  package var skippedByPageIndex = 0
  /// Rows the page index excluded from row groups that are read.
  package var rowsExcluded = 0

  package init() {}

  package mutating func add(_ selection: RowSelection, rowCount: Int) {
    rowGroups += 1
    switch selection {
    case .all: break
    case .some(let ranges): rowsExcluded += rowCount - ranges.reduce(0) { $0 + $1.count }
    case .noneByStatistics: skippedByStatistics += 1
    case .noneByBloomFilter: skippedByBloomFilter += 1
    case .noneByPageIndex: skippedByPageIndex += 1
    }
  }
}

extension ParquetFile {
  /// The rows of a row group that may meet all of `predicates`. Reads page indexes and Bloom filters only where the chunk
  /// statistics leave a doubt. Damaged or missing statistics never exclude anything.
  package func select(rowGroup: Int, where predicates: [ColumnPredicate]) -> RowSelection {
    guard rowGroup >= 0, rowGroup < rowGroupCount else { return .all }
    let usable = usable(predicates)
    guard !isExcludedByStatistics(rowGroup, usable) else { return .noneByStatistics }
    for predicate in usable where isExcludedByBloomFilter(rowGroup, predicate) { return .noneByBloomFilter }
    return selectPages(rowGroup, usable)
  }

  /// Begins to read what `select` will look at in row groups that their statistics leave in doubt, when the file is far away: the Bloom filters
  /// and page indexes of all of them together, so that none waits for a round trip of its own.
  ///
  /// - Parameter rowGroups: those that will be looked at here. Unless the file has very many, all others come along, for those who read them.
  package func announcePruning(of rowGroups: [Int], where predicates: [ColumnPredicate]) {
    guard reader.isRemote else { return }
    let usable = usable(predicates)
    guard !usable.isEmpty else { return }
    let inDoubt = (rowGroupCount <= 64 ? Array(0..<rowGroupCount) : rowGroups).filter { !isExcludedByStatistics($0, usable) }
    let hashes = usable.map { valueHashes(of: $0) }
    var ranges: [Range<Int>] = []
    for rowGroup in inDoubt {
      for (predicate, hashes) in zip(usable, hashes) {
        if let hashes { ranges += StoredBloomFilter.ranges(self, rowGroup: rowGroup, leaf: predicate.leaf, hashes: hashes) }
        let chunk = metadata.rowGroups[rowGroup].columns[predicate.leaf]
        ranges += [indexRange(chunk.offsetIndexOffset, chunk.offsetIndexLength), indexRange(chunk.columnIndexOffset, chunk.columnIndexLength)]
          .compactMap { $0 }
      }
    }
    for range in RangeCoalescing.requests(for: ranges, of: reader) { reader.willNeed(range) }
  }

  private func usable(_ predicates: [ColumnPredicate]) -> [ColumnPredicate] {
    predicates.filter { $0.leaf >= 0 && $0.leaf < leaves.count && leaves[$0.leaf].maxRepetition == 0 }
  }

  private func isExcludedByStatistics(_ rowGroup: Int, _ predicates: [ColumnPredicate]) -> Bool {
    let group = metadata.rowGroups[rowGroup]
    if group.rowCount == 0 { return true }
    return predicates.contains { predicate in
      let leaf = leaves[predicate.leaf]
      let chunk = group.columns[predicate.leaf]
      guard !chunk.isEncrypted, chunk.hasMetadata else { return false }
      let bounds = StoredBounds(self, leaf).chunk(chunk.statistics, metadata, valueCount: chunk.valueCount)
      return !bounds.mayMatch(predicate.test, type: leaf.type)
    }
  }

  private func isExcludedByBloomFilter(_ rowGroup: Int, _ predicate: ColumnPredicate) -> Bool {
    guard let hashes = valueHashes(of: predicate), let filter = StoredBloomFilter(self, rowGroup: rowGroup, leaf: predicate.leaf)
    else { return false }
    return !hashes.contains { filter.mayContain($0) }
  }

  /// The hashes of the values of which one must be in a row group; nil when a Bloom filter can say nothing about the predicate.
  private func valueHashes(of predicate: ColumnPredicate) -> [UInt64]? {
    let values: [Scalar]
    switch predicate.test {
    case .equal(let scalar): values = [scalar]
    case .isIn(let scalars): values = scalars
    default: return nil
    }
    let leaf = leaves[predicate.leaf]
    guard leaf.kind != .boolean, leaf.kind != .int96 else { return nil }
    let bounds = StoredBounds(self, leaf)
    var hashes: [UInt64] = []
    for scalar in values where !scalar.isNull {
      guard scalar.type == leaf.type || scalar.type.physical == leaf.type.physical && !leaf.type.hasParameters,
        let bytes = bounds.storedBytes(scalar.value)
      else { return nil }
      hashes.append(
        bytes.withUnsafeBytes { buffer in
          buffer.baseAddress.map { XXHash64.hash($0, count: buffer.count) } ?? withUnsafeBytes(of: UInt8(0)) { one in
            one.baseAddress.map { XXHash64.hash($0, count: 0) } ?? 0
          }
        })
    }
    return hashes
  }

  private func selectPages(_ rowGroup: Int, _ predicates: [ColumnPredicate]) -> RowSelection {
    let group = metadata.rowGroups[rowGroup]
    let rowCount = Int(group.rowCount)
    var selected = [0..<rowCount]
    for predicate in predicates {
      let leaf = leaves[predicate.leaf]
      guard let range = try? chunkRange(rowGroup: rowGroup, leaf: leaf.index),
        let pages = offsetIndex(rowGroup: rowGroup, leaf: leaf.index, within: range),
        let index = columnIndex(rowGroup: rowGroup, leaf: leaf.index, pageCount: pages.count)
      else { continue }
      let stored = StoredBounds(self, leaf)
      var ranges: [Range<Int>] = []
      for (position, page) in pages.enumerated() {
        let first = Int(page.firstRow)
        let end = position + 1 < pages.count ? Int(pages[position + 1].firstRow) : rowCount
        let count = Int64(end - first)
        var bounds = ValueBounds(valueCount: count)
        if index.nullPages[position] {
          bounds.nullCount = count
        } else {
          bounds.nullCount = index.nullCounts.map { $0[position] }
          // A page that is not of nulls only has a value, whatever the count says.
          if bounds.nullCount == count { bounds.nullCount = nil }
          if stored.isOrdered {
            stored.set(&bounds, index.raw(index.minimums[position]), index.raw(index.maximums[position]))
          }
        }
        guard bounds.mayMatch(predicate.test, type: leaf.type) else { continue }
        if let last = ranges.last, last.upperBound == first {
          ranges[ranges.count - 1] = last.lowerBound..<end
        } else {
          ranges.append(first..<end)
        }
      }
      selected = Self.intersection(selected, ranges)
      if selected.isEmpty { return .noneByPageIndex }
    }
    return selected == [0..<rowCount] ? .all : .some(selected)
  }

  /// Rows in both of two ascending lists of disjoint ranges.
  static func intersection(_ left: [Range<Int>], _ right: [Range<Int>]) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var i = 0
    var j = 0
    while i < left.count, j < right.count {
      let both = max(left[i].lowerBound, right[j].lowerBound)..<max(
        max(left[i].lowerBound, right[j].lowerBound), min(left[i].upperBound, right[j].upperBound))
      if !both.isEmpty { result.append(both) }
      if left[i].upperBound < right[j].upperBound { i += 1 } else { j += 1 }
    }
    return result
  }
}

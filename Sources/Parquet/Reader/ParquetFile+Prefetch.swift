import Storage

/// What is announced to the reader of a file before it is read, and given back after.
extension ParquetFile {
  /// Tells the reader that columns of a row group will be read soon.
  ///
  /// - Parameter rows: the rows wanted of the row group, ascending; nil is all. From far away only pages with such rows are fetched.
  /// - Returns: what was announced, for `release`.
  @discardableResult
  package func prefetch(rowGroup: Int, columns: [ColumnNode], rows: [Range<Int>]? = nil) -> [Range<Int>] {
    guard rowGroup >= 0, rowGroup < rowGroupCount else { return [] }
    var ranges: [Range<Int>]
    if let rows, reader.isRemote {
      ranges = pageRanges(rowGroup: rowGroup, columns: columns, rows: rows).values.flatMap { $0 }
    } else {
      ranges = chunkRanges(rowGroup: rowGroup, columns: columns).map(\.range)
    }
    ranges = RangeCoalescing.requests(for: ranges, of: reader)
    for range in ranges { reader.willNeed(range) }
    return ranges
  }

  /// A chunk in an impossible place is left out: it is reported when it is read.
  private func chunkRanges(rowGroup: Int, columns: [ColumnNode]) -> [(leaf: Int, range: Range<Int>)] {
    columns.flatMap(\.leaves).compactMap { leaf in
      (try? chunkRange(rowGroup: rowGroup, leaf: leaf.index)).map { (leaf.index, $0) }
    }
  }

  /// Where the pages of each leaf that hold some of the rows lie, with its dictionary: ascending, neighbours joined. The whole chunk where there
  /// is no index. The indexes of all leaves are fetched together.
  func pageRanges(rowGroup: Int, columns: [ColumnNode], rows: [Range<Int>]) -> [Int: [Range<Int>]] {
    let chunks = chunkRanges(rowGroup: rowGroup, columns: columns)
    let group = metadata.rowGroups[rowGroup]
    let indexes = chunks.compactMap { leaf, _ in
      indexRange(group.columns[leaf].offsetIndexOffset, group.columns[leaf].offsetIndexLength)
    }
    for range in RangeCoalescing.requests(for: indexes, of: reader) { reader.willNeed(range) }
    var result: [Int: [Range<Int>]] = [:]
    for (leaf, chunk) in chunks {
      guard let pages = offsetIndex(rowGroup: rowGroup, leaf: leaf, within: chunk), let first = pages.first else {
        result[leaf] = [chunk]
        continue
      }
      var wanted = [chunk.lowerBound..<Int(first.offset)]
      var next = rows[...]
      for (index, page) in pages.enumerated() {
        let end = index + 1 < pages.count ? Int(pages[index + 1].firstRow) : Int(group.rowCount)
        while let range = next.first, range.upperBound <= Int(page.firstRow) { next = next.dropFirst() }
        guard let range = next.first else { break }
        if range.lowerBound < end { wanted.append(Int(page.offset)..<Int(page.offset) + Int(page.compressedSize)) }
      }
      result[leaf] = RangeCoalescing.joined(wanted, gap: 0)
    }
    return result
  }
}

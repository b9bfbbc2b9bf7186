import Columnar

extension ParquetFile {
  /// The page locations of a chunk; nil when there are none or they contradict the chunk (then pages are read in order).
  func offsetIndex(rowGroup: Int, leaf: Int, within range: Range<Int>) -> [PageLocation]? {
    let group = metadata.rowGroups[rowGroup]
    let chunk = group.columns[leaf]
    guard let bytes = indexBytes(chunk.offsetIndexOffset, chunk.offsetIndexLength),
      let index = try? OffsetIndex(parsing: bytes), let first = index.pages.first, first.firstRow == 0
    else { return nil }
    var lastOffset: Int64 = -1
    var lastRow: Int64 = -1
    for page in index.pages {
      guard page.offset >= Int64(range.lowerBound), page.offset > lastOffset, page.firstRow > lastRow,
        page.firstRow < group.rowCount, page.compressedSize > 0,
        page.offset &+ Int64(page.compressedSize) <= Int64(range.upperBound)
      else { return nil }
      lastOffset = page.offset
      lastRow = page.firstRow
    }
    return index.pages
  }

  /// The page bounds of a chunk; nil when there are none or they do not fit `pageCount` pages.
  func columnIndex(rowGroup: Int, leaf: Int, pageCount: Int) -> ColumnIndex? {
    let chunk = metadata.rowGroups[rowGroup].columns[leaf]
    guard let bytes = indexBytes(chunk.columnIndexOffset, chunk.columnIndexLength),
      let index = try? ColumnIndex(parsing: bytes), index.nullPages.count == pageCount
    else { return nil }
    return index
  }

  private func indexBytes(_ offset: Int64?, _ length: Int32?) -> Buffer? {
    guard let range = indexRange(offset, length) else { return nil }
    return try? Self.read(reader, range.lowerBound, range.count)
  }

  /// Where an index lies; nil when there is none, or it does not lie before the footer.
  func indexRange(_ offset: Int64?, _ length: Int32?) -> Range<Int>? {
    guard let offset, let length, offset > 0, length > 0, offset <= Int64(footerOffset),
      Int64(length) <= Int64(footerOffset) - offset
    else { return nil }
    return Int(offset)..<Int(offset) + Int(length)
  }
}

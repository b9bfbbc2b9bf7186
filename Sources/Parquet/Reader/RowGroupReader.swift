package import Columnar
import Compression
import Storage

/// Reads columns of one row group as batches, front to back. For one thread; make one per worker and row group.
package final class RowGroupReader {
  package let file: ParquetFile
  package let rowGroup: Int
  package let columns: [ColumnNode]
  package let rowCount: Int
  private let context: QueryContext
  private var readers: [ColumnReader] = []
  /// Rows to be read, ascending and disjoint, within the row group.
  private let ranges: [Range<Int>]
  private var rangeIndex = 0
  /// The next row to be read.
  private var position = 0
  /// What the file's reader was told to fetch.
  private var announced: [Range<Int>] = []
  /// Rows per batch at most, so that long lists do not make batches of gigabytes.
  private let rowLimit: Int

  /// Row of the file with which the last batch began, for position deletes.
  package private(set) var batchFirstRow = 0

  /// How one top-level column is read.
  private enum ColumnReader {
    case flat(ColumnChunkReader)
    case nested(ColumnNode, [ColumnChunkReader])
  }

  /// Level entries a batch of nested columns aims at.
  private static let entriesPerBatch = 1 << 20
  private static let windowBudget = 64 << 20
  /// Larger ones cost more for clearing their memory than they save in calls of the system.
  private static let largestWindow = 1 << 20

  /// - Parameters:
  ///   - columns: columns of `file.columns`, whole or pruned, in the order wanted. None gives batches that only count rows.
  ///   - rows: rows of the row group to be read, from `RowGroupPruning`; nil reads all. Pages without such rows are passed over.
  package init(
    _ file: ParquetFile, rowGroup: Int, columns: [ColumnNode], rows: [Range<Int>]? = nil, context: QueryContext
  ) throws(ParquetError) {
    self.file = file
    self.rowGroup = rowGroup
    self.columns = columns
    self.context = context
    guard rowGroup >= 0, rowGroup < file.rowGroupCount else {
      throw .invalidRequest("row group \(rowGroup) of \(file.rowGroupCount) was asked for")
    }
    let group = file.metadata.rowGroups[rowGroup]
    rowCount = Int(group.rowCount)
    let total = rowCount
    ranges = (rows ?? [0..<total]).map { $0.clamped(to: 0..<total) }.filter { !$0.isEmpty }
    var limit = Int.max
    for column in columns {
      for leaf in column.leaves where leaf.maxRepetition > 0 && total > 0 {
        let perRow = max(1, group.columns[leaf.index].valueCount / Int64(total))
        limit = min(limit, max(1, Self.entriesPerBatch / Int(clamping: perRow)))
      }
    }
    rowLimit = limit
    let isPartial = rows != nil && ranges != [0..<total]
    do throws(ParquetError) {
      try openColumns(isPartial: isPartial)
    } catch {
      throw error.located(file: file.reader.location.text, rowGroup: rowGroup)
    }
    if file.reader.readsAheadByItself {
      announced = file.prefetch(rowGroup: rowGroup, columns: columns, rows: isPartial ? ranges : nil)
      // Whoever reads from far away knows which row group comes next, and when.
      if !file.reader.isRemote { file.prefetch(rowGroup: rowGroup + 1, columns: columns) }
    }
  }

  deinit {
    for range in announced { file.reader.release(range) }
  }

  /// Types of the batches' columns.
  package var types: [SQLType] { columns.map(\.type) }

  // MARK: Opening

  private func openColumns(isPartial: Bool) throws(ParquetError) {
    var wanted: [LeafColumn] = []
    for column in columns {
      if let problem = column.problem { throw problem }
      wanted += column.leaves
    }
    var chunkRanges: [Int: Range<Int>] = [:]
    for leaf in wanted {
      do throws(ParquetError) {
        chunkRanges[leaf.index] = try checkedRange(leaf)
      } catch {
        throw error.located(column: leaf.dottedPath)
      }
    }
    let pageRuns = isPartial && file.reader.isRemote ? file.pageRanges(rowGroup: rowGroup, columns: columns, rows: ranges) : nil
    let segments = file.reader.readsAheadByItself ? [] : try fetch(chunkRanges.values.map { $0 })
    let windowSize = min(Self.largestWindow, max(256 << 10, Self.windowBudget / max(1, wanted.count)))
    let decompressor = Decompressor()
    func open(_ leaf: LeafColumn) throws(ParquetError) -> ColumnChunkReader {
      let range = chunkRanges[leaf.index] ?? 0..<0
      let source =
        file.reader.readsAheadByItself
        ? ChunkSource(
          file.reader, end: range.upperBound, windowSize: min(windowSize, range.count), within: pageRuns?[leaf.index],
          progress: context.progress)
        : ChunkSource(
          segments: segments.filter { $0.fileOffset <= range.lowerBound && $0.end >= range.upperBound }.map {
            ChunkSource.Segment(
              fileOffset: range.lowerBound, buffer: $0.buffer,
              bufferOffset: $0.bufferOffset + range.lowerBound - $0.fileOffset, count: range.count)
          }, end: range.upperBound)
      let pages = isPartial ? file.offsetIndex(rowGroup: rowGroup, leaf: leaf.index, within: range) : nil
      let codec: PageCodec
      do throws(ParquetError) {
        codec = try file.codec(rowGroup: rowGroup, leaf: leaf.index)
      } catch {
        throw error.located(column: leaf.dottedPath)
      }
      return ColumnChunkReader(
        leaf: leaf, chunk: file.metadata.rowGroups[rowGroup].columns[leaf.index], bytes: source, start: range.lowerBound,
        end: range.upperBound, pageIndex: pages, rows: (ranges.first?.lowerBound ?? 0)..<(ranges.last?.upperBound ?? 0),
        loader: PageLoader(
          leaf: leaf, codec: codec, verifyChecksums: file.options.verifyChecksums, decompressor: decompressor,
          isFromImpala: file.metadata.createdBy?.hasPrefix("impala") ?? false))
    }
    for column in columns {
      if case .leaf(let leaf) = column.shape, leaf.maxRepetition == 0, leaf.maxDefinition <= 1 {
        readers.append(.flat(try open(leaf)))
      } else {
        var leafReaders: [ColumnChunkReader] = []
        for leaf in column.leaves { leafReaders.append(try open(leaf)) }
        readers.append(.nested(column, leafReaders))
      }
    }
  }

  private func checkedRange(_ leaf: LeafColumn) throws(ParquetError) -> Range<Int> {
    let range = try file.chunkRange(rowGroup: rowGroup, leaf: leaf.index)
    let valueCount = Int(file.metadata.rowGroups[rowGroup].columns[leaf.index].valueCount)
    if leaf.maxRepetition == 0 ? valueCount != rowCount : valueCount < rowCount {
      throw .corrupt("values of a column chunk", expected: "\(rowCount), one a row", found: "\(valueCount)")
    }
    return range
  }

  /// Reads chunks at once, neighbours together: requests to a store are dear.
  private func fetch(_ ranges: [Range<Int>]) throws(ParquetError) -> [ChunkSource.Segment] {
    var segments: [ChunkSource.Segment] = []
    for range in RangeCoalescing.joined(ranges, gap: 1 << 20) {
      let buffer = try ParquetFile.read(file.reader, range.lowerBound, range.count)
      ProgressCounters.add(range.count, to: context.progress.bytesRead)
      segments.append(ChunkSource.Segment(fileOffset: range.lowerBound, buffer: buffer, count: range.count))
    }
    return segments
  }

  // MARK: Reading

  /// Rows not yet read or passed over.
  package var remainingRows: Int {
    ranges[rangeIndex...].reduce(0) { $0 + $1.upperBound - max($1.lowerBound, position) }
  }

  /// The next rows: at most `maxRows`, fewer at the end, at a gap in the wanted rows, or when rows hold long lists. nil at the end.
  package func next(maxRows: Int) throws(ParquetError) -> Batch? {
    if context.cancellation.isCancelled { throw ParquetError(.cancelled, "the query was cancelled") }
    guard maxRows > 0 else { throw .invalidRequest("a batch of \(maxRows) rows was asked for") }
    do throws(ParquetError) {
      guard rangeIndex < ranges.count else { return nil }
      let range = ranges[rangeIndex]
      if position < range.lowerBound { try advance(to: range.lowerBound) }
      let count = min(maxRows, min(rowLimit, range.upperBound - position))
      batchFirstRow = file.firstRows[rowGroup] + position
      var result: [Column] = []
      result.reserveCapacity(readers.count)
      for reader in readers { result.append(try read(count, reader)) }
      position += count
      if position == range.upperBound { rangeIndex += 1 }
      if position == rowCount { try checkEnd() }
      return Batch(columns: result, count: count)
    } catch {
      throw error.located(file: file.reader.location.text, rowGroup: rowGroup)
    }
  }

  private func read(_ count: Int, _ reader: ColumnReader) throws(ParquetError) -> Column {
    switch reader {
    case .flat(let chunk):
      do throws(ParquetError) { return try chunk.readFlat(count) } catch {
        throw error.located(column: chunk.leaf.dottedPath)
      }
    case .nested(let node, let chunks):
      var records: [Int: LeafRecords] = [:]
      for chunk in chunks {
        do throws(ParquetError) { records[chunk.leaf.index] = try chunk.readRecords(count) } catch {
          throw error.located(column: chunk.leaf.dottedPath)
        }
      }
      do throws(ParquetError) {
        let column = try NestedAssembly(records: records).build(node)
        guard column.count == count else {
          throw .corrupt("rows of a nested column", expected: "\(count)", found: "\(column.count)")
        }
        return column
      } catch {
        throw error.located(column: node.name)
      }
    }
  }

  /// Passes over the next `count` of the rows still to be read.
  package func skip(_ count: Int) throws(ParquetError) {
    var left = count
    do throws(ParquetError) {
      while left > 0, rangeIndex < ranges.count {
        let range = ranges[rangeIndex]
        let start = max(position, range.lowerBound)
        let take = min(left, range.upperBound - start)
        try advance(to: start + take)
        left -= take
        if position == range.upperBound { rangeIndex += 1 }
      }
    } catch {
      throw error.located(file: file.reader.location.text, rowGroup: rowGroup)
    }
  }

  private func advance(to row: Int) throws(ParquetError) {
    for reader in readers {
      switch reader {
      case .flat(let chunk): try advance(chunk, to: row)
      case .nested(_, let chunks): for chunk in chunks { try advance(chunk, to: row) }
      }
    }
    position = row
  }

  private func advance(_ chunk: ColumnChunkReader, to row: Int) throws(ParquetError) {
    do throws(ParquetError) {
      let reached = try chunk.jump(toward: row, from: position)
      if reached < row { try chunk.skipRecords(row - reached) }
    } catch {
      throw error.located(column: chunk.leaf.dottedPath)
    }
  }

  private var chunkReaders: [ColumnChunkReader] {
    readers.flatMap { reader in
      switch reader {
      case .flat(let chunk): [chunk]
      case .nested(_, let chunks): chunks
      }
    }
  }

  /// Behind the last row no column may have a value left.
  private func checkEnd() throws(ParquetError) {
    for chunk in chunkReaders {
      do throws(ParquetError) { try chunk.checkEnd() } catch { throw error.located(column: chunk.leaf.dottedPath) }
    }
  }

  /// Data pages that were passed over without being decompressed.
  package var pagesSkipped: Int { chunkReaders.reduce(0) { $0 + $1.pagesSkipped } }
}

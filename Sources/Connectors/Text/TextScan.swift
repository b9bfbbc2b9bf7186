package import Columnar
package import Planner
package import Storage
package import TextFormats

/// How the text of one file becomes rows; shared by the splits of the file.
package struct TextFile: Sendable {
  package enum Format: Sendable {
    case delimited(DelimitedTextFormat)
    case json(JSONLinesFormat)
  }

  package var info: ObjectInfo
  package var source: TextSource
  package var format: Format
  /// What a record holds, in the file's order.
  package var columns: [Field]
  /// The first record holds names.
  package var hasHeader = false
  /// The names decide which column is where: all of `columns` must be among them, in any order, and nothing else.
  package var isReadByHeader = false
  /// Whether parts of the file may be read at once, when it is stored as it is.
  package var maySplit = true

  package init(_ info: ObjectInfo, _ source: TextSource, _ format: Format, columns: [Field]) {
    self.info = info
    self.source = source
    self.format = format
    self.columns = columns
  }

  /// Lines that are passed over at the start must all lie in the first split, and those at the end cannot be told from inside.
  fileprivate var isSplittable: Bool {
    guard maySplit, source.isSplittable else { return false }
    switch format {
    case .delimited(let format):
      // A backslash before a quote would have to be told from others: reading from the start is simpler.
      if format.dialect == .csv, format.quote != nil, format.escape != nil { return false }
      return format.skippedFooterLines == 0 && format.skippedLines <= Self.maximumSkippedLinesOfSplit
    case .json(let format):
      return (format.dialect != .plain || format.isLineDelimited) && format.skippedLines <= Self.maximumSkippedLinesOfSplit
    }
  }

  private static let maximumSkippedLinesOfSplit = 16

  fileprivate func seams(splitByteCount: Int) -> RecordSeams? {
    guard case .delimited(let format) = format, format.dialect == .csv, let quote = format.quote else { return nil }
    return RecordSeams(source, quote: quote, size: info.size, splitByteCount: splitByteCount)
  }
}

/// Where one delivered column of a scan over text files comes from, for one file.
package enum TextColumnSource: Sendable {
  /// Index into `TextFile.columns`.
  case file(Int)
  /// A partition value, the path, or NULL for a column that the file lacks.
  case constant(Scalar)
}

/// One text file, or the records that begin in a part of it.
package struct TextSplit: Split {
  fileprivate let file: TextFile
  fileprivate let sources: [TextColumnSource]
  fileprivate var range: Range<Int>?
  fileprivate var seams: RecordSeams?
  package var byteCount: Int

  package var label: String { range.map { "\(file.info.location) @ \($0.lowerBound)" } ?? file.info.location.text }
}

/// A planned scan over text files of any kind of table.
package struct TextScan: Scan {
  package let splits: [any Split]
  package let notes: [ScanNote]
  package let prefetchDepth: Int

  /// Bytes that are on their way, about: more of them would only have the first ones wait.
  private static let readAhead = 64 << 20
  private static let largestPrefetchDepth = 32

  /// - Parameters:
  ///   - files: with the sources of the delivered columns.
  ///   - splitByteCount: size of the parts that large files are cut into; nil for the usual.
  package init(_ files: [(TextFile, [TextColumnSource])], splitByteCount: Int? = nil, notes: [ScanNote]) {
    let total = files.reduce(0) { $0 + $1.0.info.size }
    // Enough parts for workers to share evenly, none so small that opening it costs more than reading it.
    let size = max(splitByteCount ?? min(max(total / 32, 1 << 20), 32 << 20), 1)
    var splits: [TextSplit] = []
    for (file, sources) in files {
      let whole = TextSplit(file: file, sources: sources, byteCount: file.info.size)
      guard file.isSplittable, file.info.size > size else {
        splits.append(whole)
        continue
      }
      let seams = file.seams(splitByteCount: size)
      for start in stride(from: 0, to: file.info.size, by: size) {
        var split = whole
        split.byteCount = min(size, file.info.size - start)
        // The last part reads on to wherever the file ends.
        split.range = start..<(start + size >= file.info.size ? Int.max : start + size)
        split.seams = seams
        splits.append(split)
      }
    }
    self.splits = splits
    self.notes = notes
    let isRemote = files.first.map { $0.0.source.isRemote } ?? false
    prefetchDepth = isRemote ? min(max(splits.count * Self.readAhead / max(total, 1), 2), Self.largestPrefetchDepth) : 0
  }

  package func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    guard let split = split as? TextSplit else { throw TextFormatError(.badOption, "a split of another scan") }
    return try TextSplitReader(split, context)
  }

  package func prefetch(_ split: any Split, _ context: QueryContext) {
    guard let split = split as? TextSplit else { return }
    // As the split's reader will: from the byte before it on.
    let start = max((split.range?.lowerBound ?? 0) - 1, 0)
    split.file.source.announce(start..<max(start, (split.range?.upperBound ?? Int.max) - 1))
  }
}

/// Reads the records of one split and adds the columns that the file itself does not hold.
private final class TextSplitReader: SplitReader {
  private let reader: any TextReader
  /// For each delivered column its place among those read, or its value.
  private let outputs: [TextColumnSource]

  init(_ split: TextSplit, _ context: QueryContext) throws {
    let file = split.file
    var projection: [Int] = []
    outputs = split.sources.map { source in
      guard case .file(let column) = source else { return source }
      if let known = projection.firstIndex(of: column) { return .file(known) }
      projection.append(column)
      return .file(projection.count - 1)
    }
    switch file.format {
    case .delimited(let format):
      var columns = file.columns
      if file.isReadByHeader {
        let order = try HeaderOrder(file, format)
        columns = order.columns
        projection = projection.map { order.position[$0] }
      }
      reader = try DelimitedReader(
        file.source, format: format, columns: columns, projection: projection, split: split.range, seams: split.seams,
        hasHeader: file.hasHeader, context: context)
    case .json(let format):
      reader = try JSONLinesReader(
        file.source, format: format, columns: projection.map { file.columns[$0] }, ordinals: projection, split: split.range,
        context: context)
    }
  }

  func next() throws -> Batch? {
    guard let batch = try reader.next() else { return nil }
    let columns = outputs.map { output in
      switch output {
      case .file(let slot): batch.columns[slot]
      case .constant(let scalar): Column.constant(scalar, count: batch.count)
      }
    }
    return Batch(columns: columns, count: batch.count)
  }
}

/// Where the columns of a table stand in a file that names them in its first record.
private struct HeaderOrder {
  /// In the file's order.
  let columns: [Field]
  /// For each of the table's columns its position in the file.
  let position: [Int]

  init(_ file: TextFile, _ format: DelimitedTextFormat) throws {
    let names = try CSVInference.header(of: file.source, format)
    let places = Dictionary(zip(names.map { $0.lowercased() }, names.indices), uniquingKeysWith: { first, _ in first })
    var columns = [Field?](repeating: nil, count: names.count)
    var position: [Int] = []
    for column in file.columns {
      guard let place = places[column.name.lowercased()] else {
        throw Self.mismatch(file, "has no column '\(column.name)', which the first file has")
      }
      columns[place] = column
      position.append(place)
    }
    if let extra = columns.firstIndex(where: { $0 == nil }) {
      throw Self.mismatch(file, "has a column '\(names[extra])', which the first file does not have")
    }
    self.columns = columns.compactMap { $0 }
    self.position = position
  }

  private static func mismatch(_ file: TextFile, _ what: String) -> TextFormatError {
    TextFormatError(.badData, "the file \(what); union_by_name => true joins files with different columns", location: file.info.location)
  }
}

/// How a result is written.
public enum OutputFormat: String, Sendable, CaseIterable {
  /// A frame with aligned columns, for reading.
  case table
  /// What Athena writes to its result files: a header line, values in Athena's text form, NULL an empty field, empty text `""`.
  case csv
  /// One array of objects.
  case json
  /// One object a line.
  case jsonl
  /// A GitHub-flavoured table.
  case markdown
}

/// Turns the batches of one result into bytes: `begin()`, then `write(_:)` per batch, then `end()`.
public struct ResultWriter {
  private var body: any ResultFormatter

  /// - Parameter terminalWidth: characters per line that a table may take; nil is no limit.
  public init(format: OutputFormat, columns: [ResultColumn], terminalWidth: Int? = nil) {
    body =
      switch format {
      case .table where columns.count == 1 && columns[0].isLaidOut: PlainLinesFormatter()
      case .table: TextTableFormatter(columns: columns, width: terminalWidth)
      case .csv: CSVFormatter(columns: columns)
      case .json: JSONFormatter(columns: columns, isLines: false)
      case .jsonl: JSONFormatter(columns: columns, isLines: true)
      case .markdown: MarkdownFormatter(columns: columns)
      }
  }

  public mutating func begin() -> [UInt8] { body.begin() }
  public mutating func write(_ batch: ResultBatch) -> [UInt8] { body.write(batch) }
  public mutating func end() -> [UInt8] { body.end() }
}

/// One output format.
protocol ResultFormatter {
  mutating func begin() -> [UInt8]
  mutating func write(_ batch: ResultBatch) -> [UInt8]
  mutating func end() -> [UInt8]
}

/// One field of a partition spec.
struct PartitionTerm: Hashable, Sendable {
  enum Transform: Hashable, Sendable {
    case identity, bucket(Int), truncate(Int), day, month, hour
  }

  var transform: Transform
  var column: String

  var sql: String {
    switch transform {
    case .identity: column
    case .bucket(let count): "bucket(\(count), \(column))"
    case .truncate(let width): "truncate(\(width), \(column))"
    case .day: "day(\(column))"
    case .month: "month(\(column))"
    case .hour: "hour(\(column))"
    }
  }

  /// The terms that a column can be partitioned by; one that is listed twice is drawn twice as often.
  static func choices(for column: ModelColumn) -> [PartitionTerm] {
    let transforms: [Transform] =
      switch column.type {
      case .bigint: [.bucket(3), .bucket(3), .truncate(5), .identity]
      case .integer: [.identity, .identity, .bucket(2), .truncate(3)]
      case .text: [.identity, .truncate(2), .truncate(1), .bucket(3)]
      case .date: [.day, .day, .month, .identity, .bucket(2)]
      case .timestamp: [.day, .day, .hour, .month]
      case .decimal: [.identity, .truncate(100), .bucket(2)]
      case .boolean: [.identity]
      case .double, .row: []
      }
    return transforms.map { PartitionTerm(transform: $0, column: column.name) }
  }
}

struct Partitioning: Sendable {
  /// The spec for new rows.
  var terms: [PartitionTerm] = []
  /// Whether it was another before.
  var isEvolved = false
  /// Columns that some spec, old or new, is made of: they cannot be dropped.
  var sourceColumns: Set<String> = []
}

/// How a table is stored.
struct TableLayout: Sendable {
  enum WriteMode: String, Sendable, CaseIterable {
    case mergeOnRead = "merge-on-read"
    case copyOnWrite = "copy-on-write"
  }

  enum Command: String, Sendable, CaseIterable { case delete, update, merge }

  var formatVersion: Int
  var modes: [Command: WriteMode]
  var deletesPerPartition: Bool
  var codec: String
  var isOptimizedEagerly: Bool

  /// Version 1 has no delete files.
  func mode(_ command: Command) -> WriteMode { formatVersion == 1 ? .copyOnWrite : modes[command] ?? .mergeOnRead }

  /// - Parameter location: nil is the default of the warehouse.
  func createStatement(_ table: ModelTable, location: String?) -> String {
    let columns = table.columns.map(\.definition)
    var properties = ["'table_type' = 'ICEBERG'", "'format-version' = '\(formatVersion)'", "'write_compression' = '\(codec)'"]
    for command in Command.allCases {
      if let mode = modes[command] { properties.append("'write.\(command.rawValue).mode' = '\(mode.rawValue)'") }
    }
    if deletesPerPartition { properties.append("'write.delete.granularity' = 'partition'") }
    if isOptimizedEagerly { properties.append("'optimize_rewrite_data_file_threshold' = '2'") }
    let terms = table.partitioning.terms.map(\.sql).joined(separator: ", ")
    return "CREATE TABLE \(table.name) (\(columns.joined(separator: ", ")))"
      + (terms.isEmpty ? "" : "\nPARTITIONED BY (\(terms))") + (location.map { "\nLOCATION '\($0)'" } ?? "")
      + "\nTBLPROPERTIES (\(properties.joined(separator: ", ")))"
  }
}

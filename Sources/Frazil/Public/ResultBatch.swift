import Columnar

/// One column of a result.
public struct ResultColumn: Sendable, Hashable {
  public let name: String
  /// The SQL type as `typeof` shows it: `varchar`, `decimal(10,2)`, `array(bigint)`.
  public let type: String
}

/// One value of a result.
public indirect enum ResultValue: Sendable, Hashable {
  case null
  case boolean(Bool)
  /// tinyint, smallint, integer, bigint.
  case integer(Int64)
  case real(Float)
  case double(Double)
  /// Everything that has a text form of its own: text, decimals (all digits), dates, times, timestamps, intervals, JSON, UUIDs.
  case text(String)
  case bytes([UInt8])
  case array([ResultValue])
  /// In the order of the data.
  case map([ResultEntry])
  case row([ResultValue])
}

public struct ResultEntry: Sendable, Hashable {
  public let key: ResultValue
  public let value: ResultValue
}

/// Some rows of a result: a read-only view over the engine's columns.
public struct ResultBatch: Sendable {
  public let columns: [ResultColumn]
  public let rowCount: Int
  package let batch: Batch

  package init(_ batch: Batch, columns: [ResultColumn]) {
    self.batch = batch
    self.columns = columns
    rowCount = batch.count
  }

  /// The value at a 0-based row and column; both must be in range.
  public func value(row: Int, column: Int) -> ResultValue {
    let column = batch.columns[column]
    return ResultValue(column.scalarValue(at: row), type: column.type)
  }

  /// The rows, values in column order.
  public var rows: [[ResultValue]] {
    (0..<rowCount).map { row in columns.indices.map { value(row: row, column: $0) } }
  }

  /// A column of doubles, NULL as nil; nil when the column is of another type.
  public func doubles(column index: Int) -> [Double?]? {
    let column = batch.columns[index]
    guard column.type == .double else { return nil }
    let view = ColumnView(column)
    let values = view.pointer(as: Double.self)
    return (0..<rowCount).map { view.isValid($0) ? values[view.index($0)] : nil }
  }
}

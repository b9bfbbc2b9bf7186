package import Columnar

/// One column of a result.
public struct ResultColumn: Sendable, Hashable {
  public let name: String
  /// The SQL type as `typeof` shows it: `varchar`, `decimal(10,2)`, `array(bigint)`.
  public let type: String
  /// Lines of a text that were laid out already: a plan, a CREATE statement. As a table they are shown without a frame.
  public let isLaidOut: Bool

  init(name: String, type: String, isLaidOut: Bool = false) {
    self.name = name
    self.type = type
    self.isLaidOut = isLaidOut
  }
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

  /// The rows as Athena writes them to its result files; nil is NULL.
  public var texts: [[String?]] {
    let columns = batch.columns.map { ResultText(athena: $0) }
    return (0..<rowCount).map { row in columns.map { $0.string(row) } }
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

extension ResultValue {
  init(_ value: ScalarValue, type: SQLType) {
    switch (value, type) {
    case (.null, _): self = .null
    case (.boolean(let flag), _): self = .boolean(flag)
    case (.int(let number), _) where type.isInteger: self = .integer(number)
    case (.real(let number), _): self = .real(number)
    case (.double(let number), _): self = .double(number)
    case (.bytes(let bytes), .varbinary): self = .bytes(bytes)
    case (.bytes(let bytes), _): self = .text(String(decoding: bytes, as: UTF8.self))
    case (.list(let elements), .array(let element)): self = .array(elements.map { ResultValue($0, type: element) })
    case (.map(let pairs), .map(let key, let value)):
      self = .map(
        pairs.map { ResultEntry(key: ResultValue($0.key, type: key), value: ResultValue($0.value, type: value)) })
    case (.row(let values), .row(let fields)):
      self = .row(zip(values, fields).map { ResultValue($0, type: $1.type) })
    default:
      self = ResultText(athena: .constant(Scalar(type, value), count: 1)).string(0).map { .text($0) } ?? .null
    }
  }
}

import Columnar
public import SQLSyntax

extension StatementResult {
  /// All rows as values of a `Decodable` type, whose keys are the names of the columns (in any case):
  ///
  ///     struct Sale: Decodable { var region: String; var total: Double? }
  ///     let sales = try await session.run("SELECT region, total FROM sales").decoded(as: Sale.self)
  ///
  /// Whole numbers fit every integer type that holds them, numbers fit `Double`; everything that has a text form fits `String`. NULL needs an
  /// optional. Arrays, maps with text keys and rows decode as arrays, dictionaries and nested types. A type of one column may also be a plain value.
  ///
  /// - Throws: what the query throws, and TYPE_MISMATCH with the row and the column when a value does not fit.
  public func decoded<Row: Decodable>(as type: Row.Type) async throws(SQLError) -> [Row] {
    var decoded: [Row] = []
    for try await batch in rows {
      for row in 0..<batch.rowCount {
        do {
          decoded.append(try Row(from: ValueDecoder(batch.decodable(row: row), isTopRow: true)))
        } catch {
          throw SQLError(.typeMismatch, "row \(decoded.count + 1) of the result: \(Self.reason(error))")
        }
      }
    }
    return decoded
  }

  /// All rows as tuples, by position:
  ///
  ///     for (region, total) in try await result.tuples(of: String.self, Double?.self) { … }
  ///
  /// - Throws: what the query throws, and TYPE_MISMATCH when the number of columns or a value does not fit.
  public func tuples<each Value: Decodable>(of types: repeat (each Value).Type) async throws(SQLError) -> [(repeat each Value)] {
    var wanted = 0
    for _ in repeat each types { wanted += 1 }
    guard wanted == columns.count else {
      throw SQLError(.typeMismatch, "the result has \(columns.count) columns, \(wanted) were asked for")
    }
    var tuples: [(repeat each Value)] = []
    for try await batch in rows {
      for row in 0..<batch.rowCount {
        var fields = batch.decodable(row: row).fields.makeIterator()
        func next<Field: Decodable>(_ type: Field.Type) throws -> Field {
          // The count was compared above.
          guard let field = fields.next() else { preconditionFailure("fewer fields than columns") }
          return try Field(from: ValueDecoder(field.value, path: [FieldKey(field.name)]))
        }
        do {
          tuples.append((repeat try next(each types)))
        } catch {
          throw SQLError(.typeMismatch, "row \(tuples.count + 1) of the result: \(Self.reason(error))")
        }
      }
    }
    return tuples
  }

  /// `column total: NULL where Double was expected`
  private static func reason(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    let context: DecodingError.Context? =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context), .dataCorrupted(let context):
        context
      @unknown default: nil
      }
    guard let context else { return "\(error)" }
    let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
    return (path.isEmpty ? "" : "column \(path): ") + context.debugDescription
  }
}

extension ResultBatch {
  /// One row with the names of its columns.
  fileprivate func decodable(row: Int) -> DecodableValue {
    .row(
      columns.indices.map { index in
        let column = batch.columns[index]
        return DecodableField(name: columns[index].name, value: DecodableValue(column.scalarValue(at: row), column.type))
      })
  }
}

/// A value with the names that nested rows need.
private indirect enum DecodableValue {
  case plain(ResultValue)
  case list([DecodableValue])
  case map([(key: String, value: DecodableValue)])
  case row([DecodableField])

  init(_ value: ScalarValue, _ type: SQLType) {
    switch (value, type) {
    case (.list(let elements), .array(let element)): self = .list(elements.map { DecodableValue($0, element) })
    case (.map(let pairs), .map(let key, let value)):
      self = .map(
        pairs.map { pair in
          let text = ResultText(athena: .constant(Scalar(key, pair.key), count: 1)).string(0) ?? ""
          return (key: text, value: DecodableValue(pair.value, value))
        })
    case (.row(let values), .row(let fields)):
      self = .row(
        zip(values, fields).enumerated().map { index, pair in
          DecodableField(name: pair.1.name ?? "field\(index)", value: DecodableValue(pair.0, pair.1.type))
        })
    default: self = .plain(ResultValue(value, type: type))
    }
  }

  var isNull: Bool { if case .plain(.null) = self { true } else { false } }

  var fields: [DecodableField] { if case .row(let fields) = self { fields } else { [] } }

  /// For messages.
  var kind: String {
    switch self {
    case .plain(let value):
      switch value {
      case .null: "NULL"
      case .boolean: "a boolean"
      case .integer(let number): "the number \(number)"
      case .real(let number): "the number \(number)"
      case .double(let number): "the number \(number)"
      case .text: "text"
      case .bytes: "bytes"
      case .array: "an array"
      case .map: "a map"
      case .row: "a row"
      }
    case .list: "an array"
    case .map: "a map"
    case .row: "a row"
    }
  }
}

private struct DecodableField {
  let name: String
  let value: DecodableValue
}

private struct FieldKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(_ name: String) {
    stringValue = name
    intValue = nil
  }
  init(stringValue: String) { self.init(stringValue) }
  init(intValue: Int) {
    stringValue = "\(intValue)"
    self.intValue = intValue
  }
}

/// One value as the standard library's `Decoder`.
private struct ValueDecoder: Decoder {
  let value: DecodableValue
  let codingPath: [any CodingKey]
  /// The row of a result itself: a type that wants one value takes it from the only column.
  private let isTopRow: Bool
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ value: DecodableValue, path: [any CodingKey] = [], isTopRow: Bool = false) {
    self.value = value
    codingPath = path
    self.isTopRow = isTopRow
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    switch value {
    case .row(let fields):
      return KeyedDecodingContainer(KeyedFields(fields.map { (key: $0.name, value: $0.value) }, ignoresCase: true, codingPath))
    case .map(let pairs): return KeyedDecodingContainer(KeyedFields(pairs, ignoresCase: false, codingPath))
    default: throw mismatch(type, "a row or a map")
    }
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    switch single {
    case .list(let elements): return Elements(elements, codingPath)
    case .plain(.bytes(let bytes)): return Elements(bytes.map { .plain(.integer(Int64($0))) }, codingPath)
    default: throw mismatch([Any].self, "an array")
    }
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    if isTopRow, value.fields.count != 1 {
      throw mismatch(Any.self, "a row of one column")
    }
    return SingleValue(value: single, codingPath: codingPath)
  }

  private var single: DecodableValue {
    isTopRow && value.fields.count == 1 ? value.fields[0].value : value
  }

  private func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
    .typeMismatch(
      type, DecodingError.Context(codingPath: codingPath, debugDescription: "\(value.kind) where \(expected) was expected"))
  }
}

private struct SingleValue: SingleValueDecodingContainer {
  let value: DecodableValue
  let codingPath: [any CodingKey]

  func decodeNil() -> Bool { value.isNull }

  func decode(_ type: Bool.Type) throws -> Bool {
    guard case .plain(.boolean(let flag)) = value else { throw mismatch(type) }
    return flag
  }

  func decode(_ type: String.Type) throws -> String {
    guard case .plain(.text(let text)) = value else { throw mismatch(type) }
    return text
  }

  func decode(_ type: Double.Type) throws -> Double {
    switch value {
    case .plain(.double(let number)): return number
    case .plain(.real(let number)): return Double(number)
    case .plain(.integer(let number)): return Double(number)
    // Decimals come as text, all digits kept.
    case .plain(.text(let text)): if let number = Double(text) { return number }
    default: break
    }
    throw mismatch(type)
  }

  func decode(_ type: Float.Type) throws -> Float {
    if case .plain(.real(let number)) = value { return number }
    return Float(try decode(Double.self))
  }

  func decode(_ type: Int.Type) throws -> Int { try integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try Value(from: ValueDecoder(value, path: codingPath))
  }

  private func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    guard case .plain(.integer(let number)) = value, let fitting = Number(exactly: number) else { throw mismatch(type) }
    return fitting
  }

  private func mismatch(_ type: Any.Type) -> DecodingError {
    let context = DecodingError.Context(codingPath: codingPath, debugDescription: "\(value.kind) where \(type) was expected")
    return value.isNull ? .valueNotFound(type, context) : .typeMismatch(type, context)
  }
}

/// The fields of a row or the entries of a map by name.
private struct KeyedFields<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let codingPath: [any CodingKey]
  private let fields: [(key: String, value: DecodableValue)]
  private let ignoresCase: Bool

  init(_ fields: [(key: String, value: DecodableValue)], ignoresCase: Bool, _ codingPath: [any CodingKey]) {
    self.fields = fields
    self.ignoresCase = ignoresCase
    self.codingPath = codingPath
  }

  var allKeys: [Key] { fields.compactMap { Key(stringValue: $0.key) } }
  func contains(_ key: Key) -> Bool { find(key) != nil }

  func decodeNil(forKey key: Key) throws -> Bool { try field(key).isNull }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try Value(from: ValueDecoder(try field(key), path: codingPath + [key]))
  }

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<Nested> {
    try ValueDecoder(try field(key), path: codingPath + [key]).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try ValueDecoder(try field(key), path: codingPath + [key]).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { ValueDecoder(.plain(.null), path: codingPath) }
  func superDecoder(forKey key: Key) throws -> any Decoder { ValueDecoder(try field(key), path: codingPath + [key]) }

  private func find(_ key: Key) -> DecodableValue? {
    if let exact = fields.first(where: { $0.key == key.stringValue }) { return exact.value }
    guard ignoresCase else { return nil }
    let folded = key.stringValue.lowercased()
    return fields.first { $0.key.lowercased() == folded }?.value
  }

  private func field(_ key: Key) throws -> DecodableValue {
    if let value = find(key) { return value }
    throw DecodingError.keyNotFound(
      key,
      DecodingError.Context(
        codingPath: codingPath, debugDescription: "there is no '\(key.stringValue)' among \(fields.map(\.key).joined(separator: ", "))"))
  }
}

private struct Elements: UnkeyedDecodingContainer {
  let codingPath: [any CodingKey]
  private let elements: [DecodableValue]
  private(set) var currentIndex = 0

  init(_ elements: [DecodableValue], _ codingPath: [any CodingKey]) {
    self.elements = elements
    self.codingPath = codingPath
  }

  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, elements[currentIndex].isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Value(from: try nextDecoder()) }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
    try nextDecoder().container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try nextDecoder().unkeyedContainer() }
  mutating func superDecoder() throws -> any Decoder { try nextDecoder() }

  private mutating func nextDecoder() throws -> ValueDecoder {
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        Any.self, DecodingError.Context(codingPath: codingPath, debugDescription: "the array has only \(elements.count) elements"))
    }
    let path = codingPath + [FieldKey(intValue: currentIndex)]
    currentIndex += 1
    return ValueDecoder(elements[currentIndex - 1], path: path)
  }
}

package import Columnar

/// Decodes records into columns, block by block: the wanted fields only, the others are stepped over.
package struct AvroColumnReader {
  private let schema: AvroSchema
  private let fields: [AvroField]
  /// Per field of the record the place among the wanted columns.
  private let places: [Int?]
  private let wanted: [AvroColumn]

  /// - Parameters:
  ///   - columns: `AvroColumn.columns(of: schema)`.
  ///   - wanted: positions among them, each once.
  package init(_ schema: AvroSchema, columns: [AvroColumn], wanted: [Int]) throws(AvroError) {
    self.schema = schema
    guard let record = schema.record(schema.root), record.fields.count == columns.count else {
      throw AvroError(.unsupported, "the file does not hold records")
    }
    fields = record.fields
    self.wanted = wanted.map { columns[$0] }
    places = columns.indices.map { wanted.firstIndex(of: $0) }
    for column in self.wanted { if let refusal = column.refusal { throw refusal } }
  }

  /// The wanted columns of all records of a block.
  package func decode(_ block: AvroBlock) throws(AvroError) -> Batch {
    do throws(AvroError) {
      let outcome = block.bytes.withUnsafeBytes { bytes in
        Result { () throws(AvroError) in try decode(bytes, count: block.count) }
      }
      return try outcome.get()
    } catch {
      var error = error
      error.block = block.index
      throw error
    }
  }

  private func decode(_ bytes: UnsafeRawBufferPointer, count: Int) throws(AvroError) -> Batch {
    // A record takes at least a byte unless all its fields are null.
    guard count <= max(bytes.count, BinaryDecoder.emptyItemLimit) else {
      throw AvroError(.corrupt, "\(count) records cannot fit \(bytes.count) bytes", at: 0)
    }
    var decoders: [ColumnDecoder] = []
    for column in wanted { decoders.append(ColumnDecoder.make(column, schema)) }
    var decoder = BinaryDecoder(bytes)
    // A root that is a union with null would be a strange file; its records are read through.
    let rootIsUnion = if case .union = schema.root.kind { true } else { false }
    for _ in 0..<count {
      if rootIsUnion { _ = try decoder.long() }
      for (index, field) in fields.enumerated() {
        if let place = places[index] {
          try decoders[place].decode(&decoder)
        } else {
          try decoder.skip(field.type, schema, depth: 0)
        }
      }
    }
    guard decoder.isAtEnd else {
      throw AvroError(.corrupt, "\(decoder.remaining) bytes follow the last record", at: decoder.offset)
    }
    return Batch(columns: decoders.map { $0.finish() }, count: count)
  }
}

/// Collects the values of one column.
class ColumnDecoder {
  let type: SQLType
  fileprivate(set) var count = 0
  private var validity: [UInt8] = []
  private var hasNulls = false
  /// The branch of a union with null that is null; nil when the value is always there.
  fileprivate var nullBranch: Int64?

  fileprivate init(_ type: SQLType) { self.type = type }

  static func make(_ column: AvroColumn, _ schema: AvroSchema) -> ColumnDecoder {
    let plain = column.avro.unwrapped
    let decoder = make(column, plain, schema)
    if case .union(let branches) = column.avro.kind {
      decoder.nullBranch = branches.firstIndex { $0.kind == .null }.map { Int64($0) }
    }
    return decoder
  }

  private static func make(_ column: AvroColumn, _ plain: AvroType, _ schema: AvroSchema) -> ColumnDecoder {
    let type = column.type
    switch (plain.kind, type) {
    case (.boolean, _):
      return NumberDecoder<UInt8>(type, 0) { decoder throws(AvroError) in try decoder.boolean() ? 1 : 0 }
    case (.int, .time):
      // Milliseconds; times count microseconds.
      return NumberDecoder<Int64>(type, 0) { decoder throws(AvroError) in Int64(try decoder.int()) * 1_000 }
    case (.int, _): return NumberDecoder<Int32>(type, 0) { decoder throws(AvroError) in try decoder.int() }
    case (.long, .timestampTZ(let precision)):
      return InstantDecoder(type) { decoder throws(AvroError) in try ticks(&decoder, precision) }
    case (.long, .timestamp(let precision)):
      return NumberDecoder<Int64>(type, 0) { decoder throws(AvroError) in try ticks(&decoder, precision) }
    case (.long, _): return NumberDecoder<Int64>(type, 0) { decoder throws(AvroError) in try decoder.long() }
    case (.float, _):
      return NumberDecoder<Float>(type, 0) { decoder throws(AvroError) in
        Float(bitPattern: UInt32(littleEndian: try decoder.fixed(4).loadUnaligned(as: UInt32.self)))
      }
    case (.double, _):
      return NumberDecoder<Double>(type, 0) { decoder throws(AvroError) in
        Double(bitPattern: UInt64(littleEndian: try decoder.fixed(8).loadUnaligned(as: UInt64.self)))
      }
    case (.string, .uuid):
      return NumberDecoder<Int128>(type, 0) { decoder throws(AvroError) in
        let start = decoder.offset
        guard let value = uuid(text: try decoder.bytes()) else { throw AvroError(.corrupt, "a text is no uuid", at: start) }
        return value
      }
    case (.fixed(_, let size), .uuid):
      return NumberDecoder<Int128>(type, 0) { decoder throws(AvroError) in uuid(try decoder.fixed(size)) }
    case (.fixed(_, let size), .decimal(let precision, _)):
      return decimals(type, precision) { decoder throws(AvroError) in try decoder.fixed(size) }
    case (.bytes, .decimal(let precision, _)):
      return decimals(type, precision) { decoder throws(AvroError) in try decoder.bytes() }
    case (.fixed(_, let size), _): return TextDecoder(type) { decoder throws(AvroError) in try decoder.fixed(size) }
    case (.enumeration(let name, let symbols), _): return EnumerationDecoder(type, name, symbols)
    case (.bytes, _), (.string, _): return TextDecoder(type) { decoder throws(AvroError) in try decoder.bytes() }
    case (.record, _): return RecordDecoder(type, column.children.map { make($0, schema) })
    case (.array, _), (.map, _): return ListDecoder(type, column.children.map { make($0, schema) })
    case (.null, _), (.union, _): return NullDecoder(.unknown)
    }
  }

  private static func ticks(_ decoder: inout BinaryDecoder, _ precision: Int) throws(AvroError) -> Int64 {
    let start = decoder.offset
    let (value, overflow) = try decoder.long().multipliedReportingOverflow(by: precision == 3 ? 1_000 : 1)
    if overflow { throw AvroError(.corrupt, "a timestamp is out of range", at: start) }
    return value
  }

  private static func decimals(
    _ type: SQLType, _ precision: Int, _ read: @escaping (inout BinaryDecoder) throws(AvroError) -> UnsafeRawBufferPointer
  ) -> ColumnDecoder {
    func number(_ decoder: inout BinaryDecoder) throws(AvroError) -> Int128 {
      let start = decoder.offset
      let bytes = try read(&decoder)
      let sign: UInt8 = (bytes.first ?? 0) & 0x80 != 0 ? 0xFF : 0
      var value: Int128 = sign == 0 ? 0 : -1
      for (index, byte) in bytes.enumerated() {
        if bytes.count - index > 16 {
          guard byte == sign else { throw AvroError(.corrupt, "a decimal has more than 38 digits", at: start) }
        } else {
          value = value << 8 | Int128(byte)
        }
      }
      return value
    }
    guard precision <= 18 else { return NumberDecoder<Int128>(type, 0) { decoder throws(AvroError) in try number(&decoder) } }
    return NumberDecoder<Int64>(type, 0) { decoder throws(AvroError) in
      let start = decoder.offset
      guard let value = Int64(exactly: try number(&decoder)) else {
        throw AvroError(.corrupt, "a decimal has more than \(precision) digits", at: start)
      }
      return value
    }
  }

  /// Columnar keeps uuids as a big-endian number with the top bit flipped, so that signed order is byte order.
  private static func uuid(_ bytes: UnsafeRawBufferPointer) -> Int128 {
    Int128(bitPattern: UInt128(bigEndian: bytes.loadUnaligned(as: UInt128.self)) ^ (1 << 127))
  }

  private static func uuid(text: UnsafeRawBufferPointer) -> Int128? {
    var value: UInt128 = 0
    var digits = 0
    for byte in text where byte != UInt8(ascii: "-") {
      guard digits < 32, let digit = Character(UnicodeScalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt128(digit)
      digits += 1
    }
    return digits == 32 ? Int128(bitPattern: value ^ (1 << 127)) : nil
  }

  // MARK: Decoding

  final func decode(_ decoder: inout BinaryDecoder) throws(AvroError) {
    if let nullBranch {
      let start = decoder.offset
      let branch = try decoder.long()
      guard branch == 0 || branch == 1 else { throw AvroError(.corrupt, "a union has no branch \(branch)", at: start) }
      if branch == nullBranch { return appendNull() }
    }
    try decodeValue(&decoder)
    validity.append(1)
    count += 1
  }

  final func appendNull() {
    appendNullValue()
    hasNulls = true
    validity.append(0)
    count += 1
  }

  /// Reads a value that is there.
  fileprivate func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) {}
  /// Makes place for a value that is not.
  fileprivate func appendNullValue() {}
  fileprivate func vector(_ validity: BufferSlice?) -> FlatVector { FlatVector(values: BufferSlice(Buffer(byteCount: 0))) }

  func finish() -> Column {
    let bytes = hasNulls ? BufferSlice(Buffer.of(validity)) : nil
    return Column(flat: vector(bytes), type: type, count: count)
  }
}

private final class NumberDecoder<Value: BitwiseCopyable>: ColumnDecoder {
  private var values: [Value] = []
  /// What stands for NULL.
  private let zero: Value
  private let read: (inout BinaryDecoder) throws(AvroError) -> Value

  init(_ type: SQLType, _ zero: Value, _ read: @escaping (inout BinaryDecoder) throws(AvroError) -> Value) {
    self.zero = zero
    self.read = read
    super.init(type)
  }

  override func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) { values.append(try read(&decoder)) }
  override func appendNullValue() { values.append(zero) }
  override func vector(_ validity: BufferSlice?) -> FlatVector {
    FlatVector(values: BufferSlice(Buffer.of(values)), validity: validity)
  }
}

/// Timestamps with time zone, in UTC.
private final class InstantDecoder: ColumnDecoder {
  private var instants: [Int64] = []
  private let read: (inout BinaryDecoder) throws(AvroError) -> Int64

  init(_ type: SQLType, _ read: @escaping (inout BinaryDecoder) throws(AvroError) -> Int64) {
    self.read = read
    super.init(type)
  }

  override func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) { instants.append(try read(&decoder)) }
  override func appendNullValue() { instants.append(0) }
  override func vector(_ validity: BufferSlice?) -> FlatVector {
    let values = Buffer(byteCount: instants.count * MemoryLayout<TimestampTZ>.stride)
    let target = values.base.assumingMemoryBound(to: TimestampTZ.self)
    for (row, instant) in instants.enumerated() { target[row] = TimestampTZ(instant: instant) }
    return FlatVector(values: BufferSlice(values), validity: validity)
  }
}

private final class TextDecoder: ColumnDecoder {
  private var views: [StringView] = []
  private var heap = StringHeap()
  private let read: (inout BinaryDecoder) throws(AvroError) -> UnsafeRawBufferPointer

  init(_ type: SQLType, _ read: @escaping (inout BinaryDecoder) throws(AvroError) -> UnsafeRawBufferPointer) {
    self.read = read
    super.init(type)
  }

  override func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) { views.append(heap.copy(try read(&decoder))) }
  override func appendNullValue() { views.append(StringView()) }
  override func vector(_ validity: BufferSlice?) -> FlatVector {
    FlatVector(values: BufferSlice(Buffer.of(views)), validity: validity, heap: heap.blocks)
  }
}

/// The names of an enum's values.
private final class EnumerationDecoder: ColumnDecoder {
  private var views: [StringView] = []
  private var heap = StringHeap()
  private let name: String
  private var symbols: [StringView] = []

  init(_ type: SQLType, _ name: String, _ symbols: [String]) {
    self.name = name
    super.init(type)
    for symbol in symbols { self.symbols.append(Array(symbol.utf8).withUnsafeBytes { heap.copy($0) }) }
  }

  override func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) {
    let start = decoder.offset
    let index = try decoder.long()
    guard index >= 0, index < Int64(symbols.count) else { throw AvroError(.corrupt, "enum \(name) has no value \(index)", at: start) }
    views.append(symbols[Int(index)])
  }
  override func appendNullValue() { views.append(StringView()) }
  override func vector(_ validity: BufferSlice?) -> FlatVector {
    FlatVector(values: BufferSlice(Buffer.of(views)), validity: validity, heap: heap.blocks)
  }
}

private final class NullDecoder: ColumnDecoder {
  override func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) {}

  override func finish() -> Column { .nulls(type, count: count) }
}

private final class RecordDecoder: ColumnDecoder {
  private let fields: [ColumnDecoder]

  init(_ type: SQLType, _ fields: [ColumnDecoder]) {
    self.fields = fields
    super.init(type)
  }

  override func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) {
    for field in fields { try field.decode(&decoder) }
  }
  override func appendNullValue() { for field in fields { field.appendNull() } }
  override func vector(_ validity: BufferSlice?) -> FlatVector {
    FlatVector(values: BufferSlice(Buffer(byteCount: 0)), validity: validity, children: fields.map { $0.finish() })
  }
}

/// Arrays, maps, and arrays of key and value records.
private final class ListDecoder: ColumnDecoder {
  private var entries: [ListEntry] = []
  /// The element, or key and value.
  private let children: [ColumnDecoder]

  init(_ type: SQLType, _ children: [ColumnDecoder]) {
    self.children = children
    super.init(type)
  }

  override func decodeValue(_ decoder: inout BinaryDecoder) throws(AvroError) {
    let first = children[0].count
    while true {
      let start = decoder.offset
      let (count, _) = try decoder.blockHeader()
      if count == 0 { break }
      guard count <= max(decoder.remaining, BinaryDecoder.emptyItemLimit),
        children[0].count + count <= Int(Int32.max)
      else { throw AvroError(.corrupt, "\(count) items cannot fit", at: start) }
      let items = decoder.offset
      for _ in 0..<count { for child in children { try child.decode(&decoder) } }
      // Items that take no bytes could go on for ever.
      if decoder.offset == items, children[0].count > BinaryDecoder.emptyItemLimit {
        throw AvroError(.corrupt, "a list of \(children[0].count) values without content", at: start)
      }
    }
    entries.append(
      ListEntry(offset: UInt32(truncatingIfNeeded: first), count: UInt32(truncatingIfNeeded: children[0].count - first)))
  }
  override func appendNullValue() {
    entries.append(ListEntry(offset: UInt32(truncatingIfNeeded: children[0].count), count: 0))
  }
  override func vector(_ validity: BufferSlice?) -> FlatVector {
    FlatVector(values: BufferSlice(Buffer.of(entries)), validity: validity, children: children.map { $0.finish() })
  }
}

extension BinaryDecoder {
  /// Steps over a value.
  mutating func skip(_ type: AvroType, _ schema: AvroSchema, depth: Int) throws(AvroError) {
    guard depth < AvroProjection.depthLimit else { throw AvroError(.corrupt, "values are nested too deeply", at: offset) }
    switch type.kind {
    case .null: break
    case .boolean: _ = try byte()
    case .int, .long, .enumeration: _ = try long()
    case .float: _ = try fixed(4)
    case .double: _ = try fixed(8)
    case .bytes, .string: _ = try bytesRange()
    case .fixed(_, let size): _ = try fixed(size)
    case .record(let index):
      for field in schema.records[index].fields { try skip(field.type, schema, depth: depth + 1) }
    case .union(let branches):
      let start = offset
      let branch = try long()
      guard branch >= 0, branch < Int64(branches.count) else { throw AvroError(.corrupt, "a union has no branch \(branch)", at: start) }
      try skip(branches[Int(branch)], schema, depth: depth + 1)
    case .array(let items): try skipItems { decoder throws(AvroError) in try decoder.skip(items, schema, depth: depth + 1) }
    case .map(let values):
      try skipItems { decoder throws(AvroError) in
        _ = try decoder.bytesRange()
        try decoder.skip(values, schema, depth: depth + 1)
      }
    }
  }

  private mutating func skipItems(_ item: (inout BinaryDecoder) throws(AvroError) -> Void) throws(AvroError) {
    while true {
      let start = offset
      let (count, byteCount) = try blockHeader()
      if count == 0 { return }
      if let byteCount {
        offset += byteCount
        continue
      }
      guard count <= max(remaining, Self.emptyItemLimit) else { throw AvroError(.corrupt, "\(count) items cannot fit", at: start) }
      for _ in 0..<count { try item(&self) }
    }
  }
}

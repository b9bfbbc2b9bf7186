import Avro
import Columnar
import Compression
import Functions
import Planner
import Storage

/// Rows as an Avro container file: one record per row, every field a union with null.
final class AvroExportFile: ExportFile {
  private let sink: any ObjectWriter
  private var writer: ContainerWriter
  var pendingByteCount: Int { 0 }

  /// Bytes gathered before they are handed to storage.
  private static let gatherByteCount = 1 << 20

  init(
    _ location: Location, _ fields: [Field], _ codec: Codec, _ level: Int?, _ store: any ObjectStore, _ context: QueryContext
  ) throws {
    let schema = AvroExportSchema(fields).schema
    writer = try ContainerWriter(schemaText: schema.text, codec: codec, level: level, sync: Self.syncMarker(context))
    sink = try store.openWriter(location, if: .ifAbsent, .buffered)
  }

  private static func syncMarker(_ context: QueryContext) -> (UInt64, UInt64) {
    var system = SystemRandomNumberGenerator()
    guard let seed = context.seed else { return (system.next(), system.next()) }
    let stream = context.nextRandomStream()
    return (seed &* 0x9E37_79B9_7F4A_7C15 ^ stream, ~stream &* 0xBF58_476D_1CE4_E5B9)
  }

  func write(_ batch: Batch) throws {
    let columns = batch.columns.map(AvroColumn.init)
    for row in 0..<batch.count {
      try writer.append { (encoder: inout BinaryEncoder) throws(AvroError) in
        for column in columns { column.write(row, to: &encoder) }
      }
    }
    if writer.byteCount - sink.byteCount > Self.gatherByteCount { try sink.append(writer.take()) }
  }

  func flush() {}

  func finish() throws -> Int {
    try sink.append(writer.finish())
    _ = try sink.finish()
    return sink.byteCount
  }

  func abort() { sink.abort() }
}

/// The Avro schema of a table.
///
/// | SQL | Avro |
/// |---|---|
/// | tinyint, smallint, integer | int |
/// | bigint | long |
/// | decimal | bytes, `decimal` |
/// | varchar, char, json | string |
/// | uuid | string, `uuid` |
/// | date | int, `date` |
/// | time | long, `time-micros`; beyond 6 digits cut to them |
/// | timestamp | long, `timestamp-millis` (to 3 digits), `timestamp-micros` (to 6), `timestamp-nanos`; with `adjust-to-utc` as Iceberg has it |
/// | array | array |
/// | map with text keys | map; other keys: array of key-value records, `map` |
/// | row | record |
private struct AvroExportSchema {
  private var records: [AvroRecord] = []
  private(set) var schema = AvroSchema(root: .null)

  init(_ fields: [Field]) {
    let root = record("row", fields.map { ($0.name, $0.type) })
    schema = AvroSchema(root: root, records: records)
  }

  private mutating func record(_ name: String, _ fields: [(name: String, type: SQLType)]) -> AvroType {
    let index = records.count
    records.append(AvroRecord(name: name, fields: []))
    var used: Set<String> = []
    var converted: [AvroField] = []
    for (position, field) in fields.enumerated() {
      var fieldName = Self.sanitized(field.name)
      while !used.insert(fieldName).inserted { fieldName += "_\(position)" }
      converted.append(AvroField(fieldName, type(field.type, "\(name)_\(fieldName)").optional, defaultText: "null"))
    }
    records[index].fields = converted
    return AvroType(.record(index))
  }

  private mutating func type(_ type: SQLType, _ path: String) -> AvroType {
    switch type {
    case .unknown, .boolean: return .boolean
    case .tinyint, .smallint, .integer, .intervalYearToMonth: return .int
    case .bigint, .intervalDayToSecond: return .long
    case .real: return .float
    case .double: return .double
    case .decimal(let precision, let scale):
      var decimal = AvroType(.bytes, logicalType: "decimal")
      decimal.precision = precision
      decimal.scale = scale
      return decimal
    case .varchar, .char, .json, .ipaddress, .color, .timeTZ: return .string
    case .uuid: return AvroType(.string, logicalType: "uuid")
    case .varbinary, .sketch: return .bytes
    case .date: return AvroType(.int, logicalType: "date")
    case .time: return AvroType(.long, logicalType: "time-micros")
    case .timestamp(let precision), .timestampTZ(let precision):
      let unit = precision <= 3 ? "millis" : precision <= 6 ? "micros" : "nanos"
      var moment = AvroType(.long, logicalType: "timestamp-\(unit)")
      if case .timestampTZ = type { moment.adjustsToUTC = true } else { moment.adjustsToUTC = false }
      return moment
    case .array(let element): return AvroType(.array(self.type(element, path).optional))
    case .map(let key, let value):
      if key.isText { return AvroType(.map(self.type(value, path).optional)) }
      let entry = record("\(path)_entry", [("key", key), ("value", value)])
      return AvroType(.array(entry), logicalType: "map")
    case .row(let fields): return record(path, fields.enumerated().map { ($1.name ?? "field\($0)", $1.type) })
    }
  }

  /// Avro names are letters, digits and underscores; others are spelt by their code, as Iceberg does it (`a-b` is `a_x2Db`).
  private static func sanitized(_ name: String) -> String {
    var result = ""
    for (index, scalar) in name.unicodeScalars.enumerated() {
      switch scalar {
      case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
      case "0"..."9":
        if index == 0 { result += "_" }
        result.unicodeScalars.append(scalar)
      default: result += "_x" + String(scalar.value, radix: 16, uppercase: true)
      }
    }
    return result.isEmpty ? "_" : result
  }
}

/// One column being written, its view made once per batch.
private final class AvroColumn {
  private let column: Column
  private let view: ColumnView
  private let type: SQLType
  private let children: [AvroColumn]

  init(_ column: Column) {
    self.column = column
    type = column.type
    view = ColumnView(column)
    children = view.children.map { AvroColumn($0) }
  }

  /// The union's branch, then the value.
  func write(_ row: Int, to encoder: inout BinaryEncoder) {
    guard view.isValid(row) else {
      encoder.long(0)
      return
    }
    encoder.long(1)
    writeValue(view.index(row), to: &encoder)
  }

  private func writeValue(_ index: Int, to encoder: inout BinaryEncoder) {
    switch type {
    case .unknown, .boolean: encoder.boolean(view.pointer(as: UInt8.self)[index] != 0)
    case .tinyint: encoder.long(Int64(view.pointer(as: Int8.self)[index]))
    case .smallint: encoder.long(Int64(view.pointer(as: Int16.self)[index]))
    case .integer, .date, .intervalYearToMonth: encoder.long(Int64(view.pointer(as: Int32.self)[index]))
    case .bigint, .intervalDayToSecond: encoder.long(view.pointer(as: Int64.self)[index])
    case .real: encoder.float(view.pointer(as: Float.self)[index])
    case .double: encoder.double(view.pointer(as: Double.self)[index])
    case .decimal:
      let unscaled = type.physical == .int128 ? view.pointer(as: Int128.self)[index] : Int128(view.pointer(as: Int64.self)[index])
      encoder.lengthPrefixed(Self.bigEndian(unscaled))
    case .varchar, .char, .json, .varbinary, .sketch:
      encoder.lengthPrefixed(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .uuid: encoder.string(Self.uuid(view.pointer(as: Int128.self)[index]))
    case .ipaddress, .color, .timeTZ: encoder.string(column.scalar(at: index).text ?? "")
    case .time(let precision):
      let ticks = view.pointer(as: Int64.self)[index]
      encoder.long(precision <= 6 ? ticks : ticks / 1_000)
    case .timestamp(let precision): encoder.long(Self.unit(view.pointer(as: Int64.self)[index], precision))
    case .timestampTZ(let precision): encoder.long(Self.unit(view.pointer(as: TimestampTZ.self)[index].instant, precision))
    case .row: for child in children { child.write(index, to: &encoder) }
    case .array:
      let entry = view.pointer(as: ListEntry.self)[index]
      if entry.count > 0 {
        encoder.long(Int64(entry.count))
        for element in 0..<Int(entry.count) { children[0].write(Int(entry.offset) + element, to: &encoder) }
      }
      encoder.long(0)
    case .map(let key, _):
      let entry = view.pointer(as: ListEntry.self)[index]
      if entry.count > 0 {
        encoder.long(Int64(entry.count))
        for element in 0..<Int(entry.count) {
          let position = Int(entry.offset) + element
          // Keys of Avro maps are plain strings; those of key-value records are fields like others.
          if key.isText {
            children[0].writeValue(children[0].view.index(position), to: &encoder)
          } else {
            children[0].write(position, to: &encoder)
          }
          children[1].write(position, to: &encoder)
        }
      }
      encoder.long(0)
    }
  }

  /// Columns count micro- or nanoseconds; up to 3 digits milliseconds are written.
  private static func unit(_ ticks: Int64, _ precision: Int) -> Int64 {
    guard precision <= 3 else { return ticks }
    let millis = ticks / 1_000
    return ticks % 1_000 < 0 ? millis - 1 : millis
  }

  /// Two's complement in as few bytes as hold it.
  private static func bigEndian(_ value: Int128) -> [UInt8] {
    var bytes = (0..<16).map { UInt8(truncatingIfNeeded: value >> Int128(120 - 8 * $0)) }
    let sign: UInt8 = value < 0 ? 0xFF : 0
    while bytes.count > 1, bytes[0] == sign, bytes[1] & 0x80 == sign & 0x80 { bytes.removeFirst() }
    return bytes
  }

  /// - Parameter value: the big-endian number with its top bit flipped, as columns hold it.
  private static func uuid(_ value: Int128) -> String {
    let bits = UInt128(bitPattern: value) ^ (1 << 127)
    let hex = String(bits, radix: 16)
    let digits = Array(String(repeating: "0", count: 32 - hex.count) + hex)
    return [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]].map { String($0) }.joined(separator: "-")
  }
}

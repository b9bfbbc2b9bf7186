import Columnar
import Storage
import TextFormats

/// Text files in memory, and what readers make of them.
struct TextTable {
  let store = MemoryStore()
  let place: Location

  init(_ text: String, name: String = "t.csv") async throws {
    place = Location("mem://test/\(name)")
    _ = try await store.write(place, ByteSlice(utf8: text))
  }

  init(bytes: [UInt8], name: String) async throws {
    place = Location("mem://test/\(name)")
    _ = try await store.write(place, ByteSlice(bytes))
  }

  var source: TextSource { TextSource(store, place) }

  func rows(
    _ format: DelimitedTextFormat, _ columns: [(String, SQLType)], projection: [Int]? = nil, split: Range<Int>? = nil,
    hasHeader: Bool = false, capacity: Int = 3
  ) throws -> [[String]] {
    let reader = try DelimitedReader(
      source, format: format, columns: columns.map { Field($0.0, $0.1) }, projection: projection ?? Array(columns.indices),
      split: split, hasHeader: hasHeader, context: QueryContext(batchCapacity: capacity))
    return try Self.rows(reader)
  }

  /// Every row as texts of its values.
  static func rows(_ reader: any TextReader) throws -> [[String]] {
    var rows: [[String]] = []
    while let batch = try reader.next() {
      for row in 0..<batch.count { rows.append(batch.columns.map { text($0.scalar(at: row).value) }) }
    }
    return rows
  }

  static func text(_ value: ScalarValue) -> String {
    switch value {
    case .null: "NULL"
    case .boolean(let value): "\(value)"
    case .int(let value): "\(value)"
    case .int128(let value): "\(value)"
    case .real(let value): "\(value)"
    case .double(let value): "\(value)"
    case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
    case .timestampTZ(let value): "\(value.instant)"
    case .list(let values): "[" + values.map(text).joined(separator: ", ") + "]"
    case .map(let pairs): "{" + pairs.map { "\(text($0.key))=\(text($0.value))" }.joined(separator: ", ") + "}"
    case .row(let values): "(" + values.map(text).joined(separator: ", ") + ")"
    }
  }
}

import Columnar
import Functions
import TestSupport

/// Values at the borders of every type: what functions must answer or refuse, never trap on.
enum EdgeValues {
  static func of(_ type: SQLType) -> [ScalarValue] {
    switch type {
    case .unknown: [.null]
    case .boolean: [.boolean(true), .boolean(false)]
    case .tinyint: [0, 1, -1, -128, 127].map { .int($0) }
    case .smallint: [0, 1, -1, -32_768, 32_767].map { .int($0) }
    case .integer: [0, 1, 2, -1, 10, -2_147_483_648, 2_147_483_647].map { .int($0) }
    case .bigint: [0, 1, 2, 3, -1, -2, 8, 16, 64, 1000, .min, .max, .min + 1, 1 << 53].map { .int($0) }
    case .real: [0, -0.0, 1.5, -1.5, .nan, .infinity, -.infinity, .greatestFiniteMagnitude].map { .real($0) }
    case .double:
      [0, -0.0, 0.5, 1, 1.5, -1.5, 1e-300, 1e18, 1e300, .nan, .infinity, -.infinity, .greatestFiniteMagnitude].map { .double($0) }
    case .decimal(let precision, _):
      if precision <= 18 {
        [0, 1, -1, 12_345, -99_999].map { .int($0) }
      } else {
        [.int128(0), .int128(1), .int128(-1), .int128(Int128(10_000_000_000_000_000_000) * 9_999_999_999_999_999_999)]
      }
    case .varchar(let length?): texts.filter { length >= 40 || $0.count <= length }.map { .bytes($0) }
    case .varchar(nil): texts.map { .bytes($0) }
    case .char: ["", "a", "ab"].map { .bytes(Array($0.utf8)) }
    case .varbinary: texts.map { .bytes($0) } + [.bytes([0, 255, 128, 7, 1, 2, 3, 4])]
    case .json: ["1", "null", "\"a\"", "[1,2.5,\"x\",null]", "{\"a\":{\"b\":[]}}"].map { .bytes(Array($0.utf8)) }
    case .sketch(let type): sketches(type).map { .bytes($0) }
    case .uuid, .ipaddress: [.int128(0), .int128(.min), .int128(.max)]
    case .color: [0, 0xFF_80_00, -1, -8, -2_147_483_648, 2_147_483_647].map { .int($0) }
    case .date: [0, -1, 18_321, -719_529, 2_932_896, -2_147_483_648, 2_147_483_647].map { .int($0) }
    case .time(let precision):
      [0, 1, 86_399].map { .int($0 * SQLType.ticksPerSecond(precision: precision)) }
    case .timeTZ(let precision):
      [0, 1, 86_399].flatMap { seconds in
        [ZoneID.utc, ZoneID.fixed(minutes: -840), ZoneID.fixed(minutes: 840)].map {
          ScalarValue.timestampTZ(TimestampTZ(instant: seconds * SQLType.ticksPerSecond(precision: precision), zone: $0))
        }
      }
    case .timestamp: instants.map { .int($0) }
    case .timestampTZ:
      instants.flatMap { instant in
        [ZoneID.utc, ZoneID.fixed(minutes: -210), ZoneID.named("America/New_York") ?? 0].map {
          ScalarValue.timestampTZ(TimestampTZ(instant: instant, zone: $0))
        }
      }
    case .intervalDayToSecond: [0, 1, -1, 86_400_000, .min, .max].map { .int($0) }
    case .intervalYearToMonth: [0, 1, -13, -2_147_483_648, 2_147_483_647].map { .int($0) }
    case .array(let element):
      [.list([]), .list([.null]), .list(Array(of(element).prefix(7))), .list(Array(of(element).suffix(3)) + [.null])]
    case .map(let key, let value):
      [.map([]), .map(zip(distinct(of(key)), of(value) + of(value)).prefix(4).map { ScalarPair(key: $0, value: $1) })]
    case .row(let fields):
      [.row(fields.map { of($0.type)[0] }), .row(fields.map { of($0.type).last ?? .null }), .row(fields.map { _ in .null })]
    }
  }

  /// Empty and small ones, and bytes that are none.
  private static func sketches(_ type: SketchType) -> [[UInt8]] {
    let bits = { (value: Double) in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    let zeros = [UInt8](repeating: 0, count: 8)
    let empty: [UInt8] =
      switch type {
      case .hyperLogLog, .p4HyperLogLog: [2, 12, 0, 0]
      case .tdigest: [0] + bits(1) + bits(2) + bits(100) + bits(2) + [2, 0, 0, 0] + bits(1) + bits(2) + bits(1) + bits(1)
      case .qdigest: [0] + bits(0.01) + zeros + zeros + zeros + zeros + [1, 0, 0, 0, 0] + bits(3) + [0, 0, 0, 0, 0, 0, 0, 128]
      case .setDigest: [1, 4, 0, 0, 0, 2, 11, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0]
      }
    return [empty, empty, [], [1], [0, 255, 255, 255, 255], Array(empty.dropLast()), empty + [0]]
  }

  private static func distinct(_ values: [ScalarValue]) -> [ScalarValue] {
    var seen: Set<String> = []
    return values.filter { seen.insert("\($0)").inserted }
  }

  private static let instants: [Int64] = [
    0, -1, 1_583_020_800_000_000, 1_616_893_200_123_456, -62_135_596_800_000_000, 253_402_300_799_999_999, .min, .max,
  ]

  private static let texts: [[UInt8]] =
    [
      "", "a", "A b", "äöü€😀", "2020-02-29", "2020-02-29 10:00:00.123", "2020-02-29T10:00:00Z", "12.5", "-7", "NaN", "day", "month",
      "UTC", "+02:00", "Europe/Berlin", "%Y-%m-%d", "yyyy-MM-dd", "%s", "%d", "$.a", "$", "lax $.a", "[1, 2]", "{\"a\": 1}",
      "(a+)+b", "[a-", "\\", "$1", "${x}", "a=1,b=2", "10:00:00 +02:00", "10.0.0.0/8", "NFKC", "en", "http://e.com:80/p?k=v#f", "true", "NFC", "YWI=", "0a1f", "5m",
      String(repeating: "ab", count: 40),
    ].map { Array($0.utf8) } + [[0xFF], [0x61, 0xE2, 0x82], [0x80, 0x80, 0x62], [0xF0, 0x9F, 0x98], [0xED, 0xA0, 0x80]]

  /// A type that a parameter takes, the same for the same variable.
  static func type(for pattern: TypePattern, _ random: inout SeededRandom, _ variables: inout [String: SQLType]) -> SQLType {
    let plain: [SQLType] = [
      .bigint, .double, .varchar, .boolean, .date, .decimal(precision: 10, scale: 2), .timestamp(precision: 3), .array(.integer),
      .row([RowField(name: nil, type: .integer), RowField(name: "x", type: .varchar)]), .integer,
    ]
    switch pattern {
    case .exact(let type): return type
    case .any: return plain.randomElement(using: &random) ?? .bigint
    case .variable(let name):
      if let known = variables[name] { return known }
      let type = plain.randomElement(using: &random) ?? .bigint
      variables[name] = type
      return type
    case .row: return .row([RowField(name: nil, type: .integer), RowField(name: nil, type: .varchar)])
    case .varchar: return .varchar
    case .char: return .char(length: 3)
    case .decimal: return [.decimal(precision: 5, scale: 2), .decimal(precision: 38, scale: 4)].randomElement(using: &random) ?? .bigint
    case .time: return .time(precision: 3)
    case .timestamp: return [.timestamp(precision: 3), .timestamp(precision: 9)].randomElement(using: &random) ?? .bigint
    case .timestampTZ: return .timestampTZ(precision: 3)
    case .timeTZ: return [.timeTZ(precision: 3), .timeTZ(precision: 9)].randomElement(using: &random) ?? .bigint
    case .array(let element): return .array(type(for: element, &random, &variables))
    case .map(let key, let value):
      return .map(key: type(for: key, &random, &variables), value: type(for: value, &random, &variables))
    case .function(_, let result): return type(for: result, &random, &variables)
    }
  }

  /// `count` values of a type, some of them NULL.
  static func column(_ type: SQLType, count: Int, _ random: inout SeededRandom) -> Column {
    let values = of(type)
    let builder = ColumnBuilder(type: type)
    for _ in 0..<count {
      builder.append(Int.random(in: 0..<12, using: &random) == 0 ? .null : values.randomElement(using: &random) ?? .null)
    }
    return builder.finish()
  }
}

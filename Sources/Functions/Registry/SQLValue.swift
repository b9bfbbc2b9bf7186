import Columnar

/// A Swift type that a function's closure takes; the SQL parameter type follows from it.
protocol SQLArgument: SendableMetatype {
  /// What lies in the value buffer.
  associatedtype Stored
  static var pattern: TypePattern { get }
  /// The value at `index`; text points into memory that the argument column keeps alive.
  static func load(_ base: UnsafePointer<Stored>, _ index: Int) -> Self
}

/// A Swift type of fixed width that a function's closure returns.
protocol SQLResult: SendableMetatype {
  associatedtype Output: BitwiseCopyable
  static var resultType: SQLType { get }
  var output: Output { get }
}

extension SQLArgument where Stored == Self {
  @inline(__always) static func load(_ base: UnsafePointer<Stored>, _ index: Int) -> Self { base[index] }
}
extension SQLResult where Output == Self {
  @inline(__always) var output: Self { self }
}

extension Int8: SQLArgument, SQLResult {
  static var pattern: TypePattern { .exact(.tinyint) }
  static var resultType: SQLType { .tinyint }
}
extension Int16: SQLArgument, SQLResult {
  static var pattern: TypePattern { .exact(.smallint) }
  static var resultType: SQLType { .smallint }
}
extension Int32: SQLArgument, SQLResult {
  static var pattern: TypePattern { .integer }
  static var resultType: SQLType { .integer }
}
extension Int64: SQLArgument, SQLResult {
  static var pattern: TypePattern { .bigint }
  static var resultType: SQLType { .bigint }
}
extension Float: SQLArgument, SQLResult {
  static var pattern: TypePattern { .real }
  static var resultType: SQLType { .real }
}
extension Double: SQLArgument, SQLResult {
  static var pattern: TypePattern { .double }
  static var resultType: SQLType { .double }
}
extension Bool: SQLArgument, SQLResult {
  static var pattern: TypePattern { .boolean }
  static var resultType: SQLType { .boolean }
  @inline(__always) static func load(_ base: UnsafePointer<UInt8>, _ index: Int) -> Bool { base[index] != 0 }
  @inline(__always) var output: UInt8 { self ? 1 : 0 }
}

/// A varchar argument: UTF-8 bytes that stay readable during the call.
struct Text: SQLArgument {
  let bytes: UnsafeRawBufferPointer
  static var pattern: TypePattern { .varchar }
  @inline(__always)
  static func load(_ base: UnsafePointer<StringView>, _ index: Int) -> Text {
    Text(bytes: StringView.buffer(at: base + index))
  }
  @inline(__always) var count: Int { bytes.count }
  var string: String { String(decoding: bytes, as: UTF8.self) }
}

/// A varbinary argument.
struct Binary: SQLArgument {
  let bytes: UnsafeRawBufferPointer
  static var pattern: TypePattern { .varbinary }
  @inline(__always)
  static func load(_ base: UnsafePointer<StringView>, _ index: Int) -> Binary {
    Binary(bytes: StringView.buffer(at: base + index))
  }
}

/// A date: days since 1970-01-01.
struct DayNumber: SQLArgument, SQLResult {
  let days: Int32
  static var pattern: TypePattern { .date }
  static var resultType: SQLType { .date }
  @inline(__always)
  static func load(_ base: UnsafePointer<Int32>, _ index: Int) -> DayNumber { DayNumber(days: base[index]) }
  @inline(__always) var output: Int32 { days }
}

/// An interval day to second: milliseconds.
struct Milliseconds: SQLArgument, SQLResult {
  let value: Int64
  static var pattern: TypePattern { .exact(.intervalDayToSecond) }
  static var resultType: SQLType { .intervalDayToSecond }
  @inline(__always)
  static func load(_ base: UnsafePointer<Int64>, _ index: Int) -> Milliseconds { Milliseconds(value: base[index]) }
  @inline(__always) var output: Int64 { value }
}

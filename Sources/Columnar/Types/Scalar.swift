/// One value with its type: literals, partition values, statistics. Not for rows in bulk.
package struct Scalar: Hashable, Sendable {
  package var type: SQLType
  package var value: ScalarValue

  package init(_ type: SQLType, _ value: ScalarValue) {
    self.type = type
    self.value = value
  }

  package static func null(_ type: SQLType = .unknown) -> Scalar { Scalar(type, .null) }
  package static func text(_ text: String) -> Scalar { Scalar(.varchar, .bytes(Array(text.utf8))) }
  package static func bigint(_ value: Int64) -> Scalar { Scalar(.bigint, .int(value)) }
  package static func integer(_ value: Int32) -> Scalar { Scalar(.integer, .int(Int64(value))) }
  package static func double(_ value: Double) -> Scalar { Scalar(.double, .double(value)) }
  package static func boolean(_ value: Bool) -> Scalar { Scalar(.boolean, .boolean(value)) }

  package var isNull: Bool { value == .null }
  /// The text of a varchar, char or json value; nil for other values and for NULL.
  package var text: String? {
    guard case .bytes(let bytes) = value else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The payload of a `Scalar`; which case a type uses follows from its `PhysicalType`.
package indirect enum ScalarValue: Hashable, Sendable {
  case null
  case boolean(Bool)
  /// int8...int64 physical types: integers, dates, times, timestamps, intervals, short decimals (unscaled).
  case int(Int64)
  /// int128 physical types: long decimals (unscaled), uuid.
  case int128(Int128)
  case real(Float)
  case double(Double)
  /// string physical type: text and binary.
  case bytes([UInt8])
  case timestampTZ(TimestampTZ)
  case list([ScalarValue])
  /// Key and value pairs in order.
  case map([ScalarPair])
  case row([ScalarValue])
}

package struct ScalarPair: Hashable, Sendable {
  package var key: ScalarValue
  package var value: ScalarValue
  package init(key: ScalarValue, value: ScalarValue) {
    self.key = key
    self.value = value
  }
}

/// How the stored form of a value becomes the engine's (`PhysicalType` of Columnar).
enum ValueConversion: Sendable, Hashable {
  /// Stored and wanted form are the same: boolean bytes, int32, int64, float, double.
  case identity
  /// Byte arrays and fixed byte arrays as views.
  case bytes
  case int32ToInt8, int32ToInt16
  case int32ToUInt8, int32ToUInt16
  case uint32ToInt64
  case uint64ToInt128
  /// Decimals in wider columns.
  case int32ToInt64, int32ToInt128, int64ToInt128
  /// Milliseconds to microseconds.
  case int32MillisToMicros, int64MillisToMicros
  /// Instants; true when the stored unit is milliseconds.
  case timestampTZ(isMillis: Bool)
  /// 12-byte timestamps, to microseconds or nanoseconds.
  case int96(isNanos: Bool)
  case float16
  case uuid
  /// Big-endian two's complement in byte arrays, to int64 or int128.
  case decimalBytes(isWide: Bool)
  /// A column of NULLs whatever its storage.
  case nullOnly
}

/// An instant and the zone it is shown in. Only the instant counts in comparisons, hashing and grouping.
@frozen
package struct TimestampTZ: Sendable {
  /// Microseconds since 1970-01-01 00:00 UTC; nanoseconds when the type's precision is 7...9.
  package var instant: Int64
  /// What `ZoneID` stands for; 0 is UTC.
  package var zone: Int32
  @usableFromInline var padding: Int32 = 0

  @inlinable
  package init(instant: Int64, zone: Int32 = 0) {
    self.instant = instant
    self.zone = zone
  }
}

extension TimestampTZ: Hashable, Comparable {
  @inlinable package static func == (left: TimestampTZ, right: TimestampTZ) -> Bool { left.instant == right.instant }
  @inlinable package static func < (left: TimestampTZ, right: TimestampTZ) -> Bool { left.instant < right.instant }
  @inlinable package func hash(into hasher: inout Hasher) { hasher.combine(instant) }
}

/// What is known about whether an object may change under its name.
package enum ObjectStability: Sendable, Hashable {
  case mayChange
  /// Never written a second time, as data files of Iceberg tables are not.
  case immutable
  /// A listing has just told which state the object is in.
  case inState(ObjectVersion)
}

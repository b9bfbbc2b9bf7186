/// A range of UTF-8 byte offsets in the script a statement came from, `lowerBound ..< upperBound`.
///
/// Offsets are kept in 32 bits so that a syntax node stays small; a script of 4 GiB or more is refused by the parser.
/// Lines and columns are computed on demand by `SourceText`.
public struct SourceRange: Sendable, Hashable {
  private let lower: UInt32
  private let upper: UInt32

  public init(_ lowerBound: Int, _ upperBound: Int) {
    lower = UInt32(clamping: lowerBound)
    upper = UInt32(clamping: max(lowerBound, upperBound))
  }

  public var lowerBound: Int { Int(lower) }
  public var upperBound: Int { Int(upper) }
  public var byteCount: Int { Int(upper - lower) }
  public var isEmpty: Bool { lower == upper }

  /// The range of nodes that no script wrote, such as those the planner makes. Errors do not show it.
  public static let unknown = SourceRange(Int(UInt32.max), Int(UInt32.max))

  public var isUnknown: Bool { self == .unknown }

  /// The smallest range that covers both; an unknown range takes no part.
  public func union(_ other: SourceRange) -> SourceRange {
    if isUnknown { return other }
    if other.isUnknown { return self }
    return SourceRange(min(lowerBound, other.lowerBound), max(upperBound, other.upperBound))
  }
}

/// Keeps a property out of the synthesised `==` and `hash(into:)` of the type that holds it.
///
/// Syntax nodes mark their ranges with it: two nodes are equal when they mean the same, wherever they were written.
@propertyWrapper
package struct NotCompared<Value: Sendable>: Sendable, Hashable {
  package var wrappedValue: Value

  package init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

  package static func == (left: NotCompared, right: NotCompared) -> Bool { true }
  package func hash(into hasher: inout Hasher) {}
}

package import Columnar
import SQLSyntax
import Synchronization

/// What a statement asks of its `?`: while it is bound with NULL for each, this notes the type that every one is coerced to.
///
/// Shared by the binders of one statement; parameters whose type nothing tells stay `unknown`, as in Trino's DESCRIBE INPUT.
package final class ParameterTypes: Sendable {
  private struct State {
    var places: [SourceRange: Int] = [:]
    var types: [Int: SQLType] = [:]
  }
  private let state = Mutex(State())

  package init() {}

  package func type(ofParameter index: Int) -> SQLType { state.withLock { $0.types[index] ?? .unknown } }

  func note(place: SourceRange, ofParameter index: Int) { state.withLock { $0.places[place] = index } }

  /// The value at a place is used as one of this type; the first use counts.
  func note(_ type: SQLType, at place: SourceRange) {
    guard type != .unknown else { return }
    state.withLock { state in
      if let index = state.places[place], state.types[index] == nil { state.types[index] = type }
    }
  }
}

/// One thing that is wrong with a table, or that other engines will not take.
package struct TableProblem: Sendable, Hashable {
  package enum Severity: String, Sendable {
    /// Contradicts the specification: rows may be lost or wrong.
    case error
    /// Allowed or harmless, but not as a careful writer leaves it.
    case warning
    /// Valid, but some engine refuses or misreads it; the place is the engine.
    case engine
  }

  package var severity: Severity
  /// The file or field it is about, or the engine.
  package var place: String
  package var message: String

  package init(_ severity: Severity, _ place: String, _ message: String) {
    self.severity = severity
    self.place = place
    self.message = message
  }
}

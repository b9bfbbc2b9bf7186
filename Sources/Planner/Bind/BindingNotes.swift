import Columnar
import Synchronization

/// What the binders of one statement have to say although it is no error, each thing once.
package final class BindingNotes: Sendable {
  private let notes = Mutex<[String]>([])

  package init() {}

  /// What has come up since this was asked last.
  package func take() -> [String] {
    notes.withLock { notes in
      defer { notes = [] }
      return notes
    }
  }

  private func add(_ note: String) { notes.withLock { if !$0.contains(note) { $0.append(note) } } }

  /// Spark's `date_format` and its like take Java's patterns, Trino's MySQL's: one without any `%` stands for nothing but itself.
  func check(call name: String, _ arguments: [BoundExpression]) {
    guard ["date_format", "date_parse"].contains(name), arguments.count == 2, case .literal(let pattern, _) = arguments[1],
      let text = pattern.text, !text.contains("%"), text.contains(where: \.isLetter)
    else { return }
    let other = name == "date_format" ? "format_datetime" : "parse_datetime"
    add("\(name): the pattern '\(text)' has no %, so that nothing in it stands for a part of a date; MySQL's are like %Y-%m-%d, and \(other) takes Java's")
  }
}

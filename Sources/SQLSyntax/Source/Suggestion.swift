/// Finds the word a user probably meant.
public enum Suggestion {
  /// The candidate closest to `word`, ignoring case, or nil when none is close enough to be worth showing.
  ///
  /// Close enough is one edit for words up to four letters, and about a third of the letters beyond; ties go to the earlier candidate.
  /// An edit is an insertion, a deletion, a replacement or a swap of two neighbours.
  public static func closest(to word: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(word.lowercased().unicodeScalars)
    // A word no person types by hand; comparing it would cost time and suggest nonsense.
    guard !wanted.isEmpty, wanted.count <= 128 else { return nil }
    var best: (distance: Int, candidate: String)?
    for candidate in candidates {
      let other = Array(candidate.lowercased().unicodeScalars)
      let limit = min(best.map { $0.distance - 1 } ?? .max, allowance(wanted.count))
      guard limit >= 0, abs(other.count - wanted.count) <= limit else { continue }
      let distance = editDistance(wanted, other)
      if distance <= limit { best = (distance, candidate) }
    }
    return best?.candidate
  }

  /// `did you mean 'region'?`, or nil.
  public static func hint(for word: String, among candidates: some Sequence<String>) -> String? {
    closest(to: word, among: candidates).map { "did you mean '\($0)'?" }
  }

  private static func allowance(_ letterCount: Int) -> Int { letterCount <= 4 ? 1 : (letterCount + 1) / 3 }

  /// Optimal string alignment distance over three rows of the usual table.
  static func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    var current = previous
    for i in 0..<left.count {
      current[0] = i + 1
      for j in 0..<right.count {
        let replacement = previous[j] + (left[i] == right[j] ? 0 : 1)
        var best = min(previous[j + 1] + 1, current[j] + 1, replacement)
        if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] { best = min(best, beforePrevious[j - 1] + 1) }
        current[j + 1] = best
      }
      (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[right.count]
  }
}

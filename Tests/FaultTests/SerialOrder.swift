/// A statement that reported success, and what is known of it.
struct Committed {
  var statement: RowStatement
  /// Rows it says it changed.
  var count: Int?
  /// Turns of the scheduler when it began, and when it ended.
  var begin: Int
  var end: Int
  /// Commits of all writers that there were when it began, and when it ended.
  var visibleAtStart: Int
  var visibleAtEnd: Int
  /// Its place among the commits, from 0; nil when it had nothing to commit.
  var commit: Int?
  /// Deletes by position can be repeated, and deletes of rows whose file another DELETE removes: Java's BaseRowDelta. Then the count
  /// includes rows that the other DELETE counted too.
  var mayRepeatDeletes: Bool

  func agrees(_ effect: RowEffect) -> Bool {
    guard let count, let expected = effect.count else { return true }
    return count == expected || (mayRepeatDeletes && statement.isDelete && count > expected)
  }
}

/// Whether what was seen keeps a promise.
enum Isolation {
  /// Serializable: some order of the statements, in which each follows those that had ended before it began, gives the same rows and counts.
  static func isSerializable(_ statements: [Committed], from start: [Row], to end: [Row]) -> Bool {
    // Statements by commit, those without one where they began: right nearly always.
    func place(_ statement: Committed) -> Int { statement.commit.map { 2 * $0 + 1 } ?? 2 * statement.visibleAtStart }
    return search(statements.sorted { place($0) < place($1) }, start, end)
  }

  private static func search(_ left: [Committed], _ rows: [Row], _ end: [Row]) -> Bool {
    if left.isEmpty { return rows == end }
    for (index, next) in left.enumerated() {
      // Nobody who ended before it began may come after it.
      guard !left.contains(where: { $0.end <= next.begin }) else { continue }
      let effect = next.statement.effect(on: rows)
      guard next.agrees(effect), let after = effect.applied(to: rows) else { continue }
      var rest = left
      rest.remove(at: index)
      if search(rest, after, end) { return true }
    }
    return false
  }

  /// Snapshot isolation: each statement did what it does to one of the states between its begin and its commit, and no row it took away
  /// had been changed or taken away in between.
  static func isSnapshotIsolated(_ statements: [Committed], from start: [Row], to end: [Row]) -> Bool {
    let commits = statements.filter { $0.commit != nil }.sorted { ($0.commit ?? 0) < ($1.commit ?? 0) }
    let silent = statements.filter { $0.commit == nil }
    return extend([start], commits[...], silent, end)
  }

  private static func extend(_ states: [[Row]], _ left: ArraySlice<Committed>, _ silent: [Committed], _ end: [Row]) -> Bool {
    guard let next = left.first else {
      return states.last == end
        && silent.allSatisfy { statement in
          (statement.visibleAtStart...statement.visibleAtEnd).contains { seen in
            guard seen < states.count else { return false }
            let effect = statement.statement.effect(on: states[seen])
            return statement.agrees(effect) && effect.removed.isEmpty && effect.added.isEmpty
          }
        }
    }
    let last = states[states.count - 1]
    var tried: [[Row]] = []
    for seen in stride(from: states.count - 1, through: next.visibleAtStart, by: -1) {
      let effect = next.statement.effect(on: states[seen])
      guard next.agrees(effect),
        let after = effect.applied(to: last, mayRepeatDeletes: next.mayRepeatDeletes && next.statement.isDelete), !tried.contains(after)
      else { continue }
      tried.append(after)
      if extend(states + [after], left.dropFirst(), silent, end) { return true }
    }
    return false
  }
}

import CSQLite

/// An open SQLite file. Each use opens one of its own and closes it: catalogs are asked a few times per statement.
// SAFETY: the handle is open from init to deinit, and nobody else has it.
@safe struct SQLiteDatabase: ~Copyable {
  private let handle: UnsafeMutableRawPointer

  /// What SQLite said, in its own words.
  struct Failure: Error {
    let message: String
    /// Somebody else holds the file.
    var isBusy = false
    /// A row with the same key is there.
    var isDuplicate = false
  }

  /// - Parameter creates: whether a file that is not there is made.
  init(path: String, creates: Bool) throws(Failure) {
    if let problem = unsafe csqlite_problem() { throw Failure(message: unsafe String(cString: problem)) }
    var opened: UnsafeMutableRawPointer?
    let code = unsafe csqlite_open(path, creates ? 1 : 0, &opened)
    guard let handle = unsafe opened else { throw Failure(message: "no memory is left for SQLite") }
    guard code == CSQLITE_OK.rawValue else {
      let message = unsafe String(cString: csqlite_message(handle))
      unsafe csqlite_close(handle)
      throw Failure(message: message)
    }
    unsafe self.handle = handle
    // Longer waits are the caller's, who does not block a thread.
    _ = unsafe csqlite_busy_timeout(handle, 20)
  }

  deinit { unsafe csqlite_close(handle) }

  /// Runs a statement with texts for its parameters `?1`, `?2`, …
  ///
  /// - Returns: the rows.
  @discardableResult
  func run(_ sql: String, _ parameters: [String?] = []) throws(Failure) -> [[String?]] {
    var prepared: UnsafeMutableRawPointer?
    try unsafe check(csqlite_prepare(handle, sql, &prepared))
    guard let statement = unsafe prepared else { return [] }
    defer { unsafe csqlite_finalize(statement) }
    for (index, text) in parameters.enumerated() {
      // SAFETY: SQLite copies the text before the call returns.
      let code = if let text { unsafe csqlite_bind(statement, Int32(index + 1), text) } else { unsafe csqlite_bind(statement, Int32(index + 1), nil) }
      try check(code)
    }
    var rows: [[String?]] = []
    let count = unsafe csqlite_column_count(statement)
    while true {
      let code = unsafe csqlite_step(statement)
      if code == CSQLITE_DONE.rawValue { return rows }
      guard code == CSQLITE_ROW.rawValue else { throw failure(code) }
      var row: [String?] = []
      for index in 0..<count { row.append(unsafe csqlite_text(statement, index).map { unsafe String(cString: $0) }) }
      rows.append(row)
    }
  }

  /// Rows that the last statement changed.
  var changedRowCount: Int { Int(unsafe csqlite_changes(handle)) }

  private func check(_ code: Int32) throws(Failure) { if code != CSQLITE_OK.rawValue { throw failure(code) } }

  private func failure(_ code: Int32) -> Failure {
    // The extended code is in the upper bits.
    let plain = UInt32(code & 0xFF)
    return Failure(
      message: unsafe String(cString: csqlite_message(handle)), isBusy: plain == CSQLITE_BUSY.rawValue || plain == CSQLITE_LOCKED.rawValue,
      isDuplicate: plain == CSQLITE_CONSTRAINT.rawValue)
  }
}

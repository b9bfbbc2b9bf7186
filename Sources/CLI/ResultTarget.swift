import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard output, a file or an object such as `s3://bucket/key`, in the chosen format.
final class ResultTarget {
  private var descriptor: Int32
  private var path: String?
  /// Takes the results in the place of a descriptor.
  private var object: ResultFile?
  var format: OutputFormat
  private var isFirst = true

  /// - Parameter path: a file that is emptied and filled; nil is standard output.
  /// - Returns: nil with `errno` set when the file cannot be written.
  init?(path: String?, format: OutputFormat) {
    self.path = path
    self.format = format
    descriptor = STDOUT_FILENO
    if let path, !openFile(path) { return nil }
  }

  init(object: ResultFile, format: OutputFormat) {
    self.object = object
    self.format = format
    descriptor = STDOUT_FILENO
  }

  /// Writes further results to another file, or to standard output again.
  /// - Returns: false with `errno` set, and nothing changed, when that is not possible.
  func redirect(to newPath: String?) -> Bool {
    let before = path == nil ? nil : descriptor
    if let newPath {
      guard openFile(newPath) else { return false }
    } else {
      descriptor = STDOUT_FILENO
    }
    path = newPath
    isFirst = true
    if let before { close(before) }
    return true
  }

  private func openFile(_ path: String) -> Bool {
    let opened = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard opened >= 0 else { return false }
    descriptor = opened
    return true
  }

  /// - Parameter before: called once, right before the first bytes are written.
  func write(_ result: StatementResult, before: () -> Void) async throws(SQLError) {
    guard !result.columns.isEmpty else { return }
    var writer = ResultWriter(
      format: format, columns: result.columns, terminalWidth: path == nil && object == nil ? TerminalMode.width(of: STDOUT_FILENO) : nil)
    // A blank line sets the frames of several results apart.
    var pending: [UInt8] = isFirst || (format != .table && format != .markdown) ? [] : [10]
    pending += writer.begin()
    for try await batch in result.rows {
      pending += writer.write(batch)
      if pending.count > 1 << 16 { try await flush(&pending, before) }
    }
    pending += writer.end()
    try await flush(&pending, before)
  }

  private func flush(_ bytes: inout [UInt8], _ before: () -> Void) async throws(SQLError) {
    before()
    isFirst = false
    if let object {
      try await object.append(bytes)
      bytes.removeAll(keepingCapacity: true)
      return
    }
    guard writeAll(bytes, to: descriptor) else {
      throw SQLError(.genericExternal, "cannot write the result\(path.map { " to \($0)" } ?? ""): \(String(cString: strerror(errno)))")
    }
    bytes.removeAll(keepingCapacity: true)
  }

  /// Ends the output. An object is put in its place when all went well, and else left out: nobody should take a part for the whole.
  func finish(isComplete: Bool) async throws(SQLError) {
    if let object {
      if isComplete { try await object.finish() } else { await object.abort() }
      return
    }
    guard let path else { return }
    self.path = nil
    guard close(descriptor) == 0 else { throw SQLError(.genericExternal, "cannot write \(path): \(String(cString: strerror(errno)))") }
  }
}

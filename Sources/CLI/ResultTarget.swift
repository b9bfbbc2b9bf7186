import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard output, a file or an object such as `s3://bucket/key`, in the chosen format.
final class ResultTarget {
  private enum Place {
    case standardOutput
    case file(String, descriptor: Int32)
    /// Appears when it is complete.
    case object(ResultFile)
  }

  private let engine: Engine
  private var place: Place
  var format: OutputFormat
  private var isFirst = true

  /// - Parameter path: a file that is emptied and filled, or the location of an object; nil is standard output.
  /// - Throws: `UsageError` when the file cannot be written, or lies where an overlay leaves everything as it is.
  init(_ path: String?, format: OutputFormat, _ engine: Engine) async throws {
    self.engine = engine
    self.format = format
    place = try await Self.opened(path, engine)
  }

  private static func opened(_ path: String?, _ engine: Engine) async throws -> Place {
    guard let path else { return .standardOutput }
    if Engine.isResultLocation(path) { return .object(try await engine.makeResultFile(at: path)) }
    guard !engine.isBase(file: path) else {
      throw CommandOptions.UsageError(message: "\(path) lies where tables are, which --overlay leaves as it is; choose another place for results")
    }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw CommandOptions.UsageError(message: "cannot write \(path): \(String(cString: strerror(errno)))") }
    return .file(path, descriptor: descriptor)
  }

  /// Ends the output so far, and writes further results to another place. When that cannot be opened, nothing changes.
  func redirect(to path: String?) async throws {
    let next = try await Self.opened(path, engine)
    defer {
      place = next
      isFirst = true
    }
    try await finish(isComplete: true)
  }

  /// - Parameter before: called once, right before the first bytes are written.
  func write(_ result: StatementResult, before: () -> Void) async throws(SQLError) {
    guard !result.columns.isEmpty else { return }
    var writer = ResultWriter(format: format, columns: result.columns, terminalWidth: terminalWidth)
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

  /// Writes text that is no result.
  func write(_ text: String) async throws(SQLError) {
    var bytes = Array(text.utf8)
    try await flush(&bytes, {})
  }

  private var terminalWidth: Int? {
    guard case .standardOutput = place else { return nil }
    return TerminalMode.width(of: STDOUT_FILENO)
  }

  private func flush(_ bytes: inout [UInt8], _ before: () -> Void) async throws(SQLError) {
    before()
    isFirst = false
    switch place {
    case .standardOutput:
      guard writeAll(bytes, to: STDOUT_FILENO) else { throw Self.failure("the result") }
    case .file(let path, let descriptor):
      guard writeAll(bytes, to: descriptor) else { throw Self.failure("the result to \(path)") }
    case .object(let object): try await object.append(bytes)
    }
    bytes.removeAll(keepingCapacity: true)
  }

  /// Ends the output. An object is put in its place when all went well, and else left out: nobody should take a part for the whole.
  func finish(isComplete: Bool) async throws(SQLError) {
    let ended = place
    place = .standardOutput
    switch ended {
    case .standardOutput: break
    case .file(let path, let descriptor): guard close(descriptor) == 0 else { throw Self.failure(path) }
    case .object(let object): if isComplete { try await object.finish() } else { await object.abort() }
    }
  }

  private static func failure(_ what: String) -> SQLError {
    SQLError(.genericExternal, "cannot write \(what): \(String(cString: strerror(errno)))")
  }
}

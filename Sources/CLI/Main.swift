import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@main
enum Main {
  /// 0 all went well, 1 a statement failed, 2 wrong usage, 128 + n ended by signal n.
  static func main() async {
    let signals = SignalWatch.start()
    let arguments = Array(CommandLine.arguments.dropFirst())
    let warehouse = getenv("FRAZIL_WAREHOUSE").map { String(cString: $0) } ?? ""
    do throws(CommandOptions.UsageError) {
      var options = try CommandOptions(arguments, warehouse: warehouse.isEmpty ? "./warehouse" : warehouse)
      if options.action != .help, options.action != .version { try options.readConfigurationFiles() }
      exit(try await run(options, signals))
    } catch {
      writeError("frazil: \(error.message)\nSee: frazil --help")
      exit(2)
    }
  }

  private static func run(_ options: CommandOptions, _ signals: SignalWatch) async throws(CommandOptions.UsageError) -> Int32 {
    // What the command line names is looked at before anything runs.
    var scripts: [(name: String?, text: String)] = []
    switch options.action {
    case .help, .version:
      let text = options.action == .help ? CommandOptions.help : CommandOptions.version + "\n"
      return writeAll(Array(text.utf8), to: STDOUT_FILENO) ? 0 : 1
    case .whoami: return await whoami(options.configuration)
    case .statements(let texts): scripts = texts.map { (nil, $0) }
    case .scripts(let paths):
      for path in paths {
        scripts.append((path == "-" ? nil : path, try script(path == "-" ? readAll(STDIN_FILENO) : readFile(path), path)))
      }
    case .standardInput:
      if isatty(STDIN_FILENO) == 0 {
        scripts = [(nil, try script(readAll(STDIN_FILENO), "standard input"))]
      }
    case .overlayDifferences: return await overlayDifferences(options)
    case .dropOverlay(let table): return await dropOverlay(table, options)
    case .check(let tables): return await check(tables, options, signals)
    }
    let session: any ScriptSession
    let target: ResultTarget
    do {
      let engine = try Engine(options.configuration)
      session = try makeSession(engine, options)
      target = try await ResultTarget(options.output, format: options.format, engine)
    } catch let error as CommandOptions.UsageError {
      throw error
    } catch {
      writeError("\(error)")
      return 1
    }
    signals.watch(session)
    var runner = ScriptRunner(session: session, target: target, signals: signals)
    runner.showsTime = options.showsTime
    var outcome = ScriptRunner.Outcome.succeeded
    let isPrompt = options.action == .standardInput && scripts.isEmpty
    if isPrompt {
      let place = options.remote.map { "statements run on \($0)" } ?? "warehouse \(options.configuration.warehouse)"
      var prompt = Prompt(runner: runner, place: place)
      outcome = await prompt.run()
    } else {
      // Of several scripts none is begun when one cannot be run.
      for script in scripts where !runner.check(script.text, name: script.name) { outcome = .failed }
      for script in scripts where outcome == .succeeded { outcome = await runner.run(script.text, name: script.name) }
    }
    if let total = runner.scanned.text { writeError(total) }
    if await session.close() {
      writeError("the open transaction was rolled back")
      // A script that forgot its COMMIT has not done what it was written for.
      if outcome == .succeeded, !isPrompt { outcome = .failed }
    }
    do throws(SQLError) { try await target.finish(isComplete: outcome == .succeeded) } catch {
      writeError("\(error)")
      if outcome == .succeeded { outcome = .failed }
    }
    switch outcome {
    case .succeeded: return 0
    case .failed: return 1
    case .interrupted(let signal): return 128 + signal
    }
  }
}

/// This engine's session, or one with the engine elsewhere that `--on` names.
private func makeSession(_ engine: Engine, _ options: CommandOptions) throws(SQLError) -> any ScriptSession {
  if let remote = options.remote {
    let session = try engine.makeRemoteSession(remote)
    session.setParameters(options.parameters)
    return session
  }
  let session = engine.makeSession()
  try session.setParameters(options.parameters)
  return session
}

/// Says which source gave the credentials for AWS, and what became of the others; 1 when there are none.
private func whoami(_ configuration: Configuration) async -> Int32 {
  do {
    let report = try await Engine(configuration).credentialReport()
    var lines = [report.summary, "region: \(report.region)"]
    if let endpoint = report.endpoint { lines.append("S3 endpoint: \(endpoint)") }
    lines.append("where was looked, in this order:")
    let width = report.sources.map(\.name.count).max() ?? 0
    for source in report.sources {
      lines.append("  \(source.name)\(String(repeating: " ", count: width - source.name.count))  \(source.outcome): \(source.detail)")
    }
    let isWritten = writeAll(Array((lines.joined(separator: "\n") + "\n").utf8), to: STDOUT_FILENO)
    return report.isFound && isWritten ? 0 : 1
  } catch {
    writeError("\(error)")
    return 1
  }
}

/// The text of a script. Bytes that are no UTF-8 would silently become other data, so they are refused.
private func script(_ bytes: [UInt8]?, _ name: String) throws(CommandOptions.UsageError) -> String {
  guard let bytes else { throw CommandOptions.UsageError(message: "cannot read \(name): \(String(cString: strerror(errno)))") }
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw CommandOptions.UsageError(message: "cannot read \(name): it is not UTF-8 text")
  }
  return text
}

func writeError(_ text: String) { _ = writeAll(Array((text + "\n").utf8), to: STDERR_FILENO) }

/// Writes all bytes, over as many calls as it takes; false with `errno` set when that fails.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
  bytes.withUnsafeBytes { buffer in
    var done = 0
    while done < buffer.count {
      let written = write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
      if written < 0 && errno == EINTR { continue }
      if written <= 0 { return false }
      done += written
    }
    return true
  }
}

/// All bytes of a file; nil with `errno` set when it cannot be read.
func readFile(_ path: String) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  return readAll(descriptor)
}

func readAll(_ descriptor: Int32) -> [UInt8]? {
  var bytes: [UInt8] = []
  let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
  defer { chunk.deallocate() }
  while true {
    let got = read(descriptor, chunk.baseAddress, chunk.count)
    if got < 0 && errno == EINTR { continue }
    if got < 0 { return nil }
    if got == 0 { return bytes }
    bytes.append(contentsOf: chunk[..<got])
  }
}

public import ArgumentParser
public import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@main
struct FrazilCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "frazil",
    abstract: "Athena's SQL over Apache Iceberg tables, on this machine.",
    usage: """
      frazil [OPTIONS]                  a prompt, or the script on standard input
      frazil [OPTIONS] -c SQL           the given statements
      frazil [OPTIONS] run FILE...      the scripts, one after the other
      """,
    discussion: """
      Results go to standard output, everything else to standard error.
      Exit status: 0 all went well, 1 a statement failed (the rest is not run), 2 wrong usage.
      """,
    version: "frazil 0.1.0")

  @Option(name: .customShort("c"), help: ArgumentHelp("Statements to run.", valueName: "SQL"))
  var commands: [String] = []

  @Option(help: ArgumentHelp("Directory of the local catalog and of tables without LOCATION (default: $FRAZIL_WAREHOUSE or ./warehouse).", valueName: "DIR"))
  var warehouse: String?

  @Option(help: ArgumentHelp("Database of unqualified names.", valueName: "NAME"))
  var database = "default"

  @Option(help: "How results are written: table, csv, json, jsonl or markdown.")
  var format: OutputFormat = .table

  @Option(help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "FILE"))
  var output: String?

  @Option(help: ArgumentHelp("Read and write locations that begin with FROM below the folder TO.", valueName: "FROM=TO"))
  var mount: [String] = []

  @Option(help: ArgumentHelp("Mount all of s3:// under a folder.", valueName: "DIR"))
  var offline: String?

  @Option(help: ArgumentHelp("Memory limit of a statement, e.g. 4GB (default: 80 % of the machine's).", valueName: "SIZE"))
  var memory: String?

  @Option(help: ArgumentHelp("Worker threads (default: all cores).", valueName: "N"))
  var workers: Int?

  @Option(help: ArgumentHelp("Fix the clock, e.g. 2026-01-31T12:00:00Z.", valueName: "TIMESTAMP"))
  var now: String?

  @Option(help: ArgumentHelp("Fix ids, file names and random().", valueName: "N"))
  var seed: UInt64?

  @Argument(help: ArgumentHelp("`run` and the script files.", valueName: "run FILE"))
  var arguments: [String] = []

  static func main() async {
    do {
      var command = try Self.parse()
      try await command.run()
    } catch let code as ExitCode {
      endProcess(code.rawValue)
    } catch {
      let message = Self.fullMessage(for: error)
      let status = Self.exitCode(for: error).rawValue
      if status == 0 { print(message) } else { writeError(message) }
      endProcess(status == 0 ? 0 : 2)
    }
  }

  func validate() throws {
    if let first = arguments.first {
      guard first == "run" else {
        throw ValidationError("unknown command '\(first)'; did you mean: frazil run \(first)?")
      }
      if arguments.count == 1 { throw ValidationError("run needs at least one script file") }
      if !commands.isEmpty { throw ValidationError("-c and run do not go together") }
    }
    if let workers, workers < 1 || workers > 1_024 { throw ValidationError("--workers must be between 1 and 1024") }
    _ = try makeConfiguration()
  }

  mutating func run() async throws {
    let engine: Engine
    do {
      engine = try Engine(makeConfiguration())
    } catch {
      writeError("\(error)")
      throw ExitCode(1)
    }
    let session = engine.makeSession()
    let target = try ResultTarget(path: output, format: format)
    let runner = ScriptRunner(session: session, target: target)
    var succeeded = true
    if !commands.isEmpty {
      for text in commands where succeeded { succeeded = await runner.run(script: text, name: nil) }
    } else if arguments.first == "run" {
      for path in arguments.dropFirst() where succeeded {
        guard let text = readFile(path) else {
          writeError("cannot read \(path): \(String(cString: strerror(errno)))")
          throw ExitCode(2)
        }
        succeeded = await runner.run(script: text, name: path)
      }
    } else if isatty(STDIN_FILENO) == 1 {
      await REPL(runner: runner, warehouse: engine.configuration.warehouse).run()
    } else {
      guard let text = readAll(STDIN_FILENO) else { throw ExitCode(2) }
      succeeded = await runner.run(script: text, name: nil)
    }
    if !target.finish() { succeeded = false }
    if !succeeded { throw ExitCode(1) }
  }

  private func makeConfiguration() throws -> Configuration {
    let environment = getenv("FRAZIL_WAREHOUSE").map { String(cString: $0) }
    var configuration = Configuration(warehouse: warehouse ?? environment ?? "./warehouse")
    configuration.database = database
    configuration.mounts = try mount.map { text in
      guard let split = text.lastIndex(of: "="), split != text.startIndex, text.index(after: split) != text.endIndex
      else { throw ValidationError("--mount takes FROM=TO, not '\(text)'") }
      return Configuration.Mount(prefix: String(text[..<split]), folder: String(text[text.index(after: split)...]))
    }
    configuration.offlineDirectory = offline
    if let memory {
      guard let size = parseByteSize(memory) else {
        throw ValidationError("--memory takes a size like 512MB or 4GB, not '\(memory)'")
      }
      configuration.memoryLimit = size
    }
    if let workers { configuration.workers = workers }
    if let now {
      guard let moment = Configuration.parseInstant(now) else {
        throw ValidationError("--now takes a timestamp like 2026-01-31T12:00:00Z, not '\(now)'")
      }
      configuration.now = moment
    }
    configuration.seed = seed
    return configuration
  }
}

extension OutputFormat: ExpressibleByArgument {}

/// `4GB`, `512MB`, `64kB`, `1GiB` or plain bytes; units are powers of 1,024.
func parseByteSize(_ text: String) -> Int? {
  let digits = text.prefix { $0.isNumber || $0 == "." }
  guard let number = Double(String(digits)), number > 0 else { return nil }
  let unit = text.dropFirst(digits.count).trimmingPrefix { $0 == " " }.lowercased()
  let factors: [String: Double] = [
    "": 1, "b": 1, "k": 1_024, "kb": 1_024, "kib": 1_024, "m": 1_048_576, "mb": 1_048_576, "mib": 1_048_576,
    "g": 1_073_741_824, "gb": 1_073_741_824, "gib": 1_073_741_824, "t": 1_099_511_627_776, "tb": 1_099_511_627_776,
    "tib": 1_099_511_627_776,
  ]
  guard let factor = factors[unit], number * factor < 9e18 else { return nil }
  return Int(number * factor)
}

func writeError(_ text: String) { _ = writeAll(Array((text + "\n").utf8), to: STDERR_FILENO) }

/// `exit`, under a name that a command's own `exit` does not hide.
private func endProcess(_ status: Int32) -> Never { exit(status) }

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

/// All bytes of a file as text; nil with `errno` set when it cannot be read.
func readFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  return readAll(descriptor)
}

func readAll(_ descriptor: Int32) -> String? {
  var bytes: [UInt8] = []
  let size = 1 << 16
  let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
  defer { chunk.deallocate() }
  while true {
    let got = read(descriptor, chunk.baseAddress, size)
    if got < 0 && errno == EINTR { continue }
    if got < 0 { return nil }
    if got == 0 { return String(decoding: bytes, as: UTF8.self) }
    bytes.append(contentsOf: chunk[..<got])
  }
}

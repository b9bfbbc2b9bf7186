import Foundation

/// usage: slt [--mode NAME]... [--jobs N] [--timeout SECONDS] PATH...
///
/// Runs every `.slt` file below the paths in every mode, each in a process of its own: a trap or a hang of the engine costs one
/// file, and is reported with its line. Ends with `N passed, N failed`.
@main
struct Main {
  static func main() async {
    var modes: [Mode] = []
    var paths: [String] = []
    var jobs = 2
    var timeout = 120.0
    var isChild = false
    var arguments = CommandLine.arguments.dropFirst()[...]
    while let argument = arguments.popFirst() {
      switch argument {
      case "--mode":
        guard let name = arguments.popFirst(), let mode = Mode.all.first(where: { $0.name == name }) else {
          usage("--mode is one of \(Mode.all.map(\.name).joined(separator: ", "))")
        }
        modes.append(mode)
      case "--jobs":
        guard let text = arguments.popFirst(), let count = Int(text), count > 0 else { usage("--jobs N") }
        jobs = count
      case "--timeout":
        guard let text = arguments.popFirst(), let seconds = Double(text) else { usage("--timeout SECONDS") }
        timeout = seconds
      // Set by the parent only: one file, one mode, in this process.
      case "--child": isChild = true
      default:
        if argument.hasPrefix("-") { usage("unknown option \(argument)") }
        paths.append(argument)
      }
    }
    if paths.isEmpty { usage("no file given") }
    if modes.isEmpty { modes = Mode.all }
    if isChild {
      await Child.run(path: paths[0], mode: modes[0])
    } else {
      await Parent(modes: modes, jobs: jobs, timeout: timeout).run(paths)
    }
  }

  private static func usage(_ message: String) -> Never {
    FileHandle.standardError.write(
      Data("slt: \(message)\nusage: slt [--mode NAME]... [--jobs N] [--timeout SECONDS] PATH...\n".utf8))
    exit(2)
  }
}

/// The process that runs one file in one mode.
private enum Child {
  static func run(path: String, mode: Mode) async {
    let scratch = FileManager.default.temporaryDirectory.path + "/slt-\(ProcessInfo.processInfo.processIdentifier)"
    do {
      try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: scratch) }
      let text = try String(contentsOfFile: path, encoding: .utf8)
      var run = CaseRun(
        script: try ScriptFile(path: path, text: text), mode: mode, scratch: scratch, data: dataFolder(of: path))
      try await run.run()
      if run.leftOut > 0 { print("\(run.leftOut) left out") }
      print("\(run.passed) passed, \(run.failed) failed")
      fflush(nil)
    } catch {
      print("\(path) [\(mode.name)]: \(error)")
      fflush(nil)
      try? FileManager.default.removeItem(atPath: scratch)
      exit(1)
    }
  }

  /// `data/` beside the `cases` folder the file is in.
  private static func dataFolder(of path: String) -> String {
    var folder = URL(filePath: path).deletingLastPathComponent().standardizedFileURL
    while folder.path != "/" {
      if folder.lastPathComponent == "cases" { return folder.deletingLastPathComponent().appending(path: "data").path }
      folder.deleteLastPathComponent()
    }
    return URL(filePath: path).deletingLastPathComponent().path
  }
}

/// The process that starts the others, a few at a time, and adds up.
private struct Parent {
  let modes: [Mode]
  let jobs: Int
  let timeout: Double

  struct Outcome: Sendable {
    var passed = 0
    var failed = 0
    var leftOut = 0
    var text = ""
  }

  func run(_ paths: [String]) async {
    let files = paths.flatMap(Self.scripts).sorted()
    var work = modes.flatMap { mode in files.map { (mode, $0) } }[...]
    var totals: [String: Outcome] = [:]
    await withTaskGroup(of: (String, Outcome).self) { group in
      func startNext() {
        guard let (mode, file) = work.popFirst() else { return }
        group.addTask { (mode.name, await runChild(file, mode)) }
      }
      for _ in 0..<jobs { startNext() }
      while let (mode, outcome) = await group.next() {
        totals[mode, default: Outcome()].passed += outcome.passed
        totals[mode, default: Outcome()].failed += outcome.failed
        totals[mode, default: Outcome()].leftOut += outcome.leftOut
        if !outcome.text.isEmpty { print(outcome.text) }
        startNext()
      }
    }
    for mode in modes {
      let total = totals[mode.name, default: Outcome()]
      let leftOut = total.leftOut > 0 ? ", \(total.leftOut) left out: the catalog lacks what they require" : ""
      print("  \(mode.name): \(total.passed) passed, \(total.failed) failed (\(files.count) files)\(leftOut)")
    }
    let passed = totals.values.reduce(0) { $0 + $1.passed }
    let failed = totals.values.reduce(0) { $0 + $1.failed }
    print("\(passed) passed, \(failed) failed")
    exit(failed == 0 && passed > 0 ? 0 : 1)
  }

  private static func scripts(below path: String) -> [String] {
    if path.hasSuffix(".slt") { return [path] }
    let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".slt") }.map { path + "/" + $0 }
  }

  private func runChild(_ file: String, _ mode: Mode) async -> Outcome {
    await withCheckedContinuation { continuation in
      // A thread, not a task: waiting for a process blocks.
      Thread { continuation.resume(returning: waitForChild(file, mode)) }.start()
    }
  }

  private func waitForChild(_ file: String, _ mode: Mode) -> Outcome {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: CommandLine.arguments[0])
    process.arguments = ["--child", "--mode", mode.name, file]
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch {
      return Outcome(failed: 1, text: "\(file) [\(mode.name)]: cannot start: \(error)")
    }
    let identifier = process.processIdentifier
    let isDone = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      if isDone.wait(timeout: .now() + timeout) == .timedOut { kill(identifier, SIGKILL) }
    }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    isDone.signal()
    return Self.outcome(of: String(decoding: bytes, as: UTF8.self), process, file, mode)
  }

  /// Reads what a child printed: progress lines, failures, and its count at the end unless it died.
  private static func outcome(of text: String, _ process: Process, _ file: String, _ mode: Mode) -> Outcome {
    var outcome = Outcome()
    var at = "0"
    var hasCount = false
    var lines: [Substring] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("@") {
        at = String(line.dropFirst())
      } else if let match = line.wholeMatch(of: /(\d+) passed, (\d+) failed/) {
        outcome.passed = Int(match.1) ?? 0
        outcome.failed = Int(match.2) ?? 0
        hasCount = true
      } else if let match = line.wholeMatch(of: /(\d+) left out/) {
        outcome.leftOut = Int(match.1) ?? 0
      } else {
        lines.append(line)
      }
    }
    if !hasCount {
      outcome.failed += 1
      let reason =
        process.terminationReason == .uncaughtSignal ? "ended by signal \(process.terminationStatus)" : "ended early"
      lines.append("\(file):\(at) [\(mode.name)] \(reason)")
      lines = lines.suffix(60)
    }
    outcome.text = lines.joined(separator: "\n")
    return outcome
  }
}

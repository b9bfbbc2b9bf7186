import Foundation
import TestSupport

/// The built executable, which FRAZIL_BINARY names; tests of the command line are left out without it.
enum Binary {
  static let path = Corpus.environment("FRAZIL_BINARY")

  struct Outcome {
    /// The exit code, or minus the signal that ended the process.
    let status: Int32
    let output: String
    let errors: String
  }

  /// Runs the executable in a folder and waits for its end.
  static func run(
    _ arguments: [String], in folder: ScratchFolder, input: String? = nil, environment: [String: String] = [:]
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(filePath: path ?? "")
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder.path)
    var variables = ProcessInfo.processInfo.environment
    variables["FRAZIL_WAREHOUSE"] = nil
    variables.merge(environment) { $1 }
    process.environment = variables
    // Files, not pipes: nothing can block however much is written.
    let manager = FileManager.default
    let names = ["in", "out", "err"].map { folder.path + "/.test-\($0)" }
    for name in names { _ = manager.createFile(atPath: name, contents: nil) }
    if let input { try Data(input.utf8).write(to: URL(filePath: names[0])) }
    process.standardInput = FileHandle(forReadingAtPath: names[0])
    process.standardOutput = FileHandle(forWritingAtPath: names[1])
    process.standardError = FileHandle(forWritingAtPath: names[2])
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String { String(decoding: try Data(contentsOf: URL(filePath: name)), as: UTF8.self) }
    let outcome = Outcome(
      status: process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus,
      output: try text(names[1]), errors: try text(names[2]))
    for name in names { try manager.removeItem(atPath: name) }
    return outcome
  }
}

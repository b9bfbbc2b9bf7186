import Glibc

/// A server of `Tests/Servers` as a child process. It ends when this process does: then its standard input ends.
package final class ServerProcess: Sendable {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// The line with which it said that it answers.
  package let greeting: String
  private let process: pid_t
  private let input: Int32

  /// - Parameters:
  ///   - script: a file of `Tests/Servers`.
  ///   - python: the interpreter; nil takes `FRAZIL_SERVERS_PYTHON`, else where `.ci/install servers` puts it.
  package init(_ script: String, _ arguments: [String]) throws {
    let home = getenv("HOME").map { String(cString: $0) } ?? ""
    let python = getenv("FRAZIL_SERVERS_PYTHON").map { String(cString: $0) } ?? home + "/.cache/frazil/venv-servers/bin/python"
    guard access(python, X_OK) == 0 else { throw Failure(description: "no Python at \(python): run .ci/install servers") }
    let path = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Servers/" + script
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { throw Failure(description: "no pipes") }
    // The child must not hold its own standard input open.
    for descriptor in toChild + fromChild { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    var words: [UnsafeMutablePointer<CChar>?] = ([python, path] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, python, &actions, nil, &words, environ)
    close(toChild[0])
    close(fromChild[1])
    guard code == 0 else { throw Failure(description: "\(script) cannot be started: error \(code)") }
    self.process = process
    input = toChild[1]
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(fromChild[0], &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
    close(fromChild[0])
    greeting = String(decoding: line, as: UTF8.self)
    if line.isEmpty {
      var status: Int32 = 0
      waitpid(process, &status, 0)
      throw Failure(description: "\(script) \(arguments) ended before it answered (status \(status >> 8))")
    }
  }

  deinit {
    close(input)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }
}

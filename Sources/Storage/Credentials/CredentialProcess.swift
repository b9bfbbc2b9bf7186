import Glibc

/// Runs the program that a profile's `credential_process` names, and takes what it prints.
enum CredentialProcess {
  private static let outputLimit = 1 << 20
  private static let timeoutSeconds = 60

  /// - Throws: never with a part of the output, which holds secrets.
  static func run(_ command: String) async throws(CredentialError) -> [UInt8] {
    let words = try words(command)
    let result: Result<[UInt8], CredentialError> = await withCheckedContinuation { continuation in
      // A thread of its own: those of the shared pool may all be waiting for these very credentials.
      let isStarted = DetachedThread.start {
        continuation.resume(returning: Result { () throws(CredentialError) in try spawn(words) })
      }
      if !isStarted { continuation.resume(returning: .failure(CredentialError("the system has no thread for credential_process"))) }
    }
    return try result.get()
  }

  /// Cut at blanks as a shell does, with its quotes and backslashes but nothing else: no shell is started.
  static func words(_ command: String) throws(CredentialError) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var characters = command[...]
    while let character = characters.popFirst() {
      if let open = quote {
        if character == open { quote = nil } else if character == "\\", open == "\"", let next = characters.first, next == "\"" || next == "\\" {
          word?.append(next)
          characters.removeFirst()
        } else {
          word?.append(character)
        }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character == "\\", let next = characters.popFirst() {
        word = (word ?? "") + String(next)
      } else if character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard quote == nil else { throw CredentialError("a quote in credential_process does not end") }
    if let word { words.append(word) }
    guard !words.isEmpty else { throw CredentialError("credential_process is empty") }
    return words
  }

  private static func spawn(_ words: [String]) throws(CredentialError) -> [UInt8] {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw CredentialError("credential_process cannot be started: no pipe") }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    arguments.append(nil)
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, words[0], &actions, nil, arguments, environ)
    close(ends[1])
    defer { close(ends[0]) }
    guard code == 0 else { throw CredentialError("credential_process: '\(words[0])' cannot be started (error \(code))") }
    var output: [UInt8] = []
    var problem: String?
    var chunk = [UInt8](repeating: 0, count: 4_096)
    var end = timespec()
    clock_gettime(CLOCK_MONOTONIC, &end)
    let deadline = end.tv_sec + timeoutSeconds
    reading: while true {
      clock_gettime(CLOCK_MONOTONIC, &end)
      var descriptor = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
      let ready = poll(&descriptor, 1, Int32(max(0, min(1_000, (deadline - end.tv_sec) * 1_000))))
      if ready == 0, end.tv_sec >= deadline {
        problem = "'\(words[0])' did not end within \(timeoutSeconds) s"
        break
      }
      guard ready > 0 else { continue }
      let count = read(ends[0], &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break reading }
      output += chunk[..<count]
      if output.count > outputLimit {
        problem = "'\(words[0])' prints more than \(outputLimit) bytes"
        break
      }
    }
    if problem != nil { kill(process, SIGKILL) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    if let problem { throw CredentialError("credential_process: \(problem)") }
    // The program's own words may hold secrets, so they are not repeated.
    guard status == 0 else { throw CredentialError("credential_process: '\(words[0])' failed with status \(status >> 8 & 255); run it by hand to see why") }
    return output
  }
}

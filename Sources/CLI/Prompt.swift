import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The prompt: statements over several lines, ended by `;`, with history; a failed statement does not end it.
struct Prompt {
  private var runner: ScriptRunner
  /// Where tables are, or statements run.
  private let place: String
  private let editor: LineEditor

  init(runner: ScriptRunner, place: String) {
    self.runner = runner
    self.runner.isTalkative = true
    self.place = place
    let home = getenv("HOME").map { String(cString: $0) }
    editor = LineEditor(history: History(path: home.map { $0 + "/.frazil_history" }))
  }

  /// - Returns: `.succeeded` when the user left, whatever failed before; `.interrupted` when a signal ended it.
  mutating func run() async -> ScriptRunner.Outcome {
    writeError("\(CommandOptions.version), \(place)\nEnd statements with ; and leave with Ctrl-D. Type .help for help.")
    editor.completions = await runner.session.completionWords()
    var pending = ""
    while true {
      runner.signals.setAtPrompt(true)
      let line = editor.readLine(prompt: prompt(isFirstLine: pending.isEmpty))
      runner.signals.setAtPrompt(false)
      switch line {
      case .end: return .succeeded
      case .interrupted: pending = ""
      case .text(let text):
        if pending.isEmpty, let command = PromptCommand.parse(text) {
          if !text.isEmpty { editor.history.remember(text) }
          guard await run(command) else { return .succeeded }
          continue
        }
        pending += pending.isEmpty ? text : "\n" + text
        guard runner.session.isComplete(pending) else { continue }
        editor.history.remember(pending)
        let outcome = await runner.run(pending, name: nil)
        pending = ""
        if case .interrupted(let signal) = outcome, signal != SIGINT { return outcome }
        editor.completions = await runner.session.completionWords()
      }
    }
  }

  /// As psql's: `*` while a transaction is open, `!` when it has failed.
  private func prompt(isFirstLine: Bool) -> String {
    switch runner.session.transactionState {
    case .none: isFirstLine ? "frazil> " : "     -> "
    case .open: isFirstLine ? "frazil*> " : "     *-> "
    case .aborted: isFirstLine ? "frazil!> " : "     !-> "
    }
  }

  /// - Returns: false when the user wants to leave.
  private mutating func run(_ command: PromptCommand) async -> Bool {
    switch command {
    case .nothing: break
    case .quit: return false
    case .help: writeError(PromptCommand.helpText)
    case .statement(let sql): _ = await runner.run(sql, name: nil)
    case .script(let path):
      if let bytes = readFile(path) {
        _ = await runner.run(String(decoding: bytes, as: UTF8.self), name: path)
      } else {
        writeError("cannot read \(path): \(String(cString: strerror(errno)))")
      }
    case .output(let path):
      do { try await runner.target.redirect(to: path) } catch let error as CommandOptions.UsageError {
        writeError(error.message)
      } catch {
        writeError("\(error)")
      }
    case .format(let format): runner.target.format = format
    case .timing(let isOn):
      runner.showsTime = isOn ?? !runner.showsTime
      writeError("timing is \(runner.showsTime ? "on" : "off")")
    case .misused(let message): writeError(message)
    }
    return true
  }
}

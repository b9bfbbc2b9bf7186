import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads a line from a terminal: cursor keys, history, search in it, completion and the usual control keys (the Emacs set of readline).
///
/// The line may be longer than the terminal is wide, and a statement that comes back from the history shows all of its lines.
final class LineEditor {
  enum Line {
    case text(String)
    /// Ctrl-C: what was typed is dropped.
    case interrupted
    /// Ctrl-D on an empty line, or the end of input.
    case end
  }

  let history: History
  /// What Tab completes to.
  var completions: [String] = []

  private var prompt = ""
  private var buffer: [Character] = []
  private var cursor = 0
  private var killed: [Character] = []
  /// Where in the history the line is; its count is the new line itself, which `draft` keeps meanwhile.
  private var historyIndex = 0
  private var draft: [Character] = []
  /// Terminal row of the cursor below the prompt's.
  private var cursorRow = 0
  /// Ctrl-R: what is searched for.
  private var search: String?

  init(history: History) { self.history = history }

  func readLine(prompt: String) -> Line {
    let terminal = getenv("TERM").map { String(cString: $0) } ?? ""
    guard terminal != "dumb", TerminalMode.enterRaw() else { return readPlainLine(prompt) }
    defer { TerminalMode.restoreOriginal() }
    self.prompt = prompt
    buffer = []
    cursor = 0
    cursorRow = 0
    draft = []
    search = nil
    historyIndex = history.entries.count
    redraw()
    while true {
      guard let key = Key.next() else { return .end }
      if search != nil, handleSearch(key) {
        redraw()
        continue
      }
      switch key {
      case .enter:
        cursor = buffer.count
        redraw()
        put("\r\n")
        return .text(String(buffer))
      case .control("c"):
        cursor = buffer.count
        redraw()
        put("^C\r\n")
        return .interrupted
      case .control("d") where buffer.isEmpty:
        put("\r\n")
        return .end
      case .control("z"): suspend()
      case .control("l"):
        put("\u{1B}[H\u{1B}[2J")
        cursorRow = 0
      case .control("r"): search = ""
      case .tab: complete()
      default: edit(key)
      }
      redraw()
    }
  }

  /// For terminals that cannot move a cursor.
  private func readPlainLine(_ prompt: String) -> Line {
    put(prompt)
    return Swift.readLine().map { .text($0) } ?? .end
  }

  /// Ctrl-Z: back to the shell until it continues us.
  private func suspend() {
    TerminalMode.restoreOriginal()
    raise(SIGTSTP)
    _ = TerminalMode.enterRaw()
    cursorRow = 0
  }

  // MARK: Editing

  private func edit(_ key: Key) {
    switch key {
    case .character(let character):
      buffer.insert(character, at: cursor)
      cursor += 1
    case .backspace:
      if cursor > 0 {
        cursor -= 1
        buffer.remove(at: cursor)
      }
    case .delete, .control("d"): if cursor < buffer.count { buffer.remove(at: cursor) }
    case .left, .control("b"): cursor = max(0, cursor - 1)
    case .right, .control("f"): cursor = min(buffer.count, cursor + 1)
    case .wordLeft, .meta("b"): cursor = wordStart(before: cursor)
    case .wordRight, .meta("f"): cursor = wordEnd(after: cursor)
    case .home, .control("a"): cursor = 0
    case .endOfLine, .control("e"): cursor = buffer.count
    case .up, .control("p"):
      if historyIndex == history.entries.count { draft = buffer }
      if historyIndex > 0 { show(historyIndex - 1) }
    case .down, .control("n"): if historyIndex < history.entries.count { show(historyIndex + 1) }
    case .control("k"): kill(cursor..<buffer.count)
    case .control("u"): kill(0..<cursor)
    case .control("w"):
      var start = cursor
      while start > 0, buffer[start - 1].isWhitespace { start -= 1 }
      while start > 0, !buffer[start - 1].isWhitespace { start -= 1 }
      kill(start..<cursor)
    case .meta("d"): kill(cursor..<wordEnd(after: cursor))
    case .control("y"):
      buffer.insert(contentsOf: killed, at: cursor)
      cursor += killed.count
    case .control("t"):
      if cursor > 0, buffer.count > 1 {
        let right = min(cursor, buffer.count - 1)
        buffer.swapAt(right - 1, right)
        cursor = right + 1
      }
    case .enter, .tab, .control, .meta, .unknown: break
    }
  }

  private func kill(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    killed = Array(buffer[range])
    buffer.removeSubrange(range)
    cursor = range.lowerBound
  }

  private func show(_ position: Int) {
    buffer = position == history.entries.count ? draft : Array(history.entries[position])
    historyIndex = position
    cursor = buffer.count
  }

  private func wordStart(before position: Int) -> Int {
    var start = position
    while start > 0, !Self.isWord(buffer[start - 1]) { start -= 1 }
    while start > 0, Self.isWord(buffer[start - 1]) { start -= 1 }
    return start
  }

  private func wordEnd(after position: Int) -> Int {
    var end = position
    while end < buffer.count, !Self.isWord(buffer[end]) { end += 1 }
    while end < buffer.count, Self.isWord(buffer[end]) { end += 1 }
    return end
  }

  private static func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" }

  // MARK: Search

  /// - Returns: false when the key ends the search and means what it always means.
  private func handleSearch(_ key: Key) -> Bool {
    guard let text = search else { return false }
    switch key {
    case .character(let character): find(text + String(character), from: historyIndex)
    case .backspace: find(String(text.dropLast()), from: history.entries.count - 1)
    case .control("r"): find(text, from: historyIndex - 1)
    case .control("g"):
      search = nil
      show(history.entries.count)
    default:
      search = nil
      return false
    }
    return true
  }

  /// Shows the newest entry at or before `position` that holds the text; nothing changes when there is none.
  private func find(_ text: String, from position: Int) {
    search = text
    guard !text.isEmpty else { return }
    let wanted = text.lowercased()
    var index = min(position, history.entries.count - 1)
    while index >= 0 {
      if history.entries[index].lowercased().contains(wanted) { return show(index) }
      index -= 1
    }
  }

  // MARK: Completion

  /// Extends the word before the cursor to what all candidates share, or lists them when that adds nothing.
  private func complete() {
    var start = cursor
    while start > 0, Self.isWord(buffer[start - 1]) || buffer[start - 1] == "." || buffer[start - 1] == "$" { start -= 1 }
    let word = String(buffer[start..<cursor])
    guard !word.isEmpty else { return edit(.character(" ")) }
    let folded = word.lowercased()
    let matches = completions.filter { $0.lowercased().hasPrefix(folded) }
    guard var common = matches.first else { return }
    for match in matches.dropFirst() { common = Self.sharedPrefix(common, match) }
    if common.count > word.count || (matches.count == 1 && common.count == word.count) {
      // Words of SQL come in upper case; who types in lower case gets lower case.
      let isLower = word == folded && common == common.uppercased()
      buffer.replaceSubrange(start..<cursor, with: Array(isLower ? common.lowercased() : common))
      cursor = start + common.count
      if matches.count == 1 { edit(.character(" ")) }
    } else if matches.count > 1 {
      let shown = matches.prefix(60).joined(separator: "  ")
      let more = matches.count > 60 ? "  … \(matches.count - 60) more" : ""
      let position = cursor
      cursor = buffer.count
      redraw()
      put("\r\n\(shown)\(more)\r\n")
      cursor = position
      cursorRow = 0
    }
  }

  private static func sharedPrefix(_ left: String, _ right: String) -> String {
    String(zip(left, right).prefix { $0.lowercased() == $1.lowercased() }.map(\.0))
  }

  // MARK: Display

  /// Draws prompt and line over what was drawn before, wrapped where the terminal ends, and puts the cursor in its place.
  private func redraw() {
    let width = max(TerminalMode.width(of: Self.output) ?? 80, 20)
    let shownPrompt = search.map { "(search '\($0)') " } ?? prompt
    var text = cursorRow > 0 ? "\u{1B}[\(cursorRow)A" : ""
    text += "\r\u{1B}[J" + shownPrompt
    var row = 0
    var column = displayWidth(shownPrompt)
    var cursorColumn = column
    var rowOfCursor = 0
    for (index, character) in buffer.enumerated() {
      if index == cursor { (rowOfCursor, cursorColumn) = (row, column) }
      if character == "\n" {
        text += "\r\n     -> "
        row += 1
        column = 8
        continue
      }
      let isControl = character.unicodeScalars.first.map { $0.value < 32 } ?? false
      let cells = isControl ? 1 : displayWidth(character)
      if column + cells > width {
        text += "\r\n"
        row += 1
        column = 0
      }
      text += isControl ? " " : String(character)
      column += cells
    }
    if column >= width {
      text += "\r\n"
      row += 1
      column = 0
    }
    if cursor == buffer.count { (rowOfCursor, cursorColumn) = (row, column) }
    if cursorColumn >= width { (rowOfCursor, cursorColumn) = (rowOfCursor + 1, 0) }
    if row > rowOfCursor { text += "\u{1B}[\(row - rowOfCursor)A" }
    text += "\r" + (cursorColumn > 0 ? "\u{1B}[\(cursorColumn)C" : "")
    cursorRow = rowOfCursor
    put(text)
  }

  /// Prompts are no results: they go to standard error where that is the terminal.
  private static let output = isatty(STDERR_FILENO) == 1 ? STDERR_FILENO : STDOUT_FILENO

  private func put(_ text: String) { _ = writeAll(Array(text.utf8), to: Self.output) }
}

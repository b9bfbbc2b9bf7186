#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads lines from a terminal with cursor keys, history and the usual control keys (the Emacs set of readline).
final class LineEditor {
  enum Line {
    case text(String)
    /// Ctrl-C: what was typed is dropped.
    case interrupted
    /// Ctrl-D on an empty line, or the end of input.
    case end
  }

  private var history: [String] = []
  private let historyPath: String?
  private static let historyLimit = 2_000

  /// - Parameter historyPath: a file of one entry a line (line breaks inside an entry as `\n`); nil keeps history in memory only.
  init(historyPath: String?) {
    self.historyPath = historyPath
    guard let historyPath, let file = fopen(historyPath, "r") else { return }
    defer { fclose(file) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    while getline(&line, &capacity, file) > 0, let text = line {
      let entry = String(cString: text).trimmingNewline()
      history.append(entry.replacingEscapedNewlines())
    }
    free(line)
    if history.count > Self.historyLimit { history.removeFirst(history.count - Self.historyLimit) }
  }

  /// Adds a statement to the history, unless it repeats the last one.
  func remember(_ statement: String) {
    guard !statement.isEmpty, history.last != statement else { return }
    history.append(statement)
    guard let historyPath, let file = fopen(historyPath, "a") else { return }
    fputs(statement.escapingNewlines() + "\n", file)
    fclose(file)
  }

  func readLine(prompt: String) -> Line {
    var original = termios()
    guard tcgetattr(STDIN_FILENO, &original) == 0 else { return .end }
    var raw = original
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
    raw.c_iflag &= ~tcflag_t(IXON | ICRNL)
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
    defer { tcsetattr(STDIN_FILENO, TCSADRAIN, &original) }

    var buffer: [Character] = []
    var cursor = 0
    var historyIndex = history.count
    var draft: [Character] = []
    var killed: [Character] = []

    func show(_ position: Int) {
      buffer = position == history.count ? draft : Array(history[position])
      historyIndex = position
      cursor = buffer.count
    }

    redraw(prompt, buffer, cursor)
    while true {
      guard let key = readKey() else { return .end }
      switch key {
      case .character(let character):
        buffer.insert(character, at: cursor)
        cursor += 1
      case .enter:
        redraw(prompt, buffer, buffer.count)
        put("\r\n")
        return .text(String(buffer))
      case .control("c"):
        put("^C\r\n")
        return .interrupted
      case .control("d"):
        if buffer.isEmpty {
          put("\r\n")
          return .end
        }
        if cursor < buffer.count { buffer.remove(at: cursor) }
      case .backspace, .control("h"):
        if cursor > 0 {
          cursor -= 1
          buffer.remove(at: cursor)
        }
      case .delete: if cursor < buffer.count { buffer.remove(at: cursor) }
      case .left, .control("b"): cursor = max(0, cursor - 1)
      case .right, .control("f"): cursor = min(buffer.count, cursor + 1)
      case .home, .control("a"): cursor = 0
      case .endOfLine, .control("e"): cursor = buffer.count
      case .up, .control("p"):
        if historyIndex == history.count { draft = buffer }
        if historyIndex > 0 { show(historyIndex - 1) }
      case .down, .control("n"): if historyIndex < history.count { show(historyIndex + 1) }
      case .control("k"):
        killed = Array(buffer[cursor...])
        buffer.removeSubrange(cursor...)
      case .control("u"):
        killed = Array(buffer[..<cursor])
        buffer.removeSubrange(..<cursor)
        cursor = 0
      case .control("w"):
        var start = cursor
        while start > 0, buffer[start - 1] == " " { start -= 1 }
        while start > 0, buffer[start - 1] != " " { start -= 1 }
        killed = Array(buffer[start..<cursor])
        buffer.removeSubrange(start..<cursor)
        cursor = start
      case .control("y"):
        buffer.insert(contentsOf: killed, at: cursor)
        cursor += killed.count
      case .control("l"): put("\u{1B}[H\u{1B}[2J")
      case .control, .unknown: continue
      }
      redraw(prompt, buffer, cursor)
    }
  }

  private enum Key {
    case character(Character)
    case control(Character)
    case enter, backspace, delete, left, right, up, down, home, endOfLine, unknown
  }

  private func readByte() -> UInt8? {
    var byte: UInt8 = 0
    while true {
      let got = read(STDIN_FILENO, &byte, 1)
      if got == 1 { return byte }
      if got < 0 && errno == EINTR { continue }
      return nil
    }
  }

  private func readKey() -> Key? {
    guard let byte = readByte() else { return nil }
    switch byte {
    case 13, 10: return .enter
    case 127: return .backspace
    case 9: return .character(" ")
    case 27: return readEscape()
    case 1...26: return .control(Character(UnicodeScalar(byte + 96)))
    case 0..<32: return .unknown
    case 0..<128: return .character(Character(UnicodeScalar(byte)))
    default:
      var bytes = [byte]
      let more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1
      for _ in 0..<more {
        guard let next = readByte() else { return nil }
        bytes.append(next)
      }
      return .character(String(decoding: bytes, as: UTF8.self).first ?? "?")
    }
  }

  private func readEscape() -> Key? {
    guard let kind = readByte() else { return nil }
    guard kind == UInt8(ascii: "[") || kind == UInt8(ascii: "O") else { return .unknown }
    guard var code = readByte() else { return nil }
    var number = 0
    while code >= 48 && code <= 57 || code == 59 {
      if code != 59 { number = (number * 10 + Int(code) - 48) % 1_000 }
      guard let next = readByte() else { return nil }
      code = next
    }
    switch code {
    case UInt8(ascii: "A"): return .up
    case UInt8(ascii: "B"): return .down
    case UInt8(ascii: "C"): return .right
    case UInt8(ascii: "D"): return .left
    case UInt8(ascii: "H"): return .home
    case UInt8(ascii: "F"): return .endOfLine
    case UInt8(ascii: "~"):
      switch number {
      case 1, 7: return .home
      case 4, 8: return .endOfLine
      case 3: return .delete
      default: return .unknown
      }
    default: return .unknown
    }
  }

  /// Shows the line in one terminal row, scrolled so that the cursor stays visible. Line breaks of recalled statements show as blanks.
  private func redraw(_ prompt: String, _ buffer: [Character], _ cursor: Int) {
    var size = winsize()
    let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    let width = max((isKnown ? Int(size.ws_col) : 80) - prompt.count - 1, 10)
    let start = max(0, cursor - width)
    let visible = buffer[start..<min(buffer.count, start + width)].map { $0 == "\n" ? " " : $0 }
    put("\r" + prompt + String(visible) + "\u{1B}[K\r\u{1B}[\(prompt.count + cursor - start)C")
  }

  private func put(_ text: String) { _ = writeAll(Array(text.utf8), to: STDOUT_FILENO) }
}

extension String {
  fileprivate func trimmingNewline() -> String { hasSuffix("\n") ? String(dropLast()) : self }

  fileprivate func escapingNewlines() -> String {
    var result = ""
    for character in self {
      switch character {
      case "\\": result += "\\\\"
      case "\n", "\r\n": result += "\\n"
      default: result.append(character)
      }
    }
    return result
  }

  fileprivate func replacingEscapedNewlines() -> String {
    var result = ""
    var isEscaped = false
    for character in self {
      if isEscaped {
        result.append(character == "n" ? "\n" : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else {
        result.append(character)
      }
    }
    return result
  }
}

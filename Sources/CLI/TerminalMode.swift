import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The terminal's mode while a line is edited: every key arrives at once, nothing is echoed.
struct TerminalMode {
  /// What to go back to, also when a signal ends the process.
  private static let original = Mutex<termios?>(nil)

  /// - Returns: false when standard input is no terminal that can be edited on.
  static func enterRaw() -> Bool {
    var mode = termios()
    guard tcgetattr(STDIN_FILENO, &mode) == 0 else { return false }
    let before = mode
    mode.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
    mode.c_iflag &= ~tcflag_t(IXON | ICRNL)
    guard tcsetattr(STDIN_FILENO, TCSADRAIN, &mode) == 0 else { return false }
    original.withLock { $0 = before }
    return true
  }

  static func restoreOriginal() {
    original.withLock { saved in
      guard var mode = saved else { return }
      tcsetattr(STDIN_FILENO, TCSADRAIN, &mode)
      saved = nil
    }
  }

  /// Columns of the terminal behind a descriptor; nil when there is none.
  static func width(of descriptor: Int32) -> Int? {
    guard isatty(descriptor) == 1 else { return nil }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }
}

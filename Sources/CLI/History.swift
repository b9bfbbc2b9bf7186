#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What was entered before, oldest first, kept in a file between sessions.
///
/// The file has one entry a line; a line break inside an entry is `\n`, a backslash `\\`. Only the user may read it.
final class History {
  private(set) var entries: [String] = []
  private let path: String?
  private static let limit = 2_000

  /// - Parameter path: nil keeps the history in memory only. A file that cannot be read or written does the same.
  init(path: String?) {
    self.path = path
    guard let path, let bytes = readFile(path) else { return }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    entries = lines.suffix(Self.limit).map { Self.unescaped($0) }
    // Rewritten when it has grown to twice of what is kept.
    if lines.count > 2 * Self.limit { store(entries, flags: O_TRUNC) }
  }

  /// Adds an entry, unless it repeats the last one.
  func remember(_ entry: String) {
    guard !entry.isEmpty, entries.last != entry else { return }
    entries.append(entry)
    store([entry], flags: O_APPEND)
  }

  private func store(_ entries: [String], flags: Int32) {
    guard let path else { return }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0o600)
    guard descriptor >= 0 else { return }
    let text = entries.map { Self.escaped($0) + "\n" }.joined()
    _ = writeAll(Array(text.utf8), to: descriptor)
    close(descriptor)
  }

  private static func escaped(_ entry: String) -> String {
    var result = ""
    for scalar in entry.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": continue
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func unescaped(_ line: Substring) -> String {
    var result = ""
    var isEscaped = false
    for character in line {
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

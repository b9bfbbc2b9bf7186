/// The text of `~/.aws/config` or `~/.aws/credentials`: sections of keys and values.
///
///     [profile work]
///     region = eu-west-1
///     s3 =
///       addressing_style = path        known as s3.addressing_style
///
/// What makes no sense is noted and passed over; nothing here can fail.
package struct AWSConfigFile: Sendable, Equatable {
  package private(set) var sections: [String: [String: String]] = [:]
  /// What was passed over, with its line; never the value.
  package private(set) var problems: [String] = []

  package init() {}

  package init(_ bytes: [UInt8]) {
    var section: String?
    var key: String?
    for (index, rawLine) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let line = String(decoding: rawLine, as: UTF8.self)
      let text = Self.trimmed(line[...])
      guard let first = text.first, first != "#", first != ";" else { continue }
      let isIndented = line.first == " " || line.first == "\t"
      if !isIndented, first == "[" {
        key = nil
        guard let end = text.firstIndex(of: "]") else {
          section = nil
          problems.append("line \(index + 1): a section name does not end")
          continue
        }
        let words = text[text.index(after: text.startIndex)..<end].split { $0 == " " || $0 == "\t" }
        let name = words.joined(separator: " ").filter { $0 != "\"" && $0 != "'" }
        section = name
        if sections[name] == nil { sections[name] = [:] }
        continue
      }
      guard let section else {
        problems.append("line \(index + 1): stands before any section")
        continue
      }
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        if isIndented, let key, let value = sections[section]?[key] {
          sections[section]?[key] = value.isEmpty ? String(text) : value + "\n" + text
        } else {
          problems.append("line \(index + 1): is neither a section nor a key with a value")
        }
        continue
      }
      let name = Self.trimmed(text[..<equals]).lowercased()
      let value = String(Self.trimmed(text[text.index(after: equals)...]))
      if isIndented, let key, sections[section]?[key] == "" {
        sections[section]?[key + "." + name] = value
      } else {
        key = name
        sections[section]?[name] = value
      }
    }
  }

  package subscript(_ section: String) -> [String: String]? { sections[section] }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first.isWhitespace { text = text.dropFirst() }
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return text
  }
}

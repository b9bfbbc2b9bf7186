/// An element of the small XML documents that S3 and STS answer with.
///
/// Understands elements, text, the five named and the numbered character references and CDATA; skips declarations, comments and attributes;
/// drops namespace prefixes. Anything else is an error, never a trap, and never a fetch: there are no entities of one's own.
package struct XMLElement: Sendable {
  package struct Malformed: Error, Sendable, CustomStringConvertible {
    package let message: String
    package let offset: Int
    package var description: String { "malformed XML: \(message) at byte \(offset)" }
  }

  package var name: String
  package var children: [XMLElement] = []
  /// The characters directly inside.
  package var text: String = ""

  package static func parse(_ bytes: ByteSlice) throws(Malformed) -> XMLElement {
    var parser = XMLParser(bytes.array)
    return try parser.document()
  }

  package func first(_ name: String) -> XMLElement? { children.first { $0.name == name } }
  package func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
  /// The text of the first child of that name.
  package func text(of name: String) -> String? { first(name)?.text }

  /// Text with what XML reserves written as references.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default:
        if scalar.value < 0x20 { result += "&#\(scalar.value);" } else { result.unicodeScalars.append(scalar) }
      }
    }
    return result
  }
}

private struct XMLParser {
  private let bytes: [UInt8]
  private var position = 0
  private static let depthLimit = 64

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(XMLElement.Malformed) -> XMLElement {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    try skipMisc()
    guard peek == UInt8(ascii: "<") else { throw malformed("an element was expected") }
    let root = try element(depth: 0)
    try skipMisc()
    guard position == bytes.count else { throw malformed("something follows the root element") }
    return root
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func malformed(_ message: String) -> XMLElement.Malformed { XMLElement.Malformed(message: message, offset: position) }

  private func isAt(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard position + count <= bytes.count else { return false }
    return text.withUTF8Buffer { bytes[position..<position + count].elementsEqual($0) }
  }

  private mutating func skip(past end: String) throws(XMLElement.Malformed) {
    let wanted = Array(end.utf8)
    while position + wanted.count <= bytes.count {
      if bytes[position..<position + wanted.count].elementsEqual(wanted) {
        position += wanted.count
        return
      }
      position += 1
    }
    throw malformed("'\(end)' is missing")
  }

  /// Blanks, declarations and comments around the root.
  private mutating func skipMisc() throws(XMLElement.Malformed) {
    while let byte = peek {
      if byte <= 0x20 { position += 1 } else if isAt("<?") { try skip(past: "?>") } else if isAt("<!--") {
        try skip(past: "-->")
      } else if isAt("<!") {
        throw malformed("a document type is not accepted")
      } else {
        return
      }
    }
  }

  private mutating func element(depth: Int) throws(XMLElement.Malformed) -> XMLElement {
    guard depth < Self.depthLimit else { throw malformed("elements are nested too deeply") }
    position += 1
    var element = XMLElement(name: try name())
    // Attributes: only quotes matter.
    while true {
      guard let byte = peek else { throw malformed("a tag does not end") }
      position += 1
      if byte == UInt8(ascii: ">") { break }
      if byte == UInt8(ascii: "/"), peek == UInt8(ascii: ">") {
        position += 1
        return element
      }
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { try skip(past: String(UnicodeScalar(byte))) }
    }
    var text: [UInt8] = []
    while true {
      guard let byte = peek else { throw malformed("element '\(element.name)' does not end") }
      if byte != UInt8(ascii: "<") {
        if byte == UInt8(ascii: "&") { text += try reference() } else {
          text.append(byte)
          position += 1
        }
      } else if isAt("</") {
        position += 2
        let closing = try name()
        guard closing == element.name else { throw malformed("'\(closing)' closes '\(element.name)'") }
        try skip(past: ">")
        element.text = String(decoding: text, as: UTF8.self)
        return element
      } else if isAt("<!--") {
        try skip(past: "-->")
      } else if isAt("<![CDATA[") {
        position += 9
        let start = position
        try skip(past: "]]>")
        text += bytes[start..<position - 3]
      } else if isAt("<?") {
        try skip(past: "?>")
      } else {
        element.children.append(try self.element(depth: depth + 1))
      }
    }
  }

  /// A name without its namespace prefix.
  private mutating func name() throws(XMLElement.Malformed) -> String {
    let start = position
    while let byte = peek, byte > 0x20, byte != UInt8(ascii: ">"), byte != UInt8(ascii: "/"), byte != UInt8(ascii: "=") { position += 1 }
    guard position > start else { throw malformed("a name was expected") }
    let whole = bytes[start..<position]
    return String(decoding: whole.lastIndex(of: UInt8(ascii: ":")).map { whole[($0 + 1)...] } ?? whole, as: UTF8.self)
  }

  private mutating func reference() throws(XMLElement.Malformed) -> [UInt8] {
    guard let end = bytes[position...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else { throw malformed("'&' begins no reference") }
    let name = String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
    let character: UnicodeScalar?
    switch name {
    case "amp": character = "&"
    case "lt": character = "<"
    case "gt": character = ">"
    case "quot": character = "\""
    case "apos": character = "'"
    default:
      let number = name.hasPrefix("#x") ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
      character = number.flatMap(UnicodeScalar.init)
    }
    guard let character else { throw malformed("unknown reference '&\(name);'") }
    position = end + 1
    return Array(String(character).utf8)
  }
}

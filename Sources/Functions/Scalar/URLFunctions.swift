import Columnar

extension FunctionLibrary {
  static let url: [ScalarDefinition] = [
    part("url_extract_protocol", "The scheme of a URL.") { $0.scheme },
    part("url_extract_host", "The host of a URL.") { $0.host },
    part("url_extract_path", "The path of a URL, decoded.") { URLText.decoded($0.path, plusIsBlank: false) },
    part("url_extract_query", "The query of a URL, decoded.") { URLText.decoded($0.query, plusIsBlank: false) },
    part("url_extract_fragment", "The fragment of a URL, decoded.") { URLText.decoded($0.fragment, plusIsBlank: false) },
    optionalUnary("url_extract_port", "The port of a URL; NULL without one.") { (text: Text) throws(KernelError) -> Int64? in
      URLText(text.string)?.port
    },
    textBinary("url_extract_parameter", "The first value of a parameter of a URL's query; NULL without one.", returns: .argument(0)) {
      (text: Text, name: Text, out: inout TextColumnBuilder) throws(KernelError) in
      guard let url = URLText(text.string), !url.query.isEmpty else { return out.setNull() }
      for pair in url.query.split(separator: "&", omittingEmptySubsequences: false) {
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard URLText.decoded(String(parts[0]), plusIsBlank: false) == name.string else { continue }
        if parts.count > 1 { out.bytes.append(text: URLText.decoded(String(parts[1]), plusIsBlank: false)) }
        return
      }
      out.setNull()
    },
    textUnary("url_encode", "A text with everything escaped that URLs do not take.") {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      for byte in text.bytes {
        let letter = byte | 0x20
        switch byte {
        case UInt8(ascii: " "): out.bytes.append(UInt8(ascii: "+"))
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "*"), 0x30...0x39: out.bytes.append(byte)
        case _ where letter >= 0x61 && letter <= 0x7A: out.bytes.append(byte)
        default:
          out.bytes.append(UInt8(ascii: "%"))
          out.bytes.append(hex: byte, isUpper: true)
        }
      }
    },
    textUnary("url_decode", "The text of a URL-encoded one.", returns: .argument(0)) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      guard let decoded = URLText.bytes(text.bytes, plusIsBlank: true) else {
        throw .invalidArgument("URLDecoder: Illegal hex characters in escape (%) pattern: \(text.string)")
      }
      out.bytes.append(text: String(decoding: decoded, as: UTF8.self))
    },
  ]

  /// A part that is empty where the URL has none, and NULL where the text is no URL.
  private static func part(
    _ name: String, _ description: String, _ body: @escaping @Sendable (URLText) -> String
  ) -> ScalarDefinition {
    textUnary(name, description, returns: .argument(0)) { (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      guard let url = URLText(text.string) else { return out.setNull() }
      out.bytes.append(text: body(url))
    }
  }
}

/// A URL taken apart.
/// - Source: RFC 3986, appendix B; characters that it does not allow make the text no URL, as in java.net.URI.
struct URLText {
  private(set) var scheme = ""
  private(set) var host = ""
  private(set) var port: Int64?
  private(set) var path = ""
  private(set) var query = ""
  private(set) var fragment = ""

  init?(_ text: String) {
    let isAllowed = text.unicodeScalars.allSatisfy { scalar in
      scalar.value > 0x20 && scalar.value != 0x7F && !"\"<>\\^`{|}".unicodeScalars.contains(scalar)
    }
    guard isAllowed, Self.hasValidEscapes(text) else { return nil }
    var rest = text[...]
    if let hash = rest.firstIndex(of: "#") {
      fragment = String(rest[rest.index(after: hash)...])
      rest = rest[..<hash]
    }
    if let mark = rest.firstIndex(of: "?") {
      query = String(rest[rest.index(after: mark)...])
      rest = rest[..<mark]
    }
    if let colon = rest.firstIndex(of: ":"), !rest[..<colon].contains("/") {
      let name = rest[..<colon]
      guard let first = name.first, first.isASCII, first.isLetter,
        name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) })
      else { return nil }
      scheme = String(name)
      rest = rest[rest.index(after: colon)...]
    }
    guard rest.hasPrefix("//") else {
      path = String(rest)
      return
    }
    rest = rest.dropFirst(2)
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    path = String(rest[slash...])
    var authority = rest[..<slash]
    if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
    if let colon = authority.lastIndex(of: ":"), authority[authority.index(after: colon)...].allSatisfy({ $0.isASCII && $0.isNumber }) {
      port = Int64(authority[authority.index(after: colon)...])
      authority = authority[..<colon]
    }
    host = String(authority)
  }

  private static func hasValidEscapes(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "%") {
      guard index + 2 < bytes.count, IdentifierParser.hexDigit(bytes[index + 1]) != nil,
        IdentifierParser.hexDigit(bytes[index + 2]) != nil
      else { return false }
    }
    return true
  }

  static func decoded(_ text: String, plusIsBlank: Bool) -> String {
    var text = text
    return text.withUTF8 { bytes in
      guard let plain = URLText.bytes(UnsafeRawBufferPointer(bytes), plusIsBlank: plusIsBlank) else { return "" }
      return String(decoding: plain, as: UTF8.self)
    }
  }

  /// Nil for a broken escape.
  static func bytes(_ text: UnsafeRawBufferPointer, plusIsBlank: Bool) -> [UInt8]? {
    var plain: [UInt8] = []
    plain.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      switch text[index] {
      case UInt8(ascii: "+") where plusIsBlank: plain.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard index + 2 < text.count, let high = IdentifierParser.hexDigit(text[index + 1]),
          let low = IdentifierParser.hexDigit(text[index + 2])
        else { return nil }
        plain.append(high << 4 | low)
        index += 2
      default: plain.append(text[index])
      }
      index += 1
    }
    return plain
  }
}

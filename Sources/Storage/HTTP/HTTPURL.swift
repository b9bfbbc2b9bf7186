/// A URL cut into what signing looks at.
///
///     https://host:8443/a%20b/c?list-type=2&prefix=x
///     scheme  authority path    query (names and values without escapes)
package struct HTTPURL: Hashable, Sendable {
  /// `http` or `https`.
  package var scheme: String
  /// Host and, where it is not the scheme's own, port. Goes into the `Host` header.
  package var authority: String
  /// As it is sent: percent-encoded, beginning with a slash, nothing normalised.
  package var path: String
  package var query: [QueryItem]

  package struct QueryItem: Hashable, Sendable {
    package var name: String
    package var value: String
    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package init(scheme: String, authority: String, path: String = "/", query: [QueryItem] = []) {
    self.scheme = scheme
    self.authority = authority
    self.path = path
    self.query = query
  }

  /// Understands `http(s)://host[:port][/path][?query]`. A user name in front of the host is refused: it would be sent nowhere.
  package init?(_ text: String) {
    guard let separator = text.firstRange(of: "://") else { return nil }
    scheme = String(text[..<separator.lowerBound]).asciiLowercased
    guard scheme == "http" || scheme == "https" else { return nil }
    var rest = text[separator.upperBound...]
    if let fragment = rest.firstIndex(of: "#") { rest = rest[..<fragment] }
    query = []
    if let mark = rest.firstIndex(of: "?") {
      for item in rest[rest.index(after: mark)...].split(separator: "&") {
        let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        query.append(
          QueryItem(
            PercentEncoding.decoded(String(parts[0]), plusIsSpace: true),
            parts.count > 1 ? PercentEncoding.decoded(String(parts[1]), plusIsSpace: true) : ""))
      }
      rest = rest[..<mark]
    }
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    authority = String(rest[..<slash])
    path = slash == rest.endIndex ? "/" : String(rest[slash...])
    let isPlain = !authority.isEmpty && authority.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "\\") }
    guard isPlain, !host.isEmpty, path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
    let defaultPort = scheme == "https" ? ":443" : ":80"
    if authority.hasSuffix(defaultPort) { authority.removeLast(defaultPort.count) }
  }

  /// The authority without its port, in small letters; an IPv6 address keeps its brackets.
  package var host: String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") { return String(authority[...end]).asciiLowercased }
    return String(authority.prefix { $0 != ":" }).asciiLowercased
  }

  /// Query names and values encoded and sorted as SigV4 wants them; they are sent in the same form.
  package var canonicalQuery: String {
    let pairs = query.map { (PercentEncoding.encoded($0.name), PercentEncoding.encoded($0.value)) }
    let sorted = pairs.sorted { one, other in
      one.0 == other.0 ? one.1.precedesInByteOrder(other.1) : one.0.precedesInByteOrder(other.0)
    }
    return sorted.map { $0.0 + "=" + $0.1 }.joined(separator: "&")
  }

  package var text: String {
    scheme + "://" + authority + path + (query.isEmpty ? "" : "?" + canonicalQuery)
  }

  /// Whether the host is this machine.
  package var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }

  /// Whether the host is an address rather than a name, so that nothing can be put in front of it.
  package var isAddress: Bool {
    host.hasPrefix("[") || host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) }
  }
}

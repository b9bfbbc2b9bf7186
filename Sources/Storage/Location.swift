/// Where bytes are: a URI (`s3://bucket/key`, `hdfs://host:1/x`, `file:/x`) or a path of the local file system.
///
/// The text is kept exactly as it was written, because table metadata compares and repeats such strings verbatim: nothing is
/// percent-decoded, no `//` is collapsed, no scheme is rewritten. Only `canonicalText` levels the spellings of one place.
///
/// ```
/// s3://bucket/warehouse/t/data/a.parquet
/// scheme authority  path (without its first slash)
/// ```
package struct Location: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  package init(_ text: String) { self.text = text }

  package var description: String { text }

  /// Lower-case scheme, or nil for a plain path.
  package var scheme: String? { Parts(text).scheme.map { String($0).asciiLowercased } }

  /// The bucket, or host and port; empty for `file:/x` and plain paths.
  package var authority: String { String(Parts(text).authority) }

  /// What follows scheme and authority, without the slash between; for a plain path the whole text.
  package var path: String { String(Parts(text).path) }

  package var isLocal: Bool { localPath != nil }

  /// The path to hand to the operating system, when this is a local file.
  package var localPath: String? {
    let parts = Parts(text)
    guard let scheme = parts.scheme else { return text }
    guard String(scheme).asciiLowercased == "file" else { return nil }
    return "/" + parts.path
  }

  /// The last path component; empty for a bucket, and for a text that ends in a slash.
  package var name: String {
    let path = Parts(text).path
    guard let slash = path.lastIndex(of: "/") else { return String(path) }
    return String(path[path.index(after: slash)...])
  }

  /// The folder this lies in, without a slash at the end; nil for a bucket, a root and an empty path.
  package var parent: Location? {
    let parts = Parts(text)
    var path = parts.path
    while path.last == "/" { path = path.dropLast() }
    guard !path.isEmpty else { return nil }
    guard let slash = path.lastIndex(of: "/") else {
      if parts.scheme == nil { return Location(".") }
      return Location(String(text[..<parts.path.startIndex]))
    }
    let folder = text[..<slash]
    return Location(folder.isEmpty ? "/" : String(folder))
  }

  /// `component` below this folder, with exactly one slash between.
  package func appending(_ component: String) -> Location {
    var base = text
    if base.isEmpty { return Location(component) }
    if base.utf8.last != UInt8(ascii: "/") { base += "/" }
    return Location(base + component.drop { $0 == "/" })
  }

  /// The text with a slash at its end: as a prefix it then stops at a path segment.
  package var folderText: String { text.utf8.last == UInt8(ascii: "/") ? text : text + "/" }

  /// The part below `folder`, or nil when this lies elsewhere. Different spellings of the scheme count as equal.
  package func relativePath(below folder: Location) -> String? {
    let whole = canonicalText
    let base = Location(folder.folderText).canonicalText
    guard whole.utf8.starts(with: base.utf8), whole.utf8.count > base.utf8.count else { return nil }
    return String(whole[whole.utf8.index(whole.startIndex, offsetBy: base.utf8.count)...])
  }

  /// One spelling per place, for comparing: `s3a`/`s3n` become `s3`, `file:///x` and `file:/x` become `/x`, a leading `./` goes.
  package var canonicalText: String {
    let parts = Parts(text)
    guard let scheme = parts.scheme else {
      var rest = text[...]
      while rest.hasPrefix("./") { rest = rest.dropFirst(2).drop { $0 == "/" } }
      return String(rest)
    }
    switch String(scheme).asciiLowercased {
    case "file": return "/" + parts.path
    case "s3", "s3a", "s3n": return "s3://" + parts.authority + (parts.hasPath ? "/" + parts.path : "")
    case let other: return other + "://" + parts.authority + (parts.hasPath ? "/" + parts.path : "")
    }
  }

  /// The text cut at its borders. `scheme:/path` without authority is accepted; `c:x` and `a:b/c` are plain paths.
  private struct Parts {
    var scheme: Substring?
    var authority: Substring = ""
    var path: Substring
    var hasPath = true

    init(_ text: String) {
      path = text[...]
      guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return }
      let scheme = text[..<colon]
      guard let first = scheme.utf8.first, first.isASCIILetter, scheme.utf8.allSatisfy(\.isSchemeByte) else { return }
      var rest = text[text.index(after: colon)...]
      guard rest.first == "/" else { return }
      self.scheme = scheme
      rest = rest.dropFirst()
      if rest.first == "/" {
        rest = rest.dropFirst()
        guard let slash = rest.firstIndex(of: "/") else {
          authority = rest
          path = rest[rest.endIndex...]
          hasPath = false
          return
        }
        authority = rest[..<slash]
        rest = rest[rest.index(after: slash)...]
      }
      path = rest
    }
  }
}

extension String {
  /// ASCII letters made small; everything else is left alone (schemes and extensions are ASCII).
  package var asciiLowercased: String {
    guard utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) else { return self }
    return String(decoding: utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
  }

  /// Byte order, in which object stores sort keys; Swift's own `<` follows Unicode normalisation instead.
  package func precedesInByteOrder(_ other: String) -> Bool {
    utf8.lexicographicallyPrecedes(other.utf8)
  }
}

extension UInt8 {
  fileprivate var isASCIILetter: Bool { (self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A }
  fileprivate var isSchemeByte: Bool {
    isASCIILetter || (self >= 0x30 && self <= 0x39) || self == 0x2B || self == 0x2D || self == 0x2E
  }
}

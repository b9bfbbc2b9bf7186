/// Prefixes of locations that stand for other places, so that a table copied down from S3 works with its metadata unchanged.
///
/// `--mount s3://bucket/sales=./copy` sends `s3://bucket/sales/data/a.parquet` to `./copy/data/a.parquet`;
/// `--offline DIR` sends every `s3://bucket/key` to `DIR/bucket/key`. The longest prefix wins, and a prefix ends at the border
/// of a path segment: `s3://bucket/sale` does not catch `s3://bucket/sales`.
package struct MountTable: Sendable {
  package struct Mount: Sendable, Equatable {
    /// As the user wrote it.
    package let from: Location
    package let to: Location
    /// `from` in canonical spelling, without a slash at its end, except for `scheme://`.
    fileprivate let prefix: String
  }

  /// Longest prefix first.
  package private(set) var mounts: [Mount] = []

  package init() {}

  /// Adds a mount; one with the same prefix replaces the earlier one.
  package mutating func mount(from: Location, to: Location) {
    let prefix = Self.trimmed(from.canonicalText)
    mounts.removeAll { $0.prefix == prefix }
    mounts.append(Mount(from: from, to: to, prefix: prefix))
    mounts.sort { $0.prefix.utf8.count > $1.prefix.utf8.count }
  }

  /// Every `s3://` location is found under `folder`, bucket by bucket.
  package mutating func mountOffline(_ folder: String) {
    mount(from: Location("s3://"), to: Location(folder))
  }

  /// Adds a mount from the text of `--mount FROM=TO`, cut at the last `=` (a prefix may hold `day=1`).
  package mutating func mount(option: String) throws(StorageError) {
    guard let equals = option.lastIndex(of: "="), equals != option.startIndex,
      option.index(after: equals) != option.endIndex
    else {
      throw StorageError(.invalidLocation, Location(option), "a mount is written FROM=TO, for example s3://bucket/x=./folder")
    }
    mount(from: Location(String(option[..<equals])), to: Location(String(option[option.index(after: equals)...])))
  }

  /// Where `location` really is; nil when no mount catches it.
  ///
  /// - Throws: `invalidLocation` when the rest behind the prefix holds a `..` segment: metadata must not reach out of a mount.
  package func resolve(_ location: Location) throws(StorageError) -> Location? {
    guard !mounts.isEmpty else { return nil }
    let text = location.canonicalText
    for mount in mounts {
      guard let rest = Self.rest(of: text, behind: mount.prefix) else { continue }
      guard !rest.split(separator: "/").contains("..") else {
        throw StorageError(.invalidLocation, location, "the path leaves the mounted folder \(mount.to.text)")
      }
      if rest.isEmpty { return mount.to }
      let target = mount.to.text
      return Location(target.utf8.last == UInt8(ascii: "/") ? target + rest.drop { $0 == "/" } : target + rest)
    }
    return nil
  }

  /// What follows `prefix` in `text`, beginning with its slash; nil when `text` does not lie at or below `prefix`.
  private static func rest(of text: String, behind prefix: String) -> String? {
    guard text.utf8.starts(with: prefix.utf8) else { return nil }
    let rest = text.utf8.dropFirst(prefix.utf8.count)
    if rest.isEmpty { return "" }
    if rest.first == UInt8(ascii: "/") { return String(Substring(rest)) }
    guard prefix.utf8.last == UInt8(ascii: "/") else { return nil }
    return "/" + String(Substring(rest))
  }

  private static func trimmed(_ prefix: String) -> String {
    var text = prefix[...]
    while text.utf8.last == UInt8(ascii: "/"), !text.hasSuffix("://"), text.utf8.count > 1 { text = text.dropLast() }
    return String(text)
  }
}

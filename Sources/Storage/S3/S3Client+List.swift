/// Listing objects.
extension S3Client {
  package struct Entry: Sendable {
    package var key: String
    package var size: Int
    package var version: ObjectVersion
    package var modifiedMicroseconds: Int64
  }

  package struct Page: Sendable {
    package var entries: [Entry]
    /// For `after` of the next call; nil when this page was the last.
    package var next: String?
  }

  /// ListObjectsV2: keys that begin with `prefix`, in byte order.
  ///
  /// - Parameter after: `Page.next` of the page before.
  package func list(_ bucket: String, _ location: Location, prefix: String, after: String?, limit: Int = 1_000) async throws(StorageError) -> Page {
    var call = Call(.get, S3Object(bucket: bucket, key: ""), location)
    call.query = [
      HTTPURL.QueryItem("list-type", "2"), HTTPURL.QueryItem("prefix", prefix), HTTPURL.QueryItem("max-keys", String(limit)),
      // Keys may hold characters that XML cannot.
      HTTPURL.QueryItem("encoding-type", "url"),
    ]
    if let after {
      let isKey = after.hasPrefix(Self.keyMark)
      call.query.append(HTTPURL.QueryItem(isKey ? "start-after" : "continuation-token", isKey ? String(after.dropFirst(Self.keyMark.count)) : after))
    }
    let response = try await succeed(call).response
    let root: XMLElement
    do throws(XMLElement.Malformed) { root = try XMLElement.parse(response.body) } catch {
      throw StorageError(.io, location, "the listing cannot be understood: \(error)", isRetryable: true)
    }
    guard root.name == "ListBucketResult" else { throw StorageError(.io, location, "the server answered with '\(root.name)' instead of a listing") }
    let isEncoded = root.text(of: "EncodingType") == "url"
    var entries: [Entry] = []
    for item in root.all("Contents") {
      guard let key = item.text(of: "Key"), let size = item.text(of: "Size").flatMap({ Int($0) }), size >= 0 else {
        throw StorageError(.io, location, "the listing holds an object without key or size")
      }
      let moment = item.text(of: "LastModified").flatMap { UTCTime.parse(iso: $0) }
      entries.append(
        Entry(
          key: isEncoded ? PercentEncoding.decoded(key, plusIsSpace: true) : key, size: size, version: Self.listedVersion(item.text(of: "ETag") ?? ""),
          modifiedMicroseconds: moment.map { $0.seconds * 1_000_000 + $0.microseconds } ?? 0))
    }
    guard root.text(of: "IsTruncated") == "true" else { return Page(entries: entries) }
    if let token = root.text(of: "NextContinuationToken"), !token.isEmpty {
      guard token != after else { throw StorageError(.io, location, "the listing gives the same page for ever") }
      return Page(entries: entries, next: token)
    }
    guard let last = entries.last else { throw StorageError(.io, location, "the listing says that it goes on, and not where") }
    return Page(entries: entries, next: Self.keyMark + last.key)
  }

  /// Continuation tokens are text of the server's; this begins none of them.
  private static let keyMark = "\u{0}key:"

  /// Some servers leave out the quotes that the tag has in headers.
  private static func listedVersion(_ tag: String) -> ObjectVersion {
    ObjectVersion(tag.isEmpty || tag.hasSuffix("\"") ? tag : "\"\(tag)\"")
  }
}

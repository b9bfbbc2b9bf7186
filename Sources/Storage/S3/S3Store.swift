/// Objects in S3, or in a server that speaks its protocol.
///
/// Conditions on writes are the server's own (`If-None-Match`, `If-Match`); S3 itself, MinIO and Ceph keep them. A server that ignores
/// them, as some emulators do, cannot be told from one that keeps them.
package final class S3Store: ObjectStore {
  package let client: S3Client
  let readAhead: ReadAheadBudget

  package init(client: S3Client) {
    self.client = client
    readAhead = ReadAheadBudget(byteLimit: client.options.readAheadBudget)
  }

  package func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice {
    let object = try Self.object(location)
    guard let range else {
      let bytes = try await client.get(object, location).bytes
      StorageTraffic.current?.note(bytesUsed: bytes.count)
      return bytes
    }
    guard !range.isEmpty else {
      let size = try await client.head(object, location).size
      guard range.upperBound <= size else { throw Self.beyond(location, range, size) }
      return .empty
    }
    let content = try await client.get(object, location, range: range)
    guard content.bytes.count == range.count else { throw Self.beyond(location, range, content.objectSize) }
    StorageTraffic.current?.note(bytesUsed: content.bytes.count)
    return content.bytes
  }

  package func server(of location: Location) -> String? { client.options.server }

  package func info(_ location: Location) async throws(StorageError) -> ObjectInfo {
    let head = try await client.head(try Self.object(location), location)
    return ObjectInfo(location: location, size: head.size, version: head.version, modifiedMicroseconds: head.modifiedMicroseconds)
  }

  package func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError) -> ObjectVersion {
    try await client.put(try Self.object(location), location, bytes, if: condition)
  }

  package func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage {
    let object = try S3Object(prefix)
    let folder = object.key.isEmpty || object.key.hasSuffix("/") ? object.key : object.key + "/"
    var page = try await client.list(object.bucket, prefix, prefix: folder, after: after)
    if after == nil, page.entries.isEmpty, page.next == nil, !object.key.isEmpty, !object.key.hasSuffix("/") {
      // No such folder, but perhaps an object: it sorts before all others that begin like it.
      page = try await client.list(object.bucket, prefix, prefix: object.key, after: nil, limit: 1)
      page.entries.removeAll { $0.key != object.key }
      page.next = nil
    }
    // Consoles make empty objects with a slash at the end to show a folder.
    let objects = page.entries.filter { !($0.key.hasSuffix("/") && $0.size == 0) }.map { entry in
      ObjectInfo(
        location: Self.location(of: entry.key, below: folder, prefix), size: entry.size, version: entry.version,
        modifiedMicroseconds: entry.modifiedMicroseconds)
    }
    return ListPage(objects: objects, next: page.next)
  }

  package func delete(_ locations: [Location]) async throws(StorageError) {
    var objects: [(object: S3Object, location: Location)] = []
    for location in locations { objects.append((try Self.object(location), location)) }
    try await client.delete(objects)
  }

  package func deleteFolder(_ folder: Location) async throws(StorageError) {
    let object = try S3Object(folder)
    let prefix = object.key.isEmpty || object.key.hasSuffix("/") ? object.key : object.key + "/"
    guard !prefix.isEmpty else { throw StorageError(.invalidLocation, folder, "a whole bucket is not deleted") }
    var after: String?
    repeat {
      let page = try await client.list(object.bucket, folder, prefix: prefix, after: after)
      try await client.delete(page.entries.map { (S3Object(bucket: object.bucket, key: $0.key), folder) })
      after = page.next
    } while after != nil
  }

  package func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader {
    try S3Reader(client, try Self.object(location), location, size: size, budget: readAhead)
  }

  package func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError)
    -> any ObjectWriter
  {
    S3Writer(client, try Self.object(location), location, condition)
  }

  private static func object(_ location: Location) throws(StorageError) -> S3Object {
    let object = try S3Object(location)
    guard !object.key.isEmpty else { throw StorageError(.invalidLocation, location, "this is a bucket, not an object") }
    return object
  }

  /// Spelled like the question, which keeps `s3a://` and the like.
  private static func location(of key: String, below folder: String, _ prefix: Location) -> Location {
    guard key.utf8.count > folder.utf8.count || folder.isEmpty else { return prefix }
    return Location(prefix.folderText + String(decoding: key.utf8.dropFirst(folder.utf8.count), as: UTF8.self))
  }

  private static func beyond(_ location: Location, _ range: Range<Int>, _ size: Int) -> StorageError {
    StorageError(.corrupt, location, "bytes \(range.lowerBound)..<\(range.upperBound) were asked for, but the object has \(size) bytes")
  }
}

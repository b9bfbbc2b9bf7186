import Digests
import Synchronization

/// The operations of S3, one function each. Follows a bucket to its region, falls back to fewer checksums where a server refuses them, and
/// turns refusals into `StorageError`s that name the object, the request and what to do.
///
/// - Source: Amazon S3 API reference, 2006-03-01.
package final class S3Client: Sendable {
  package let options: S3Options
  let sender: AWSRequestSender
  /// What was learnt about buckets.
  private let learnt = Mutex(Learnt())

  private struct Learnt {
    var regions: [String: String] = [:]
    var withoutChecksums: Set<String> = []
    var withoutBatchDelete = false
  }

  /// - Parameter remoteSigner: signs in place of `credentials`.
  package init(
    options: S3Options, http: HTTPClient, credentials: (any AWSCredentialProvider)?, remoteSigner: (any RemoteSigner)? = nil, clock: AWSClock,
    retry: RetryPolicy? = nil
  ) {
    self.options = options
    var sender = AWSRequestSender(
      http: http, credentials: options.isAnonymous ? nil : credentials, retry: retry ?? RetryPolicy(attempts: options.attempts), clock: clock)
    sender.remoteSigner = remoteSigner
    self.sender = sender
  }

  package var http: HTTPClient { sender.http }

  // MARK: Sending

  func forgoChecksums(_ bucket: String) { _ = learnt.withLock { $0.withoutChecksums.insert(bucket) } }

  /// What an operation asks; the URL is made when the region is known.
  struct Call {
    var method: HTTPRequest.Method
    var object: S3Object
    /// For messages: the location as the caller wrote it.
    var location: Location
    var query: [HTTPURL.QueryItem] = []
    var headers = HTTPHeaders()
    var body: ByteSlice?
    /// Whether headers with the body's checksum go along.
    var sendsChecksum = false
    /// A checksum that the operation cannot do without.
    var requiredChecksum: (name: String, value: String)?
    var isRepeatable = true
    var bodyMayHoldError = false
    var bodyLimit = Int.max

    init(_ method: HTTPRequest.Method, _ object: S3Object, _ location: Location) {
      self.method = method
      self.object = object
      self.location = location
    }
  }

  /// The reply to a call, refusals included.
  func send(_ call: Call) async throws(StorageError) -> AWSRequestSender.Reply {
    let bucket = call.object.bucket
    var hasMoved = false
    while true {
      let (region, refusesChecksums) = learnt.withLock { ($0.regions[bucket] ?? options.region, $0.withoutChecksums.contains(bucket)) }
      let sendsChecksum = call.sendsChecksum && options.requestChecksums == .whenSupported && !refusesChecksums
      let (request, payload) = request(call, region: region, sendsChecksum: sendsChecksum)
      StorageTraffic.current?.note(requests: 1)
      let reply: AWSRequestSender.Reply
      do throws(AWSCallError) {
        reply = try await sender.send(
          request, signer: SigV4Signer(service: "s3", region: region), payload: payload, isRepeatable: call.isRepeatable,
          bodyMayHoldError: call.bodyMayHoldError)
      } catch {
        throw S3Failure.storageError(error, call)
      }
      guard let error = reply.error else { return reply }
      if !hasMoved, let home = Self.otherRegion(error, reply.response, than: region) {
        hasMoved = true
        learnt.withLock { $0.regions[bucket] = home }
        continue
      }
      if sendsChecksum, S3Failure.isAboutChecksums(error) {
        forgoChecksums(bucket)
        continue
      }
      return reply
    }
  }

  /// The reply to a call that succeeded.
  func succeed(_ call: Call) async throws(StorageError) -> AWSRequestSender.Reply {
    let reply = try await send(call)
    if let error = reply.error { throw S3Failure.storageError(error, call) }
    return reply
  }

  private func request(_ call: Call, region: String, sendsChecksum: Bool) -> (HTTPRequest, SigV4Signer.Payload) {
    var url = options.url(bucket: call.object.bucket, key: call.object.key, region: region)
    url.query = call.query
    var request = HTTPRequest(call.method, url, headers: call.headers, body: call.body)
    request.limits = options.limits
    request.limits.bodySize = call.bodyLimit
    if options.paysForRequests { request.headers["x-amz-request-payer"] = "requester" }
    if let required = call.requiredChecksum { request.headers[required.name] = required.value }
    if sendsChecksum, let body = call.body {
      request.headers["x-amz-sdk-checksum-algorithm"] = "CRC32"
      request.headers["x-amz-checksum-crc32"] = S3Checksum.crc32(body)
    }
    // TLS and the checksum protect a body as well as its hash would, at a fraction of the time.
    let isProtected = url.scheme == "https" && (sendsChecksum || call.requiredChecksum != nil)
    return (request, isProtected && call.body != nil ? .unsigned : .hashing(call.body))
  }

  /// The region a bucket lives in, when a reply says that it is another one.
  ///
  /// - Source: S3 user guide, "Making requests using the REST API: redirects"; botocore, utils.py, S3RegionRedirectorv2.
  private static func otherRegion(_ error: AWSErrorReply, _ response: HTTPResponse, than region: String) -> String? {
    let speaksOfRegion =
      [301, 307].contains(error.status)
      || ["AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "TemporaryRedirect"].contains(error.code)
      || ([400, 403].contains(error.status) && error.code.isEmpty)
    guard speaksOfRegion, let home = error.region, home != region, !home.isEmpty, home.utf8.count < 40,
      home.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) })
    else { return nil }
    return home
  }

  // MARK: Objects

  package struct Head: Sendable {
    package var size: Int
    package var version: ObjectVersion
    package var modifiedMicroseconds: Int64
    package var headers: HTTPHeaders
  }

  /// HeadObject.
  package func head(_ object: S3Object, _ location: Location) async throws(StorageError) -> Head {
    let reply = try await succeed(Call(.head, object, location))
    return try Self.head(reply.response.headers, location)
  }

  /// nil when there is no such object.
  package func headIfThere(_ object: S3Object, _ location: Location) async throws(StorageError) -> Head? {
    do throws(StorageError) { return try await head(object, location) } catch where error.kind == .notFound { return nil }
  }

  static func head(_ headers: HTTPHeaders, _ location: Location) throws(StorageError) -> Head {
    guard let size = headers["Content-Length"].flatMap(Int.init), size >= 0 else {
      throw StorageError(.io, location, "the server does not say how large the object is")
    }
    return Head(
      size: size, version: ObjectVersion(headers["ETag"] ?? ""),
      modifiedMicroseconds: (headers["Last-Modified"].flatMap { UTCTime.parse(http: $0) } ?? 0) * 1_000_000, headers: headers)
  }

  package struct Content: Sendable {
    package var bytes: ByteSlice
    /// Bytes of the whole object.
    package var objectSize: Int
    package var version: ObjectVersion
  }

  /// GetObject, whole.
  package func get(_ object: S3Object, _ location: Location) async throws(StorageError) -> Content {
    var call = Call(.get, object, location)
    let checks = options.responseChecksums == .whenSupported
    if checks { call.headers["x-amz-checksum-mode"] = "ENABLED" }
    // A body that does not match its checksum is fetched once more: it may have been damaged on the way.
    for attempt in 0..<2 {
      let response = try await succeed(call).response
      StorageTraffic.current?.note(bytesAsked: response.body.count)
      if checks, S3Checksum.isRight(response.headers, response.body) == false {
        if attempt == 0 { continue }
        throw StorageError(.corrupt, location, "the bytes do not match the checksum that the server states")
      }
      return Content(bytes: response.body, objectSize: response.body.count, version: ObjectVersion(response.headers["ETag"] ?? ""))
    }
    throw StorageError(.corrupt, location, "the object cannot be read")
  }

  /// GetObject, the bytes `range`, which may reach beyond the end; fewer come back then.
  ///
  /// - Parameter version: the state of the object to read, so that ranges of two states are never mixed.
  package func get(_ object: S3Object, _ location: Location, range: Range<Int>, version: ObjectVersion? = nil) async throws(StorageError)
    -> Content
  {
    try await getRange(object, location, "bytes=\(range.lowerBound)-\(range.upperBound - 1)", limit: range.count, version)
  }

  /// GetObject, the last bytes; tells the size of the whole at the same time.
  package func get(_ object: S3Object, _ location: Location, last count: Int) async throws(StorageError) -> Content {
    try await getRange(object, location, "bytes=-\(count)", limit: count, nil)
  }

  private func getRange(_ object: S3Object, _ location: Location, _ range: String, limit: Int, _ version: ObjectVersion?)
    async throws(StorageError) -> Content
  {
    var call = Call(.get, object, location)
    call.headers["Range"] = range
    if let version, !version.text.isEmpty { call.headers["If-Match"] = version.text }
    // A server that does not know ranges sends the whole object.
    call.bodyLimit = max(limit, 1 << 30)
    let reply = try await send(call)
    if let error = reply.error {
      if error.status == 416 {
        // Nothing lies there: an empty object, or a range behind the end.
        if let size = Self.sizeOfWhole(reply.response.headers) { return Content(bytes: .empty, objectSize: size, version: ObjectVersion(reply.response.headers["ETag"] ?? "")) }
        let head = try await head(object, location)
        return Content(bytes: .empty, objectSize: head.size, version: head.version)
      }
      if error.status == 412, version != nil {
        throw StorageError(.corrupt, location, "the object was replaced while it was read")
      }
      throw S3Failure.storageError(error, call)
    }
    let response = reply.response
    StorageTraffic.current?.note(bytesAsked: response.body.count)
    let found = ObjectVersion(response.headers["ETag"] ?? "")
    // Some servers say 200 to a range and still send only that.
    if response.status == 206 || response.headers["Content-Range"] != nil {
      guard let size = Self.sizeOfWhole(response.headers) else {
        throw StorageError(.io, location, "the server answered with a range and does not say of what")
      }
      guard response.body.count <= limit else { throw StorageError(.io, location, "the server sent more than the range that was asked for") }
      guard Self.isAnswer(response, to: range, of: size) else {
        throw StorageError(
          .io, location, "the server sent \(response.headers["Content-Range"] ?? "bytes") for \(range), with \(response.body.count) bytes", isRetryable: true)
      }
      return Content(bytes: response.body, objectSize: size, version: found)
    }
    let whole = response.body
    let bounds = range.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    let start = bounds[0] ?? max(0, whole.count - limit)
    let end = min(whole.count, start + limit)
    return Content(bytes: whole.slice(min(start, end)..<end) ?? .empty, objectSize: whole.count, version: found)
  }

  /// Whether a body is the part that was asked for, `bytes=first-last` or `bytes=-count`, as `Content-Range: bytes first-last/size` says.
  private static func isAnswer(_ response: HTTPResponse, to range: String, of size: Int) -> Bool {
    let stated = (response.headers["Content-Range"] ?? "").prefix { $0 != "/" }.drop { $0 != " " }.dropFirst().split(separator: "-").map { Int($0) }
    guard stated.count == 2, let first = stated[0], let last = stated[1], first <= last, last - first == response.body.count - 1 else { return false }
    let asked = range.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
    if let start = asked[0] { return first == start }
    return last == size - 1
  }

  /// The size behind the slash of `Content-Range: bytes 0-9/100`.
  private static func sizeOfWhole(_ headers: HTTPHeaders) -> Int? {
    headers["Content-Range"].flatMap { $0.split(separator: "/").last }.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
  }

  /// Headers for whatever makes an object.
  func storageHeaders() -> HTTPHeaders {
    var headers = HTTPHeaders()
    switch options.encryption {
    case .bucketDefault: break
    case .s3: headers["x-amz-server-side-encryption"] = "AES256"
    case .kms(let key):
      headers["x-amz-server-side-encryption"] = "aws:kms"
      headers["x-amz-server-side-encryption-aws-kms-key-id"] = key
    }
    return headers
  }

  /// CopyObject, up to 5 GiB.
  package func copy(_ source: S3Object, to target: S3Object, _ location: Location) async throws(StorageError) -> ObjectVersion {
    var call = Call(.put, target, location)
    call.headers = storageHeaders()
    call.headers["x-amz-copy-source"] = "/" + source.bucket + "/" + PercentEncoding.encoded(source.key, keepsSlash: true)
    call.body = .empty
    call.bodyMayHoldError = true
    let response = try await succeed(call).response
    return ObjectVersion((try? XMLElement.parse(response.body))?.text(of: "ETag") ?? "")
  }

  // MARK: Deleting

  /// DeleteObjects, a thousand at a time; one by one where a server has no such operation.
  package func delete(_ objects: [(object: S3Object, location: Location)]) async throws(StorageError) {
    var rest = objects[...]
    while let first = rest.first {
      let group = rest.prefix(1_000).prefix { $0.object.bucket == first.object.bucket }
      rest = rest.dropFirst(group.count)
      if group.count == 1 || learnt.withLock({ $0.withoutBatchDelete }) {
        for item in group { try await delete(item.object, item.location) }
      } else {
        try await deleteBatch(Array(group))
      }
    }
  }

  package func delete(_ object: S3Object, _ location: Location) async throws(StorageError) {
    let call = Call(.delete, object, location)
    let reply = try await send(call)
    if let error = reply.error, error.code != "NoSuchKey", error.status != 404 || error.code == "NoSuchBucket" {
      throw S3Failure.storageError(error, call)
    }
  }

  private func deleteBatch(_ group: [(object: S3Object, location: Location)]) async throws(StorageError) {
    guard let first = group.first else { return }
    let keys = group.map { "<Object><Key>" + XMLElement.escaped($0.object.key) + "</Key></Object>" }.joined()
    let body = ByteSlice(utf8: "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>" + keys + "</Delete>")
    var call = Call(.post, S3Object(bucket: first.object.bucket, key: ""), first.location)
    call.query = [HTTPURL.QueryItem("delete", "")]
    call.body = body
    call.headers["Content-Type"] = "application/xml"
    call.requiredChecksum = ("Content-MD5", S3Checksum.base64(body.withBytes { MessageDigest.md5.hash($0) }))
    call.bodyMayHoldError = true
    let reply = try await send(call)
    if let error = reply.error {
      if error.status == 405 || error.status == 501 || error.code == "NotImplemented" {
        learnt.withLock { $0.withoutBatchDelete = true }
        for item in group { try await delete(item.object, item.location) }
        return
      }
      throw S3Failure.storageError(error, call)
    }
    // Quiet servers say nothing at all.
    if reply.response.body.isEmpty { return }
    let root: XMLElement
    do throws(XMLElement.Malformed) { root = try XMLElement.parse(reply.response.body) } catch {
      throw StorageError(.outcomeUnknown, first.location, "the answer to a deletion cannot be understood: \(error)", isRetryable: true)
    }
    let failures = root.all("Error").filter { $0.text(of: "Code") != "NoSuchKey" }
    guard let failure = failures.first else { return }
    let code = failure.text(of: "Code") ?? "unknown error"
    // Throttled keys are tried one by one, with the retries of a request each.
    if failures.allSatisfy({ ["SlowDown", "InternalError", "ServiceUnavailable"].contains($0.text(of: "Code") ?? "") }) {
      let again = Set(failures.compactMap { $0.text(of: "Key") })
      for item in group where again.contains(item.object.key) { try await delete(item.object, item.location) }
      return
    }
    let location = group.first { $0.object.key == failure.text(of: "Key") }?.location ?? first.location
    throw StorageError(
      code == "AccessDenied" ? .permission : .io, location,
      "cannot be deleted: \(code) \(failure.text(of: "Message") ?? "")\(failures.count > 1 ? " (and \(failures.count - 1) more)" : "")")
  }
}

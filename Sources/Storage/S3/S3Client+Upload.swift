/// Writing: objects at once and in parts, and finding out what became of a write whose answer was lost.
extension S3Client {
  /// A name for this write that no other has, kept with the object: tells our own write from another's when an answer was lost.
  static let writeIDHeader = "x-amz-meta-frazil-write"

  static func makeWriteID() -> String {
    String(UInt64.random(in: .min ... .max), radix: 16) + String(UInt64.random(in: .min ... .max), radix: 16)
  }

  /// PutObject.
  ///
  /// - Throws: `alreadyExists` or `conditionFailed` when the condition does not hold; `outcomeUnknown` when answers were lost and the object
  ///   does not say whose it is.
  package func put(_ object: S3Object, _ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError)
    -> ObjectVersion
  {
    let id = Self.makeWriteID()
    var call = Call(.put, object, location)
    call.headers = storageHeaders()
    call.headers[Self.writeIDHeader] = id
    call.headers["Content-Type"] = "application/octet-stream"
    call.body = bytes
    call.sendsChecksum = true
    condition.add(to: &call.headers)
    let reply: AWSRequestSender.Reply
    do throws(StorageError) { reply = try await send(call) } catch {
      guard error.kind == .outcomeUnknown, let found = try await written(object, location, id: id) else { throw error }
      return found
    }
    guard let error = reply.error else {
      if let version = reply.response.headers["ETag"] { return ObjectVersion(version) }
      return try await head(object, location).version
    }
    let failure = condition.failure(error, call)
    // A condition that failed after a lost answer may have been broken by ourselves.
    if reply.followsLostAnswer || failure.kind == .outcomeUnknown {
      if let found = try await written(object, location, id: id) { return found }
      if failure.kind == .io { return try await lost(failure) }
    }
    throw failure
  }

  private func lost(_ failure: StorageError) async throws(StorageError) -> ObjectVersion {
    throw StorageError(.outcomeUnknown, failure.location, failure.message + "; an earlier attempt may have been carried out", isRetryable: true)
  }

  /// The state of an object if it is the one that write `id` made.
  private func written(_ object: S3Object, _ location: Location, id: String) async throws(StorageError) -> ObjectVersion? {
    // Without an answer here too, the first failure says more than this one.
    guard let head = try? await headIfThere(object, location), head.headers[Self.writeIDHeader] == id else { return nil }
    return head.version
  }

  // MARK: In parts

  struct Part: Sendable {
    var number: Int
    var tag: String
    var checksum: String?
  }

  /// CreateMultipartUpload.
  ///
  /// - Returns: the upload's id, and whether an answer was lost, so that another upload may have been begun.
  func createUpload(_ object: S3Object, _ location: Location, writeID: String) async throws(StorageError) -> (id: String, mayHaveSibling: Bool) {
    var call = Call(.post, object, location)
    call.query = [HTTPURL.QueryItem("uploads", "")]
    call.headers = storageHeaders()
    call.headers[Self.writeIDHeader] = writeID
    call.headers["Content-Type"] = "application/octet-stream"
    if options.requestChecksums == .whenSupported { call.headers["x-amz-checksum-algorithm"] = "CRC32" }
    call.body = .empty
    var reply = try await send(call)
    if let error = reply.error, call.headers["x-amz-checksum-algorithm"] != nil, S3Failure.isAboutChecksums(error) {
      forgoChecksums(object.bucket)
      call.headers["x-amz-checksum-algorithm"] = nil
      reply = try await send(call)
    }
    if let error = reply.error { throw S3Failure.storageError(error, call) }
    guard let id = (try? XMLElement.parse(reply.response.body))?.text(of: "UploadId"), !id.isEmpty else {
      throw StorageError(.io, location, "the server began an upload and did not name it")
    }
    return (id, reply.followsLostAnswer)
  }

  /// UploadPart.
  func uploadPart(_ object: S3Object, _ location: Location, upload: String, number: Int, _ bytes: ByteSlice) async throws(StorageError) -> Part {
    var call = Call(.put, object, location)
    call.query = [HTTPURL.QueryItem("partNumber", String(number)), HTTPURL.QueryItem("uploadId", upload)]
    call.body = bytes
    call.sendsChecksum = true
    let response = try await succeed(call).response
    guard let tag = response.headers["ETag"] else { throw StorageError(.io, location, "the server took part \(number) and did not name its state") }
    return Part(number: number, tag: tag, checksum: response.headers["x-amz-checksum-crc32"])
  }

  /// CompleteMultipartUpload.
  func completeUpload(
    _ object: S3Object, _ location: Location, upload: String, parts: [Part], writeID: String, if condition: PutCondition
  ) async throws(StorageError) -> ObjectVersion {
    let list = parts.map { part in
      "<Part><PartNumber>\(part.number)</PartNumber><ETag>\(XMLElement.escaped(part.tag))</ETag>"
        + (part.checksum.map { "<ChecksumCRC32>\($0)</ChecksumCRC32>" } ?? "") + "</Part>"
    }.joined()
    var call = Call(.post, object, location)
    call.query = [HTTPURL.QueryItem("uploadId", upload)]
    call.headers["Content-Type"] = "application/xml"
    condition.add(to: &call.headers)
    call.body = ByteSlice(utf8: "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" + list + "</CompleteMultipartUpload>")
    call.bodyMayHoldError = true
    let reply: AWSRequestSender.Reply
    do throws(StorageError) { reply = try await send(call) } catch {
      guard error.kind == .outcomeUnknown, let found = try await written(object, location, id: writeID) else { throw error }
      return found
    }
    guard let error = reply.error else {
      if let tag = (try? XMLElement.parse(reply.response.body))?.text(of: "ETag"), !tag.isEmpty { return ObjectVersion(tag) }
      return try await head(object, location).version
    }
    if reply.followsLostAnswer, let found = try await written(object, location, id: writeID) { return found }
    throw condition.failure(error, call)
  }

  /// AbortMultipartUpload: frees the parts. What is already gone is fine.
  func abortUpload(_ object: S3Object, _ location: Location, upload: String) async throws(StorageError) {
    var call = Call(.delete, object, location)
    call.query = [HTTPURL.QueryItem("uploadId", upload)]
    let reply = try await send(call)
    if let error = reply.error, error.status != 404 { throw S3Failure.storageError(error, call) }
  }

  /// Unfinished uploads of exactly this key.
  func uploads(_ object: S3Object, _ location: Location) async throws(StorageError) -> [String] {
    var call = Call(.get, S3Object(bucket: object.bucket, key: ""), location)
    call.query = [HTTPURL.QueryItem("uploads", ""), HTTPURL.QueryItem("prefix", object.key)]
    let response = try await succeed(call).response
    guard let root = try? XMLElement.parse(response.body) else { return [] }
    return root.all("Upload").filter { $0.text(of: "Key") == object.key }.compactMap { $0.text(of: "UploadId") }
  }
}

extension PutCondition {
  fileprivate func add(to headers: inout HTTPHeaders) {
    switch self {
    case .none: break
    case .ifAbsent: headers["If-None-Match"] = "*"
    case .ifMatches(let version): headers["If-Match"] = version.text
    }
  }

  /// A refusal, in terms of the condition that was set.
  fileprivate func failure(_ error: AWSErrorReply, _ call: S3Client.Call) -> StorageError {
    let isCondition = error.status == 412 || error.code == "PreconditionFailed" || error.code == "ConditionalRequestConflict"
    switch self {
    case .ifAbsent where isCondition:
      return StorageError(.alreadyExists, call.location, "there is such an object already")
    case .ifMatches where isCondition || (error.status == 404 && error.code != "NoSuchBucket"):
      return StorageError(.conditionFailed, call.location, "the object has changed since it was read")
    case .none, .ifAbsent, .ifMatches: return S3Failure.storageError(error, call)
    }
  }
}

import Storage
import Synchronization
import TestSupport
import Testing

/// What requests to S3 say, and what becomes of answers that a real server does not give at will.
@Suite struct S3RequestTests {
  /// A store at a server that answers so.
  private func with(
    _ stated: S3Options = S3Options(), retry: RetryPolicy = RetryPolicy(sleep: { _ in }),
    _ answer: @escaping @Sendable (LocalHTTPServer.Request) -> LocalHTTPServer.Reply, _ body: (S3Store, LocalHTTPServer) async throws -> Void
  ) async throws {
    let server = LocalHTTPServer(answer)
    defer { server.stop() }
    var options = stated
    options.endpoint = HTTPURL(server.url)
    let credentials = FixedCredentials(AWSCredentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "the-secret"))
    try await body(S3Store(client: S3Client(options: options, http: HTTPClient(), credentials: credentials, clock: AWSClock(), retry: retry)), server)
  }

  private func failure(_ body: () async throws -> Void) async -> StorageError? {
    do {
      try await body()
      return nil
    } catch { return error as? StorageError }
  }

  private func text(_ store: S3Store) async throws -> String { try await store.read(Self.place).string }

  private static let place = Location("s3://bucket/folder/object")

  @Test("buckets go into the host name where that works, else into the path")
  func addresses() throws {
    func url(_ bucket: String, _ addressing: S3Options.Addressing = .auto, endpoint: String? = nil) throws -> String {
      var options = S3Options()
      options.addressing = addressing
      options.endpoint = try endpoint.map { try #require(HTTPURL($0)) }
      return options.url(bucket: bucket, key: "a b/c+d", region: "eu-west-1").text
    }
    #expect(try url("plain") == "https://plain.s3.eu-west-1.amazonaws.com/a%20b/c%2Bd")
    #expect(try url("with.dots") == "https://s3.eu-west-1.amazonaws.com/with.dots/a%20b/c%2Bd")
    #expect(try url("With_Capitals", .virtual) == "https://s3.eu-west-1.amazonaws.com/With_Capitals/a%20b/c%2Bd")
    #expect(try url("plain", .path) == "https://s3.eu-west-1.amazonaws.com/plain/a%20b/c%2Bd")
    #expect(try url("plain", endpoint: "http://store.example:9000/base/") == "http://store.example:9000/base/plain/a%20b/c%2Bd")
    #expect(try url("plain", .virtual, endpoint: "http://store.example:9000") == "http://plain.store.example:9000/a%20b/c%2Bd")
    #expect(try url("plain", .path, endpoint: "http://[::1]:9000") == "http://[::1]:9000/plain/a%20b/c%2Bd")
    var china = S3Options()
    china.region = "cn-north-1"
    #expect(china.url(bucket: "b-b", key: "k", region: "cn-north-1").authority == "b-b.s3.cn-north-1.amazonaws.com.cn")
  }

  @Test("settings of environment and profile become options, and what they cannot mean is told")
  func options() throws {
    func options(_ variables: [String: String]) throws -> S3Options { try S3Options(AWSSettings(variables: variables)) }
    #expect(try options(["FRAZIL_S3_SSE": "aws:kms", "FRAZIL_S3_SSE_KMS_KEY_ID": "k"]).encryption == .kms(keyID: "k"))
    #expect(try options(["FRAZIL_S3_SSE": "AES256"]).encryption == .s3)
    #expect(try options(["AWS_MAX_ATTEMPTS": "7", "FRAZIL_S3_REQUESTER_PAYS": "1", "FRAZIL_S3_ANONYMOUS": "true"]).attempts == 7)
    for wrong in [
      ["FRAZIL_S3_SSE": "rot13"], ["AWS_MAX_ATTEMPTS": "0"], ["AWS_REQUEST_CHECKSUM_CALCULATION": "never"], ["AWS_ENDPOINT_URL_S3": "no url"],
    ] {
      #expect(throws: CredentialError.self) { try options(wrong) }
    }
  }

  @Test(
    "encryption and who pays are said with every write, at once and in parts, and are signed",
    arguments: [
      (S3Options.Encryption.s3, ["x-amz-server-side-encryption": "AES256"]),
      (.kms(keyID: nil), ["x-amz-server-side-encryption": "aws:kms"]),
      (.kms(keyID: "arn:key"), ["x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "arn:key"]),
      (.bucketDefault, [:]),
    ])
  func encryption(encryption: S3Options.Encryption, expected: [String: String]) async throws {
    var options = S3Options()
    options.encryption = encryption
    options.paysForRequests = true
    options.partSize = 10
    try await with(options) { request in
      if request.target.hasSuffix("?uploads=") { return .text(200, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>") }
      if request.method == "POST" { return .text(200, "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>") }
      return .text(200, "", [("ETag", "\"e\"")])
    } _: { store, server in
      _ = try await store.write(Self.place, ByteSlice(utf8: "x"))
      _ = try await BlockingPool.shared.run { () throws(StorageError) in
        let writer = try store.openWriter(Self.place)
        try writer.append(Array("more than ten bytes".utf8))
        return try writer.finish()
      }
      let making = server.requests.filter { ($0.method == "PUT" && !$0.target.contains("?")) || $0.target.hasSuffix("?uploads=") }
      #expect(making.count == 2)
      for request in making {
        let stated = request.headers.filter { $0.key.hasPrefix("x-amz-server-side-encryption") }
        #expect(stated == expected)
        for name in stated.keys { #expect(request.headers["authorization"]?.contains(name) == true, "\(name) is not signed") }
      }
      #expect(server.requests.allSatisfy { $0.headers["x-amz-request-payer"] == "requester" })
      // Parts take their key from the upload.
      #expect(server.requests.filter { $0.target.contains("partNumber") }.allSatisfy { $0.headers["x-amz-server-side-encryption"] == nil })
    }
  }

  @Test("a write that wants an object unchanged names its state, and is told apart from other failures")
  func conditions() async throws {
    let status = Atomic<Int>(200)
    try await with { _ in .text(status.load(ordering: .relaxed), "", [("ETag", "\"new\"")]) } _: { store, server in
      let version = try await store.write(Self.place, ByteSlice(utf8: "x"), if: .ifMatches(ObjectVersion("\"old\"")))
      #expect(version == ObjectVersion("\"new\""))
      #expect(server.requests[0].headers["if-match"] == "\"old\"" && server.requests[0].headers["authorization"]?.contains("if-match") == true)
      for (answer, kind) in [(412, StorageError.Kind.conditionFailed), (404, .conditionFailed), (403, .permission)] {
        status.store(answer, ordering: .relaxed)
        #expect(await failure { _ = try await store.write(Self.place, .empty, if: .ifMatches(ObjectVersion("\"old\""))) }?.kind == kind)
      }
    }
  }

  @Test(
    "a body is held against the checksum that comes with it, and fetched once more when it differs",
    arguments: [
      ("x-amz-checksum-crc32", "y/Q5Jg=="), ("x-amz-checksum-crc32c", "4waSgw=="), ("x-amz-checksum-crc64nvme", "rosUhgp5mIg="),
    ])
  func responseChecksums(name: String, value: String) async throws {
    let damaged = Atomic<Int>(0)
    try await with { request in
      guard request.headers["x-amz-checksum-mode"] == "ENABLED" else { return .text(400, "") }
      let isDamaged = damaged.subtract(1, ordering: .relaxed).oldValue > 0
      return .text(200, isDamaged ? "123456780" : "123456789", [(name, value), ("ETag", "\"e\"")])
    } _: { store, server in
      let whole = try await text(store)
      #expect(whole == "123456789" && server.requests.count == 1)
      damaged.store(1, ordering: .relaxed)
      let again = try await text(store)
      #expect(again == "123456789" && server.requests.count == 3)
      damaged.store(9, ordering: .relaxed)
      let error = await failure { _ = try await store.read(Self.place) }
      #expect(error?.kind == .corrupt && error?.message.contains("checksum") == true && server.requests.count == 5)
    }
    try await with { _ in .text(200, "123456780", [(name, value + "-2"), ("ETag", "\"e\"")]) } _: { store, _ in
      let composite = try await text(store)
      #expect(composite == "123456780", "a checksum over those of parts says nothing of the whole")
    }
  }

  @Test(
    "answers that are none are errors that name the object, not rows",
    arguments: [
      (206, [("Content-Range", "bytes 0-9/100")], "0123456789"), (206, [("Content-Range", "bytes 5-7/100")], "567"),
      (206, [("Content-Range", "bytes 5-9/100")], "567890"), (206, [("Content-Range", "nonsense")], "56789"), (206, [], "56789"),
      (206, [("Content-Range", "bytes 5-9/-1")], "56789"), (200, [("Content-Length", "2"), ("Content-Range", "bytes 9-5/100")], "ab"),
    ])
  func wrongRanges(status: Int, headers: [(String, String)], body: String) async throws {
    try await with { _ in .text(status, body, headers) } _: { store, _ in
      let error = await failure { _ = try await store.read(Self.place, 5..<10) }
      #expect(error?.location == Self.place, "\(String(describing: error))")
      #expect(error.map { [.io, .corrupt].contains($0.kind) } == true)
    }
  }

  @Test(
    "a listing that is none, or never ends, is told",
    arguments: [
      "", "<html>", "<ListBucketResult>", "<Other/>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
      "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
      "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
    ])
  func listings(body: String) async throws {
    try await with { _ in .text(200, body) } _: { store, server in
      let error = await failure { _ = try await store.listAll(Location("s3://bucket/folder")) }
      #expect(error?.kind == .io && server.requests.count < 5, "\(String(describing: error))")
    }
  }

  @Test("a deletion of many whose answer says nothing, or that one failed, is not taken for done")
  func deletions() async throws {
    let answers = [
      ("<DeleteResult/>", nil), ("", nil), ("garbage", StorageError.Kind.outcomeUnknown),
      ("<DeleteResult><Error><Key>folder/b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>", .permission),
      ("<DeleteResult><Error><Key>folder/b</Key><Code>NoSuchKey</Code></Error></DeleteResult>", nil),
      ("<Error><Code>AccessDenied</Code></Error>", .permission),
    ]
    for (body, kind) in answers {
      try await with { _ in .text(200, body) } _: { store, _ in
        let error = await failure { try await store.delete([Location("s3://bucket/folder/a"), Location("s3://bucket/folder/b")]) }
        #expect(error?.kind == kind, "\(body): \(String(describing: error))")
        if body.hasPrefix("<DeleteResult><Error><Key>"), let error { #expect(error.location.text.hasSuffix("/b")) }
      }
    }
  }

  @Test("a refusal names bucket or object, what the server said, the request, and what to do, and no secret")
  func refusals() async throws {
    let cases: [(Int, String, StorageError.Kind, [String])] = [
      (404, "NoSuchBucket", .notFound, ["'bucket'", "region"]), (404, "NoSuchKey", .notFound, ["no such object"]),
      (403, "AccessDenied", .permission, ["access is denied", "whoami"]), (403, "InvalidAccessKeyId", .permission, ["unknown", "whoami"]),
      (403, "SignatureDoesNotMatch", .permission, ["signature", "whoami"]), (400, "ExpiredToken", .permission, ["expired", "aws sso login"]),
      (403, "RequestTimeTooSkewed", .permission, ["clock"]), (403, "InvalidObjectState", .io, ["restored"]),
      (400, "AuthorizationHeaderMalformed", .io, ["another region", "AWS_REGION"]), (501, "NotImplemented", .notSupported, ["cannot do this"]),
      (400, "KMS.DisabledException", .io, ["KMS.DisabledException"]),
    ]
    for (status, code, kind, words) in cases {
      try await with { _ in
        .text(status, "<Error><Code>\(code)</Code><Message>said so</Message></Error>", [("x-amz-request-id", "REQ-1")])
      } _: { store, _ in
        let error = await failure { _ = try await store.read(Self.place) }
        let text = "\(error?.description ?? "")"
        #expect(error?.kind == kind && error?.location == Self.place, "\(code): \(text)")
        for word in words + [code, "said so", "REQ-1", "s3://bucket/folder/object"] { #expect(text.contains(word), "\(code): \(text)") }
        #expect(!text.contains("the-secret") && !text.contains("Signature="))
      }
    }
  }

  @Test("Retry-After is waited for, as a number and as a moment; without it pauses grow at random, and all requests share a budget")
  func pauses() async throws {
    let waited = Mutex<[Int]>([])
    let policy = RetryPolicy(attempts: 3, sleep: { milliseconds in waited.withLock { $0.append(milliseconds) } }, random: { 1 })
    let later = [("Date", "Fri, 01 Jan 2026 00:00:00 GMT"), ("Retry-After", "Fri, 01 Jan 2026 00:00:30 GMT")]
    for (headers, expected) in [([("Retry-After", "7")], [7_000, 7_000]), (later, [30_000, 30_000]), ([("Retry-After", "-1")], [1_000, 2_000]),
      ([("Retry-After", "99999999999999999999")], [60_000, 60_000]), ([("Retry-After", "soon")], [1_000, 2_000]), ([("x-amz-retry-after", "1500")], [1_500, 2_000]),
      ([], [1_000, 2_000])]
    {
      waited.withLock { $0 = [] }
      try await with(retry: policy) { _ in .text(503, "<Error><Code>SlowDown</Code></Error>", headers) } _: { store, server in
        #expect(await failure { _ = try await store.read(Self.place) }?.isRetryable == true)
        #expect(waited.withLock { $0 } == expected && server.requests.count == 3, "\(headers)")
      }
    }
    // 500 tokens, 14 for a request that failed: 35 more, and then none.
    let tired = RetryPolicy(attempts: 5, sleep: { _ in })
    try await with(retry: tired) { _ in .text(500, "") } _: { store, server in
      for _ in 0..<40 { _ = await failure { _ = try await store.read(Self.place) } }
      #expect(server.requests.count == 40 + 35)
    }
  }
}

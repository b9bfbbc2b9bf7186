import JSONText
import Storage
import Synchronization
import TestSupport
import Testing

/// What S3 stores do when requests go wrong on their way to a real server.
@Suite(.serialized) struct S3FaultTests {
  /// A proxy that breaks what it is told to, and a store that goes through it.
  final class Setting: Sendable {
    let server: S3TestServer
    let store: S3Store
    private let process: ServerProcess
    private let endpoint: String

    init(_ kind: S3TestServer.Kind = .swift, configure: (inout S3Options) -> Void = { _ in }) throws {
      server = try S3TestServer.shared(kind)
      process = try ServerProcess("fault_proxy.py", [server.endpoint])
      endpoint = "http://127.0.0.1:" + (process.greeting.split(separator: " ").last ?? "")
      store = try server.store(endpoint: endpoint, configure: configure)
    }

    /// Rules for the requests to come, as `fault_proxy.py` describes them.
    func plan(_ rules: String...) async throws {
      let url = try #require(HTTPURL(endpoint + "/__faults"))
      let response = try await HTTPClient().send(HTTPRequest(.put, url, body: ByteSlice(utf8: "[" + rules.joined(separator: ",") + "]")))
      #expect(response.status == 200)
    }

    /// Method and action of every request since `plan`.
    func log() async throws -> [(method: String, action: String)] {
      let url = try #require(HTTPURL(endpoint + "/__log"))
      let root = try JSONDocument(try await HTTPClient().send(HTTPRequest(.get, url)).body.array).root
      return try root.requireElements().map { (try $0.requireString("method"), try $0.requireString("action")) }
    }
  }

  func failure(_ body: () async throws -> Void) async -> StorageError? {
    do {
      try await body()
      return nil
    } catch { return error as? StorageError }
  }

  static let passing = [
    "\"reset_headers\"", "\"reset_before\"", "\"reset_after\"", "\"status\", \"status\": 500", "\"status\", \"status\": 503, \"code\": \"SlowDown\"",
    "\"status_after\", \"status\": 500", "\"status\", \"status\": 429, \"code\": \"TooManyRequests\", \"headers\": {\"Retry-After\": \"0\"}",
  ]

  @Test("a passing fault at any stage of a read, a listing, a write or a removal is overcome, and nothing is lost", arguments: passing)
  func passingFaults(fault: String) async throws {
    let setting = try Setting()
    let root = S3TestServer.root()
    let store = setting.store
    for method in ["PUT", "GET", "HEAD", "POST", "DELETE"] {
      try await setting.plan("{\"method\": \"\(method)\", \"times\": 2, \"action\": \(fault)}")
      _ = try await store.write(root.appending("a"), ByteSlice(utf8: "text"))
      _ = try await store.write(root.appending("b"), ByteSlice(utf8: "more"))
      #expect(try await store.read(root.appending("a")).string == "text")
      #expect(try await store.read(root.appending("a"), 1..<3).string == "ex")
      #expect(try await store.info(root.appending("a")).size == 4)
      #expect(try await store.listAll(root).count == 2)
      try await store.delete([root.appending("a"), root.appending("b")])
      try await store.delete([root.appending("a")])
      #expect(try await store.listAll(root).isEmpty)
      #expect(try await setting.log().count { $0.action != "" } == 2, "\(method) \(fault)")
    }
  }

  @Test("a body cut short is fetched again; so is one that does not match its checksum")
  func damagedBodies() async throws {
    let setting = try Setting()
    let place = S3TestServer.root().appending("data")
    let bytes = ByteSlice((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) })
    _ = try await setting.store.write(place, bytes)
    try await setting.plan("{\"method\": \"GET\", \"times\": 2, \"action\": \"truncate\"}")
    #expect(try await setting.store.read(place).array == bytes.array)
    try await setting.plan("{\"method\": \"GET\", \"times\": 1, \"action\": \"truncate\"}")
    let reader = try setting.store.openReader(place, size: bytes.count)
    reader.willNeed(0..<200_000)
    #expect(try reader.read(0..<200_000).array == Array(bytes.array[..<200_000]))
  }

  @Test("faults that stay end in an error that names what was asked, after the attempts promised")
  func lastingFaults() async throws {
    let setting = try Setting()
    let place = S3TestServer.root().appending("data")
    try await setting.plan("{\"times\": 100, \"action\": \"status\", \"status\": 503, \"code\": \"SlowDown\"}")
    let throttled = await failure { _ = try await setting.store.read(place) }
    #expect(throttled?.kind == .io && throttled?.isRetryable == true)
    #expect(throttled?.message.contains("SlowDown") == true && throttled?.message.contains("request id fault-1") == true)
    #expect(try await setting.log().count == 5)
    try await setting.plan("{\"times\": 100, \"action\": \"status\", \"status\": 403, \"code\": \"AccessDenied\"}")
    let denied = await failure { _ = try await setting.store.read(place) }
    #expect(denied?.kind == .permission)
    #expect(try await setting.log().count == 1)
    try await setting.plan("{\"times\": 100, \"action\": \"reset_after\"}")
    #expect(await failure { _ = try await setting.store.write(place, .empty) }?.kind == .outcomeUnknown)
  }

  @Test("a server that says nothing is given up, and asked again")
  func stall() async throws {
    let setting = try Setting { $0.limits.stallSeconds = 1 }
    let place = S3TestServer.root().appending("data")
    _ = try await setting.store.write(place, ByteSlice(utf8: "text"))
    try await setting.plan("{\"method\": \"GET\", \"action\": \"stall\"}")
    #expect(try await setting.store.read(place).string == "text")
  }

  @Test("a conditional write whose answer was lost is recognised as our own; another's is not")
  func lostAnswers() async throws {
    let setting = try Setting()
    let root = S3TestServer.root()
    for fault in ["\"reset_after\"", "\"status_after\", \"status\": 500"] {
      let place = root.appending("own\(fault.count)")
      try await setting.plan("{\"method\": \"PUT\", \"action\": \(fault)}")
      _ = try await setting.store.write(place, ByteSlice(utf8: "mine"), if: .ifAbsent)
      #expect(try await setting.store.read(place).string == "mine")
      try await setting.plan("{\"method\": \"PUT\", \"action\": \(fault)}")
      #expect(await failure { _ = try await setting.store.write(place, ByteSlice(utf8: "theirs"), if: .ifAbsent) }?.kind == .alreadyExists)
      #expect(try await setting.store.read(place).string == "mine")
      // Even when no attempt is ever answered.
      let silent = root.appending("silent\(fault.count)")
      try await setting.plan("{\"method\": \"PUT\", \"times\": 9, \"action\": \(fault)}")
      _ = try await setting.store.write(silent, ByteSlice(utf8: "mine"), if: .ifAbsent)
      #expect(try await setting.store.read(silent).string == "mine")
    }
  }

  @Test("an upload in parts survives passing faults at every step, and leaves nothing unfinished when they stay")
  func multipart() async throws {
    let setting = try Setting()
    let root = S3TestServer.root()
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    let steps = [("POST", "uploads"), ("PUT", "partNumber=2"), ("POST", "uploadId=")]
    for (number, step) in steps.enumerated() {
      for fault in ["\"reset_before\"", "\"reset_after\"", "\"status\", \"status\": 500", "\"status_after\", \"status\": 500"] {
        let place = root.appending("f\(number)-\(fault.count)")
        let rule = "\"method\": \"\(step.0)\", \"contains\": \"\(step.1)\", \"action\": \(fault)"
        try await setting.plan("{\(rule), \"times\": 1}")
        let writer = try setting.store.openWriter(place)
        try writer.append(bytes)
        _ = try writer.finish()
        #expect(try await setting.store.read(place).array == bytes, "\(step) \(fault)")
        try await setting.plan("{\(rule), \"times\": 99}")
        let doomed = try setting.store.openWriter(place.appending("doomed"))
        let error = await failure {
          try doomed.append(bytes)
          _ = try doomed.finish()
        }
        let mayHaveHappened = step.1 == "uploadId=" && fault.contains("after")
        #expect(error != nil || mayHaveHappened, "\(step) \(fault)")
        #expect(try await setting.server.unfinishedUploads(setting.store, below: root).isEmpty, "\(step) \(fault)")
      }
    }
  }

  @Test("a bucket in another region is followed there once, and then known")
  func redirect() async throws {
    let setting = try Setting(.moto) { $0.region = "us-west-2" }
    let root = S3TestServer.root()
    for status in [301, 400] {
      try await setting.plan(
        "{\"action\": \"status\", \"status\": \(status), \"code\": \"\(status == 301 ? "PermanentRedirect" : "AuthorizationHeaderMalformed")\", \"headers\": {\"x-amz-bucket-region\": \"us-east-\(status)\"}}")
      _ = try await setting.store.write(root.appending("a"), ByteSlice(utf8: "x"))
      #expect(try await setting.store.read(root.appending("a")).string == "x")
      #expect(try await setting.log().map(\.action) == ["status", "", ""])
    }
    try await setting.plan(
      "{\"times\": 9, \"action\": \"status\", \"status\": 301, \"code\": \"PermanentRedirect\", \"headers\": {\"x-amz-bucket-region\": \"eu-west-1\"}}")
    #expect(await failure { _ = try await setting.store.read(root.appending("a")) }?.message.contains("another region") == true)
    #expect(try await setting.log().count == 2)
  }

  @Test("a wrong clock is corrected by the server's time, once; expired credentials are renewed, once")
  func clockAndCredentials() async throws {
    let server = try S3TestServer.shared(.swift)
    var options = S3Options()
    options.endpoint = HTTPURL(server.endpoint)
    let place = S3TestServer.root().appending("a")
    let skewed = AWSClock { AWSClock().seconds - 7_200 }
    let late = S3Store(
      client: S3Client(
        options: options, http: HTTPClient(), credentials: FixedCredentials(server.credentials), clock: skewed, retry: RetryPolicy(sleep: { _ in })))
    _ = try await late.write(place, ByteSlice(utf8: "on time"))
    #expect(try await late.read(place).string == "on time")
    #expect(late.client.http.traffic.requests == 3)

    let setting = try Setting()
    let calls = Atomic<Int>(0)
    let renewing = CachedCredentials(now: { 0 }) { () async throws(CredentialError) in
      var keys = server.credentials
      keys.expiration = 1_000_000 + Int64(calls.add(1, ordering: .relaxed).newValue)
      return keys
    }
    var proxied = options
    proxied.endpoint = setting.store.client.options.endpoint
    let store = S3Store(
      client: S3Client(options: proxied, http: HTTPClient(), credentials: renewing, clock: AWSClock(), retry: RetryPolicy(sleep: { _ in })))
    let expired = "\"action\": \"status\", \"status\": 400, \"code\": \"ExpiredToken\""
    try await setting.plan("{\(expired)}")
    #expect(try await store.read(place).string == "on time")
    #expect(calls.load(ordering: .relaxed) == 2)
    try await setting.plan("{\(expired), \"times\": 9}")
    #expect(await failure { _ = try await store.read(place) }?.message.contains("have expired") == true)
    #expect(try await setting.log().count == 2)
  }

  @Test("a server that refuses checksums is served without them")
  func checksums() async throws {
    let setting = try Setting()
    let root = S3TestServer.root()
    try await setting.plan("{\"method\": \"PUT\", \"action\": \"status\", \"status\": 501, \"code\": \"NotImplemented\"}")
    _ = try await setting.store.write(root.appending("a"), ByteSlice(utf8: "x"))
    _ = try await setting.store.write(root.appending("b"), ByteSlice(utf8: "y"))
    #expect(try await setting.log().map(\.action) == ["status", "", ""])
  }

  @Test("a cancelled read ends at once")
  func cancellation() async throws {
    let setting = try Setting()
    let place = S3TestServer.root().appending("data")
    try await setting.plan("{\"method\": \"GET\", \"times\": 9, \"action\": \"stall\"}")
    let task = Task { await failure { _ = try await setting.store.read(place) } }
    while try await setting.log().isEmpty {}
    task.cancel()
    #expect(await task.value?.kind == .cancelled)
  }
}

import Catalogs
import JSONText
import Storage
import Synchronization
import TestSupport
import Testing

/// What a REST catalog is asked, and what becomes of its answers.
@Suite struct RESTCatalogTests {
  private static let keys = ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the-secret", "AWS_EC2_METADATA_DISABLED": "true"]

  /// A catalog that answers what `answer` says, and `{}` to the question for its configuration unless that says otherwise.
  private func with(
    _ properties: [String: String] = [:], _ answer: @escaping @Sendable (LocalHTTPServer.Request) -> LocalHTTPServer.Reply?,
    _ body: (RESTCatalog, LocalHTTPServer, StoreRouter) async throws -> Void
  ) async throws {
    let server = LocalHTTPServer { request in
      answer(request) ?? (request.path.hasSuffix("/v1/config") ? .text(200, "{}") : .text(404, #"{"error":{"message":"no","type":"NoSuchTableException","code":404}}"#))
    }
    defer { server.stop() }
    let aws = AWSAccess(environment: Self.keys)
    let grants = GrantedStores(aws: aws)
    let catalog = try RESTCatalog(
      name: "lake", properties: properties.merging(["uri": server.url + "/api/"]) { $1 }, aws: aws, grants: grants, now: { 1 })
    try await body(catalog, server, StoreRouter(aws: aws, granted: grants))
  }

  private func failure(_ body: () async throws(CatalogError) -> Void) async -> CatalogError? {
    do {
      try await body()
      return nil
    } catch { return error }
  }

  @Test("defaults, own properties and overrides count in this order; prefix, warehouse and headers go where they belong")
  func configuration() async throws {
    try await with(["warehouse": "w h", "header.X-Team": "ours"]) { request in
      if request.path.hasSuffix("/v1/config") {
        return .text(
          200,
          #"{"defaults":{"header.X-Team":"theirs","header.X-Default":"d","rest-page-size":"7"},"overrides":{"prefix":"a/b","header.X-Forced":"f"}}"#)
      }
      return .text(200, #"{"namespaces":[["one"],["two","nested"],["zwei"]]}"#)
    } _: { catalog, server, _ in
      let names = try await catalog.databases().map(\.name)
      #expect(names == ["one", "zwei"])
      #expect(server.requests.map(\.target) == ["/api/v1/config?warehouse=w%20h", "/api/v1/a/b/namespaces?pageSize=7&pageToken="])
      let headers = server.requests[1].headers
      #expect(headers["x-team"] == "ours" && headers["x-default"] == "d" && headers["x-forced"] == "f")
      #expect(headers["authorization"] == nil)
    }
  }

  @Test("requests are signed for the service and region that are stated, the session's token is not sent")
  func signed() async throws {
    try await with(["rest.sigv4-enabled": "true", "rest.signing-name": "glue", "rest.signing-region": "eu-west-1", "token": "t0ken"]) { _ in nil } _: { catalog, server, _ in
      _ = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      let header = try #require(server.requests.last?.headers["authorization"])
      #expect(header.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") && header.contains("/eu-west-1/glue/aws4_request"))
    }
  }

  @Test("levels of a namespace are joined by the unit separator, where levels are wanted")
  func nested() async throws {
    try await with(["nested-namespaces-enabled": "true"]) { _ in nil } _: { catalog, server, _ in
      _ = await failure { () async throws(CatalogError) in _ = try await catalog.table("t x", in: "a.b") }
      #expect(server.requests.dropFirst().first?.target == "/api/v1/namespaces/a%1Fb/tables/t%20x")
    }
    try await with { _ in nil } _: { catalog, server, _ in
      _ = await failure { () async throws(CatalogError) in _ = try await catalog.table("t", in: "a.b") }
      #expect(server.requests.dropFirst().map(\.target) == ["/api/v1/namespaces/a.b/tables/t", "/api/v1/namespaces/a.b"])
    }
  }

  @Test(
    "refusals say what they mean",
    arguments: [
      (404, "NoSuchNamespaceException", CatalogError.Kind.databaseNotFound), (404, "NoSuchTableException", .tableNotFound), (404, "", .tableNotFound),
      (403, "ForbiddenException", .permission), (401, "", .permission), (400, "BadRequestException", .refused), (406, "", .notSupported),
    ])
  func refusals(status: Int, type: String, kind: CatalogError.Kind) async throws {
    try await with { request in
      request.path.hasSuffix("/config") ? nil : request.path.hasSuffix("/db") ? .text(200, "{}") : .text(status, #"{"error":{"message":"because","type":"\#(type)","code":\#(status)}}"#)
    } _: { catalog, _, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.table("t", in: "db") }
      #expect(error?.kind == kind)
    }
  }

  @Test(
    "answers that are none are told with their place",
    arguments: [
      "", "<html>", "[]", "{", #"{"metadata":{}}"#, #"{"metadata-location":"x"}"#, #"{"metadata":{"format-version":9}}"#, #"{"metadata":7}"#,
    ])
  func nonsense(body: String) async throws {
    try await with { request in request.path.hasSuffix("/config") ? nil : .text(200, body) } _: { catalog, _, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.table("t", in: "db") }
      #expect(error?.kind == .corrupt && error?.message.contains("'lake'") == true, "\(String(describing: error))")
      let list = await failure { () async throws(CatalogError) in _ = try await catalog.listing(in: "db") }
      #expect(list?.kind == .corrupt)
    }
    try await with { request in request.path.hasSuffix("/config") ? .text(200, body) : nil } _: { catalog, _, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      #expect(error != nil)
    }
  }

  @Test("a token is got once, renewed when it is refused, and neither it nor the secret stands in any message")
  func tokens() async throws {
    let given = Atomic<Int>(0)
    try await with(["credential": "id-of-mine:s3cret", "scope": "all of it"]) { request in
      if request.path.hasSuffix("/oauth/tokens") {
        guard request.bodyText.contains("client_secret=s3cret&scope=all%20of%20it&client_id=id-of-mine") else { return .text(401, #"{"error":"invalid_client"}"#) }
        return .text(200, #"{"access_token":"t0ken-\#(given.add(1, ordering: .relaxed).newValue)","token_type":"bearer","expires_in":3600}"#)
      }
      if request.path.hasSuffix("/config") { return nil }
      // The first token is withdrawn after the configuration.
      if request.headers["authorization"] == "Bearer t0ken-1" { return .text(419, "") }
      return .text(403, #"{"error":{"message":"not for you","type":"ForbiddenException","code":403}}"#)
    } _: { catalog, server, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      #expect(error?.kind == .permission && error?.message.contains("not for you") == true)
      #expect(error.map { !$0.message.contains("t0ken") && !$0.message.contains("s3cret") } == true)
      #expect(given.load(ordering: .relaxed) == 2)
      #expect(server.requests.last?.headers["authorization"] == "Bearer t0ken-2")
    }
    try await with(["credential": "id-of-mine:wr0ng"]) { request in
      request.path.hasSuffix("/oauth/tokens") ? .text(400, #"{"error":"invalid_client","error_description":"wr0ng is wrong"}"#) : nil
    } _: { catalog, _, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      #expect(error?.kind == .permission && error?.message.contains("wr0ng") == false && error?.message.contains("invalid_client") == true)
    }
  }

  private static let metadata =
    #"{"format-version":2,"table-uuid":"9c12d441-03fe-4693-9a96-a0705ddf69c1","location":"s3://bucket/t","last-sequence-number":0,"last-updated-ms":1,"last-column-id":1,"#
    + #""current-schema-id":0,"schemas":[{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"a","required":false,"type":"long"}]}],"default-spec-id":0,"#
    + #""partition-specs":[{"spec-id":0,"fields":[]}],"last-partition-id":999,"default-sort-order-id":0,"sort-orders":[{"order-id":0,"fields":[]}],"properties":{}}"#

  @Test("a signature is used again where the catalog allows it and nothing that is signed differs, and asked for anew when it is refused")
  func keptSignatures() async throws {
    let given = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    try await with(["token": "t0ken"]) { request in
      if request.path.hasSuffix("/tables/t") {
        let url = "http://" + (request.headers["host"] ?? "")
        return .text(
          200,
          #"{"metadata-location":"s3://bucket/t/m","metadata":\#(Self.metadata),"config":{"s3.remote-signing-enabled":"true","s3.endpoint":"\#(url)","s3.region":"eu-west-1","s3.signer.endpoint":"sign/here"}}"#)
      }
      if request.path == "/api/sign/here" {
        guard request.method == "POST", request.headers["authorization"] == "Bearer t0ken", let question = try? JSONDocument(request.body).root,
          let uri = question["uri"]?.string, question["region"]?.string == "eu-west-1"
        else { return .text(400, "{}") }
        let number = given.add(1, ordering: .relaxed).newValue
        let names = question["headers"].map { $0.members.map { $0.key.lowercased() }.filter { $0 != "range" } } ?? []
        let signed = (["host", "x-amz-date"] + names).sorted().joined(separator: ";")
        return .text(
          200,
          #"{"uri":"\#(uri)","headers":{"Authorization":["AWS4-HMAC-SHA256 Credential=k/s, SignedHeaders=\#(signed), Signature=\#(number)"],"X-Amz-Date":["20260101T000000Z"],"Range":["bytes=7-7"],"Host":["elsewhere"]}}"#,
          uri.contains("changing") ? [("Cache-Control", "no-cache")] : [("Cache-Control", "private")])
      }
      guard request.path.hasPrefix("/bucket/") else { return nil }
      guard request.headers["x-amz-date"] == "20260101T000000Z", request.headers["host"]?.hasPrefix("127.0.0.1") == true else { return .text(400, "") }
      if request.headers["authorization"]?.hasSuffix("Signature=\(refused.load(ordering: .relaxed))") == true { return .text(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>") }
      let range = request.headers["range"].map { $0.dropFirst(6).split(separator: "-").compactMap { Int($0) } } ?? []
      guard range.count == 2 else { return .text(400, "") }
      return .response(206, [("Content-Range", "bytes \(range[0])-\(range[1])/100"), ("ETag", "\"e\"")], (range[0]...range[1]).map { UInt8($0) })
    } _: { catalog, _, router in
      _ = try await catalog.table("t", in: "db")
      func read(_ name: String, _ range: Range<Int>) async throws -> [UInt8] { try await router.read(Location("s3://bucket/t/" + name), range).array }
      #expect(try await read("a b+c", 3..<5) == [3, 4])
      #expect(try await read("a b+c", 90..<92) == [90, 91])
      #expect(given.load(ordering: .relaxed) == 1, "ranges are not signed")
      _ = try await read("changing", 0..<1)
      _ = try await read("changing", 0..<1)
      #expect(given.load(ordering: .relaxed) == 3)
      // The service takes the kept one no longer.
      refused.store(1, ordering: .relaxed)
      #expect(try await read("a b+c", 1..<2) == [1])
      #expect(given.load(ordering: .relaxed) == 4)
      // A new one that is refused is not asked for for ever.
      refused.store(5, ordering: .relaxed)
      let error = await #expect(throws: StorageError.self) { try await router.read(Location("s3://bucket/t/other"), 0..<1) }
      #expect(error?.kind == .permission && given.load(ordering: .relaxed) == 5)
    }
  }

  @Test("a list that gives the same page for ever is given up; a token that lives for ever is no trap")
  func endless() async throws {
    try await with(["credential": "id:s3cret"]) { request in
      if request.path.hasSuffix("/oauth/tokens") { return .text(200, #"{"access_token":"t","expires_in":9223372036854775807}"#) }
      return request.path.hasSuffix("/namespaces") ? .text(200, #"{"namespaces":[["a"]],"next-page-token":"again"}"#) : nil
    } _: { catalog, server, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      #expect(error?.kind == .corrupt && error?.message.contains("same page") == true && server.requests.count < 6)
    }
  }

  @Test("a view in the dialect of another engine is read where it is SQL we have; else its dialects are named")
  func views() async throws {
    func view(_ dialect: String) -> String {
      #"{"metadata":{"view-uuid":"u","location":"l","schemas":[{"type":"struct","schema-id":1,"fields":[{"id":1,"name":"A","required":false,"type":"long"}]}],"#
        + #""current-version-id":3,"versions":[{"version-id":3,"schema-id":1,"representations":[{"type":"sql","sql":"SELECT 1 AS a","dialect":"\#(dialect)"}],"#
        + #""default-namespace":["other"]}]}}"#
    }
    for (dialect, isRead) in [("Spark", true), ("TRINO", true), ("snowflake", false)] {
      let text = view(dialect)
      try await with(["view-endpoints-supported": "true"]) { request in request.path.contains("/views/") ? .text(200, text) : nil } _: { catalog, _, _ in
        guard isRead else {
          let error = await failure { () async throws(CatalogError) in _ = try await catalog.table("v", in: "db") }
          #expect(error?.kind == .notSupported && error?.message.contains("snowflake") == true)
          return
        }
        let entry = try await catalog.table("v", in: "db")
        let encoded = try #require(entry.viewOriginalText)
        let definition = try #require(try ViewEncoding(encoded))
        #expect(definition.sql == "SELECT 1 AS a" && definition.database == "other" && definition.catalog == "awsdatacatalog")
        #expect(entry.isView && definition.columns.map(\.name) == ["a"] && definition.columns.map(\.type) == ["bigint"])
      }
    }
  }
}

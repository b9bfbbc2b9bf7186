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
    _ body: (RESTCatalog, LocalHTTPServer) async throws -> Void
  ) async throws {
    let server = LocalHTTPServer { request in
      answer(request) ?? (request.path.hasSuffix("/v1/config") ? .text(200, "{}") : .text(404, #"{"error":{"message":"no","type":"NoSuchTableException","code":404}}"#))
    }
    defer { server.stop() }
    let aws = AWSAccess(environment: Self.keys)
    let catalog = try RESTCatalog(
      name: "lake", properties: properties.merging(["uri": server.url + "/api/"]) { $1 }, aws: aws, grants: GrantedStores(aws: aws), now: { 1 })
    try await body(catalog, server)
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
    } _: { catalog, server in
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
    try await with(["rest.sigv4-enabled": "true", "rest.signing-name": "glue", "rest.signing-region": "eu-west-1", "token": "t0ken"]) { _ in nil } _: { catalog, server in
      _ = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      let header = try #require(server.requests.last?.headers["authorization"])
      #expect(header.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") && header.contains("/eu-west-1/glue/aws4_request"))
    }
  }

  @Test("levels of a namespace are joined by the unit separator, where levels are wanted")
  func nested() async throws {
    try await with(["nested-namespaces-enabled": "true"]) { _ in nil } _: { catalog, server in
      _ = await failure { () async throws(CatalogError) in _ = try await catalog.table("t x", in: "a.b") }
      #expect(server.requests.dropFirst().first?.target == "/api/v1/namespaces/a%1Fb/tables/t%20x")
    }
    try await with { _ in nil } _: { catalog, server in
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
    } _: { catalog, _ in
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
    try await with { request in request.path.hasSuffix("/config") ? nil : .text(200, body) } _: { catalog, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.table("t", in: "db") }
      #expect(error?.kind == .corrupt && error?.message.contains("'lake'") == true, "\(String(describing: error))")
      let list = await failure { () async throws(CatalogError) in _ = try await catalog.listing(in: "db") }
      #expect(list?.kind == .corrupt)
    }
    try await with { request in request.path.hasSuffix("/config") ? .text(200, body) : nil } _: { catalog, _ in
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
    } _: { catalog, server in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      #expect(error?.kind == .permission && error?.message.contains("not for you") == true)
      #expect(error.map { !$0.message.contains("t0ken") && !$0.message.contains("s3cret") } == true)
      #expect(given.load(ordering: .relaxed) == 2)
      #expect(server.requests.last?.headers["authorization"] == "Bearer t0ken-2")
    }
    try await with(["credential": "id-of-mine:wr0ng"]) { request in
      request.path.hasSuffix("/oauth/tokens") ? .text(400, #"{"error":"invalid_client","error_description":"wr0ng is wrong"}"#) : nil
    } _: { catalog, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.databases() }
      #expect(error?.kind == .permission && error?.message.contains("wr0ng") == false && error?.message.contains("invalid_client") == true)
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
      try await with(["view-endpoints-supported": "true"]) { request in request.path.contains("/views/") ? .text(200, text) : nil } _: { catalog, _ in
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

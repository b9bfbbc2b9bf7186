import Catalogs
import JSONText
import Storage
import TestSupport
import Testing

/// What Glue is asked, and what becomes of its answers.
@Suite struct GlueCatalogTests {
  private func with(
    _ answer: @escaping @Sendable (_ operation: String, LocalHTTPServer.Request) -> LocalHTTPServer.Reply,
    _ body: (GlueCatalog, LocalHTTPServer) async throws -> Void
  ) async throws {
    let server = LocalHTTPServer { request in answer(String(request.headers["x-amz-target"]?.dropFirst("AWSGlue.".count) ?? ""), request) }
    defer { server.stop() }
    let aws = AWSAccess(environment: [
      "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "the-secret", "AWS_EC2_METADATA_DISABLED": "true",
    ])
    try await body(
      try GlueCatalog(name: "lake", warehouse: nil, catalogID: "123", region: "eu-west-1", endpoint: server.url, aws: aws), server)
  }

  private static func refusal(_ code: String, status: Int = 400) -> LocalHTTPServer.Reply {
    .text(status, #"{"__type":"\#(code)","Message":"because"}"#)
  }

  private func failure(_ body: () async throws(CatalogError) -> Void) async -> CatalogError? {
    do {
      try await body()
      return nil
    } catch { return error }
  }

  private static let entry =
    #"{"Name":"t","DatabaseName":"db","Owner":"me","CreateTime":1.7e9,"UpdateTime":1700000001.5,"Retention":3,"CreatedBy":"x","VersionId":"12","#
    + #""StorageDescriptor":{"Columns":[{"Name":"a","Type":"int","Parameters":{"iceberg.field.id":"1"}},{"Name":"gone","Type":"int","Parameters":{"iceberg.field.id":"2"}}],"#
    + #""Location":"s3://b/t","SortColumns":[],"NumberOfBuckets":-1,"SerdeInfo":{"Name":"n","Parameters":{"k":"v"}}},"#
    + #""Parameters":{"table_type":"iceberg","metadata_location":"s3://b/t/metadata/1.metadata.json"},"CatalogId":"123","IsRegisteredWithLakeFormation":false}"#

  @Test("an update names the version it read, archives nothing, and gives back what this model has no place for")
  func update() async throws {
    try await with { operation, _ in .text(200, operation == "GetTable" ? #"{"Table":\#(Self.entry)}"# : "{}") } _: { catalog, server in
      var table = try await catalog.table("t", in: "db")
      #expect(table.version == 12 && table.isIceberg && table.updateTime == 1_700_000_001 && table.tableType == "EXTERNAL_TABLE")
      table.parameters["metadata_location"] = "s3://b/t/metadata/2.metadata.json"
      table.storage.columns.removeLast()
      try await catalog.updateTable(table)
      let request = try #require(server.requests.last)
      #expect(request.headers["authorization"]?.contains("/eu-west-1/glue/aws4_request") == true)
      let root = try JSONDocument(request.body).root
      #expect(root["VersionId"]?.string == "12" && root["SkipArchive"]?.boolean == true && root["CatalogId"]?.string == "123")
      let input = try #require(root["TableInput"])
      #expect(input["Owner"]?.string == "me" && input["Retention"]?.int64 == 3)
      let storage = try #require(input["StorageDescriptor"])
      #expect(storage["NumberOfBuckets"]?.int64 == -1 && storage["SerdeInfo"]?["Name"]?.string == "n")
      let columns = try #require(storage["Columns"]).elements.map { ($0["Name"]?.string, $0["Parameters"]?["iceberg.field.current"]?.string) }
      #expect(columns.map(\.0) == ["a", "gone"] && columns[1].1 == "false")
      for foreign in ["VersionId", "CreateTime", "UpdateTime", "CreatedBy", "CatalogId", "DatabaseName", "IsRegisteredWithLakeFormation"] {
        #expect(input[foreign] == nil, "\(foreign) must not be sent")
      }
    }
  }

  @Test("of a table that is not there it is told whether its database is")
  func missing() async throws {
    try await with { operation, _ in
      operation == "GetDatabase" ? .text(200, #"{"Database":{"Name":"db"}}"#) : Self.refusal("EntityNotFoundException")
    } _: { catalog, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.table("t", in: "db") }
      #expect(error?.kind == .tableNotFound)
    }
    try await with { _, _ in Self.refusal("EntityNotFoundException") } _: { catalog, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.table("t", in: "db") }
      #expect(error?.kind == .databaseNotFound)
    }
  }

  @Test(
    "refused updates say what they mean",
    arguments: [
      ("ConcurrentModificationException", 400, CatalogError.Kind.versionConflict), ("AccessDeniedException", 400, .permission),
      ("InvalidInputException", 400, .refused), ("InternalServiceException", 500, .outcomeUnknown), ("EntityNotFoundException", 400, .tableNotFound),
    ])
  func refusals(code: String, status: Int, kind: CatalogError.Kind) async throws {
    try await with { _, _ in Self.refusal(code, status: status) } _: { catalog, server in
      let table = CatalogTable(catalog: "lake", database: "db", name: "t")
      let error = await failure { () async throws(CatalogError) in try await catalog.updateTable(table) }
      #expect(error?.kind == kind)
      #expect(server.requests.count == 1, "an update is not sent twice")
      #expect(error?.message.contains("the-secret") == false)
    }
  }

  @Test("a batch's errors count although it is answered 200; partitions that were there do not, where that is no matter")
  func batches() async throws {
    let answer = #"{"Errors":[{"PartitionValues":["x"],"ErrorDetail":{"ErrorCode":"AlreadyExistsException","ErrorMessage":"there"}}]}"#
    try await with { operation, _ in .text(200, operation == "GetTable" ? #"{"Table":\#(Self.entry)}"# : answer) } _: { catalog, _ in
      let partitions = [CatalogPartition(values: ["x"], location: "s3://b/t/x")]
      let error = await failure { () async throws(CatalogError) in try await catalog.addPartitions(partitions, to: "t", in: "db", ifNotExists: false) }
      #expect(error?.kind == .partitionAlreadyExists && error?.message.contains("(x)") == true)
      try await catalog.addPartitions(partitions, to: "t", in: "db", ifNotExists: true)
    }
  }

  @Test("a list that gives the same page for ever is given up, as are answers that are none", arguments: [#"{"TableList":[],"NextToken":"x"}"#, "[]", "no", "{}"])
  func nonsense(body: String) async throws {
    try await with { _, _ in .text(200, body) } _: { catalog, _ in
      let error = await failure { () async throws(CatalogError) in _ = try await catalog.tables(in: "db") }
      #expect(error?.kind == .corrupt)
    }
  }

  @Test("a database with tables is not dropped, which Glue would do")
  func occupied() async throws {
    try await with { _, _ in .text(200, #"{"TableList":[{}]}"#) } _: { catalog, server in
      let error = await failure { () async throws(CatalogError) in try await catalog.dropDatabase("db") }
      #expect(error?.kind == .databaseNotEmpty)
      #expect(server.requests.count == 1)
    }
  }
}

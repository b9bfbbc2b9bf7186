import Frazil
import Glibc
import JSONText
import Storage
import TestSupport
import Testing

/// What statements ask of a real S3 server, request by request.
@Suite(.serialized) struct RemoteStorageTests {
  /// A server, and a local catalog whose warehouse is there.
  final class Setting: Sendable {
    let scratch = ScratchFolder()
    private let process: ServerProcess
    let environment: [String: String]

    init() throws {
      process = try ServerProcess("s3_server.py", ["rclone", scratch.path + "/server", "lake"])
      let root = try JSONDocument(process.greeting).root
      environment = [
        "AWS_ENDPOINT_URL_S3": try root.requireString("endpoint"), "AWS_REGION": try root.requireString("region"),
        "AWS_ACCESS_KEY_ID": try root.requireString("access_key"), "AWS_SECRET_ACCESS_KEY": try root.requireString("secret_key"),
        "AWS_EC2_METADATA_DISABLED": "true",
      ]
    }

    /// As a new process would begin: nothing is in memory.
    func session(_ change: (inout Configuration) -> Void = { _ in }) throws -> Session {
      var configuration = Configuration(warehouse: "s3://lake/wh")
      configuration.catalogDirectory = scratch.path + "/catalog"
      configuration.environment = environment
      configuration.workers = 2
      change(&configuration)
      return try Engine(configuration).makeSession()
    }

    /// Five commits of a partition each.
    func makePoints() async throws {
      let session = try session()
      _ = try await session.run(
        "CREATE TABLE points (k bigint, part bigint, note varchar) PARTITIONED BY (part) TBLPROPERTIES ('table_type' = 'ICEBERG')")
      for part in 0..<5 {
        _ = try await session.run("INSERT INTO points SELECT n, \(part), 'row ' || CAST(n AS varchar) FROM UNNEST(sequence(\(part * 100), \(part * 100 + 99))) AS s (n)")
      }
    }
  }

  /// The rows, and how many requests they took.
  private func counted(_ session: Session, _ sql: String) async throws -> (rows: [[String?]], requests: Int) {
    let traffic = StorageTraffic()
    let rows = try await StorageTraffic.$current.withValue(traffic) { try await session.texts(sql) }
    return (rows, traffic.count.requests)
  }

  private static let point = "SELECT note FROM points WHERE part = 3 AND k = 342"

  @Test("a point query asks for metadata, manifest list, one manifest and one file; a second one in the session for nothing")
  func pointQuery() async throws {
    let setting = try Setting()
    try await setting.makePoints()
    let session = try setting.session()
    let first = try await counted(session, Self.point)
    #expect(first.rows == [["row 342"]])
    #expect(first.requests == 4)
    let second = try await counted(session, Self.point)
    #expect(second.rows == [["row 342"]])
    #expect(second.requests == 0)
    let other = try await counted(session, "SELECT count(note) FROM points WHERE part = 2")
    #expect(other.rows == [["100"]])
    #expect(other.requests == 2)
  }

  @Test("INSERT of a row makes six requests, and four when the session knows the table")
  func insert() async throws {
    let setting = try Setting()
    try await setting.makePoints()
    let session = try setting.session()
    #expect(try await counted(session, "INSERT INTO points VALUES (1000, 7, 'x')").requests == 6)
    #expect(try await counted(session, "INSERT INTO points VALUES (1001, 7, 'y')").requests == 4)
    let rows = try await session.texts("SELECT note FROM points WHERE k >= 1000 ORDER BY k")
    #expect(rows == [["x"], ["y"]])
  }

  @Test("a session sees what others commit, and not what they removed")
  func othersCommit() async throws {
    let setting = try Setting()
    try await setting.makePoints()
    let (one, two) = (try setting.session(), try setting.session())
    #expect(try await one.texts("SELECT count(*), sum(k) FROM points") == [["500", "124750"]])
    _ = try await two.run("DELETE FROM points WHERE part = 4")
    _ = try await two.run("INSERT INTO points VALUES (5, 9, 'new')")
    #expect(try await one.texts("SELECT count(*), sum(k) FROM points") == [["401", "79805"]])
    _ = try await two.run("DROP TABLE points")
    await #expect(throws: SQLError.self) { try await one.texts("SELECT count(*) FROM points") }
    try await setting.makePoints()
    #expect(try await one.texts("SELECT count(*), sum(k) FROM points") == [["500", "124750"]])
    #expect(try await one.texts("CALL system.check_table('points')").filter { $0[0] != "engine" } == [])
  }

  @Test("EXPLAIN ANALYZE says what a scan, planning and all together ask for; on local files it says nothing of it")
  func explain() async throws {
    let setting = try Setting()
    try await setting.makePoints()
    let text = try await setting.session().texts("EXPLAIN ANALYZE " + Self.point).map { $0[0] ?? "" }
    #expect(text.contains { $0.contains("files read: 1") && $0.contains("storage requests: 1, bytes asked: ") })
    #expect(text.contains { $0.hasPrefix("storage requests: 4, bytes asked: ") })
    #expect(text.last?.hasPrefix("  planning: storage requests: 3, bytes asked: ") == true)
    let json = try await setting.session().texts("EXPLAIN ANALYZE (FORMAT JSON) " + Self.point).map { $0[0] ?? "" }.joined(separator: "\n")
    let root = try JSONDocument(json).root
    let storage = try root.require("storage")
    #expect(try storage.requireInt64("requests") == 4)
    #expect(try storage.require("planning").requireInt64("requests") == 3)
    #expect(try storage.requireInt64("bytesUsed") <= storage.requireInt64("bytesAsked") + 64 << 10)
    let write = try await setting.session().texts("EXPLAIN ANALYZE INSERT INTO points VALUES (1, 1, 'x')").map { $0[0] ?? "" }
    #expect(write.contains { $0.contains("storage requests: 6, ") }, "\(write)")
    let local = try await TestEngine().engine.makeSession().texts("EXPLAIN ANALYZE SELECT * FROM (VALUES 1) t (x)").map { $0[0] ?? "" }
    #expect(!local.contains { $0.contains("storage") })
  }

  @Test("with a cache on disk a second process makes no requests; changed bytes in it are asked for again")
  func diskCache() async throws {
    let setting = try Setting()
    try await setting.makePoints()
    let folder = setting.scratch.path + "/cache"
    let query = "SELECT part, count(*), min(note) FROM points GROUP BY part ORDER BY part"
    func run() async throws -> (rows: [[String?]], requests: Int) { try await counted(setting.session { $0.cacheDirectory = folder }, query) }
    let first = try await run()
    #expect(first.requests == 2 + 5 + 5)
    #expect(first.rows.count == 5 && first.rows[1] == ["1", "100", "row 100"])
    let second = try await run()
    #expect(second.rows == first.rows)
    #expect(second.requests == 0)
    var damaged = 0
    for file in setting.scratch.files where file.hasPrefix(folder) && file.contains("-000000") {
      let descriptor = open(file, O_RDWR)
      var byte: UInt8 = 0
      let offset = lseek(descriptor, 0, SEEK_END) - 10
      pread(descriptor, &byte, 1, offset)
      byte ^= 4
      pwrite(descriptor, &byte, 1, offset)
      close(descriptor)
      damaged += 1
    }
    #expect(damaged == 12)
    let third = try await run()
    #expect(third.rows == first.rows)
    #expect(third.requests == 12)
    #expect(try await run().requests == 0)
  }

  @Test("files that may be replaced are kept by the state that their listing tells")
  func replacedFiles() async throws {
    let setting = try Setting()
    let folder = setting.scratch.path + "/cache"
    func session() throws -> Session { try setting.session { $0.cacheDirectory = folder } }
    for value in [1, 2] {
      _ = try await session().run("UNLOAD (SELECT \(value) AS x) TO 's3://lake/out\(value)/' WITH (format = 'PARQUET')")
      // One key, two contents of the same size.
      let objects = try setting.scratch.files.filter { $0.contains("/server/rclone/lake/out\(value)/") && !$0.contains("/.") }
      let source = try #require(objects.first)
      mkdir(setting.scratch.path + "/server/rclone/lake/in", 0o777)
      let bytes = try await LocalStore().read(Location(source))
      var environment = setting.environment
      environment["FRAZIL_UNUSED"] = "1"
      let store = try AWSAccess(environment: environment).s3Store()
      _ = try await store.write(Location("s3://lake/in/data.parquet"), bytes)
      for requests in [2, 1] {
        let read = try await counted(session(), "SELECT x FROM read_parquet('s3://lake/in/*.parquet')")
        #expect(read.rows == [["\(value)"]])
        #expect(read.requests == requests)
      }
    }
  }

  @Test("two processes fill one cache at once, and both say the same", .enabled(if: Binary.path != nil, "FRAZIL_BINARY is not set"))
  func twoProcesses() async throws {
    let setting = try Setting()
    try await setting.makePoints()
    let arguments = [
      "--catalog-directory", setting.scratch.path + "/catalog", "--warehouse", "s3://lake/wh", "--cache", setting.scratch.path + "/cache", "--cache-size", "64KB",
      "--format", "csv", "-c", "SELECT part, count(*), min(note) FROM points GROUP BY part ORDER BY part",
    ]
    let outputs = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<2 {
        group.addTask {
          let outcome = try Binary.run(arguments, in: ScratchFolder(), environment: setting.environment)
          #expect(outcome.status == 0, "\(outcome.errors)")
          return outcome.output
        }
      }
      var outputs: [String] = []
      for try await output in group { outputs.append(output) }
      return outputs
    }
    #expect(outputs[0] == outputs[1])
    #expect(outputs[0].contains("row 100"))
  }

  @Test("many small files are read side by side, each in one request, within the memory that reads ahead may hold")
  func manyFiles() async throws {
    let setting = try Setting()
    let session = try setting.session { $0.memoryLimit = 256 << 20 }
    _ = try await session.run("CREATE TABLE many (k bigint, part bigint) PARTITIONED BY (part) TBLPROPERTIES ('table_type' = 'ICEBERG')")
    _ = try await session.run("INSERT INTO many SELECT n, n % 90 FROM UNNEST(sequence(1, 9000)) AS s (n)")
    let other = try setting.session()
    let all = try await counted(other, "SELECT count(k), sum(k) FROM many WHERE k > 0")
    #expect(all.rows == [["9000", "40504500"]])
    #expect(all.requests == 3 + 90)
    // A few rows need few files.
    #expect(try await counted(setting.session(), "SELECT k FROM many LIMIT 1").requests < 30)
  }

  @Test("of a large file a few rows take the footer and the pages that hold them; all rows take one request for each piece of 8 MiB")
  func largeFile() async throws {
    let setting = try Setting()
    _ = try await setting.session().run(
      """
      CREATE TABLE large WITH (table_type = 'ICEBERG', is_external = false) AS
      SELECT n AS k, to_hex(sha256(to_utf8(CAST(n AS varchar)))) AS note FROM UNNEST(sequence(1, 120000)) AS s (n) ORDER BY n
      """)
    let file = try #require(setting.scratch.files.filter { $0.contains("/lake/wh/") && $0.hasSuffix(".parquet") }.first)
    let size = try await LocalStore().info(Location(file)).size
    #expect(size > 3 << 20 && size < 8 << 20, "\(size)")
    // Digests of the texts '60000' and '120000', as sha256sum says.
    for (condition, count, digest, share) in [
      ("k = 60000", "1", "D55D01D0341ED0BA2CD99B322E8C5B609254F47D10C7CD12B99B4922EFFEBA44", 2), ("k > 0", "120000", "4F9F73B34C5B89879AAD65A48025F3187DD9CE6DC3D4E88EECB2FC79227350F1", 1),
    ] {
      let traffic = StorageTraffic()
      let session = try setting.session()
      let rows = try await StorageTraffic.$current.withValue(traffic) {
        try await session.texts("SELECT count(note), max_by(note, k) FROM large WHERE \(condition)")
      }
      #expect(rows == [[count, digest]])
      // Metadata, manifest list, manifest, the end of the file; then pages of two columns at most, or one request for all.
      #expect(traffic.count.requests <= 6)
      #expect(traffic.count.bytesAsked < size / share + 128 << 10)
    }
  }
}

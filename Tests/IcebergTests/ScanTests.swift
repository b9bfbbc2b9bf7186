import Columnar
import Iceberg
import JSONText
import Storage
import TestSupport
import Testing

@Suite("Scan planning")
struct ScanTests {
  static let source: [(SQLType, [PartitionTransform])] = [
    (.integer, [.identity, .bucket(4), .truncate(10)]), (.bigint, [.identity, .bucket(4), .truncate(10)]),
    (.decimal(precision: 9, scale: 2), [.identity, .bucket(4), .truncate(50)]),
    (.decimal(precision: 30, scale: 2), [.identity, .bucket(4), .truncate(50)]),
    (.date, [.identity, .bucket(4), .year, .month, .day]), (.timestamp(precision: 6), [.identity, .bucket(4), .year, .month, .day, .hour]),
    (.timestampTZ(precision: 6), [.year, .month, .day, .hour, .bucket(3)]), (.varchar, [.identity, .bucket(4), .truncate(2)]),
    (.varbinary, [.identity, .truncate(2), .bucket(4)]), (.double, [.identity]), (.boolean, [.identity]),
  ]

  static func value(_ type: SQLType, _ random: inout SeededRandom) -> Scalar {
    let small = Int64(random.next() % 61) - 30
    switch type {
    case .boolean: return Scalar(type, .boolean(small > 0))
    case .integer, .bigint: return Scalar(type, .int(random.next() % 20 == 0 ? Int64(Int32.min) : small))
    case .decimal(let precision, _): return Scalar(type, precision <= 18 ? .int(small) : .int128(Int128(small)))
    case .date: return Scalar(type, .int(small * 17))
    case .timestamp: return Scalar(type, .int(small * 3_600_000_000 * 50 + Int64(random.next() % 3) - 1))
    case .timestampTZ: return Scalar(type, .timestampTZ(TimestampTZ(instant: small * 3_600_000_000 * 50 + Int64(random.next() % 3) - 1)))
    case .double:
      let special: [Double] = [.nan, 0, -0.0, .infinity, -.infinity]
      return Scalar(type, .double(random.next() % 4 == 0 ? special[Int(random.next() % 5)] : Double(small) / 4))
    case .varchar:
      let letters = ["a", "b", "δ", "😀"]
      return .text((0..<random.next() % 4).map { _ in letters[Int(random.next() % 4)] }.joined())
    default: return Scalar(type, .bytes((0..<random.next() % 4).map { _ in [0, 1, 255][Int(random.next() % 3)] }))
    }
  }

  static func test(_ type: SQLType, _ random: inout SeededRandom) -> IcebergPredicate.Test {
    let scalar = value(type, &random)
    let list = [scalar, value(type, &random)]
    let isText = type.physical == .string
    switch random.next() % 12 {
    case 0: return .equal(scalar)
    case 1: return .notEqual(scalar)
    case 2: return .less(scalar)
    case 3: return .lessOrEqual(scalar)
    case 4: return .greater(scalar)
    case 5: return .greaterOrEqual(scalar)
    case 6: return .oneOf(list)
    case 7: return .noneOf(list)
    case 8: return .isNull
    case 9: return isText ? .startsWith(IcebergPredicate.Test.bytes(scalar.value)) : .isNotNaN
    case 10: return isText ? .notStartsWith(IcebergPredicate.Test.bytes(scalar.value)) : .isNaN
    default: return .isNotNull
    }
  }

  @Test("a row that matches lies in a partition that may match, for every transform", arguments: [1, 2, 3] as [UInt64])
  func projections(seed: UInt64) {
    var random = SeededRandom(seed)
    for (type, transforms) in Self.source {
      for transform in transforms {
        for _ in 0..<200 {
          let test = Self.test(type, &random)
          let row = random.next() % 10 == 0 ? Scalar.null(type) : Self.value(type, &random)
          guard test.holds(row), let projected = PartitionProjection.project(test, transform, type) else { continue }
          // Truncation of the smallest numbers wraps around, see Transform.swift.
          if case .int(let number) = row.value, number == Int64(Int32.min), case .truncate = transform { continue }
          #expect(projected.holds(transform.apply(row)), "seed \(seed): \(transform.text) \(test) \(row)")
        }
      }
    }
  }

  @Test("bounds of values never rule out a test that one of them passes", arguments: [4, 5, 6] as [UInt64])
  func bounds(seed: UInt64) throws {
    var random = SeededRandom(seed)
    for (type, _) in Self.source {
      let stored = try #require(IcebergType(storedAs: type))
      let schema = IcebergSchema(fields: [IcebergField(id: 1, name: "x", type: stored)])
      for _ in 0..<300 {
        let rows = (0..<1 + random.next() % 3).map { _ in random.next() % 5 == 0 ? Scalar.null(type) : Self.value(type, &random) }
        let test = Self.test(type, &random)
        let numbers = rows.filter { !$0.isNull && !SingleValue.isNaN($0.value) }.map(\.value)
        let lower = numbers.min { SingleValue.compare($0, $1) < 0 }
        let upper = numbers.max { SingleValue.compare($0, $1) < 0 }
        let nulls = Int64(rows.count(where: \.isNull))
        let nans = Int64(rows.count { SingleValue.isNaN($0.value) })
        var metrics = FileMetrics(
          valueCounts: [1: Int64(rows.count)], nullCounts: [1: nulls], nanCounts: stored.isFloating ? [1: nans] : [:])
        metrics.lowerBounds = lower.flatMap { SingleValue.encode($0, stored) }.map { [1: $0] }
        metrics.upperBounds = upper.flatMap { SingleValue.encode($0, stored) }.map { [1: $0] }
        let matches = rows.contains { test.holds($0) }
        let filter = MetricsFilter(.test(fieldID: 1, test), schema)
        let isKept = filter.mayMatch(.decoded(metrics), recordCount: Int64(rows.count))
        #expect(isKept || !matches, "seed \(seed): \(test) over \(rows.map(\.value))")
        #expect(filter.mayMatch(.decoded(FileMetrics()), recordCount: 5) || !matches)
      }
    }
  }

  @Test("plans of tables without deletes hold all their rows, and tables with deletes are refused")
  func corpus() async throws {
    for table in try CorpusTable.all() where table.outcome == "ok" {
      let metadata = try await table.load()
      let results = Array(try table.expected.root.requireElements("results"))
      for result in results {
        guard let rowCount = result.present("row_count")?.int64 else { continue }
        let version = result.present("snapshot_id")?.int64.map { TableMetadata.Version.snapshot($0) } ?? .current
        let planner = ScanPlanner(metadata, store: table.store, version: version)
        let exact = try await planner.exactRowCount()
        do {
          let plan = try await planner.plan()
          #expect(plan.tasks.allSatisfy { $0.deletes.isEmpty })
          #expect(plan.report.plannedRecordCount == rowCount, "\(table.name)")
          if let exact { #expect(exact == rowCount, "\(table.name)") }
          for task in plan.tasks { _ = try await table.store.info(Location(task.file.path)) }
        } catch let error as IcebergError {
          #expect(error.kind == .unsupported, "\(table.name): \(error)")
          // Delete files may still match nothing of a file.
          if error.message.contains("deletes") {
            let plan = try await ScanPlanner(metadata, store: table.store, version: version, readsDeletes: true).plan()
            #expect(plan.tasks.contains { !$0.deletes.isEmpty } && plan.report.plannedRecordCount >= rowCount)
          }
        }
      }
    }
  }

  @Test("files are skipped by partition and by metrics, and the report adds up")
  func skipping() async throws {
    guard let table = try CorpusTable.named("g_p_day_ts") else { return }
    let metadata = try await table.load()
    let all = try await ScanPlanner(metadata, store: table.store).plan()
    let ts = try #require(metadata.schema.column(named: "ts"))
    let id = try #require(metadata.schema.column(named: "id"))
    let days = all.tasks.compactMap { task -> Int64? in
      if case .int(let day)? = task.file.partition.first?.value { return day }
      return nil
    }
    let day = try #require(days.first)
    let start = Scalar(.timestamp(precision: 6), .int(day * 86_400_000_000))
    let end = Scalar(.timestamp(precision: 6), .int((day + 1) * 86_400_000_000))
    let oneDay = IcebergPredicate.all([.test(fieldID: ts.id, .greaterOrEqual(start)), .test(fieldID: ts.id, .less(end))])
    let plan = try await ScanPlanner(metadata, store: table.store, predicate: oneDay).plan()
    #expect(plan.tasks.count < all.tasks.count && !plan.tasks.isEmpty)
    let report = plan.report
    #expect(report.fileCount == all.tasks.count)
    #expect(
      report.filesSkippedByManifest + report.filesSkippedByPartition + report.filesSkippedByMetrics + report.plannedFileCount
        == report.fileCount)
    let byID = try await ScanPlanner(
      metadata, store: table.store, predicate: .test(fieldID: id.id, .equal(Scalar(.bigint, .int(7))))).plan()
    #expect(byID.report.filesSkippedByMetrics > 0 && !byID.tasks.isEmpty)
    let none = try await ScanPlanner(
      metadata, store: table.store, predicate: .test(fieldID: id.id, .greater(Scalar(.bigint, .int(1 << 40))))).plan()
    #expect(none.tasks.isEmpty)
  }

  @Test("a manifest that is missing or damaged is an error naming the file")
  func damage() async throws {
    guard let table = try CorpusTable.named("g_p_day_ts") else { return }
    let metadata = try await table.load()
    let store = MemoryStore()
    let list = Location(try #require(metadata.currentSnapshot?.manifestList))
    await #expect(throws: IcebergError.self) { _ = try await ScanPlanner(metadata, store: store).plan() }
    let bytes = try await table.store.read(list)
    _ = try await store.write(list, bytes)
    let missing = await #expect(throws: IcebergError.self) { _ = try await ScanPlanner(metadata, store: store).plan() }
    #expect(missing?.kind == .notFound && missing?.file?.hasSuffix(".avro") == true)
    _ = try await store.write(list, try #require(bytes.slice(0..<bytes.count - 20)))
    let short = await #expect(throws: IcebergError.self) { _ = try await ScanPlanner(metadata, store: store).plan() }
    #expect(short?.kind == .corrupt && short?.file == list.text)
  }
}

import Columnar
import Iceberg
import Storage
import Testing

/// What a commit that replaces data files does with delete files, and what others may have done meanwhile (iceberg.md section 12).
@Suite struct RewriteCommitTests {
  private static func delete(_ name: String, _ content: DataFile.Content, region: String = "a", target: String? = nil) -> DataFile {
    var file = DataFile(
      content: content, path: "\(TableInMemory.location)/data/\(name).parquet", partition: [.text(region)], recordCount: 1, fileSize: 10)
    if content == .equalityDeletes { file.equalityIDs = [1] }
    file.referencedDataFile = target.map { TableInMemory.file($0).path }
    return file
  }

  private static func commit(_ change: FileChange, to table: TableInMemory, _ conflicts: ConflictCheck? = nil) async throws -> TableMetadata {
    try await table.committer(scope: "\(change.addedFiles.map(\.path))\(change.addedDeletes.map(\.path))")
      .commit(SnapshotChange(change, conflicts: conflicts)).metadata
  }

  private static func adding(_ deletes: DataFile...) -> FileChange {
    var change = FileChange()
    change.addedDeletes = deletes
    return change
  }

  /// A compaction of all files of a region at the state it read.
  private static func compaction(
    of region: String, into name: String, _ table: TableInMemory, keepsAge: Bool = true
  ) async throws -> (change: FileChange, conflicts: ConflictCheck) {
    let metadata = try await table.current
    let tasks = try await ScanPlanner(metadata, store: table.store, readsDeletes: true).plan().tasks
      .filter { $0.file.partition[0].text == region }
    var change = FileChange()
    change.addedFiles = [TableInMemory.file(name, region: region)]
    change.removedFiles = Set(tasks.map(\.file.path))
    change.keepsRows = true
    change.dataSequenceNumber = keepsAge ? metadata.currentSnapshot?.sequenceNumber : nil
    let conflicts = ConflictCheck(
      startID: metadata.currentSnapshotID, newRows: nil, changed: tasks, allowsNewDeletes: false, allowsNewEqualityDeletes: keepsAge)
    return (change, conflicts)
  }

  private static func liveDeletes(_ table: TableInMemory, _ metadata: TableMetadata) async throws -> [String] {
    try await table.entries(metadata).filter { $0.isLive && $0.file.content != .data }
      .map { String(Location($0.file.path).name.dropLast(".parquet".count)) }.sorted()
  }

  private static func table() async throws -> TableInMemory {
    let table = TableInMemory()
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    _ = try await commit(
      FileChange(adding: [TableInMemory.file("a1"), TableInMemory.file("a2"), TableInMemory.file("b1", region: "b")]), to: table)
    return table
  }

  @Test("equality deletes of a partition go when its files are younger, those of other partitions stay")
  func equalityDeletes() async throws {
    let table = try await Self.table()
    _ = try await Self.commit(Self.adding(Self.delete("ea", .equalityDeletes), Self.delete("eb", .equalityDeletes, region: "b")), to: table)
    let (change, conflicts) = try await Self.compaction(of: "a", into: "a3", table)
    let result = try await Self.commit(change, to: table, conflicts)
    #expect(try await table.liveNames(result).filter { !$0.hasPrefix("e") } == ["a3", "b1"])
    #expect(try await Self.liveDeletes(table, result) == ["eb"])
    #expect(result.currentSnapshot?.summary["removed-equality-delete-files"] == "1")
    #expect(try await table.strays.isEmpty)
  }

  @Test("position deletes of several targets stay as long as one of them does; those of one target go with it")
  func positionDeletes() async throws {
    let table = try await Self.table()
    let both = Self.delete("both", .positionDeletes)
    _ = try await Self.commit(Self.adding(both, Self.delete("one", .positionDeletes, target: "a1")), to: table)
    let targets = [DeleteFileID(both): Set(["a1", "a2"].map { TableInMemory.file($0).path })]
    var first = FileChange()
    first.removedFiles = [TableInMemory.file("a1").path]
    first.deleteTargets = targets
    #expect(try await Self.liveDeletes(table, try await Self.commit(first, to: table)) == ["both"])
    var second = FileChange(adding: [TableInMemory.file("a4")])
    second.removedFiles = [TableInMemory.file("a2").path]
    #expect(try await Self.liveDeletes(table, try await Self.commit(second, to: table)) == [])
  }

  @Test("a position delete file whose targets are gone goes although older files of the partition stay")
  func targetsGone() async throws {
    let table = try await Self.table()
    let delete = Self.delete("p", .positionDeletes)
    _ = try await Self.commit(Self.adding(delete), to: table)
    var change = FileChange()
    change.removedFiles = [TableInMemory.file("a1").path]
    change.deleteTargets = [DeleteFileID(delete): change.removedFiles]
    #expect(try await Self.liveDeletes(table, try await Self.commit(change, to: table)) == [])
  }

  @Test("files that are replaced leave the delete files that others still need")
  func replacedFiles() async throws {
    let table = try await Self.table()
    _ = try await Self.commit(Self.adding(Self.delete("both", .positionDeletes), Self.delete("ea", .equalityDeletes)), to: table)
    let tasks = try await ScanPlanner(table.current, store: table.store, readsDeletes: true).plan().tasks
    let one = try await Self.commit(
      FileChange(replacing: tasks.filter { $0.file.path.hasSuffix("a1.parquet") }, with: [TableInMemory.file("a3")]), to: table)
    #expect(try await Self.liveDeletes(table, one) == ["both", "ea"])
    let all = try await Self.commit(FileChange(replacing: tasks.filter { $0.file.path.hasSuffix("a2.parquet") }, with: []), to: table)
    #expect(try await Self.liveDeletes(table, all) == [])
  }

  @Test("an append between plan and commit of a compaction is no conflict, and what the compaction wrote is used again")
  func appendMeanwhile() async throws {
    let table = try await Self.table()
    let (change, conflicts) = try await Self.compaction(of: "a", into: "a3", table)
    table.pointer.plan(.interfere { try await table.append("late") })
    let result = try await Self.commit(change, to: table, conflicts)
    #expect(try await table.liveNames(result) == ["a3", "b1", "late"])
    #expect(try await table.manifests(result).contains { $0.path.hasSuffix("-m1.avro") })
    #expect(try await table.strays.isEmpty)
  }

  @Test("rows deleted by position between plan and commit of a compaction make it fail, and nothing is left", arguments: [true, false])
  func deleteMeanwhile(isBeforeCommit: Bool) async throws {
    let table = try await Self.table()
    let (change, conflicts) = try await Self.compaction(of: "a", into: "a3", table)
    let interference: @Sendable () async throws -> Void = {
      _ = try await Self.commit(Self.adding(Self.delete("late", .positionDeletes, target: "a1")), to: table)
    }
    if isBeforeCommit { try await interference() } else { table.pointer.plan(.interfere(interference)) }
    let error = await #expect(throws: IcebergError.self) { try await Self.commit(change, to: table, conflicts) }
    #expect(error?.kind == .validation)
    #expect(error?.message.contains("deleted rows of a data file") == true)
    let current = try await table.current
    #expect(try await Self.liveDeletes(table, current) == ["late"])
    #expect(try await table.strays.isEmpty)
  }

  @Test("new equality deletes are allowed while the new files keep their age, and then apply to them", arguments: [true, false])
  func equalityDeleteMeanwhile(keepsAge: Bool) async throws {
    let table = try await Self.table()
    let (change, conflicts) = try await Self.compaction(of: "a", into: "a3", table, keepsAge: keepsAge)
    table.pointer.plan(.interfere { _ = try await Self.commit(Self.adding(Self.delete("late", .equalityDeletes)), to: table) })
    guard keepsAge else {
      let error = await #expect(throws: IcebergError.self) { try await Self.commit(change, to: table, conflicts) }
      #expect(error?.kind == .validation)
      return
    }
    let result = try await Self.commit(change, to: table, conflicts)
    #expect(try await Self.liveDeletes(table, result) == ["late"])
    let tasks = try await ScanPlanner(result, store: table.store, readsDeletes: true).plan().tasks
    #expect(tasks.first { $0.file.path == TableInMemory.file("a3").path }?.deletes.count == 1)
  }

  @Test("a compaction that takes a file away makes a later delete of its rows fail")
  func compactionMeanwhile() async throws {
    let table = try await Self.table()
    let metadata = try await table.current
    let tasks = try await ScanPlanner(metadata, store: table.store, readsDeletes: true).plan().tasks.filter { $0.file.path.hasSuffix("a1.parquet") }
    let check = ConflictCheck(startID: metadata.currentSnapshotID, newRows: nil, changed: tasks, allowsNewDeletes: true)
    let (change, conflicts) = try await Self.compaction(of: "a", into: "a3", table)
    _ = try await Self.commit(change, to: table, conflicts)
    let error = await #expect(throws: IcebergError.self) {
      try await Self.commit(Self.adding(Self.delete("late", .positionDeletes, target: "a1")), to: table, check)
    }
    #expect(error?.kind == .validation)
  }
}

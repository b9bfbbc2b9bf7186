import Columnar
import Iceberg
import Storage
import Testing

/// Commits against a catalog and a store that fail on demand.
@Suite struct CommitTests {
  @Test("an append makes a snapshot with its sequence number, log entries, reference and totals")
  func append() async throws {
    let table = TableInMemory()
    try await table.create()
    let first = try await table.append("a", "b")
    let second = try await table.append("c")

    #expect(first.lastSequenceNumber == 1)
    #expect(second.lastSequenceNumber == 2)
    #expect(second.snapshots.count == 2)
    let snapshot = try #require(second.currentSnapshot)
    #expect(snapshot.parentID == first.currentSnapshotID)
    #expect(snapshot.operation == "append")
    #expect(snapshot.timestampMilliseconds == 2_000)
    #expect(snapshot.schemaID == 0)
    #expect(second.allReferences["main"]?.snapshotID == snapshot.id)
    #expect(second.snapshotLog.map(\.snapshotID) == second.snapshots.map(\.id))
    #expect(second.metadataLog.count == 2)
    #expect(second.metadataLog[0].file.contains("/metadata/00000-"))
    #expect(second.metadataLog[1].file.contains("/metadata/00001-"))
    #expect(table.pointer.location?.name.hasPrefix("00002-") == true)
    let expected = [
      "added-data-files": "1", "added-records": "10", "added-files-size": "100", "changed-partition-count": "1", "total-data-files": "3",
      "total-records": "30", "total-files-size": "300", "total-delete-files": "0", "total-position-deletes": "0",
      "total-equality-deletes": "0", "manifests-created": "1", "manifests-kept": "1", "manifests-replaced": "0",
      "entries-processed": "0", "engine-name": "test", "operation": "append",
    ]
    #expect(Dictionary(snapshot.summary.pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }) == expected)
    #expect(try await table.strays.isEmpty)
  }

  @Test("new files inherit the sequence number; those of earlier snapshots keep theirs; manifests are taken over")
  func sequenceNumbers() async throws {
    let table = TableInMemory()
    try await table.create()
    let first = try await table.append("a")
    let second = try await table.append("b")
    let manifests = try await table.manifests(second)
    #expect(manifests.map(\.sequenceNumber) == [2, 1])
    #expect(manifests.map(\.minimumSequenceNumber) == [2, 1])
    #expect(manifests[1].path == (try await table.manifests(first))[0].path)
    #expect(manifests.map(\.addedSnapshotID) == [second.currentSnapshotID, first.currentSnapshotID])
    let entries = try await table.entries(second)
    #expect(entries.map(\.status) == [.added, .added])
    #expect(entries.map(\.sequenceNumber) == [2, 1])
    #expect(entries.map(\.snapshotID) == [second.currentSnapshotID, first.currentSnapshotID])
    for manifest in manifests {
      #expect(try await table.store.info(Location(manifest.path)).size == Int(manifest.length))
      #expect(manifest.partitions == [.init(containsNull: false, containsNaN: false, lowerBound: [97], upperBound: [97])])
    }
  }

  @Test("after a conflict the commit is made again on the new state, with the manifests it had written")
  func conflict() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    table.pointer.plan(.interfere { try await table.append("other") })
    let result = try await table.append("mine")
    #expect(result.snapshots.count == 2)
    #expect(result.lastSequenceNumber == 2)
    #expect(result.snapshots[1].parentID == result.snapshots[0].id)
    #expect(try await table.liveNames(result) == ["mine", "other"])
    let list = try #require(result.currentSnapshot?.manifestList)
    #expect(list.contains("/snap-\(result.currentSnapshotID ?? 0)-2-"))
    #expect(table.pointer.swapCount == 3)
    #expect(try await table.strays.isEmpty)
    // Written once: the manifest of the second attempt is number 0.
    #expect((try await table.manifests(result))[0].path.hasSuffix("-m0.avro"))
  }

  @Test("a commit that loses every race gives up after the table's number of retries and leaves nothing")
  func gaveUp() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.retry.num-retries": "2", "commit.retry.min-wait-ms": "1"])
    for round in 0..<3 { table.pointer.plan(.interfere { [round] in try await table.append("other\(round)") }) }
    let error = await #expect(throws: IcebergError.self) { try await table.append("mine") }
    #expect(error?.kind == .conflict)
    #expect(try await table.strays.isEmpty)
    #expect(try await table.liveNames(table.current).contains("mine") == false)
  }

  @Test("a swap whose answer is lost counts as done when the pointer says so")
  func lostAnswer() async throws {
    let table = TableInMemory()
    try await table.create()
    table.pointer.plan(.loseAnswer)
    let result = try await table.append("a")
    #expect(table.pointer.swapCount == 1)
    #expect(try await table.current.currentSnapshotID == result.currentSnapshotID)
    #expect(try await table.strays.isEmpty)
  }

  @Test("a swap that fails removes the commit's files and leaves the table as it was")
  func failedSwap() async throws {
    let table = TableInMemory()
    try await table.create()
    let before = try await table.append("a")
    let files = table.store.locations
    table.pointer.plan(.fail)
    let error = await #expect(throws: IcebergError.self) { try await table.append("b") }
    #expect(error?.kind == .storage)
    #expect(table.store.locations == files)
    #expect(try await table.current.currentSnapshotID == before.currentSnapshotID)
  }

  @Test("when nobody can say whether the swap happened, the outcome is unknown and nothing is removed")
  func unknownOutcome() async throws {
    let table = TableInMemory()
    try await table.create()
    let files = table.store.locations.count
    table.pointer.plan(.vanish)
    let error = await #expect(throws: IcebergError.self) { try await table.append("a") }
    #expect(error?.kind == .commitStateUnknown)
    #expect(table.store.locations.count == files + 3)  // manifest, list, metadata file
  }

  @Test("a commit whose answer is lost is found in the log under those of others; one that the log has forgotten is unknown, not failed")
  func lostUnderOthers() async throws {
    for keptVersions in [10, 2] {
      let table = TableInMemory()
      try await table.create(properties: [
        "write.metadata.previous-versions-max": "\(keptVersions)", "commit.status-check.min-wait-ms": "1",
      ])
      table.pointer.plan(.loseAnswerThen { for name in ["x", "y", "z"] { try await table.append(name) } })
      if keptVersions == 10 {
        try await table.append("a")
      } else {
        let error = await #expect(throws: IcebergError.self) { try await table.append("a") }
        #expect(error?.kind == .commitStateUnknown)
      }
      #expect(try await table.liveNames(table.current) == ["a", "x", "y", "z"])
    }
  }

  @Test("a lookup that fails at first is repeated")
  func repeatedLookup() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.status-check.min-wait-ms": "1", "commit.status-check.num-retries": "2"])
    table.pointer.plan(.loseAnswer)
    table.pointer.failReads(2)
    try await table.append("a")
    #expect(try await table.liveNames(table.current) == ["a"])
    #expect(try await table.strays.isEmpty)
  }

  @Test("a commit that loses every race gives up after the table's total timeout")
  func timeout() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.retry.total-timeout-ms": "1", "commit.retry.min-wait-ms": "5"])
    for round in 0..<50 { table.pointer.plan(.interfere { [round] in try await table.append("other\(round)") }) }
    let error = await #expect(throws: IcebergError.self) { try await table.append("mine") }
    #expect(error?.kind == .conflict && error?.message.contains("commit.retry.total-timeout-ms") == true)
    #expect(table.pointer.swapCount < 10)
    #expect(try await table.strays.isEmpty)
  }

  @Test("a commit that nobody waits for any more stops before the swap and leaves nothing")
  func cancelled() async throws {
    let table = TableInMemory()
    try await table.create()
    let files = table.store.locations
    let committer = Committer(
      table.pointer, store: table.store, ids: IDSource(seed: nil, scope: []), now: { 2_000 }, isCancelled: { true })
    await #expect(throws: IcebergError.self) { try await committer.commit(SnapshotChange(adding: [TableInMemory.file("a")])) }
    #expect(table.store.locations == files && table.pointer.swapCount == 0)
  }

  @Test("whichever call of the store fails, before or after doing its work, the table is as it was and no file is left", arguments: [
    MemoryStore.Fault.Moment.before, .after,
  ])
  func failingStore(_ moment: MemoryStore.Fault.Moment) async throws {
    var failures = 0
    for call in 1...40 {
      let table = TableInMemory()
      try await table.create()
      try await table.append("a")
      let files = table.store.locations
      let pointer = table.pointer.location
      table.store.inject(MemoryStore.Fault(call: table.store.callCount + call, moment, .io))
      do { try await table.append("b") } catch {
        failures += 1
        #expect(table.pointer.location == pointer, "call \(call)")
        #expect(table.store.locations == files, "call \(call)")
        continue
      }
      // The fault came too late, or while old files were looked through: the append counts, whole.
      guard table.pointer.location != pointer else {
        Issue.record("call \(call): no error and no commit")
        continue
      }
      table.store.clearFaults()
      #expect(try await table.liveNames(table.current) == ["a", "b"])
    }
    // At least the reads of metadata and list, and the writes of manifest, list and metadata file.
    #expect(failures >= 5)
  }

  @Test("many writers at once all get their rows in, one after the other", arguments: [1, 2, 3])
  func manyWriters(_ seed: UInt64) async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.retry.min-wait-ms": "1", "commit.retry.max-wait-ms": "5"])
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<12 {
        group.addTask { _ = try await table.append("w\(writer)", seed: seed &* 100 &+ UInt64(writer)) }
      }
      try await group.waitForAll()
    }
    let result = try await table.current
    #expect(try await table.liveNames(result) == (0..<12).map { "w\($0)" }.sorted())
    #expect(result.snapshots.map(\.sequenceNumber) == Array(1...12))
    for (snapshot, parent) in zip(result.snapshots.dropFirst(), result.snapshots) { #expect(snapshot.parentID == parent.id) }
    #expect(result.metadataLog.count == 12)
    #expect(try await table.strays.isEmpty)
  }

  @Test("with the same seed two runs write the same bytes")
  func seeded() async throws {
    func run() async throws -> [Location: [UInt8]] {
      let table = TableInMemory()
      try await table.create()
      try await table.append("a", seed: 7)
      try await table.append("b", seed: 7)
      var contents: [Location: [UInt8]] = [:]
      for location in table.store.locations { contents[location] = try await table.store.read(location).array }
      return contents
    }
    let first = try await run()
    #expect(first.count == 7)
    #expect(try await run() == first)
  }

  @Test("a table with rows from the start has its snapshot in its first metadata file")
  func createWithRows() async throws {
    let table = TableInMemory()
    let outcome = try await table.committer().create(TableInMemory.metadata(), adding: SnapshotChange(adding: [TableInMemory.file("a")]))
    #expect(outcome.location.name.hasPrefix("00000-"))
    #expect(outcome.metadata.snapshots.count == 1)
    #expect(outcome.metadata.lastSequenceNumber == 1)
    #expect(try await table.liveNames(table.current) == ["a"])
    // A second one of that name finds it there and leaves nothing.
    let files = table.store.locations
    let error = await #expect(throws: IcebergError.self) {
      _ = try await table.committer().create(TableInMemory.metadata(), adding: SnapshotChange(adding: [TableInMemory.file("b")]))
    }
    #expect(error?.kind == .alreadyExists)
    #expect(table.store.locations == files)
  }

  @Test("the metadata log keeps as many files as the table wants; older ones are deleted when it wants that", arguments: [false, true])
  func metadataLog(_ deletes: Bool) async throws {
    let table = TableInMemory()
    try await table.create(properties: [
      "write.metadata.previous-versions-max": "2", "write.metadata.delete-after-commit.enabled": "\(deletes)",
    ])
    for name in ["a", "b", "c", "d"] { try await table.append(name) }
    let names = try await table.current.metadataLog.map { String(Location($0.file).name.prefix(5)) }
    #expect(names == ["00002", "00003"])
    #expect(table.store.locations.count { $0.name.hasSuffix(".metadata.json") } == (deletes ? 3 : 5))
  }

  @Test("manifests are merged once there are enough; entries keep their snapshot and sequence number")
  func merging() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.manifest.min-count-to-merge": "3"])
    var ids: [Int64] = []
    for name in ["a", "b", "c"] { ids.append(try #require(try await table.append(name).currentSnapshotID)) }
    let merged = try await table.current
    let manifests = try await table.manifests(merged)
    #expect(manifests.count == 1)
    #expect(manifests[0].addedFileCount == 1)
    #expect(manifests[0].existingFileCount == 2)
    #expect(manifests[0].minimumSequenceNumber == 1)
    let entries = try await table.entries(merged)
    #expect(entries.map(\.status) == [.added, .existing, .existing])
    #expect(entries.map(\.sequenceNumber) == [3, 2, 1])
    #expect(entries.map(\.snapshotID) == ids.reversed())
    #expect(merged.currentSnapshot?.summary["manifests-replaced"] == "2")
    #expect(merged.currentSnapshot?.summary["manifests-created"] == "1")
    #expect(try await table.strays.isEmpty)
    // The next ones wait again.
    #expect(try await table.manifests(table.append("d")).count == 2)
  }

  @Test("manifest merging can be switched off")
  func notMerging() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["commit.manifest.min-count-to-merge": "2", "commit.manifest-merge.enabled": "false"])
    for name in ["a", "b", "c"] { try await table.append(name) }
    #expect(try await table.manifests(table.current).count == 3)
  }

  @Test("version 1 tables are written as version 1")
  func versionOne() async throws {
    let table = TableInMemory()
    try await table.create(formatVersion: 1)
    try await table.append("a")
    let result = try await table.append("b")
    #expect(result.formatVersion == 1)
    #expect(result.lastSequenceNumber == 0)
    #expect(try await table.liveNames(result) == ["a", "b"])
    #expect(try await table.entries(result).map(\.sequenceNumber) == [0, 0])
    let text = result.text
    #expect(!text.contains("sequence-number"))
    #expect(text.contains("\"schema\":{") && text.contains("\"partition-spec\":["))
  }

  @Test("version 3 tables give row ids to new manifests")
  func versionThree() async throws {
    let table = TableInMemory()
    try await table.create(formatVersion: 3)
    try await table.append("a", "b")
    let result = try await table.append("c")
    #expect(result.nextRowID == 30)
    #expect(result.currentSnapshot?.firstRowID == 20)
    #expect(result.currentSnapshot?.addedRows == 10)
    #expect(try await table.manifests(result).map(\.firstRowID) == [20, 0])
    #expect(try await table.entries(result).map(\.file.firstRowID) == [20, 0, 10])
  }

  @Test("compressed metadata has Java's name and is read back")
  func compressedMetadata() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["write.metadata.compression-codec": "gzip"])
    try await table.append("a")
    #expect(table.pointer.location?.name.hasSuffix(".gz.metadata.json") == true)
    #expect(try await table.liveNames(table.current) == ["a"])
  }

  @Test("summaries name the partitions when the table wants that and there are few")
  func partitionSummaries() async throws {
    let table = TableInMemory()
    try await table.create(properties: ["write.summary.partition-limit": "2"])
    let files = [TableInMemory.file("a", region: "x y"), TableInMemory.file("b", region: nil, rows: 5), TableInMemory.file("c", region: "x y")]
    let summary = try #require(try await table.committer().commit(SnapshotChange(adding: files)).metadata.currentSnapshot?.summary)
    #expect(summary["changed-partition-count"] == "2")
    #expect(summary["partition-summaries-included"] == "true")
    #expect(summary["partitions.region=x+y"] == "added-data-files=2,added-records=20,added-files-size=200")
    #expect(summary["partitions.region=null"] == "added-data-files=1,added-records=5,added-files-size=100")
  }

  @Test("a table that was dropped and made again meanwhile is not written to")
  func otherTable() async throws {
    let table = TableInMemory()
    try await table.create()
    let error = await #expect(throws: IcebergError.self) {
      _ = try await table.committer().commit(SnapshotChange(adding: [TableInMemory.file("a")]), expectedUUID: "00000000-0000-4000-8000-000000000002")
    }
    #expect(error?.kind == .validation)
    #expect(try await table.strays.isEmpty)
  }
}

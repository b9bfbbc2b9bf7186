import Columnar
import Iceberg
import Storage
import Testing

/// Two tables in memory whose pointers are swapped as one.
private struct TwoTables: MetadataPointerGroup {
  let tables = [TableInMemory(), TableInMemory()]

  func swap(_ swaps: [PointerSwap]) async throws(IcebergError) -> SwapOutcome {
    for swap in swaps where try await tables[swap.table].pointer.current() != swap.expected { return .conflict }
    for swap in swaps {
      guard let new = swap.new, let location = new.location else { continue }
      let outcome = try await tables[swap.table].pointer.swap(from: swap.expected, to: location, new.metadata)
      if outcome == .conflict { return .conflict }
    }
    return .swapped
  }

  func create(properties: [String: String] = [:], formatVersion: Int = 2) async throws {
    for table in tables { try await table.create(properties: properties, formatVersion: formatVersion) }
  }

  func stage(_ index: Int) async throws -> StagedTable {
    let table = tables[index]
    let location = try await table.pointer.current()
    return StagedTable(
      try await TableMetadata.load(location, from: table.store), at: location, table.pointer, store: table.store,
      ids: IDSource(seed: nil, scope: []), now: { 3_000 })
  }

  func commit(_ staged: [StagedTable], isSerializable: Bool = false) async throws {
    try await TransactionCommitter(staged, isSerializable: isSerializable, self).commit()
  }
}

@Suite struct TransactionTests {
  private static func replacement(_ staged: StagedTable, _ table: TableInMemory, of name: String, by other: String) async throws -> SnapshotChange {
    let tasks = try await ScanPlanner(staged.metadata, store: table.store, readsDeletes: true).plan().tasks
    let old = tasks.filter { $0.file.path.contains("/\(name).") }
    return SnapshotChange(
      FileChange(replacing: old, with: [TableInMemory.file(other)]),
      conflicts: ConflictCheck(startID: staged.metadata.currentSnapshotID, newRows: nil, changed: old, allowsNewDeletes: false))
  }

  @Test("staged changes are seen by nobody, and become visible with one metadata file and a snapshot each", arguments: [1, 2, 3])
  func commit(_ formatVersion: Int) async throws {
    let place = TwoTables()
    try await place.create(formatVersion: formatVersion)
    let table = place.tables[0]
    let before = try await table.append("a")
    let staged = try await place.stage(0)
    try await staged.commit(SnapshotChange(adding: [TableInMemory.file("b")]))
    try await staged.commit(try await Self.replacement(staged, table, of: "b", by: "c"))
    #expect(try await table.current.currentSnapshotID == before.currentSnapshotID)
    #expect(try await table.liveNames(staged.metadata) == ["a", "c"])

    try await place.commit([staged])
    let after = try await table.current
    #expect(try await table.liveNames(after) == ["a", "c"])
    #expect(after.snapshots.count == 3)
    #expect(after.metadataLog.count == 2)
    // The state in between was never current.
    #expect(after.snapshotLog.map(\.snapshotID) == [before.currentSnapshotID, after.currentSnapshotID])
    #expect(try await table.strays.isEmpty)
  }

  @Test("on a newer head changes of the transaction's own files get the numbers they have there", arguments: [2, 3])
  func rebase(_ formatVersion: Int) async throws {
    let place = TwoTables()
    try await place.create(formatVersion: formatVersion)
    let table = place.tables[0]
    try await table.append("a")
    let staged = try await place.stage(0)
    try await staged.commit(SnapshotChange(adding: [TableInMemory.file("b"), TableInMemory.file("keep")]))
    let tasks = try await ScanPlanner(staged.metadata, store: table.store, readsDeletes: true).plan().tasks.filter { $0.file.path.contains("/b.") }
    try await staged.commit(SnapshotChange(FileChange(replacing: tasks, with: [])))
    try await table.append("other1")
    try await table.append("other2")

    try await place.commit([staged])
    let after = try await table.current
    #expect(after.snapshots.map(\.sequenceNumber) == [1, 2, 3, 4, 5])
    for (snapshot, parent) in zip(after.snapshots.dropFirst(), after.snapshots) { #expect(snapshot.parentID == parent.id) }
    let entries = try await table.entries(after)
    let kept = try #require(entries.first { $0.file.path.contains("/keep.") })
    #expect(kept.status == .existing && kept.sequenceNumber == 4 && kept.snapshotID == after.snapshots[3].id)
    let removed = try #require(entries.first { $0.file.path.contains("/b.") })
    #expect(removed.status == .deleted && removed.sequenceNumber == 4)
    if formatVersion > 2 {
      // Rows of a, other1 and other2 came first, ten each, then those of b. The manifest of what stays takes ten ids that nobody uses.
      #expect(kept.file.firstRowID == 40)
      #expect(after.nextRowID == 60)
    }
    #expect(try await table.strays.isEmpty)
  }

  @Test("one contradiction fails the whole transaction; discarded, it leaves no file in any table")
  func contradiction() async throws {
    let place = TwoTables()
    try await place.create()
    for table in place.tables { try await table.append("a") }
    let staged = [try await place.stage(0), try await place.stage(1)]
    try await staged[0].commit(SnapshotChange(adding: [TableInMemory.file("b")]))
    try await staged[1].commit(try await Self.replacement(staged[1], place.tables[1], of: "a", by: "c"))
    let other = try await place.stage(1)
    try await other.commit(try await Self.replacement(other, place.tables[1], of: "a", by: "d"))
    try await TransactionCommitter([other], isSerializable: false, OneOf(place, 1)).commit()

    let error = await #expect(throws: IcebergError.self) { try await place.commit(staged) }
    #expect(error?.kind == .validation)
    for table in staged { await table.discard() }
    #expect(try await place.tables[0].liveNames(place.tables[0].current) == ["a"])
    #expect(try await place.tables[1].liveNames(place.tables[1].current) == ["d"])
    for table in place.tables { #expect(try await table.strays.isEmpty) }
  }

  /// The second table of two as a group of its own.
  private struct OneOf: MetadataPointerGroup {
    let pointer: MemoryPointer
    init(_ place: TwoTables, _ index: Int) { pointer = place.tables[index].pointer }
    func swap(_ swaps: [PointerSwap]) async throws(IcebergError) -> SwapOutcome {
      guard let swap = swaps.first, let new = swap.new, let location = new.location else { return .conflict }
      return try await pointer.swap(from: swap.expected, to: location, new.metadata)
    }
  }

  @Test("a swap whose answer is lost counts as done; one that did nothing is the error; one that nobody can look up is unknown")
  func outcomes() async throws {
    for behaviour in [MemoryPointer.Behaviour.loseAnswer, .fail, .vanish] {
      let place = TwoTables()
      try await place.create(properties: ["commit.status-check.min-wait-ms": "1"])
      let table = place.tables[0]
      try await table.append("a")
      let staged = try await place.stage(0)
      try await staged.commit(SnapshotChange(adding: [TableInMemory.file("b")]))
      table.pointer.plan(behaviour)
      let files = table.store.locations.count
      switch behaviour {
      case .loseAnswer:
        try await place.commit([staged])
        #expect(try await table.liveNames(table.current) == ["a", "b"])
        #expect(try await table.strays.isEmpty)
      case .fail:
        let error = await #expect(throws: IcebergError.self) { try await place.commit([staged]) }
        #expect(error?.kind == .storage)
        await staged.discard()
        #expect(try await table.strays.isEmpty)
      default:
        let error = await #expect(throws: IcebergError.self) { try await place.commit([staged]) }
        #expect(error?.kind == .commitStateUnknown)
        #expect(table.store.locations.count == files + 1)
      }
    }
  }

  @Test("serializable: a table that was read must have the same rows, whatever files they are in")
  func serializable() async throws {
    let place = TwoTables()
    try await place.create()
    let (read, written) = (place.tables[0], place.tables[1])
    try await read.append("a")
    for isContradicted in [false, true] {
      let staged = [try await place.stage(0), try await place.stage(1)]
      staged[0].noteRead()
      try await staged[1].commit(SnapshotChange(adding: [TableInMemory.file("x\(isContradicted)")]))
      if isContradicted {
        try await read.append("b")
      } else {
        var compaction = FileChange(adding: [TableInMemory.file("a2")])
        compaction.removedFiles = [TableInMemory.file("a").path]
        compaction.keepsRows = true
        try await read.committer().commit(SnapshotChange(compaction))
      }
      if isContradicted {
        let error = await #expect(throws: IcebergError.self) { try await place.commit(staged, isSerializable: true) }
        #expect(error?.kind == .validation)
      } else {
        try await place.commit(staged, isSerializable: true)
      }
    }
    #expect(try await written.liveNames(written.current) == ["xfalse"])
  }
}

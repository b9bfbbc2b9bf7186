import Columnar
import Iceberg
import Storage
import Testing

@Suite("Commits to branches, and of files that replace others")
struct BranchCommitTests {
  private let table = TableInMemory()

  private func append(_ name: String, to branch: TargetBranch) -> SnapshotChange {
    SnapshotChange(adding: [TableInMemory.file(name)], branch: branch)
  }

  private func makeBranch(_ name: String, kind: SnapshotReference.Kind = .branch) async throws {
    _ = try await table.committer().commit(
      MetadataChange { base in
        try base.setting(
          name, to: SnapshotReference(snapshotID: base.currentSnapshotID ?? 0, kind: kind), mustExist: false, mayExist: false)
      })
  }

  @Test("a commit to a branch moves the branch only")
  func movesTheBranch() async throws {
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    let before = try await table.append("one")
    try await makeBranch("audit")
    let after = try await table.committer().commit(append("two", to: TargetBranch("audit"))).metadata
    #expect(after.currentSnapshotID == before.currentSnapshotID)
    #expect(after.snapshotLog.count == before.snapshotLog.count)
    #expect(after.references["main"]?.snapshotID == before.currentSnapshotID)
    let head = try after.head(of: TargetBranch("audit"))
    #expect(head.currentSnapshot?.parentID == before.currentSnapshotID)
    #expect(head.currentSnapshot?.summary["total-data-files"] == "2")
    #expect(try await table.liveNames(head) == ["one", "two"])
    #expect(try await table.liveNames(after) == ["one"])
    #expect(try await table.strays == [])
  }

  @Test("a commit to a branch is made again on the branch's new head")
  func branchConflict() async throws {
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    try await table.append("one")
    try await makeBranch("audit")
    table.pointer.plan(
      .interfere { [table] in
        _ = try await table.committer().commit(append("between", to: TargetBranch("audit")))
        try await table.append("elsewhere")
      })
    let after = try await table.committer().commit(append("two", to: TargetBranch("audit"))).metadata
    #expect(try await table.liveNames(after.head(of: TargetBranch("audit"))) == ["between", "one", "two"])
    #expect(try await table.liveNames(after) == ["elsewhere", "one"])
    #expect(try await table.strays == [])
  }

  @Test("what happens on main does not contradict a change of a branch, what happens on the branch does")
  func conflictsAreOfTheBranch() async throws {
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    let base = try await table.append("one")
    try await makeBranch("audit")
    func overwrite() -> SnapshotChange {
      SnapshotChange(
        FileChange(adding: [TableInMemory.file("new")]),
        conflicts: ConflictCheck(startID: base.currentSnapshotID, newRows: .everything, changed: [], allowsNewDeletes: false),
        branch: TargetBranch("audit"))
    }
    try await table.append("on-main")
    _ = try await table.committer().commit(overwrite())
    let error = await #expect(throws: IcebergError.self) { _ = try await table.committer().commit(overwrite()) }
    #expect(error?.kind == .validation)
    #expect(try await table.strays == [])
  }

  @Test("a branch that was dropped meanwhile is not made again, unless it may be")
  func droppedBranch() async throws {
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    let before = try await table.append("one")
    let error = await #expect(throws: IcebergError.self) {
      _ = try await table.committer().commit(append("two", to: TargetBranch("gone")))
    }
    #expect(error?.kind == .notFound)
    let made = try await table.committer().commit(append("two", to: TargetBranch("wap", isMadeOnDemand: true))).metadata
    #expect(made.currentSnapshotID == before.currentSnapshotID)
    #expect(try await table.liveNames(made.head(of: TargetBranch("wap"))) == ["one", "two"])
    #expect(try await table.strays == [])
  }

  @Test("a tag is not written to")
  func tag() async throws {
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    try await table.append("one")
    try await makeBranch("fixed", kind: .tag)
    let error = await #expect(throws: IcebergError.self) {
      _ = try await table.committer().commit(append("two", to: TargetBranch("fixed")))
    }
    #expect(error?.kind == .invalid)
  }

  @Test("rows added meanwhile to a partition that is replaced are a contradiction, rows of other partitions are none")
  func replacedPartitions() async throws {
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    let base = try await table.append("one")
    let task = try #require(try await ScanPlanner(base, store: table.store).plan().tasks.first)
    func replacing() -> SnapshotChange {
      var change = FileChange(replacing: [task], with: [TableInMemory.file("new")])
      change.replacesPartitions = true
      return SnapshotChange(
        change,
        conflicts: ConflictCheck(
          startID: base.currentSnapshotID, newRows: nil, newRowsIn: [FilePartition(task.file)], changed: [task], allowsNewDeletes: false))
    }
    _ = try await table.committer().commit(SnapshotChange(adding: [TableInMemory.file("other", region: "b")]))
    table.pointer.plan(.interfere { [table] in try await table.append("same") })
    let error = await #expect(throws: IcebergError.self) { _ = try await table.committer().commit(replacing()) }
    #expect(error?.kind == .validation)
    #expect(try await table.liveNames(table.current) == ["one", "other", "same"])
    #expect(try await table.strays == [])
  }

  @Test("dynamic overwrite is an overwrite with its mark, also when it replaces nothing")
  func summary() async throws {
    try await table.create(properties: ["commit.retry.min-wait-ms": "1"])
    var change = FileChange(adding: [TableInMemory.file("new")])
    change.replacesPartitions = true
    let after = try await table.committer().commit(SnapshotChange(change)).metadata
    #expect(after.currentSnapshot?.operation == "overwrite")
    #expect(after.currentSnapshot?.summary["replace-partitions"] == "true")
  }
}

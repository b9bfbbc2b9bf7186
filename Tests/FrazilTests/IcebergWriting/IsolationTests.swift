import Frazil
import TestSupport
import Testing

/// What may be committed between a statement's look at the table and its commit: every pair of operations, on the same partition and on
/// another, under both isolation levels of the table. The expectations follow from iceberg.md section 12, "What each operation
/// validates", and are written down by hand.
@Suite struct IsolationTests {
  /// What the statement under test does, to one row of partition a in file one.
  enum Mine: String, CaseIterable {
    case append
    case deleteCopy, updateCopy, mergeCopy
    case deleteDelta, updateDelta, mergeDelta

    var sql: String {
      switch self {
      case .append: "INSERT INTO t VALUES (100, 'a', 0)"
      case .deleteCopy, .deleteDelta: "DELETE FROM t WHERE p = 'a' AND id = 1"
      case .updateCopy, .updateDelta: "UPDATE t SET v = 1 WHERE p = 'a' AND id = 1"
      case .mergeCopy, .mergeDelta: "MERGE INTO t USING (VALUES 1) AS s(k) ON t.p = 'a' AND t.id = s.k WHEN MATCHED THEN UPDATE SET v = 1"
      }
    }
    var mode: String { rawValue.hasSuffix("Copy") ? "copy-on-write" : "merge-on-read" }
  }

  /// What somebody else commits meanwhile.
  enum Theirs: String, CaseIterable {
    case append
    /// Of another row in the file of the statement under test.
    case deleteDelta, deleteCopy, updateDelta, updateCopy
    /// Of a row in another file of the same partition.
    case deleteElsewhere
    /// All rows of the partition: whole files go.
    case deleteFiles
    case compaction

    /// - Parameter id: of a row in the file that the operation is to meet.
    func sql(_ partition: String, _ id: Int, _ elsewhere: Int) -> String {
      switch self {
      // By its bounds the new file may hold the row that the statement under test looks for.
      case .append: "INSERT INTO t VALUES (0, '\(partition)', 0), (200, '\(partition)', 0)"
      case .deleteDelta, .deleteCopy: "DELETE FROM t WHERE p = '\(partition)' AND id = \(id)"
      case .updateDelta, .updateCopy: "UPDATE t SET v = 2 WHERE p = '\(partition)' AND id = \(id)"
      case .deleteElsewhere: "DELETE FROM t WHERE p = '\(partition)' AND id = \(elsewhere)"
      case .deleteFiles: "DELETE FROM t WHERE p = '\(partition)'"
      case .compaction: "CALL system.rewrite_data_files(table => 't', where => 'p = ''\(partition)''', options => map(ARRAY['rewrite-all'], ARRAY['true']))"
      }
    }
    var mode: String { rawValue.hasSuffix("Copy") ? "copy-on-write" : "merge-on-read" }
  }

  /// Serializable level, snapshot level; in the same partition. In another one nothing contradicts anything.
  enum Outcome { case both, none, serializable }

  /// The rules of the format, version 2 unless said otherwise.
  static func conflicts(_ mine: Mine, _ theirs: Theirs, version: Int) -> Outcome {
    switch (mine, theirs) {
    // Appends are checked against nothing.
    case (.append, _): .none

    // Overwrite of explicit files: they must be live, without new deletes that apply to them; serializable: no new data files that match.
    case (.deleteCopy, .append), (.updateCopy, .append), (.mergeCopy, .append): .serializable
    case (.deleteCopy, .deleteElsewhere), (.updateCopy, .deleteElsewhere): .none
    // Which rows MERGE finds decides what it inserts, also those that it does not change.
    case (.mergeCopy, .deleteElsewhere): .serializable
    case (.deleteCopy, _), (.updateCopy, _), (.mergeCopy, _): .both

    // Row delta of DELETE: files must not be removed by overwrite or replace; new deletes do not matter, but for a second vector (version 3).
    case (.deleteDelta, .append): .serializable
    case (.deleteDelta, .deleteDelta): version > 2 ? .both : .none
    case (.deleteDelta, .deleteElsewhere), (.deleteDelta, .deleteFiles): .none
    // Stricter than the format: were it the same row, its new version would stay, and the DELETE be lost.
    case (.deleteDelta, .updateDelta): .both
    case (.deleteDelta, .deleteCopy), (.deleteDelta, .updateCopy), (.deleteDelta, .compaction): .both

    // Row delta of UPDATE and MERGE: besides, files must not be removed at all, and no new deletes may match the statement's filter.
    case (.updateDelta, .append), (.mergeDelta, .append): .serializable
    case (.updateDelta, _), (.mergeDelta, _): .both
    }
  }

  @Test("every pair of operations", arguments: Mine.allCases, [2, 3])
  func pairs(_ mine: Mine, _ version: Int) async throws {
    let place = try TestEngine { $0.seed = nil }
    let (me, other) = (place.engine.makeSession(), place.engine.makeSession())
    for theirs in Theirs.allCases {
      // Another partition under the stricter level.
      for (isSerializable, isSame) in [(true, true), (false, true), (true, false)] {
        let what: Comment = "\(mine) against \(theirs), version \(version), serializable \(isSerializable), same partition \(isSame)"
        _ = try await other.texts("DROP TABLE IF EXISTS t")
        let level = isSerializable ? "serializable" : "snapshot"
        _ = try await other.texts(
          """
          CREATE TABLE t (id int, p string, v int) PARTITIONED BY (p) TBLPROPERTIES ('table_type' = 'ICEBERG', 'format-version' = '\(version)',
            'write.delete.isolation-level' = '\(level)', 'write.update.isolation-level' = '\(level)', 'write.merge.isolation-level' = '\(level)')
          """)
        // Two files in each of two partitions.
        _ = try await other.texts("INSERT INTO t VALUES (1, 'a', 0), (2, 'a', 0), (3, 'a', 0), (11, 'b', 0), (12, 'b', 0), (13, 'b', 0)")
        _ = try await other.texts("INSERT INTO t VALUES (4, 'a', 0), (5, 'a', 0), (14, 'b', 0), (15, 'b', 0)")
        try await setModes(mine.mode, other)
        _ = try await me.texts("START TRANSACTION")
        _ = try await me.texts(mine.sql)
        try await setModes(theirs.mode, other)
        _ = try await other.texts(isSame ? theirs.sql("a", 2, 4) : theirs.sql("b", 12, 14))
        let expected = Self.conflicts(mine, theirs, version: version)
        let isConflict = isSame && (expected == .both || expected == .serializable && isSerializable)
        do throws(SQLError) {
          _ = try await me.texts("COMMIT")
          #expect(!isConflict, what)
        } catch {
          #expect(error.code == .icebergCommitError, "\(what): \(error)")
          #expect(isConflict, "\(what): \(error)")
        }
        let found = try await other.texts("CALL system.check_table('t')").filter { $0[0] == "error" }
        #expect(found == [], what)
      }
    }
  }

  private func setModes(_ mode: String, _ session: Session) async throws {
    _ = try await session.texts(
      "ALTER TABLE t SET TBLPROPERTIES ('write.delete.mode' = '\(mode)', 'write.update.mode' = '\(mode)', 'write.merge.mode' = '\(mode)')")
  }
}

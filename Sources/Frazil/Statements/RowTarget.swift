import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// The table whose rows a statement changes, opened at the head of the branch that it writes.
struct RowTarget {
  var entry: CatalogTable
  /// With the means to write it; nil for tables that are not Iceberg's.
  var iceberg: (table: IcebergTable, writer: IcebergWriter)?

  /// What EXPLAIN and errors call it: `db.t`, `db.t.branch_audit`.
  var name: String {
    let name = "\(entry.database).\(entry.name)"
    guard let branch = iceberg?.table.branch.name, branch != SnapshotReference.mainBranch else { return name }
    return name + ".branch_" + branch
  }
}

extension StatementRunner {
  /// Opens the target of INSERT, UPDATE, DELETE, MERGE or TRUNCATE. A last part like `branch_audit` names a branch, unless there is a
  /// table of that name; otherwise Spark's `spark.wap.branch` counts, for tables with `write.wap.enabled`.
  ///
  /// - Throws: for a branch that is not there, a tag, a view.
  func openTarget(_ name: QualifiedName) async throws -> RowTarget {
    let (entry, reference) = try await targetEntry(name)
    guard entry.isIceberg else {
      if reference != nil {
        throw SQLError.notSupported("'\(entry.database).\(entry.name)' is not an Iceberg table and has no branches", range: name.range)
      }
      return RowTarget(entry: entry)
    }
    return try await located(name.range) {
      let writer = icebergWriter(entry, at: try entry.currentMetadata().text)
      let metadata = try await icebergMetadata(entry)
      let branch = try targetBranch(reference, of: metadata, name.range)
      let table = try IcebergTable(metadata: metadata, branch: branch, store: engine.store, footers: engine.footers, writing: writer)
      return RowTarget(entry: entry, iceberg: (table, writer))
    }
  }

  private func targetEntry(_ name: QualifiedName) async throws -> (entry: CatalogTable, reference: String?) {
    do {
      guard name.parts.count <= 3 else { throw SQLError(.tableNotFound, "") }
      return (try await writableEntry(name), nil)
    } catch let error as SQLError where [.tableNotFound, .schemaNotFound, .catalogNotFound].contains(error.code) {
      guard let last = name.parts.last?.folded, name.parts.count > 1,
        let prefix = ["branch_", "tag_"].first(where: { last.hasPrefix($0) && last.count > $0.count })
      else { throw name.parts.count <= 3 ? error : SQLError(.syntaxError, "Too many parts in table name: \(name.spelling)", range: name.range) }
      var table = name
      table.parts.removeLast()
      return (try await writableEntry(table), String(last.dropFirst(prefix.count)))
    }
  }

  private func targetBranch(_ reference: String?, of metadata: TableMetadata, _ range: SourceRange) throws -> TargetBranch {
    let wapBranch = TableProperties(metadata.properties).isWriteAuditPublish ? session.settings.spark[.wapBranch] : nil
    if let wapBranch, let id = session.settings.spark[.wapID] {
      throw SQLError(
        .invalidArguments, "spark.wap.branch is '\(wapBranch)' and spark.wap.id is '\(id)': a write can go to one of them only", range: range,
        hint: "RESET SESSION spark.wap.id")
    }
    guard let reference else { return wapBranch.map { TargetBranch($0, isMadeOnDemand: true) } ?? .main }
    if let wapBranch {
      throw SQLError(
        .invalidArguments, "Cannot write to branch '\(reference)' while spark.wap.branch is '\(wapBranch)'", range: range,
        hint: "RESET SESSION spark.wap.branch")
    }
    guard let known = metadata.reference(named: reference) else {
      let branches = metadata.allReferences.filter { $0.value.kind == .branch }.map(\.key)
      throw SQLError(
        .invalidArguments, "Cannot write to branch '\(reference)': the table has no such branch", range: range,
        hint: Suggestion.hint(for: reference, among: branches) ?? "ALTER TABLE … CREATE BRANCH \(reference)")
    }
    guard known.reference.kind == .branch else {
      throw SQLError(
        .invalidArguments, "Cannot write to '\(known.name)': it is a tag, and tags do not move", range: range,
        hint: "Write to a branch made from it: ALTER TABLE … CREATE BRANCH … AS OF VERSION \(known.reference.snapshotID)")
    }
    return TargetBranch(known.name)
  }
}

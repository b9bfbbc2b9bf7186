import Catalogs
import Columnar
import Iceberg
import Planner
public import SQLSyntax
import Storage

/// What an overlay holds, and how to be rid of it.
extension Engine {
  /// One row for everything that differs from the catalogs below: tables, views and databases that were created, changed or dropped. For Iceberg
  /// tables how many snapshots and rows came and went since the base's on all branches and tags, by the summaries of the snapshots; compaction counts
  /// as nothing.
  ///
  /// - Throws: `INVALID_ARGUMENTS` for an engine without an overlay.
  public func overlayDifferences() async throws(SQLError) -> StatementResult {
    guard overlay != nil else { throw Self.noOverlay }
    var report = OverlayReport()
    do {
      for case let catalog as OverlayCatalog in catalogs.all {
        for difference in try await catalog.differences() { report.append(difference, of: catalog.name, try await growth(of: difference)) }
      }
    } catch { throw SQLError(wrapping: error) }
    return report.result
  }

  private func growth(of difference: OverlayCatalog.Difference) async throws -> OverlayReport.Growth? {
    guard difference.kind != .dropped, let entry = difference.entry, entry.isIceberg, let location = entry.metadataLocation else { return nil }
    let metadata = try await TableMetadata.load(Location(location), from: store)
    var growth = OverlayReport.Growth()
    var seen: Set<Int64> = []
    let heads = metadata.references.values.map(\.snapshotID) + [metadata.currentSnapshotID].compactMap { $0 }
    for head in heads {
      guard try count(from: head, of: metadata, hasBase: difference.base?.snapshotID != nil, &seen, &growth) else { return nil }
    }
    return growth
  }

  /// Counts the overlay's own snapshots from one on, as far as they have not been `seen`.
  ///
  /// - Returns: false where snapshots between it and the base's were expired: what they did is not known any more.
  private func count(
    from head: Int64, of metadata: TableMetadata, hasBase: Bool, _ seen: inout Set<Int64>, _ growth: inout OverlayReport.Growth
  ) throws -> Bool {
    var next: Int64? = head
    while let id = next, seen.insert(id).inserted {
      guard let snapshot = metadata.snapshot(id: id) else { return !hasBase }
      // The base's, which lie where they are, end the line.
      guard try isOwn(snapshot) else { return true }
      growth.snapshotCount += 1
      let summary = snapshot.summary
      if summary["operation"] != "replace" {
        growth.rowsAdded += summary.number("added-records") ?? 0
        growth.rowsDeleted += (summary.number("deleted-records") ?? 0) + (summary.number("added-position-deletes") ?? 0)
          - (summary.number("removed-position-deletes") ?? 0)
      }
      next = snapshot.parentID
    }
    return true
  }

  private func isOwn(_ snapshot: Snapshot) throws -> Bool {
    guard let overlay, let list = snapshot.manifestList else { return false }
    return try overlay.holds(store.resolve(Location(list)).location)
  }

  /// Removes what an overlay holds of a table, entry and files, so that the base's shows again.
  ///
  /// - Parameter table: `table`, `database.table` or `catalog.database.table`.
  /// - Throws: `TABLE_NOT_FOUND` when the overlay holds nothing of it.
  public func dropFromOverlay(table: String) async throws(SQLError) {
    guard let overlay else { throw Self.noOverlay }
    let parts = table.split(separator: ".").map { $0.lowercased() }
    guard (1...3).contains(parts.count) else { throw SQLError(.invalidArguments, "'\(table)' is no name of a table") }
    let (catalog, database, name) = try resolve(parts, in: NamePlace(catalog: CatalogRegistry.standardName, database: configuration.database.lowercased()))
    do {
      guard let layered = catalog as? OverlayCatalog, let entry = try await layered.forget(name, in: database) else {
        throw SQLError(.tableNotFound, "the overlay holds nothing of \(database).\(name)", hint: "frazil overlay diff lists what it holds.")
      }
      guard let text = entry.storage.location, !text.isEmpty else { return }
      // Only what lies in the overlay: the location itself is the base's.
      let location = try store.resolve(Location(text)).location
      let local = LocalStore()
      try await local.deleteFolder(overlay.place(of: location))
      try await local.deleteFolder(overlay.deletions(below: location))
    } catch { throw SQLError(wrapping: error) }
  }

  /// - Throws: when the folder is no overlay.
  package static func requireOverlay(_ folder: String) throws(SQLError) {
    do throws(StorageError) { _ = try OverlayFolder.existing(folder) } catch { throw SQLError(.invalidPath, "\(error)") }
  }

  /// Removes an overlay with all that it holds.
  package static func removeOverlay(_ folder: String) async throws(SQLError) {
    try requireOverlay(folder)
    do { try await LocalStore().deleteFolder(Location(folder)) } catch { throw SQLError(wrapping: error) }
  }

  /// For notes about files that were written; empty without an overlay.
  var overlaySuffix: String { overlay.map { " in the overlay \($0.path)" } ?? "" }

  /// Whether a file lies where tables do that an overlay must not touch: in the warehouse, the catalog's folder or a mounted one.
  package func isBase(file: String) -> Bool {
    guard overlay != nil else { return false }
    var places = [warehousePath(of: catalogs.standard), configuration.warehouse] + configuration.mounts.map(\.folder) + catalogs.all.compactMap(\.warehouse)
    places += [configuration.catalogDirectory, configuration.offlineDirectory].compactMap { $0 }
    let path = OverlayFolder.absolute(file)
    return places.contains { place in
      guard let local = Location(place).localPath else { return false }
      return path.hasPrefix(OverlayFolder.absolute(local) + "/")
    }
  }

  private static let noOverlay = SQLError(.invalidArguments, "no overlay is named", hint: "--overlay DIR names one.")
}

/// The rows of `frazil overlay diff`.
private struct OverlayReport {
  struct Growth {
    var snapshotCount: Int64 = 0
    var rowsAdded: Int64 = 0
    var rowsDeleted: Int64 = 0
  }

  private static let columns = [
    ResultColumn(name: "name", type: "varchar"), ResultColumn(name: "kind", type: "varchar"), ResultColumn(name: "change", type: "varchar"),
    ResultColumn(name: "snapshots", type: "bigint"), ResultColumn(name: "rows_added", type: "bigint"), ResultColumn(name: "rows_deleted", type: "bigint"),
    ResultColumn(name: "base_snapshot", type: "bigint"), ResultColumn(name: "base_is_at", type: "bigint"),
  ]
  private let texts = (0..<3).map { _ in ColumnBuilder(type: .varchar) }
  private let numbers = (0..<5).map { _ in ColumnBuilder(type: .bigint) }
  private var count = 0
  private var notes: [String] = []

  mutating func append(_ difference: OverlayCatalog.Difference, of catalog: String, _ growth: Growth?) {
    let name = ([catalog, difference.database] + (difference.entry.map { [$0.name] } ?? [])).joined(separator: ".")
    texts[0].append(text: name)
    texts[1].append(text: difference.entry.map { $0.isView ? "view" : "table" } ?? "database")
    texts[2].append(text: difference.kind.rawValue)
    let values = [growth?.snapshotCount, growth?.rowsAdded, growth?.rowsDeleted, difference.base?.snapshotID, difference.base?.currentSnapshotID]
    for (builder, value) in zip(numbers, values) { if let value { builder.append(fixed: value) } else { builder.appendNull() } }
    count += 1
    if let text = difference.base?.notice(name) { notes.append(text) }
  }

  var result: StatementResult {
    let batch = Batch(columns: (texts + numbers).map { $0.finish() }, count: count)
    return StatementResult(columns: Self.columns, rows: .of(count == 0 ? [] : [ResultBatch(batch, columns: Self.columns)]), notes: notes)
  }
}

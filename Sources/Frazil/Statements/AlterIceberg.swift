import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// ALTER TABLE of Iceberg tables: each is one commit of the metadata, made again when others commit meanwhile.
extension StatementRunner {
  func runAlterIceberg(_ alter: AlterTableStatement, range: SourceRange) async throws -> StatementResult {
    let entry: CatalogTable
    do { entry = try await writableEntry(alter.name) } catch let error as SQLError {
      if alter.ifExists, error.code == .tableNotFound { return StatementResult() }
      throw error
    }
    if !entry.isIceberg { return try await runAlterHiveTable(entry, alter, range: range) }
    if case .rename(let target) = alter.action { return try await rename(entry, to: target, alter.name.range) }
    guard let location = entry.metadataLocation else {
      throw SQLError(.icebergInvalidMetadata, "Table '\(entry.database).\(entry.name)' has no metadata_location", range: alter.name.range)
    }
    let change: @Sendable (TableMetadata) throws -> TableMetadata
    switch alter.action {
    case .addColumns, .dropColumns, .replaceColumns, .changeColumn, .renameColumn, .alterColumn, .setIdentifierFields,
      .dropIdentifierFields:
      let changes = ColumnChanges(isSpark: alter.action.isSpark, settings: binderSettings())
      change = { base in
        var evolution = SchemaEvolution(base)
        try changes.apply(alter.action, to: &evolution, base)
        return try evolution.applied()
      }
    case .setProperties(let entries):
      let settings = try IcebergTableSettings(changes: entries)
      change = { base in
        var next = try settings.formatVersionChange.map { try base.upgraded(to: $0) } ?? base
        next.properties.merge(settings.properties) { $1 }
        return next
      }
    case .unsetProperties(let keys, let ifExists):
      change = { base in
        var next = base
        for key in keys {
          let name = IcebergTableSettings.icebergNames[key.value.lowercased()] ?? key.value
          if next.properties.removeValue(forKey: name) == nil, !ifExists {
            throw SQLError(.invalidTableProperty, "Table has no property '\(key.value)'", range: key.range)
          }
        }
        return next
      }
    case .addPartitionField(let term):
      change = { base in
        var evolution = SpecEvolution(base)
        try evolution.add(term.path, try PartitionTransform(term), name: term.alias?.folded)
        return evolution.applied()
      }
    case .dropPartitionField(let term):
      change = { base in
        var evolution = SpecEvolution(base)
        try evolution.drop(term)
        return evolution.applied()
      }
    case .replacePartitionField(let old, let new):
      change = { base in
        var evolution = SpecEvolution(base)
        try evolution.drop(old)
        try evolution.add(new.path, try PartitionTransform(new), name: new.alias?.folded)
        return evolution.applied()
      }
    case .writeOrder(let order): change = { base in try base.ordered(by: order) }
    case .createReference(let definition):
      change = { base in try base.referring(definition, range: range) }
    case .dropReference(let kind, let name, let ifExists):
      change = { base in
        if ifExists, base.allReferences[name.spelling] == nil { return base }
        return try base.dropping(name.spelling, kind == .branch ? .branch : .tag)
      }
    default:
      throw SQLError.notSupported(
        "\(Statement(.alterTable(alter)).kindName) on Iceberg tables", range: range,
        hint: "Query type not supported by Athena Iceberg at this time.")
    }
    try await commit(MetadataChange(change), to: entry, at: location, range)
    return StatementResult()
  }

  /// Commits a change of an Iceberg table; its errors point at `range` unless they have a place.
  @discardableResult
  func commit(
    _ update: any SnapshotUpdate, to entry: CatalogTable, at location: String, _ range: SourceRange
  ) async throws -> TableMetadata {
    try await located(range) {
      try await icebergWriter(entry, at: location).committer.commit(update).metadata
    }
  }

  func icebergWriter(_ entry: CatalogTable, at location: String) -> IcebergWriter {
    let staged = transaction?.staged(entry)
    return IcebergWriter(
      CatalogPointer(engine.catalog(of: entry), database: entry.database, table: entry.name), name: engine.shownName(entry),
      base: location + (staged.map { "#\($0.changeCount)" } ?? ""), store: engine.store, context: context, clock: engine.clock,
      staged: staged, stagingID: session.settings.spark[.wapID])
  }

  private func rename(_ entry: CatalogTable, to target: QualifiedName, _ range: SourceRange) async throws -> StatementResult {
    guard entry.isIceberg else {
      throw SQLError.notSupported("Table cannot be renamed", range: range, hint: "Only Iceberg tables can.")
    }
    let catalog = engine.catalog(of: entry)
    var (database, name) = (entry.database, target.last.folded)
    if target.parts.count > 1 {
      let place = try resolve(target)
      (database, name) = (place.database, place.table)
      guard place.catalog.name == catalog.name || target.parts.count == 2 else {
        throw SQLError.notSupported("A table cannot be moved to another catalog by its name", range: target.range, hint: "CREATE TABLE AS copies it.")
      }
    }
    let newPlace = (database: database, name: name)
    return try await located(target.range) {
      try await catalog.renameTable(entry.name, in: entry.database, to: newPlace.name, in: newPlace.database)
      return StatementResult()
    }
  }
}

extension AlterTableAction {
  /// Spark's statements, in which TIMESTAMP is an instant: those that Athena does not have.
  fileprivate var isSpark: Bool {
    switch self {
    case .alterColumn: true
    default: false
    }
  }
}

extension PartitionTerm {
  fileprivate var path: String { column.parts.map(\.folded).joined(separator: ".") }
}

extension SpecEvolution {
  /// A plain word names a partition field first, a column second.
  fileprivate mutating func drop(_ term: PartitionTerm) throws {
    let transform = try PartitionTransform(term)
    try drop(name: term.transform == nil ? term.path : nil, column: term.path, transform)
  }
}

extension TableMetadata {
  /// Spark's WRITE ORDERED BY and its kin: the order of rows in new files, and how they are spread over them.
  fileprivate func ordered(by order: WriteOrder) throws -> TableMetadata {
    let fields = try schema.sortFields(order.orderedBy)
    var next = self
    if fields.isEmpty {
      next.defaultSortOrderID = 0
      if !next.sortOrders.contains(where: { $0.id == 0 }) { next.sortOrders.append(.unsorted) }
    } else if let known = sortOrders.first(where: { $0.fields == fields }) {
      next.defaultSortOrderID = known.id
    } else {
      let id = max(1, (sortOrders.map(\.id).max() ?? 0) &+ 1)
      next.sortOrders.append(IcebergSortOrder(id: id, fields: fields))
      next.defaultSortOrderID = id
    }
    next.properties["write.distribution-mode"] =
      order.isDistributedByPartition ? "hash" : order.isLocal || fields.isEmpty ? "none" : "range"
    return next
  }

  /// CREATE [OR REPLACE] | REPLACE BRANCH | TAG.
  fileprivate func referring(_ definition: ReferenceDefinition, range: SourceRange) throws -> TableMetadata {
    let name = definition.name.spelling
    if definition.ifNotExists, allReferences[name] != nil { return self }
    let isReplacing = definition.mode != .create
    guard let snapshotID = definition.version?.int64Value ?? currentSnapshotID else {
      throw SQLError(
        .icebergInvalidSnapshotID, "Cannot make \(definition.kind.rawValue.lowercased()) '\(name)': the table has no snapshot yet",
        range: range, hint: "INSERT something first.")
    }
    var reference = SnapshotReference(snapshotID: snapshotID, kind: definition.kind == .branch ? .branch : .tag)
    reference.maximumReferenceAgeMilliseconds = try definition.retain?.milliseconds()
    reference.maximumSnapshotAgeMilliseconds = try definition.snapshotRetention?.milliseconds()
    reference.minimumSnapshotsToKeep = definition.minimumSnapshots?.int64Value.map { Int32(clamping: $0) }
    return try setting(name, to: reference, mustExist: definition.mode == .replace, mayExist: isReplacing)
  }
}

extension RetentionDuration {
  fileprivate func milliseconds() throws(SQLError) -> Int64 {
    let unitMilliseconds: Int64 =
      switch unit {
      case .days: 86_400_000
      case .hours: 3_600_000
      case .minutes: 60_000
      }
    guard let count = count.int64Value, count > 0 else {
      throw SQLError(.invalidArguments, "A retention must be a positive whole number")
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: unitMilliseconds)
    guard !overflow else { throw SQLError(.numericValueOutOfRange, "The retention is too long") }
    return product
  }
}

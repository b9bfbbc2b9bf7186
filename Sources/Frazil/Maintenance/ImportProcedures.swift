import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

/// Procedures that make data files of an Iceberg table out of Parquet files that are there: `add_files`, `snapshot`, `migrate`
/// (sql.md 18.3). No file is copied or changed.
extension StatementRunner {
  func callImportProcedure(_ name: String, _ arguments: ProcedureArguments) async throws -> StatementResult? {
    switch name {
    case "add_files": return try await callAddFiles(arguments)
    case "snapshot": return try await callSnapshot(arguments)
    case "migrate": return try await callMigrate(arguments)
    default: return nil
    }
  }

  private func callAddFiles(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (name, values) = try arguments.tableAnd(
      ["source_table", "partition_filter", "check_duplicate_files", "parallelism", "dry_run"], required: 1)
    let sourceName = try arguments.tableName(values[0], "source_table")
    let filter = try values[1].map { try arguments.map($0, "partition_filter") } ?? [:]
    let checksDuplicates = values[2] == nil ? true : try arguments.flag(values[2], "check_duplicate_files")
    let isDryRun = try arguments.flag(values[4], "dry_run")
    let (entry, location) = try await icebergEntry(name)
    var source = try await located(sourceName.range) { try await importSource(sourceName) }
    do { try source.keep(filter) } catch { throw error.located(at: values[1]?.range ?? arguments.range) }
    let chosen = source
    return try await located(arguments.range) {
      let table = try await writableTable(entry, at: location, name.range)
      let imported = try FileImport(chosen, into: table.metadata, footers: engine.footers)
      if checksDuplicates { try await refuseDuplicates(imported, table) }
      if isDryRun { return importDryRun(imported) }
      if !imported.files.isEmpty { try await commit(imported.update, to: entry, at: location, name.range) }
      return textResult(
        ["added_files_count", "changed_partition_count"], [["\(imported.files.count)", "\(imported.partitionCount)"]])
    }
  }

  /// `db.table` of the catalog, or Spark's `` `parquet`.`path` ``.
  private func importSource(_ name: QualifiedName) async throws -> ImportSource {
    let parts = name.parts
    if parts.count == 2, ["parquet", "orc", "avro"].contains(parts[0].folded) {
      guard parts[0].folded == "parquet" else {
        throw SQLError.notSupported("adding files of format \(parts[0].folded)", hint: "`parquet`.`path`")
      }
      return try await ImportSource(path: absolute(parts[1].spelling), store: engine.store)
    }
    return try await ImportSource(try await externalTable(hiveEntry(name)))
  }

  private func hiveEntry(_ name: QualifiedName) async throws -> CatalogTable {
    let entry = try await writableEntry(name)
    guard !entry.isIceberg else {
      throw SQLError.notSupported(
        "'\(entry.database).\(entry.name)' is an Iceberg table already", range: name.range, hint: "A Hive-style table is expected.")
    }
    return entry
  }

  private func refuseDuplicates(_ imported: FileImport, _ table: IcebergTable) async throws {
    let live = Set(try await table.tasks(matching: []).map { Location($0.file.path).canonicalText })
    let known = imported.files.map(\.path).filter { live.contains(Location($0).canonicalText) }
    guard let first = known.first else { return }
    throw SQLError(
      .invalidArguments,
      "Cannot complete import: \(known.count) of the data files are part of the table already, \(first) for one",
      hint: "partition_filter chooses files; check_duplicate_files => false adds them once more, which reads their rows twice.")
  }

  private func importDryRun(_ imported: FileImport) -> StatementResult {
    textResult(Self.dryRunColumns, imported.files.map { [$0.path, "\($0.fileSize)"] })
  }

  // MARK: New tables over files

  private func callSnapshot(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let values = try arguments.all(["source_table", "table", "location", "properties", "parallelism", "dry_run"], required: 2)
    let sourceName = try arguments.tableName(values[0], "source_table")
    let name = try arguments.tableName(values[1], "table")
    let location = try values[2].map { StringLiteral(value: try arguments.text($0, "location"), range: $0.range) }
    var properties = try values[3].map { try arguments.map($0, "properties") } ?? [:]
    let isDryRun = try arguments.flag(values[5], "dry_run")
    let source = try await externalTable(hiveEntry(sourceName))
    let (catalog, database, table) = try resolve(name)
    let place = try await located(name.range) {
      _ = try await catalog.database(database)
      guard try await !tableExists(table, in: database, of: catalog) else {
        throw SQLError(.tableAlreadyExists, "Table '\(database).\(table)' already exists", range: name.range)
      }
      return try await tableLocation(location, database: database, name: table, in: catalog)
    }
    guard Location(place).canonicalText != source.location.canonicalText else {
      throw SQLError(
        .invalidProcedureArgument, "The snapshot table needs a location of its own", range: values[2]?.range,
        hint: "migrate replaces the table in place.")
    }
    // The files belong to the source: nothing that expires here may take them away.
    properties["gc.enabled"] = "false"
    properties["snapshot"] = "true"
    let settings = properties
    return try await located(arguments.range) {
      let (imported, metadata, writer) = try await newTable(
        over: source, named: (catalog, database, table), at: place, settings, values[3]?.range ?? arguments.range)
      if isDryRun { return importDryRun(imported) }
      do throws(IcebergError) { try await create(metadata, imported, writer) } catch {
        if error.kind != .commitStateUnknown, error.kind != .alreadyExists { await removeEmptyFolders(at: Location(place)) }
        throw error
      }
      return textResult(["imported_files_count"], [["\(imported.files.count)"]])
    }
  }

  private func callMigrate(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (name, values) = try arguments.tableAnd(
      ["properties", "drop_backup", "backup_table_name", "parallelism", "dry_run"], required: 0)
    var properties = try values[0].map { try arguments.map($0, "properties") } ?? [:]
    properties["migrated"] = "true"
    let settings = properties
    let dropsBackup = try arguments.flag(values[1], "drop_backup")
    let entry = try await hiveEntry(name)
    let catalog = engine.catalog(of: entry)
    let backup = try values[2].map { try arguments.text($0, "backup_table_name").lowercased() } ?? entry.name + "_backup_"
    let isDryRun = try arguments.flag(values[4], "dry_run")
    let source = try await externalTable(entry)
    return try await located(arguments.range) {
      var place = source.location.text
      while place.count > 1, place.hasSuffix("/") { place.removeLast() }
      let (imported, metadata, writer) = try await newTable(
        over: source, named: (catalog, entry.database, entry.name), at: place, settings, values[0]?.range ?? arguments.range)
      for file in imported.files {
        // The Iceberg table's own files go there, and the backup must tell them from its own.
        let path = Location(file.path).relativePath(below: Location(place)) ?? ""
        if path.hasPrefix("data/") || path.hasPrefix("metadata/") {
          throw SQLError.notSupported(
            "migrating a table with files in '\(path.prefix { $0 != "/" })', where the Iceberg table writes", range: name.range,
            hint: "system.snapshot makes an Iceberg table at another location.")
        }
      }
      if isDryRun { return importDryRun(imported) }
      guard try await !tableExists(backup, in: entry.database, of: catalog) else {
        throw SQLError(
          .tableAlreadyExists, "Table '\(entry.database).\(backup)' already exists", range: values[2]?.range ?? name.range,
          hint: "backup_table_name chooses another name for the backup.")
      }
      try await catalog.renameTable(entry.name, in: entry.database, to: backup, in: entry.database)
      do throws(IcebergError) {
        try await create(metadata, imported, writer)
      } catch {
        if error.kind == .commitStateUnknown || error.kind == .alreadyExists { throw error }
        await removeEmptyFolders(at: metadata.metadataFolder)
        do { try await catalog.renameTable(backup, in: entry.database, to: entry.name, in: entry.database) } catch let second {
          throw SQLError(
            wrapping: IcebergError(
              error.kind, "\(error.message); the table could not be given its name back and is '\(backup)' now: \(second)", cause: error))
        }
        throw error
      }
      if dropsBackup { try await catalog.dropTable(backup, in: entry.database) }
      return textResult(["migrated_files_count"], [["\(imported.files.count)"]])
    }
  }

  private func create(_ metadata: TableMetadata, _ imported: FileImport, _ writer: IcebergWriter) async throws(IcebergError) {
    _ = try await writer.catalogCommitter.create(metadata, adding: imported.files.isEmpty ? nil : imported.update)
  }

  /// An Iceberg table with the columns of a Hive-style one, partitioned by its partition columns, and its files.
  private func newTable(
    over source: ExternalTable, named name: (catalog: any Catalog, database: String, table: String), at location: String, _ properties: [String: String],
    _ propertiesRange: SourceRange
  ) async throws -> (imported: FileImport, metadata: TableMetadata, writer: IcebergWriter) {
    var properties = properties
    var formatVersion = 2
    if let text = properties.removeValue(forKey: "format-version") {
      guard let number = Int(text), (1...TableMetadata.highestFormatVersion).contains(number) else {
        throw SQLError(.invalidTableProperty, "format-version must be 1, 2 or 3: \(text)", range: propertiesRange)
      }
      formatVersion = number
    }
    if let comment = source.entry.description, properties["comment"] == nil { properties["comment"] = comment }
    let columns = source.schema.fields
    var nextID = Int32(clamping: columns.count + 1)
    var fields: [IcebergField] = []
    for (index, column) in columns.enumerated() {
      fields.append(
        IcebergField(
          id: Int32(clamping: index + 1), name: column.name.lowercased(), type: try IcebergType(column.type, nextID: &nextID),
          documentation: column.comment))
    }
    let keys = fields.suffix(source.partitionFields.count)
    let spec = PartitionSpec(
      fields: keys.enumerated().map { index, field in
        PartitionField(
          sourceID: field.id, fieldID: PartitionSpec.firstFieldID + Int32(clamping: index), name: field.name, transform: .identity)
      })
    let writer = IcebergWriter(
      CatalogPointer(name.catalog, database: name.database, table: name.table, description: source.entry.description),
      name: engine.shownName(name.table, in: name.database, of: name.catalog), base: location, store: engine.store, context: context, clock: engine.clock)
    var metadata = TableMetadata(
      newTableAt: location, uuid: writer.makeUUID(), schema: IcebergSchema(fields: fields), spec: spec, properties: properties,
      formatVersion: formatVersion, nowMilliseconds: engine.now / 1_000)
    let imported = try FileImport(try await ImportSource(source), into: metadata, footers: engine.footers)
    if let mapping = imported.mapping { metadata.properties[NameMapping.property] = mapping.text }
    return (imported, metadata, writer)
  }
}

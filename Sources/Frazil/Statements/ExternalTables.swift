import Catalogs
import Columnar
import Connectors
import Execution
import Planner
import SQLSyntax
import Storage

/// Hive-style tables: CREATE EXTERNAL TABLE, CREATE TABLE AS without `table_type = 'ICEBERG'`, and opening them.
extension StatementRunner {
  func runCreateHiveTable(
    _ create: CreateTableStatement, parameters: [Scalar] = [], range: SourceRange
  ) async throws -> StatementResult {
    let (catalog, database, name) = try resolve(create.name)
    do { _ = try await catalog.database(database) } catch { throw SQLError(wrapping: error).located(at: create.name.range) }
    if try await tableExists(name, in: database, of: catalog) {
      if create.ifNotExists { return StatementResult(rowsAffected: create.query == nil ? nil : 0) }
      throw create.query == nil
        ? SQLError(.tableAlreadyExists, "Table '\(database).\(name)' already exists", range: create.name.range)
        : SQLError(
          .tableAlreadyExists, "Destination table '\(engine.catalogs.shownName(catalog)).\(database).\(name)' already exists", range: create.name.range)
    }
    if create.query != nil {
      let (plan, target) = try await bindHiveCreation(create, parameters: parameters)
      let write = try await target.beginWrite()
      guard create.withData else { return StatementResult(rowsAffected: try await write.commit([]).rowCount) }
      let prepared = try await writingExecutor.prepare(optimize(plan))
      return StatementResult(rowsAffected: try await self.write(prepared, into: write).rowCount)
    }
    guard !create.columns.isEmpty else {
      throw SQLError(.syntaxError, "An external table needs at least one column", range: create.name.range)
    }
    guard let location = create.location, !location.value.isEmpty else {
      throw SQLError(
        .invalidTableProperty, "No location was specified for table. A location must be specified", range: create.name.range,
        hint: "Add LOCATION 'folder/' behind the columns.")
    }
    let definition = try HiveDefinition(create, location: location.value)
    let entry = CatalogTable(
      catalog: catalog.name, database: database, name: name, description: create.comment?.value, parameters: definition.parameters,
      storage: definition.storage, partitionKeys: definition.partitionKeys)
    try await located(create.name.range) { try await catalog.createTable(entry) }
    return StatementResult()
  }

  /// CREATE TABLE AS: the query's plan, and a write that makes the table once the files are there.
  func bindHiveCreation(
    _ create: CreateTableStatement, parameters: [Scalar] = []
  ) async throws -> (plan: LogicalPlan, target: WriteTarget) {
    guard let query = create.query else {
      throw SQLError.notSupported("CREATE TABLE without a query has no plan", range: create.name.range)
    }
    let (catalog, database, name) = try resolve(create.name)
    let bound = try await bindRows(of: query, for: create, parameters: parameters)
    let columns = bound.outputColumns.map { Field($0.name.lowercased(), $0.type) }
    let settings = try HiveExportSettings(create.withProperties, binderSettings())
    let partitionCount = try settings.options.checkedPartitionCount(columns.map(\.name))
    var catalogColumns: [CatalogColumn] = []
    for (column, bound) in zip(columns, bound.columns) {
      guard let type = HiveType.text(column.type), !Self.isForeignToHive(column.type) else {
        throw SQLError(
          .notSupported, "Unsupported Hive type: \(column.type)", range: bound.range,
          hint: "Cast it, or make an Iceberg table: WITH (table_type = 'ICEBERG', is_external = false).")
      }
      catalogColumns.append(CatalogColumn(name: column.name, type: type))
    }
    let location = settings.location ?? create.location
    let folder = Location(try await tableLocation(location, database: database, name: name, in: catalog) + "/")
    var target = ExportTarget(
      folder: folder, schema: Schema(columns),
      format: try settings.options.exportFormat(columns.dropLast(partitionCount).map(\.name)))
    target.partitionColumnCount = partitionCount
    var storage = settings.storage
    storage.columns = Array(catalogColumns.dropLast(partitionCount))
    storage.location = folder.text
    let entry = CatalogTable(
      catalog: catalog.name, database: database, name: name, description: create.comment?.value, parameters: ["EXTERNAL": "TRUE"], storage: storage,
      partitionKeys: Array(catalogColumns.suffix(partitionCount)))
    let exported = target
    let details = [PlanDescription.Detail(label: "", text: engine.shownName(entry))]
    return (
      bound.plan,
      WriteTarget(name: "CreateTableAs", details: details) {
        RegisteredWrite(try FileExportWrite(exported, store: engine.store, context: context)) { partitions in
          try await catalog.createTable(entry)
          if !partitions.isEmpty {
            try await catalog.addPartitions(partitions, to: name, in: database, ifNotExists: true)
          }
        }
      }
    )
  }

  /// Types that Hive would keep as text and could not read back as they were.
  private static func isForeignToHive(_ type: SQLType) -> Bool {
    switch type {
    case .json, .uuid, .time, .timestampTZ: true
    default: type.children.contains { isForeignToHive($0) }
    }
  }

  /// A Hive-style table of the catalog.
  func externalTable(_ entry: CatalogTable) async throws -> ExternalTable {
    try await ExternalTable.open(
      entry, catalog: engine.catalog(of: entry), store: engine.store, footers: engine.footers, nowMicroseconds: context.nowMicroseconds)
  }
}

/// The properties of a Hive-style CREATE TABLE AS.
private struct HiveExportSettings {
  let options: ExportOptions
  let location: StringLiteral?
  private(set) var storage = StorageDescriptor()

  init(_ properties: [ExpressionProperty], _ settings: BinderSettings) throws(SQLError) {
    var exported: [ExpressionProperty] = []
    var location: StringLiteral?
    for property in properties {
      switch property.name.folded {
      case "table_type", "is_external": break
      case "external_location", "location":
        guard case .string(let text) = property.value.kind else {
          throw SQLError(.invalidTableProperty, "Property '\(property.name.folded)' must be a text", range: property.value.range)
        }
        location = StringLiteral(value: text, range: property.value.range)
      case "write_compression", "parquet_compression":
        var renamed = property
        renamed.name = Identifier("compression", range: property.name.range)
        exported.append(renamed)
      case "bucketed_by", "bucket_count":
        throw SQLError.notSupported("bucketed tables cannot be written", range: property.range)
      default: exported.append(property)
      }
    }
    options = try ExportOptions(exported, settings: settings, statement: "CREATE TABLE AS")
    self.location = location
    switch options.format {
    case .parquet:
      storage.inputFormat = ExternalFormat.parquetInput
      storage.outputFormat = ExternalFormat.parquetOutput
      storage.serDeLibrary = ExternalFormat.parquetSerDe
      storage.serDeParameters = ["serialization.format": "1"]
    case .json, .textfile:
      storage.inputFormat = ExternalFormat.textInput
      storage.outputFormat = ExternalFormat.textOutput
      storage.serDeLibrary =
        options.format == .json ? "org.apache.hive.hcatalog.data.JsonSerDe" : "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
      storage.serDeParameters = options.serDeParameters
    case .avro:
      storage.inputFormat = ExternalFormat.avroInput
      storage.outputFormat = ExternalFormat.avroOutput
      storage.serDeLibrary = ExternalFormat.avroSerDe
      storage.serDeParameters = ["serialization.format": "1"]
    case .csv, .tsv, .orc:
      throw SQLError.notSupported(
        "tables in format \(options.format.rawValue.uppercased()) cannot be made", range: options.formatRange,
        hint: "PARQUET, AVRO, TEXTFILE and JSON can.")
    }
  }
}

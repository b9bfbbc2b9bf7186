import Catalogs
import Columnar
import Connectors
import Planner
import SQLSyntax
import TextFormats

/// What a Hive-style CREATE TABLE says of columns, partitions and files, checked (sql.md section 11).
struct HiveDefinition {
  let columns: [CatalogColumn]
  let partitionKeys: [CatalogColumn]
  private(set) var storage: StorageDescriptor
  private(set) var parameters: [String: String]

  init(_ create: CreateTableStatement, location: String) throws(SQLError) {
    if let buckets = create.range(ofClause: "CLUSTERED BY"), create.buckets != nil {
      throw SQLError.notSupported("CLUSTERED BY is not supported", range: buckets, hint: "Reading does not need it: remove the clause.")
    }
    columns = try Self.columns(create.columns)
    partitionKeys = try Self.partitionKeys(create.partitionedBy, among: columns)
    parameters = ["EXTERNAL": "TRUE"]
    for entry in create.tableProperties { parameters[entry.key.value] = entry.value.value }
    if let comment = create.comment { parameters["comment"] = comment.value }
    storage = StorageDescriptor(columns: columns, location: location)
    try setFormat(create)
    // Whatever cannot be read later is refused now, at the clause that says it.
    do { _ = try ExternalFormat(storage, tableProperties: parameters) } catch {
      throw SQLError(wrapping: error).located(
        at: create.range(ofClause: "ROW FORMAT") ?? create.range(ofClause: "STORED AS") ?? create.name.range)
    }
  }

  // MARK: Columns

  static func columns(_ definitions: [ColumnDefinition]) throws(SQLError) -> [CatalogColumn] {
    var columns: [CatalogColumn] = []
    var names: Set<String> = []
    for definition in definitions {
      let name = definition.name.folded
      guard names.insert(name).inserted else {
        throw SQLError(.duplicateColumnName, "Column name '\(name)' specified more than once", range: definition.name.range)
      }
      if definition.isNotNull || definition.defaultValue != nil {
        throw SQLError.notSupported(
          "\(definition.isNotNull ? "NOT NULL" : "DEFAULT") is not available for external tables", range: definition.range)
      }
      columns.append(try column(definition.name, definition.type, comment: definition.comment))
    }
    return columns
  }

  /// A column of the catalog, its type checked.
  static func column(_ name: Identifier, _ type: TypeName, comment: StringLiteral?) throws(SQLError) -> CatalogColumn {
    CatalogColumn(name: name.folded, type: try typeText(type), comment: comment?.value)
  }

  private static func typeText(_ name: TypeName) throws(SQLError) -> String {
    // Hive's plain decimal has no fraction and ten digits, Trino's 38.
    if case .named(let word, let arguments) = name.kind, arguments.isEmpty,
      ["decimal", "dec", "numeric"].contains(word.folded)
    {
      return "decimal(10,0)"
    }
    let type = try SQLType.resolved(name)
    switch type {
    case .json, .uuid, .time, .timestampTZ, .ipaddress, .timeTZ, .sketch, .color, .unknown: break
    default: if let text = HiveType.text(type) { return text }
    }
    throw SQLError(.notSupported, "Unsupported Hive type: \(type)", range: name.range)
  }

  private static func partitionKeys(
    _ elements: [PartitionElement], among columns: [CatalogColumn]
  ) throws(SQLError) -> [CatalogColumn] {
    var definitions: [ColumnDefinition] = []
    for element in elements {
      switch element {
      case .column(let definition):
        guard !columns.contains(where: { $0.name == definition.name.folded }) else {
          throw SQLError(
            .duplicateColumnName, "Column repeated in partitioning columns: \(definition.name.folded)", range: definition.name.range)
        }
        definitions.append(definition)
      case .term(let term):
        throw SQLError(
          .syntaxError, "Partition columns of an external table are declared with their type", range: term.range,
          hint: "PARTITIONED BY (\(term.column.spelling) string), and not among the other columns; transforms are for Iceberg tables.")
      }
    }
    let keys = try Self.columns(definitions)
    for (key, definition) in zip(keys, definitions) where key.type.contains("<") {
      throw SQLError(.notSupported, "Partition column '\(key.name)' cannot have type \(key.type)", range: definition.range)
    }
    return keys
  }

  // MARK: Format

  private mutating func setFormat(_ create: CreateTableStatement) throws(SQLError) {
    let stored = create.range(ofClause: "STORED AS")
    switch create.storedAs {
    case nil: break
    case .handler: throw SQLError.notSupported("STORED BY is not supported", range: stored)
    case .classes(let input, let output):
      storage.inputFormat = input.value
      storage.outputFormat = output.value
    case .named(let name):
      switch name.folded {
      case "textfile": break
      case "parquet", "parquetfile":
        storage.inputFormat = ExternalFormat.parquetInput
        storage.outputFormat = ExternalFormat.parquetOutput
        storage.serDeLibrary = ExternalFormat.parquetSerDe
        storage.serDeParameters = ["serialization.format": "1"]
      case "json", "jsonfile": storage.serDeLibrary = TextSerDe.hiveJSON
      case "avro":
        storage.inputFormat = ExternalFormat.avroInput
        storage.outputFormat = ExternalFormat.avroOutput
        storage.serDeLibrary = ExternalFormat.avroSerDe
        storage.serDeParameters = ["serialization.format": "1"]
      default:
        throw SQLError.notSupported(
          "tables STORED AS \(name.spelling.uppercased()) cannot be read", range: name.range, hint: "PARQUET, AVRO, JSON and TEXTFILE can.")
      }
    }
    switch create.rowFormat {
    case nil: break
    case .delimited(let format):
      storage.serDeLibrary = TextSerDe.lazySimple
      storage.serDeParameters = Self.parameters(format)
    case .serDe(let className, let properties):
      storage.serDeLibrary = className.value
      storage.serDeParameters = [:]
      for entry in properties { storage.serDeParameters[entry.key.value] = entry.value.value }
    }
    for entry in create.storageProperties { storage.serDeParameters[entry.key.value] = entry.value.value }
    if storage.serDeLibrary == ExternalFormat.parquetSerDe, storage.inputFormat == nil {
      storage.inputFormat = ExternalFormat.parquetInput
      storage.outputFormat = ExternalFormat.parquetOutput
    }
    if storage.serDeLibrary == ExternalFormat.avroSerDe, storage.inputFormat == nil {
      storage.inputFormat = ExternalFormat.avroInput
      storage.outputFormat = ExternalFormat.avroOutput
    }
    if storage.serDeLibrary == nil {
      storage.serDeLibrary = ExternalFormat.serDe(ofInput: storage.inputFormat ?? ExternalFormat.textInput)
      if storage.serDeParameters["serialization.format"] == nil { storage.serDeParameters["serialization.format"] = "1" }
    }
    storage.inputFormat = storage.inputFormat ?? ExternalFormat.textInput
    storage.outputFormat = storage.outputFormat ?? ExternalFormat.textOutput
  }

  private static func parameters(_ format: DelimitedFormat) -> [String: String] {
    var parameters: [String: String] = [:]
    if let fields = format.fields {
      parameters["field.delim"] = fields.value
      parameters["serialization.format"] = fields.value
    }
    if let escape = format.escape { parameters["escape.delim"] = escape.value }
    if let items = format.collectionItems { parameters["collection.delim"] = items.value }
    if let keys = format.mapKeys { parameters["mapkey.delim"] = keys.value }
    if let lines = format.lines { parameters["line.delim"] = lines.value }
    if let null = format.null { parameters["serialization.null.format"] = null.value }
    return parameters
  }
}

import JSONText

/// The JSON form of catalog entries: the members of Glue's `Table`, `Database` and `Partition`, so that a document is what
/// `aws glue create-table --table-input` takes, give or take the members Glue sets itself.
enum CatalogDocument {
  // MARK: Writing

  static func bytes(_ table: CatalogTable) -> [UInt8] {
    var json = JSONWriter(style: .pretty)
    json.object { json in
      member("Name", table.name, &json)
      member("DatabaseName", table.database, &json)
      member("Description", table.description, &json)
      json.member("CreateTime", table.createTime)
      json.member("UpdateTime", table.updateTime)
      member("TableType", table.tableType, &json)
      json.member("Parameters", table.parameters)
      json.key("StorageDescriptor")
      write(table.storage, &json)
      columns("PartitionKeys", table.partitionKeys, &json)
      member("ViewOriginalText", table.viewOriginalText, &json)
      member("ViewExpandedText", table.viewExpandedText, &json)
      member("VersionId", String(table.version), &json)
    }
    return json.take() + [UInt8(ascii: "\n")]
  }

  static func bytes(_ database: CatalogDatabase) -> [UInt8] {
    var json = JSONWriter(style: .pretty)
    json.object { json in
      member("Name", database.name, &json)
      member("Description", database.description, &json)
      member("LocationUri", database.location, &json)
      json.member("Parameters", database.parameters)
      json.member("CreateTime", database.createTime)
    }
    return json.take() + [UInt8(ascii: "\n")]
  }

  static func bytes(_ partitions: [CatalogPartition]) -> [UInt8] {
    var json = JSONWriter(style: .pretty)
    json.array { json in
      for partition in partitions {
        json.object { json in
          json.key("Values")
          json.array { json in for value in partition.values { json.string(value) } }
          json.key("StorageDescriptor")
          json.object { json in member("Location", partition.location, &json) }
        }
      }
    }
    return json.take() + [UInt8(ascii: "\n")]
  }

  private static func write(_ storage: StorageDescriptor, _ json: inout JSONWriter) { json.object { writeMembers(storage, &$0) } }

  /// Into an object that is open.
  ///
  /// - Parameter serDeName: of the SerDe, which is not its library.
  static func writeMembers(_ storage: StorageDescriptor, serDeName: String? = nil, _ json: inout JSONWriter) {
    columns("Columns", storage.columns, &json)
    member("Location", storage.location, &json)
    member("InputFormat", storage.inputFormat, &json)
    member("OutputFormat", storage.outputFormat, &json)
    if storage.serDeLibrary != nil || !storage.serDeParameters.isEmpty {
      json.key("SerdeInfo")
      json.object { json in
        member("Name", serDeName, &json)
        member("SerializationLibrary", storage.serDeLibrary, &json)
        json.member("Parameters", storage.serDeParameters)
      }
    }
  }

  static func columns(_ key: String, _ columns: [CatalogColumn], _ json: inout JSONWriter) {
    json.key(key)
    json.array { json in
      for column in columns {
        json.object { json in
          member("Name", column.name, &json)
          member("Type", column.type, &json)
          member("Comment", column.comment, &json)
          if !column.parameters.isEmpty { json.member("Parameters", column.parameters) }
        }
      }
    }
  }

  static func member(_ key: String, _ value: String?, _ json: inout JSONWriter) {
    if let value { json.member(key, value) }
  }

  // MARK: Reading

  /// - Parameter catalog: the name of the catalog that holds it.
  static func table(_ bytes: [UInt8], of catalog: String) throws(JSONError) -> CatalogTable {
    try table(try JSONDocument(bytes).root, of: catalog)
  }

  static func table(_ root: JSONValue, of catalog: String) throws(JSONError) -> CatalogTable {
    guard let version = Int(try root.requireString("VersionId")) else {
      throw JSONError(.wrongType, "VersionId is no number", at: root.offset)
    }
    return CatalogTable(
      catalog: catalog, database: try root.requireString("DatabaseName"), name: try root.requireString("Name"),
      description: try root.optionalString("Description"), tableType: try root.optionalString("TableType") ?? "EXTERNAL_TABLE",
      parameters: try stringMap(root, "Parameters"), storage: try storage(root),
      partitionKeys: try columns(root, "PartitionKeys"), viewOriginalText: try root.optionalString("ViewOriginalText"),
      viewExpandedText: try root.optionalString("ViewExpandedText"), version: version,
      createTime: time(root, "CreateTime"), updateTime: time(root, "UpdateTime"))
  }

  /// Seconds, which Glue writes with a fraction.
  private static func time(_ root: JSONValue, _ key: String) -> Int64 {
    root[key]?.double.flatMap { Int64(exactly: $0.rounded(.down)) } ?? 0
  }

  static func database(_ bytes: [UInt8]) throws(JSONError) -> CatalogDatabase { try database(try JSONDocument(bytes).root) }

  static func database(_ root: JSONValue) throws(JSONError) -> CatalogDatabase {
    CatalogDatabase(
      name: try root.requireString("Name"), description: try root.optionalString("Description"),
      location: try root.optionalString("LocationUri"), parameters: try stringMap(root, "Parameters"),
      createTime: time(root, "CreateTime"))
  }

  static func partitions(_ bytes: [UInt8]) throws(JSONError) -> [CatalogPartition] {
    var partitions: [CatalogPartition] = []
    for element in try JSONDocument(bytes).root.requireElements() { partitions.append(try partition(element)) }
    return partitions
  }

  static func partition(_ element: JSONValue) throws(JSONError) -> CatalogPartition {
    var values: [String] = []
    for value in try element.requireElements("Values") { values.append(try value.requireString()) }
    return CatalogPartition(values: values, location: try element.require("StorageDescriptor").requireString("Location"))
  }

  private static func storage(_ root: JSONValue) throws(JSONError) -> StorageDescriptor {
    guard let object = root.present("StorageDescriptor") else { return StorageDescriptor() }
    let serDe = object.present("SerdeInfo")
    var parameters: [String: String] = [:]
    if let serDe { parameters = try stringMap(serDe, "Parameters") }
    return StorageDescriptor(
      columns: try columns(object, "Columns"), location: try object.optionalString("Location"),
      inputFormat: try object.optionalString("InputFormat"), outputFormat: try object.optionalString("OutputFormat"),
      serDeLibrary: try serDe?.optionalString("SerializationLibrary"), serDeParameters: parameters)
  }

  private static func columns(_ object: JSONValue, _ key: String) throws(JSONError) -> [CatalogColumn] {
    guard let list = object.present(key) else { return [] }
    var columns: [CatalogColumn] = []
    for element in try list.requireElements() {
      columns.append(
        CatalogColumn(
          name: try element.requireString("Name"), type: try element.optionalString("Type") ?? "string",
          comment: try element.optionalString("Comment"), parameters: try stringMap(element, "Parameters")))
    }
    return columns
  }

  private static func stringMap(_ object: JSONValue, _ key: String) throws(JSONError) -> [String: String] {
    guard let map = object.present(key) else { return [:] }
    return try map.requireStringMap()
  }
}

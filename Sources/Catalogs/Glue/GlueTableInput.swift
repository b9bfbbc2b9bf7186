package import JSONText

/// The `TableInput` of Glue's CreateTable and UpdateTable.
///
/// An update replaces the whole entry, so what a service gave and the model has no place for is sent back. Of the members of `Table`, those
/// that Glue sets itself (CreateTime, VersionId, …) must not be sent.
package struct GlueTableInput: Sendable {
  private let table: CatalogTable
  private let source: JSONValue?

  /// Members of the input that the model does not have.
  private static let others = ["Owner", "LastAccessTime", "LastAnalyzedTime", "Retention", "TargetTable", "FederatedTable", "ViewDefinition"]
  /// Likewise of its StorageDescriptor.
  private static let otherStorage = [
    "AdditionalLocations", "Compressed", "NumberOfBuckets", "BucketColumns", "SortColumns", "Parameters", "SchemaReference", "SkewedInfo",
    "StoredAsSubDirectories",
  ]

  package init(_ table: CatalogTable) throws(CatalogError) {
    self.table = table
    guard let bytes = table.source else {
      source = nil
      return
    }
    do throws(JSONError) { source = try JSONDocument(bytes).root } catch {
      throw CatalogError(.corrupt, "the entry of \(table.database).\(table.name): \(error)")
    }
  }

  /// What `aws glue create-table --cli-input-json` takes.
  package var commandText: String {
    var json = JSONWriter(style: .pretty)
    json.object { json in
      json.member("DatabaseName", table.database)
      json.key("TableInput")
      write(to: &json)
    }
    return json.text
  }

  package func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("Name", table.name)
      CatalogDocument.member("Description", table.description, &json)
      json.member("TableType", table.tableType)
      json.member("Parameters", table.parameters)
      json.key("StorageDescriptor")
      json.object { json in
        var storage = table.storage
        storage.columns += droppedColumns
        let old = source?.present("StorageDescriptor")
        CatalogDocument.writeMembers(storage, serDeName: old?.present("SerdeInfo")?["Name"]?.string, &json)
        copy(Self.otherStorage, of: old, &json)
      }
      CatalogDocument.columns("PartitionKeys", table.partitionKeys, &json)
      CatalogDocument.member("ViewOriginalText", table.viewOriginalText, &json)
      CatalogDocument.member("ViewExpandedText", table.viewExpandedText, &json)
      copy(Self.others, of: source, &json)
    }
  }

  /// Columns of an Iceberg table that it had before. Athena and Java's library keep them behind the current ones.
  private var droppedColumns: [CatalogColumn] {
    guard table.isIceberg, let list = source?.present("StorageDescriptor")?.present("Columns") else { return [] }
    let current = Set(table.storage.columns.map(\.name))
    return list.elements.compactMap { column in
      guard let name = column["Name"]?.string, !current.contains(name), let parameters = column.present("Parameters"),
        let id = parameters["iceberg.field.id"]?.string
      else { return nil }
      return CatalogColumn(
        name: name, type: column["Type"]?.string ?? "string", comment: column["Comment"]?.string,
        parameters: [
          "iceberg.field.id": id, "iceberg.field.optional": parameters["iceberg.field.optional"]?.string ?? "true",
          "iceberg.field.current": "false",
        ])
    }
  }

  private func copy(_ keys: [String], of object: JSONValue?, _ json: inout JSONWriter) {
    guard let object else { return }
    for key in keys { if let value = object.present(key) { json.member(key) { $0.value(value) } } }
  }
}

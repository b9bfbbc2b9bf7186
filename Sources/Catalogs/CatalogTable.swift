package import Iceberg
package import Storage

/// A table or view as Glue's GetTable returns it. Iceberg tables, Hive-style external tables and views are all entries of this shape.
package struct CatalogTable: Sendable, Hashable {
  /// The name of the catalog that holds it.
  package var catalog: String
  package var database: String
  package var name: String
  package var description: String?
  /// `EXTERNAL_TABLE` or `VIRTUAL_VIEW`.
  package var tableType: String
  package var parameters: [String: String]
  package var storage: StorageDescriptor
  package var partitionKeys: [CatalogColumn]
  /// Views: Presto's encoding, see `ViewEncoding`.
  package var viewOriginalText: String?
  package var viewExpandedText: String?
  /// Grows by one with every change; what a compare-and-swap compares.
  package var version: Int
  /// Seconds since 1970 UTC.
  package var createTime: Int64
  package var updateTime: Int64
  /// The JSON text of the entry as a service gave it: what of it has no place above goes back with a change.
  package var source: [UInt8]?
  /// The state that the catalog handed out together with the entry.
  package var state: CatalogTableState?

  package init(
    catalog: String, database: String, name: String, description: String? = nil, tableType: String = "EXTERNAL_TABLE",
    parameters: [String: String] = [:], storage: StorageDescriptor = StorageDescriptor(),
    partitionKeys: [CatalogColumn] = [], viewOriginalText: String? = nil, viewExpandedText: String? = nil,
    version: Int = 0, createTime: Int64 = 0, updateTime: Int64 = 0, state: CatalogTableState? = nil
  ) {
    self.state = state
    self.catalog = catalog
    self.database = database
    self.name = name
    self.description = description
    self.tableType = tableType
    self.parameters = parameters
    self.storage = storage
    self.partitionKeys = partitionKeys
    self.viewOriginalText = viewOriginalText
    self.viewExpandedText = viewExpandedText
    self.version = version
    self.createTime = createTime
    self.updateTime = updateTime
  }

  package var isIceberg: Bool { parameters["table_type"]?.uppercased() == "ICEBERG" }
  package var isView: Bool { tableType == "VIRTUAL_VIEW" }
  /// All columns, without those that an Iceberg table no longer has: Glue's entries keep them.
  package var allColumns: [CatalogColumn] {
    storage.columns.filter { $0.parameters["iceberg.field.current"] != "false" } + partitionKeys
  }
  /// The current metadata file of an Iceberg table.
  package var metadataLocation: String? { parameters["metadata_location"] }
}

/// A state of an Iceberg table that came with its entry, so that nobody needs to read its file.
package final class CatalogTableState: Sendable, Hashable {
  package let metadata: TableMetadata
  package let location: Location

  package init(_ metadata: TableMetadata, at location: Location) {
    self.metadata = metadata
    self.location = location
  }

  package static func == (one: CatalogTableState, other: CatalogTableState) -> Bool { one.location == other.location }
  package func hash(into hasher: inout Hasher) { hasher.combine(location) }
}

/// Columns, place and SerDe of a table or partition (Glue's StorageDescriptor).
package struct StorageDescriptor: Sendable, Hashable {
  package var columns: [CatalogColumn]
  package var location: String?
  package var inputFormat: String?
  package var outputFormat: String?
  package var serDeLibrary: String?
  package var serDeParameters: [String: String]

  package init(
    columns: [CatalogColumn] = [], location: String? = nil, inputFormat: String? = nil, outputFormat: String? = nil,
    serDeLibrary: String? = nil, serDeParameters: [String: String] = [:]
  ) {
    self.columns = columns
    self.location = location
    self.inputFormat = inputFormat
    self.outputFormat = outputFormat
    self.serDeLibrary = serDeLibrary
    self.serDeParameters = serDeParameters
  }
}

package struct CatalogColumn: Sendable, Hashable {
  package var name: String
  /// Hive's spelling: `int`, `string`, `struct<a:int>`.
  package var type: String
  package var comment: String?
  package var parameters: [String: String]

  package init(name: String, type: String, comment: String? = nil, parameters: [String: String] = [:]) {
    self.name = name
    self.type = type
    self.comment = comment
    self.parameters = parameters
  }
}

package struct CatalogDatabase: Sendable, Hashable {
  package var name: String
  package var description: String?
  package var location: String?
  package var parameters: [String: String]
  package var createTime: Int64

  package init(
    name: String, description: String? = nil, location: String? = nil, parameters: [String: String] = [:],
    createTime: Int64 = 0
  ) {
    self.name = name
    self.description = description
    self.location = location
    self.parameters = parameters
    self.createTime = createTime
  }
}

/// One partition of an external table.
package struct CatalogPartition: Sendable, Hashable {
  /// One per partition key, as text (`__HIVE_DEFAULT_PARTITION__` for NULL).
  package var values: [String]
  package var location: String

  package init(values: [String], location: String) {
    self.values = values
    self.location = location
  }
}

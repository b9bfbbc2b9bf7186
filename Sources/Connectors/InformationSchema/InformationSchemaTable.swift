package import Catalogs
package import Columnar
package import Iceberg
package import Planner

/// One table of `information_schema`: what a catalog holds, as rows. Columns are Trino's.
package struct InformationSchemaTable: Table {
  package enum Kind: String, CaseIterable, Sendable {
    case schemata, tables, columns, views
    // Empty: there are no roles and privileges here.
    case roles
    case applicableRoles = "applicable_roles"
    case enabledRoles = "enabled_roles"
    case tablePrivileges = "table_privileges"
  }

  package static let schemaName = "information_schema"

  private let kind: Kind
  private let catalog: any Catalog
  private let catalogName: String
  private let metadata: @Sendable (CatalogTable) async throws -> TableMetadata
  package let schema: Schema
  package let hiddenColumns: [Field]

  /// - Parameter metadata: the state of an Iceberg table that columns are listed of.
  package init(
    _ kind: Kind, of catalog: any Catalog, named catalogName: String, metadata: @escaping @Sendable (CatalogTable) async throws -> TableMetadata
  ) {
    self.kind = kind
    self.catalog = catalog
    self.catalogName = catalogName
    self.metadata = metadata
    schema = Schema(Self.fields(of: kind))
    hiddenColumns = kind == .columns ? [Field("comment", .varchar), Field("extra_info", .varchar)] : []
  }

  private static func fields(of kind: Kind) -> [Field] {
    let table = [Field("table_catalog", .varchar), Field("table_schema", .varchar), Field("table_name", .varchar)]
    return switch kind {
    case .schemata: [Field("catalog_name", .varchar), Field("schema_name", .varchar)]
    case .tables: table + [Field("table_type", .varchar)]
    case .views: table + [Field("view_definition", .varchar)]
    case .roles, .enabledRoles: [Field("role_name", .varchar)]
    case .applicableRoles:
      [Field("grantee", .varchar), Field("grantee_type", .varchar), Field("role_name", .varchar), Field("is_grantable", .varchar)]
    case .tablePrivileges:
      [Field("grantor", .varchar), Field("grantor_type", .varchar), Field("grantee", .varchar), Field("grantee_type", .varchar)] + table
        + [Field("privilege_type", .varchar), Field("is_grantable", .varchar), Field("with_hierarchy", .varchar)]
    case .columns:
      table + [
        Field("column_name", .varchar), Field("ordinal_position", .bigint), Field("column_default", .varchar),
        Field("is_nullable", .varchar), Field("data_type", .varchar),
      ]
    }
  }

  /// The tables of `information_schema` itself, as a catalog would list them.
  package static func entries(of catalog: any Catalog) -> [CatalogTable] {
    Kind.allCases.map { kind in
      CatalogTable(
        catalog: catalog.name, database: schemaName, name: kind.rawValue, tableType: "SYSTEM_TABLE",
        storage: StorageDescriptor(
          columns: fields(of: kind).map { CatalogColumn(name: $0.name, type: HiveType.text($0.type) ?? "\($0.type)") }))
    }.sorted { $0.name < $1.name }
  }

  package func planScan(_ request: ScanRequest) async throws -> any Scan {
    let fields = schema.fields + hiddenColumns
    func allows(_ column: String, _ value: String) -> Bool {
      request.predicates.allSatisfy { fields[$0.column].name != column || $0.test.allows(value) }
    }
    var rows = RowCollector(fields)
    if [.roles, .applicableRoles, .enabledRoles, .tablePrivileges].contains(kind) {
      return BatchScan(rows.finish(), columns: request.columns, label: kind.rawValue)
    }
    let schemaColumn = kind == .schemata ? "schema_name" : "table_schema"
    let databases = try await catalog.databases().map(\.name).filter { allows(schemaColumn, $0) }.sorted()
    if kind == .schemata {
      for name in (databases + [Self.schemaName]).sorted() { rows.append([.text(catalogName), .text(name)]) }
      return BatchScan(rows.finish(), columns: request.columns, label: kind.rawValue)
    }
    for database in databases {
      for entry in try await catalog.tables(in: database).sorted(by: { $0.name < $1.name }) where allows("table_name", entry.name) {
        for row in try await self.rows(entry) { rows.append([.text(catalogName), .text(database), .text(entry.name)] + row) }
      }
    }
    if allows(schemaColumn, Self.schemaName) {
      for kind in Kind.allCases where allows("table_name", kind.rawValue) {
        for row in ownRows(kind) { rows.append([.text(catalogName), .text(Self.schemaName), .text(kind.rawValue)] + row) }
      }
    }
    return BatchScan(rows.finish(), columns: request.columns, label: kind.rawValue)
  }

  /// What this table says of one of its siblings.
  private func ownRows(_ subject: Kind) -> [[ScalarValue]] {
    switch kind {
    case .schemata, .views, .roles, .applicableRoles, .enabledRoles, .tablePrivileges: return []
    case .tables: return [[.text("BASE TABLE")]]
    case .columns:
      return Self.fields(of: subject).enumerated().map { index, field in
        [.text(field.name), .int(Int64(index + 1)), .null, .text("YES"), .text("\(field.type)"), .null, .null]
      }
    }
  }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw IcebergError(.unsupported, "tables of information_schema cannot be written")
  }

  /// What stands behind catalog, schema and name.
  private func rows(_ entry: CatalogTable) async throws -> [[ScalarValue]] {
    switch kind {
    case .schemata, .roles, .applicableRoles, .enabledRoles, .tablePrivileges: return []
    case .tables: return [[.text(entry.isView ? "VIEW" : "BASE TABLE")]]
    case .views: return entry.isView ? [[.text(try view(entry)?.sql)]] : []
    case .columns:
      return try await columns(entry).enumerated().map { index, column in
        [
          .text(column.name), .int(Int64(index + 1)), .null, .text(column.isNullable ? "YES" : "NO"), .text(column.type),
          .text(column.comment), .text(column.isPartitionKey ? "partition key" : nil),
        ]
      }
    }
  }

  private struct Column {
    var name: String
    var type: String
    var comment: String?
    var isNullable = true
    var isPartitionKey = false
  }

  private func columns(_ entry: CatalogTable) async throws -> [Column] {
    if let view = try view(entry) { return view.columns.map { Column(name: $0.name, type: $0.type) } }
    if entry.isIceberg {
      // The catalog's copy of the columns keeps dropped ones and knows fewer types.
      let metadata = try await metadata(entry)
      let identity = Set(metadata.partitionSpec.fields.filter { $0.transform == .identity }.map(\.sourceID))
      return metadata.schema.fields.map { field in
        // Types that cannot be read are named all the same.
        let type = (try? field.type.sqlType()).map { "\($0)" } ?? "\(field.type)"
        return Column(
          name: field.name.lowercased(), type: type, comment: field.documentation, isNullable: !field.isRequired,
          isPartitionKey: identity.contains(field.id))
      }
    }
    func column(_ column: CatalogColumn, _ isPartitionKey: Bool) -> Column {
      let type = (try? HiveType.parse(column.type)).map { "\($0)" } ?? column.type
      return Column(name: column.name, type: type, comment: column.comment, isPartitionKey: isPartitionKey)
    }
    return entry.storage.columns.map { column($0, false) } + entry.partitionKeys.map { column($0, true) }
  }

  private func view(_ entry: CatalogTable) throws -> ViewEncoding? {
    guard entry.isView, let text = entry.viewOriginalText else { return nil }
    return try ViewEncoding(text)
  }
}

extension Planner.ColumnPredicate.Test {
  /// Whether a text may pass; only tests that name their values say no.
  fileprivate func allows(_ text: String) -> Bool {
    switch self {
    case .equal(let scalar): scalar.text == text
    case .oneOf(let scalars): scalars.contains { $0.text == text }
    default: true
    }
  }
}

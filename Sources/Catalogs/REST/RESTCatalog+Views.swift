import Columnar
import Iceberg
import JSONText
import Storage

/// Views. Those made here have the dialect `trino`, which Athena's is; of others the first that can be understood is read.
///
/// - Source: Iceberg view specification.
extension RESTCatalog {
  /// In the order in which they are looked for.
  private static let dialects = ["athena", "trino", "frazil", "spark"]
  private static let writtenDialect = "trino"

  func view(_ view: String, in database: String) async throws(CatalogError) -> CatalogTable {
    let metadata = try await loadView(view, in: database)
    let (encoding, schema) = try encoding(metadata, view, database)
    return CatalogTable(
      catalog: name, database: database, name: view, description: encoding.comment, tableType: "VIRTUAL_VIEW",
      parameters: (try properties(metadata, view, database)).merging(["presto_view": "true"]) { $1 },
      storage: StorageDescriptor(columns: schema.fields.map { CatalogColumn(name: $0.name.lowercased(), type: IcebergColumns.typeName($0.type)) }),
      viewOriginalText: encoding.encoded, viewExpandedText: "/* Presto View */")
  }

  /// Those of the view's metadata, but its comment.
  private func properties(_ metadata: JSONValue, _ view: String, _ database: String) throws(CatalogError) -> [String: String] {
    do throws(JSONError) {
      var properties = try metadata.present("properties")?.requireStringMap() ?? [:]
      properties["comment"] = nil
      return properties
    } catch {
      throw CatalogError(.corrupt, "catalog '\(name)': the properties of view \(database).\(view): \(error)")
    }
  }

  /// What the metadata is to hold.
  private func properties(_ view: CatalogTable, _ encoding: ViewEncoding) -> [String: String] {
    var properties = view.parameters
    properties["presto_view"] = nil
    properties["comment"] = view.description ?? encoding.comment
    return properties
  }

  private func loadView(_ view: String, in database: String) async throws(CatalogError) -> JSONValue {
    let reply = try await client.send(RESTRequest(.get, ["namespaces", try await namespace(database), "views", view]))
    guard reply.failure == nil, let metadata = reply.body?.root.present("metadata") else {
      throw reply.error(.table(view, database: database), name)
    }
    return metadata
  }

  private func encoding(
    _ metadata: JSONValue, _ view: String, _ database: String
  ) throws(CatalogError) -> (ViewEncoding, IcebergSchema) {
    let found: ViewEncoding?
    let dialects: [String]
    var schema = IcebergSchema(fields: [])
    do throws(JSONError) {
      let version = try Self.currentVersion(metadata)
      let texts = try Self.representations(version)
      dialects = texts.keys.sorted()
      let schemaID = try version.requireInt64("schema-id")
      for element in try metadata.requireElements("schemas") where try element.optionalInt64("schema-id") ?? 0 == schemaID {
        do throws(IcebergError) { schema = try IcebergSchema(json: element) } catch { throw JSONError(.wrongType, "\(error)", at: element.offset) }
      }
      var levels: [String] = []
      for level in try version.requireElements("default-namespace") { levels.append(try level.requireString()) }
      let catalog = try version.optionalString("default-catalog")
      let columns = schema.fields.map { ViewEncoding.Column(name: $0.name.lowercased(), type: Self.typeName($0.type)) }
      let comment = metadata["properties"]?["comment"]?.string
      found = Self.dialects.lazy.compactMap { texts[$0] }.first.map { sql in
        ViewEncoding(
          sql: sql, catalog: catalog ?? CatalogRegistry.standardName, database: levels.isEmpty ? database : levels.joined(separator: "."),
          columns: columns, comment: comment)
      }
    } catch {
      throw CatalogError(.corrupt, "catalog '\(name)': the metadata of view \(database).\(view): \(error)")
    }
    if let found { return (found, schema) }
    throw CatalogError(
      .notSupported, "view \(database).\(view) is written in \(dialects.joined(separator: ", ")), which is not understood here")
  }

  private static func currentVersion(_ metadata: JSONValue) throws(JSONError) -> JSONValue {
    let current = try metadata.requireInt64("current-version-id")
    for version in try metadata.requireElements("versions") where try version.requireInt64("version-id") == current { return version }
    throw JSONError(.wrongType, "the current version \(current) is not among the versions", at: metadata.offset)
  }

  /// SQL texts by dialect.
  private static func representations(_ version: JSONValue) throws(JSONError) -> [String: String] {
    var texts: [String: String] = [:]
    for element in try version.requireElements("representations") where element["type"]?.string == "sql" {
      texts[try element.requireString("dialect").lowercased()] = try element.requireString("sql")
    }
    return texts
  }

  // MARK: Changes

  func createView(_ view: CatalogTable) async throws(CatalogError) {
    guard try await hasViews("POST /v1/{prefix}/namespaces/{namespace}/views") else { throw unsupported("it has no views") }
    let encoding = try definition(view)
    let (levels, schema) = (try await levels(encoding.database), try schema(view))
    let reply = try await client.send(
      RESTRequest(.post, ["namespaces", try await namespace(view.database), "views"]) { json in
        json.member("name", view.name)
        json.member("schema") { schema.write(to: &$0) }
        json.member("view-version") { writeVersion(encoding, id: 1, schemaID: 0, levels, &$0) }
        json.member("properties", properties(view, encoding))
      })
    if reply.failure != nil { throw reply.error(.table(view.name, database: view.database), name) }
  }

  func replaceView(_ view: CatalogTable) async throws(CatalogError) {
    let current = try await loadView(view.name, in: view.database)
    let (uuid, texts, newest): (String, [String: String], Int64)
    do throws(JSONError) {
      uuid = try current.requireString("view-uuid")
      texts = try Self.representations(try Self.currentVersion(current))
      var highest: Int64 = 0
      for version in try current.requireElements("versions") { highest = max(highest, try version.requireInt64("version-id")) }
      newest = highest
    } catch {
      throw CatalogError(.corrupt, "catalog '\(name)': the metadata of view \(view.database).\(view.name): \(error)")
    }
    let others = texts.keys.filter { $0 != Self.writtenDialect }.sorted()
    guard others.isEmpty || current["properties"]?["replace.drop-dialect.allowed"]?.string == "true" else {
      throw CatalogError(
        .notSupported,
        "view \(view.database).\(view.name) is also written in \(others.joined(separator: ", ")), which replacing it would lose; drop it first")
    }
    let encoding = try definition(view)
    let (levels, schema) = (try await levels(encoding.database), try schema(view))
    let wanted = properties(view, encoding)
    var known = try properties(current, view.name, view.database)
    known["comment"] = current["properties"]?["comment"]?.string
    let set = wanted.filter { known[$0.key] != $0.value }
    let removed = known.keys.filter { wanted[$0] == nil }.sorted()
    let reply = try await client.send(
      RESTRequest(.post, ["namespaces", try await namespace(view.database), "views", view.name]) { json in
        json.member("requirements") { json in
          json.array { json in
            json.object { json in
              json.member("type", "assert-view-uuid")
              json.member("uuid", uuid)
            }
          }
        }
        json.member("updates") { json in
          json.array { json in
            json.object { json in
              json.member("action", "add-schema")
              json.member("schema") { schema.write(to: &$0) }
              json.member("last-column-id", schema.highestFieldID)
            }
            json.object { json in
              json.member("action", "add-view-version")
              json.member("view-version") { writeVersion(encoding, id: newest + 1, schemaID: -1, levels, &$0) }
            }
            json.object { json in
              json.member("action", "set-current-view-version")
              json.member("view-version-id", -1)
            }
            if !set.isEmpty {
              json.object { json in
                json.member("action", "set-properties")
                json.member("updates", set)
              }
            }
            if !removed.isEmpty {
              json.object { json in
                json.member("action", "remove-properties")
                json.member("removals") { json in json.array { json in for key in removed { json.string(key) } } }
              }
            }
          }
        }
      })
    if reply.failure != nil { throw reply.error(.table(view.name, database: view.database), name) }
  }

  func dropView(_ view: String, in database: String) async throws(CatalogError) {
    let reply = try await client.send(RESTRequest(.delete, ["namespaces", try await namespace(database), "views", view]))
    if reply.failure == nil || (reply.status == 404 && reply.followsLostAnswer) { return }
    throw reply.error(.table(view, database: database), name)
  }

  private func definition(_ view: CatalogTable) throws(CatalogError) -> ViewEncoding {
    guard let text = view.viewOriginalText, let encoding = try ViewEncoding(text) else {
      throw CatalogError(.corrupt, "view '\(view.database).\(view.name)' has no Presto definition")
    }
    return encoding
  }

  private func writeVersion(_ encoding: ViewEncoding, id: Int64, schemaID: Int, _ levels: [String], _ json: inout JSONWriter) {
    json.object { json in
      json.member("version-id", id)
      json.member("schema-id", schemaID)
      json.member("timestamp-ms", now() * 1_000)
      json.member("summary", ["engine-name": "frazil"])
      json.member("representations") { json in
        json.array { json in
          json.object { json in
            json.member("type", "sql")
            json.member("sql", encoding.sql)
            json.member("dialect", Self.writtenDialect)
          }
        }
      }
      json.member("default-namespace") { json in json.array { json in for level in levels { json.string(level) } } }
      if encoding.catalog != CatalogRegistry.standardName { json.member("default-catalog", encoding.catalog) }
    }
  }

  // MARK: Columns

  private func schema(_ view: CatalogTable) throws(CatalogError) -> IcebergSchema {
    var nextID = Int32(clamping: view.storage.columns.count + 1)
    var fields: [IcebergField] = []
    for (index, column) in view.storage.columns.enumerated() {
      let type: IcebergType
      do { type = try IcebergType(try HiveType.parse(column.type), nextID: &nextID) } catch {
        throw CatalogError(.notSupported, "column '\(column.name)' of view \(view.database).\(view.name) has a type that Iceberg has not: \(column.type)")
      }
      fields.append(IcebergField(id: Int32(clamping: index + 1), name: column.name, type: type))
    }
    return IcebergSchema(fields: fields)
  }

  /// A column's type in SQL; one that SQL has no name for keeps Iceberg's.
  private static func typeName(_ type: IcebergType) -> String {
    do { return "\(try type.sqlType())" } catch { return "\(type)" }
  }
}

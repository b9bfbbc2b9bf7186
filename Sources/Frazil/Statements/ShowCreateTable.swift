import Catalogs
import Columnar
import Connectors
import Functions
import Iceberg
import SQLSyntax
import Storage

/// SHOW CREATE TABLE and what DESCRIBE says of an Iceberg table besides its columns.
extension StatementRunner {
  /// Athena's form, a row per line: a statement that makes the same table again.
  func runShowCreateTable(_ name: QualifiedName) async throws -> StatementResult {
    let entry = try await entry(name)
    if entry.isView {
      throw SQLError(
        .notSupported, "'\(entry.database).\(entry.name)' is a view", range: name.range, hint: "Use SHOW CREATE VIEW.")
    }
    if entry.database == InformationSchemaTable.schemaName {
      throw SQLError.notSupported("'\(entry.database).\(entry.name)' is made by no statement", range: name.range)
    }
    return textResult(["createtab_stmt"], try await createStatement(of: entry, name.range).map { [$0] }, isLaidOut: true)
  }

  /// - Parameter showsVersion: says the format version where it is not the usual one, which Athena's form leaves out.
  private func createStatement(of entry: CatalogTable, showsVersion: Bool = false, _ range: SourceRange) async throws -> [String] {
    guard entry.isIceberg else { return HiveStatementText(entry).lines }
    let metadata = try await located(range) { try await icebergMetadata(entry) }
    return Self.createTable(
      metadata, name: "\(Self.ddlName(entry.database)).\(Self.ddlName(entry.name))", comment: entry.description,
      more: showsVersion && metadata.formatVersion != 2 ? ["format-version": "\(metadata.formatVersion)"] : [:])
  }

  /// CREATE TABLE ... LIKE: what the source's own statement makes, under another name and at another place; without rows.
  func runCreateTableLike(_ like: CreateTableLikeStatement, range: SourceRange) async throws -> StatementResult {
    let source = try await entry(like.source)
    if source.isView || source.database == InformationSchemaTable.schemaName {
      throw SQLError.notSupported("'\(source.database).\(source.name)' is no table that can be made again", range: like.source.range)
    }
    let text = try await createStatement(of: source, showsVersion: true, like.source.range).joined(separator: "\n")
    do {
      guard case .createTable(var create) = try Parser.parseStatement(text).kind else {
        throw SQLError.notSupported("CREATE TABLE LIKE of such a table", range: like.source.range)
      }
      create.name = like.name
      create.ifNotExists = like.ifNotExists
      create.location = like.location
      return try await runCreateTable(create, range: range)
    } catch {
      // Its place is one in the source's statement.
      var mistake = SQLError(wrapping: error)
      mistake.range = like.name.range
      throw mistake
    }
  }

  /// The partition section of DESCRIBE, as Athena writes it.
  func partitionRows(_ metadata: TableMetadata) -> [[String]] {
    let fields = metadata.partitionSpec.fields
    if fields.isEmpty { return [] }
    return [["", "", ""], ["# Partition spec:", "", ""], ["# field_name", "field_transform", "column_name"]]
      + fields.map { [$0.name, $0.transform.text, metadata.schema.fullName(id: $0.sourceID) ?? "?"] }
  }

  private static func createTable(_ metadata: TableMetadata, name: String, comment: String?, more: [String: String]) -> [String] {
    var lines = ["CREATE TABLE \(name) ("]
    for (index, field) in metadata.schema.fields.enumerated() {
      let isLast = index + 1 == metadata.schema.fields.count
      lines.append("  \(ddlName(field.name)) \(definition(of: field, defaultText: defaultText(field)))\(isLast ? ")" : ",")")
    }
    if let comment = comment ?? metadata.properties["comment"] { lines.append("COMMENT \(quoted(comment))") }
    let terms = metadata.partitionSpec.fields.map { field in
      let column = (metadata.schema.path(toID: field.sourceID) ?? []).map { "`\($0.name)`" }.joined(separator: ".")
      switch field.transform {
      case .identity: return column
      case .bucket(let count): return "bucket(\(count), \(column))"
      case .truncate(let width): return "truncate(\(width), \(column))"
      case .year, .month, .day, .hour, .void, .unknown: return "\(field.transform.text)(\(column))"
      }
    }
    if !terms.isEmpty { lines.append("PARTITIONED BY (\(terms.joined(separator: ", ")))") }
    lines.append("LOCATION \(quoted(metadata.location))")
    lines.append("TBLPROPERTIES (")
    var properties = AthenaProperties.shown(metadata).merging(more) { $1 }
    let type = properties.removeValue(forKey: "table_type") ?? "ICEBERG"
    properties["comment"] = nil
    let all = [("table_type", type)] + properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    for (index, (key, value)) in all.enumerated() {
      lines.append("  \(quoted(key))=\(quoted(value))\(index + 1 == all.count ? "" : ",")")
    }
    lines.append(")")
    return lines
  }

  /// ` DEFAULT 'x'`: mostly text, which the column's type is read from.
  private static func defaultText(_ field: IcebergField) -> String {
    guard let value = field.writeDefault, value != .null, !field.type.isNested, let type = try? field.type.sqlType() else { return "" }
    switch (field.type, value) {
    case (.binary, .bytes(let bytes)), (.fixed, .bytes(let bytes)):
      return " DEFAULT X'" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined() + "'"
    default:
      // Every other primitive type has a text form.
      let text = try? castColumn(.constant(Scalar(type, value), count: 1), to: .varchar, isTry: false, context: QueryContext()).scalar(at: 0).text
      return text.map { " DEFAULT " + ([.boolean, .int, .long].contains(field.type) ? $0 : quoted($0)) } ?? ""
    }
  }

  /// Type, nullability, default and comment of a column or struct field.
  private static func definition(of field: IcebergField, defaultText: String = "") -> String {
    typeText(field.type) + (field.isRequired ? " NOT NULL" : "") + defaultText + (field.documentation.map { " COMMENT \(quoted($0))" } ?? "")
  }

  /// A type in words that CREATE TABLE reads.
  private static func typeText(_ type: IcebergType) -> String {
    switch type {
    case .time: "time(6)"
    case .uuid: "uuid"
    case .timestampTZ: "timestamp(6) with time zone"
    case .timestampNanos: "timestamp(9)"
    case .timestampTZNanos: "timestamp(9) with time zone"
    case .structure(let fields): "struct<" + fields.map { "\(ddlName($0.name)):\(definition(of: $0))" }.joined(separator: ",") + ">"
    case .list(let element): "array<\(typeText(element.type))>"
    case .map(let key, let value): "map<\(typeText(key.type)),\(typeText(value.type))>"
    default: IcebergColumns.typeName(type)
    }
  }

  /// A name as DDL writes it: in backquotes unless it is a plain word.
  static func ddlName(_ name: String) -> String {
    let isPlain = !name.isEmpty && name.utf8.enumerated().allSatisfy { index, byte in
      (byte >= 0x61 && byte <= 0x7A) || byte == 0x5F || (index > 0 && byte >= 0x30 && byte <= 0x39)
    }
    return isPlain && Keyword(rawValue: name.uppercased()) == nil ? name : "`\(name)`"
  }

  private static func quoted(_ text: String) -> String { SQLPrinter.quoted(text) }
}

/// Properties in Athena's words.
enum AthenaProperties {
  /// What SHOW TBLPROPERTIES lists: Athena's names where there are any, the others as they are stored.
  static func shown(_ metadata: TableMetadata) -> [String: String] {
    var shown = ["table_type": "ICEBERG"]
    var athenaNames: [String: String] = [:]
    for (athena, iceberg) in IcebergTableSettings.icebergNames { athenaNames[iceberg] = athena }
    for (key, value) in metadata.properties {
      guard let name = athenaNames[key] else {
        shown[key] = value
        continue
      }
      switch name {
      case "vacuum_max_snapshot_age_seconds": shown[name] = Int64(value).map { "\($0 / 1_000)" } ?? value
      case "write_compression": shown[name] = value == "uncompressed" ? "none" : value
      default: shown[name] = value
      }
    }
    if metadata.formatVersion != 2 { shown["format-version"] = "\(metadata.formatVersion)" }
    return shown
  }
}

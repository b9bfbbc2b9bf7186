import Columnar
import Iceberg
import Planner
import SQLSyntax

/// What a CREATE TABLE or REPLACE TABLE says of an Iceberg table, in Iceberg's terms.
struct IcebergDefinition {
  enum Columns {
    case declared([ColumnDefinition])
    case ofQuery(BoundQuery)
  }

  private(set) var schema: IcebergSchema
  private(set) var spec: PartitionSpec
  private(set) var properties: [String: String]
  private(set) var formatVersion: Int
  private(set) var location: StringLiteral?
  private(set) var comment: String?

  /// - Parameters:
  ///   - replaced: the table whose place this one takes, if it does.
  ///   - binder: evaluates the values of WITH.
  init(_ create: CreateTableStatement, columns: Columns, replacing replaced: TableMetadata? = nil, binder: Binder) throws(SQLError) {
    try Self.refuseForeignClauses(create)
    let settings = try IcebergTableSettings(create, replacing: replaced, binder: binder)
    properties = settings.properties
    formatVersion = settings.formatVersion
    location = settings.location ?? create.location
    comment = create.comment?.value ?? settings.properties["comment"]
    if let comment { properties["comment"] = comment }

    let isSpark = create.provider != nil
    switch columns {
    case .declared(let declared):
      schema = try IcebergSchemaBuilder(isSpark: isSpark).schema(
        declared + Self.typedPartitionColumns(create), formatVersion: formatVersion, binder.settings)
    case .ofQuery(let query): schema = try IcebergSchemaBuilder(isSpark: isSpark).schema(query)
    }
    if let (index, field) = schema.fields.enumerated().first(where: { $1.type.minimumFormatVersion > settings.formatVersion }) {
      let range: SourceRange? =
        switch columns {
        case .declared(let declared): index < declared.count ? declared[index].range : nil
        case .ofQuery(let query): query.columns[index].range
        }
      throw SQLError.notSupported(
        "Column '\(field.name)': type \(field.type) needs format version \(field.type.minimumFormatVersion)", range: range ?? create.name.range,
        hint: "Give the table that version, or CAST to a precision of 6.")
    }
    var terms = settings.partitioning
    for element in create.partitionedBy {
      switch element {
      case .term(let term): terms.append(term)
      case .column(let column):
        guard isSpark else {
          throw SQLError(
            .syntaxError, "Invalid PARTITIONED BY clause in Iceberg create table statement", range: column.range,
            hint: "Name a declared column, without its type.")
        }
        terms.append(PartitionTerm(column: QualifiedName([column.name]), range: column.range))
      }
    }
    spec = try PartitionSpec(terms, schema)
  }

  /// Spark's `PARTITIONED BY (c type)` declares a column besides.
  private static func typedPartitionColumns(_ create: CreateTableStatement) -> [ColumnDefinition] {
    create.provider == nil
      ? []
      : create.partitionedBy.compactMap { element in
        if case .column(let column) = element { column } else { nil }
      }
  }

  private static func refuseForeignClauses(_ create: CreateTableStatement) throws(SQLError) {
    for (clause, name) in [("ROW FORMAT", "ROW FORMAT"), ("STORED AS", "STORED AS/BY"), ("CLUSTERED BY", "CLUSTERED BY"), ("WITH SERDEPROPERTIES", "SERDEPROPERTIES")] {
      if let range = create.range(ofClause: clause) {
        throw SQLError(.syntaxError, "Iceberg create table statement does not allow \(name)", range: range)
      }
    }
  }
}

/// Turns declared columns into an Iceberg schema. Ids count from 1, top level first, as Iceberg's own writers give them.
struct IcebergSchemaBuilder {
  /// In `USING iceberg` statements TIMESTAMP is Spark's, an instant.
  let isSpark: Bool

  /// - Parameter settings: for the constants of DEFAULT.
  func schema(_ columns: [ColumnDefinition], formatVersion: Int, _ settings: BinderSettings) throws(SQLError) -> IcebergSchema {
    guard !columns.isEmpty else {
      throw SQLError(.syntaxError, "a table needs at least one column", range: nil)
    }
    var nextID = Int32(clamping: columns.count + 1)
    var fields: [IcebergField] = []
    var names: Set<String> = []
    for (index, column) in columns.enumerated() {
      guard names.insert(column.name.folded).inserted else {
        throw SQLError(.duplicateColumnName, "Column name '\(column.name.folded)' specified more than once", range: column.name.range)
      }
      var field = IcebergField(
        id: Int32(clamping: index + 1), name: column.name.folded, type: try type(column.type, &nextID), isRequired: column.isNotNull,
        documentation: column.comment?.value)
      // No rows are there that would need an initial default.
      field.writeDefault = try ColumnDefault(column.defaultValue, settings)?.value(field.type)
      if field.writeDefault != nil, formatVersion < 3 {
        throw SQLError.notSupported(
          "Default values need format version 3", range: column.range, hint: "TBLPROPERTIES ('format-version' = '3')")
      }
      fields.append(field)
    }
    return IcebergSchema(fields: fields)
  }

  func schema(_ query: BoundQuery) throws(SQLError) -> IcebergSchema {
    var nextID = Int32(clamping: query.columns.count + 1)
    var fields: [IcebergField] = []
    for (index, column) in query.columns.enumerated() {
      let type: IcebergType
      do { type = try IcebergType(column.type, nextID: &nextID) } catch {
        throw SQLError.notSupported(
          "Type not supported for Iceberg: \(column.type)", range: column.range, hint: "CAST column '\(column.name ?? "")' to another type.")
      }
      fields.append(IcebergField(id: Int32(clamping: index + 1), name: (column.name ?? "").lowercased(), type: type))
    }
    return IcebergSchema(fields: fields)
  }

  func type(_ name: TypeName, _ nextID: inout Int32) throws(SQLError) -> IcebergType {
    switch name.kind {
    case .array(let element):
      let id = take(&nextID)
      return .list(IcebergField(id: id, name: "element", type: try type(element, &nextID)))
    case .map(let key, let value):
      let keyID = take(&nextID)
      let valueID = take(&nextID)
      return .map(
        key: IcebergField(id: keyID, name: "key", type: try type(key, &nextID), isRequired: true),
        value: IcebergField(id: valueID, name: "value", type: try type(value, &nextID)))
    case .row(let fields):
      var names: Set<String> = []
      let ids = fields.map { _ in take(&nextID) }
      var list: [IcebergField] = []
      for (id, field) in zip(ids, fields) {
        guard let fieldName = field.name?.folded else {
          throw SQLError.notSupported("the fields of a struct column need names", range: name.range)
        }
        guard names.insert(fieldName).inserted else {
          throw SQLError(.duplicateColumnName, "Field name '\(fieldName)' specified more than once", range: field.name?.range)
        }
        list.append(
          IcebergField(
            id: id, name: fieldName, type: try type(field.type, &nextID), isRequired: field.isNotNull, documentation: field.comment?.value))
      }
      return .structure(list)
    case .timestamp(nil, withTimeZone: false) where isSpark: return .timestampTZ
    case .named(let word, _) where ["variant", "geometry", "geography"].contains(word.folded):
      throw SQLError.notSupported("Columns of the type \(word.folded) are not supported", range: name.range)
    case .named(let word, let arguments) where arguments.isEmpty && ["decimal", "dec", "numeric"].contains(word.folded):
      // Hive's and Spark's default; Trino's would be (38, 0).
      return .decimal(precision: 10, scale: 0)
    default:
      let resolved = try SQLType.resolved(name)
      do { return try IcebergType(resolved, nextID: &nextID) } catch {
        throw SQLError.notSupported("Type not supported for Iceberg: \(resolved)", range: name.range)
      }
    }
  }

  private func take(_ nextID: inout Int32) -> Int32 {
    defer { nextID &+= 1 }
    return nextID
  }
}

extension PartitionSpec {
  /// The spec of a new table for the terms of PARTITIONED BY.
  init(_ terms: [PartitionTerm], _ schema: IcebergSchema) throws(SQLError) {
    var fields: [PartitionField] = []
    for term in terms {
      let path = term.column.parts.map(\.folded).joined(separator: ".")
      guard let source = schema.field(named: path), let route = schema.path(toID: source.id) else {
        throw SQLError(
          .columnNotFound, "Column '\(path)' cannot be resolved", range: term.column.range,
          hint: Suggestion.hint(for: path, among: schema.fields.map(\.name)))
      }
      let transform = try PartitionTransform(term)
      guard !route.contains(where: { if case .list = $0.type { true } else if case .map = $0.type { true } else { false } }),
        let type = try? source.type.sqlType(), transform.resultType(type) != nil
      else {
        throw SQLError(
          .typeMismatch, "Cannot partition by \(transform.text) of column '\(path)' of type \(source.type)", range: term.range)
      }
      let name = term.alias?.folded ?? PartitionField.defaultName(column: path, transform)
      if let clash = fields.first(where: { $0.name == name || ($0.sourceID == source.id && $0.transform == transform) }) {
        throw SQLError(.invalidTableProperty, "Partition field '\(clash.name)' is given twice", range: term.range)
      }
      if transform.isTime, let clash = fields.first(where: { $0.sourceID == source.id && $0.transform.isTime }) {
        throw SQLError(
          .invalidTableProperty, "Cannot add redundant partition: '\(clash.name)' and '\(name)' are both times of column '\(path)'",
          range: term.range)
      }
      if transform != .identity, schema.fields.contains(where: { $0.name == name }) {
        throw SQLError(.invalidTableProperty, "Partition field '\(name)' has the name of a column", range: term.range)
      }
      fields.append(
        PartitionField(
          sourceID: source.id, fieldID: PartitionSpec.firstFieldID + Int32(clamping: fields.count), name: name, transform: transform))
    }
    self.init(fields: fields)
  }
}

extension PartitionTransform {
  /// A transform by its SQL name; `bucket` and `truncate` take their number on either side.
  init(_ term: PartitionTerm) throws(SQLError) {
    func plain(_ transform: PartitionTransform) throws(SQLError) -> PartitionTransform {
      guard term.argument == nil else {
        throw SQLError(.invalidTableProperty, "Transform \(transform.text) takes a column only", range: term.range)
      }
      return transform
    }
    func number() throws(SQLError) -> Int {
      guard let value = term.argument?.int64Value, value > 0, value <= Int64(Int32.max) else {
        throw SQLError(
          .invalidTableProperty, "Transform \(term.transform?.folded ?? "") takes a column and a positive number", range: term.range)
      }
      return Int(value)
    }
    switch term.transform?.folded {
    case nil, "identity": self = try plain(.identity)
    case "year", "years": self = try plain(.year)
    case "month", "months": self = try plain(.month)
    case "day", "days", "date": self = try plain(.day)
    case "hour", "hours", "date_hour": self = try plain(.hour)
    case "void", "alwaysnull": self = try plain(.void)
    case "bucket": self = .bucket(try number())
    case "truncate": self = .truncate(try number())
    case let name?:
      throw SQLError(
        .invalidTableProperty, "Unknown partition transform: \(name)", range: term.transform?.range,
        hint: Suggestion.hint(for: name, among: ["year", "month", "day", "hour", "bucket", "truncate", "identity", "void"]))
    }
  }

  fileprivate var isTime: Bool { [.year, .month, .day, .hour].contains(self) }
}

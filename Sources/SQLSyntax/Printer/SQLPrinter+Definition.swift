extension SQLPrinter {
  static func definition(_ kind: StatementKind) -> String {
    switch kind {
    case .createTable(let create): render(create)
    case .createTableLike(let create):
      words(
        create.isExternal ? "CREATE EXTERNAL TABLE" : "CREATE TABLE", create.ifNotExists ? "IF NOT EXISTS" : nil,
        render(create.name), "LIKE", render(create.source), text("LOCATION", create.location))
    case .createView(let create): render(create)
    case .createSchema(let create):
      words(
        "CREATE SCHEMA", create.ifNotExists ? "IF NOT EXISTS" : nil, render(create.name), text("COMMENT", create.comment),
        text("LOCATION", create.location), properties("WITH DBPROPERTIES", create.properties),
        create.withProperties.isEmpty ? nil : "WITH \(group(create.withProperties, render))")
    case .alterTable(let alter):
      words("ALTER TABLE", alter.ifExists ? "IF EXISTS" : nil, render(alter.name), render(alter.action))
    case .alterView(let name, let action): "ALTER VIEW \(render(name)) \(render(action))"
    case .alterSchema(let name, let action): "ALTER SCHEMA \(render(name)) \(render(action))"
    case .dropTable(let drop): words("DROP TABLE", ifExists(drop.ifExists), render(drop.name), drop.isPurge ? "PURGE" : nil)
    case .dropView(let name, let isOptional): words("DROP VIEW", ifExists(isOptional), render(name))
    case .dropSchema(let drop): words("DROP SCHEMA", ifExists(drop.ifExists), render(drop.name), drop.isCascade ? "CASCADE" : nil)
    case .comment(let comment):
      "COMMENT ON \(comment.target.rawValue) \(render(comment.name)) IS \(comment.comment.map(render) ?? "NULL")"
    default: ""
    }
  }

  static func ifExists(_ flag: Bool) -> String? { flag ? "IF EXISTS" : nil }

  /// `WORD 'text'`, or nothing.
  static func text(_ word: String, _ literal: StringLiteral?) -> String? { literal.map { "\(word) \(render($0))" } }

  // MARK: Tables

  private static func render(_ create: CreateTableStatement) -> String {
    let head = words(
      create.mode.rawValue, create.isExternal ? "EXTERNAL" : nil, "TABLE", create.ifNotExists ? "IF NOT EXISTS" : nil,
      render(create.name), create.columns.isEmpty ? nil : group(create.columns, render),
      create.columnAliases.isEmpty ? nil : group(create.columnAliases, render))
    let clauses = words(
      create.provider.map { "USING \(render($0))" }, properties("OPTIONS", create.options), text("COMMENT", create.comment),
      create.partitionedBy.isEmpty ? nil : "PARTITIONED BY \(group(create.partitionedBy, render))", create.buckets.map(render),
      properties("WITH SERDEPROPERTIES", create.storageProperties), create.rowFormat.map(render), create.storedAs.map(render),
      text("LOCATION", create.location), properties("TBLPROPERTIES", create.tableProperties),
      create.withProperties.isEmpty ? nil : "WITH \(group(create.withProperties, render))")
    return words(head, clauses, create.query.map { "AS \(render($0))" }, create.withData ? nil : "WITH NO DATA")
  }

  static func render(_ column: ColumnDefinition) -> String {
    words(
      render(column.name), render(column.type), column.isNotNull ? "NOT NULL" : nil, column.defaultValue.map { "DEFAULT \(render($0))" },
      text("COMMENT", column.comment))
  }

  private static func render(_ element: PartitionElement) -> String {
    switch element {
    case .column(let column): render(column)
    case .term(let term): render(term)
    }
  }

  static func render(_ term: PartitionTerm) -> String {
    let column = render(term.column)
    let body = term.transform.map { "\(render($0))(\(term.argument.map { "\($0.text), " } ?? "")\(column))" } ?? column
    return words(body, term.alias.map { "AS \(render($0))" })
  }

  static func render(_ partition: PartitionSpecification) -> String {
    "PARTITION "
      + group(partition.entries) { entry in
        render(entry.column) + (entry.value.map { " \(entry.comparison.rawValue) \(renderValue($0))" } ?? "")
      }
  }

  private static func render(_ buckets: BucketClause) -> String {
    words(
      "CLUSTERED BY", group(buckets.columns, render), buckets.sortedBy.isEmpty ? nil : "SORTED BY \(group(buckets.sortedBy, render))",
      "INTO \(buckets.bucketCount.text) BUCKETS")
  }

  private static func render(_ format: RowFormat) -> String {
    switch format {
    case .serDe(let name, let entries): words("ROW FORMAT SERDE", render(name), properties("WITH SERDEPROPERTIES", entries))
    case .delimited(let format):
      words(
        "ROW FORMAT DELIMITED", format.fields.map { "FIELDS TERMINATED BY \(hiveQuoted($0))" },
        format.escape.map { "ESCAPED BY \(hiveQuoted($0))" },
        format.collectionItems.map { "COLLECTION ITEMS TERMINATED BY \(hiveQuoted($0))" },
        format.mapKeys.map { "MAP KEYS TERMINATED BY \(hiveQuoted($0))" },
        format.lines.map { "LINES TERMINATED BY \(hiveQuoted($0))" }, format.null.map { "NULL DEFINED AS \(hiveQuoted($0))" })
    }
  }

  private static func render(_ format: StorageFormat) -> String {
    switch format {
    case .named(let name): "STORED AS \(render(name))"
    case .classes(let input, let output): "STORED AS INPUTFORMAT \(render(input)) OUTPUTFORMAT \(render(output))"
    case .handler(let name): "STORED BY \(render(name))"
    }
  }

  // MARK: Views and schemas

  private static func render(_ create: CreateViewStatement) -> String {
    let columns = create.columns.isEmpty ? nil : group(create.columns) { words(render($0.name), text("COMMENT", $0.comment)) }
    return words(
      create.orReplace ? "CREATE OR REPLACE VIEW" : "CREATE VIEW", create.ifNotExists ? "IF NOT EXISTS" : nil, render(create.name),
      columns, text("COMMENT", create.comment), create.security.map { "SECURITY \($0.rawValue)" },
      properties("TBLPROPERTIES", create.tableProperties), "AS", render(create.query))
  }

  private static func render(_ action: AlterViewAction) -> String {
    switch action {
    case .rename(let name): "RENAME TO \(render(name))"
    case .setProperties(let entries): "SET TBLPROPERTIES \(group(entries, render))"
    case .unsetProperties(let keys, let isOptional): words("UNSET TBLPROPERTIES", ifExists(isOptional), group(keys, hiveQuoted))
    case .replaceQuery(let query): "AS \(render(query))"
    }
  }

  private static func render(_ action: AlterSchemaAction) -> String {
    switch action {
    case .setProperties(let entries): "SET DBPROPERTIES \(group(entries, render))"
    case .setLocation(let location): "SET LOCATION \(render(location))"
    case .rename(let name): "RENAME TO \(render(name))"
    }
  }

  // MARK: ALTER TABLE

  private static func render(_ action: AlterTableAction) -> String {
    switch action {
    case .rename(let name): "RENAME TO \(render(name))"
    case .addColumns(let columns, let ifNotExists):
      words("ADD COLUMNS", ifNotExists ? "IF NOT EXISTS" : nil, group(columns, render))
    case .dropColumns(let columns, let isOptional): words("DROP COLUMNS", ifExists(isOptional), list(columns, render))
    case .replaceColumns(let columns): "REPLACE COLUMNS \(group(columns, render))"
    case .changeColumn(let change):
      words(
        "CHANGE COLUMN", render(change.column), render(change.newName), render(change.type), text("COMMENT", change.comment),
        change.position.map(render))
    case .renameColumn(let column, let name): "RENAME COLUMN \(render(column)) TO \(render(name))"
    case .alterColumn(let column, let changes):
      "ALTER COLUMN \(render(column)) \(changes.map(render).joined(separator: " "))"
    case .setProperties(let entries): "SET TBLPROPERTIES \(group(entries, render))"
    case .unsetProperties(let keys, let isOptional): words("UNSET TBLPROPERTIES", ifExists(isOptional), group(keys, hiveQuoted))
    case .setExpressionProperties(let entries): "SET PROPERTIES \(list(entries, render))"
    case .setSerDeProperties(let entries): "SET SERDEPROPERTIES \(group(entries, render))"
    case .setLocation(let location, let partition): words(partition.map(render), "SET LOCATION", render(location))
    case .addPartitions(let additions, let ifNotExists):
      words(
        "ADD", ifNotExists ? "IF NOT EXISTS" : nil,
        additions.map { words(render($0.partition), text("LOCATION", $0.location)) }.joined(separator: " "))
    case .dropPartitions(let partitions, let isOptional, let isPurge):
      words("DROP", ifExists(isOptional), list(partitions, render), isPurge ? "PURGE" : nil)
    case .renamePartition(let old, let new): "\(render(old)) RENAME TO \(render(new))"
    case .addPartitionField(let term): "ADD PARTITION FIELD \(render(term))"
    case .dropPartitionField(let term): "DROP PARTITION FIELD \(render(term))"
    case .replacePartitionField(let old, let new): "REPLACE PARTITION FIELD \(render(old)) WITH \(render(new))"
    case .writeOrder(let order): render(order)
    case .setIdentifierFields(let columns): "SET IDENTIFIER FIELDS \(list(columns, render))"
    case .dropIdentifierFields(let columns): "DROP IDENTIFIER FIELDS \(list(columns, render))"
    case .createReference(let reference): render(reference)
    case .dropReference(let kind, let name, let isOptional): words("DROP", kind.rawValue, ifExists(isOptional), render(name))
    case .execute(let name, let arguments, let filter):
      words("EXECUTE", render(name) + group(arguments, render), filter.map { "WHERE \(render($0))" })
    }
  }

  private static func render(_ column: ColumnAddition) -> String {
    words(
      render(column.path), render(column.type), column.isNotNull ? "NOT NULL" : nil, column.defaultValue.map { "DEFAULT \(render($0))" },
      text("COMMENT", column.comment), column.position.map(render))
  }

  private static func render(_ position: ColumnPosition) -> String {
    switch position {
    case .first: "FIRST"
    case .after(let name): "AFTER \(render(name))"
    }
  }

  private static func render(_ change: ColumnAlteration) -> String {
    switch change {
    case .setType(let type): "TYPE \(render(type))"
    case .setComment(let comment): "COMMENT \(render(comment))"
    case .setPosition(let position): render(position)
    case .setNotNull: "SET NOT NULL"
    case .dropNotNull: "DROP NOT NULL"
    case .setDefault(let value): "SET DEFAULT \(render(value))"
    case .dropDefault: "DROP DEFAULT"
    }
  }

  private static func render(_ order: WriteOrder) -> String {
    if order.orderedBy.isEmpty { return order.isDistributedByPartition ? "WRITE DISTRIBUTED BY PARTITION" : "WRITE UNORDERED" }
    let terms = list(order.orderedBy) { words(render($0.term), $0.isDescending ? "DESC" : nil, $0.nulls?.rawValue) }
    return words(
      "WRITE", order.isDistributedByPartition ? "DISTRIBUTED BY PARTITION" : nil, order.isLocal ? "LOCALLY" : nil, "ORDERED BY", terms)
  }

  private static func render(_ reference: ReferenceDefinition) -> String {
    let retention = words(
      reference.minimumSnapshots.map { "\($0.text) SNAPSHOTS" }, reference.snapshotRetention.map(render))
    return words(
      reference.mode.rawValue, reference.kind.rawValue, reference.ifNotExists ? "IF NOT EXISTS" : nil, render(reference.name),
      reference.version.map { "AS OF VERSION \($0.text)" }, reference.retain.map { "RETAIN \(render($0))" },
      retention.isEmpty ? nil : "WITH SNAPSHOT RETENTION \(retention)")
  }

  private static func render(_ duration: RetentionDuration) -> String { "\(duration.count.text) \(duration.unit.rawValue)" }
}

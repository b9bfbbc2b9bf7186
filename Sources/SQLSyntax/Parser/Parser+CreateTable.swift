// CREATE TABLE with the clauses of Athena, Hive, Trino and Spark, in any order.

extension Parser {
  /// After `CREATE [OR REPLACE] [EXTERNAL] TABLE`.
  ///
  /// Grammar: createTable
  mutating func parseCreateTable(
    _ mode: CreateTableStatement.Mode, isExternal: Bool
  ) throws(SyntaxFailure) -> StatementKind {
    let ifNotExists = try parseIfNotExists()
    var create = CreateTableStatement(name: try parseQualifiedName())
    create.mode = mode
    create.isExternal = isExternal
    create.ifNotExists = ifNotExists
    if mode == .create, accept(.like) { return try parseCreateTableLike(create) }
    if at(.leftParenthesis) { try parseTableElements(into: &create) }
    while try parseTableClause(into: &create) {}
    if accept(.as) {
      create.query = try parseQuery()
      if at(.with), peek(1).keyword == .no || peek(1).keyword == .data {
        advance()
        create.withData = !accept(.no)
        try expect(.data)
      }
    }
    return .createTable(create)
  }

  /// Grammar: createTableLike
  private mutating func parseCreateTableLike(_ create: CreateTableStatement) throws(SyntaxFailure) -> StatementKind {
    let source = try parseQualifiedName()
    let location = accept(.location) ? try parseDefinitionText() : nil
    return .createTableLike(
      CreateTableLikeStatement(
        name: create.name, isExternal: create.isExternal, ifNotExists: create.ifNotExists, source: source, location: location))
  }

  /// Column definitions, or the bare names of a CTAS.
  ///
  /// Grammar: tableElements
  private mutating func parseTableElements(into create: inout CreateTableStatement) throws(SyntaxFailure) {
    if [.comma, .rightParenthesis].contains(peek(2).kind), peek(1).kind != .rightParenthesis {
      create.columnAliases = try parseIdentifierList()
    } else {
      create.columns = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in
        try parser.parseColumnDefinition()
      }
    }
  }

  /// `name type [NOT NULL] [COMMENT 's']`
  ///
  /// Grammar: columnDefinition
  mutating func parseColumnDefinition() throws(SyntaxFailure) -> ColumnDefinition {
    let start = index
    let name = try parseAnyName()
    // `STRUCT<a: int>` uses a colon; people write it for columns too, where Hive refuses it.
    let type = try parseType()
    var column = ColumnDefinition(name: name, type: type, isNotNull: false, defaultValue: nil, comment: nil, range: range(from: start))
    while true {
      if accept(.not) {
        try expect(.null)
        column.isNotNull = true
      } else if accept(.default) {
        column.defaultValue = try parseValueExpression()
      } else if accept(.comment) {
        column.comment = try parseDefinitionText()
      } else {
        column.range = range(from: start)
        return column
      }
    }
  }

  // MARK: Clauses

  /// One clause after the columns; false when none begins here.
  ///
  /// Grammar: tableClause
  private mutating func parseTableClause(into create: inout CreateTableStatement) throws(SyntaxFailure) -> Bool {
    let start = index
    let name: String
    switch acceptAny([
      .using, .options, .comment, .partitioned, .clustered, .row, .stored, .location, .tblproperties, .with,
    ]) {
    case .using:
      name = "USING"
      create.provider = try parseIdentifier()
    case .options:
      name = "OPTIONS"
      create.options = try parsePropertyList()
    case .comment:
      name = "COMMENT"
      _ = accept(.equal)
      create.comment = try parseDefinitionText()
    case .partitioned:
      name = "PARTITIONED BY"
      try expect(.by)
      create.partitionedBy = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in
        try parser.parsePartitionElement()
      }
    case .clustered:
      name = "CLUSTERED BY"
      create.buckets = try parseBuckets()
    case .row:
      name = "ROW FORMAT"
      create.rowFormat = try parseRowFormat()
    case .stored:
      name = "STORED AS"
      create.storedAs = try parseStorageFormat()
    case .location:
      name = "LOCATION"
      create.location = try parseDefinitionText()
    case .tblproperties:
      name = "TBLPROPERTIES"
      create.tableProperties = try parsePropertyList()
    case .with:
      if accept(.serdeproperties) {
        name = "WITH SERDEPROPERTIES"
        create.storageProperties = try parsePropertyList()
      } else {
        name = "WITH"
        create.withProperties = try parseExpressionProperties()
      }
    default:
      return false
    }
    let clause = range(from: start)
    if create.range(ofClause: name) != nil { throw failure("Duplicate clause: \(name)", at: clause) }
    create.clauseRanges.append(CreateTableStatement.ClauseRange(name: name, range: clause))
    return true
  }

  /// Hive's `name type`, or Iceberg's `name` and `transform(name)`.
  ///
  /// Grammar: partitionElement
  private mutating func parsePartitionElement() throws(SyntaxFailure) -> PartitionElement {
    switch peek(1).kind {
    case .word, .quotedIdentifier, .backquotedIdentifier: .column(try parseColumnDefinition())
    default: .term(try parsePartitionTerm())
    }
  }

  /// `column`, `day(column)`, `bucket(16, column)`, `truncate(column, 4)`
  ///
  /// Grammar: partitionTerm
  mutating func parsePartitionTerm() throws(SyntaxFailure) -> PartitionTerm {
    let start = index
    guard peek(1).kind == .leftParenthesis else {
      let column = try parseColumnPath()
      return PartitionTerm(transform: nil, column: column, argument: nil, alias: nil, range: range(from: start))
    }
    let transform = try parseAnyName()
    try expect(.leftParenthesis)
    var argument: NumberLiteral?
    if token.kind == .integer {
      argument = try parseInteger()
      try expect(.comma)
    } else {
      note(.rule("integer"))
    }
    let column = try parseColumnPath()
    if argument == nil, accept(.comma) { argument = try parseInteger() }
    try expect(.rightParenthesis)
    return PartitionTerm(transform: transform, column: column, argument: argument, alias: nil, range: range(from: start))
  }

  /// `CLUSTERED BY (a, b) [SORTED BY (c)] INTO n BUCKETS`, after CLUSTERED.
  ///
  /// Grammar: buckets
  private mutating func parseBuckets() throws(SyntaxFailure) -> BucketClause {
    try expect(.by)
    let columns = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseAnyName() }
    var sortedBy: [OrderItem] = []
    if accept(.sorted) {
      try expect(.by)
      sortedBy = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in
        let name = try parser.parseAnyName()
        let column = Expression(.name(QualifiedName([name])), range: name.range)
        return OrderItem(column, isDescending: parser.parseDirection())
      }
    }
    try expect(.into)
    let count = try parseInteger()
    try expect(.buckets)
    return BucketClause(columns: columns, sortedBy: sortedBy, bucketCount: count)
  }

  /// `ROW FORMAT DELIMITED …` and `ROW FORMAT SERDE …`, after ROW.
  ///
  /// Grammar: rowFormat
  private mutating func parseRowFormat() throws(SyntaxFailure) -> RowFormat {
    try expect(.format)
    guard try expectAny([.delimited, .serde]) == .delimited else {
      let name = try parseDefinitionText()
      let properties = accept(.with, .serdeproperties) ? try parsePropertyList() : []
      return .serDe(className: name, properties: properties)
    }
    var format = DelimitedFormat()
    while try parseDelimiter(into: &format) {}
    return .delimited(format)
  }

  /// Grammar: delimiter
  private mutating func parseDelimiter(into format: inout DelimitedFormat) throws(SyntaxFailure) -> Bool {
    switch acceptAny([.fields, .escaped, .collection, .map, .lines, .null]) {
    case .fields:
      format.fields = try parseTerminatedBy()
    case .escaped:
      try expect(.by)
      format.escape = try parseDefinitionText()
    case .collection:
      try expect(.items)
      format.collectionItems = try parseTerminatedBy()
    case .map:
      try expect(.keys)
      format.mapKeys = try parseTerminatedBy()
    case .lines:
      format.lines = try parseTerminatedBy()
    case .null:
      try expect(.defined, .as)
      format.null = try parseDefinitionText()
    default: return false
    }
    return true
  }

  /// Grammar: terminatedBy
  private mutating func parseTerminatedBy() throws(SyntaxFailure) -> StringLiteral {
    try expect(.terminated, .by)
    return try parseDefinitionText()
  }

  /// `STORED AS format`, `STORED AS INPUTFORMAT … OUTPUTFORMAT …`, `STORED BY handler`, after STORED.
  ///
  /// Grammar: storageFormat
  private mutating func parseStorageFormat() throws(SyntaxFailure) -> StorageFormat {
    if accept(.by) { return .handler(try parseDefinitionText()) }
    try expect(.as)
    guard at(.inputformat), peek(1).kind != .endOfText else { return .named(try parseIdentifier()) }
    advance()
    let input = try parseDefinitionText()
    try expect(.outputformat)
    return .classes(input: input, output: try parseDefinitionText())
  }

  /// `PARTITION (k = v, k2)`
  ///
  /// Grammar: partitionSpecification
  mutating func parsePartitionSpecification() throws(SyntaxFailure) -> PartitionSpecification {
    let start = index
    try expect(.partition)
    let entries = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in
      try parser.parsePartitionEntry()
    }
    return PartitionSpecification(entries: entries, range: range(from: start))
  }

  /// Grammar: partitionEntry
  private mutating func parsePartitionEntry() throws(SyntaxFailure) -> PartitionSpecification.Entry {
    let column = try parseAnyName()
    let comparison: ComparisonOperator
    switch token.kind {
    case .equal: comparison = .equal
    case .notEqual: comparison = .notEqual
    case .less: comparison = .less
    case .lessOrEqual: comparison = .lessOrEqual
    case .greater: comparison = .greater
    case .greaterOrEqual: comparison = .greaterOrEqual
    default:
      note(.symbol(.equal))
      return PartitionSpecification.Entry(column: column, comparison: .equal, value: nil)
    }
    advance()
    return PartitionSpecification.Entry(column: column, comparison: comparison, value: try parseValueExpression())
  }
}

// SHOW and DESCRIBE.

extension Parser {
  /// Grammar: show
  mutating func parseShow() throws(SyntaxFailure) -> ShowStatement {
    advance()
    let keyword = try expectAny([
      .databases, .schemas, .namespaces, .tables, .views, .columns, .create, .tblproperties, .partitions, .functions, .catalogs,
      .session, .stats, .table, .roles, .current, .role, .grants,
    ])
    switch keyword {
    case .databases, .schemas, .namespaces:
      let catalog = acceptAny([.in, .from]) == nil ? nil : try parseIdentifier()
      return .schemas(in: catalog, pattern: try parsePattern())
    case .tables: return .tables(in: try parseShownSchema(), pattern: try parsePattern())
    case .views: return .views(in: try parseShownSchema(), pattern: try parsePattern())
    case .columns: return .columns(of: try parseShownColumns())
    case .create: return try parseShowCreate()
    case .tblproperties: return try parseShowProperties()
    case .partitions:
      let name = try parseQualifiedName()
      return .partitions(name, at(.partition) ? try parsePartitionSpecification() : nil)
    case .functions: return .functions(pattern: try parsePattern())
    case .catalogs: return .catalogs(pattern: try parsePattern())
    case .session: return .session(pattern: try parsePattern())
    case .table:
      try expect(.extended)
      return try parseShowTableExtended()
    case .stats: return try parseShowStatistics()
    default: return try parseShowPrivileges(keyword)
    }
  }

  /// Grammar: showTableExtended
  private mutating func parseShowTableExtended() throws(SyntaxFailure) -> ShowStatement {
    let schema = try parseShownSchema()
    try expect(.like)
    let pattern = try parseString()
    return .tableExtended(in: schema, pattern: pattern, at(.partition) ? try parsePartitionSpecification() : nil)
  }

  /// Grammar: show
  private mutating func parseShowPrivileges(_ keyword: Keyword) throws(SyntaxFailure) -> ShowStatement {
    if keyword == .grants {
      guard accept(.on) else { return .grants(on: nil) }
      _ = accept(.table)
      return .grants(on: try parseQualifiedName())
    }
    if keyword == .current { try expect(.roles) }
    if keyword == .role { try expect(.grants) }
    let catalog = acceptAny([.in, .from]) == nil ? nil : try parseIdentifier()
    return keyword == .role ? .roleGrants(in: catalog) : .roles(isCurrent: keyword == .current, in: catalog)
  }

  /// `[LIKE] 'pattern'`
  ///
  /// Grammar: pattern
  private mutating func parsePattern() throws(SyntaxFailure) -> StringLiteral? {
    if accept(.like) { return try parseString() }
    note(.rule("string"))
    return isAtString ? try parseString() : nil
  }

  /// Grammar: shownSchema
  private mutating func parseShownSchema() throws(SyntaxFailure) -> QualifiedName? {
    acceptAny([.in, .from]) == nil ? nil : try parseQualifiedName()
  }

  /// `FROM t [FROM db]`; the database becomes the first part of the name.
  ///
  /// Grammar: shownColumns
  private mutating func parseShownColumns() throws(SyntaxFailure) -> QualifiedName {
    _ = try expectAny([.from, .in])
    let table = try parseQualifiedName()
    guard acceptAny([.from, .in]) != nil else { return table }
    let schema = try parseQualifiedName()
    return QualifiedName(schema.parts + [table.last], range: table.range.union(schema.range))
  }

  /// Grammar: showCreate
  private mutating func parseShowCreate() throws(SyntaxFailure) -> ShowStatement {
    switch try expectAny([.table, .view, .schema, .database]) {
    case .table: return .createTable(try parseQualifiedName())
    case .view: return .createView(try parseQualifiedName())
    default: return .createSchema(try parseQualifiedName())
    }
  }

  /// Grammar: showProperties
  private mutating func parseShowProperties() throws(SyntaxFailure) -> ShowStatement {
    let name = try parseQualifiedName()
    guard accept(.leftParenthesis) else { return .tableProperties(name, key: nil) }
    let key = try parsePropertyKey()
    try expect(.rightParenthesis)
    return .tableProperties(name, key: key)
  }

  /// Grammar: showStatistics
  private mutating func parseShowStatistics() throws(SyntaxFailure) -> ShowStatement {
    try expect(.for)
    let start = index
    if at(.leftParenthesis) {
      let query = try parseParenthesizedQuery()
      return .statistics(Relation(.subquery(query), range: range(from: start)))
    }
    let name = try parseQualifiedName()
    return .statistics(Relation(.table(TableReference(name: name)), range: name.range))
  }

  // MARK: DESCRIBE

  /// Grammar: describe
  mutating func parseDescribe() throws(SyntaxFailure) -> StatementKind {
    advance()
    if at(.input) || at(.output), isIdentifier(peek(1)) {
      let isInput = advance().keyword == .input
      let name = try parseIdentifier()
      return isInput ? .describeInput(name) : .describeOutput(name)
    }
    if [.database, .schema, .namespace].contains(token.keyword), isIdentifier(peek(1)), peek(1).kind != .dot {
      advance()
      let isExtended = at(.extended) && isIdentifier(peek(1))
      if isExtended { advance() }
      return .describeSchema(try parseQualifiedName(), isExtended: isExtended)
    }
    if at(.view), isIdentifier(peek(1)) { advance() } else { _ = accept(.table) }
    var style = DescribeStyle.plain
    if at(.extended) || at(.formatted), isIdentifier(peek(1)) {
      style = advance().keyword == .extended ? .extended : .formatted
    }
    let name = try parseQualifiedName()
    let partition = at(.partition) ? try parsePartitionSpecification() : nil
    let column = isAtIdentifier ? try parseQualifiedName() : nil
    return .describe(DescribeStatement(name: name, style: style, column: column, partition: partition))
  }

  /// Grammar: refresh
  mutating func parseRefresh() throws(SyntaxFailure) -> QualifiedName {
    advance()
    _ = accept(.table)
    return try parseQualifiedName()
  }
}

// CREATE, DROP and COMMENT ON, apart from the clauses of CREATE TABLE.

extension Parser {
  /// Everything that begins with CREATE, and REPLACE TABLE.
  ///
  /// Grammar: create
  mutating func parseCreate() throws(SyntaxFailure) -> StatementKind {
    if accept(.replace) {
      try expect(.table)
      return try parseCreateTable(.replace, isExternal: false)
    }
    advance()
    let orReplace = accept(.or)
    if orReplace { try expect(.replace) }
    let keywords: [Keyword] = orReplace ? [.table, .view] : [.table, .external, .view, .database, .schema, .namespace]
    switch try expectAny(keywords) {
    case .view: return .createView(try parseCreateView(orReplace: orReplace))
    case .external:
      try expect(.table)
      return try parseCreateTable(.create, isExternal: true)
    case .table: return try parseCreateTable(orReplace ? .createOrReplace : .create, isExternal: false)
    default: return .createSchema(try parseCreateSchema())
    }
  }

  /// Grammar: ifNotExists
  mutating func parseIfNotExists() throws(SyntaxFailure) -> Bool {
    guard at(.if), peek(1).keyword == .not else {
      note(.keyword(.if))
      return false
    }
    try expect(.if, .not, .exists)
    return true
  }

  /// Grammar: ifExists
  mutating func parseIfExists() throws(SyntaxFailure) -> Bool {
    guard at(.if), peek(1).keyword == .exists else {
      note(.keyword(.if))
      return false
    }
    try expect(.if, .exists)
    return true
  }

  /// Grammar: createSchema
  private mutating func parseCreateSchema() throws(SyntaxFailure) -> CreateSchemaStatement {
    let ifNotExists = try parseIfNotExists()
    var create = CreateSchemaStatement(
      name: try parseQualifiedName(), ifNotExists: ifNotExists, comment: nil, location: nil, properties: [],
      withProperties: [])
    while true {
      if accept(.comment) {
        create.comment = try parseDefinitionText()
      } else if accept(.location) {
        create.location = try parseDefinitionText()
      } else if accept(.with) {
        if acceptAny([.dbproperties, .properties]) != nil {
          create.properties = try parsePropertyList()
        } else {
          create.withProperties = try parseExpressionProperties()
        }
      } else {
        return create
      }
    }
  }

  // MARK: Views

  /// Grammar: createView
  private mutating func parseCreateView(orReplace: Bool) throws(SyntaxFailure) -> CreateViewStatement {
    let ifNotExists = try parseIfNotExists()
    let name = try parseQualifiedName()
    var columns: [ViewColumn] = []
    if at(.leftParenthesis) {
      columns = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in
        let name = try parser.parseAnyName()
        return ViewColumn(name: name, comment: parser.accept(.comment) ? try parser.parseDefinitionText() : nil)
      }
    }
    var comment: StringLiteral?
    var security: CreateViewStatement.Security?
    var properties: [PropertyEntry] = []
    while !at(.as) {
      if accept(.comment) {
        comment = try parseDefinitionText()
      } else if accept(.security) {
        security = try expectAny([.definer, .invoker]) == .definer ? .definer : .invoker
      } else if accept(.tblproperties) {
        properties = try parsePropertyList()
      } else {
        break
      }
    }
    try expect(.as)
    let query = try parseQuery()
    return CreateViewStatement(
      name: name, orReplace: orReplace, ifNotExists: ifNotExists, columns: columns, comment: comment, security: security,
      tableProperties: properties, query: query)
  }

  // MARK: DROP

  /// Grammar: drop
  mutating func parseDrop() throws(SyntaxFailure) -> StatementKind {
    advance()
    let keyword = try expectAny([.table, .view, .database, .schema, .namespace])
    let ifExists = try parseIfExists()
    let name = try parseQualifiedName()
    switch keyword {
    case .table: return .dropTable(DropTableStatement(name: name, ifExists: ifExists, isPurge: accept(.purge)))
    case .view: return .dropView(name, ifExists: ifExists)
    default:
      let isCascade = acceptAny([.restrict, .cascade]) == .cascade
      return .dropSchema(DropSchemaStatement(name: name, ifExists: ifExists, isCascade: isCascade))
    }
  }

  /// Grammar: commentOn
  mutating func parseCommentOn() throws(SyntaxFailure) -> CommentStatement {
    advance()
    try expect(.on)
    let keyword = try expectAny([.table, .view, .column, .schema, .database])
    let name = try parseQualifiedName()
    try expect(.is)
    let comment = accept(.null) ? nil : try parseDefinitionText()
    let target: CommentStatement.Target =
      switch keyword {
      case .table: .table
      case .view: .view
      case .column: .column
      default: .schema
      }
    return CommentStatement(target: target, name: name, comment: comment)
  }

  // MARK: ALTER VIEW, ALTER SCHEMA

  /// Grammar: alter
  mutating func parseAlter() throws(SyntaxFailure) -> StatementKind {
    advance()
    switch try expectAny([.table, .view, .database, .schema, .namespace]) {
    case .table: return .alterTable(try parseAlterTable())
    case .view:
      let name = try parseQualifiedName()
      return .alterView(name, try parseAlterViewAction())
    default:
      let name = try parseQualifiedName()
      return .alterSchema(name, try parseAlterSchemaAction())
    }
  }

  /// Grammar: alterViewAction
  private mutating func parseAlterViewAction() throws(SyntaxFailure) -> AlterViewAction {
    switch try expectAny([.rename, .set, .unset, .as]) {
    case .rename:
      try expect(.to)
      return .rename(to: try parseQualifiedName())
    case .set:
      try expect(.tblproperties)
      return .setProperties(try parsePropertyList())
    case .unset:
      let (keys, ifExists) = try parseUnsetProperties()
      return .unsetProperties(keys, ifExists: ifExists)
    default: return .replaceQuery(try parseQuery())
    }
  }

  /// `TBLPROPERTIES [IF EXISTS] ('key', …)`
  ///
  /// Grammar: unsetProperties
  mutating func parseUnsetProperties() throws(SyntaxFailure) -> (keys: [StringLiteral], ifExists: Bool) {
    try expect(.tblproperties)
    let ifExists = try parseIfExists()
    let keys = try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parsePropertyKey() }
    return (keys, ifExists)
  }

  /// Grammar: alterSchemaAction
  private mutating func parseAlterSchemaAction() throws(SyntaxFailure) -> AlterSchemaAction {
    if accept(.rename) {
      try expect(.to)
      return .rename(to: try parseIdentifier())
    }
    try expect(.set)
    if accept(.location) { return .setLocation(try parseDefinitionText()) }
    _ = try expectAny([.dbproperties, .properties])
    return .setProperties(try parsePropertyList())
  }
}

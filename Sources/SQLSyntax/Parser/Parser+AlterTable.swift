// ALTER TABLE: the statements of Athena and Hive, Trino and Spark side by side.

extension Parser {
  /// After `ALTER TABLE`.
  ///
  /// Grammar: alterTable
  mutating func parseAlterTable() throws(SyntaxFailure) -> AlterTableStatement {
    let ifExists = try parseIfExists()
    let name = try parseQualifiedName()
    return AlterTableStatement(name: name, ifExists: ifExists, action: try parseAlterTableAction())
  }

  /// Grammar: alterTableAction
  private mutating func parseAlterTableAction() throws(SyntaxFailure) -> AlterTableAction {
    if at(.partition) { return try parseAlterPartition() }
    switch try expectAny([.rename, .add, .drop, .change, .alter, .replace, .create, .set, .unset, .write, .execute]) {
    case .rename: return try parseRename()
    case .add: return try parseAdd()
    case .drop: return try parseDropAction()
    case .change: return try parseChange()
    case .alter: return try parseAlterColumn()
    case .replace: return try parseReplace()
    case .create:
      let orReplace = accept(.or)
      if orReplace { try expect(.replace) }
      return .createReference(try parseReference(orReplace ? .createOrReplace : .create))
    case .set: return try parseSetAction()
    case .unset:
      let (keys, ifExists) = try parseUnsetProperties()
      return .unsetProperties(keys, ifExists: ifExists)
    case .write: return .writeOrder(try parseWriteOrder())
    default: return try parseExecuteAction()
    }
  }

  /// Grammar: renameAction
  private mutating func parseRename() throws(SyntaxFailure) -> AlterTableAction {
    guard try expectAny([.to, .column]) == .column else { return .rename(to: try parseQualifiedName()) }
    let column = try parseColumnPath()
    try expect(.to)
    return .renameColumn(column, to: try parseAnyName())
  }

  // MARK: ADD

  /// Grammar: addAction
  private mutating func parseAdd() throws(SyntaxFailure) -> AlterTableAction {
    if at(.if), peek(3).keyword == .partition {
      _ = try parseIfNotExists()
      return .addPartitions(try parsePartitionAdditions(), ifNotExists: true)
    }
    if at(.partition), peek(1).keyword == .field {
      advance()
      advance()
      return .addPartitionField(try parseNamedPartitionTerm())
    }
    if at(.partition) { return .addPartitions(try parsePartitionAdditions(), ifNotExists: false) }
    note(.keyword(.partition))
    _ = try expectAny([.columns, .column])
    let ifNotExists = try parseIfNotExists()
    let isParenthesized = accept(.leftParenthesis)
    let columns = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseColumnAddition(isInParentheses: isParenthesized) }
    if isParenthesized { try expect(.rightParenthesis) }
    return .addColumns(columns, ifNotExists: ifNotExists)
  }

  /// `path type [NOT NULL] [DEFAULT e] [COMMENT 's'] [FIRST | AFTER x]`
  ///
  /// Grammar: columnAddition
  private mutating func parseColumnAddition(isInParentheses: Bool) throws(SyntaxFailure) -> ColumnAddition {
    let start = index
    let path = try parseColumnPath()
    let type = try parseType()
    let isNotNull = accept(.not)
    if isNotNull { try expect(.null) }
    let defaultValue = accept(.default) ? try parseValueExpression() : nil
    let comment = accept(.comment) ? try parseDefinitionText() : nil
    let position = try parseColumnPosition()
    return ColumnAddition(
      path: path, type: type, isNotNull: isNotNull, defaultValue: defaultValue, comment: comment, position: position,
      isInParentheses: isInParentheses, range: range(from: start))
  }

  /// Grammar: columnPosition
  private mutating func parseColumnPosition() throws(SyntaxFailure) -> ColumnPosition? {
    if accept(.first) { return .first }
    return accept(.after) ? .after(try parseAnyName()) : nil
  }

  /// Grammar: partitionAdditions
  private mutating func parsePartitionAdditions() throws(SyntaxFailure) -> [PartitionAddition] {
    var additions: [PartitionAddition] = []
    repeat {
      let partition = try parsePartitionSpecification()
      let location = accept(.location) ? try parseDefinitionText() : nil
      additions.append(PartitionAddition(partition: partition, location: location))
    } while at(.partition)
    return additions
  }

  /// `term [AS name]`
  ///
  /// Grammar: namedPartitionTerm
  private mutating func parseNamedPartitionTerm() throws(SyntaxFailure) -> PartitionTerm {
    var term = try parsePartitionTerm()
    if accept(.as) { term.alias = try parseAnyName() }
    return term
  }

  // MARK: DROP

  /// Grammar: dropAction
  private mutating func parseDropAction() throws(SyntaxFailure) -> AlterTableAction {
    if at(.partition), peek(1).keyword == .field {
      advance()
      advance()
      return .dropPartitionField(try parsePartitionTerm())
    }
    if at(.partition) || (at(.if) && peek(2).keyword == .partition) {
      let ifExists = try parseIfExists()
      let partitions = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parsePartitionSpecification() }
      return .dropPartitions(partitions, ifExists: ifExists, isPurge: accept(.purge))
    }
    note(.keyword(.partition))
    switch try expectAny([.column, .columns, .identifier, .branch, .tag]) {
    case .identifier:
      try expect(.fields)
      return .dropIdentifierFields(try parseColumnPaths())
    case .branch: return try parseDropReference(.branch)
    case .tag: return try parseDropReference(.tag)
    default:
      let ifExists = try parseIfExists()
      let isParenthesized = accept(.leftParenthesis)
      let columns = try parseColumnPaths()
      if isParenthesized { try expect(.rightParenthesis) }
      return .dropColumns(columns, ifExists: ifExists)
    }
  }

  /// Grammar: columnPaths
  private mutating func parseColumnPaths() throws(SyntaxFailure) -> [QualifiedName] {
    try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseColumnPath() }
  }

  /// Grammar: dropAction
  private mutating func parseDropReference(_ kind: ReferenceKind) throws(SyntaxFailure) -> AlterTableAction {
    let ifExists = try parseIfExists()
    return .dropReference(kind, try parseAnyName(), ifExists: ifExists)
  }

  // MARK: CHANGE and ALTER COLUMN

  /// Hive's `CHANGE [COLUMN] old new type …`, or Spark's `CHANGE COLUMN c TYPE …`. A second word that can begin one of
  /// Spark's changes is read as Spark's.
  ///
  /// Grammar: changeAction
  private mutating func parseChange() throws(SyntaxFailure) -> AlterTableAction {
    if at(.column), peek(1).kind != .word || !isColumnAlteration(at: index + 1) || isColumnAlteration(at: index + 2) { advance() }
    let column = try parseColumnPath()
    if isColumnAlteration(at: index) { return .alterColumn(column, try parseColumnAlterations()) }
    let newName = try parseAnyName()
    let type = try parseType()
    let comment = accept(.comment) ? try parseDefinitionText() : nil
    let position = try parseColumnPosition()
    return .changeColumn(
      ColumnChange(column: column, newName: newName, type: type, comment: comment, position: position))
  }

  private func isColumnAlteration(at position: Int) -> Bool {
    let token = tokens[min(position, tokens.count - 1)]
    let next = tokens[min(position + 1, tokens.count - 1)]
    switch token.keyword {
    case .type: return [.word, .quotedIdentifier, .backquotedIdentifier].contains(next.kind)
    case .comment: return [.string, .hiveString, .quotedIdentifier, .unicodeString].contains(next.kind)
    case .set, .drop: return [.not, .data, .default].contains(next.keyword)
    case .first: return [.semicolon, .endOfText].contains(next.kind)
    case .after:
      let second = tokens[min(position + 2, tokens.count - 1)].kind
      return [.semicolon, .endOfText].contains(second)
    default: return false
    }
  }

  /// After `ALTER TABLE t ALTER`.
  ///
  /// Grammar: alterColumnAction
  private mutating func parseAlterColumn() throws(SyntaxFailure) -> AlterTableAction {
    if at(.column), peek(1).kind != .word || !isColumnAlteration(at: index + 1) || isColumnAlteration(at: index + 2) { advance() }
    let column = try parseColumnPath()
    return .alterColumn(column, try parseColumnAlterations())
  }

  /// A change, then a comment and a position as Spark allows them behind it.
  ///
  /// Grammar: columnAlteration
  private mutating func parseColumnAlterations() throws(SyntaxFailure) -> [ColumnAlteration] {
    var changes: [ColumnAlteration] = []
    repeat {
      switch try expectAny([.type, .comment, .first, .after, .set, .drop]) {
      case .type: changes.append(.setType(try parseType()))
      case .comment: changes.append(.setComment(try parseDefinitionText()))
      case .first: changes.append(.setPosition(.first))
      case .after: changes.append(.setPosition(.after(try parseAnyName())))
      case .drop:
        if accept(.default) {
          changes.append(.dropDefault)
        } else {
          try expect(.not, .null)
          changes.append(.dropNotNull)
        }
      default:
        if accept(.data) {
          try expect(.type)
          changes.append(.setType(try parseType()))
        } else if accept(.default) {
          changes.append(.setDefault(try parseValueExpression()))
        } else {
          try expect(.not, .null)
          changes.append(.setNotNull)
        }
      }
    } while [.comment, .first, .after].contains(token.keyword)
    return changes
  }

  // MARK: REPLACE, SET, PARTITION, EXECUTE

  /// Grammar: replaceAction
  private mutating func parseReplace() throws(SyntaxFailure) -> AlterTableAction {
    if at(.branch) || at(.tag) { return .createReference(try parseReference(.replace)) }
    switch try expectAny([.columns, .partition, .branch, .tag]) {
    case .columns:
      return .replaceColumns(
        try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseColumnDefinition() })
    default:
      try expect(.field)
      let old = try parsePartitionTerm()
      try expect(.with)
      return .replacePartitionField(old, with: try parseNamedPartitionTerm())
    }
  }

  /// Grammar: setAction
  private mutating func parseSetAction() throws(SyntaxFailure) -> AlterTableAction {
    switch try expectAny([.tblproperties, .location, .serdeproperties, .properties, .identifier]) {
    case .tblproperties: return .setProperties(try parsePropertyList())
    case .location: return .setLocation(try parseDefinitionText(), partition: nil)
    case .serdeproperties: return .setSerDeProperties(try parsePropertyList())
    case .properties:
      return .setExpressionProperties(
        try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpressionProperty() })
    default:
      try expect(.fields)
      return .setIdentifierFields(try parseColumnPaths())
    }
  }

  /// `PARTITION (…) RENAME TO PARTITION (…)`, `PARTITION (…) SET LOCATION 's'`
  ///
  /// Grammar: alterPartition
  private mutating func parseAlterPartition() throws(SyntaxFailure) -> AlterTableAction {
    let partition = try parsePartitionSpecification()
    if accept(.rename) {
      try expect(.to)
      return .renamePartition(partition, to: try parsePartitionSpecification())
    }
    try expect(.set, .location)
    return .setLocation(try parseDefinitionText(), partition: partition)
  }

  /// Grammar: executeAction
  private mutating func parseExecuteAction() throws(SyntaxFailure) -> AlterTableAction {
    let name = try parseIdentifier()
    var arguments: [CallArgument] = []
    if accept(.leftParenthesis) {
      if !at(.rightParenthesis) {
        arguments = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseCallArgument() }
      }
      try expect(.rightParenthesis)
    }
    return .execute(name, arguments, filter: try parseWhere())
  }

  // MARK: Write order

  /// After WRITE.
  ///
  /// Grammar: writeOrder
  private mutating func parseWriteOrder() throws(SyntaxFailure) -> WriteOrder {
    if accept(.unordered) { return WriteOrder(orderedBy: [], isLocal: false, isDistributedByPartition: false) }
    let isDistributed = accept(.distributed)
    if isDistributed {
      try expect(.by, .partition)
      guard at(.locally) || at(.ordered) else {
        note(.keyword(.locally))
        return WriteOrder(orderedBy: [], isLocal: false, isDistributedByPartition: true)
      }
    }
    let isLocal = accept(.locally)
    try expect(.ordered, .by)
    let terms = try list { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseWriteOrderTerm() }
    return WriteOrder(orderedBy: terms, isLocal: isLocal, isDistributedByPartition: isDistributed)
  }

  /// Grammar: writeOrderTerm
  mutating func parseWriteOrderTerm() throws(SyntaxFailure) -> WriteOrder.Term {
    let term = try parsePartitionTerm()
    let isDescending = parseDirection()
    return WriteOrder.Term(term: term, isDescending: isDescending, nulls: try parseNullPlacement())
  }

  // MARK: Branches and tags

  /// After CREATE, CREATE OR REPLACE or REPLACE.
  ///
  /// Grammar: reference
  private mutating func parseReference(_ mode: CreateTableStatement.Mode) throws(SyntaxFailure) -> ReferenceDefinition {
    let kind: ReferenceKind = try expectAny([.branch, .tag]) == .branch ? .branch : .tag
    let ifNotExists = try parseIfNotExists()
    var reference = ReferenceDefinition(kind: kind, mode: mode, ifNotExists: ifNotExists, name: try parseAnyName())
    if accept(.as) {
      try expect(.of, .version)
      reference.version = try parseInteger()
    }
    if accept(.retain) { reference.retain = try parseRetention() }
    if kind == .branch, accept(.with) {
      try expect(.snapshot, .retention)
      try parseSnapshotRetention(into: &reference)
    }
    return reference
  }

  /// `n SNAPSHOTS [n DAYS]` or `n DAYS`
  ///
  /// Grammar: snapshotRetention
  private mutating func parseSnapshotRetention(into reference: inout ReferenceDefinition) throws(SyntaxFailure) {
    if peek(1).keyword == .snapshots {
      reference.minimumSnapshots = try parseInteger()
      advance()
      guard token.kind == .integer else { return }
    }
    reference.snapshotRetention = try parseRetention()
  }

  /// Grammar: retention
  private mutating func parseRetention() throws(SyntaxFailure) -> RetentionDuration {
    let count = try parseInteger()
    let unit: RetentionDuration.Unit =
      switch try expectAny([.days, .hours, .minutes]) {
      case .days: .days
      case .hours: .hours
      default: .minutes
      }
    return RetentionDuration(count: count, unit: unit)
  }
}

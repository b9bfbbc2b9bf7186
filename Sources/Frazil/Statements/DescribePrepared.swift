import Columnar
import Planner
import SQLSyntax

/// DESCRIBE INPUT and DESCRIBE OUTPUT: what a prepared statement takes and gives, in Trino's columns.
extension StatementRunner {
  /// A row per `?`, counted from 0, with the type that its place asks for; `unknown` where nothing tells.
  func runDescribeInput(_ name: Identifier) async throws -> StatementResult {
    guard let prepared = session.prepared(name.folded) else { throw Self.noPrepared(name) }
    let statement = prepared.statement
    let types = ParameterTypes()
    if statement.parameterCount > 0 {
      var inner = StatementRunner(session: session, context: context, script: prepared.script)
      inner.parameterTypes = types
      let values = [Scalar](repeating: .null(), count: statement.parameterCount)
      do { _ = try await inner.boundOutput(of: statement, parameters: values) } catch { throw Self.inside(prepared, error, name.range) }
    }
    let positions = ColumnBuilder(type: .integer, capacity: statement.parameterCount)
    let names = ColumnBuilder(type: .varchar, capacity: statement.parameterCount)
    for index in 0..<statement.parameterCount {
      positions.append(.int(Int64(index)))
      names.append(text: "\(types.type(ofParameter: index))")
    }
    return result(
      [("Position", .integer), ("Type", .varchar)], [positions.finish(), names.finish()], count: statement.parameterCount)
  }

  /// A row per column of the result; statements that write give their number of rows.
  func runDescribeOutput(_ name: Identifier) async throws -> StatementResult {
    guard let prepared = session.prepared(name.folded) else { throw Self.noPrepared(name) }
    var inner = StatementRunner(session: session, context: context, script: prepared.script)
    inner.parameterTypes = ParameterTypes()
    let values = [Scalar](repeating: .null(), count: prepared.statement.parameterCount)
    let columns: [DescribedColumn]
    do { columns = try await inner.boundOutput(of: prepared.statement, parameters: values) } catch {
      throw Self.inside(prepared, error, name.range)
    }
    let texts = (0..<5).map { _ in ColumnBuilder(type: .varchar, capacity: columns.count) }
    let sizes = ColumnBuilder(type: .bigint, capacity: columns.count)
    let aliased = ColumnBuilder(type: .boolean, capacity: columns.count)
    for column in columns {
      let origin = column.origin
      let cells = [column.name, origin?.catalog ?? "", origin?.database ?? "", origin?.name ?? "", "\(column.type)"]
      for (builder, text) in zip(texts, cells) { builder.append(text: text) }
      sizes.append(.int(column.type.fixedSize))
      aliased.append(.boolean(column.isAliased))
    }
    let names = ["Column Name", "Catalog", "Schema", "Table", "Type"].map { ($0, SQLType.varchar(length: nil)) }
    return result(
      names + [("Type Size", .bigint), ("Aliased", .boolean)], texts.map { $0.finish() } + [sizes.finish(), aliased.finish()],
      count: columns.count)
  }

  private struct DescribedColumn {
    var name: String
    var type: SQLType
    var origin: TableIdentity?
    var isAliased = false

    static let rowCount = DescribedColumn(name: "rows", type: .bigint)
  }

  /// Binds a statement without running it.
  private func boundOutput(of statement: Statement, parameters: [Scalar]) async throws -> [DescribedColumn] {
    switch statement.kind {
    case .query(let query):
      let bound = try await bind(query, parameters: parameters)
      let aliases = query.aliasedRanges
      return zip(bound.columns, bound.outputColumns).enumerated().map { index, column in
        DescribedColumn(
          name: column.1.name, type: column.1.type, origin: bound.plan.origin(ofColumn: index).flatMap { TableIdentity(shownName: $0.tableName, engine.catalogs) },
          isAliased: aliases.contains(column.0.range))
      }
    case .insert(let insert): _ = try await bindInsert(insert, parameters: parameters, range: statement.range)
    case .unload(let unload): _ = try await bindUnload(unload, parameters: parameters)
    case .createTable(let create) where create.query != nil:
      if let query = create.query { _ = try await bind(query, parameters: parameters) }
    case .delete, .update, .merge: _ = try await bindRowChange(statement, parameters: parameters)
    default: throw SQLError.notSupported("DESCRIBE of a prepared \(statement.kindName) is not supported", range: statement.range)
    }
    return [.rowCount]
  }

  private func result(_ columns: [(name: String, type: SQLType)], _ values: [Column], count: Int) -> StatementResult {
    let shown = columns.map { ResultColumn(name: $0.name, type: "\($0.type)") }
    return StatementResult(
      columns: shown, rows: .of(count == 0 ? [] : [ResultBatch(Batch(columns: values, count: count), columns: shown)]))
  }

  /// The error of a prepared text at the name that a statement gives for it: its own place is in another script.
  private static func inside(_ prepared: PreparedStatement, _ error: any Error, _ range: SourceRange) -> SQLError {
    let error = SQLError(wrapping: error)
    return SQLError(error.code, error.message, range: range, hint: error.hint, cause: error.cause)
  }
}

extension Query {
  /// Where the select list has expressions with an alias.
  fileprivate var aliasedRanges: Set<SourceRange> {
    guard case .select(let select) = body.kind else { return [] }
    return Set(
      select.items.compactMap { item in
        guard case .expression(let expression, _?) = item.kind else { return nil }
        return expression.range
      })
  }
}

extension LogicalPlan {
  /// The scan of the table whose column a column of the plan is, unchanged; nil for what is computed.
  fileprivate func origin(ofColumn index: Int) -> ScanNode? {
    func origin(_ expressions: [NamedExpression], _ input: LogicalPlan) -> ScanNode? {
      guard index < expressions.count, case .column(let source, _, _) = expressions[index].expression else { return nil }
      return input.origin(ofColumn: source)
    }
    switch self {
    case .scan(let node): return node
    case .filter(let input, _), .sort(let input, _), .topN(let input, _, _, _, _), .limit(let input, _, _), .sample(let input, _):
      return input.origin(ofColumn: index)
    case .project(let input, let expressions): return origin(expressions, input)
    case .aggregate(let node): return origin(node.keys, node.input)
    case .join(let node):
      let left = node.left.columns.count
      return index < left ? node.left.origin(ofColumn: index) : node.right.origin(ofColumn: index - left)
    default: return nil
    }
  }
}

extension SQLType {
  /// Bytes of a value as Trino counts them; 0 where they differ from value to value.
  fileprivate var fixedSize: Int64 {
    switch self {
    case .boolean, .tinyint: 1
    case .smallint: 2
    case .integer, .real, .date, .intervalYearToMonth, .color: 4
    case .bigint, .double, .time, .intervalDayToSecond: 8
    case .timestamp(let precision): precision <= 6 ? 8 : 12
    case .timestampTZ(let precision): precision <= 3 ? 8 : 12
    case .decimal(let precision, _): precision <= 18 ? 8 : 16
    case .uuid, .ipaddress: 16
    default: 0
    }
  }
}

import Columnar
import Functions
import SQLSyntax

extension Binder {
  // MARK: Tables and views

  /// A table, view or WITH query.
  func bindTable(
    _ reference: TableReference, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    if reference.name.isSimple, let entry = environment.commonTables[reference.name.folded] {
      if let timeTravel = reference.timeTravel {
        throw SQLError.notSupported("Time travel of a WITH query is not supported", range: timeTravel.range)
      }
      return FromBinding(
        plan: .commonTableScan(id: entry.id, name: entry.name, columns: entry.plan.columns),
        fields: entry.columns.enumerated().map {
          ScopeField(name: $1.name, qualifier: [entry.name], index: $0, type: $1.type)
        })
    }
    let request = try request(for: reference, range: range, place: environment.place)
    switch relations[request] {
    case .table(let table, let name)?:
      return scan(table, name: name, qualifier: qualifier(of: reference.name, environment.place), range: reference.name.range)
    case .view(let view)?: return try expand(view, reference, range: range, in: environment)
    case .failed(let error)?: throw error.located(at: reference.name.range)
    case nil:
      throw SQLError(.tableNotFound, "Table '\(request.displayName)' does not exist", range: reference.name.range)
    }
  }

  /// A scan of all columns, hidden ones last; what is not needed is pruned later.
  func scan(_ table: any Table, name: String, qualifier: [String], range: SourceRange) -> FromBinding {
    var fields: [ScopeField] = []
    var columns: [OutputColumn] = []
    fields.reserveCapacity(table.schema.count)
    for (index, field) in (table.schema.fields + table.hiddenColumns).enumerated() {
      fields.append(
        ScopeField(
          name: field.name, qualifier: qualifier, index: index, type: field.type, isHidden: index >= table.schema.count))
      columns.append(OutputColumn(name: field.name, type: field.type))
    }
    let node = ScanNode(
      table: table, tableName: name, tableColumns: Array(columns.indices), columns: columns, range: range)
    return FromBinding(plan: .scan(node), fields: fields)
  }

  /// The names by which a table's columns can be qualified: catalog, database, table.
  func qualifier(of name: QualifiedName, _ place: NamePlace? = nil) -> [String] {
    let place = place ?? settings.place
    let parts = name.parts.map(\.folded)
    switch parts.count {
    case 1: return [place.catalog.lowercased(), place.database.lowercased(), parts[0]]
    case 2: return [place.catalog.lowercased()] + parts
    default: return parts
    }
  }

  private func expand(
    _ view: ViewDefinition, _ reference: TableReference, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    if let timeTravel = reference.timeTravel {
      throw SQLError.notSupported("Time travel of a view is not supported", range: timeTravel.range)
    }
    guard !environment.openViews.contains(view.name) else {
      throw SQLError(.viewIsRecursive, "View '\(view.name)' is recursive", range: range)
    }
    let query = try parse(view, at: range)
    var inner = BindEnvironment(place: view.place)
    inner.openViews = environment.openViews + [view.name]
    let bound: BoundRelation
    do throws(SQLError) {
      bound = try bindQuery(query, in: inner, keepsOrder: false)
    } catch {
      throw invalid(view, error, range)
    }
    guard view.columnNames.isEmpty || view.columnNames.count == bound.columns.count else {
      throw SQLError(
        .viewIsStale,
        "View '\(view.name)' is stale or in invalid state: it has \(view.columnNames.count) columns, its query \(bound.columns.count)",
        range: range, hint: "create the view again")
    }
    let qualifier = qualifier(of: reference.name, environment.place)
    return FromBinding(
      plan: bound.plan.relocated(to: reference.name.range),
      fields: bound.columns.enumerated().map {
        ScopeField(
          name: view.columnNames.isEmpty ? $1.name : view.columnNames[$0], qualifier: qualifier, index: $0, type: $1.type)
      })
  }

  /// The query of a view. Positions inside its text mean nothing to the script, so errors point at the view's name.
  func parse(_ view: ViewDefinition, at range: SourceRange) throws(SQLError) -> Query {
    do throws(SQLError) {
      return try Parser.parseQuery(view.sql)
    } catch {
      throw invalid(view, error, range)
    }
  }

  private func invalid(_ view: ViewDefinition, _ error: SQLError, _ range: SourceRange) -> SQLError {
    if error.code == .viewIsRecursive { return SQLError(error.code, error.message, range: range) }
    let source = SourceText(view.sql)
    return SQLError(
      .invalidView, "Failed analyzing stored view '\(view.name)': \(error.summary(in: source))", range: range,
      hint: error.hint, cause: error)
  }

  // MARK: Requests

  /// What the caller has to load for a table.
  func request(
    for reference: TableReference, range: SourceRange, place: NamePlace?
  ) throws(SQLError) -> RelationRequest {
    var version: TableVersion?
    if let clause = reference.timeTravel { version = try tableVersion(clause) }
    return RelationRequest(
      .table(reference.name.parts.map(\.folded)), version: version, place: place ?? settings.place,
      range: reference.name.range)
  }

  /// What the caller has to make for a table function: its arguments are constants.
  func request(for call: TableFunctionCall, range: SourceRange, place: NamePlace?) throws(SQLError) -> RelationRequest {
    var arguments: [TableFunctionValue] = []
    for argument in call.arguments {
      switch argument.value {
      case .expression(let expression):
        // `header = true` names an option too: a bare column name means nothing here.
        if argument.name == nil, case .comparison(.equal, let left, let right, _) = expression.kind,
          case .name(let name) = left.kind, name.isSimple
        {
          arguments.append(TableFunctionValue(name: name.folded, value: try evaluateConstant(right)))
          continue
        }
        arguments.append(TableFunctionValue(name: argument.name?.folded, value: try evaluateConstant(expression)))
      case .table, .descriptor:
        throw SQLError.notSupported(
          "Table and descriptor arguments of table functions are not supported", range: argument.range)
      }
    }
    var version: TableVersion?
    if let clause = call.timeTravel { version = try tableVersion(clause) }
    return RelationRequest(
      .function(call.name.last.folded, arguments), version: version, place: place ?? settings.place,
      range: call.name.range)
  }

  func bindTableFunction(
    _ call: TableFunctionCall, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> FromBinding {
    if call.excludesColumns { return try bindExcludeColumns(call, in: environment) }
    let request = try request(for: call, range: range, place: environment.place)
    switch relations[request] {
    case .table(let table, let name)?:
      return scan(table, name: name, qualifier: [call.name.last.folded], range: call.name.range)
    case .failed(let error)?: throw error.located(at: range)
    case .view?, nil:
      throw SQLError(
        .functionNotFound, "Table function '\(call.name.folded)' not registered", range: call.name.range)
    }
  }

  /// `exclude_columns(input => TABLE(…), columns => DESCRIPTOR(a, b))`: the table without some columns.
  private func bindExcludeColumns(_ call: TableFunctionCall, in environment: BindEnvironment) throws(SQLError) -> FromBinding {
    var input: Relation?
    var excluded: [Identifier]?
    for (position, argument) in call.arguments.enumerated() {
      switch (argument.name?.folded ?? (position == 0 ? "input" : "columns"), argument.value) {
      case ("input", .table(let relation)) where input == nil: input = relation
      case ("columns", .descriptor(let names)) where excluded == nil: excluded = names
      default:
        throw SQLError(
          .invalidArguments, "exclude_columns takes input => TABLE(…) and columns => DESCRIPTOR(…)", range: argument.range)
      }
    }
    guard let input, let excluded else {
      throw SQLError(.invalidArguments, "Missing argument: \(input == nil ? "INPUT" : "COLUMNS")", range: call.name.range)
    }
    var bound = try bindRelation(input, in: environment)
    bound.fields.removeAll(where: \.isHidden)
    for name in excluded {
      guard bound.fields.contains(where: { $0.foldedName == name.folded }) else {
        throw SQLError(
          .invalidFunctionArgument, "Excluded columns: [\(name.folded)] not present in the table", range: name.range,
          hint: Suggestion.hint(for: name.folded, among: bound.fields.compactMap(\.name)))
      }
    }
    let names = Set(excluded.map(\.folded))
    bound.fields.removeAll { $0.foldedName.map(names.contains) ?? false }
    guard !bound.fields.isEmpty else { throw SQLError(.invalidFunctionArgument, "All columns are excluded", range: call.name.range) }
    for index in bound.fields.indices { bound.fields[index].qualifier = [] }
    return bound
  }

  /// `FOR TIMESTAMP | VERSION AS OF e`
  private func tableVersion(_ clause: TimeTravelClause) throws(SQLError) -> TableVersion {
    let range = clause.value.range
    let scalar = try evaluateConstant(clause.value)
    guard !scalar.isNull else {
      throw SQLError(.invalidArguments, "Pointer value cannot be NULL", range: range)
    }
    switch clause.unit {
    case .version:
      if case .int(let value) = scalar.value, scalar.type.isInteger { return .snapshot(value) }
      if let text = scalar.text, scalar.type.isPlainText {
        // Spark writes snapshot ids as text too.
        if clause.isSparkForm, let id = Int64(text) { return .snapshot(id) }
        return .reference(text)
      }
      throw SQLError(
        .typeMismatch, "Type \(scalar.type) invalid. Temporal pointers for version must be of type BIGINT or VARCHAR",
        range: range)
    case .timestamp:
      var value = scalar
      if clause.isSparkForm {
        if case .int(let seconds) = scalar.value, scalar.type.isInteger {
          let (instant, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
          guard !overflow else { throw SQLError(.invalidArguments, "Timestamp out of range", range: range) }
          return .instant(instant)
        }
        if let text = scalar.text, scalar.type.isPlainText {
          let spaced = String(text.map { $0 == "T" ? " " : $0 })
          value = try evaluate(
            .cast(.literal(.text(spaced), range), to: .timestampTZ(precision: 6), isTry: false, range))
        }
      }
      switch value.type {
      case .date, .timestamp, .timestampTZ: break
      default:
        throw SQLError(
          .typeMismatch,
          "Type \(scalar.type) invalid. Temporal pointers for timestamp must be of type Timestamp, Timestamp with Time Zone, or Date",
          range: range)
      }
      let instant = try evaluate(.cast(.literal(value, range), to: .timestampTZ(precision: 6), isTry: false, range))
      guard case .timestampTZ(let moment) = instant.value else {
        throw SQLError(.invalidArguments, "Timestamp out of range", range: range)
      }
      return .instant(moment.instant)
    }
  }
}

extension TableFunctionCall {
  /// The one function that is about a table of the statement, not one of its own.
  var excludesColumns: Bool { isWrapped && name.last.folded == "exclude_columns" }
}

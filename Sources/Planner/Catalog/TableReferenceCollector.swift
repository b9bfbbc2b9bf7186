package import Functions
package import SQLSyntax

/// Lists the tables, views and table functions that a statement needs, so that the caller can load them before binding.
///
/// Views are found by loading: their own tables come out of the next round. The caller repeats until nothing is new:
///
/// ```
/// var relations = ResolvedRelations()
/// while true {
///   let missing = try collector.missing(in: query, given: relations)
///   if missing.isEmpty { break }
///   for request in missing { relations[request] = await load(request) }
/// }
/// ```
package struct TableReferenceCollector {
  private let functions: FunctionLibrary
  private let settings: BinderSettings

  package init(functions: FunctionLibrary = .standard, settings: BinderSettings) {
    self.functions = functions
    self.settings = settings
  }

  /// The requests of a query that `relations` does not answer yet, in text order, each once.
  package func missing(in query: Query, given relations: ResolvedRelations) throws(SQLError) -> [RelationRequest] {
    var walk = makeWalk(relations)
    try walk.visit(query)
    return walk.missing
  }

  /// The same for the source of a MERGE and the like.
  package func missing(in relation: Relation, given relations: ResolvedRelations) throws(SQLError) -> [RelationRequest] {
    var walk = makeWalk(relations)
    try walk.visit(relation)
    return walk.missing
  }

  /// The same for expressions with subqueries: the condition of a DELETE, the values of an UPDATE.
  package func missing(
    in expressions: [Expression], given relations: ResolvedRelations
  ) throws(SQLError) -> [RelationRequest] {
    var walk = makeWalk(relations)
    for expression in expressions { try walk.visit(expression) }
    return walk.missing
  }

  /// The request for a table named outside of a query: the target of an INSERT.
  package func request(for name: QualifiedName) -> RelationRequest {
    RelationRequest(.table(name.parts.map(\.folded)), place: settings.place, range: name.range)
  }

  private func makeWalk(_ relations: ResolvedRelations) -> ReferenceWalk {
    ReferenceWalk(relations: relations, binder: Binder(relations: relations, functions: functions, settings: settings))
  }
}

/// One walk over a statement and the views it names.
private struct ReferenceWalk {
  let relations: ResolvedRelations
  /// Evaluates the constants in time travel clauses and table function arguments.
  let binder: Binder
  var missing: [RelationRequest] = []
  private var seen: Set<RelationRequest> = []
  /// Names of WITH clauses around the current place.
  private var commonTables: Set<String> = []
  /// Views around the current place, against views that contain themselves.
  private var openViews: [String] = []
  /// The place and range that names inside a view have; nil in the script itself.
  private var viewPlace: (place: NamePlace, range: SourceRange)?

  init(relations: ResolvedRelations, binder: Binder) {
    self.relations = relations
    self.binder = binder
  }

  mutating func visit(_ query: Query) throws(SQLError) {
    let outer = commonTables
    if let with = query.with {
      for table in with.tables {
        if with.isRecursive { commonTables.insert(table.name.folded) }
        try visit(table.query)
        commonTables.insert(table.name.folded)
      }
    }
    try visit(query.body)
    for item in query.orderBy { try visit(item.expression) }
    commonTables = outer
  }

  private mutating func visit(_ body: QueryBody) throws(SQLError) {
    switch body.kind {
    case .select(let select):
      for relation in select.from { try visit(relation) }
      for item in select.items {
        switch item.kind {
        case .expression(let expression, _): try visit(expression)
        case .allColumns(let target, _): if let target { try visit(target) }
        }
      }
      for expression in [select.filter, select.having, select.qualify] {
        if let expression { try visit(expression) }
      }
      if let groupBy = select.groupBy { for element in groupBy.elements { try visit(element) } }
      for window in select.windows {
        for expression in window.specification.partitionBy { try visit(expression) }
        for item in window.specification.orderBy { try visit(item.expression) }
      }
    case .values(let rows): for row in rows { try visit(row) }
    case .table(let name): try add(TableReference(name: name), body.range)
    case .setOperation(let clause): for operand in clause.operands { try visit(operand) }
    case .parenthesized(let query): try visit(query)
    }
  }

  private mutating func visit(_ element: GroupingElement) throws(SQLError) {
    switch element {
    case .simple(let expressions): for expression in expressions { try visit(expression) }
    case .rollup(let lists), .cube(let lists):
      for list in lists { for expression in list { try visit(expression) } }
    case .groupingSets(let elements): for element in elements { try visit(element) }
    }
  }

  mutating func visit(_ relation: Relation) throws(SQLError) {
    switch relation.kind {
    case .table(let reference): try add(reference, relation.range)
    case .subquery(let query), .lateral(let query): try visit(query)
    case .unnest(let expressions, _): for expression in expressions { try visit(expression) }
    case .function(let call):
      for argument in call.arguments {
        if case .table(let relation) = argument.value { try visit(relation) }
      }
      if call.excludesColumns { break }
      try add(try binder.request(for: call, range: relation.range, place: viewPlace?.place))
    case .join(let join):
      try visit(join.left)
      try visit(join.right)
      if case .on(let condition)? = join.condition { try visit(condition) }
    case .aliased(let inner, _), .sampled(let inner, _), .unpivot(let inner, _), .matchRecognize(let inner, _):
      try visit(inner)
    case .pivot(let inner, let pivot):
      try visit(inner)
      if case .query(let query) = pivot.values { try visit(query) }
    case .jsonTable(let table): for expression in table.expressions { try visit(expression) }
    }
  }

  mutating func visit(_ expression: Expression) throws(SQLError) {
    var pending: [SyntaxChild] = [.expression(expression)]
    while let child = pending.popLast() {
      switch child {
      case .query(let query): try visit(query)
      case .expression(let expression):
        var children: [SyntaxChild] = []
        expression.forEachChild { children.append($0) }
        pending.append(contentsOf: children.reversed())
      }
    }
  }

  private mutating func add(_ reference: TableReference, _ range: SourceRange) throws(SQLError) {
    if reference.name.isSimple, commonTables.contains(reference.name.folded) { return }
    try add(try binder.request(for: reference, range: range, place: viewPlace?.place))
  }

  private mutating func add(_ request: RelationRequest) throws(SQLError) {
    var request = request
    if let viewPlace { request.range = viewPlace.range }
    guard seen.insert(request).inserted else { return }
    switch relations[request] {
    case nil: missing.append(request)
    case .table, .failed: break
    case .view(let view): try enter(view, at: request.range)
    }
  }

  /// Visits a loaded view's query in its own place.
  private mutating func enter(_ view: ViewDefinition, at range: SourceRange) throws(SQLError) {
    // A view inside itself is reported by the binder, with the right words.
    guard !openViews.contains(view.name) else { return }
    let saved = (commonTables, viewPlace)
    commonTables = []
    viewPlace = (view.place, range)
    openViews.append(view.name)
    try visit(try binder.parse(view, at: range))
    openViews.removeLast()
    (commonTables, viewPlace) = saved
  }
}

/// Everything that stands in a statement, flat, in no order that counts: for rules about single constructs.
struct SyntaxPieces {
  private(set) var expressions: [Expression] = []
  private(set) var queries: [Query] = []
  private(set) var selects: [SelectClause] = []
  private(set) var relations: [Relation] = []

  init(_ statement: Statement) {
    switch statement.kind {
    case .query(let query): add(query)
    case .insert(let insert): add(insert.query)
    case .update(let update): add(update.assignments.map(\.value) + (update.filter.map { [$0] } ?? []))
    case .delete(let delete): if let filter = delete.filter { add(filter) }
    case .merge(let merge):
      add(merge.source)
      add(merge.condition)
      for clause in merge.clauses {
        if let condition = clause.condition { add(condition) }
        switch clause.action {
        case .update(let assignments): add(assignments.map(\.value))
        case .insert(_, let values): add(values)
        case .updateAll, .delete, .insertAll: break
        }
      }
    case .unload(let unload):
      add(unload.query)
      add(unload.properties.map(\.value))
    case .createTable(let create):
      add(create.withProperties.map(\.value))
      if let query = create.query { add(query) }
    case .createView(let create): add(create.query)
    case .execute(_, let arguments): add(arguments)
    case .optimize(let optimize): if let filter = optimize.filter { add(filter) }
    default: break
    }
  }

  private mutating func add(_ expressions: [Expression]) { for expression in expressions { add(expression) } }

  private mutating func add(_ expression: Expression) {
    // By a list instead of recursion: IN lists and chains are long.
    var pending = [expression]
    while let expression = pending.popLast() {
      expressions.append(expression)
      expression.forEachChild { child in
        switch child {
        case .expression(let expression): pending.append(expression)
        case .query(let query): add(query)
        }
      }
    }
  }

  private mutating func add(_ query: Query) {
    queries.append(query)
    for table in query.with?.tables ?? [] { add(table.query) }
    add(query.body)
    add(query.orderBy.map(\.expression))
    if let offset = query.offset { add(offset) }
    switch query.limit {
    case .rows(let count)?, .fetch(let count?, _)?: add(count)
    case nil, .all?, .fetch(nil, _)?: break
    }
  }

  private mutating func add(_ body: QueryBody) {
    switch body.kind {
    case .select(let select):
      selects.append(select)
      for relation in select.from { add(relation) }
      for item in select.items {
        switch item.kind {
        case .expression(let expression, _): add(expression)
        case .allColumns(let target, _): if let target { add(target) }
        }
      }
      for case let expression? in [select.filter, select.having, select.qualify] { add(expression) }
      for element in select.groupBy?.elements ?? [] { add(element) }
    case .values(let rows): add(rows)
    case .table(let name): relations.append(Relation(.table(TableReference(name: name)), range: body.range))
    case .setOperation(let clause): for operand in clause.operands { add(operand) }
    case .parenthesized(let query): add(query)
    }
  }

  private mutating func add(_ element: GroupingElement) {
    switch element {
    case .simple(let expressions): add(expressions)
    case .rollup(let lists), .cube(let lists): for list in lists { add(list) }
    case .groupingSets(let elements): for element in elements { add(element) }
    }
  }

  private mutating func add(_ relation: Relation) {
    relations.append(relation)
    switch relation.kind {
    case .table, .matchRecognize: break
    case .jsonTable(let table): add(table.expressions)
    case .subquery(let query), .lateral(let query): add(query)
    case .unnest(let expressions, _): add(expressions)
    case .function(let call):
      for argument in call.arguments {
        switch argument.value {
        case .expression(let expression): add(expression)
        case .table(let relation): add(relation)
        case .descriptor: break
        }
      }
    case .join(let join):
      add(join.left)
      add(join.right)
      if case .on(let condition)? = join.condition { add(condition) }
    case .aliased(let inner, _), .sampled(let inner, _), .unpivot(let inner, _), .pivot(let inner, _): add(inner)
    }
  }
}

extension SQLPrinter {
  static func render(_ query: Query) -> String {
    words(
      query.with.map(render), render(query.body), orderBy(query.orderBy), query.offset.map { "OFFSET \(render($0))" },
      query.limit.map(render))
  }

  private static func render(_ with: WithClause) -> String {
    let tables = list(with.tables) { table in
      "\(render(table.name))\(columnList(table.columns)) AS (\(render(table.query)))"
    }
    return words("WITH", with.isRecursive ? "RECURSIVE" : nil, tables)
  }

  /// ` (a, b)`, or nothing.
  static func columnList(_ columns: [Identifier]) -> String { columns.isEmpty ? "" : " " + group(columns, render) }

  private static func render(_ limit: LimitClause) -> String {
    switch limit {
    case .all: "LIMIT ALL"
    case .rows(let count): "LIMIT \(render(count))"
    case .fetch(let count, let withTies): words("FETCH FIRST", count.map(render), withTies ? "ROWS WITH TIES" : "ROWS ONLY")
    }
  }

  static func render(_ body: QueryBody) -> String {
    switch body.kind {
    case .select(let select): render(select)
    case .values(let rows): "VALUES \(list(rows, valuesRow))"
    case .table(let name): "TABLE \(render(name))"
    case .parenthesized(let query): "(\(render(query)))"
    case .setOperation(let operation):
      operation.operands.map(render).joined(
        separator: " \(words(operation.kind.rawValue, operation.quantifier == .all ? "ALL" : nil, operation.isCorresponding ? "CORRESPONDING" : nil)) ")
    }
  }

  /// `(1, 'a')`, as everybody writes rows of VALUES.
  private static func valuesRow(_ row: Expression) -> String {
    guard case .row(let elements) = row.kind, elements.count > 1, elements.allSatisfy({ $0.name == nil }) else {
      return render(row)
    }
    return group(elements) { render($0.value) }
  }

  private static func render(_ select: SelectClause) -> String {
    words(
      "SELECT", select.quantifier?.rawValue, list(select.items, render), clause("FROM", select.from, render),
      select.filter.map { "WHERE \(render($0))" }, select.groupBy.map(render), select.having.map { "HAVING \(render($0))" },
      clause("WINDOW", select.windows) { "\(render($0.name)) AS \(render($0.specification))" },
      select.qualify.map { "QUALIFY \(render($0))" })
  }

  private static func render(_ item: SelectItem) -> String {
    switch item.kind {
    case .expression(let expression, let alias): words(render(expression), alias.map { "AS \(render($0))" })
    case .allColumns(nil, _): "*"
    case .allColumns(let target?, let aliases):
      words("\(starTarget(target, isParenthesized: item.range.lowerBound < target.range.lowerBound)).*", aliases.isEmpty ? nil : "AS \(group(aliases, render))")
    }
  }

  private static func starTarget(_ target: Expression, isParenthesized: Bool) -> String {
    if case .name(let name) = target.kind, !isParenthesized { return render(name) }
    return "(\(render(target)))"
  }

  private static func render(_ groupBy: GroupByClause) -> String {
    words("GROUP BY", groupBy.quantifier?.rawValue, list(groupBy.elements, render))
  }

  private static func render(_ element: GroupingElement) -> String {
    switch element {
    case .simple(let expressions): groupingSet(expressions)
    case .rollup(let sets): "ROLLUP \(group(sets, groupingSet))"
    case .cube(let sets): "CUBE \(group(sets, groupingSet))"
    case .groupingSets(let elements): "GROUPING SETS \(group(elements, render))"
    }
  }

  private static func groupingSet(_ expressions: [Expression]) -> String {
    expressions.count == 1 ? render(expressions[0]) : group(expressions, render)
  }
}

// MARK: - Relations

extension SQLPrinter {
  static func render(_ relation: Relation) -> String {
    switch relation.kind {
    case .table(let table): words(render(table.name), table.timeTravel.map(render))
    case .subquery(let query): "(\(render(query)))"
    case .lateral(let query): "LATERAL (\(render(query)))"
    case .unnest(let arrays, let withOrdinality): "UNNEST\(group(arrays, render))\(withOrdinality ? " WITH ORDINALITY" : "")"
    case .function(let call): render(call)
    case .join(let join): render(join)
    case .aliased(let inner, let alias): "\(aliasBase(inner)) AS \(render(alias.name))\(columnList(alias.columns))"
    case .sampled(let inner, let sample):
      "\(suffixBase(inner)) TABLESAMPLE \(sample.method.rawValue) (\(render(sample.percentage)))"
    case .pivot(let inner, let pivot): "\(suffixBase(inner)) \(render(pivot))"
    case .unpivot(let inner, let unpivot): "\(suffixBase(inner)) \(render(unpivot))"
    case .matchRecognize(let inner, let text): "\(suffixBase(inner)) MATCH_RECOGNIZE (\(text.text))"
    case .jsonTable(let table): render(table)
    }
  }

  /// What a sample or pivot may follow without parentheses: anything but a join.
  private static func suffixBase(_ relation: Relation) -> String {
    if case .join = relation.kind { return "(\(render(relation)))" }
    return render(relation)
  }

  private static func aliasBase(_ relation: Relation) -> String {
    switch relation.kind {
    case .join, .aliased, .sampled: "(\(render(relation)))"
    default: render(relation)
    }
  }

  private static func render(_ join: JoinClause) -> String {
    let left = render(join.left)
    let right = suffixBase(join.right)
    return switch join.condition {
    case nil: "\(left) \(join.kind.rawValue) \(right)"
    case .natural: "\(left) NATURAL \(join.kind.rawValue) \(right)"
    case .using(let columns): "\(left) \(join.kind.rawValue) \(right) USING \(group(columns, render))"
    case .on(let condition): "\(left) \(join.kind.rawValue) \(right) ON \(render(condition))"
    }
  }

  private static func render(_ travel: TimeTravelClause) -> String {
    "\(travel.isSparkForm ? "" : "FOR ")\(travel.unit.rawValue) AS OF \(renderValue(travel.value))"
  }

  private static func render(_ call: TableFunctionCall) -> String {
    let text = "\(render(call.name))\(group(call.arguments, render))"
    return call.isWrapped ? "TABLE(\(text))" : words(text, call.timeTravel.map(render))
  }

  private static func render(_ argument: TableFunctionArgument) -> String {
    let value =
      switch argument.value {
      case .expression(let expression): render(expression)
      case .descriptor(let columns): "DESCRIPTOR\(group(columns, render))"
      case .table(let relation):
        if case .subquery = relation.kind { "TABLE\(render(relation))" } else { "TABLE(\(render(relation)))" }
      }
    return (argument.name.map { "\(render($0)) => " } ?? "") + value
  }

  private static func render(_ pivot: PivotClause) -> String {
    let columns = pivot.columns.count == 1 ? render(pivot.columns[0]) : group(pivot.columns, render)
    let aggregates = list(pivot.aggregates) { words(render($0.call), $0.alias.map { "AS \(render($0))" }) }
    return "PIVOT (\(words(aggregates, "FOR \(columns) IN (\(render(pivot.values)))", clause("GROUP BY", pivot.groupBy, render))))"
  }

  private static func render(_ values: PivotValues) -> String {
    switch values {
    case .list(let values): list(values) { words(render($0.value), $0.alias.map { "AS \(render($0))" }) }
    case .any(let items): words("ANY", orderBy(items))
    case .query(let query): render(query)
    }
  }

  private static func render(_ unpivot: UnpivotClause) -> String {
    let values = unpivot.valueColumns.count == 1 ? render(unpivot.valueColumns[0]) : group(unpivot.valueColumns, render)
    let sources = list(unpivot.sources) { source in
      let columns = source.columns.count == 1 ? render(source.columns[0]) : group(source.columns, render)
      return words(columns, source.label.map { "AS \(render($0))" })
    }
    return "UNPIVOT\(unpivot.includesNulls ? " INCLUDE NULLS" : "") (\(values) FOR \(render(unpivot.nameColumn)) IN (\(sources)))"
  }
}

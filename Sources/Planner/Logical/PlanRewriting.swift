import Columnar
package import SQLSyntax

/// Walking and rebuilding plans, one node at a time.
extension LogicalPlan {
  /// The same node over other inputs, which must have the same columns.
  package func mapInputs<Failure: Error>(
    _ transform: (LogicalPlan) throws(Failure) -> LogicalPlan
  ) throws(Failure) -> LogicalPlan {
    switch self {
    case .scan, .values, .commonTableScan: return self
    case .filter(let input, let predicate): return .filter(try transform(input), predicate)
    case .project(let input, let expressions): return .project(try transform(input), expressions)
    case .aggregate(var node):
      node.input = try transform(node.input)
      return .aggregate(node)
    case .join(var node):
      node.left = try transform(node.left)
      node.right = try transform(node.right)
      return .join(node)
    case .sort(let input, let keys): return .sort(try transform(input), keys)
    case .topN(let input, let keys, let offset, let count, let withTies):
      return .topN(try transform(input), keys, offset: offset, count: count, withTies: withTies)
    case .limit(let input, let offset, let count): return .limit(try transform(input), offset: offset, count: count)
    case .unionAll(let inputs):
      var mapped: [LogicalPlan] = []
      for input in inputs { mapped.append(try transform(input)) }
      return .unionAll(mapped)
    case .setOperation(let kind, let isDistinct, let left, let right):
      let mappedLeft = try transform(left)
      return .setOperation(kind, isDistinct: isDistinct, mappedLeft, try transform(right))
    case .window(var node):
      node.input = try transform(node.input)
      return .window(node)
    case .unnest(var node):
      node.input = try transform(node.input)
      return .unnest(node)
    case .pivot(var node):
      node.input = try transform(node.input)
      return .pivot(node)
    case .singleRow(let input, let range): return .singleRow(try transform(input), range)
    case .commonTable(let id, let name, let definition, let body):
      let mapped = try transform(definition)
      return .commonTable(id: id, name: name, definition: mapped, body: try transform(body))
    case .recursive(var node):
      node.seed = try transform(node.seed)
      node.step = try transform(node.step)
      return .recursive(node)
    case .sample(let input, let fraction): return .sample(try transform(input), fraction: fraction)
    }
  }

  /// The same node with every expression that stands directly in it passed through `transform`.
  package func mapExpressions(_ transform: (BoundExpression) -> BoundExpression) -> LogicalPlan {
    func keys(_ list: [SortKey]) -> [SortKey] {
      list.map { SortKey(transform($0.expression), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst) }
    }
    func named(_ list: [NamedExpression]) -> [NamedExpression] {
      list.map { NamedExpression(transform($0.expression), name: $0.name) }
    }
    switch self {
    case .scan, .commonTableScan, .limit, .unionAll, .setOperation, .singleRow, .commonTable, .recursive, .sample: return self
    case .values(let rows, let columns): return .values(rows: rows.map { $0.map(transform) }, columns: columns)
    case .filter(let input, let predicate): return .filter(input, transform(predicate))
    case .project(let input, let expressions): return .project(input, named(expressions))
    case .aggregate(var node):
      node.keys = named(node.keys)
      for i in node.aggregates.indices {
        node.aggregates[i].arguments = node.aggregates[i].arguments.map(transform)
        node.aggregates[i].filter = node.aggregates[i].filter.map(transform)
        node.aggregates[i].order = keys(node.aggregates[i].order)
      }
      return .aggregate(node)
    case .join(var node):
      for i in node.keys.indices {
        node.keys[i].left = transform(node.keys[i].left)
        node.keys[i].right = transform(node.keys[i].right)
      }
      node.residual = node.residual.map(transform)
      return .join(node)
    case .sort(let input, let order): return .sort(input, keys(order))
    case .topN(let input, let order, let offset, let count, let withTies):
      return .topN(input, keys(order), offset: offset, count: count, withTies: withTies)
    case .window(var node):
      node.partition = node.partition.map(transform)
      node.order = keys(node.order)
      for i in node.functions.indices {
        node.functions[i].arguments = node.functions[i].arguments.map(transform)
        node.functions[i].filter = node.functions[i].filter.map(transform)
        node.functions[i].frame = node.functions[i].frame.mapExpressions(transform)
      }
      return .window(node)
    case .unnest(var node):
      node.expressions = node.expressions.map(transform)
      return .unnest(node)
    case .pivot(var node):
      node.keys = named(node.keys)
      node.pivotKey = transform(node.pivotKey)
      for i in node.cells.indices { node.cells[i].arguments = node.cells[i].arguments.map(transform) }
      return .pivot(node)
    }
  }

  /// Visits every expression that stands directly in this node.
  package func forEachExpression(_ body: (BoundExpression) -> Void) {
    switch self {
    case .scan, .commonTableScan, .limit, .unionAll, .setOperation, .singleRow, .commonTable, .recursive, .sample: break
    case .values(let rows, _): for row in rows { row.forEach(body) }
    case .filter(_, let predicate): body(predicate)
    case .project(_, let expressions): for named in expressions { body(named.expression) }
    case .aggregate(let node):
      for key in node.keys { body(key.expression) }
      for call in node.aggregates {
        call.arguments.forEach(body)
        if let filter = call.filter { body(filter) }
        for key in call.order { body(key.expression) }
      }
    case .join(let node):
      for key in node.keys {
        body(key.left)
        body(key.right)
      }
      if let residual = node.residual { body(residual) }
    case .sort(_, let keys), .topN(_, let keys, _, _, _): for key in keys { body(key.expression) }
    case .window(let node):
      node.partition.forEach(body)
      for key in node.order { body(key.expression) }
      for call in node.functions {
        call.arguments.forEach(body)
        if let filter = call.filter { body(filter) }
        call.frame.forEachExpression(body)
      }
    case .unnest(let node): node.expressions.forEach(body)
    case .pivot(let node):
      for key in node.keys { body(key.expression) }
      body(node.pivotKey)
      for cell in node.cells { cell.arguments.forEach(body) }
    }
  }

  /// Rebuilds the tree from the leaves up.
  package func transformedBottomUp(_ transform: (LogicalPlan) -> LogicalPlan) -> LogicalPlan {
    transform(mapInputs { $0.transformedBottomUp(transform) })
  }

  package func forEachNode(_ body: (LogicalPlan) -> Void) {
    body(self)
    for input in inputs { input.forEachNode(body) }
  }

  package func containsNode(where test: (LogicalPlan) -> Bool) -> Bool {
    test(self) || inputs.contains { $0.containsNode(where: test) }
  }

  /// Whether any expression of the tree reads columns of the query `level` levels out.
  package func hasOuterColumns(level: Int) -> Bool {
    containsNode { node in
      var found = false
      node.forEachExpression { found = found || $0.hasOuterColumns(level: level) }
      return found
    }
  }

  /// Whether any expression of the tree reads columns of any query around it.
  package var hasAnyOuterColumns: Bool {
    containsNode { node in
      var found = false
      node.forEachExpression { expression in
        found = found || expression.contains { if case .outerColumn = $0 { true } else { false } }
      }
      return found
    }
  }

  package var isDeterministic: Bool {
    !containsNode { node in
      if case .sample = node { return true }
      var found = false
      node.forEachExpression { found = found || !$0.isDeterministic }
      return found
    }
  }

  /// A projection that passes every column of `input` on under its name.
  package static func passingColumns(of input: LogicalPlan) -> [NamedExpression] {
    input.columns.enumerated().map { NamedExpression(.column($0, $1.type, .unknown), name: $1.name) }
  }

  /// The whole tree as if it were written at `range`.
  package func relocated(to range: SourceRange) -> LogicalPlan {
    transformedBottomUp { node in
      switch node.mapExpressions({ $0.relocated(to: range) }) {
      case .scan(var scan):
        scan.range = range
        return .scan(scan)
      case .join(var join):
        join.range = range
        return .join(join)
      case .aggregate(var aggregate):
        for i in aggregate.aggregates.indices { aggregate.aggregates[i].range = range }
        return .aggregate(aggregate)
      case .window(var window):
        for i in window.functions.indices { window.functions[i].range = range }
        return .window(window)
      case .singleRow(let input, _): return .singleRow(input, range)
      case let other: return other
      }
    }
  }
}

extension WindowFrame {
  func mapExpressions(_ transform: (BoundExpression) -> BoundExpression) -> WindowFrame {
    func bound(_ bound: Bound) -> Bound {
      switch bound {
      case .preceding(let offset): .preceding(transform(offset))
      case .following(let offset): .following(transform(offset))
      case .unboundedPreceding, .currentRow, .unboundedFollowing: bound
      }
    }
    return WindowFrame(unit: unit, start: bound(start), end: bound(end))
  }

  func forEachExpression(_ body: (BoundExpression) -> Void) {
    for bound in [start, end] {
      switch bound {
      case .preceding(let offset), .following(let offset): body(offset)
      case .unboundedPreceding, .currentRow, .unboundedFollowing: break
      }
    }
  }
}

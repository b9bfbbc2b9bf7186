import SQLSyntax

/// Set operations whose operands are matched by the names of their columns: `UNION ALL CORRESPONDING`.
extension Binder {
  /// From left to right, each time over the columns that both sides have, in the order of the left one.
  func bindCorresponding(
    _ clause: SetOperationClause, range: SourceRange, in environment: BindEnvironment
  ) throws(SQLError) -> BoundRelation {
    try checkCount(clause.operands.count, of: "operands of \(clause.kind.rawValue)", range: range)
    var result = try bindOperand(clause.operands[0], in: environment)
    for body in clause.operands.dropFirst() {
      let right = try bindOperand(body, in: environment)
      let names = result.columns.compactMap { column in column.name.flatMap { right.index(of: $0) == nil ? nil : $0 } }
      guard !names.isEmpty else {
        throw SQLError(.typeMismatch, "No corresponding columns in both sides of the \(clause.kind.rawValue) query", range: body.range)
      }
      let sides = [try result.narrowed(to: names, range), try right.narrowed(to: names, body.range)]
      result = try combined(sides, by: clause, range: range)
    }
    return result
  }
}

extension BoundRelation {
  fileprivate func index(of name: String) -> Int? { columns.firstIndex { $0.name?.lowercased() == name.lowercased() } }

  /// Only the columns of those names, in their order.
  fileprivate func narrowed(to names: [String], _ range: SourceRange) throws(SQLError) -> BoundRelation {
    var chosen: [Int] = []
    for name in names {
      let places = columns.indices.filter { columns[$0].name?.lowercased() == name.lowercased() }
      guard places.count == 1 else { throw SQLError(.ambiguousName, "Column '\(name)' is ambiguous", range: range) }
      chosen += places
    }
    let expressions = columnExpressions
    return BoundRelation(
      plan: .project(plan, chosen.map { NamedExpression(expressions[$0], name: columns[$0].name ?? "") }), columns: chosen.map { columns[$0] })
  }
}

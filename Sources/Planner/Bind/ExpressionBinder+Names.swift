import Columnar
import SQLSyntax

extension ExpressionBinder {
  /// `a`, `t.a`, `db.t.a`, `a.field`, `t.a.field.field`: the longest prefix that names a relation wins, in the innermost scope that has it.
  func bindName(_ name: QualifiedName, range: SourceRange) throws(SQLError) -> BoundExpression {
    let folded = name.parts.map(\.folded)

    for depth in lambdaFrames.indices.reversed() {
      guard let parameter = lambdaFrames[depth].names[folded[0]] else { continue }
      let base = BoundExpression.column(parameter, lambdaFrames[depth].types[parameter], name.parts[0].range)
      return try fields(name.parts.dropFirst(), of: capture(base, above: depth), range: range)
    }
    if aggregateRange == nil, let alias = aliases[folded[0]], folded.count == 1 || isRow(alias) {
      switch alias {
      case .expression(let expression):
        return try fields(name.parts.dropFirst(), of: capture(expression, above: -1), range: range)
      case .ambiguous: throw ambiguous(folded[0], range)
      }
    }
    for prefix in (0..<folded.count).reversed() {
      var level = 0
      var current = scope ?? environment.outer
      // Without a scope of its own the expression stands directly in the query around.
      if scope == nil { level = 1 }
      while let candidate = current {
        switch candidate.find(folded[prefix], qualifier: folded[..<prefix]) {
        case .none: break
        case .many: throw ambiguous(folded[...prefix].joined(separator: "."), range)
        case .one(let field):
          if field.isMerged, binder.settings.isStrict {
            throw AthenaRule.refused(.columnNotFound, "Column '\(name.folded)' cannot be resolved", at: range)
          }
          let columnRange = prefix == folded.count - 1 ? range : name.parts[prefix].range
          let column: BoundExpression =
            level == 0
            ? .column(field.index, field.type, columnRange)
            : .outerColumn(level: level, index: field.index, field.type, columnRange)
          return try fields(name.parts[(prefix + 1)...], of: capture(column, above: -1), range: range)
        }
        level += 1
        current = candidate.parent
      }
    }
    throw unresolved(name, range)
  }

  private func isRow(_ alias: SelectAlias) -> Bool {
    if case .expression(let expression) = alias, case .row = expression.type { true } else { false }
  }

  /// Hands an expression of the place around frame `depth + 1` down to the body of the innermost lambda.
  private func capture(_ expression: BoundExpression, above depth: Int) -> BoundExpression {
    var expression = expression
    for inner in lambdaFrames.indices where inner > depth { expression = lambdaFrames[inner].capture(expression) }
    return expression
  }

  private func fields(
    _ names: ArraySlice<Identifier>, of base: BoundExpression, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    var result = base
    for name in names { result = try field(name, of: result, range: result.range.union(name.range)) }
    return result
  }

  /// `base.name` of a row value.
  func field(_ name: Identifier, of base: BoundExpression, range: SourceRange) throws(SQLError) -> BoundExpression {
    guard case .row(let rowFields) = base.type else {
      throw SQLError(.typeMismatch, "Expression \(describe(base)) is not of type ROW", range: base.range)
    }
    var found: Int?
    for (index, field) in rowFields.enumerated() where field.name?.lowercased() == name.folded {
      if found != nil {
        throw SQLError(.ambiguousName, "Ambiguous row field reference: \(name.spelling)", range: name.range)
      }
      found = index
    }
    guard let found else {
      throw SQLError(
        .columnNotFound, "Column '\(name.folded)' cannot be resolved", range: name.range,
        hint: Suggestion.hint(for: name.folded, among: rowFields.compactMap(\.name)))
    }
    return .field(base, index: found, type: rowFields[found].type, range)
  }

  private func ambiguous(_ name: String, _ range: SourceRange) -> SQLError {
    SQLError(.ambiguousName, "Column '\(name)' is ambiguous", range: range)
  }

  private func unresolved(_ name: QualifiedName, _ range: SourceRange) -> SQLError {
    var candidates: [String] = []
    var current = scope ?? environment.outer
    while let scope = current {
      candidates += scope.visibleNames
      current = scope.parent
    }
    if clause == .orderBy { candidates += aliases.keys.sorted() }
    return SQLError(
      .columnNotFound, "Column '\(name.folded)' cannot be resolved", range: range,
      hint: Suggestion.hint(for: name.last.folded, among: candidates))
  }

  /// A column's name or the operator, for messages.
  func describe(_ expression: BoundExpression) -> String {
    switch expression {
    case .column(let index, _, _): scope?.fields.first { $0.index == index }?.name ?? "_col\(index)"
    case .field(_, _, _, _): "value"
    default: "\(expression.type)"
    }
  }
}

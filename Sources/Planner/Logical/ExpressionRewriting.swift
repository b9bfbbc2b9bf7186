package import Columnar
import Functions
package import SQLSyntax

/// Walking and rebuilding bound expressions. A lambda's body speaks of other columns than the expression around it, so walks stop at
/// its captures: they are the lambda's operands.
extension BoundExpression {
  /// The same node over other direct operands.
  package func mapOperands<Failure: Error>(
    _ transform: (BoundExpression) throws(Failure) -> BoundExpression
  ) throws(Failure) -> BoundExpression {
    switch self {
    case .column, .literal, .outerColumn: return self
    case .call(let function, let arguments, let range):
      return .call(function, try Self.mapped(arguments, transform), range)
    case .cast(let operand, let type, let isTry, let range):
      return .cast(try transform(operand), to: type, isTry: isTry, range)
    case .and(let operands, let range): return .and(try Self.mapped(operands, transform), range)
    case .or(let operands, let range): return .or(try Self.mapped(operands, transform), range)
    case .not(let operand, let range): return .not(try transform(operand), range)
    case .isNull(let operand, let range): return .isNull(try transform(operand), range)
    case .caseWhen(let branches, let otherwise, let type, let range):
      var mapped: [CaseBranch] = []
      mapped.reserveCapacity(branches.count)
      for branch in branches {
        mapped.append(CaseBranch(condition: try transform(branch.condition), result: try transform(branch.result)))
      }
      return .caseWhen(mapped, otherwise: try transform(otherwise), type: type, range)
    case .coalesce(let operands, let type, let range):
      return .coalesce(try Self.mapped(operands, transform), type: type, range)
    case .inList(let value, let list, let range):
      return .inList(try transform(value), try Self.mapped(list, transform), range)
    case .tryCatch(let operand, let range): return .tryCatch(try transform(operand), range)
    case .makeRow(let operands, let type, let range):
      return .makeRow(try Self.mapped(operands, transform), type: type, range)
    case .field(let operand, let index, let type, let range):
      return .field(try transform(operand), index: index, type: type, range)
    case .lambda(var lambda, let range):
      lambda.captures = try Self.mapped(lambda.captures, transform)
      return .lambda(lambda, range)
    }
  }

  private static func mapped<Failure: Error>(
    _ list: [BoundExpression], _ transform: (BoundExpression) throws(Failure) -> BoundExpression
  ) throws(Failure) -> [BoundExpression] {
    var result: [BoundExpression] = []
    result.reserveCapacity(list.count)
    for element in list { result.append(try transform(element)) }
    return result
  }

  /// Replaces every subtree for which `replacement` gives something; the replaced subtree is not entered.
  package func replacing<Failure: Error>(
    _ replacement: (BoundExpression) throws(Failure) -> BoundExpression?
  ) throws(Failure) -> BoundExpression {
    if let replaced = try replacement(self) { return replaced }
    return try mapOperands { (operand) throws(Failure) -> BoundExpression in try operand.replacing(replacement) }
  }

  /// The same expression with every column index passed through `map`.
  package func mappingColumns(_ map: (Int) -> Int) -> BoundExpression {
    if case .column(let index, let type, let range) = self { return .column(map(index), type, range) }
    return mapOperands { $0.mappingColumns(map) }
  }

  package func shiftingColumns(by offset: Int) -> BoundExpression {
    offset == 0 ? self : mappingColumns { $0 + offset }
  }

  /// The same expression with every column replaced by the expression that computes it.
  package func substitutingColumns(_ expressions: [BoundExpression]) -> BoundExpression {
    if case .column(let index, _, _) = self { return expressions[index] }
    return mapOperands { $0.substitutingColumns(expressions) }
  }

  package func forEachNode(_ body: (BoundExpression) -> Void) {
    body(self)
    for operand in operands { operand.forEachNode(body) }
  }

  package func contains(where test: (BoundExpression) -> Bool) -> Bool {
    test(self) || operands.contains { $0.contains(where: test) }
  }

  /// The input columns that the expression reads.
  package var columnIndices: Set<Int> {
    var result: Set<Int> = []
    collectColumns(into: &result)
    return result
  }

  package func collectColumns(into set: inout Set<Int>) {
    if case .column(let index, _, _) = self {
      set.insert(index)
      return
    }
    for operand in operands { operand.collectColumns(into: &set) }
  }

  /// Reads columns of the query `level` levels further out.
  package func hasOuterColumns(level: Int) -> Bool {
    contains { if case .outerColumn(level, _, _, _) = $0 { true } else { false } }
  }

  /// Reads no column at all.
  package var isConstant: Bool {
    !contains {
      switch $0 {
      case .column, .outerColumn: true
      default: false
      }
    }
  }

  /// Same inputs, same result: also looks into lambda bodies.
  package var isDeterministic: Bool {
    !contains {
      switch $0 {
      case .call(let function, _, _): !function.isDeterministic
      case .lambda(let lambda, _): !lambda.body.isDeterministic
      default: false
      }
    }
  }

  /// Cannot fail for any row: only then may it be evaluated where the script did not ask for it.
  package var isSafe: Bool {
    switch self {
    case .column, .literal, .outerColumn: true
    case .and, .or, .not, .isNull, .inList, .caseWhen, .coalesce, .makeRow, .field: operands.allSatisfy(\.isSafe)
    case .call(let function, let arguments, _):
      Self.safeOperators.contains(function.name) && arguments.allSatisfy(\.isSafe)
    case .tryCatch: true
    case .cast, .lambda: false
    }
  }

  private static let safeOperators: Set<String> = [
    "=", "<>", "<", "<=", ">", ">=", "is distinct from", "lower", "upper", "length",
  ]

  package var literalValue: Scalar? { if case .literal(let scalar, _) = self { scalar } else { nil } }
  package var columnIndex: Int? { if case .column(let index, _, _) = self { index } else { nil } }

  /// The operands of a conjunction, or the expression itself.
  package var conjuncts: [BoundExpression] {
    if case .and(let operands, _) = self { return operands.flatMap(\.conjuncts) }
    return [self]
  }

  /// The conjunction of `terms`; nil when there are none.
  package static func conjunction(_ terms: [BoundExpression]) -> BoundExpression? {
    guard let first = terms.first else { return nil }
    if terms.count == 1 { return first }
    return .and(terms, terms.reduce(first.range) { $0.union($1.range) })
  }

  /// The same expression as if it stood at `range`: used for texts that are not part of the script, like views.
  package func relocated(to range: SourceRange) -> BoundExpression {
    let inner = mapOperands { $0.relocated(to: range) }
    switch inner {
    case .column(let index, let type, _): return .column(index, type, range)
    case .outerColumn(let level, let index, let type, _): return .outerColumn(level: level, index: index, type, range)
    case .literal(let scalar, _): return .literal(scalar, range)
    case .call(let function, let arguments, _): return .call(function, arguments, range)
    case .cast(let operand, let type, let isTry, _): return .cast(operand, to: type, isTry: isTry, range)
    case .and(let operands, _): return .and(operands, range)
    case .or(let operands, _): return .or(operands, range)
    case .not(let operand, _): return .not(operand, range)
    case .isNull(let operand, _): return .isNull(operand, range)
    case .caseWhen(let branches, let otherwise, let type, _):
      return .caseWhen(branches, otherwise: otherwise, type: type, range)
    case .coalesce(let operands, let type, _): return .coalesce(operands, type: type, range)
    case .inList(let value, let list, _): return .inList(value, list, range)
    case .tryCatch(let operand, _): return .tryCatch(operand, range)
    case .makeRow(let operands, let type, _): return .makeRow(operands, type: type, range)
    case .field(let operand, let index, let type, _): return .field(operand, index: index, type: type, range)
    case .lambda(var lambda, _):
      lambda.body = lambda.body.relocated(to: range)
      return .lambda(lambda, range)
    }
  }
}

package import Columnar
package import Functions
package import SQLSyntax

/// An expression with every name resolved and every cast explicit. Columns are indices into the input's columns.
package indirect enum BoundExpression: Sendable {
  case column(Int, SQLType, SourceRange)
  case literal(Scalar, SourceRange)
  /// A function or operator (`+`, `=`, `||`, ... are functions of those names); arguments already have its argument types.
  case call(ResolvedScalar, [BoundExpression], SourceRange)
  /// `isTry` gives NULL instead of an error (TRY_CAST).
  case cast(BoundExpression, to: SQLType, isTry: Bool, SourceRange)
  /// Three-valued AND and OR; later operands are evaluated only for rows that still need them.
  case and([BoundExpression], SourceRange)
  case or([BoundExpression], SourceRange)
  case not(BoundExpression, SourceRange)
  case isNull(BoundExpression, SourceRange)
  /// Searched CASE; IF, NULLIF and simple CASE bind to it. Branch results have the type `type`; a branch is evaluated only for its rows.
  case caseWhen([CaseBranch], otherwise: BoundExpression, type: SQLType, SourceRange)
  case coalesce([BoundExpression], type: SQLType, SourceRange)
  /// `value IN (list)`; all of one type.
  case inList(BoundExpression, [BoundExpression], SourceRange)
  /// NULL instead of a catchable error.
  case tryCatch(BoundExpression, SourceRange)
  /// A row constructor `ROW(a, b)`.
  case makeRow([BoundExpression], type: SQLType, SourceRange)
  /// Field `index` of a row value.
  case field(BoundExpression, index: Int, type: SQLType, SourceRange)
  /// Only as an argument of a call: parameters are columns `0 ..< parameterTypes.count` of the body's input, captures follow them.
  case lambda(BoundLambda, SourceRange)
  /// A column of the query around a subquery; only between binding and decorrelation, never executed.
  case outerColumn(level: Int, index: Int, SQLType, SourceRange)
}

package struct CaseBranch: Sendable {
  package var condition: BoundExpression
  package var result: BoundExpression
  package init(condition: BoundExpression, result: BoundExpression) {
    self.condition = condition
    self.result = result
  }
}

package struct BoundLambda: Sendable {
  package var parameterTypes: [SQLType]
  /// Columns of the enclosing input that the body uses; captured column `i` is the body's column `parameterTypes.count + i`.
  package var captures: [BoundExpression]
  package var body: BoundExpression
  package init(parameterTypes: [SQLType], captures: [BoundExpression], body: BoundExpression) {
    self.parameterTypes = parameterTypes
    self.captures = captures
    self.body = body
  }
}

extension BoundExpression {
  package var type: SQLType {
    switch self {
    case .column(_, let type, _), .outerColumn(_, _, let type, _): type
    case .literal(let scalar, _): scalar.type
    case .call(let function, _, _): function.resultType
    case .cast(_, let type, _, _): type
    case .and, .or, .not, .isNull, .inList: .boolean
    case .caseWhen(_, _, let type, _), .coalesce(_, let type, _), .makeRow(_, let type, _), .field(_, _, let type, _): type
    case .tryCatch(let operand, _): operand.type
    case .lambda(let lambda, _): lambda.body.type
    }
  }

  package var range: SourceRange {
    switch self {
    case .column(_, _, let range), .outerColumn(_, _, _, let range), .literal(_, let range), .call(_, _, let range),
      .cast(_, _, _, let range), .and(_, let range), .or(_, let range), .not(_, let range), .isNull(_, let range),
      .caseWhen(_, _, _, let range), .coalesce(_, _, let range), .inList(_, _, let range), .tryCatch(_, let range),
      .makeRow(_, _, let range), .field(_, _, _, let range), .lambda(_, let range):
      range
    }
  }

  /// Direct operands. A lambda's are its captures: its body speaks of other columns.
  package var operands: [BoundExpression] {
    switch self {
    case .column, .literal, .outerColumn: []
    case .call(_, let arguments, _): arguments
    case .cast(let operand, _, _, _), .not(let operand, _), .isNull(let operand, _), .tryCatch(let operand, _),
      .field(let operand, _, _, _):
      [operand]
    case .and(let operands, _), .or(let operands, _), .coalesce(let operands, _, _), .makeRow(let operands, _, _): operands
    case .caseWhen(let branches, let otherwise, _, _): branches.flatMap { [$0.condition, $0.result] } + [otherwise]
    case .inList(let value, let list, _): [value] + list
    case .lambda(let lambda, _): lambda.captures
    }
  }
}

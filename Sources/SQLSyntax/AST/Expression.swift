/// An expression and where it stands. Small (a pointer and a range), because the tree below it hangs on an indirect enum.
package struct Expression: Sendable, Hashable {
  package var kind: ExpressionKind
  @NotCompared package var range: SourceRange

  package init(_ kind: ExpressionKind, range: SourceRange = .unknown) {
    self.kind = kind
    self.range = range
  }
}

/// Everything that can stand where a value is expected. The height of the tree is bounded by `Parser.Limits`,
/// so that code which walks it may recurse.
package indirect enum ExpressionKind: Sendable, Hashable {
  // Literals
  case null
  case boolean(Bool)
  case number(NumberLiteral)
  case string(String)
  /// `X'65 68'`
  case bytes([UInt8])
  /// `DATE '2020-01-31'`, `DECIMAL '1.5'`; the text is not checked yet.
  case typedLiteral(TypeName, StringLiteral)
  case interval(IntervalLiteral)
  case parameter(Parameter)

  // Names
  /// A column, a field of a row column, or either with table, schema and catalog before it: only the binder can tell.
  case name(QualifiedName)
  /// `(expression).field`, where the base is not itself a plain name.
  case field(Expression, Identifier)
  /// `base[index]`
  case element(Expression, index: Expression)

  // Operators
  case unary(UnaryOperator, Expression)
  /// With the place of the operator itself, which is what operands of wrong types are reported at.
  case binary(BinaryOperator, Expression, Expression, at: NotCompared<SourceRange>)
  case comparison(ComparisonOperator, Expression, Expression, at: NotCompared<SourceRange>)
  /// `a AND b AND c` is one node with three terms, so that long conditions stay flat. At least two terms.
  case logical(LogicalOperator, [Expression])
  case not(Expression)
  case isNull(Expression, isNegated: Bool)
  case isDistinct(Expression, Expression, isNegated: Bool)
  case between(BetweenExpression)
  case like(LikeExpression)
  case inList(Expression, [Expression], isNegated: Bool)
  case inQuery(Expression, Query, isNegated: Bool)
  case exists(Query)
  /// `value > ALL (query)`
  case quantified(ComparisonOperator, Expression, Quantifier, Query)
  case subquery(Query)
  /// `value AT TIME ZONE zone`
  case atTimeZone(Expression, zone: Expression)

  // Constructors
  /// `ROW(a, b AS x)` and `(a, b)`; in VALUES each row of several columns is one of these.
  case row([RowElement])
  case array([Expression])

  // Calls and special forms. TRIM, POSITION, SUBSTRING and NORMALIZE with keywords inside arrive as plain calls of
  // `trim`, `ltrim`, `rtrim`, `strpos`, `substring` and `normalize`.
  case function(FunctionCall)
  case cast(CastExpression)
  case caseExpression(CaseExpression)
  case extract(Identifier, from: Expression)
  case grouping([Expression])
  case special(SpecialValue)
  case lambda(LambdaExpression)
  case json(JSONFunctionCall)
}

package enum UnaryOperator: String, Sendable, Hashable, CaseIterable {
  case plus = "+"
  case minus = "-"
}

package enum BinaryOperator: String, Sendable, Hashable, CaseIterable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case modulo = "%"
  case concatenate = "||"
}

package enum ComparisonOperator: String, Sendable, Hashable, CaseIterable {
  case equal = "="
  case notEqual = "<>"
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
}

package enum LogicalOperator: String, Sendable, Hashable, CaseIterable {
  case and = "AND"
  case or = "OR"
}

/// `SOME` is read as `ANY`.
package enum Quantifier: String, Sendable, Hashable, CaseIterable {
  case all = "ALL"
  case any = "ANY"
}

package enum SetQuantifier: String, Sendable, Hashable, CaseIterable {
  case all = "ALL"
  case distinct = "DISTINCT"
}

package enum Parameter: Sendable, Hashable {
  /// The n-th `?` of the statement, counted from 0.
  case positional(Int)
  /// `:name`
  case named(String)
}

/// `INTERVAL -'1-3' YEAR TO MONTH`. The text is not checked against the units yet.
package struct IntervalLiteral: Sendable, Hashable {
  package enum Unit: String, Sendable, Hashable, CaseIterable {
    case year = "YEAR"
    case month = "MONTH"
    case day = "DAY"
    case hour = "HOUR"
    case minute = "MINUTE"
    case second = "SECOND"
  }

  package var isNegative: Bool
  package var text: StringLiteral
  package var from: Unit
  package var to: Unit?
}

package struct BetweenExpression: Sendable, Hashable {
  package var value: Expression
  package var lower: Expression
  package var upper: Expression
  package var isNegated: Bool
}

package struct LikeExpression: Sendable, Hashable {
  package var value: Expression
  package var pattern: Expression
  package var escape: Expression?
  package var isNegated: Bool
}

/// One field of a row constructor; only `ROW(…)` can name it.
package struct RowElement: Sendable, Hashable {
  package var value: Expression
  package var name: Identifier?
}

/// `CAST(value AS type)` and `TRY_CAST(value AS type)`.
package struct CastExpression: Sendable, Hashable {
  package var value: Expression
  package var type: TypeName
  package var isTry: Bool
}

/// `CASE [operand] WHEN … THEN … [ELSE …] END`; with an operand the conditions are values it is compared to.
package struct CaseExpression: Sendable, Hashable {
  package var operand: Expression?
  /// At least one.
  package var branches: [WhenBranch]
  package var otherwise: Expression?
}

package struct WhenBranch: Sendable, Hashable {
  package var condition: Expression
  package var result: Expression
  @NotCompared package var range: SourceRange
}

/// `x -> e`, `(x, y) -> e`, `() -> e`
package struct LambdaExpression: Sendable, Hashable {
  package var parameters: [Identifier]
  package var body: Expression
}

/// Values that are called without parentheses, or with a precision.
package enum SpecialValue: Sendable, Hashable {
  case currentDate
  case currentTime(precision: Int?)
  case currentTimestamp(precision: Int?)
  case localTime(precision: Int?)
  case localTimestamp(precision: Int?)
  case currentUser
  case currentCatalog
  case currentSchema
  case currentPath
}

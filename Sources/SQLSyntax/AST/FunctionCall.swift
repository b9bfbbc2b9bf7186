/// A call of a scalar, aggregate or window function with every clause that may follow it.
package struct FunctionCall: Sendable, Hashable {
  package var name: QualifiedName
  package var arguments: [CallArgument]
  /// `count(*)`; then there are no arguments.
  package var isStar: Bool
  package var quantifier: SetQuantifier?
  /// `array_agg(x ORDER BY y)`
  package var orderBy: [OrderItem]
  /// `listagg(x, ',' ON OVERFLOW …)`
  package var overflow: ListOverflow?
  /// `WITHIN GROUP (ORDER BY …)`; empty without the clause.
  package var withinGroup: [OrderItem]
  package var filter: Expression?
  package var nullTreatment: NullTreatment?
  package var over: WindowReference?

  package init(
    name: QualifiedName, arguments: [CallArgument] = [], isStar: Bool = false, quantifier: SetQuantifier? = nil,
    orderBy: [OrderItem] = [], overflow: ListOverflow? = nil, withinGroup: [OrderItem] = [], filter: Expression? = nil,
    nullTreatment: NullTreatment? = nil, over: WindowReference? = nil
  ) {
    self.name = name
    self.arguments = arguments
    self.isStar = isStar
    self.quantifier = quantifier
    self.orderBy = orderBy
    self.overflow = overflow
    self.withinGroup = withinGroup
    self.filter = filter
    self.nullTreatment = nullTreatment
    self.over = over
  }
}

/// `value` or `name => value`.
package struct CallArgument: Sendable, Hashable {
  package var name: Identifier?
  package var value: Expression

  package init(_ value: Expression, name: Identifier? = nil) {
    self.name = name
    self.value = value
  }

  package var range: SourceRange { name.map { $0.range.union(value.range) } ?? value.range }
}

package enum NullTreatment: String, Sendable, Hashable, CaseIterable {
  case respect = "RESPECT NULLS"
  case ignore = "IGNORE NULLS"
}

/// `ON OVERFLOW ERROR | TRUNCATE ['filler'] WITH | WITHOUT COUNT`
package enum ListOverflow: Sendable, Hashable {
  case error
  case truncate(filler: StringLiteral?, withCount: Bool)
}

/// `expression [ASC | DESC] [NULLS FIRST | LAST]`
package struct OrderItem: Sendable, Hashable {
  package enum NullPlacement: String, Sendable, Hashable, CaseIterable {
    case first = "NULLS FIRST"
    case last = "NULLS LAST"
  }

  package var expression: Expression
  package var isDescending: Bool
  /// Nil when not written: NULLS LAST in both directions.
  package var nulls: NullPlacement?
  @NotCompared package var range: SourceRange

  package init(
    _ expression: Expression, isDescending: Bool = false, nulls: NullPlacement? = nil, range: SourceRange? = nil
  ) {
    self.expression = expression
    self.isDescending = isDescending
    self.nulls = nulls
    self.range = range ?? expression.range
  }
}

/// What follows OVER.
package enum WindowReference: Sendable, Hashable {
  case named(Identifier)
  case specification(WindowSpecification)
}

/// `([base] [PARTITION BY …] [ORDER BY …] [frame])`
package struct WindowSpecification: Sendable, Hashable {
  package var baseName: Identifier?
  package var partitionBy: [Expression]
  package var orderBy: [OrderItem]
  package var frame: FrameClause?
  @NotCompared package var range: SourceRange
}

/// `WINDOW name AS (…)`
package struct NamedWindow: Sendable, Hashable {
  package var name: Identifier
  package var specification: WindowSpecification
}

/// `ROWS | RANGE | GROUPS start`, or `… BETWEEN start AND end`.
package struct FrameClause: Sendable, Hashable {
  package enum Unit: String, Sendable, Hashable, CaseIterable {
    case rows = "ROWS"
    case range = "RANGE"
    case groups = "GROUPS"
  }

  package indirect enum Bound: Sendable, Hashable {
    case unboundedPreceding
    case preceding(Expression)
    case currentRow
    case following(Expression)
    case unboundedFollowing
  }

  package var unit: Unit
  package var start: Bound
  /// Nil without BETWEEN: the current row.
  package var end: Bound?
  @NotCompared package var range: SourceRange
}

/// The SQL/JSON functions, whose arguments have clauses of their own.
package indirect enum JSONFunctionCall: Sendable, Hashable {
  /// What to give when the path finds nothing or fails.
  package enum Behaviour: Sendable, Hashable {
    case error
    case null
    case isTrue
    case isFalse
    case unknown
    case emptyArray
    case emptyObject
    case defaultValue(Expression)
  }

  package enum Wrapper: String, Sendable, Hashable, CaseIterable {
    case without = "WITHOUT ARRAY WRAPPER"
    case conditional = "WITH CONDITIONAL ARRAY WRAPPER"
    case unconditional = "WITH UNCONDITIONAL ARRAY WRAPPER"
  }

  package enum Quotes: String, Sendable, Hashable, CaseIterable {
    case keep = "KEEP QUOTES"
    case omit = "OMIT QUOTES"
  }

  package enum NullHandling: String, Sendable, Hashable, CaseIterable {
    case null = "NULL ON NULL"
    case absent = "ABSENT ON NULL"
  }

  package enum KeyHandling: String, Sendable, Hashable, CaseIterable {
    case unique = "WITH UNIQUE KEYS"
    case any = "WITHOUT UNIQUE KEYS"
  }

  /// How JSON lies in bytes, the low byte of a unit first: `FORMAT JSON ENCODING UTF16`.
  package enum Encoding: String, Sendable, Hashable, CaseIterable {
    case utf8 = "UTF8"
    case utf16 = "UTF16"
    case utf32 = "UTF32"
  }

  /// `RETURNING type [FORMAT JSON [ENCODING e]]`
  package struct Returning: Sendable, Hashable {
    package var type: TypeName
    package var encoding: Encoding?
  }

  /// `input [FORMAT JSON [ENCODING e]], 'path' [PASSING value AS name, …]`
  package struct PathInvocation: Sendable, Hashable {
    package var input: Expression
    package var encoding: Encoding?
    package var path: StringLiteral
    package var passing: [PassedValue]
  }

  /// `value [FORMAT JSON [ENCODING e]]`: with the clause a text is JSON itself, without it a JSON string.
  package struct Value: Sendable, Hashable {
    package var expression: Expression
    package var isJSON: Bool
    package var encoding: Encoding?
  }

  package struct PassedValue: Sendable, Hashable {
    package var value: Value
    package var name: Identifier
  }

  package struct Member: Sendable, Hashable {
    package var key: Expression
    package var value: Value
  }

  case exists(PathInvocation, onError: Behaviour?)
  /// All that a path finds, as an array of texts: what JSON_TABLE is made of, and no script can write.
  case items(PathInvocation, onError: JSONTableClause.ErrorBehaviour)
  case value(PathInvocation, returning: TypeName?, onEmpty: Behaviour?, onError: Behaviour?)
  case query(
    PathInvocation, returning: Returning?, wrapper: Wrapper?, quotes: Quotes?, onEmpty: Behaviour?, onError: Behaviour?)
  case object([Member], nulls: NullHandling?, keys: KeyHandling?, returning: Returning?)
  case array([Value], nulls: NullHandling?, returning: Returning?)
}

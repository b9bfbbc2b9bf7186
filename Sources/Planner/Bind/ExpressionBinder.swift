import Columnar
import Functions
import SQLSyntax

/// Binds expressions that stand in one clause of one query.
///
/// Aggregates, window functions and subqueries are not computed where they stand: the binder collects them in a `SelectCollector`
/// and leaves a placeholder (`Placeholder`); the query puts them into nodes of their own and replaces the placeholders by columns.
final class ExpressionBinder {
  let binder: Binder
  let environment: BindEnvironment
  let scope: Scope?
  let clause: Clause
  let collector: SelectCollector
  /// Select list aliases, in sight of ORDER BY; what they stand for is already bound.
  var aliases: [String: SelectAlias] = [:]
  /// WINDOW definitions, by folded name.
  var windows: [String: WindowSpecification] = [:]

  /// Lambdas around the current place, outermost first.
  var lambdaFrames: [LambdaFrame] = []
  /// The range of the aggregate call around the current place.
  var aggregateRange: SourceRange?
  /// The range of the window call around the current place.
  var windowRange: SourceRange?
  /// The result only matters as true or not true: a NULL from a subquery test may be given as false.
  var nullCountsAsFalse = false

  /// Where the expression stands: decides what may occur in it.
  enum Clause: String {
    case select = "SELECT"
    case filter = "WHERE"
    case having = "HAVING"
    case groupBy = "GROUP BY"
    case orderBy = "ORDER BY"
    case join = "JOIN"
    case values = "VALUES"
    case unnest = "UNNEST"
    case qualify = "QUALIFY"
    case constant = "constant expression"

    var allowsAggregates: Bool {
      switch self {
      case .select, .having, .orderBy, .qualify: true
      case .filter, .groupBy, .join, .values, .unnest, .constant: false
      }
    }

    var allowsWindows: Bool {
      switch self {
      case .select, .orderBy, .qualify: true
      case .having, .filter, .groupBy, .join, .values, .unnest, .constant: false
      }
    }
  }

  init(
    _ binder: Binder, environment: BindEnvironment, scope: Scope?, clause: Clause,
    collector: SelectCollector = SelectCollector()
  ) {
    self.binder = binder
    self.environment = environment
    self.scope = scope
    self.clause = clause
    self.collector = collector
  }

  /// Binds a condition and checks that it is boolean.
  func bindCondition(_ expression: Expression) throws(SQLError) -> BoundExpression {
    nullCountsAsFalse = true
    defer { nullCountsAsFalse = false }
    let bound = try bind(expression)
    return try boolean(bound, "\(clause.rawValue) clause must evaluate to a boolean: actual type \(bound.type)")
  }

  /// The expression, if it is boolean or a bare NULL.
  func boolean(_ expression: BoundExpression, _ message: @autoclosure () -> String) throws(SQLError) -> BoundExpression {
    switch expression.type {
    case .boolean: return expression
    case .unknown: return binder.coerce(expression, to: .boolean)
    default: throw SQLError(.typeMismatch, message(), range: expression.range)
    }
  }

  /// Binds any expression.
  func bind(_ expression: Expression) throws(SQLError) -> BoundExpression {
    let range = expression.range
    let positive = nullCountsAsFalse
    // Only AND and OR hand the permission on to their terms.
    if case .logical = expression.kind {} else { nullCountsAsFalse = false }
    defer { nullCountsAsFalse = positive }

    switch expression.kind {
    case .null: return .literal(.null(), range)
    case .boolean(let value): return .literal(.boolean(value), range)
    case .number(let number): return .literal(try binder.scalar(of: number, range: range), range)
    case .string(let text):
      let length = text.unicodeScalars.count
      return .literal(Scalar(.varchar(length: length), .bytes(Array(text.utf8))), range)
    case .bytes(let bytes): return .literal(Scalar(.varbinary, .bytes(bytes)), range)
    case .typedLiteral(let type, let text): return try binder.typedLiteral(type, text, range: range)
    case .interval(let interval): return .literal(try binder.scalar(of: interval, range: range), range)
    case .parameter(let parameter): return .literal(try binder.scalar(of: parameter, range: range), range)

    case .name(let name): return try bindName(name, range: range)
    case .field(let base, let field):
      return try self.field(field, of: try bind(base), range: range)
    case .element(let base, let index): return try bindElement(base, index, range: range)

    case .unary(let unary, let operand):
      let bound = try bind(operand)
      switch unary {
      case .minus: return try binder.call(OperatorName.negate, [bound], range: range)
      case .plus:
        guard bound.type.isNumeric || bound.type == .unknown else {
          throw SQLError(
            .typeMismatch, "Unary '+' operator cannot by applied to \(bound.type) type", range: range)
        }
        return bound
      }
    case .binary(let symbol, let left, let right, let place):
      return try binder.call(symbol.rawValue, [try bind(left), try bind(right)], at: place.wrappedValue, range: range)
    case .comparison(let comparison, let left, let right, let place):
      return try binder.call(
        comparison.rawValue, readingTimes([try bind(left), try bind(right)]), at: place.wrappedValue, range: range)
    case .logical(let connective, let terms):
      var bound: [BoundExpression] = []
      bound.reserveCapacity(terms.count)
      for term in terms {
        nullCountsAsFalse = positive
        let operand = try bind(term)
        bound.append(
          try boolean(operand, "Logical expression term must evaluate to a boolean (actual: \(operand.type))"))
      }
      return connective == .and ? .and(bound, range) : .or(bound, range)
    case .not(let operand):
      let bound = try bind(operand)
      return .not(
        try boolean(bound, "Value of logical NOT expression must evaluate to a boolean (actual: \(bound.type))"), range)
    case .isNull(let operand, let isNegated):
      let test = BoundExpression.isNull(try bind(operand), range)
      return isNegated ? .not(test, range) : test
    case .isDistinct(let left, let right, let isNegated):
      let test = try binder.call(
        OperatorName.isDistinctFrom, readingTimes([try bind(left), try bind(right)]), range: range)
      return isNegated ? .not(test, range) : test
    case .between(let between): return try bindBetween(between, range: range)
    case .like(let like):
      var arguments = [try bind(like.value), try bind(like.pattern)]
      if let escape = like.escape { arguments.append(try bind(escape)) }
      for (argument, word) in zip(arguments, ["Left side of LIKE expression", "Pattern for LIKE expression", "Escape for LIKE expression"])
      where !argument.type.isPlainText {
        throw SQLError(
          .typeMismatch, "\(word) must evaluate to a varchar (actual: \(argument.type))", range: argument.range)
      }
      let test = try binder.call(OperatorName.like, arguments, range: range)
      return like.isNegated ? .not(test, range) : test
    case .inList(let value, let list, let isNegated): return try bindInList(value, list, isNegated, range: range)
    case .atTimeZone(let value, let zone):
      return try binder.call(OperatorName.atTimeZone, [try bind(value), try bind(zone)], range: range)

    case .inQuery(let value, let query, let isNegated):
      let test = try bindIn(value, query, range: range, nullCountsAsFalse: positive && !isNegated)
      return isNegated ? .not(test, range) : test
    case .exists(let query): return try bindExists(query, range: range)
    case .quantified(let comparison, let value, let quantifier, let query):
      return try bindQuantified(comparison, value, quantifier, query, range: range, nullCountsAsFalse: positive)
    case .subquery(let query): return try bindScalarSubquery(query, range: range)

    case .row(let elements):
      var values: [BoundExpression] = []
      var fields: [RowField] = []
      for element in elements {
        let value = try bind(element.value)
        values.append(value)
        fields.append(RowField(name: element.name.map { $0.isQuoted ? $0.spelling : $0.folded }, type: value.type))
      }
      return .makeRow(values, type: .row(fields), range)
    case .array(let elements): return try bindArray(elements, range: range)

    case .function(let call): return try bindCall(call, range: range)
    case .cast(let cast):
      let type = try binder.resolve(cast.type)
      return try self.cast(try bind(cast.value), to: type, isTry: cast.isTry, range: range)
    case .caseExpression(let branches): return try bindCase(branches, range: range)
    case .extract(let field, let value): return try bindExtract(field, try bind(value), range: range)
    case .grouping(let arguments): return try bindGrouping(arguments, range: range)
    case .special(let value): return try binder.special(value, environment: environment, range: range)
    case .lambda:
      throw SQLError(.typeMismatch, "Lambda expression should always be used inside a function", range: range)
    case .json(let call): return try bindJSON(call, range: range)
    }
  }

  /// Binds several expressions.
  func bind(_ expressions: [Expression]) throws(SQLError) -> [BoundExpression] {
    var bound: [BoundExpression] = []
    bound.reserveCapacity(expressions.count)
    for expression in expressions { bound.append(try bind(expression)) }
    return bound
  }

  /// The common super type of some expressions; `message` words the failure, which is put at the first that does not fit.
  func unify(_ expressions: [BoundExpression], _ message: (SQLType, SQLType) -> String) throws(SQLError) -> SQLType {
    var type = SQLType.unknown
    for expression in expressions {
      guard let common = TypeCoercion.commonSuperType(type, expression.type) else {
        throw SQLError(.typeMismatch, message(type, expression.type), range: expression.range)
      }
      type = common
    }
    return type
  }
}

/// Functions that syntax stands for.
enum OperatorName {
  static let negate = "negate"
  static let isDistinctFrom = "is distinct from"
  static let subscriptElement = "subscript"
  static let like = "like"
  static let atTimeZone = "at_timezone"
  static let makeArray = "array_constructor"
}

/// One lambda while its body is bound. Columns of the body: the parameters, then the captures.
struct LambdaFrame {
  let names: [String: Int]
  let types: [SQLType]
  /// Expressions over the columns around the lambda.
  private(set) var captures: [BoundExpression] = []
  private var captured: [BoundExpression: Int] = [:]

  init(names: [String: Int], types: [SQLType]) {
    self.names = names
    self.types = types
  }

  /// The body's column for an expression of the place around.
  mutating func capture(_ expression: BoundExpression) -> BoundExpression {
    let position: Int
    if let known = captured[expression] {
      position = known
    } else {
      position = captures.count
      captured[expression] = position
      captures.append(expression)
    }
    return .column(types.count + position, expression.type, expression.range)
  }
}

/// What an alias of the select list stands for.
enum SelectAlias {
  case expression(BoundExpression)
  /// Two select items of that name that differ.
  case ambiguous
}

extension SQLType {
  /// varchar, char or a bare NULL.
  var isPlainText: Bool {
    switch self {
    case .varchar, .char, .unknown: true
    default: false
    }
  }
}

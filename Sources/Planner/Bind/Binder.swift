package import Columnar
package import Functions
package import SQLSyntax

/// Turns the syntax of one statement into a plan: names become columns, operators and calls become functions with exact types,
/// coercions become casts, subqueries become joins.
///
/// Synchronous and without I/O: every table was loaded before (`TableReferenceCollector`). One binder serves one statement; it is
/// used by one thread. Errors have Trino's names and words and the smallest range that explains them.
///
/// The work is spread over extensions by area: `BindQuery`, `BindSelect`, `BindRelation`, `BindPivot`, ...; expressions are bound by
/// `ExpressionBinder`.
package final class Binder {
  let relations: ResolvedRelations
  let functions: FunctionLibrary
  package let settings: BinderSettings

  /// Ids of common tables, given in order of appearance so that plans are stable.
  private var nextCommonTable = 0
  /// Overloads found so far: thousands of equal calls of a wide query are looked up once.
  private var scalarOverloads: [CallSignature: ResolvedScalar] = [:]
  private var aggregateOverloads: [CallSignature: ResolvedAggregate] = [:]
  /// Set when a PIVOT needs values from the data and has none yet.
  var pivotRequest: PivotValueRequest?

  package init(
    relations: ResolvedRelations, functions: FunctionLibrary = .standard, settings: BinderSettings = BinderSettings()
  ) {
    self.relations = relations
    self.functions = functions
    self.settings = settings
  }

  /// Plans are walked by recursion, which has the stack of a thread.
  private static let deepestPlan = 1_000
  private static let mostInOneClause = 400

  /// Refuses clauses that would stack very many plan nodes on top of each other.
  func checkCount(_ count: Int, of what: String, range: SourceRange) throws(SQLError) {
    guard count <= Self.mostInOneClause else {
      throw SQLError.notSupported("More than \(Self.mostInOneClause) \(what) in one query are not supported", range: range)
    }
  }

  func makeCommonTableID() -> Int {
    defer { nextCommonTable += 1 }
    return nextCommonTable
  }
}

/// A query with its result columns.
package struct BoundQuery: Sendable {
  package var plan: LogicalPlan
  /// As many as the plan's columns.
  package var columns: [BoundColumn]

  /// The plan's columns with the names that a result shows.
  package var outputColumns: [OutputColumn] {
    columns.enumerated().map { OutputColumn(name: $1.name ?? "_col\($0)", type: $1.type) }
  }
}

/// One column of a query's result.
package struct BoundColumn: Sendable, Hashable {
  /// As the script spells it; nil for an expression without alias, shown as `_col0`, `_col1` by position.
  package var name: String?
  package var type: SQLType
  @NotCompared package var range: SourceRange

  package init(name: String?, type: SQLType, range: SourceRange = .unknown) {
    self.name = name
    self.type = type
    self.range = range
  }
}

/// What binding came to: a plan, or the wish for values that only the data has.
package enum BindOutcome: Sendable {
  case complete(BoundQuery)
  /// `PIVOT … IN (ANY …)`: run `plan`, put its first column under `key` into `BinderSettings.pivotValues`, bind again.
  case needsPivotValues(PivotValueRequest)
}

/// One PIVOT clause of a statement: its place, in the script or inside a view.
package struct PivotKey: Sendable, Hashable {
  let range: SourceRange
  let views: [String]
}

/// The query that finds the values of a PIVOT.
package struct PivotValueRequest: Sendable {
  package var key: PivotKey
  /// One column, distinct, without NULL, in the order that the clause asks for.
  package var plan: LogicalPlan
}

extension Binder {
  /// Binds a whole query. ORDER BY at its top counts.
  package func bind(_ query: Query) throws(SQLError) -> BoundQuery {
    let bound = try bindQuery(query, in: rootEnvironment, keepsOrder: true)
    guard bound.plan.depth <= Self.deepestPlan else {
      throw SQLError.notSupported(
        "The query is too complex: more than \(Self.deepestPlan) steps on top of each other", range: query.range,
        hint: "Keep the result of a part of it in a table.")
    }
    return BoundQuery(plan: bound.plan.withNames(bound.columns), columns: bound.columns)
  }

  /// Like `bind`, but gives back the query to run first when a PIVOT needs values from the data.
  package func bindStepwise(_ query: Query) throws(SQLError) -> BindOutcome {
    pivotRequest = nil
    do {
      return .complete(try bind(query))
    } catch {
      if let pivotRequest { return .needsPivotValues(pivotRequest) }
      throw error
    }
  }

  /// Binds an expression that sees no table: a default, a property, a parameter.
  package func bindConstant(_ expression: Expression) throws(SQLError) -> BoundExpression {
    let binder = ExpressionBinder(self, environment: rootEnvironment, scope: nil, clause: .constant)
    return try binder.bind(expression)
  }

  /// The value of an expression that sees no table.
  package func evaluateConstant(_ expression: Expression) throws(SQLError) -> Scalar {
    try evaluate(try bindConstant(expression))
  }

  /// Binds an expression over the columns of one table, visible ones first, hidden ones after: the condition of a DELETE.
  /// Subqueries are refused.
  package func bind(_ expression: Expression, over table: any Table, name: QualifiedName) throws(SQLError) -> BoundExpression {
    let from = scan(table, name: name.spelling, qualifier: qualifier(of: name), range: name.range)
    let binder = ExpressionBinder(self, environment: rootEnvironment, scope: Scope(from.fields), clause: .constant)
    return try binder.bind(expression)
  }

  /// The value of a bound expression without columns.
  func evaluate(_ expression: BoundExpression) throws(SQLError) -> Scalar {
    guard expression.isConstant else {
      throw SQLError(.expressionNotConstant, "Constant expression cannot contain column references", range: expression.range)
    }
    return try ConstantEvaluator(context: settings.context).evaluate(expression)
  }

  var rootEnvironment: BindEnvironment { BindEnvironment(place: settings.place) }
}

// MARK: - Functions

/// A name and argument types, the key of overload choice.
private struct CallSignature: Hashable {
  let name: String
  let types: [SQLType]
}

extension Binder {
  func scalarFunction(_ name: String, _ types: [SQLType], range: SourceRange) throws(SQLError) -> ResolvedScalar {
    let signature = CallSignature(name: name, types: types)
    if let known = scalarOverloads[signature] { return known }
    do {
      let found = try functions.resolveScalar(name, types)
      scalarOverloads[signature] = found
      return found
    } catch {
      throw SQLError(functionError: error, range: range)
    }
  }

  func aggregateFunction(_ name: String, _ types: [SQLType], range: SourceRange) throws(SQLError) -> ResolvedAggregate {
    let signature = CallSignature(name: name, types: types)
    if let known = aggregateOverloads[signature] { return known }
    do {
      let found = try functions.resolveAggregate(name, types)
      aggregateOverloads[signature] = found
      return found
    } catch {
      throw SQLError(functionError: error, range: range)
    }
  }

  func windowFunction(_ name: String, _ types: [SQLType], range: SourceRange) throws(SQLError) -> ResolvedWindow {
    do {
      return try functions.resolveWindow(name, types)
    } catch {
      throw SQLError(functionError: error, range: range)
    }
  }

  /// A call of a function or operator with its arguments cast to what it takes.
  ///
  /// - Parameter operatorRange: the operator itself, where wrong operands are reported as in Trino; what fails for single rows stays at `range`.
  func call(
    _ name: String, _ arguments: [BoundExpression], at operatorRange: SourceRange? = nil, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    let function = try scalarFunction(name, arguments.map(\.type), range: operatorRange ?? range)
    settings.notes?.check(call: name, arguments)
    return .call(function, coerce(arguments, to: function.argumentTypes), range)
  }

  func coerce(_ arguments: [BoundExpression], to types: [SQLType]) -> [BoundExpression] {
    zip(arguments, types).map { coerce($0, to: $1) }
  }

  /// The expression under another type that it coerces to.
  func coerce(_ expression: BoundExpression, to type: SQLType) -> BoundExpression {
    if expression.type == type { return expression }
    if case .literal(let scalar, let range) = expression, scalar.isNull {
      settings.parameterTypes?.note(type, at: range)
      return .literal(.null(type), range)
    }
    return .cast(expression, to: type, isTry: false, expression.range)
  }
}

extension SQLError {
  /// A failed look-up of a function, at the place of the call.
  init(functionError error: any Error, range: SourceRange) {
    switch error {
    case let error as SQLError: self = error.located(at: range)
    case let error as FunctionError:
      self.init(.named(error.code), error.message, range: range, hint: error.hint)
    case let error as KernelError: self.init(.named(error.code), error.message, range: range)
    default: self.init(.genericInternalError, "\(error)", range: range, cause: error)
    }
  }
}

extension ErrorCode {
  /// The code of a lower floor's error, which carries only the name.
  static func named(_ name: String) -> ErrorCode { ErrorCode(name, .userError) }
}

/// What names mean at one place of a statement.
struct BindEnvironment {
  /// The row scope of the query around, for correlated subqueries.
  var outer: Scope?
  /// WITH queries in sight, by folded name.
  var commonTables: [String: CommonTableEntry] = [:]
  var place: NamePlace
  /// Views being expanded, against views that contain themselves.
  var openViews: [String] = []

  init(place: NamePlace) { self.place = place }
}

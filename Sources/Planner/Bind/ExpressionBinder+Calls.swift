import Columnar
import Functions
import SQLSyntax

extension ExpressionBinder {
  /// A call of a scalar, aggregate or window function.
  func bindCall(_ call: SQLSyntax.FunctionCall, range: SourceRange) throws(SQLError) -> BoundExpression {
    let name = call.name.last.folded
    if let argument = call.arguments.first(where: { $0.name != nil }) {
      throw SQLError.notSupported("Named arguments are not supported for function \(name)", range: argument.range)
    }
    if let over = call.over { return try bindWindowCall(call, over, name: name, range: range) }
    if functionKind(name) == .aggregate { return try bindAggregate(call, name: name, range: range) }
    if functionKind(name) == .window {
      throw SQLError(.missingOver, "Window function \(name) requires an OVER clause", range: range)
    }
    for (isPresent, clause) in [
      (call.isStar, "*"), (call.quantifier == .distinct, "DISTINCT"), (!call.orderBy.isEmpty, "ORDER BY"),
      (call.filter != nil, "FILTER"), (!call.withinGroup.isEmpty, "WITHIN GROUP"),
    ] where isPresent {
      // An unknown name is the more helpful message.
      guard binder.functions.isScalar(name) || isSpecialForm(name) else {
        _ = try binder.scalarFunction(name, [], range: call.name.range)
        break
      }
      throw SQLError(
        .functionNotAggregate, "\(clause) is not allowed for function \(name), which is not an aggregate", range: range)
    }
    if call.nullTreatment != nil {
      throw SQLError(
        .nullTreatmentNotAllowed, "Cannot specify null treatment clause for \(name) function", range: range)
    }
    if let special = try bindSpecialForm(name, call.arguments.map(\.value), range: range) { return special }
    return try bindScalar(name, call.arguments.map(\.value), nameRange: call.name.range, range: range)
  }

  private enum FunctionKind { case scalar, aggregate, window }

  private func functionKind(_ name: String) -> FunctionKind {
    if binder.functions.isAggregate(name) { return .aggregate }
    return binder.functions.isWindow(name) ? .window : .scalar
  }

  // MARK: Forms with their own evaluation

  private func isSpecialForm(_ name: String) -> Bool {
    ["coalesce", "if", "nullif", "try", "typeof", "now", "current_timestamp", "localtimestamp", "current_date"].contains(name)
  }

  /// Calls that are not functions: their arguments are evaluated lazily or not at all. Nil for all others.
  private func bindSpecialForm(
    _ name: String, _ arguments: [Expression], range: SourceRange
  ) throws(SQLError) -> BoundExpression? {
    func requires(_ counts: ClosedRange<Int>, _ message: String) throws(SQLError) {
      guard counts.contains(arguments.count) else { throw SQLError(.invalidArguments, message, range: range) }
    }
    switch name {
    case "coalesce":
      try requires(2...Int.max - 1, "The 'coalesce' function must have at least two arguments")
      let operands = try bind(arguments)
      let type = try unify(operands) { expected, found in
        "All COALESCE operands must be the same type or coercible to a common type. Cannot find common type between \(expected) and \(found)"
      }
      return .coalesce(operands.map { binder.coerce($0, to: type) }, type: type, range)
    case "if":
      try requires(2...3, "Invalid number of arguments for 'if' function")
      let condition = try bind(arguments[0])
      let branch = CaseBranch(
        condition: try boolean(condition, "IF condition must evaluate to a boolean (actual: \(condition.type))"),
        result: try bind(arguments[1]))
      let otherwise: BoundExpression = arguments.count == 3 ? try bind(arguments[2]) : .literal(.null(), range)
      return try caseWhen([branch], otherwise: otherwise, range: range) { expected, found in
        "Result types for IF must be the same: \(expected), \(found)"
      }
    case "nullif":
      try requires(2...2, "Invalid number of arguments for 'nullif' function")
      let first = try bind(arguments[0])
      let second = try bind(arguments[1])
      guard TypeCoercion.commonSuperType(first.type, second.type) != nil else {
        throw SQLError(
          .typeMismatch, "Types are not comparable with NULLIF: \(first.type) vs \(second.type)", range: range)
      }
      let equal = try binder.call("=", [first, second], range: range)
      return .caseWhen(
        [CaseBranch(condition: equal, result: .literal(.null(first.type), range))], otherwise: first, type: first.type,
        range)
    case "try":
      try requires(1...1, "The 'try' function must have exactly one argument")
      return .tryCatch(try bind(arguments[0]), range)
    case "typeof":
      try requires(1...1, "The 'typeof' function must have exactly one argument")
      return .literal(.text("\(try bind(arguments[0]).type)"), range)
    case "now" where arguments.isEmpty, "current_timestamp" where arguments.isEmpty:
      return try binder.special(.currentTimestamp(precision: nil), environment: environment, range: range)
    case "localtimestamp" where arguments.isEmpty:
      return try binder.special(.localTimestamp(precision: nil), environment: environment, range: range)
    case "current_date" where arguments.isEmpty:
      return try binder.special(.currentDate, environment: environment, range: range)
    default: return nil
    }
  }

  // MARK: Scalar functions

  /// A call of a library function; lambda arguments are bound once the others have fixed their parameter types.
  func bindScalar(
    _ name: String, _ arguments: [Expression], nameRange: SourceRange, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    guard arguments.contains(where: { if case .lambda = $0.kind { true } else { false } }) else {
      return try binder.call(name, try bind(arguments), range: range)
    }
    var bound: [BoundExpression?] = []
    var types: [ArgumentType] = []
    for argument in arguments {
      if case .lambda(let lambda) = argument.kind {
        bound.append(nil)
        types.append(.lambda(parameterCount: lambda.parameters.count))
      } else {
        let value = try bind(argument)
        bound.append(value)
        types.append(.value(value.type))
      }
    }
    var bodies: [Int: BoundLambda] = [:]
    let function: ResolvedScalar
    do {
      function = try binder.functions.resolveScalar(name, types) { index, parameterTypes in
        guard case .lambda(let lambda) = arguments[index].kind else { return .unknown }
        let body = try self.bindLambda(lambda, parameterTypes)
        bodies[index] = body
        return body.body.type
      }
    } catch {
      throw SQLError(functionError: error, range: range)
    }
    var operands: [BoundExpression] = []
    for (index, argument) in bound.enumerated() {
      let type = function.argumentTypes[index]
      if let argument {
        operands.append(binder.coerce(argument, to: type))
      } else if var body = bodies[index] {
        body.body = binder.coerce(body.body, to: type)
        operands.append(.lambda(body, arguments[index].range))
      }
    }
    return .call(function, operands, range)
  }

  private func bindLambda(_ lambda: LambdaExpression, _ types: [SQLType]) throws(SQLError) -> BoundLambda {
    var names: [String: Int] = [:]
    for (index, parameter) in lambda.parameters.enumerated() {
      if names.updateValue(index, forKey: parameter.folded) != nil {
        throw SQLError(.invalidArguments, "Lambda parameter '\(parameter.folded)' occurs twice", range: parameter.range)
      }
    }
    lambdaFrames.append(LambdaFrame(names: names, types: types))
    defer { lambdaFrames.removeLast() }
    let body = try bind(lambda.body)
    return BoundLambda(parameterTypes: types, captures: lambdaFrames[lambdaFrames.count - 1].captures, body: body)
  }

  // MARK: Aggregates

  private func bindAggregate(_ call: SQLSyntax.FunctionCall, name: String, range: SourceRange) throws(SQLError) -> BoundExpression {
    guard lambdaFrames.isEmpty else {
      throw SQLError(
        .expressionNotScalar, "Lambda expression cannot contain aggregations, window functions or grouping operations",
        range: range)
    }
    guard clause.allowsAggregates else {
      throw SQLError(
        .expressionNotScalar,
        "\(clause.rawValue) clause cannot contain aggregations, window functions or grouping operations", range: range)
    }
    if aggregateRange != nil {
      throw SQLError(
        .nestedAggregation, "Cannot nest aggregations inside aggregation '\(name)'", range: range)
    }
    if call.nullTreatment != nil {
      throw SQLError(
        .nullTreatmentNotAllowed, "Cannot specify null treatment clause for \(name) function", range: range)
    }
    aggregateRange = range
    defer { aggregateRange = nil }
    let (function, arguments, lambdas) = try aggregateArguments(call, name: name, range: range)
    var filter: BoundExpression?
    if let condition = call.filter {
      let bound = try bind(condition)
      filter = try boolean(bound, "FILTER expression must evaluate to a boolean (actual: \(bound.type))")
    }
    let order = try bindSortKeys(call.orderBy + call.withinGroup)
    let isDistinct = call.quantifier == .distinct && !function.ignoresDuplicates
    if isDistinct {
      for argument in arguments { try argument.requireComparable { "DISTINCT can only be applied to comparable types (actual: \($0))" } }
    }
    if isDistinct, let key = order.first(where: { !arguments.contains($0.expression) }) {
      throw SQLError(
        .expressionNotInDistinct,
        "For aggregate function with DISTINCT, ORDER BY expressions must appear in arguments", range: key.expression.range)
    }
    return collector.add(
      AggregateCall(
        function: function, arguments: arguments, isDistinct: isDistinct, filter: filter,
        order: function.isOrderSensitive ? order : [], lambdas: lambdas, name: name, range: range))
  }

  /// The overload of an aggregate and its coerced arguments; `count(*)` has none.
  private func aggregateArguments(
    _ call: SQLSyntax.FunctionCall, name: String, range: SourceRange
  ) throws(SQLError) -> (ResolvedAggregate, [BoundExpression], [BoundLambda]) {
    if call.overflow != nil, !["listagg", "string_agg"].contains(name) {
      throw SQLError(.syntaxError, "ON OVERFLOW is for LISTAGG, not for \(name)", range: range)
    }
    if call.isStar {
      guard name == "count" else {
        throw SQLError(.functionNotFound, "Unexpected parameters (*) for function \(name)", range: range)
      }
      return (try binder.aggregateFunction(name, [], range: range), [], [])
    }
    if call.arguments.contains(where: { if case .lambda = $0.value.kind { true } else { false } }) {
      return try aggregateWithLambdas(call, name: name, range: range)
    }
    var arguments = try bind(call.arguments.map(\.value))
    // The separator of listagg may be left out.
    if name == "listagg", arguments.count == 1 { arguments.append(.literal(.text(""), range)) }
    var functionName = name
    if case .truncate(let filler, let withCount)? = call.overflow {
      functionName = FunctionLibrary.listaggTruncating
      arguments.append(.literal(.text(filler?.value ?? "..."), filler?.range ?? range))
      arguments.append(.literal(Scalar(.boolean, .boolean(withCount)), range))
    }
    let function = try binder.aggregateFunction(functionName, arguments.map(\.type), range: range)
    return (function, binder.coerce(arguments, to: function.argumentTypes), [])
  }

  /// `reduce_agg(x, 0, (s, x) -> s + x, (s, t) -> s + t)`: lambdas are bound once the other arguments have fixed their types.
  private func aggregateWithLambdas(
    _ call: SQLSyntax.FunctionCall, name: String, range: SourceRange
  ) throws(SQLError) -> (ResolvedAggregate, [BoundExpression], [BoundLambda]) {
    var values: [BoundExpression] = []
    var types: [ArgumentType] = []
    for argument in call.arguments {
      if case .lambda(let lambda) = argument.value.kind {
        types.append(.lambda(parameterCount: lambda.parameters.count))
      } else {
        let value = try bind(argument.value)
        values.append(value)
        types.append(.value(value.type))
      }
    }
    var bodies: [Int: BoundLambda] = [:]
    let function: ResolvedAggregate
    do {
      function = try binder.functions.resolveAggregate(name, types) { index, parameterTypes in
        guard case .lambda(let lambda) = call.arguments[index].value.kind else { return .unknown }
        let body = try self.bindLambda(lambda, parameterTypes)
        guard body.captures.isEmpty else {
          throw SQLError.notSupported(
            "Lambda arguments of aggregate function \(name) cannot refer to columns", range: call.arguments[index].range)
        }
        bodies[index] = body
        return body.body.type
      }
    } catch {
      throw SQLError(functionError: error, range: range)
    }
    let lambdas = bodies.sorted { $0.key < $1.key }.map { _, lambda -> BoundLambda in
      var lambda = lambda
      // All lambdas of aggregates give the state.
      lambda.body = binder.coerce(lambda.body, to: function.resultType)
      return lambda
    }
    return (function, binder.coerce(values, to: function.argumentTypes), lambdas)
  }

  /// `grouping(a, b)`
  func bindGrouping(_ arguments: [Expression], range: SourceRange) throws(SQLError) -> BoundExpression {
    guard clause.allowsAggregates, lambdaFrames.isEmpty else {
      throw SQLError(
        .expressionNotScalar,
        "\(clause.rawValue) clause cannot contain aggregations, window functions or grouping operations", range: range)
    }
    guard arguments.count <= 31 else {
      throw SQLError(.tooManyArguments, "GROUPING supports up to 31 column arguments", range: range)
    }
    return collector.add(PendingGrouping(arguments: try bind(arguments), range: range))
  }

  // MARK: Window functions

  private func bindWindowCall(
    _ call: SQLSyntax.FunctionCall, _ over: WindowReference, name: String, range: SourceRange
  ) throws(SQLError) -> BoundExpression {
    guard lambdaFrames.isEmpty, clause.allowsWindows, aggregateRange == nil else {
      if aggregateRange != nil {
        throw SQLError(.nestedWindow, "Cannot nest window functions inside aggregation", range: range)
      }
      if clause == .having {
        throw SQLError(.nestedWindow, "HAVING clause cannot contain window functions", range: range)
      }
      throw SQLError(
        .expressionNotScalar,
        "\(lambdaFrames.isEmpty ? clause.rawValue + " clause" : "Lambda expression") cannot contain aggregations, window functions or grouping operations",
        range: range)
    }
    if windowRange != nil {
      throw SQLError(.nestedWindow, "Cannot nest window functions inside window function arguments", range: range)
    }
    if functionKind(name) == .scalar {
      if binder.functions.isScalar(name) || isSpecialForm(name) {
        throw SQLError(.functionNotWindow, "Not a window function: \(name)", range: range)
      }
      _ = try binder.scalarFunction(name, [], range: call.name.range)
    }
    if call.quantifier == .distinct {
      throw SQLError.notSupported("DISTINCT in window function parameters not yet supported: \(name)", range: range)
    }
    if !call.orderBy.isEmpty || !call.withinGroup.isEmpty {
      throw SQLError.notSupported("Window function with ORDER BY is not supported", range: range)
    }
    windowRange = range
    defer { windowRange = nil }

    let window = try self.window(over)
    var arguments: [BoundExpression] = []
    if call.isStar {
      guard name == "count" else {
        throw SQLError(.functionNotFound, "Unexpected parameters (*) for function \(name)", range: range)
      }
    } else {
      arguments = try bind(call.arguments.map(\.value))
    }
    let function = try binder.windowFunction(name, arguments.map(\.type), range: range)
    arguments = binder.coerce(arguments, to: function.argumentTypes)
    let isNavigation = ["lag", "lead"].contains(name)
    if isNavigation {
      if window.order.isEmpty {
        throw SQLError(.missingOrderBy, "\(name) function requires an ORDER BY window clause", range: range)
      }
      if let frame = window.frame {
        throw SQLError(.invalidWindowFrame, "Cannot specify window frame for \(name) function", range: frame.range)
      }
    }
    if call.nullTreatment != nil, !isNavigation, !["first_value", "last_value", "nth_value"].contains(name) {
      throw SQLError(
        .nullTreatmentNotAllowed, "Cannot specify null treatment clause for \(name) function", range: range)
    }
    var filter: BoundExpression?
    if let condition = call.filter {
      guard case .aggregate = function.body else {
        throw SQLError.notSupported("FILTER is only supported for aggregates, not for \(name)", range: condition.range)
      }
      let bound = try bind(condition)
      filter = try boolean(bound, "FILTER expression must evaluate to a boolean (actual: \(bound.type))")
    }
    let frame = try window.frame.map { (clause) throws(SQLError) in try self.frame(clause, order: window.order) } ?? .standard
    return collector.add(
      PendingWindow(
        partition: window.partition, order: window.order,
        call: WindowCall(
          function: function, arguments: arguments, filter: filter, frame: frame,
          ignoresNulls: call.nullTreatment == .ignore, name: name, range: range)))
  }

  private struct BoundWindow {
    var partition: [BoundExpression] = []
    var order: [SortKey] = []
    var frame: FrameClause?
  }

  private func window(_ reference: WindowReference) throws(SQLError) -> BoundWindow {
    switch reference {
    case .named(let name):
      guard let specification = windows[name.folded] else { throw unknownWindow(name) }
      return try window(specification, depth: 0)
    case .specification(let specification): return try window(specification, depth: 0)
    }
  }

  private func unknownWindow(_ name: Identifier) -> SQLError {
    SQLError(.invalidWindowReference, "Cannot resolve WINDOW name \(name.folded)", range: name.range)
  }

  /// `base` gives what the specification does not say itself.
  private func window(_ specification: WindowSpecification, depth: Int) throws(SQLError) -> BoundWindow {
    var result = BoundWindow()
    if let base = specification.baseName {
      guard let definition = windows[base.folded], depth < 32 else { throw unknownWindow(base) }
      result = try window(definition, depth: depth + 1)
      if let expression = specification.partitionBy.first {
        throw SQLError(
          .invalidPartitionBy, "WINDOW specification with named WINDOW reference cannot specify PARTITION BY",
          range: expression.range)
      }
      if let item = specification.orderBy.first, !result.order.isEmpty {
        throw SQLError(
          .invalidOrderBy, "Cannot specify ORDER BY if the referenced named WINDOW specifies ORDER BY", range: item.range)
      }
      if result.frame != nil {
        throw SQLError(
          .invalidWindowReference, "Cannot reference named WINDOW containing frame specification", range: base.range)
      }
    }
    if !specification.partitionBy.isEmpty { result.partition = try bind(specification.partitionBy) }
    for key in result.partition {
      try key.requireComparable { "\($0) is not comparable, and therefore cannot be used in window function PARTITION BY" }
    }
    if !specification.orderBy.isEmpty { result.order = try bindSortKeys(specification.orderBy) }
    if let frame = specification.frame { result.frame = frame }
    return result
  }

  private func frame(_ clause: FrameClause, order: [SortKey]) throws(SQLError) -> WindowFrame {
    let unit: WindowFrame.Unit =
      switch clause.unit {
      case .rows: .rows
      case .range: .range
      case .groups: .groups
      }
    if clause.unit == .groups, order.isEmpty {
      throw SQLError(.missingOrderBy, "Window frame of type GROUPS requires ORDER BY", range: clause.range)
    }
    func bound(_ bound: FrameClause.Bound) throws(SQLError) -> WindowFrame.Bound {
      switch bound {
      case .unboundedPreceding: return .unboundedPreceding
      case .currentRow: return .currentRow
      case .unboundedFollowing: return .unboundedFollowing
      case .preceding(let expression): return .preceding(try offset(expression, clause, order))
      case .following(let expression): return .following(try offset(expression, clause, order))
      }
    }
    func invalid(_ message: String) -> SQLError { SQLError(.invalidWindowFrame, message, range: clause.range) }
    let end = clause.end ?? .currentRow
    if case .unboundedFollowing = clause.start { throw invalid("Window frame start cannot be UNBOUNDED FOLLOWING") }
    if case .unboundedPreceding = end { throw invalid("Window frame end cannot be UNBOUNDED PRECEDING") }
    switch (clause.start, end) {
    case (.currentRow, .preceding): throw invalid("Window frame starting from CURRENT ROW cannot end with PRECEDING")
    case (.following, .preceding): throw invalid("Window frame starting from FOLLOWING cannot end with PRECEDING")
    case (.following, .currentRow): throw invalid("Window frame starting from FOLLOWING cannot end with CURRENT ROW")
    default: break
    }
    return WindowFrame(unit: unit, start: try bound(clause.start), end: try bound(end))
  }

  /// `n` of `n PRECEDING`: a bigint for ROWS and GROUPS, a distance in the sort key for RANGE.
  private func offset(
    _ expression: Expression, _ clause: FrameClause, _ order: [SortKey]
  ) throws(SQLError) -> BoundExpression {
    let bound = try bind(expression)
    guard clause.unit == .range else {
      guard TypeCoercion.canCoerce(from: bound.type, to: .bigint), bound.type != .unknown else {
        throw SQLError(
          .typeMismatch, "Window frame \(clause.unit.rawValue) value type must be INTEGER or BIGINT (actual \(bound.type))",
          range: expression.range)
      }
      return binder.coerce(bound, to: .bigint)
    }
    guard order.count == 1 else {
      throw SQLError(
        order.isEmpty ? .missingOrderBy : .invalidOrderBy,
        order.isEmpty
          ? "Window frame of type RANGE PRECEDING or FOLLOWING requires ORDER BY"
          : "Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY (actual: \(order.count))",
        range: clause.range)
    }
    let key = order[0].expression.type
    // The executor compares key - n and key + n with the keys, in the type of the sum.
    let sum = try binder.scalarFunction("+", [key, bound.type], range: expression.range)
    if key.isNumeric, bound.type.isNumeric { return bound }
    // A key of fewer digits than an interval has is added to in the wider type, which counts the same ticks.
    guard sum.resultType == sum.argumentTypes.first, sum.resultType.physical == key.physical else {
      throw SQLError(
        .typeMismatch, "Window frame RANGE value type (\(bound.type)) not compatible with sort item type (\(key))",
        range: expression.range)
    }
    return bound
  }

  // MARK: Sort keys

  func bindSortKeys(_ items: [OrderItem]) throws(SQLError) -> [SortKey] {
    var keys: [SortKey] = []
    for item in items {
      let expression = try bind(item.expression)
      try checkOrderable(expression)
      keys.append(SortKey(expression, item))
    }
    return keys
  }

  func checkOrderable(_ expression: BoundExpression) throws(SQLError) {
    guard expression.type.isOrderable else {
      throw SQLError(
        .typeMismatch, "Type \(expression.type) is not orderable, and therefore cannot be used in ORDER BY: \(describe(expression))",
        range: expression.range)
    }
  }
}

extension SortKey {
  init(_ expression: BoundExpression, _ item: OrderItem) {
    self.init(expression, isDescending: item.isDescending, nullsFirst: item.nulls == .first)
  }
}

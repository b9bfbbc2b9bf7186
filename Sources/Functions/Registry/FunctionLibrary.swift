package import Columnar

/// Every function the engine knows, by name; finds the overload for given argument types.
///
/// Overload choice, implicit casts, messages and hints live here once; functions only state patterns and bodies.
package struct FunctionLibrary: Sendable {
  private let scalars: [String: [ScalarDefinition]]
  private let operators: [String: [OperatorDefinition]]
  private let aggregates: [String: [AggregateDefinition]]
  /// For listings, in order of definition.
  package let allScalars: [ScalarDefinition]
  package let allAggregates: [AggregateDefinition]

  package init(
    scalars: [ScalarDefinition], operators: [OperatorDefinition] = [], aggregates: [AggregateDefinition] = []
  ) {
    var scalarIndex: [String: [ScalarDefinition]] = [:]
    for definition in scalars { for name in definition.names { scalarIndex[name, default: []].append(definition) } }
    var operatorIndex: [String: [OperatorDefinition]] = [:]
    for definition in operators { for name in definition.names { operatorIndex[name, default: []].append(definition) } }
    var aggregateIndex: [String: [AggregateDefinition]] = [:]
    for definition in aggregates {
      for name in definition.names { aggregateIndex[name, default: []].append(definition) }
    }
    self.scalars = scalarIndex
    self.operators = operatorIndex
    self.aggregates = aggregateIndex
    allScalars = scalars
    allAggregates = aggregates
  }

  package func isAggregate(_ name: String) -> Bool { aggregates[name] != nil }
  /// Window functions proper; aggregates are allowed over windows too.
  package func isWindow(_ name: String) -> Bool { WindowFunctionKind(rawValue: name) != nil }
  package func isScalar(_ name: String) -> Bool { scalars[name] != nil || operators[name] != nil }

  // MARK: Scalar functions

  /// The overload of a scalar function or operator for these arguments.
  ///
  /// - Parameters:
  ///   - name: folded to lower case; operators are functions named `+`, `=`, `||`, `negate`, `subscript`, ...
  ///   - bindLambda: binds the body of the lambda at `argumentIndex` for given parameter types and returns its type; it may be
  ///     called more than once for one argument (for several overloads), the last call counts.
  package func resolveScalar(
    _ name: String, _ arguments: [ArgumentType],
    bindLambda: (_ argumentIndex: Int, _ parameterTypes: [SQLType]) throws -> SQLType
  ) throws -> ResolvedScalar {
    let plainTypes = arguments.compactMap { argument -> SQLType? in
      if case .value(let type) = argument { type } else { nil }
    }
    if plainTypes.count == arguments.count, let candidates = operators[name] {
      for candidate in candidates { if let found = try candidate.resolve(name, plainTypes) { return found } }
    }
    guard let candidates = scalars[name] else {
      if operators[name] != nil { throw operatorMismatch(name, plainTypes) }
      throw notFound(name)
    }
    var best: (definition: ScalarDefinition, binding: TypeBinding)?
    for candidate in candidates where candidate.accepts(argumentCount: arguments.count) {
      guard let binding = Self.bind(arguments, parameter: candidate.parameter) else { continue }
      if let known = best, known.binding.cost <= binding.cost { continue }
      best = (candidate, binding)
    }
    guard let (definition, firstBinding) = best else { throw unexpectedParameters(name, arguments) }
    let binding = try bindLambdas(name, arguments, definition.parameter, firstBinding, bindLambda)
    let argumentTypes = arguments.enumerated().map { index, argument -> SQLType in
      switch argument {
      case .value(let type): binding.substitute(definition.parameter(index), for: type)
      case .lambda: binding.substitute(definition.parameter(index), for: nil)
      }
    }
    let resultType = try Self.result(definition.result, argumentTypes, binding)
    return ResolvedScalar(
      name: name, argumentTypes: argumentTypes, resultType: resultType, isDeterministic: definition.isDeterministic,
      propagatesNulls: definition.propagatesNulls, kernel: try definition.build(argumentTypes, resultType))
  }

  /// The overload for arguments without lambdas.
  package func resolveScalar(_ name: String, _ types: [SQLType]) throws -> ResolvedScalar {
    try resolveScalar(name, types.map { .value($0) }) { _, _ in .unknown }
  }

  // MARK: Aggregates and window functions

  /// The overload of an aggregate function. `count(*)` is `count` without arguments.
  ///
  /// - Parameter bindLambda: as for `resolveScalar`; the types in the result are those of the arguments that are values.
  package func resolveAggregate(
    _ name: String, _ arguments: [ArgumentType],
    bindLambda: (_ argumentIndex: Int, _ parameterTypes: [SQLType]) throws -> SQLType
  ) throws -> ResolvedAggregate {
    guard let candidates = aggregates[name] else { throw notFound(name) }
    var best: (definition: AggregateDefinition, binding: TypeBinding)?
    for candidate in candidates where candidate.accepts(argumentCount: arguments.count) {
      guard let binding = Self.bind(arguments, parameter: candidate.parameter) else { continue }
      if let known = best, known.binding.cost <= binding.cost { continue }
      best = (candidate, binding)
    }
    guard let (definition, firstBinding) = best else { throw unexpectedParameters(name, arguments) }
    let binding = try bindLambdas(name, arguments, definition.parameter, firstBinding, bindLambda)
    let argumentTypes = arguments.enumerated().compactMap { index, argument -> SQLType? in
      guard case .value(let type) = argument else { return nil }
      return binding.substitute(definition.parameter(index), for: type)
    }
    let resultType = try Self.result(definition.result, argumentTypes, binding)
    return ResolvedAggregate(
      name: name, argumentTypes: argumentTypes, resultType: resultType, isOrderSensitive: definition.isOrderSensitive,
      ignoresDuplicates: definition.ignoresDuplicates, makeState: try definition.build(argumentTypes, resultType))
  }

  /// The overload for arguments without lambdas.
  package func resolveAggregate(_ name: String, _ types: [SQLType]) throws -> ResolvedAggregate {
    try resolveAggregate(name, types.map { .value($0) }) { _, _ in .unknown }
  }

  /// What the type variables stand for once the lambdas are bound.
  ///
  /// A lambda may widen a type that its own parameters or those of another have (the state of `reduce`): all are bound again until
  /// nothing changes, which a chain of numeric types does after a few rounds.
  private func bindLambdas(
    _ name: String, _ arguments: [ArgumentType], _ parameter: (Int) -> TypePattern, _ start: TypeBinding,
    _ bindLambda: (_ argumentIndex: Int, _ parameterTypes: [SQLType]) throws -> SQLType
  ) throws -> TypeBinding {
    var binding = start
    for _ in 0..<8 {
      let before = binding.variables
      for (index, argument) in arguments.enumerated() {
        guard case .lambda(let parameterCount) = argument, case .function(let parameters, let resultPattern) = parameter(index)
        else { continue }
        guard parameters.count == parameterCount else { throw unexpectedParameters(name, arguments) }
        let result = try bindLambda(index, parameters.map { binding.substitute($0, for: nil) })
        guard binding.match(resultPattern, result) else { throw unexpectedParameters(name, arguments) }
      }
      if before.allSatisfy({ binding.variables[$0.key] == $0.value }) { break }
    }
    return binding
  }

  /// A window function, or an aggregate over a frame.
  package func resolveWindow(_ name: String, _ types: [SQLType]) throws -> ResolvedWindow {
    guard let kind = WindowFunctionKind(rawValue: name) else {
      guard isAggregate(name) else { throw notFound(name) }
      let aggregate = try resolveAggregate(name, types)
      return ResolvedWindow(
        body: .aggregate(aggregate), argumentTypes: aggregate.argumentTypes, resultType: aggregate.resultType)
    }
    func fail() -> FunctionError { unexpectedParameters(name, types.map { .value($0) }) }
    func whole(_ type: SQLType) throws -> SQLType {
      guard TypeCoercion.canCoerce(from: type, to: .bigint) else { throw fail() }
      return .bigint
    }
    func window(_ argumentTypes: [SQLType], _ result: SQLType) -> ResolvedWindow {
      ResolvedWindow(body: .function(kind), argumentTypes: argumentTypes, resultType: result)
    }
    switch kind {
    case .rowNumber, .rank, .denseRank:
      guard types.isEmpty else { throw fail() }
      return window([], .bigint)
    case .percentRank, .cumeDist:
      guard types.isEmpty else { throw fail() }
      return window([], .double)
    case .ntile:
      guard types.count == 1 else { throw fail() }
      return window([try whole(types[0])], .bigint)
    case .firstValue, .lastValue:
      guard types.count == 1 else { throw fail() }
      return window(types, types[0])
    case .nthValue:
      guard types.count == 2 else { throw fail() }
      return window([types[0], try whole(types[1])], types[0])
    case .lag, .lead:
      guard (1...3).contains(types.count) else { throw fail() }
      if types.count == 1 { return window(types, types[0]) }
      let offset = try whole(types[1])
      if types.count == 2 { return window([types[0], offset], types[0]) }
      guard let common = TypeCoercion.commonSuperType(types[0], types[2]) else { throw fail() }
      return window([common, offset, common], common)
    }
  }

  // MARK: Listing

  /// One line of SHOW FUNCTIONS.
  package struct Listed: Sendable, Hashable {
    package enum Kind: String, Sendable { case scalar, aggregate, window }
    package var name: String
    package var returnType: String
    package var argumentTypes: String
    package var kind: Kind
    package var isDeterministic: Bool
    package var description: String
  }

  /// All functions ordered by name, aliases as lines of their own; operators are left out.
  package var listing: [Listed] {
    var lines: [Listed] = []
    for definition in allScalars {
      // What only syntax stands for has a name that no script can write.
      for name in definition.names where name.first?.isLetter ?? false && !Self.syntaxNames.contains(name) {
        lines.append(
          Listed(
            name: name, returnType: definition.result.text,
            argumentTypes: Self.listed(definition.parameters, definition.isVariadic), kind: .scalar,
            isDeterministic: definition.isDeterministic, description: definition.description))
      }
    }
    for definition in allAggregates {
      for name in definition.names where name.first?.isLetter ?? false {
        lines.append(
          Listed(
            name: name, returnType: definition.result.text,
            argumentTypes: Self.listed(definition.parameters, definition.isVariadic), kind: .aggregate,
            isDeterministic: true, description: definition.description))
      }
    }
    for kind in WindowFunctionKind.allCases {
      lines.append(kind.listed)
    }
    return lines.sorted { ($0.name, $0.argumentTypes) < ($1.name, $1.argumentTypes) }
  }

  private static let syntaxNames: Set<String> = ["subscript", "array_constructor", "like"]

  private static func listed(_ parameters: [TypePattern], _ isVariadic: Bool) -> String {
    var list = parameters.map(\.description)
    if isVariadic, let last = list.last { list.append("\(last)...") }
    return list.joined(separator: ", ")
  }

  // MARK: Matching and messages

  private static func bind(_ arguments: [ArgumentType], parameter: (Int) -> TypePattern) -> TypeBinding? {
    var binding = TypeBinding()
    for (index, argument) in arguments.enumerated() {
      switch (argument, parameter(index)) {
      case (.lambda(let count), .function(let parameters, _)):
        guard parameters.count == count else { return nil }
      case (.lambda, _), (.value, .function): return nil
      case (.value(let type), let pattern):
        guard binding.match(pattern, type) else { return nil }
      }
    }
    return binding
  }

  private static func result(
    _ rule: ResultRule, _ argumentTypes: [SQLType], _ binding: TypeBinding
  ) throws(FunctionError) -> SQLType {
    switch rule {
    case .type(let type): type
    case .pattern(let pattern): binding.substitute(pattern, for: nil)
    case .argument(let index): argumentTypes[index]
    case .computed(_, let compute): try compute(argumentTypes)
    }
  }

  private func notFound(_ name: String) -> FunctionError {
    let names = Array(scalars.keys) + Array(aggregates.keys) + WindowFunctionKind.allCases.map(\.rawValue)
    let hint = NearestName.closest(to: name, among: names.sorted()).map { "did you mean '\($0)'?" }
    return FunctionError("FUNCTION_NOT_FOUND", "Function '\(name)' not registered", hint: hint)
  }

  private func unexpectedParameters(_ name: String, _ arguments: [ArgumentType]) -> FunctionError {
    if name == "concat", arguments.count < 2 {
      return FunctionError("INVALID_FUNCTION_ARGUMENT", "There must be two or more concatenation arguments")
    }
    let types = arguments.compactMap { argument -> SQLType? in if case .value(let type) = argument { type } else { nil } }
    if name == "||", types.count == 2 {
      var mismatch = operatorMismatch(name, types)
      if types.contains(where: \.isText) { mismatch.hint = "Nothing becomes text by itself: use CAST(... AS varchar)." }
      return mismatch
    }
    let given = arguments.map { argument -> String in
      switch argument {
      case .value(let type): "\(type)"
      case .lambda: "<function>"
      }
    }.joined(separator: ", ")
    let signatures = (scalars[name]?.map(\.signature) ?? []) + (aggregates[name]?.map(\.signature) ?? [])
    var expected: [String] = []
    for signature in signatures.sorted() where expected.last != signature { expected.append(signature) }
    let list = expected.isEmpty ? "" : " Expected: \(expected.joined(separator: ", "))"
    return FunctionError("FUNCTION_NOT_FOUND", "Unexpected parameters (\(given)) for function \(name).\(list)")
  }

  /// With the operator as the script has it; Trino's messages say `<` with the operands exchanged for `>`.
  private func operatorMismatch(_ name: String, _ types: [SQLType]) -> FunctionError {
    let symbol =
      switch name {
      case "is distinct from": "IS DISTINCT FROM"
      case "negate": "-"
      default: name
      }
    let text =
      switch (name, types.count) {
      case ("subscript", 2): "\(types[0])[\(types[1])]"
      case (_, 1): "\(symbol)\(types[0])"
      case (_, 2): "\(types[0]) \(symbol) \(types[1])"
      default: "\(symbol)(\(types.map(\.description).joined(separator: ", ")))"
      }
    return FunctionError("TYPE_MISMATCH", "Cannot apply operator: \(text)")
  }
}

extension WindowFunctionKind {
  fileprivate var listed: FunctionLibrary.Listed {
    let (arguments, result, text): (String, String, String) =
      switch self {
      case .rowNumber: ("", "bigint", "The number of the row in its partition, from 1.")
      case .rank: ("", "bigint", "Rank with gaps after ties.")
      case .denseRank: ("", "bigint", "Rank without gaps.")
      case .percentRank: ("", "double", "(rank - 1) / (rows - 1).")
      case .cumeDist: ("", "double", "Share of rows at or before this one.")
      case .ntile: ("bigint", "bigint", "The number of the row's bucket among n nearly equal ones.")
      case .lag: ("T, bigint, T", "T", "The value some rows before.")
      case .lead: ("T, bigint, T", "T", "The value some rows after.")
      case .firstValue: ("T", "T", "The value at the first row of the frame.")
      case .lastValue: ("T", "T", "The value at the last row of the frame.")
      case .nthValue: ("T, bigint", "T", "The value at the n-th row of the frame.")
      }
    return FunctionLibrary.Listed(
      name: rawValue, returnType: result, argumentTypes: arguments, kind: .window, isDeterministic: true,
      description: text)
  }
}

/// Did-you-mean over function names by edit distance (insert, delete, replace, each 1).
enum NearestName {
  static func closest(to name: String, among candidates: [String]) -> String? {
    let wanted = Array(name.utf8)
    var best: (name: String, distance: Int)?
    for candidate in candidates {
      let other = Array(candidate.utf8)
      let limit = min(best.map { $0.distance - 1 } ?? max(1, wanted.count / 3), max(1, wanted.count / 3))
      guard abs(other.count - wanted.count) <= limit else { continue }
      let distance = distance(wanted, other)
      if distance <= limit { best = (candidate, distance) }
    }
    return best?.name
  }

  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var previous = Array(0...right.count)
    for i in 0..<left.count {
      var current = [i + 1]
      for j in 0..<right.count {
        current.append(min(previous[j + 1] + 1, current[j] + 1, previous[j] + (left[i] == right[j] ? 0 : 1)))
      }
      previous = current
    }
    return previous[right.count]
  }
}

extension FunctionLibrary {
  /// All built-in functions.
  package static let standard = FunctionLibrary(
    scalars: likeOperators + nestedOperators + concatenationOperators + math + rounding + bitwise + conditional + string
      + stemming + color + dataSize + regex + temporalFields + temporalSteps + temporalConversions + patternDates + array + sequences + map + lambdas + json + sqlJSON + binaryFunctions + url + textPieces
      + format + vectors + network + betaDistribution + sketchFunctions,
    operators: comparisonOperators + arithmeticOperators + temporalOperators,
    aggregates: countSumAverage + minMax + logicAndBits + statistics + collecting + keyedCollecting + extremes
      + approximateCounts + percentiles + sketchAggregates + reducing)
}

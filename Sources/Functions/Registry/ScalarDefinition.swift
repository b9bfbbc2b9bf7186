package import Columnar

/// One overload of a scalar function or operator as it stands in the library.
package struct ScalarDefinition: Sendable {
  /// Its name and other names for the same thing.
  package let names: [String]
  package let description: String
  package let parameters: [TypePattern]
  /// The last parameter may repeat.
  package let isVariadic: Bool
  package let result: ResultRule
  package var isDeterministic: Bool
  package var propagatesNulls: Bool
  /// Makes the body once the types are known; may refuse types that the patterns cannot express.
  let build: @Sendable (_ argumentTypes: [SQLType], _ resultType: SQLType) throws(FunctionError) -> ScalarKernel

  init(
    _ name: String, aliases: [String] = [], _ description: String, _ parameters: [TypePattern],
    isVariadic: Bool = false, returns result: ResultRule, isDeterministic: Bool = true, propagatesNulls: Bool = true,
    build: @escaping @Sendable (_ argumentTypes: [SQLType], _ resultType: SQLType) throws(FunctionError) -> ScalarKernel
  ) {
    self.names = [name] + aliases
    self.description = description
    self.parameters = parameters
    self.isVariadic = isVariadic
    self.result = result
    self.isDeterministic = isDeterministic
    self.propagatesNulls = propagatesNulls
    self.build = build
  }

  /// The same with a body that is the same for all types.
  init(
    _ name: String, aliases: [String] = [], _ description: String, _ parameters: [TypePattern],
    isVariadic: Bool = false, returns result: ResultRule, isDeterministic: Bool = true, propagatesNulls: Bool = true,
    kernel: @escaping ScalarKernel
  ) {
    self.init(
      name, aliases: aliases, description, parameters, isVariadic: isVariadic, returns: result,
      isDeterministic: isDeterministic, propagatesNulls: propagatesNulls
    ) { (_: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in kernel }
  }

  package func accepts(argumentCount: Int) -> Bool {
    isVariadic ? argumentCount >= parameters.count : argumentCount == parameters.count
  }

  func parameter(_ index: Int) -> TypePattern { parameters[min(index, parameters.count - 1)] }

  /// `lower(varchar(x))`, for messages.
  package var signature: String {
    var list = parameters.map(\.description)
    if isVariadic, let last = list.last { list.append("\(last)...") }
    return "\(names[0])(\(list.joined(separator: ", ")))"
  }
}

/// How the result type of an overload follows from its argument types.
package enum ResultRule: Sendable {
  case type(SQLType)
  /// With the variables that the arguments bound.
  case pattern(TypePattern)
  /// The type of an argument after coercion.
  case argument(Int)
  /// Anything else; `text` stands in listings.
  case computed(String, @Sendable (_ argumentTypes: [SQLType]) throws(FunctionError) -> SQLType)

  package var text: String {
    switch self {
    case .type(let type): "\(type)"
    case .pattern(let pattern): "\(pattern)"
    case .argument: "T"
    case .computed(let text, _): text
    }
  }
}

/// A function whose overloads cannot be written as patterns: operators above all.
package struct OperatorDefinition: Sendable {
  package let names: [String]
  package let description: String
  /// Nil when the types do not fit.
  let resolve: @Sendable (_ name: String, _ types: [SQLType]) throws(FunctionError) -> ResolvedScalar?

  init(
    _ names: [String], _ description: String,
    resolve: @escaping @Sendable (_ name: String, _ types: [SQLType]) throws(FunctionError) -> ResolvedScalar?
  ) {
    self.names = names
    self.description = description
    self.resolve = resolve
  }
}

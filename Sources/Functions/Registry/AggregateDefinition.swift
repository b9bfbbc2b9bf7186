import Columnar

/// One overload of an aggregate function as it stands in the library.
package struct AggregateDefinition: Sendable {
  package let names: [String]
  package let description: String
  package let parameters: [TypePattern]
  package let isVariadic: Bool
  package let result: ResultRule
  package let isOrderSensitive: Bool
  package let ignoresDuplicates: Bool
  let build:
    @Sendable (_ argumentTypes: [SQLType], _ resultType: SQLType) throws(FunctionError) ->
      @Sendable (QueryContext) -> any AggregateState

  init(
    _ name: String, aliases: [String] = [], _ description: String, _ parameters: [TypePattern],
    isVariadic: Bool = false, returns result: ResultRule, isOrderSensitive: Bool = false,
    ignoresDuplicates: Bool = false,
    build: @escaping @Sendable (_ argumentTypes: [SQLType], _ resultType: SQLType) throws(FunctionError) ->
      @Sendable (QueryContext) -> any AggregateState
  ) {
    self.names = [name] + aliases
    self.description = description
    self.parameters = parameters
    self.isVariadic = isVariadic
    self.result = result
    self.isOrderSensitive = isOrderSensitive
    self.ignoresDuplicates = ignoresDuplicates
    self.build = build
  }

  func accepts(argumentCount: Int) -> Bool {
    isVariadic ? argumentCount >= parameters.count : argumentCount == parameters.count
  }

  func parameter(_ index: Int) -> TypePattern { parameters[min(index, parameters.count - 1)] }

  var signature: String {
    var list = parameters.map(\.description)
    if isVariadic, let last = list.last { list.append("\(last)...") }
    return "\(names[0])(\(list.joined(separator: ", ")))"
  }
}

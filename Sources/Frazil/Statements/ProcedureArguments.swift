import Columnar
import Functions
import Planner
import SQLSyntax

/// The arguments of a CALL, by name or by position.
struct ProcedureArguments {
  struct Text {
    var value: String
    var range: SourceRange
  }

  struct Argument {
    var value: Scalar
    var range: SourceRange
  }

  private var positional: [Argument] = []
  private var named: [String: Argument] = [:]
  let range: SourceRange

  init(_ call: CallStatement, binder: Binder) throws(SQLError) {
    range = call.name.range
    for argument in call.arguments {
      let value = Argument(value: try binder.evaluateConstant(Self.trinos(argument.value)), range: argument.value.range)
      if let name = argument.name {
        guard named.updateValue(value, forKey: name.folded) == nil else {
          throw SQLError(.invalidProcedureArgument, "Argument '\(name.folded)' is given twice", range: name.range)
        }
      } else {
        positional.append(value)
      }
    }
    guard positional.isEmpty || named.isEmpty else {
      throw SQLError(.invalidProcedureArgument, "Named and positional arguments cannot be mixed", range: range)
    }
  }

  /// Spark's `map('k', 'v', …)` and `array(a, b)` as Trino writes them.
  private static func trinos(_ expression: Expression) -> Expression {
    guard case .function(let call) = expression.kind, call.name.isSimple else { return expression }
    let values = call.arguments.map(\.value)
    func array(_ elements: [Expression]) -> Expression { Expression(.array(elements), range: expression.range) }
    switch call.name.folded {
    case "array": return array(values)
    case "map" where values.count % 2 == 0 && !values.isEmpty:
      if case .array = values[0].kind { return expression }
      let keys = stride(from: 0, to: values.count, by: 2).map { values[$0] }
      let items = stride(from: 1, to: values.count, by: 2).map { values[$0] }
      var rewritten = call
      rewritten.arguments = [CallArgument(array(keys)), CallArgument(array(items))]
      return Expression(.function(rewritten), range: expression.range)
    default: return expression
    }
  }

  var positionalCount: Int { positional.count }
  func isNamed(_ name: String) -> Bool { named[name] != nil }

  /// The arguments in the order of `names`, nil where one is missing or NULL; the first `required` must be there.
  func all(_ names: [String], required: Int) throws(SQLError) -> [Argument?] {
    if let extra = named.filter({ !names.contains($0.key) }).min(by: { $0.key < $1.key }) {
      throw SQLError(
        .invalidProcedureArgument, "Unknown argument: \(extra.key)", range: extra.value.range, hint: Suggestion.hint(for: extra.key, among: names))
    }
    guard positional.count <= names.count else {
      throw SQLError(.invalidProcedureArgument, "Too many arguments: \(names.joined(separator: ", ")) are known", range: range)
    }
    var result: [Argument?] = []
    for (index, name) in names.enumerated() {
      let argument = index < positional.count ? positional[index] : named[name]
      if argument?.value.isNull ?? true, index < required {
        throw SQLError(.invalidProcedureArgument, "Required argument '\(name)' is missing", range: range)
      }
      result.append(argument.flatMap { $0.value.isNull ? nil : $0 })
    }
    return result
  }

  /// The values of text arguments in the order of `names`.
  func texts(_ names: [String], required: Int) throws(SQLError) -> [Text?] {
    var result: [Text?] = []
    for (argument, name) in zip(try all(names, required: required), names) {
      guard let argument else {
        result.append(nil)
        continue
      }
      result.append(Text(value: try text(argument, name), range: argument.range))
    }
    return result
  }

  func require(_ text: Text?, _ name: String) throws(SQLError) -> Text {
    guard let text else { throw missing(name) }
    return text
  }

  /// The argument `table` as a name, and the others.
  func tableAnd(_ names: [String], required: Int) throws(SQLError) -> (table: QualifiedName, values: [Argument?]) {
    let values = try all(["table"] + names, required: required + 1)
    return (try tableName(values[0], "table"), Array(values.dropFirst()))
  }

  /// The name of a table in a text argument, placed there.
  func tableName(_ argument: Argument?, _ argumentName: String) throws(SQLError) -> QualifiedName {
    guard let argument else { throw missing(argumentName) }
    var name: QualifiedName
    do { name = try Parser.parseQualifiedName(try text(argument, argumentName)) } catch {
      throw SQLError(.invalidProcedureArgument, "Argument '\(argumentName)' does not name a table", range: argument.range)
    }
    name.range = argument.range
    return name
  }

  func text(_ argument: Argument?, _ name: String) throws(SQLError) -> String {
    guard let argument else { throw missing(name) }
    guard let text = argument.value.text else { throw wrong(argument, name, "text") }
    return text
  }

  /// A condition written as text.
  func condition(_ argument: Argument, _ name: String) throws(SQLError) -> Expression {
    do { return try Parser.parseExpression(try text(argument, name)) } catch {
      throw SQLError(.invalidProcedureArgument, "\(name): \(error)", range: argument.range)
    }
  }

  func integer(_ argument: Argument?, _ name: String) throws(SQLError) -> Int64 {
    guard let argument else { throw missing(name) }
    guard case .int(let number) = argument.value.value, argument.value.type.isInteger else { throw wrong(argument, name, "a whole number") }
    return number
  }

  func integers(_ argument: Argument?, _ name: String) throws(SQLError) -> [Int64] {
    guard let argument else { throw missing(name) }
    guard case .list(let elements) = argument.value.value else { throw wrong(argument, name, "an array of whole numbers") }
    var numbers: [Int64] = []
    for element in elements {
      guard case .int(let number) = element else { throw wrong(argument, name, "an array of whole numbers") }
      numbers.append(number)
    }
    return numbers
  }

  /// `array('a', 'b')`, or one text.
  func words(_ argument: Argument?, _ name: String) throws(SQLError) -> [String] {
    guard let argument else { throw missing(name) }
    if let text = argument.value.text { return [text] }
    guard case .list(let elements) = argument.value.value else { throw wrong(argument, name, "an array of texts") }
    var words: [String] = []
    for element in elements {
      guard case .bytes(let bytes) = element else { throw wrong(argument, name, "an array of texts") }
      words.append(String(decoding: bytes, as: UTF8.self))
    }
    return words
  }

  func flag(_ argument: Argument?, _ name: String) throws(SQLError) -> Bool {
    guard let argument else { return false }
    guard case .boolean(let flag) = argument.value.value else { throw wrong(argument, name, "true or false") }
    return flag
  }

  /// A point in time, milliseconds since 1970 UTC; texts are read as Spark reads them, with a blank or `T`.
  func instant(_ argument: Argument?, _ name: String, now context: QueryContext) throws(SQLError) -> Int64 {
    guard let argument else { throw missing(name) }
    var value = argument.value
    if let text = value.text { value = .text(String(text.map { $0 == "T" ? " " : $0 })) }
    let target = SQLType.timestampTZ(precision: 6)
    let column: Column
    do { column = try castColumn(.constant(value, count: 1), to: target, isTry: true, context: context) } catch {
      throw wrong(argument, name, "a timestamp")
    }
    guard case .timestampTZ(let moment) = column.scalarValue(at: 0) else { throw wrong(argument, name, "a timestamp") }
    return moment.instant.quotientAndRemainder(dividingBy: 1_000).quotient
  }

  /// `map('key', 'value', …)` or `MAP(ARRAY[…], ARRAY[…])` with values as text.
  func map(_ argument: Argument?, _ name: String) throws(SQLError) -> [String: String] {
    guard let argument else { throw missing(name) }
    guard case .map(let pairs) = argument.value.value else { throw wrong(argument, name, "a map of texts") }
    var result: [String: String] = [:]
    for pair in pairs {
      guard case .bytes(let key) = pair.key, case .bytes(let value) = pair.value else { throw wrong(argument, name, "a map of texts") }
      result[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
    }
    return result
  }

  private func missing(_ name: String) -> SQLError {
    SQLError(.invalidProcedureArgument, "Required argument '\(name)' is missing", range: range)
  }

  private func wrong(_ argument: Argument, _ name: String, _ expected: String) -> SQLError {
    SQLError(.invalidProcedureArgument, "Argument '\(name)' must be \(expected)", range: argument.range)
  }
}

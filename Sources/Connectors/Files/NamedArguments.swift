package import Columnar
package import Planner
package import SQLSyntax

/// The arguments of a table function over files: paths by position, options by name, taken one by one by whoever knows them.
///
/// What nobody took is a misspelling and becomes an error with the nearest known name.
package struct NamedArguments {
  private let function: String
  /// Paths and patterns: the first argument, a text or an array of texts.
  package let paths: [String]
  private var values: [String: Scalar] = [:]
  private var known: [String] = []

  package init(_ function: String, _ arguments: [TableFunctionValue]) throws(SQLError) {
    self.function = function
    let positional = arguments.filter { $0.name == nil || $0.name == "path" }
    guard positional.count == 1, let paths = Self.texts(positional[0].value), !paths.isEmpty else {
      throw SQLError(
        .invalidArguments, "\(function) takes one path, pattern or URI as text, or an array of them",
        hint: "options come by name: \(function)('data/*.csv', header => true)")
    }
    self.paths = paths
    for argument in arguments {
      guard let name = argument.name, name != "path" else { continue }
      guard values.updateValue(argument.value, forKey: name) == nil else {
        throw SQLError(.invalidArguments, "\(function): option '\(name)' is given twice")
      }
    }
  }

  /// Call when every option has been taken.
  package func finish() throws(SQLError) {
    guard let name = values.keys.min() else { return }
    throw SQLError(
      .invalidArguments, "\(function) has no option '\(name)'",
      hint: Suggestion.hint(for: name, among: known) ?? "the options are \(known.sorted().joined(separator: ", "))")
  }

  /// The value under one of several names for the same option.
  private mutating func take(_ names: [String]) throws(SQLError) -> (name: String, value: Scalar)? {
    known += names
    var found: (name: String, value: Scalar)?
    for name in names {
      guard let value = values.removeValue(forKey: name) else { continue }
      if let found {
        throw SQLError(.invalidArguments, "\(function): '\(found.name)' and '\(name)' are the same option")
      }
      found = (name, value)
    }
    if let found, found.value.isNull {
      throw SQLError(.invalidArguments, "\(function): option '\(found.name)' must not be NULL")
    }
    return found
  }

  private func wrong(_ name: String, _ expected: String) -> SQLError {
    SQLError(.invalidArguments, "\(function): option '\(name)' must be \(expected)")
  }

  package mutating func boolean(_ names: String...) throws(SQLError) -> Bool? {
    guard let (name, value) = try take(names) else { return nil }
    switch (value.value, value.text?.lowercased()) {
    case (.boolean(let flag), _): return flag
    case (.int(1), _), (_, "true"): return true
    case (.int(0), _), (_, "false"): return false
    default: throw wrong(name, "true or false")
    }
  }

  package mutating func text(_ names: String...) throws(SQLError) -> String? {
    guard let (name, value) = try take(names) else { return nil }
    guard let text = value.text else { throw wrong(name, "a text") }
    return text
  }

  /// A whole number, zero or more.
  package mutating func count(_ names: String...) throws(SQLError) -> Int? {
    guard let (name, value) = try take(names) else { return nil }
    guard case .int(let number) = value.value, value.type.isInteger, number >= 0 else {
      throw wrong(name, "a whole number that is not negative")
    }
    return Int(number)
  }

  /// One ASCII character; the empty text is none.
  package mutating func character(_ names: String...) throws(SQLError) -> UInt8?? {
    guard let (name, value) = try take(names) else { return nil }
    guard let text = value.text, text.utf8.count <= 1 || text == "\\t" else { throw wrong(name, "one ASCII character") }
    return .some(text == "\\t" ? 9 : text.utf8.first)
  }

  /// One text, or an array of texts.
  package mutating func texts(_ names: String...) throws(SQLError) -> [String]? {
    guard let (name, value) = try take(names) else { return nil }
    guard let texts = Self.texts(value) else { throw wrong(name, "a text or an array of texts") }
    return texts
  }

  /// Names with their types: `MAP(ARRAY['a'], ARRAY['bigint'])`, or a text like `'a bigint, b varchar'`.
  package mutating func columns(_ names: String...) throws(SQLError) -> [Field]? {
    guard let (name, value) = try take(names) else { return nil }
    do {
      switch value.value {
      case .map(let pairs):
        return try pairs.map { pair in
          guard case .bytes(let key) = pair.key, case .bytes(let type) = pair.value else {
            throw wrong(name, "a map from names to types")
          }
          return Field(String(decoding: key, as: UTF8.self), try Self.type(String(decoding: type, as: UTF8.self)))
        }
      case .bytes(let bytes): return try Self.columns(String(decoding: bytes, as: UTF8.self))
      default: throw wrong(name, "a map from names to types, or a text like 'a bigint, b varchar'")
      }
    } catch let error as SQLError {
      // Positions inside the option's text mean nothing to the script.
      throw SQLError(error.code, "\(function), option '\(name)': \(error.message)", hint: error.hint)
    } catch { throw wrong(name, "a map from names to types") }
  }

  private static func type(_ text: String) throws(SQLError) -> SQLType {
    try SQLType.resolved(Parser.parseType(text))
  }

  private static func columns(_ text: String) throws(SQLError) -> [Field] {
    // The column list of a CREATE TABLE is exactly this.
    let statement = try Parser.parseStatement("CREATE TABLE t (\(text))")
    guard case .createTable(let create) = statement.kind else { return [] }
    var fields: [Field] = []
    for column in create.columns { fields.append(Field(column.name.spelling, try SQLType.resolved(column.type))) }
    return fields
  }

  private static func texts(_ value: Scalar) -> [String]? {
    if let text = value.text { return [text] }
    guard case .list(let elements) = value.value else { return nil }
    var texts: [String] = []
    for element in elements {
      guard case .bytes(let bytes) = element else { return nil }
      texts.append(String(decoding: bytes, as: UTF8.self))
    }
    return texts
  }
}

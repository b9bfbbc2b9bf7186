import Columnar
import Synchronization

/// What the binder makes JSON_EXISTS, JSON_VALUE, JSON_QUERY, JSON_OBJECT and JSON_ARRAY of.
///
/// Their clauses are words of an options text, a literal argument like the path, so that calls are equal exactly when they mean the
/// same. Names begin with `$`: no script can call them.
package enum SQLJSON {
  /// (input, path, parameter names, values passed as JSON...) -> boolean; NULL where the path does not fit.
  package static let exists = "$json_exists"
  /// The same -> row(status, text).
  package static let value = "$json_value"
  /// (input, path, parameter names, options, values...) -> row(status, text).
  package static let query = "$json_query"
  /// (input, path, parameter names, options, values...) -> array(varchar), the texts of all that is found; NULL where the path does not fit.
  package static let items = "$json_items"
  /// (options, key, value, key, value, ...) -> varchar.
  package static let object = "$json_object"
  /// (options, value, ...) -> varchar.
  package static let array = "$json_array"
  /// Text that is JSON already -> json.
  package static let text = "$json_text"
  /// Text that must be JSON -> json, with its members as they are.
  package static let formatted = "$json_formatted"
  /// (bytes, name of the encoding) -> varchar, and back.
  package static let decoded = "$json_decoded"
  package static let encoded = "$json_encoded"
  /// (message) -> an error, for ERROR ON ERROR and ERROR ON EMPTY.
  package static let failure = "$json_error"

  package enum Status: Int32, Sendable { case found = 0, empty = 1, failed = 2 }
  /// Words of options.
  package static let conditionalWrapper = "conditional"
  package static let unconditionalWrapper = "unconditional"
  package static let omitsQuotes = "omit quotes"
  package static let fails = "error on error"
  package static let dropsNulls = "absent on null"
  package static let uniqueKeys = "with unique keys"
  package static let separator = "\u{1F}"

  /// Whether a text is a path, for messages at the time of binding.
  package static func check(path: String) throws(FunctionError) {
    let bytes = Array(path.utf8)
    let copy = Buffer.of(bytes)
    defer { withExtendedLifetime(copy) {} }
    do throws(KernelError) {
      _ = try JSONPathProgram(UnsafeRawBufferPointer(start: copy.base, count: bytes.count))
    } catch { throw FunctionError("INVALID_PATH", error.message) }
  }

  static let result = SQLType.row([RowField(name: "status", type: .integer), RowField(name: "text", type: .varchar)])
}

extension FunctionLibrary {
  static let sqlJSON: [ScalarDefinition] = [
    ScalarDefinition(
      SQLJSON.exists, "JSON_EXISTS", [.varchar, .varchar, .varchar, .json], isVariadic: true, returns: .type(.boolean),
      propagatesNulls: false
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let paths = PathArguments(arguments, valuesFrom: 3)
      let builder = ColumnBuilder(type: .boolean, capacity: call.count)
      for row in 0..<call.count {
        switch try paths.items(row) {
        case .null?: builder.appendNull()
        case .items(let items)?: builder.append(fixed: UInt8(items.isEmpty ? 0 : 1))
        case nil: builder.appendNull()
        }
      }
      return builder.finish()
    },
    ScalarDefinition(
      SQLJSON.value, "JSON_VALUE", [.varchar, .varchar, .varchar, .json], isVariadic: true, returns: .type(SQLJSON.result),
      propagatesNulls: false
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let paths = PathArguments(arguments, valuesFrom: 3)
      return try resultRows(call) { (row: Int, out: inout TextBuffer) throws(KernelError) -> (SQLJSON.Status, Bool)? in
        switch try paths.items(row) {
        case .null?: return nil
        case nil: return (.failed, false)
        case .items(let items)?:
          guard let item = items.first else { return (.empty, false) }
          guard items.count == 1, item.isScalar else { return (.failed, false) }
          switch item {
          case .null: return (.found, false)
          case .string(let text): text.withUnsafeBytes { out.append($0) }
          default: item.append(to: &out)
          }
          return (.found, true)
        }
      }
    },
    ScalarDefinition(
      SQLJSON.query, "JSON_QUERY", [.varchar, .varchar, .varchar, .varchar, .json], isVariadic: true,
      returns: .type(SQLJSON.result), propagatesNulls: false
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let paths = PathArguments(arguments, valuesFrom: 4)
      let options = optionWords(arguments[3])
      return try resultRows(call) { (row: Int, out: inout TextBuffer) throws(KernelError) -> (SQLJSON.Status, Bool)? in
        switch try paths.items(row) {
        case .null?: return nil
        case nil: return (.failed, false)
        case .items(let items)?:
          guard let first = items.first else { return (.empty, false) }
          var item = first
          if options.contains(SQLJSON.unconditionalWrapper) {
            item = .array(items)
          } else if options.contains(SQLJSON.conditionalWrapper) {
            if items.count > 1 || first.isScalar { item = .array(items) }
          } else if items.count > 1 {
            return (.failed, false)
          }
          if case .string(let text) = item, options.contains(SQLJSON.omitsQuotes) {
            text.withUnsafeBytes { out.append($0) }
          } else {
            item.append(to: &out)
          }
          return (.found, true)
        }
      }
    },
    ScalarDefinition(
      SQLJSON.items, "JSON_TABLE", [.varchar, .varchar, .varchar, .varchar, .json], isVariadic: true, returns: .type(.array(.varchar)),
      propagatesNulls: false
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let paths = PathArguments(arguments, valuesFrom: 4)
      let fails = optionWords(arguments[3]).contains(SQLJSON.fails)
      let builder = ColumnBuilder(type: .array(.varchar), capacity: call.count)
      for row in 0..<call.count {
        switch try paths.items(row) {
        case .null?: builder.appendNull()
        case nil:
          guard !fails else { throw KernelError("PATH_EVALUATION_ERROR", "path evaluation failed", row: row) }
          builder.appendNull()
        case .items(let items)?:
          builder.append(listOf: items.count)
          for item in items {
            var text = TextBuffer()
            item.append(to: &text)
            builder.child(0).append(bytes: text.bytes)
          }
        }
      }
      return builder.finish()
    },
    ScalarDefinition(
      SQLJSON.object, "JSON_OBJECT", [.varchar, .any], isVariadic: true, returns: .type(.varchar), propagatesNulls: false
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) -> ScalarKernel in
      for (place, type) in types.enumerated() where place > 0 && !(place % 2 == 1 ? type.isText && type != .json : type == .json) {
        throw FunctionError("FUNCTION_NOT_FOUND", "JSON_OBJECT takes keys of text and values of JSON, not \(type)")
      }
      return makeObject
    },
    ScalarDefinition(SQLJSON.object, "JSON_OBJECT", [.varchar], returns: .type(.varchar), propagatesNulls: false, kernel: makeObject),
    ScalarDefinition(
      SQLJSON.array, "JSON_ARRAY", [.varchar, .json], isVariadic: true, returns: .type(.varchar), propagatesNulls: false,
      kernel: makeJSONArray),
    ScalarDefinition(
      SQLJSON.array, "JSON_ARRAY", [.varchar], returns: .type(.varchar), propagatesNulls: false, kernel: makeJSONArray),
    ScalarDefinition(SQLJSON.text, "JSON text as a JSON value.", [.varchar], returns: .type(.json)) {
      (arguments: [Column], _: FunctionCall) throws(KernelError) -> Column in arguments[0].relabelled(.json)
    },
    ScalarDefinition(SQLJSON.formatted, "Text as JSON.", [.varchar], returns: .type(.json)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let texts = Operand(arguments[0])
      var out = TextColumnBuilder(count: call.count)
      for row in 0..<call.count {
        if texts.isValid(row) {
          guard let item = JSONItem.parse(StringView.buffer(at: texts.pointer(as: StringView.self) + (row & texts.mask))) else {
            throw KernelError("JSON_INPUT_CONVERSION_ERROR", "conversion to JSON failed", row: row)
          }
          item.append(to: &out.bytes)
        } else {
          out.setNull()
        }
        out.endRow()
      }
      return out.finish(.json)
    },
    textBinary(SQLJSON.decoded, "JSON text of bytes.") { (bytes: Binary, encoding: Text, out: inout TextColumnBuilder) throws(KernelError) in
      JSONEncoding.decode(bytes.bytes, encoding.string, into: &out.bytes)
    },
    textBinary(SQLJSON.encoded, "JSON text as bytes.", returns: .type(.varbinary)) {
      (text: Text, encoding: Text, out: inout TextColumnBuilder) throws(KernelError) in
      JSONEncoding.encode(text.string, encoding.string, into: &out.bytes)
    },
    ScalarDefinition(SQLJSON.failure, "Raises a path error.", [.varchar], returns: .type(.unknown)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      guard call.count > 0 else { return .nulls(.unknown, count: 0) }
      throw KernelError("PATH_EVALUATION_ERROR", arguments[0].scalar(at: 0).text ?? "", row: 0)
    },
  ] + [
    // The same without values passed.
    withoutValues(SQLJSON.exists), withoutValues(SQLJSON.value), withoutValues(SQLJSON.query), withoutValues(SQLJSON.items),
  ]

  private static func withoutValues(_ name: String) -> ScalarDefinition {
    let hasOptions = name == SQLJSON.query || name == SQLJSON.items
    let result: SQLType =
      switch name {
      case SQLJSON.exists: .boolean
      case SQLJSON.items: .array(.varchar)
      default: SQLJSON.result
      }
    return ScalarDefinition(
      name, name, Array(repeating: .varchar, count: hasOptions ? 4 : 3), returns: .type(result), propagatesNulls: false
    ) { (types: [SQLType], resultType: SQLType) throws(FunctionError) -> ScalarKernel in
      guard let full = sqlJSONByName(name) else { throw FunctionError("FUNCTION_NOT_FOUND", name) }
      return try full.build(types, resultType)
    }
  }

  private static func sqlJSONByName(_ name: String) -> ScalarDefinition? {
    sqlJSON.first { $0.names[0] == name && $0.isVariadic }
  }
}

private func optionWords(_ column: Column) -> Set<String> {
  guard column.count > 0, let text = column.scalar(at: 0).text else { return [] }
  return Set(text.split(separator: SQLJSON.separator).map(String.init))
}

/// Input, path and passed values of a path function.
private final class PathArguments {
  enum Outcome {
    case null
    case items([JSONItem])
  }

  private let operands: [Operand]
  private let valuesFrom: Int
  private var program: (text: UnsafeRawBufferPointer, program: JSONPathProgram)?
  private let names: [String]

  init(_ arguments: [Column], valuesFrom: Int) {
    operands = arguments.map { Operand($0) }
    self.valuesFrom = valuesFrom
    let list = arguments[2].count > 0 ? arguments[2].scalar(at: 0).text ?? "" : ""
    names = list.split(separator: SQLJSON.separator, omittingEmptySubsequences: false).map(String.init)
  }

  private func bytes(_ index: Int, _ row: Int) -> UnsafeRawBufferPointer {
    StringView.buffer(at: operands[index].pointer(as: StringView.self) + (row & operands[index].mask))
  }

  /// What the path finds; nil when it fails, or the input is not JSON.
  func items(_ row: Int) throws(KernelError) -> Outcome? {
    guard operands[0].isValid(row), operands[1].isValid(row) else { return .null }
    let text = bytes(1, row)
    let compiled: JSONPathProgram
    if let program, StringSearch.isEqual(program.text, text) {
      compiled = program.program
    } else {
      compiled = try JSONPathProgram(text)
      program = (text, compiled)
    }
    guard let root = JSONItem.parse(bytes(0, row)) else { return nil }
    var variables: [String: JSONItem] = [:]
    for (place, name) in names.enumerated() where valuesFrom + place < operands.count {
      let index = valuesFrom + place
      variables[name] = operands[index].isValid(row) ? JSONItem.parse(bytes(index, row)) ?? .null : .null
    }
    do throws(JSONPathError) {
      return .items(try JSONPathEvaluator(program: compiled, root: root, variables: variables).evaluate())
    } catch { return nil }
  }
}

/// Rows of status and text; nil makes both NULL with the status of something found.
private func resultRows(
  _ call: FunctionCall, _ body: (Int, inout TextBuffer) throws(KernelError) -> (SQLJSON.Status, hasText: Bool)?
) throws(KernelError) -> Column {
  var statuses: [Int32] = []
  var out = TextColumnBuilder(count: call.count)
  for row in 0..<call.count {
    let (status, hasText) = try body(row, &out.bytes) ?? (.found, false)
    statuses.append(status.rawValue)
    if hasText { out.endRow() } else { out.endRowAsNull() }
  }
  let children = [Column(type: .integer, count: call.count, values: Buffer.of(statuses)), out.finish(.varchar)]
  return Column(
    flat: FlatVector(values: BufferSlice(Buffer(byteCount: 0)), children: children), type: SQLJSON.result, count: call.count)
}

private let makeObject: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let options = optionWords(arguments[0])
  let dropsNulls = options.contains(SQLJSON.dropsNulls)
  let isUnique = options.contains(SQLJSON.uniqueKeys)
  let operands = arguments.dropFirst().map { Operand($0) }
  var out = TextColumnBuilder(count: call.count)
  for row in 0..<call.count {
    out.bytes.append(UInt8(ascii: "{"))
    var isFirst = true
    var keys: Set<String> = []
    for member in stride(from: 0, to: operands.count - 1, by: 2) {
      let (key, value) = (operands[member], operands[member + 1])
      guard key.isValid(row) else {
        throw KernelError.invalidArgument("null value passed for JSON object key to JSON_OBJECT function").at(row: row)
      }
      if !value.isValid(row), dropsNulls { continue }
      if !isFirst { out.bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      let name = StringView.buffer(at: key.pointer(as: StringView.self) + (row & key.mask))
      if isUnique, !keys.insert(String(decoding: name, as: UTF8.self)).inserted {
        throw KernelError.invalidArgument("duplicate key passed to JSON_OBJECT function").at(row: row)
      }
      out.bytes.append(jsonString: name)
      out.bytes.append(UInt8(ascii: ":"))
      append(value, row, to: &out.bytes)
    }
    out.bytes.append(UInt8(ascii: "}"))
    out.endRow()
  }
  return out.finish(.varchar)
}

private let makeJSONArray: ScalarKernel = { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
  let dropsNulls = optionWords(arguments[0]).contains(SQLJSON.dropsNulls)
  let operands = arguments.dropFirst().map { Operand($0) }
  var out = TextColumnBuilder(count: call.count)
  for row in 0..<call.count {
    out.bytes.append(UInt8(ascii: "["))
    var isFirst = true
    for value in operands where value.isValid(row) || !dropsNulls {
      if !isFirst { out.bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      append(value, row, to: &out.bytes)
    }
    out.bytes.append(UInt8(ascii: "]"))
    out.endRow()
  }
  return out.finish(.varchar)
}

private func append(_ value: Operand, _ row: Int, to out: inout TextBuffer) {
  if value.isValid(row) {
    out.append(StringView.buffer(at: value.pointer(as: StringView.self) + (row & value.mask)))
  } else {
    out.append("null")
  }
}

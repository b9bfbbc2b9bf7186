import Columnar

/// The path of `json_extract` and its kin: `$.store.book[0]["any key"]`.
///
/// - Source: the reference, section 8.4; Trino's JsonPathTokenizer.
struct JSONExtractPath {
  /// A member name; in arrays its number counts when it is one.
  struct Step {
    let name: [UInt8]
    let index: Int?
  }
  let steps: [Step]

  init(_ text: UnsafeRawBufferPointer) throws(KernelError) {
    func invalid() -> KernelError { .invalidArgument("Invalid JSON path: '\(String(decoding: text, as: UTF8.self))'") }
    guard text.first == UInt8(ascii: "$") else { throw invalid() }
    var steps: [Step] = []
    var index = 1
    func isName(_ byte: UInt8) -> Bool {
      let letter = byte | 0x20
      return (letter >= 0x61 && letter <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == UInt8(ascii: "_") || byte >= 0x80
    }
    func step(_ name: [UInt8]) -> Step {
      let isNumber = !name.isEmpty && name.count <= 9 && name.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      return Step(name: name, index: isNumber ? name.reduce(0) { $0 * 10 + Int($1 - 0x30) } : nil)
    }
    while index < text.count {
      var name: [UInt8] = []
      switch text[index] {
      case UInt8(ascii: "."):
        index += 1
        while index < text.count, isName(text[index]) || text[index] == UInt8(ascii: ":") {
          name.append(text[index])
          index += 1
        }
        guard !name.isEmpty else { throw invalid() }
        steps.append(step(name))
      case UInt8(ascii: "[") where index + 1 < text.count && text[index + 1] == UInt8(ascii: "\""):
        index += 2
        while true {
          guard index < text.count else { throw invalid() }
          if text[index] == UInt8(ascii: "\"") { break }
          if text[index] == UInt8(ascii: "\\") {
            index += 1
            guard index < text.count, text[index] == UInt8(ascii: "\"") || text[index] == UInt8(ascii: "\\") else { throw invalid() }
          }
          name.append(text[index])
          index += 1
        }
        guard index + 1 < text.count, text[index + 1] == UInt8(ascii: "]") else { throw invalid() }
        index += 2
        steps.append(Step(name: name, index: nil))
      case UInt8(ascii: "["):
        index += 1
        while index < text.count, isName(text[index]) {
          name.append(text[index])
          index += 1
        }
        guard !name.isEmpty, index < text.count, text[index] == UInt8(ascii: "]") else { throw invalid() }
        index += 1
        steps.append(step(name))
      default: throw invalid()
      }
    }
    self.steps = steps
  }

  /// Moves the scanner to the value; false when there is none, or the text breaks off before it.
  func locate(_ scanner: inout JSONScanner) -> Bool {
    var name = TextBuffer()
    for step in steps {
      switch scanner.kind() {
      case .object:
        guard scanner.accept(UInt8(ascii: "{")), !scanner.accept(UInt8(ascii: "}")) else { return false }
        while true {
          scanner.skipSpace()
          name.removeAll()
          guard scanner.string(into: &name), scanner.accept(UInt8(ascii: ":")) else { return false }
          if name.bytes.elementsEqual(step.name) { break }
          guard scanner.skipValue(), scanner.accept(UInt8(ascii: ",")) else { return false }
        }
      case .array:
        guard let wanted = step.index, scanner.accept(UInt8(ascii: "[")), !scanner.accept(UInt8(ascii: "]")) else { return false }
        for _ in 0..<wanted { guard scanner.skipValue(), scanner.accept(UInt8(ascii: ",")) else { return false } }
      default: return false
      }
    }
    return scanner.kind() != .invalid
  }
}

extension FunctionLibrary {
  static let json: [ScalarDefinition] =
    [TypePattern.json, .varchar].flatMap { pattern -> [ScalarDefinition] in
      [
        jsonFunction("json_extract", "The value at a path, as JSON; NULL without one.", [pattern, .varchar], .type(.json)) {
          (row: JSONRow, out: inout TextColumnBuilder) throws(KernelError) in
          var scanner = row.scanner
          guard try row.path(1).locate(&scanner), JSONCanonical.append(&scanner, sortsKeys: false, to: &out.bytes) else {
            return out.setNull()
          }
        },
        jsonFunction(
          "json_extract_scalar", aliases: ["get_json_object"],
          "The text of the scalar at a path; NULL for objects, arrays, JSON null and without a value.", [pattern, .varchar],
          pattern == .json ? .type(.varchar) : .argument(0)
        ) { (row: JSONRow, out: inout TextColumnBuilder) throws(KernelError) in
          var scanner = row.scanner
          guard try row.path(1).locate(&scanner), appendScalar(&scanner, to: &out.bytes) else { return out.setNull() }
        },
        jsonFunction(
          "json_array_get", "The element of a JSON array at a 0-based place, from the end when it is negative; NULL outside.",
          [pattern, .bigint], .type(.json)
        ) { (row: JSONRow, out: inout TextColumnBuilder) throws(KernelError) in
          var wanted = row.bigint(1)
          if wanted < 0 {
            guard let size = row.arrayLength else { return out.setNull() }
            wanted += Int64(size)
          }
          var scanner = row.scanner
          guard wanted >= 0, scanner.kind() == .array else { return out.setNull() }
          var place: Int64 = 0
          var isFound = false
          _ = scanner.elements { scanner in
            if place == wanted {
              // A text comes without its quotes, as in Trino, whose documentation calls that broken and warns of it.
              isFound =
                scanner.kind() == .string
                ? appendScalar(&scanner, to: &out.bytes) : JSONCanonical.append(&scanner, sortsKeys: false, to: &out.bytes)
              return false
            }
            place += 1
            return scanner.skipValue()
          }
          if !isFound { out.setNull() }
        },
        jsonNumber("json_array_length", "Number of elements of a JSON array; NULL for other values.", [pattern]) {
          (row: JSONRow) throws(KernelError) -> Int64? in row.arrayLength.map { Int64($0) }
        },
        jsonNumber(
          "json_size", "Number of elements or members of the value at a path; 0 for scalars, NULL without a value.",
          [pattern, .varchar]
        ) { (row: JSONRow) throws(KernelError) -> Int64? in
          var scanner = row.scanner
          guard try row.path(1).locate(&scanner) else { return nil }
          var size: Int64 = 0
          switch scanner.kind() {
          case .array:
            return scanner.elements { scanner in
              size += 1
              return scanner.skipValue()
            } ? size : nil
          case .object:
            return scanner.members { scanner in
              size += 1
              scanner.skipSpace()
              return scanner.skipString() && scanner.accept(UInt8(ascii: ":")) && scanner.skipValue()
            } ? size : nil
          default: return 0
          }
        },
        jsonTest("is_json_scalar", "Whether the value is a number, text, boolean or null.", [pattern]) {
          (row: JSONRow) throws(KernelError) -> Bool? in
          guard JSONScanner.isValid(row.bytes) else {
            throw .invalidArgument("Invalid JSON value: \(String(decoding: row.bytes, as: UTF8.self))")
          }
          var scanner = row.scanner
          let kind = scanner.kind()
          return kind != .array && kind != .object
        },
        contains(pattern, .boolean, .boolean) { scanner, row, operand in
          let wanted = operand.pointer(as: UInt8.self)[row & operand.mask] != 0
          return scanner.peek == UInt8(ascii: wanted ? "t" : "f")
        },
        contains(pattern, .bigint, .number) { scanner, row, operand in
          let wanted = operand.pointer(as: Int64.self)[row & operand.mask]
          guard let (text, isFloating) = scanner.number(), !isFloating else { return false }
          return NumberParser.integer(text, as: Int64.self) == wanted
        },
        contains(pattern, .double, .number) { scanner, row, operand in
          let wanted = operand.pointer(as: Double.self)[row & operand.mask]
          guard let (text, isFloating) = scanner.number(), isFloating else { return false }
          return NumberParser.double(text) == wanted
        },
        contains(pattern, .varchar, .string) { scanner, row, operand in
          var text = TextBuffer()
          guard scanner.string(into: &text) else { return false }
          return StringSearch.isEqual(
            text.bytes, StringView.buffer(at: operand.pointer(as: StringView.self) + (row & operand.mask)))
        },
      ]
    } + [
      textUnary("json_parse", aliases: ["parse_json"], "The JSON value of a text, object keys in order.", returns: .type(.json)) {
        (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
        var scanner = JSONScanner(text.bytes)
        let isWhole = JSONCanonical.append(&scanner, sortsKeys: true, to: &out.bytes)
        scanner.skipSpace()
        guard isWhole, scanner.isAtEnd else {
          out.bytes.removeAll()
          throw .invalidArgument("Cannot convert value to JSON: '\(text.string)'")
        }
      },
      ScalarDefinition("json_format", aliases: ["to_json_string"], "The text of a JSON value.", [.json], returns: .type(.varchar)) {
        (arguments: [Column], _: FunctionCall) throws(KernelError) -> Column in arguments[0].relabelled(.varchar)
      },
    ]

  private static func jsonFunction(
    _ name: String, aliases: [String] = [], _ description: String, _ parameters: [TypePattern], _ result: ResultRule,
    _ body: @escaping @Sendable (JSONRow, inout TextColumnBuilder) throws(KernelError) -> Void
  ) -> ScalarDefinition {
    ScalarDefinition(name, aliases: aliases, description, parameters, returns: result) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let paths = PathCache()
      return try textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
        try body(JSONRow(operands: operands, row: row, paths: paths), &out)
      }(arguments, call)
    }
  }

  private static func jsonNumber(
    _ name: String, _ description: String, _ parameters: [TypePattern],
    _ body: @escaping @Sendable (JSONRow) throws(KernelError) -> Int64?
  ) -> ScalarDefinition {
    ScalarDefinition(name, description, parameters, returns: .type(.bigint)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let paths = PathCache()
      return try optionalKernel(.bigint) { (operands: [Operand], row: Int) throws(KernelError) -> Int64? in
        try body(JSONRow(operands: operands, row: row, paths: paths))
      }(arguments, call)
    }
  }

  private static func jsonTest(
    _ name: String, _ description: String, _ parameters: [TypePattern],
    _ body: @escaping @Sendable (JSONRow) throws(KernelError) -> Bool?
  ) -> ScalarDefinition {
    ScalarDefinition(name, description, parameters, returns: .type(.boolean)) {
      (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let paths = PathCache()
      return try optionalKernel(.boolean) { (operands: [Operand], row: Int) throws(KernelError) -> Bool? in
        try body(JSONRow(operands: operands, row: row, paths: paths))
      }(arguments, call)
    }
  }

  private static func contains(
    _ pattern: TypePattern, _ type: TypePattern, _ kind: JSONScanner.Kind,
    _ isEqual: @escaping @Sendable (inout JSONScanner, Int, Operand) -> Bool
  ) -> ScalarDefinition {
    jsonTest("json_array_contains", "Whether an element of a JSON array equals a value of the same kind.", [pattern, type]) {
      (row: JSONRow) throws(KernelError) -> Bool? in
      var scanner = row.scanner
      guard scanner.kind() == .array else { return nil }
      var isFound = false
      let isWhole = scanner.elements { scanner in
        if !isFound, scanner.kind() == kind {
          var element = scanner
          isFound = isEqual(&element, row.row, row.operands[1])
        }
        return scanner.skipValue()
      }
      return isWhole ? isFound : nil
    }
  }
}

/// The text of a scalar: strings without quotes, everything else as it stands. False for null, arrays and objects.
private func appendScalar(_ scanner: inout JSONScanner, to out: inout TextBuffer) -> Bool {
  switch scanner.kind() {
  case .string: return scanner.string(into: &out)
  case .number:
    guard let (text, _) = scanner.number() else { return false }
    out.append(text)
    return true
  case .boolean:
    let isTrue = scanner.peek == UInt8(ascii: "t")
    if isTrue { out.append("true") } else { out.append("false") }
    return scanner.acceptWord(isTrue ? "true" : "false")
  case .null, .array, .object, .invalid: return false
  }
}

/// The path seen last.
// SAFETY: made for one call of a kernel, which runs on one thread.
private final class PathCache: @unchecked Sendable {
  private var last: (text: UnsafeRawBufferPointer, path: JSONExtractPath)?

  func path(_ text: UnsafeRawBufferPointer) throws(KernelError) -> JSONExtractPath {
    if let last, StringSearch.isEqual(last.text, text) { return last.path }
    let path = try JSONExtractPath(text)
    last = (text, path)
    return path
  }
}

/// One row of the arguments of a JSON function.
private struct JSONRow {
  let operands: [Operand]
  let row: Int
  let paths: PathCache

  private func text(_ index: Int) -> UnsafeRawBufferPointer {
    StringView.buffer(at: operands[index].pointer(as: StringView.self) + (row & operands[index].mask))
  }
  var bytes: UnsafeRawBufferPointer { text(0) }
  var scanner: JSONScanner { JSONScanner(bytes) }
  func path(_ index: Int) throws(KernelError) -> JSONExtractPath { try paths.path(text(index)) }
  func bigint(_ index: Int) -> Int64 { operands[index].pointer(as: Int64.self)[row & operands[index].mask] }

  /// Nil when the value is no array or is malformed.
  var arrayLength: Int? {
    var scanner = self.scanner
    guard scanner.kind() == .array else { return nil }
    var size = 0
    return scanner.elements { scanner in
      size += 1
      return scanner.skipValue()
    } ? size : nil
  }
}

import Columnar

extension Caster {
  // MARK: To JSON

  func castToJSON(_ column: Column) throws(KernelError) -> Column {
    var printer = JSONPrinter(column)
    return try text(column) { (row: Int, out: inout TextColumnBuilder) throws(KernelError) in
      printer.append(row: row, to: &out.bytes)
    }
  }

  // MARK: From JSON

  func castFromJSON(_ column: Column) throws(KernelError) -> Column {
    let views = column.flat.values.pointer(as: StringView.self)
    let valid = column.flat.validity?.pointer(as: UInt8.self)
    let builder = ColumnBuilder(type: target, capacity: column.count)
    let decoder = JSONColumnDecoder(context: context)
    for row in 0..<column.count {
      if let valid, valid[row] == 0 {
        builder.appendNull()
        continue
      }
      do throws(KernelError) {
        var scanner = JSONScanner(StringView.buffer(at: views + row))
        // Decoded aside first: a document that fails half way must leave nothing behind.
        builder.append(try decoder.value(&scanner, as: target))
      } catch {
        guard isTry else { throw error.at(row: row) }
        builder.appendNull()
      }
    }
    return builder.finish()
  }
}

/// Turns JSON values into SQL values of a wanted type (sql.md 4.2, "JSON casts").
struct JSONColumnDecoder {
  let context: QueryContext

  func value(_ scanner: inout JSONScanner, as type: SQLType) throws(KernelError) -> ScalarValue {
    let kind = scanner.kind()
    let start = scanner.position
    if type == .json {
      var out = TextBuffer()
      guard JSONCanonical.append(&scanner, sortsKeys: false, to: &out) else { throw invalid(scanner) }
      return .bytes(Array(out.bytes))
    }
    if kind == .null {
      guard scanner.acceptWord("null") else { throw invalid(scanner) }
      return .null
    }
    switch type {
    case .array(let element):
      guard kind == .array else { throw mismatch(scanner, start, type, "Expected a json array") }
      var list: [ScalarValue] = []
      try elements(&scanner) { (scanner: inout JSONScanner) throws(KernelError) in
        list.append(try value(&scanner, as: element))
      }
      return .list(list)
    case .map(let keyType, let valueType):
      guard kind == .object else { throw mismatch(scanner, start, type, "Expected a json object") }
      var pairs: [ScalarPair] = []
      var seen: Set<ScalarValue> = []
      try members(&scanner) { (name: String, scanner: inout JSONScanner) throws(KernelError) in
        let key = try key(name, as: keyType)
        guard seen.insert(key).inserted else {
          throw .invalidCast("Cannot cast to \(type). Duplicate keys are not allowed")
        }
        pairs.append(ScalarPair(key: key, value: try value(&scanner, as: valueType)))
      }
      return .map(pairs)
    case .row(let fields): return try row(&scanner, kind, start, type, fields)
    default: return try scalar(&scanner, kind, start, as: type)
    }
  }

  private func row(
    _ scanner: inout JSONScanner, _ kind: JSONScanner.Kind, _ start: Int, _ type: SQLType, _ fields: [RowField]
  ) throws(KernelError) -> ScalarValue {
    var values = [ScalarValue](repeating: .null, count: fields.count)
    if kind == .array {
      var index = 0
      try elements(&scanner) { (scanner: inout JSONScanner) throws(KernelError) in
        guard index < fields.count else { throw mismatch(scanner, start, type, "Unexpected number of elements") }
        values[index] = try value(&scanner, as: fields[index].type)
        index += 1
      }
      guard index == fields.count else { throw mismatch(scanner, start, type, "Unexpected number of elements") }
      return .row(values)
    }
    guard kind == .object else { throw mismatch(scanner, start, type, "Expected a json array or object") }
    try members(&scanner) { (name: String, scanner: inout JSONScanner) throws(KernelError) in
      let exact = fields.firstIndex { $0.name == name }
      guard let index = exact ?? fields.firstIndex(where: { $0.name?.lowercased() == name.lowercased() }) else {
        guard scanner.skipValue() else { throw invalid(scanner) }
        return
      }
      values[index] = try value(&scanner, as: fields[index].type)
    }
    return .row(values)
  }

  private func scalar(
    _ scanner: inout JSONScanner, _ kind: JSONScanner.Kind, _ start: Int, as type: SQLType
  ) throws(KernelError) -> ScalarValue {
    // Through the ordinary casts, from the type the JSON value has.
    let source: Column
    switch kind {
    case .string:
      var out = TextBuffer()
      guard scanner.string(into: &out) else { throw invalid(scanner) }
      source = .constant(Scalar(.varchar, .bytes(Array(out.bytes))), count: 1)
    case .boolean:
      let isTrue = scanner.peek == UInt8(ascii: "t")
      guard scanner.acceptWord(isTrue ? "true" : "false") else { throw invalid(scanner) }
      source = .constant(.boolean(isTrue), count: 1)
    case .number:
      guard let (text, isFloating) = scanner.number() else { throw invalid(scanner) }
      if case .decimal(let precision, let scale) = type {
        guard case .value(let value) = NumberParser.decimal(text, precision: precision, scale: scale) else {
          throw mismatch(scanner, start, type, "")
        }
        return precision <= 18 ? .int(Int64(truncatingIfNeeded: value)) : .int128(value)
      }
      if !isFloating, let value = NumberParser.integer(text, as: Int64.self) {
        source = .constant(.bigint(value), count: 1)
      } else {
        source = .constant(.double(NumberParser.double(text) ?? .nan), count: 1)
      }
    case .array, .object, .null, .invalid: throw mismatch(scanner, start, type, "")
    }
    let caster = try castColumn(source, to: type, isTry: false, context: context)
    return caster.scalarValue(at: 0)
  }

  private func key(_ name: String, as type: SQLType) throws(KernelError) -> ScalarValue {
    let column = try castColumn(.constant(.text(name), count: 1), to: type, isTry: false, context: context)
    return column.scalarValue(at: 0)
  }

  private func elements(
    _ scanner: inout JSONScanner, _ body: (inout JSONScanner) throws(KernelError) -> Void
  ) throws(KernelError) {
    guard scanner.accept(UInt8(ascii: "[")) else { throw invalid(scanner) }
    if scanner.accept(UInt8(ascii: "]")) { return }
    repeat { try body(&scanner) } while scanner.accept(UInt8(ascii: ","))
    guard scanner.accept(UInt8(ascii: "]")) else { throw invalid(scanner) }
  }

  private func members(
    _ scanner: inout JSONScanner, _ body: (String, inout JSONScanner) throws(KernelError) -> Void
  ) throws(KernelError) {
    guard scanner.accept(UInt8(ascii: "{")) else { throw invalid(scanner) }
    if scanner.accept(UInt8(ascii: "}")) { return }
    repeat {
      scanner.skipSpace()
      var name = TextBuffer()
      guard scanner.string(into: &name), scanner.accept(UInt8(ascii: ":")) else { throw invalid(scanner) }
      try body(String(decoding: name.bytes, as: UTF8.self), &scanner)
    } while scanner.accept(UInt8(ascii: ","))
    guard scanner.accept(UInt8(ascii: "}")) else { throw invalid(scanner) }
  }

  private func invalid(_ scanner: JSONScanner) -> KernelError {
    .invalidCast("Cannot convert value to JSON: '\(shown(scanner, 0))'")
  }

  private func mismatch(_ scanner: JSONScanner, _ start: Int, _ type: SQLType, _ reason: String) -> KernelError {
    if reason.isEmpty { return .invalidCast("Cannot cast '\(shown(scanner, start))' to \(type)") }
    return .invalidCast("Cannot cast to \(type). \(reason), but got \(shown(scanner, start))")
  }

  /// At most 200 bytes of the document.
  private func shown(_ scanner: JSONScanner, _ start: Int) -> String {
    var end = scanner
    end.position = start
    let stop = end.skipValue() ? end.position : scanner.bytes.count
    return String(decoding: slice(scanner.bytes, start, min(stop, start + 200)), as: UTF8.self)
  }
}

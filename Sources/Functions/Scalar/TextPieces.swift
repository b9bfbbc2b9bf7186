import Columnar
import Glibc

extension FunctionLibrary {
  /// Texts taken apart and put together.
  static let textPieces: [ScalarDefinition] = [
    ScalarDefinition(
      "concat_ws", "Texts with a separator between them; NULLs are left out.", [.varchar, .varchar], isVariadic: true,
      returns: .type(.varchar), propagatesNulls: false
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let operands = arguments.map { Operand($0) }
      var out = TextColumnBuilder(count: call.count)
      for row in 0..<call.count {
        func text(_ operand: Operand) -> UnsafeRawBufferPointer {
          StringView.buffer(at: operand.pointer(as: StringView.self) + (row & operand.mask))
        }
        guard operands[0].isValid(row) else {
          out.endRowAsNull()
          continue
        }
        var isFirst = true
        for operand in operands.dropFirst() where operand.isValid(row) {
          if !isFirst { out.bytes.append(text(operands[0])) }
          isFirst = false
          out.bytes.append(text(operand))
        }
        out.endRow()
      }
      return out.finish(call.resultType)
    },
    ScalarDefinition(
      "concat_ws", "The texts of an array with a separator between them; NULLs are left out.", [.varchar, .array(.varchar)],
      returns: .type(.varchar)
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let list = ListOperand(arguments[1])
      let texts = Operand(list.elements)
      return try textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
        var isFirst = true
        for element in list.range(row) where texts.isValid(element) {
          if !isFirst { out.bytes.append(StringView.buffer(at: operands[0].pointer(as: StringView.self) + (row & operands[0].mask))) }
          isFirst = false
          out.bytes.append(StringView.buffer(at: texts.pointer(as: StringView.self) + (element & texts.mask)))
        }
      }(arguments, call)
    },
    split([]), split([.bigint]),
    ScalarDefinition(
      "split_to_map", "A map of the entries of a text: (text, entry delimiter, key-value delimiter).",
      [.varchar, .varchar, .varchar], returns: .type(.map(key: .varchar, value: .varchar)), kernel: entryKernel(isMulti: false)),
    ScalarDefinition(
      "split_to_multimap", "A map of the entries of a text, each key with an array of its values.",
      [.varchar, .varchar, .varchar], returns: .type(.map(key: .varchar, value: .array(.varchar))),
      kernel: entryKernel(isMulti: true)),
    textUnary("format_number", "A number with a unit: 123K, 1M.") { (x: Double, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(text: compact(x))
    },
    capitalized("title_case", "Text with the first letter of each word in upper case; words are of letters and digits.") {
      !$0.properties.isAlphabetic && $0.properties.numericType == nil
    },
    capitalized("initcap", "Text with the first letter of each word in upper case; white space stands between words (Spark).") { $0.properties.isWhitespace },
  ]

  private static func capitalized(
    _ name: String, _ description: String, separates: @escaping @Sendable (Unicode.Scalar) -> Bool
  ) -> ScalarDefinition {
    textUnary(name, description, returns: .argument(0)) { (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      var isStart = true
      for scalar in text.string.unicodeScalars {
        out.bytes.append(isStart ? scalar.simpleUppercase : scalar.simpleLowercase)
        isStart = separates(scalar)
      }
    }
  }

  private static func split(_ more: [TypePattern]) -> ScalarDefinition {
    ScalarDefinition(
      "split", "The pieces of a text between delimiters; with a limit the last piece has the rest.", [.varchar, .varchar] + more,
      returns: .computed("array(varchar(x))") { (types: [SQLType]) throws(FunctionError) -> SQLType in .array(types[0]) }
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      try Column.oncePerConstant(arguments, call) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
        let operands = arguments.map { Operand($0) }
        var list = ListBuilder(count: call.count)
        var views: [StringView] = []
        for row in 0..<call.count {
          guard operands.allSatisfy({ $0.isValid(row) }) else {
            list.appendNull()
            continue
          }
          let text = StringView.buffer(at: operands[0].pointer(as: StringView.self) + (row & operands[0].mask))
          let delimiter = StringView.buffer(at: operands[1].pointer(as: StringView.self) + (row & operands[1].mask))
          guard delimiter.count > 0 else {
            throw KernelError.invalidArgument("The delimiter may not be the empty string").at(row: row)
          }
          let limit = operands.count == 3 ? operands[2].pointer(as: Int64.self)[row & operands[2].mask] : .max
          guard limit > 0 else { throw KernelError.invalidArgument("Limit must be positive").at(row: row) }
          guard limit <= Int64(Int32.max) || operands.count == 2 else {
            throw KernelError.invalidArgument("Limit is too large").at(row: row)
          }
          let pieces = Split.ranges(text, delimiter, limit: limit)
          for piece in pieces {
            let bytes = slice(text, piece.lowerBound, piece.upperBound)
            views.append(bytes.baseAddress.map { StringView($0, count: bytes.count) } ?? StringView())
          }
          list.append(pieces.count)
        }
        let elements = Column(
          type: call.resultType.children[0], count: views.count, views: Buffer.of(views), heap: operands[0].heap)
        return list.finish(call.resultType, children: [elements])
      }
    }
  }

  /// `k1=v1,k2=v2`
  private static func entryKernel(isMulti: Bool) -> ScalarKernel {
    { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      let operands = arguments.map { Operand($0) }
      let builder = ColumnBuilder(type: call.resultType, capacity: call.count)
      for row in 0..<call.count {
        guard operands.allSatisfy({ $0.isValid(row) }) else {
          builder.appendNull()
          continue
        }
        func text(_ index: Int) -> UnsafeRawBufferPointer {
          StringView.buffer(at: operands[index].pointer(as: StringView.self) + (row & operands[index].mask))
        }
        do throws(KernelError) {
          try appendEntries(text(0), text(1), text(2), isMulti: isMulti, to: builder)
        } catch { throw error.at(row: row) }
      }
      return builder.finish()
    }
  }

  private static func appendEntries(
    _ text: UnsafeRawBufferPointer, _ entryDelimiter: UnsafeRawBufferPointer, _ valueDelimiter: UnsafeRawBufferPointer,
    isMulti: Bool, to builder: ColumnBuilder
  ) throws(KernelError) {
    guard entryDelimiter.count > 0 else { throw .invalidArgument("entryDelimiter is empty") }
    guard valueDelimiter.count > 0 else { throw .invalidArgument("keyValueDelimiter is empty") }
    guard !StringSearch.isEqual(entryDelimiter, valueDelimiter) else {
      throw .invalidArgument("entryDelimiter and keyValueDelimiter must not be the same")
    }
    var keys: [[UInt8]] = []
    var values: [[[UInt8]]] = []
    var places: [[UInt8]: Int] = [:]
    var pieces = Split.ranges(text, entryDelimiter)
    // A delimiter at the end begins no entry.
    if let last = pieces.last, last.isEmpty { pieces.removeLast() }
    for piece in pieces {
      let entry = slice(text, piece.lowerBound, piece.upperBound)
      let parts = Split.ranges(entry, valueDelimiter)
      guard parts.count == 2 else {
        throw .invalidArgument(
          "Key-value delimiter must appear exactly once in each entry. Bad input: '\(String(decoding: entry, as: UTF8.self))'")
      }
      let key = Array(slice(entry, parts[0].lowerBound, parts[0].upperBound))
      let value = Array(slice(entry, parts[1].lowerBound, parts[1].upperBound))
      if let place = places[key] {
        guard isMulti else { throw .invalidArgument("Duplicate keys (\(String(decoding: key, as: UTF8.self))) are not allowed") }
        values[place].append(value)
      } else {
        places[key] = keys.count
        keys.append(key)
        values.append([value])
      }
    }
    builder.append(
      .map(
        zip(keys, values).map { key, values in
          ScalarPair(key: .bytes(key), value: isMulti ? .list(values.map { .bytes($0) }) : .bytes(values[0]))
        }))
  }

  /// Three digits at most, and a unit for every three that are left out.
  private static func compact(_ number: Double) -> String {
    guard number.isFinite else { return javaText(number) }
    var value = number
    let units = ["", "K", "M", "B", "T", "Q"]
    var unit = 0
    while value.magnitude >= 1000, unit + 1 < units.count {
      value /= 1000
      unit += 1
    }
    let places = value.magnitude < 10 ? 2 : value.magnitude < 100 ? 1 : 0
    let scale = Glibc.pow(10, Double(places))
    let rounded = (value * scale).rounded(.toNearestOrAwayFromZero)
    guard let whole = Int64(exactly: rounded) else { return javaText(number) }
    var text = TextBuffer()
    text.append(decimal: Int128(whole), scale: places)
    var shown = String(decoding: text.bytes, as: UTF8.self)
    if places > 0 {
      while shown.hasSuffix("0") { shown.removeLast() }
      if shown.hasSuffix(".") { shown.removeLast() }
    }
    return shown + units[unit]
  }
}

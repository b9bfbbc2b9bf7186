import Columnar

extension FunctionLibrary {
  static let string: [ScalarDefinition] = stringCases + stringBasics + stringPieces + stringPadding + stringSearch + stringEncoding

  /// The result has the length limit of the first argument.
  private static let sameText = ResultRule.argument(0)

  /// Of char(n) too, which stays char(n).
  private static let stringCases: [ScalarDefinition] = [TypePattern.varchar, .char].flatMap { pattern in
    [
      ScalarDefinition(
        "lower", aliases: ["lcase"], "Text in lower case.", [pattern], returns: sameText,
        kernel: textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
          out.bytes.append(mapped: text(operands[0], row), ascii: { $0 &- 0x41 < 26 ? $0 | 0x20 : $0 }, \.simpleLowercase)
        }),
      ScalarDefinition(
        "upper", aliases: ["ucase"], "Text in upper case.", [pattern], returns: sameText,
        kernel: textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
          out.bytes.append(mapped: text(operands[0], row), ascii: { $0 &- 0x61 < 26 ? $0 & 0xDF : $0 }, \.simpleUppercase)
        }),
    ]
  }

  private static func text(_ operand: Operand, _ row: Int) -> UnsafeRawBufferPointer {
    Text.load(operand.pointer(as: Text.Stored.self), row & operand.mask).bytes
  }

  private static let stringBasics: [ScalarDefinition] = [
    unary("length", aliases: ["char_length", "character_length"], "Number of characters (code points).") {
      (text: Text) -> Int64 in Int64(UTF8Text.count(text.bytes))
    },
    unary("length", "Number of bytes.") { (bytes: Binary) -> Int64 in Int64(bytes.bytes.count) },
    textUnary("reverse", "Characters from the end to the start.", returns: sameText) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      var end = text.count
      while end > 0 {
        let start = UTF8Text.previous(text.bytes, before: end)
        out.bytes.append(slice(text.bytes, start, end))
        end = start
      }
    },
    textUnary("reverse", "Bytes from the end to the start.", returns: .type(.varbinary)) {
      (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
      for byte in bytes.bytes.reversed() { out.bytes.append(byte) }
    },
    textUnary("chr", "The character of a code point.", returns: .type(.varchar(length: 1))) {
      (code: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      guard let value = UInt32(exactly: code), let scalar = Unicode.Scalar(value) else {
        throw .invalidArgument("Not a valid Unicode code point: \(code)")
      }
      out.bytes.append(scalar)
    },
    checkedUnary("codepoint", "The code point of a text of one character.") {
      (text: Text) throws(KernelError) -> Int32 in
      guard text.count > 0, UTF8Text.next(text.bytes, after: 0) == text.count else {
        throw .invalidArgument("Input string must be a single character string")
      }
      return Int32(bitPattern: UTF8Text.decode(text.bytes, at: 0).scalar.value)
    },
    optionalUnary("ascii", "The code of the first character; 0 for an empty text.") {
      (text: Text) throws(KernelError) -> Int32? in
      text.count == 0 ? 0 : Int32(bitPattern: UTF8Text.decode(text.bytes, at: 0).scalar.value)
    },
    textUnary("trim", "Text without white space at both ends.", returns: sameText) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Trim.spaces(text.bytes, atStart: true, atEnd: true))
    },
    textUnary("ltrim", "Text without white space at its start.", returns: sameText) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Trim.spaces(text.bytes, atStart: true, atEnd: false))
    },
    textUnary("rtrim", "Text without white space at its end.", returns: sameText) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Trim.spaces(text.bytes, atStart: false, atEnd: true))
    },
    textBinary("trim", "Text without characters of a set at both ends.", returns: sameText) {
      (text: Text, set: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Trim.characters(text.bytes, set.bytes, atStart: true, atEnd: true))
    },
    textBinary("ltrim", "Text without characters of a set at its start.", returns: sameText) {
      (text: Text, set: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Trim.characters(text.bytes, set.bytes, atStart: true, atEnd: false))
    },
    textBinary("rtrim", "Text without characters of a set at its end.", returns: sameText) {
      (text: Text, set: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Trim.characters(text.bytes, set.bytes, atStart: false, atEnd: true))
    },
  ]

  /// Trino's bound: every place between characters may get the replacement.
  private static let replacedText = ResultRule.computed("varchar") { (types: [SQLType]) throws(FunctionError) -> SQLType in
    guard case .varchar(let source?) = types[0], case .varchar(let replacement?) = types[2] else { return .varchar }
    let (growth, first) = replacement.multipliedReportingOverflow(by: source &+ 1)
    let (length, second) = growth.addingReportingOverflow(source)
    return first || second || length >= Int(Int32.max) ? .varchar : .varchar(length: length)
  }

  private static let stringPieces: [ScalarDefinition] = [
    textBinary("substr", aliases: ["substring"], "Text from a 1-based position on; from the end when negative.", returns: sameText) {
      (text: Text, start: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Substring.piece(text.bytes, start, nil))
    },
    textTernary("substr", aliases: ["substring"], "So many characters from a 1-based position on.", returns: sameText) {
      (text: Text, start: Int64, length: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Substring.piece(text.bytes, start, length))
    },
    textBinary("substr", aliases: ["substring"], "Bytes from a 1-based position on.", returns: .type(.varbinary)) {
      (bytes: Binary, start: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Substring.bytes(bytes.bytes, start, nil))
    },
    textTernary("substr", aliases: ["substring"], "So many bytes from a 1-based position on.", returns: .type(.varbinary)) {
      (bytes: Binary, start: Int64, length: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      out.borrow(Substring.bytes(bytes.bytes, start, length))
    },
    textBinary("replace", "Text with every occurrence of another removed.", returns: sameText) {
      (text: Text, find: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(replacing: find.bytes, in: text.bytes, by: UnsafeRawBufferPointer(start: nil, count: 0))
    },
    textTernary("replace", "Text with every occurrence of another replaced.", returns: replacedText) {
      (text: Text, find: Text, replacement: Text, out: inout TextColumnBuilder) throws(KernelError) in
      out.bytes.append(replacing: find.bytes, in: text.bytes, by: replacement.bytes)
    },
    textTernary("translate", "Text with characters exchanged one for one, or removed when they have no counterpart.") {
      (text: Text, from: Text, to: Text, out: inout TextColumnBuilder) throws(KernelError) in
      let sources = Array(from.string.unicodeScalars)
      let targets = Array(to.string.unicodeScalars)
      for scalar in text.string.unicodeScalars {
        guard let place = sources.firstIndex(of: scalar) else {
          out.bytes.append(scalar)
          continue
        }
        if place < targets.count { out.bytes.append(targets[place]) }
      }
    },
    textTernary("split_part", "The n-th piece of a text between delimiters; NULL beyond the last.", returns: sameText) {
      (text: Text, delimiter: Text, index: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      guard index > 0 else { throw .invalidArgument("Index must be greater than zero") }
      guard let piece = Split.part(text.bytes, delimiter.bytes, index) else { return out.setNull() }
      out.borrow(piece)
    },
  ]

  private static let stringPadding: [ScalarDefinition] = [
    textTernary("lpad", "Text filled up on the left, or cut, to a length.") {
      (text: Text, size: Int64, padding: Text, out: inout TextColumnBuilder) throws(KernelError) in
      try out.bytes.append(padded: text.bytes, to: size, with: padding.bytes, isLeft: true)
    },
    textTernary("rpad", "Text filled up on the right, or cut, to a length.") {
      (text: Text, size: Int64, padding: Text, out: inout TextColumnBuilder) throws(KernelError) in
      try out.bytes.append(padded: text.bytes, to: size, with: padding.bytes, isLeft: false)
    },
  ]

  private static let stringSearch: [ScalarDefinition] = [
    binary("strpos", aliases: ["position", "index"], "Position of the first occurrence from 1; 0 without one.") {
      (text: Text, find: Text) -> Int64 in
      guard let offset = UTF8Text.find(find.bytes, in: text.bytes) else { return 0 }
      return Int64(UTF8Text.count(slice(text.bytes, 0, offset))) + 1
    },
    checkedTernary("strpos", "Position of the n-th occurrence, from the end when n is negative; 0 without one.") {
      (text: Text, find: Text, instance: Int64) throws(KernelError) -> Int64 in
      guard instance != 0 else { throw .invalidArgument("'instance' must be a positive or negative number.") }
      return StringSearch.position(text.bytes, find.bytes, instance)
    },
    binary("starts_with", "Whether the text begins with another.") { (text: Text, prefix: Text) -> Bool in
      text.count >= prefix.count && StringSearch.isEqual(slice(text.bytes, 0, prefix.count), prefix.bytes)
    },
    binary("ends_with", "Whether the text ends with another.") { (text: Text, suffix: Text) -> Bool in
      text.count >= suffix.count
        && StringSearch.isEqual(slice(text.bytes, text.count - suffix.count, text.count), suffix.bytes)
    },
    binary("contains", "Whether a text occurs in another.") { (text: Text, find: Text) -> Bool in
      UTF8Text.find(find.bytes, in: text.bytes) != nil
    },
    checkedBinary("hamming_distance", "Number of positions at which two texts of one length differ.") {
      (left: Text, right: Text) throws(KernelError) -> Int64 in
      let first = Array(left.string.unicodeScalars)
      let second = Array(right.string.unicodeScalars)
      guard first.count == second.count else {
        throw .invalidArgument("The input strings to hamming_distance function must have the same length")
      }
      return Int64(zip(first, second).count { $0 != $1 })
    },
    checkedBinary("levenshtein_distance", "Fewest insertions, deletions and replacements that turn one text into the other.") {
      (left: Text, right: Text) throws(KernelError) -> Int64 in
      try StringSearch.levenshtein(left.bytes, right.bytes)
    },
    optionalUnary("luhn_check", "Whether digits satisfy the Luhn checksum.") {
      (text: Text) throws(KernelError) -> Bool? in
      guard text.count > 0, text.bytes.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
        if text.count == 0 { return false }
        throw .invalidArgument("Invalid number: \(text.string)")
      }
      var sum = 0
      for (place, byte) in text.bytes.reversed().enumerated() {
        let digit = Int(byte - 0x30) * (place % 2 == 1 ? 2 : 1)
        sum += digit > 9 ? digit - 9 : digit
      }
      return sum % 10 == 0
    },
    textUnary("char2hexint", "The UTF-16 code units of a text in hexadecimal digits (Teradata).") { (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      for unit in text.string.utf16 {
        let digits = String(unit, radix: 16, uppercase: true)
        out.bytes.append(text: String(repeating: "0", count: 4 - digits.count) + digits)
      }
    },
    textTernary("overlay", "Text with the part from a 1-based position on, as long as the replacement, exchanged for it.") {
      (text: Text, replacement: Text, start: Int64, out: inout TextColumnBuilder) throws(KernelError) in
      try overlay(text, replacement, start, Int64(UTF8Text.count(replacement.bytes)), &out)
    },
    ScalarDefinition(
      "overlay", "The same with a part of so many characters: overlay(text, replacement, start, length).", [.varchar, .varchar, .bigint, .bigint],
      returns: .type(.varchar),
      kernel: textKernel { (operands: [Operand], row: Int, out: inout TextColumnBuilder) throws(KernelError) in
        func text(_ operand: Operand) -> Text { Text.load(operand.pointer(as: Text.Stored.self), row & operand.mask) }
        func number(_ operand: Operand) -> Int64 { operand.pointer(as: Int64.self)[row & operand.mask] }
        try overlay(text(operands[0]), text(operands[1]), number(operands[2]), number(operands[3]), &out)
      }),
    textUnary("soundex", "The Soundex code of a name.", returns: .type(.varchar(length: 4))) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      try out.bytes.append(soundex: text.bytes)
    },
  ]

  private static func overlay(
    _ text: Text, _ replacement: Text, _ start: Int64, _ length: Int64, _ out: inout TextColumnBuilder
  ) throws(KernelError) {
    guard start > 0 else { throw .invalidArgument("Start position must be greater than 0") }
    let scalars = Array(text.string.unicodeScalars)
    let first = Int(clamping: min(Int64(scalars.count), start - 1))
    let last = first + Int(clamping: max(0, min(length, Int64(scalars.count - first))))
    for scalar in scalars[..<first] { out.bytes.append(scalar) }
    out.bytes.append(replacement.bytes)
    for scalar in scalars[last...] { out.bytes.append(scalar) }
  }

  private static let stringEncoding: [ScalarDefinition] = [
    textUnary("to_utf8", "The bytes of a text.", returns: .type(.varbinary)) {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in out.borrow(text.bytes)
    },
    textUnary("from_utf8", "The text of bytes; broken sequences become U+FFFD.") {
      (bytes: Binary, out: inout TextColumnBuilder) throws(KernelError) in
      if UTF8Text.isValid(bytes.bytes) { return out.borrow(bytes.bytes) }
      for scalar in UTF8Text.repaired(bytes.bytes).unicodeScalars { out.bytes.append(scalar) }
    },
    textBinary("from_utf8", "The text of bytes; broken sequences become the given character.") {
      (bytes: Binary, replacement: Text, out: inout TextColumnBuilder) throws(KernelError) in
      guard UTF8Text.count(replacement.bytes) <= 1 else {
        throw .invalidArgument("Replacement character string must empty or a single character")
      }
      if UTF8Text.isValid(bytes.bytes) { return out.borrow(bytes.bytes) }
      for scalar in UTF8Text.repaired(bytes.bytes).unicodeScalars {
        if scalar == "\u{FFFD}" { out.bytes.append(replacement.bytes) } else { out.bytes.append(scalar) }
      }
    },
    textUnary("normalize", "Text in Unicode normalization form NFC.") {
      (text: Text, out: inout TextColumnBuilder) throws(KernelError) in
      try out.bytes.append(normalized: text.bytes, form: "NFC")
    },
    textBinary("normalize", "Text in a Unicode normalization form: NFC, NFD, NFKC or NFKD.") {
      (text: Text, form: Text, out: inout TextColumnBuilder) throws(KernelError) in
      try out.bytes.append(normalized: text.bytes, form: form.string)
    },
  ]
}

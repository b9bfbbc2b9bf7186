import Columnar

extension FunctionLibrary {
  /// Dates and texts by patterns under the names that Spark and Trino's functions for Teradata share.
  ///
  /// Spark's patterns are Java's (`yyyy-MM-dd HH:mm`), Teradata's are all lower case (`yyyy-mm-dd hh24:mi`): a pattern with an upper-case letter is Java's.
  static let patternDates: [ScalarDefinition] = [
    ScalarDefinition(
      "to_date", "The date that a text in a pattern stands for, Java's (yyyy-MM-dd) or Teradata's (yyyy-mm-dd).", [.varchar, .varchar], returns: .type(.date)
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      try parseLoop(arguments, call, Int32.self, patternFormat) { (moment: ParsedMoment) -> Int32 in
        Int32(truncatingIfNeeded: TemporalMath.floorDivide(moment.local, 86_400_000))
      }
    },
    ScalarDefinition(
      "to_timestamp", "The timestamp that a text in a pattern stands for, Java's or Teradata's.", [.varchar, .varchar],
      returns: .type(.timestamp(precision: 3))
    ) { (arguments: [Column], call: FunctionCall) throws(KernelError) -> Column in
      try parseLoop(arguments, call, Int64.self, patternFormat) { (moment: ParsedMoment) -> Int64 in moment.local * 1000 }
    },
    ScalarDefinition(
      "to_char", "The text of a timestamp in a pattern, Java's or Teradata's.", [.timestamp, .varchar], returns: .type(.varchar), kernel: formatKernel(patternFormat)),
  ]
}

private let patternFormat: FormatCompiler = { (text: UnsafeRawBufferPointer, call: FunctionCall) throws(KernelError) in
  if text.contains(where: { $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }) { return try jodaFormat(text, call) }
  let joda = Buffer.of(try jodaPattern(ofTeradata: text))
  defer { withExtendedLifetime(joda) {} }
  return try jodaFormat(UnsafeRawBufferPointer(start: joda.base, count: joda.byteCount), call)
}

/// - Source: Trino documentation, "Teradata functions".
private func jodaPattern(ofTeradata text: UnsafeRawBufferPointer) throws(KernelError) -> [UInt8] {
  // Longer ones first.
  let words: [(teradata: String, joda: String)] = [
    ("hh24", "HH"), ("yyyy", "yyyy"), ("hh", "hh"), ("yy", "yy"), ("mm", "MM"), ("mi", "mm"), ("dd", "dd"), ("ss", "ss"),
  ]
  var result: [UInt8] = []
  var rest = text[...]
  while let byte = rest.first {
    if let word = words.first(where: { rest.starts(with: $0.teradata.utf8) }) {
      result += Array(word.joda.utf8)
      rest = rest.dropFirst(word.teradata.utf8.count)
    } else if " -/,.;:".utf8.contains(byte) {
      result.append(byte)
      rest = rest.dropFirst()
    } else {
      throw .invalidArgument(
        "Failed to tokenize string [\(String(decoding: text, as: UTF8.self))] at offset [\(rest.startIndex)]: without upper-case letters it is a pattern of Teradata")
    }
  }
  return result
}

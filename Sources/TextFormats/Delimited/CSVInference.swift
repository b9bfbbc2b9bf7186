package import Columnar

/// What `read_csv` finds out about a file by looking at its first records.
package struct CSVInference: Sendable {
  package var format: DelimitedTextFormat
  package var hasHeader: Bool
  package var columns: [Field]
  /// Columns without any value among the records looked at: their type is a guess.
  package var untypedColumns: Set<Int> = []

  /// What the caller knows already; nil is found out.
  package struct Options: Sendable {
    package var delimiter: UInt8?
    package var quote: UInt8? = UInt8(ascii: "\"")
    package var escape: UInt8?
    package var nullTexts: [[UInt8]] = [[]]
    package var skippedLines = 0
    package var padsMissingFields = false
    package var hasHeader: Bool?
    /// Names and types of all columns.
    package var columns: [Field]?
    /// Names of the columns, whatever the file says.
    package var names: [String]?
    /// Types of single columns by folded name.
    package var types: [String: SQLType] = [:]
    package var allVarchar = false
    /// Records looked at.
    package var sampleCount = 20_480

    package init() {}
  }

  private static let delimiters = [UInt8(ascii: ","), UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: "|")]

  package init(_ source: TextSource, _ options: Options = Options()) throws {
    var format = DelimitedTextFormat(
      .csv, fieldDelimiter: options.delimiter ?? UInt8(ascii: ","), quote: options.quote, escape: options.escape)
    format.nullTexts = options.nullTexts
    format.skippedLines = options.skippedLines
    format.padsMissingFields = options.padsMissingFields
    if options.delimiter == nil { format.fieldDelimiter = try Self.delimiter(source, format) }
    self.format = format

    let sample = try Sample(source, format, limit: options.sampleCount)
    guard let first = sample.records.first else {
      hasHeader = options.hasHeader ?? false
      columns = options.columns ?? []
      return
    }
    let width = options.columns?.count ?? first.count
    // Types of everything below the first line decide whether the first line can be data.
    var below = [Candidate](repeating: .unknown, count: width)
    for record in sample.records.dropFirst() {
      for index in 0..<min(width, record.count) { below[index] = below[index].joined(with: record[index], format) }
    }
    let isHeader = options.hasHeader ?? Self.looksLikeHeader(first, below, format, isAlone: sample.records.count == 1)
    hasHeader = isHeader
    if let columns = options.columns {
      self.columns = columns
      return
    }
    var candidates = below
    if !isHeader {
      for index in 0..<width { candidates[index] = candidates[index].joined(with: first[index], format) }
    }
    var names = isHeader ? Self.uniqueNames(first.map(\.text)) : (0..<width).map { "column\($0)" }
    for (index, name) in (options.names ?? []).enumerated() where index < width { names[index] = name }
    columns = zip(names, candidates).map { name, candidate in
      Field(name, options.types[name.lowercased()] ?? (options.allVarchar ? .varchar : candidate.type))
    }
    untypedColumns = Set(candidates.indices.filter { candidates[$0] == .unknown && options.types[names[$0].lowercased()] == nil })
  }

  /// The names in the first record of a file.
  package static func header(of source: TextSource, _ format: DelimitedTextFormat) throws -> [String] {
    guard let first = try Sample(source, format, limit: 1).records.first else { return [] }
    return uniqueNames(first.map(\.text))
  }

  /// The delimiter that cuts the first lines into the same number (the most) of fields.
  private static func delimiter(_ source: TextSource, _ format: DelimitedTextFormat) throws -> UInt8 {
    var best: (delimiter: UInt8, score: Double) = (UInt8(ascii: ","), 0)
    // In a file of one column a delimiter that never occurs is as good as any, and better than one that does.
    var absent: UInt8?
    var isDamaged = false
    for delimiter in delimiters {
      var format = format
      format.fieldDelimiter = delimiter
      // A delimiter under which the file makes no sense is simply not the one; if it is the comma, the file is probably damaged.
      guard let sample = try? Sample(source, format, limit: 1_000), let width = sample.records.first?.count else {
        if delimiter == delimiters[0] { isDamaged = true }
        continue
      }
      guard width > 1 else {
        if absent == nil, sample.records.allSatisfy({ $0.count == 1 }) { absent = delimiter }
        continue
      }
      let agreeing = sample.records.count { $0.count == width }
      let score = Double(agreeing) / Double(sample.records.count) + Double(width) * 1e-6
      if score > best.score { best = (delimiter, score) }
    }
    if best.score > 0 || isDamaged { return best.delimiter }
    return absent ?? best.delimiter
  }

  /// A first line is a header when some column below is no text and the first line's field is none of that type, or when all
  /// is text and its fields are distinct words.
  private static func looksLikeHeader(
    _ first: [Sample.Value], _ below: [Candidate], _ format: DelimitedTextFormat, isAlone: Bool
  ) -> Bool {
    guard first.allSatisfy({ !$0.text.isEmpty }) else { return false }
    let isTyped = below.contains { $0 != .text && $0 != .unknown }
    if isTyped {
      return zip(first, below).contains { value, candidate in
        candidate != .text && candidate != .unknown && candidate.joined(with: value, format) == .text
      }
    }
    let allText = first.allSatisfy { Candidate.unknown.joined(with: $0, format) == .text }
    return allText && Set(first.map { $0.text.lowercased() }).count == first.count && !isAlone
  }

  private static func uniqueNames(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.map { name in
      var unique = name
      var number = 1
      while !seen.insert(unique.lowercased()).inserted {
        unique = "\(name)_\(number)"
        number += 1
      }
      return unique
    }
  }

  /// The narrowest type that holds all values of a column so far.
  private enum Candidate {
    case unknown, boolean, bigint, double, date, timestamp, timestampTZ, text

    var type: SQLType {
      switch self {
      case .unknown, .text: .varchar
      case .boolean: .boolean
      case .bigint: .bigint
      case .double: .double
      case .date: .date
      case .timestamp: .timestamp(precision: 6)
      case .timestampTZ: .timestampTZ(precision: 6)
      }
    }

    func joined(with value: Sample.Value, _ format: DelimitedTextFormat) -> Candidate {
      // An empty text in quotes is NULL where the column turns out to be no text.
      if value.isNull || value.text.isEmpty || self == .text { return self }
      let other = Candidate(value.text)
      switch (self, other) {
      case (.unknown, _): return other
      case (let left, let right) where left == right: return left
      case (.bigint, .double), (.double, .bigint): return .double
      case (.date, .timestamp), (.timestamp, .date): return .timestamp
      default: return .text
      }
    }

    private init(_ text: String) {
      var padded = Array(text.utf8)
      let count = padded.count
      padded += [UInt8](repeating: 0, count: 16)
      self = padded.withUnsafeBufferPointer { buffer in
        guard let bytes = buffer.baseAddress, count > 0 else { return .text }
        if NumberParsing.int64(bytes, count) != nil { return .bigint }
        if bytes[0] > 0x20, bytes[count - 1] > 0x20, bytes[count - 1] | 0x20 != 0x64, bytes[count - 1] | 0x20 != 0x66,
          NumberParsing.double(bytes, count) != nil
        {
          return .double
        }
        switch text.lowercased() {
        case "true", "false": return .boolean
        case "nan", "infinity", "-infinity": return NumberParsing.double(bytes, count) != nil ? .double : .text
        default: break
        }
        guard count >= 8, let moment = TimestampText(bytes, count) else { return .text }
        if moment.zoneMinutes != nil { return .timestampTZ }
        return moment.hasTime ? .timestamp : .date
      }
    }
  }

  /// The first records of a file as text.
  private struct Sample {
    struct Value {
      var text: String
      var isNull: Bool
    }

    var records: [[Value]] = []

    init(_ source: TextSource, _ format: DelimitedTextFormat, limit: Int) throws {
      let sampler = try DelimitedReader(source.lookedAt, format: format, columns: [], projection: [], context: QueryContext())
      while records.count < limit, let record = try sampler.nextRecord() {
        records.append(record.map { Value(text: $0 ?? "", isNull: $0 == nil) })
      }
    }
  }
}

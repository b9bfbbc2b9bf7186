/// The text SerDes of Hive-style tables: which reader a table's storage descriptor asks for, and with which settings.
///
/// Source: Athena user guide, "CSV (OpenCSVSerDe, LazySimpleSerDe)" and "JSON SerDe libraries"; sql.md section 11.
package enum TextSerDe: Sendable, Equatable {
  case delimited(DelimitedTextFormat)
  case json(JSONLinesFormat)

  package static let lazySimple = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
  package static let openCSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
  package static let openXJSON = "org.openx.data.jsonserde.JsonSerDe"
  package static let hiveJSON = "org.apache.hive.hcatalog.data.JsonSerDe"

  /// - Parameters:
  ///   - library: the SerDe's class name.
  ///   - properties: the SerDe's own parameters.
  ///   - tableProperties: TBLPROPERTIES, which hold `skip.header.line.count`.
  /// - Returns: nil when the class is none of the text SerDes.
  package init?(
    library: String, properties: [String: String], tableProperties: [String: String]
  ) throws(TextFormatError) {
    let skipped = try Self.lineCount("skip.header.line.count", properties, tableProperties)
    let skippedFooter = try Self.lineCount("skip.footer.line.count", properties, tableProperties)
    switch library {
    case Self.lazySimple:
      var format = try Self.lazySimpleFormat(properties, tableProperties)
      format.skippedLines = skipped
      format.skippedFooterLines = skippedFooter
      self = .delimited(format)
    case Self.openCSV:
      var format = DelimitedTextFormat(
        .openCSV, fieldDelimiter: try Self.byte(properties["separatorChar"], "separatorChar") ?? UInt8(ascii: ","),
        quote: try Self.byte(properties["quoteChar"], "quoteChar") ?? UInt8(ascii: "\""),
        escape: try Self.byte(properties["escapeChar"], "escapeChar") ?? UInt8(ascii: "\\"))
      format.skippedLines = skipped
      format.skippedFooterLines = skippedFooter
      self = .delimited(format)
    case Self.openXJSON, Self.hiveJSON, "org.apache.hadoop.hive.serde2.JsonSerDe":
      guard skippedFooter == 0 else {
        throw TextFormatError(.badOption, "skip.footer.line.count cannot be used with JSON")
      }
      var format = Self.jsonFormat(isOpenX: library == Self.openXJSON, properties)
      format.skippedLines = skipped
      self = .json(format)
    default:
      return nil
    }
  }

  private static func lazySimpleFormat(
    _ properties: [String: String], _ tableProperties: [String: String]
  ) throws(TextFormatError) -> DelimitedTextFormat {
    var format = DelimitedTextFormat.lazySimple
    let delimiterKey = properties["field.delim"] == nil ? "serialization.format" : "field.delim"
    if let delimiter = try byte(properties[delimiterKey], delimiterKey) { format.fieldDelimiter = delimiter }
    // Hive misspells the collection delimiter's key as "colelction.delim"; both are in use.
    let collection = properties["collection.delim"] ?? properties["colelction.delim"]
    if let items = try byte(collection, "collection.delim") { format.nestedDelimiters[0] = items }
    if let keys = try byte(properties["mapkey.delim"], "mapkey.delim") { format.nestedDelimiters[1] = keys }
    if let line = try byte(properties["line.delim"], "line.delim") { format.lineDelimiter = line }
    if let escape = try byte(properties["escape.delim"], "escape.delim") { format.escape = escape }
    if let null = properties["serialization.null.format"] ?? tableProperties["serialization.null.format"] {
      format.nullTexts = [Array(null.utf8)]
    }
    format.timestampPatterns = patterns(properties)
    return format
  }

  private static func jsonFormat(isOpenX: Bool, _ properties: [String: String]) -> JSONLinesFormat {
    var format = JSONLinesFormat(isOpenX ? .openX : .hive)
    format.timestampPatterns = patterns(properties)
    guard isOpenX else { return format }
    func flag(_ key: String) -> Bool? { properties[key].map { $0.lowercased() == "true" } }
    format.ignoresMalformed = flag("ignore.malformed.json") ?? false
    format.isCaseInsensitive = flag("case.insensitive") ?? true
    format.mapsDots = flag("dots.in.keys") ?? false
    for (key, value) in properties where key.hasPrefix("mapping.") {
      format.keyOfColumn[key.dropFirst("mapping.".count).lowercased()] = value
    }
    return format
  }

  private static func patterns(_ properties: [String: String]) -> [String] {
    guard let list = properties["timestamp.formats"], !list.isEmpty else { return [] }
    return list.split(separator: ",").map { String($0.drop { $0 == " " }) }
  }

  private static func lineCount(
    _ key: String, _ properties: [String: String], _ tableProperties: [String: String]
  ) throws(TextFormatError) -> Int {
    guard let text = tableProperties[key] ?? properties[key] else { return 0 }
    guard let count = Int(text), count >= 0 else {
      throw TextFormatError(.badOption, "\(key) must be a number of lines, not '\(text)'")
    }
    return count
  }

  /// A delimiter as properties write it: a character, its code (`9`, as Hive reads it, `\001`, `\u0001`), or `\t`.
  package static func byte(_ text: String?, _ key: String) throws(TextFormatError) -> UInt8? {
    guard let text, !text.isEmpty else { return nil }
    if let code = Int8(text) { return UInt8(bitPattern: code) }
    if text.utf8.count == 1 { return text.utf8.first }
    if text.hasPrefix("\\") {
      let rest = text.dropFirst()
      switch rest {
      case "t": return 0x09
      case "n": return 0x0A
      case "r": return 0x0D
      case "\\": return UInt8(ascii: "\\")
      default: break
      }
      if rest.hasPrefix("u"), let code = UInt8(rest.dropFirst(), radix: 16) { return code }
      if rest.count == 3, let code = UInt8(rest, radix: 8) { return code }
    }
    throw TextFormatError(.badOption, "\(key) must be one ASCII character, not '\(text)'")
  }
}

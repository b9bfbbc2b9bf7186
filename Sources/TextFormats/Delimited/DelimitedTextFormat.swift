/// How a delimited text file is cut into fields and what the fields mean.
///
/// The three dialects differ in more than characters (sql.md section 11):
///
/// | | lazySimple | openCSV | csv |
/// |---|---|---|---|
/// | quotes | none | within a line | RFC 4180, may hold line ends |
/// | missing fields at the end | NULL | NULL | error (NULL with `padsMissingFields`) |
/// | too many fields | ignored | ignored | error |
/// | unreadable value | NULL | error | error |
/// | NULL | `nullTexts` | never | unquoted `nullTexts` |
/// | blank line | a row | a row | skipped |
package struct DelimitedTextFormat: Sendable, Equatable {
  package enum Dialect: Sendable {
    /// Hive's LazySimpleSerDe, as Trino reads it.
    case lazySimple
    /// Hive's OpenCSVSerde: the rules of opencsv's parser, odd ones included.
    case openCSV
    /// `read_csv`.
    case csv
  }

  package var dialect: Dialect
  package var fieldDelimiter: UInt8
  package var lineDelimiter: UInt8 = UInt8(ascii: "\n")
  package var quote: UInt8?
  /// Takes away the meaning of the character behind it. The quote itself means "doubled quotes only".
  package var escape: UInt8?
  package var nullTexts: [[UInt8]] = []
  /// Delimiters inside nested values, outermost first: items of the first level, keys of the first level's maps and so on.
  package var nestedDelimiters: [UInt8] = []
  /// Lines passed over at the start, whatever they hold.
  package var skippedLines = 0
  package var skippedFooterLines = 0
  /// `read_csv`: lines may end early.
  package var padsMissingFields = false
  /// Java date patterns tried first (`timestamp.formats`).
  package var timestampPatterns: [String] = []

  package init(_ dialect: Dialect, fieldDelimiter: UInt8, quote: UInt8? = nil, escape: UInt8? = nil) {
    self.dialect = dialect
    self.fieldDelimiter = fieldDelimiter
    self.quote = quote
    self.escape = escape == quote ? nil : escape
  }

  /// LazySimpleSerDe without properties: \001, \002, \003 … and `\N`.
  package static var lazySimple: DelimitedTextFormat {
    var format = DelimitedTextFormat(.lazySimple, fieldDelimiter: 1)
    format.nestedDelimiters = Array(2...8)
    format.nullTexts = [Array("\\N".utf8)]
    return format
  }

  package static var openCSV: DelimitedTextFormat {
    DelimitedTextFormat(.openCSV, fieldDelimiter: UInt8(ascii: ","), quote: UInt8(ascii: "\""), escape: UInt8(ascii: "\\"))
  }

  package static var csv: DelimitedTextFormat {
    var format = DelimitedTextFormat(.csv, fieldDelimiter: UInt8(ascii: ","), quote: UInt8(ascii: "\""))
    format.nullTexts = [[]]
    return format
  }
}

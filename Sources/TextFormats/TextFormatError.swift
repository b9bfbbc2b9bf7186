package import Storage

/// A text file that cannot be read as asked, or an option that makes no sense.
package struct TextFormatError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: Sendable {
    /// The file does not hold what format and types promise (Trino's HIVE_BAD_DATA, HIVE_CURSOR_ERROR).
    case badData
    /// A SerDe property or reader option cannot be used.
    case badOption
    case notSupported
  }

  package var kind: Kind
  package var location: Location?
  /// 1-based line of the file, and 1-based column (field) of the line, where known.
  package var line: Int?
  package var column: Int?
  package var message: String

  package init(_ kind: Kind, _ message: String, location: Location? = nil, line: Int? = nil, column: Int? = nil) {
    self.kind = kind
    self.location = location
    self.line = line
    self.column = column
    self.message = message
  }

  package var description: String {
    var place = location?.text ?? ""
    if let line { place += (place.isEmpty ? "line " : ", line ") + "\(line)" }
    if let column { place += ", field \(column)" }
    return place.isEmpty ? message : "\(place): \(message)"
  }
}

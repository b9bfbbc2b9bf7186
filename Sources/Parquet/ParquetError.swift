import Storage

/// What is wrong with a Parquet file, an unsupported feature of it, or a request for it.
///
/// Low levels throw with what they know (message, offset in their bytes); the layers above add file, row group
/// and column with `located`.
package struct ParquetError: Error, Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// The bytes break the format, or contradict themselves.
    case corrupt
    /// Legal Parquet that this reader or writer does not handle.
    case unsupported
    /// The bytes could not be read or written.
    case inputOutput
    /// The caller asked for something that makes no sense (an unknown column, a batch of other types).
    case invalidRequest
    /// The query was cancelled.
    case cancelled
  }

  package var kind: Kind
  package var message: String
  package var file: String?
  package var rowGroup: Int?
  package var column: String?
  /// Position in the file where known, else in the page or footer (the message says which).
  package var byteOffset: Int?

  package init(
    _ kind: Kind, _ message: String, file: String? = nil, rowGroup: Int? = nil, column: String? = nil,
    byteOffset: Int? = nil
  ) {
    self.kind = kind
    self.message = message
    self.file = file
    self.rowGroup = rowGroup
    self.column = column
    self.byteOffset = byteOffset
  }

  /// What the store below said.
  init(storage error: StorageError, byteOffset: Int? = nil) {
    self.init(error.kind == .cancelled ? .cancelled : .inputOutput, "\(error)", byteOffset: byteOffset)
  }

  package static func corrupt(_ message: String, at byteOffset: Int? = nil) -> ParquetError {
    ParquetError(.corrupt, message, byteOffset: byteOffset)
  }

  /// A value of the file that is not what it must be.
  package static func corrupt(_ what: String, expected: String, found: String, at byteOffset: Int? = nil)
    -> ParquetError
  {
    ParquetError(.corrupt, "\(what): expected \(expected), found \(found)", byteOffset: byteOffset)
  }

  package static func unsupported(_ message: String) -> ParquetError { ParquetError(.unsupported, message) }

  package static func invalidRequest(_ message: String) -> ParquetError { ParquetError(.invalidRequest, message) }

  /// The same error with the places filled in that were not known where it was thrown.
  package func located(
    file: String? = nil, rowGroup: Int? = nil, column: String? = nil, byteOffset: Int? = nil
  ) -> ParquetError {
    var copy = self
    copy.file = copy.file ?? file
    copy.rowGroup = copy.rowGroup ?? rowGroup
    copy.column = copy.column ?? column
    copy.byteOffset = copy.byteOffset ?? byteOffset
    return copy
  }
}

extension ParquetError: CustomStringConvertible {
  package var description: String {
    var places: [String] = []
    if let file { places.append("file \(file)") }
    if let rowGroup { places.append("row group \(rowGroup)") }
    if let column { places.append("column \(column)") }
    if let byteOffset { places.append("byte \(byteOffset)") }
    return places.isEmpty ? message : "\(message) (\(places.joined(separator: ", ")))"
  }
}

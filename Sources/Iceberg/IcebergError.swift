package import Avro
package import JSONText
package import Storage

/// What went wrong with a table, in the table format's words: which file, which field, which byte.
package struct IcebergError: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    /// A metadata file, manifest list or manifest contradicts the format.
    case corrupt
    /// A data or delete file contradicts its own format.
    case badData
    /// Valid, but not supported here; never answered with part of the rows.
    case unsupported
    /// A table, snapshot, reference or file that is not there.
    case notFound
    case alreadyExists
    /// The caller asked for something that cannot be (a column that is not in the schema, a bad property).
    case invalid
    /// Somebody else committed first; trying again on the new state may succeed.
    case conflict
    /// The change contradicts what others committed meanwhile; trying again does not help.
    case validation
    /// The commit was sent, but whether it took effect is not known. Nothing may be deleted.
    case commitStateUnknown
    /// The catalog does not take the change, whoever made it first: nothing has happened.
    case refused
    /// The store failed; `cause` says how.
    case storage
  }

  package var kind: Kind
  package var message: String
  /// The file it is about.
  package var file: String?
  /// The field inside that file: `snapshots[3].manifest-list`, `lower_bounds`.
  package var field: String?
  /// Byte in that file.
  package var offset: Int?
  package var cause: (any Error)?
  private let retryable: Bool?
  /// Of a swap: whether it may take effect yet, after everybody has looked.
  package var mayHappenLater = false

  package init(
    _ kind: Kind, _ message: String, file: String? = nil, field: String? = nil, offset: Int? = nil, cause: (any Error)? = nil,
    isRetryable: Bool? = nil
  ) {
    self.kind = kind
    self.message = message
    self.file = file
    self.field = field
    self.offset = offset
    self.cause = cause
    retryable = isRetryable
  }

  /// Whether doing the same again may succeed.
  package var isRetryable: Bool { retryable ?? (kind == .conflict) }

  package var description: String {
    var text = message
    if let field { text += ", field \(field)" }
    if let file { text += ", file \(file)" }
    if let offset { text += ", byte \(offset)" }
    return text
  }

  /// The error with the file it is about, unless it has one.
  package func inFile(_ location: Location) -> IcebergError {
    guard file == nil else { return self }
    var error = self
    error.file = location.text
    return error
  }
}

extension IcebergError {
  package init(_ error: StorageError) {
    let kind: Kind
    switch error.kind {
    case .notFound: kind = .notFound
    case .alreadyExists: kind = .alreadyExists
    default: kind = .storage
    }
    self.init(kind, error.message, file: error.location.text, cause: error, isRetryable: error.isRetryable)
  }

  package init(_ error: JSONError, file: String? = nil, field: String? = nil) {
    self.init(.corrupt, error.message, file: file, field: field, offset: error.offset, cause: error)
  }

  package init(_ error: AvroError, file: String? = nil, field: String? = nil) {
    self.init(
      error.kind == .unsupported ? .unsupported : .corrupt, error.description, file: file, field: field, cause: error)
  }

  static func corrupt(_ message: String, field: String? = nil) -> IcebergError { IcebergError(.corrupt, message, field: field) }
  static func unsupported(_ message: String) -> IcebergError { IcebergError(.unsupported, message) }
  static func invalid(_ message: String) -> IcebergError { IcebergError(.invalid, message) }
}

/// Runs `body` with JSON errors turned into corrupt-file errors.
func readingJSON<Value>(_ body: () throws(JSONError) -> Value) throws(IcebergError) -> Value {
  do { return try body() } catch { throw IcebergError(error) }
}

/// Runs `body` with storage errors turned into this module's.
func storing<Value>(_ body: () async throws(StorageError) -> Value) async throws(IcebergError) -> Value {
  do { return try await body() } catch { throw IcebergError(error) }
}

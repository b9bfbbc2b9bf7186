/// Why a JSON text could not be read, and where.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// The text is not JSON.
    case syntax
    /// The text ends inside a value.
    case truncated
    /// Containers nested deeper than the limit.
    case tooDeep
    /// More bytes than a tape can address.
    case tooLarge
    /// JSON, but a key that must be there is missing.
    case missingKey
    /// JSON, but a value of another type or out of range.
    case wrongType
  }

  package var kind: Kind
  package var message: String
  /// Bytes from the start of the text.
  package var offset: Int

  package init(_ kind: Kind, _ message: String, at offset: Int) {
    self.kind = kind
    self.message = message
    self.offset = offset
  }

  package var description: String { "\(message) (byte \(offset))" }
}

/// Why Avro data could not be read or written, and where.
package struct AvroError: Error, Hashable, Sendable, CustomStringConvertible {
  package enum Kind: Hashable, Sendable {
    /// The bytes contradict the format or the schema.
    case corrupt
    /// The bytes end early.
    case truncated
    /// The schema is not a valid Avro schema.
    case schema
    /// Valid Avro that is not supported (codec bzip2, xz).
    case unsupported
    /// A value that does not fit the schema it should be written with.
    case mismatch
  }

  package var kind: Kind
  package var message: String
  /// Bytes from the start of the file; inside a block, from the start of the block's decompressed bytes (`block` is then set).
  package var offset: Int?
  /// Number of the block in the file, from 0.
  package var block: Int?

  package init(_ kind: Kind, _ message: String, at offset: Int? = nil, block: Int? = nil) {
    self.kind = kind
    self.message = message
    self.offset = offset
    self.block = block
  }

  package var description: String {
    switch (offset, block) {
    case (let offset?, let block?): "\(message) (block \(block), byte \(offset) of its decompressed data)"
    case (let offset?, nil): "\(message) (byte \(offset))"
    case (nil, let block?): "\(message) (block \(block))"
    case (nil, nil): message
    }
  }
}

/// Writes Thrift's compact protocol into a byte array.
///
/// - Source: Thrift, thrift-compact-protocol.md.
struct CompactWriter {
  private(set) var bytes: [UInt8] = []
  private var lastField: Int16 = 0
  private var outerFields: [Int16] = []

  mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest &>>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  private mutating func zigzag(_ value: Int64) {
    varint(UInt64(bitPattern: (value &<< 1) ^ (value &>> 63)))
  }

  private mutating func header(_ field: Int16, _ type: CompactType) {
    let delta = field &- lastField
    if delta > 0 && delta <= 15 {
      bytes.append(UInt8(truncatingIfNeeded: delta) &<< 4 | type.rawValue)
    } else {
      bytes.append(type.rawValue)
      zigzag(Int64(field))
    }
    lastField = field
  }

  // MARK: Fields

  mutating func boolean(_ field: Int16, _ value: Bool) { header(field, value ? .isTrue : .isFalse) }

  mutating func int8(_ field: Int16, _ value: Int8) {
    header(field, .byte)
    bytes.append(UInt8(bitPattern: value))
  }

  mutating func int16(_ field: Int16, _ value: Int16) {
    header(field, .int16)
    zigzag(Int64(value))
  }

  mutating func int32(_ field: Int16, _ value: Int32) {
    header(field, .int32)
    zigzag(Int64(value))
  }

  mutating func int64(_ field: Int16, _ value: Int64) {
    header(field, .int64)
    zigzag(value)
  }

  mutating func binary(_ field: Int16, _ value: some Collection<UInt8>) {
    header(field, .binary)
    binaryElement(value)
  }

  mutating func string(_ field: Int16, _ value: String) { binary(field, value.utf8) }

  mutating func structure(_ field: Int16, _ body: (inout CompactWriter) -> Void) {
    header(field, .structure)
    structureElement(body)
  }

  /// A union whose member `member` is an empty structure.
  mutating func emptyMember(_ field: Int16, _ member: Int16) {
    structure(field) { union in union.structure(member) { _ in } }
  }

  mutating func listHeader(_ field: Int16, count: Int, of type: CompactType) {
    header(field, .list)
    if count < 15 {
      bytes.append(UInt8(count) &<< 4 | type.rawValue)
    } else {
      bytes.append(0xF0 | type.rawValue)
      varint(UInt64(count))
    }
  }

  // MARK: Elements of lists, and structures without a field header

  mutating func structureElement(_ body: (inout CompactWriter) -> Void) {
    outerFields.append(lastField)
    lastField = 0
    body(&self)
    bytes.append(0)
    lastField = outerFields.removeLast()
  }

  mutating func int32Element(_ value: Int32) { zigzag(Int64(value)) }
  mutating func int64Element(_ value: Int64) { zigzag(value) }
  mutating func booleanElement(_ value: Bool) { bytes.append(value ? 1 : 2) }

  mutating func binaryElement(_ value: some Collection<UInt8>) {
    varint(UInt64(value.count))
    bytes.append(contentsOf: value)
  }
}

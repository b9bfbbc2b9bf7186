/// Appends Avro's binary encoding to an array.
package struct BinaryEncoder: Sendable {
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }
  package mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  /// int, long, enum positions, union branches and counts.
  package mutating func long(_ value: Int64) {
    var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  package mutating func int(_ value: Int32) { long(Int64(value)) }
  package mutating func boolean(_ value: Bool) { bytes.append(value ? 1 : 0) }

  package mutating func float(_ value: Float) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func double(_ value: Double) {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func string(_ value: String) {
    var value = value
    value.withUTF8 { utf8 in
      long(Int64(utf8.count))
      bytes.append(contentsOf: utf8)
    }
  }

  package mutating func lengthPrefixed(_ value: [UInt8]) {
    long(Int64(value.count))
    bytes.append(contentsOf: value)
  }

  package mutating func lengthPrefixed(_ value: UnsafeRawBufferPointer) {
    long(Int64(value.count))
    bytes.append(contentsOf: value)
  }

  package mutating func raw(_ value: [UInt8]) { bytes.append(contentsOf: value) }
  package mutating func raw(_ value: UnsafeRawBufferPointer) { bytes.append(contentsOf: value) }

  /// A value that must fit the type: for unions the first branch that takes it.
  package mutating func value(_ value: AvroValue, _ type: AvroType, _ schema: AvroSchema) throws(AvroError) {
    switch (type.kind, value) {
    case (.null, .null): break
    case (.boolean, .boolean(let value)): boolean(value)
    case (.int, .int(let value)): int(value)
    case (.long, .long(let value)): long(value)
    case (.long, .int(let value)): int(value)
    case (.float, .float(let value)): float(value)
    case (.double, .double(let value)): double(value)
    case (.double, .float(let value)): double(Double(value))
    case (.bytes, .bytes(let value)): lengthPrefixed(value)
    case (.string, .string(let value)): string(value)
    // Text that is already UTF-8 bytes.
    case (.string, .bytes(let value)): lengthPrefixed(value)
    case (.fixed(_, let size), .fixed(let value)) where value.count == size: raw(value)
    case (.enumeration(let name, let symbols), .symbol(let symbol)):
      guard let index = symbols.firstIndex(of: symbol) else { throw AvroError(.mismatch, "enum \(name) has no value \(symbol)") }
      long(Int64(index))
    case (.union(let branches), let value):
      guard let index = branches.firstIndex(where: { Self.takes($0, value, schema) }) else {
        throw AvroError(.mismatch, "no branch of the union takes \(Self.word(value))")
      }
      long(Int64(index))
      try self.value(value, branches[index], schema)
    case (.record(let index), .record(let values)):
      let record = schema.records[index]
      guard values.count == record.fields.count else {
        throw AvroError(.mismatch, "record \(record.name) has \(record.fields.count) fields, not \(values.count)")
      }
      for (field, value) in zip(record.fields, values) { try self.value(value, field.type, schema) }
    case (.array(let items), .array(let values)):
      if !values.isEmpty {
        long(Int64(values.count))
        for value in values { try self.value(value, items, schema) }
      }
      long(0)
    case (.map(let valueType), .map(let entries)):
      if !entries.isEmpty {
        long(Int64(entries.count))
        for entry in entries {
          string(entry.key)
          try self.value(entry.value, valueType, schema)
        }
      }
      long(0)
    default: throw AvroError(.mismatch, "\(Self.word(value)) cannot be written as \(type.kind.word)")
    }
  }

  private static func takes(_ type: AvroType, _ value: AvroValue, _ schema: AvroSchema) -> Bool {
    switch (type.kind, value) {
    case (.null, .null), (.boolean, .boolean), (.int, .int), (.long, .long), (.long, .int), (.float, .float), (.double, .double),
      (.double, .float), (.bytes, .bytes), (.string, .string), (.string, .bytes), (.array, .array), (.map, .map):
      true
    case (.fixed(_, let size), .fixed(let value)): value.count == size
    case (.enumeration(_, let symbols), .symbol(let symbol)): symbols.contains(symbol)
    case (.record(let index), .record(let values)): schema.records[index].fields.count == values.count
    default: false
    }
  }

  private static func word(_ value: AvroValue) -> String {
    switch value {
    case .null: "null"
    case .boolean: "a boolean"
    case .int: "an int"
    case .long: "a long"
    case .float: "a float"
    case .double: "a double"
    case .bytes: "bytes"
    case .string: "a string"
    case .fixed(let bytes): "fixed(\(bytes.count))"
    case .symbol(let symbol): "enum value \(symbol)"
    case .array: "an array"
    case .map: "a map"
    case .record(let values): "a record of \(values.count) fields"
    }
  }
}

/// Any Avro value, for generic rows. Unions are looked through: a value is that of its branch.
package indirect enum AvroValue: Sendable, Hashable {
  case null
  case boolean(Bool)
  /// Also enum positions are kept apart, see `symbol`.
  case int(Int32)
  case long(Int64)
  case float(Float)
  case double(Double)
  case bytes([UInt8])
  case string(String)
  /// Fixed-size bytes.
  case fixed([UInt8])
  /// The name of an enum's value.
  case symbol(String)
  case array([AvroValue])
  /// Entries in the order of the file.
  case map([AvroMapEntry])
  /// Values in the order of the record's fields.
  case record([AvroValue])
}

package struct AvroMapEntry: Sendable, Hashable {
  package var key: String
  package var value: AvroValue
  package init(_ key: String, _ value: AvroValue) {
    self.key = key
    self.value = value
  }
}

extension BinaryDecoder {
  /// Values in one array or map that take no bytes (nulls); more of them than this are taken for damage.
  static let emptyItemLimit = 1 << 20

  /// The next value of that type.
  package mutating func value(_ type: AvroType, _ schema: AvroSchema) throws(AvroError) -> AvroValue {
    try value(type, schema, depth: 0)
  }

  private mutating func value(_ type: AvroType, _ schema: AvroSchema, depth: Int) throws(AvroError) -> AvroValue {
    guard depth < AvroProjection.depthLimit else { throw AvroError(.corrupt, "values are nested too deeply", at: offset) }
    switch type.kind {
    case .null: return .null
    case .boolean: return .boolean(try boolean())
    case .int: return .int(try int())
    case .long: return .long(try long())
    case .float: return .float(Float(bitPattern: UInt32(littleEndian: try fixed(4).loadUnaligned(as: UInt32.self))))
    case .double: return .double(Double(bitPattern: UInt64(littleEndian: try fixed(8).loadUnaligned(as: UInt64.self))))
    case .bytes: return .bytes(Array(try bytes()))
    case .string: return .string(String(decoding: try bytes(), as: UTF8.self))
    case .fixed(_, let size): return .fixed(Array(try fixed(size)))
    case .enumeration(let name, let symbols):
      let start = offset
      let index = try long()
      guard index >= 0, index < Int64(symbols.count) else {
        throw AvroError(.corrupt, "enum \(name) has no value \(index)", at: start)
      }
      return .symbol(symbols[Int(index)])
    case .union(let branches):
      let start = offset
      let index = try long()
      guard index >= 0, index < Int64(branches.count) else { throw AvroError(.corrupt, "a union has no branch \(index)", at: start) }
      return try value(branches[Int(index)], schema, depth: depth + 1)
    case .record(let index):
      var values: [AvroValue] = []
      for field in schema.records[index].fields { values.append(try value(field.type, schema, depth: depth + 1)) }
      return .record(values)
    case .array(let items):
      var values: [AvroValue] = []
      while true {
        let (count, _) = try blockHeader()
        if count == 0 { return .array(values) }
        for _ in 0..<count {
          let before = offset
          values.append(try value(items, schema, depth: depth + 1))
          if offset == before, values.count > Self.emptyItemLimit { throw AvroError(.corrupt, "an array is too long", at: offset) }
        }
      }
    case .map(let valueType):
      var entries: [AvroMapEntry] = []
      while true {
        let (count, _) = try blockHeader()
        if count == 0 { return .map(entries) }
        for _ in 0..<count {
          let key = String(decoding: try bytes(), as: UTF8.self)
          entries.append(AvroMapEntry(key, try value(valueType, schema, depth: depth + 1)))
        }
      }
    }
  }
}

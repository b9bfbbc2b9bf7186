import Columnar

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Group keys of any flat types as one byte string each, and back.
///
/// A single text or binary key is its own byte string. Otherwise every key column gives a tag byte (0 = NULL, 1 = a value) and, for
/// a value, its fixed-width bytes or a 4-byte length and the bytes. Equal keys give equal strings: zeros and NaNs are normalised.
struct PivotKeyCodec {
  let types: [SQLType]

  /// Nested keys and zoned timestamps (equal instants in different zones) are left to the general aggregate.
  static func supports(_ types: [SQLType]) -> Bool {
    types.allSatisfy { type in
      switch type.physical {
      case .list, .row, .timestampTZ: false
      default: true
      }
    }
  }

  private var isDirect: Bool { types.count == 1 && types[0].physical == .string }

  /// The keys of one batch; valid as long as the value is held.
  struct Encoded {
    let column: Column
    let views: UnsafePointer<StringView>
    let validity: UnsafePointer<UInt8>?
  }

  func encode(_ keys: [Column], count: Int) -> Encoded {
    let column = isDirect ? keys[0].flattened() : composite(keys, count)
    return Encoded(
      column: column, views: column.flat.values.pointer(as: StringView.self),
      validity: column.flat.validity?.pointer(as: UInt8.self))
  }

  private func composite(_ keys: [Column], _ count: Int) -> Column {
    let flats = keys.map { $0.flattened() }
    let readers = flats.map { ColumnView($0) }
    var heap = StringHeap()
    let views = Buffer(byteCount: count * 16)
    let target = views.base.assumingMemoryBound(to: StringView.self)
    defer { withExtendedLifetime(flats) {} }
    for row in 0..<count {
      var size = 0
      for (reader, type) in zip(readers, types) {
        size += 1
        guard reader.isValid(row) else { continue }
        if type.physical == .string {
          size += 4 + reader.pointer(as: StringView.self)[row].count
        } else {
          size += type.physical.byteWidth
        }
      }
      let bytes = heap.allocate(size)
      var position = bytes
      for (reader, type) in zip(readers, types) {
        let isValid = reader.isValid(row)
        position.storeBytes(of: isValid ? 1 : 0, as: UInt8.self)
        position += 1
        if isValid { Self.append(reader, row, type.physical, to: &position) }
      }
      target[row] = StringView(bytes, count: size)
    }
    return Column(type: .varbinary, count: count, views: views, heap: heap.blocks)
  }

  private static func append(
    _ reader: ColumnView, _ row: Int, _ physical: PhysicalType, to position: inout UnsafeMutableRawPointer
  ) {
    switch physical {
    case .string:
      let view = reader.pointer(as: StringView.self) + row
      position.storeBytes(of: view.pointee.length, as: UInt32.self)
      memcpy(position + 4, StringView.bytes(at: view), view.pointee.count)
      position += 4 + view.pointee.count
    case .double:
      position.storeBytes(of: Hashing.normalised(reader.pointer(as: Double.self)[row]), as: UInt64.self)
      position += 8
    case .float:
      position.storeBytes(of: Hashing.normalised(reader.pointer(as: Float.self)[row]), as: UInt32.self)
      position += 4
    default:
      memcpy(position, reader.values + row * physical.byteWidth, physical.byteWidth)
      position += physical.byteWidth
    }
  }

  /// The key columns of the given rows of a table.
  func decode(_ table: PivotKeyTable, rows: UnsafePointer<UInt32>, count: Int) -> [Column] {
    let keys = table.keys
    if isDirect {
      let views = Buffer(byteCount: count * 16)
      let target = views.base.assumingMemoryBound(to: StringView.self)
      var validity: Buffer?
      for index in 0..<count {
        let row = Int(rows[index])
        guard !table.isNullKey(row) else {
          let bytes = validity ?? Buffer(byteCount: count)
          if validity == nil { memset(bytes.base, 1, count) }
          bytes.base.storeBytes(of: 0, toByteOffset: index, as: UInt8.self)
          target[index] = StringView()
          validity = bytes
          continue
        }
        target[index] = keys[row]
      }
      return [Column(type: types[0], count: count, views: views, heap: table.heapBlocks, validity: validity)]
    }
    let builders = types.map { ColumnBuilder(type: $0, capacity: count) }
    for index in 0..<count {
      var position = StringView.bytes(at: keys + Int(rows[index]))
      for (builder, type) in zip(builders, types) {
        let isValid = position.load(as: UInt8.self) != 0
        position += 1
        guard isValid else {
          builder.appendNull()
          continue
        }
        switch type.physical {
        case .string:
          let length = Int(position.loadUnaligned(as: UInt32.self))
          builder.append(bytes: UnsafeRawBufferPointer(start: position + 4, count: length))
          position += 4 + length
        case .boolean: builder.append(fixed: position.load(as: UInt8.self))
        case .int8: builder.append(fixed: position.load(as: Int8.self))
        case .int16: builder.append(fixed: position.loadUnaligned(as: Int16.self))
        case .int32: builder.append(fixed: position.loadUnaligned(as: Int32.self))
        case .float: builder.append(fixed: position.loadUnaligned(as: Float.self))
        case .int64: builder.append(fixed: position.loadUnaligned(as: Int64.self))
        case .double: builder.append(fixed: position.loadUnaligned(as: Double.self))
        case .int128: builder.append(fixed: position.loadUnaligned(as: Int128.self))
        case .timestampTZ, .list, .row: builder.appendNull()  // `supports` refused these
        }
        if type.physical != .string { position += type.physical.byteWidth }
      }
    }
    return builders.map { $0.finish() }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Column {
  /// The rows of all columns one after the other, flat, unless all are equal constants' storage or share a dictionary.
  package static func concatenated(_ columns: [Column], type: SQLType) -> Column {
    if columns.count == 1 { return columns[0] }
    let total = columns.reduce(0) { $0 + $1.count }
    if let shared = concatenatedSharingDictionary(columns, type: type, total: total) { return shared }
    let flats = columns.map { $0.flattened() }
    let physical = type.physical
    let width = physical.byteWidth
    let values = Buffer(byteCount: total * width)
    let hasNulls = flats.contains { $0.flat.validity != nil }
    let validity = hasNulls ? Buffer(byteCount: total) : nil
    var heap: [Buffer] = []
    var seen: Set<ObjectIdentifier> = []
    var offset = 0
    var childOffset = 0
    for column in flats {
      let vector = column.flat
      if physical == .list {
        let source = vector.values.pointer(as: ListEntry.self)
        let target = (values.base + offset * width).assumingMemoryBound(to: ListEntry.self)
        for row in 0..<column.count {
          target[row] = ListEntry(
            offset: source[row].offset &+ UInt32(truncatingIfNeeded: childOffset), count: source[row].count)
        }
        childOffset += vector.children[0].count
      } else {
        memcpy(values.base + offset * width, vector.values.base, column.count * width)
      }
      if let validity {
        if let bytes = vector.validity {
          memcpy(validity.base + offset, bytes.base, column.count)
        } else {
          memset(validity.base + offset, 1, column.count)
        }
      }
      for block in vector.heap where seen.insert(ObjectIdentifier(block)).inserted { heap.append(block) }
      offset += column.count
    }
    let children = type.children.enumerated().map { index, childType in
      concatenated(flats.map { $0.flat.children[index] }, type: childType)
    }
    return Column(
      flat: FlatVector(
        values: BufferSlice(values), validity: validity.map { BufferSlice($0) }, heap: heap, children: children),
      type: type, count: total)
  }

  /// Dictionary columns over the same entries only need their indices joined.
  private static func concatenatedSharingDictionary(_ columns: [Column], type: SQLType, total: Int) -> Column? {
    guard let first = columns.first?.dictionary else { return nil }
    let identity = first.values.flat.values
    for column in columns {
      guard let vector = column.dictionary, vector.values.flat.values.buffer === identity.buffer,
        vector.values.flat.values.byteOffset == identity.byteOffset, vector.values.count == first.values.count
      else { return nil }
    }
    let indices = Buffer(byteCount: total * 4)
    let hasNulls = columns.contains { $0.dictionary?.validity != nil }
    let validity = hasNulls ? Buffer(byteCount: total) : nil
    var offset = 0
    for column in columns {
      guard let vector = column.dictionary else { return nil }
      memcpy(indices.base + offset * 4, vector.indices.base, column.count * 4)
      if let validity {
        if let bytes = vector.validity {
          memcpy(validity.base + offset, bytes.base, column.count)
        } else {
          memset(validity.base + offset, 1, column.count)
        }
      }
      offset += column.count
    }
    return .dictionary(values: first.values, indices: indices, count: total, validity: validity)
  }
}

extension Batch {
  package static func concatenated(_ batches: [Batch], types: [SQLType]) -> Batch {
    if batches.count == 1 { return batches[0] }
    return Batch(
      columns: types.enumerated().map { index, type in
        Column.concatenated(batches.map { $0.columns[index] }, type: type)
      }, count: batches.reduce(0) { $0 + $1.count })
  }
}

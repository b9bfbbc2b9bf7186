#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Column {
  /// The rows of all columns one after the other, flat, unless all are dictionary columns over few entries.
  package static func concatenated(_ columns: [Column], type: SQLType) -> Column {
    if columns.count == 1 { return columns[0] }
    let total = columns.reduce(0) { $0 + $1.count }
    if let joined = concatenatedDictionaries(columns, type: type, total: total) { return joined }
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

  /// Dictionary columns over the same entries only need their indices joined; over few different ones the entries, too. Those may then
  /// stand there twice, as they may in any dictionary.
  private static func concatenatedDictionaries(_ columns: [Column], type: SQLType, total: Int) -> Column? {
    if columns.isEmpty { return nil }
    var dictionaries: [Column] = []
    var numbers: [Int] = []
    var entries = 0
    for column in columns {
      guard let values = column.dictionary?.values else { return nil }
      if let known = dictionaries.lastIndex(where: { $0.hasEntries(of: values) }) {
        numbers.append(known)
        continue
      }
      numbers.append(dictionaries.count)
      dictionaries.append(values)
      entries &+= values.count
      // Longer than that, they are a copy of the rows that the indices come on top of.
      if dictionaries.count > 1, dictionaries.count > mostDictionariesJoined || entries &* 4 > total { return nil }
    }
    var bases: [UInt32] = []
    var base = 0
    for values in dictionaries {
      // The rows of a dictionary without entries are NULL, and point to the first entry there is.
      bases.append(values.count == 0 ? 0 : UInt32(truncatingIfNeeded: base))
      base &+= values.count
    }
    let joined = Buffer(byteCount: total * 4)
    let indices = joined.base.assumingMemoryBound(to: UInt32.self)
    let hasNulls = columns.contains { $0.dictionary?.validity != nil }
    let validity = hasNulls ? Buffer(byteCount: total) : nil
    var offset = 0
    for (column, number) in zip(columns, numbers) {
      guard let vector = column.dictionary else { return nil }
      let source = vector.indices.pointer(as: UInt32.self)
      let base = bases[number]
      for row in 0..<column.count { indices[offset &+ row] = source[row] &+ base }
      withExtendedLifetime(vector) {}
      if let validity {
        if let bytes = vector.validity {
          memcpy(validity.base + offset, bytes.base, column.count)
        } else {
          memset(validity.base + offset, 1, column.count)
        }
      }
      offset += column.count
    }
    return .dictionary(values: concatenated(dictionaries, type: type), indices: joined, count: total, validity: validity)
  }

  private static let mostDictionariesJoined = 16

  /// Whether both are the same entries in the same memory.
  private func hasEntries(of other: Column) -> Bool {
    let (mine, theirs) = (flat.values, other.flat.values)
    return mine.buffer === theirs.buffer && mine.byteOffset == theirs.byteOffset && count == other.count
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

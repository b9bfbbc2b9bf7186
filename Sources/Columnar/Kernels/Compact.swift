extension Column {
  /// The same rows in memory of their own: strings and list elements that no row refers to are let go.
  ///
  /// `take` shares text blocks and elements with its source; whoever keeps a few rows of many batches would keep all of it.
  /// Dictionaries stay shared.
  package func compacted() -> Column {
    guard case .flat(let vector) = encoding else { return self }
    switch type.physical {
    case .string: return Column(flat: compactedStrings(vector), type: type, count: count)
    case .list: return Column(flat: compactedLists(vector), type: type, count: count)
    case .row:
      let compact = FlatVector(values: vector.values, validity: vector.validity, children: vector.children.map { $0.compacted() })
      return Column(flat: compact, type: type, count: count)
    default: return self
    }
  }

  private func compactedStrings(_ vector: FlatVector) -> FlatVector {
    guard !vector.heap.isEmpty else { return vector }
    let source = vector.values.pointer(as: StringView.self)
    let views = Buffer(byteCount: count * MemoryLayout<StringView>.size)
    let target = views.base.assumingMemoryBound(to: StringView.self)
    var byteCount = 0
    for row in 0..<count where !source[row].isInline { byteCount += source[row].count }
    let block = Buffer(byteCount: byteCount)
    var used = 0
    for row in 0..<count {
      if source[row].isInline {
        target[row] = source[row]
        continue
      }
      let bytes = StringView.buffer(at: source + row)
      UnsafeMutableRawBufferPointer(start: block.base + used, count: bytes.count).copyMemory(from: bytes)
      target[row] = StringView(block.base + used, count: bytes.count)
      used += bytes.count
    }
    return FlatVector(values: BufferSlice(views), validity: vector.validity, heap: byteCount > 0 ? [block] : [])
  }

  private func compactedLists(_ vector: FlatVector) -> FlatVector {
    let source = vector.values.pointer(as: ListEntry.self)
    let validity = vector.validity?.pointer(as: UInt8.self)
    let entries = Buffer(byteCount: count * MemoryLayout<ListEntry>.size)
    let target = entries.base.assumingMemoryBound(to: ListEntry.self)
    var elements: [UInt32] = []
    for row in 0..<count {
      let isNull = validity.map { $0[row] == 0 } ?? false
      let entry = isNull ? ListEntry(offset: 0, count: 0) : source[row]
      target[row] = ListEntry(offset: UInt32(truncatingIfNeeded: elements.count), count: entry.count)
      for index in 0..<entry.count { elements.append(entry.offset &+ index) }
    }
    return FlatVector(
      values: BufferSlice(entries), validity: vector.validity, children: vector.children.map { $0.take(elements).compacted() })
  }
}

extension Batch {
  package func compacted() -> Batch { Batch(columns: columns.map { $0.compacted() }, count: count) }
}

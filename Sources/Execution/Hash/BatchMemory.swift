import Columnar
import Glibc

extension Column {
  /// Bytes the rows take when held: values, validity and the strings they refer to. Shared dictionaries count in full.
  var estimatedByteCount: Int {
    switch encoding {
    case .constant: return 64
    case .dictionary(let vector): return count &* 4 &+ (vector.validity == nil ? 0 : count) &+ vector.values.estimatedByteCount
    case .flat(let vector):
      var total = count &* type.physical.byteWidth &+ (vector.validity == nil ? 0 : count) &+ 64
      if type.physical == .string { total &+= longStringByteCount(vector) }
      for child in vector.children { total &+= child.estimatedByteCount }
      return total
    }
  }

  private func longStringByteCount(_ vector: FlatVector) -> Int {
    if vector.heap.isEmpty { return 0 }
    let views = vector.values.pointer(as: StringView.self)
    var total = 0
    for row in 0..<count {
      let length = Int(views[row].length)
      total &+= length > StringView.maxInlineLength ? length : 0
    }
    return total
  }

  /// The same rows without memory that they do not need: strings that use little of their blocks are copied, lists that use
  /// little of their elements are gathered, dictionaries with more entries than rows are flattened. For operators that hold rows for long.
  func compacted() -> Column {
    switch encoding {
    case .constant: return self
    case .dictionary(let vector):
      return vector.values.count > count ? flattened().compacted() : self
    case .flat(let vector):
      switch type.physical {
      case .string: return compactedStrings(vector)
      case .list: return compactedLists(vector)
      case .row:
        return Column(
          flat: FlatVector(
            values: vector.values, validity: vector.validity, children: vector.children.map { $0.compacted() }),
          type: type, count: count)
      default: return self
      }
    }
  }

  private func compactedStrings(_ vector: FlatVector) -> Column {
    let held = vector.heap.reduce(0) { $0 &+ $1.byteCount }
    if held <= 4096 { return self }
    let needed = longStringByteCount(vector)
    if needed &* 2 >= held { return self }
    let block = Buffer(byteCount: max(needed, 1))
    let values = Buffer(byteCount: count &* 16)
    let source = vector.values.pointer(as: StringView.self)
    let target = values.base.assumingMemoryBound(to: StringView.self)
    var offset = 0
    for row in 0..<count {
      let view = source[row]
      if view.isInline {
        target[row] = view
      } else {
        memcpy(block.base + offset, StringView.bytes(at: source + row), view.count)
        target[row] = StringView(block.base + offset, count: view.count)
        offset &+= view.count
      }
    }
    return Column(
      flat: FlatVector(values: BufferSlice(values), validity: vector.validity, heap: needed > 0 ? [block] : []), type: type,
      count: count)
  }

  private func compactedLists(_ vector: FlatVector) -> Column {
    let entries = vector.values.pointer(as: ListEntry.self)
    let held = vector.children[0].count
    var needed = 0
    for row in 0..<count { needed &+= Int(entries[row].count) }
    if needed &* 2 >= held { return self }
    var elements: [UInt32] = []
    elements.reserveCapacity(needed)
    let values = Buffer(byteCount: count &* 8)
    let target = values.base.assumingMemoryBound(to: ListEntry.self)
    for row in 0..<count {
      let entry = entries[row]
      target[row] = ListEntry(offset: UInt32(truncatingIfNeeded: elements.count), count: entry.count)
      for element in 0..<entry.count { elements.append(entry.offset &+ element) }
    }
    return Column(
      flat: FlatVector(
        values: BufferSlice(values), validity: vector.validity,
        children: vector.children.map { $0.take(elements).compacted() }),
      type: type, count: count)
  }
}

extension Batch {
  var estimatedByteCount: Int { columns.reduce(64) { $0 &+ $1.estimatedByteCount } }
  func compacted() -> Batch { Batch(columns: columns.map { $0.compacted() }, count: count) }
}

import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Builds a nested column from the levels and values of its leaves (Dremel's record assembly, a column at a time).
///
/// Every node makes one pass over the levels of its first leaf. An entry begins a value of the node when its repetition level does not
/// exceed the node's context and its definition level reaches it; see `ColumnNode`.
struct NestedAssembly {
  /// By leaf index.
  let records: [Int: LeafRecords]

  func build(_ node: ColumnNode) throws(ParquetError) -> Column {
    guard let first = node.leaves.first, let records = records[first.index] else {
      throw .invalidRequest("column '\(node.name)' was asked for without its leaves")
    }
    switch node.shape {
    case .leaf(let leaf): return leafColumn(node, leaf, records)
    case .row(let fields): return try rowColumn(node, fields, records)
    case .list(let element): return try listColumn(node, [element], records)
    case .map(let key, let value):
      let column = try listColumn(node, [key, value], records)
      try checkKeys(column)
      return column
    }
  }

  /// Marks which values of a node are there.
  ///
  /// - Returns: their number, and a byte per value unless all are valid.
  private func slots(_ node: ColumnNode, _ records: LeafRecords) -> (count: Int, validity: Buffer?) {
    let definition = records.definition
    let validity = Buffer(byteCount: records.count)
    let target = validity.base.assumingMemoryBound(to: UInt8.self)
    let contextDefinition = node.contextDefinition
    let contextRepetition = node.contextRepetition
    let own = node.definition
    var count = 0
    var valid = 0
    if let repetition = records.repetition {
      for entry in 0..<records.count {
        let level = definition[entry]
        let isValid = UInt8(level >= own ? 1 : 0)
        target[count] = isValid
        let isSlot = level >= contextDefinition && repetition[entry] <= contextRepetition ? 1 : 0
        count &+= isSlot
        valid &+= isSlot & Int(isValid)
      }
    } else {
      count = records.count
      for entry in 0..<count {
        let isValid = UInt8(definition[entry] >= own ? 1 : 0)
        target[entry] = isValid
        valid &+= Int(isValid)
      }
    }
    return (count, valid == count ? nil : validity)
  }

  private func leafColumn(_ node: ColumnNode, _ leaf: LeafColumn, _ records: LeafRecords) -> Column {
    let (count, validity) = slots(node, records)
    if leaf.conversion == .nullOnly { return Column.nulls(leaf.type, count: count).flattened() }
    guard let validity else { return records.values }
    if records.values.count == 0 { return Column.nulls(leaf.type, count: count).flattened() }
    let marks = validity.base.assumingMemoryBound(to: UInt8.self)
    switch records.values.encoding {
    case .constant: return Column.nulls(leaf.type, count: count)
    case .dictionary(let vector):
      let indices = Buffer(byteCount: count &* 4)
      Self.place(vector.indices.base, marks, count, width: 4, into: indices.base)
      return Column(
        type: leaf.type, count: count,
        encoding: .dictionary(
          DictionaryVector(values: vector.values, indices: BufferSlice(indices), validity: BufferSlice(validity))))
    case .flat(let vector):
      let width = leaf.type.physical.byteWidth
      let values = Buffer(byteCount: count &* width)
      Self.place(vector.values.base, marks, count, width: width, into: values.base)
      return Column(
        flat: FlatVector(values: BufferSlice(values), validity: BufferSlice(validity), heap: vector.heap), type: leaf.type,
        count: count)
    }
  }

  /// Spreads dense values over the valid rows. Unlike `Spreading.spread` it never reads behind the last value: the rows behind
  /// the last valid one are zeroed.
  private static func place(
    _ dense: UnsafeRawPointer, _ validity: UnsafePointer<UInt8>, _ count: Int, width: Int,
    into target: UnsafeMutableRawPointer
  ) {
    var end = count
    while end > 0 && validity[end &- 1] == 0 { end &-= 1 }
    Spreading.spread(dense, validity, end, width: width, into: target)
    memset(target + end &* width, 0, (count &- end) &* width)
  }

  private func rowColumn(_ node: ColumnNode, _ fields: [ColumnNode], _ records: LeafRecords) throws(ParquetError) -> Column {
    let (count, validity) = slots(node, records)
    var children: [Column] = []
    for field in fields {
      let child = try build(field)
      guard child.count == count else { throw disagreement(node, expected: count, found: child.count) }
      children.append(child)
    }
    return Column(
      flat: FlatVector(
        values: BufferSlice(Buffer(byteCount: 0)), validity: validity.map { BufferSlice($0) }, children: children),
      type: node.type, count: count)
  }

  private func disagreement(_ node: ColumnNode, expected: Int, found: Int) -> ParquetError {
    .corrupt("values below '\(node.name)', whose leaves disagree", expected: "\(expected)", found: "\(found)")
  }

  private func listColumn(_ node: ColumnNode, _ parts: [ColumnNode], _ records: LeafRecords) throws(ParquetError) -> Column {
    let definition = records.definition
    guard let repetition = records.repetition else {
      throw .corrupt("list '\(node.name)' has no repetition levels")
    }
    let entries = Buffer(byteCount: records.count &* MemoryLayout<ListEntry>.stride)
    let validity = Buffer(byteCount: records.count)
    let target = entries.base.assumingMemoryBound(to: ListEntry.self)
    let marks = validity.base.assumingMemoryBound(to: UInt8.self)
    let contextRepetition = node.contextRepetition
    let contextDefinition = node.contextDefinition
    let elementRepetition = node.elementRepetition
    let elementDefinition = node.elementDefinition
    var slotCount = 0
    var elementCount: UInt32 = 0
    var hasNulls = false
    for index in 0..<records.count {
      let level = definition[index]
      let repeated = repetition[index]
      if repeated <= contextRepetition && level >= contextDefinition {
        target[slotCount] = ListEntry(offset: elementCount, count: 0)
        let isValid = level >= node.definition
        marks[slotCount] = isValid ? 1 : 0
        hasNulls = hasNulls || !isValid
        slotCount &+= 1
      }
      if repeated <= elementRepetition && level >= elementDefinition {
        guard slotCount > 0 else { throw .corrupt("a list element before the first list of '\(node.name)'") }
        target[slotCount &- 1].count &+= 1
        elementCount &+= 1
      }
    }
    var children: [Column] = []
    for part in parts {
      let child = try build(part)
      guard child.count == Int(elementCount) else {
        throw disagreement(node, expected: Int(elementCount), found: child.count)
      }
      children.append(child)
    }
    return Column(
      flat: FlatVector(
        values: BufferSlice(entries), validity: hasNulls ? BufferSlice(validity) : nil, children: children),
      type: node.type, count: slotCount)
  }

  private func checkKeys(_ map: Column) throws(ParquetError) {
    guard let keys = map.flat.children.first, !keys.hasNoValidity else { return }
    let view = ColumnView(keys)
    for row in 0..<keys.count where !view.isValid(row) { throw .corrupt("a map has a NULL key") }
  }
}

/// Decodes records of one schema into rows of slots: only the wanted fields, everything else is stepped over.
///
/// Made for manifests, where a record has dozens of fields and a plan wants ten. Fields are wanted by Iceberg field id, also inside
/// nested records (not inside arrays). A slot says where a value lies rather than holding it:
///
/// ```
/// boolean, int, long, enum    value = the number
/// float, double               value = the bits (of the float's 32)
/// string, bytes, fixed        value = offset in the block, length = bytes
/// array, map                  value = offset of the encoded items, length = their bytes; see `items` and `longPair`
/// record                      value = 1
/// null or absent              length = -1
/// ```
package struct AvroSlot: Sendable, Hashable {
  package var value: Int64
  package var length: Int32

  @inlinable
  package init(value: Int64, length: Int32) {
    self.value = value
    self.length = length
  }

  package static let null = AvroSlot(value: 0, length: -1)
  @inlinable package var isNull: Bool { length < 0 }
  /// The bytes of a string, bytes, fixed, array or map inside its block.
  @inlinable package var range: Range<Int> { Int(value)..<Int(value) + Int(max(0, length)) }
}

/// The compiled form of a schema and a set of wanted fields. Immutable; may be used by several threads.
package struct AvroProjection: Sendable {
  enum Operation: UInt8, Sendable { case nothing, boolean, varint, fixedSize, bytes, array, map, record, optional, union, longPairs, bytesPairs }

  /// One step of the program. Types are a tree of nodes; a record that contains itself refers back to its own node.
  struct Node: Sendable {
    var operation: Operation
    /// Where to note the value; -1 for nowhere.
    var slot: Int32 = -1
    /// Bytes of a fixed-size value; first index into `children` of a record or union; node of an item.
    var first: Int32 = 0
    /// Children of a record or union; for `optional` the branch that is null.
    var count: Int32 = 0
    /// Whether values of this type take no bytes at all: loops over them are skipped.
    var isEmpty = false
  }

  package let slotCount: Int
  /// Avro types of the wanted fields, looked through unions with null; nil for a field the schema lacks.
  package let types: [AvroType?]
  package let schema: AvroSchema
  private(set) var nodes: [Node] = []
  private(set) var children: [Int32] = []
  private var root = 0

  /// Deepest nesting of values of recursive types.
  static let depthLimit = 128

  /// - Parameters:
  ///   - fieldIDs: the slot of a field is its position here.
  ///   - type: the record type to decode; the schema's root by default.
  package init(_ schema: AvroSchema, type: AvroType? = nil, fieldIDs: [Int32]) throws(AvroError) {
    self.schema = schema
    slotCount = fieldIDs.count
    var compiler = Compiler(schema: schema, slots: Dictionary(zip(fieldIDs, 0...), uniquingKeysWith: { first, _ in first }))
    compiler.types = Array(repeating: nil, count: fieldIDs.count)
    root = Int(try compiler.compile(type ?? schema.root, slot: -1, isWanted: true))
    types = compiler.types
    nodes = compiler.nodes
    children = compiler.children
  }

  /// Whether the slot's array has the form `AvroItems.long`, `range` and the pairs functions read: records of an int key and a long, or
  /// bytes, without unions.
  package func holdsPairs(_ slot: Int, ofBytes: Bool) -> Bool {
    guard case .array(let items) = types[slot]?.kind else { return false }
    return Compiler.pairOperation(items, schema) == (ofBytes ? .bytesPairs : .longPairs)
  }

  /// Whether the slot's array has the form `AvroItems.longs` reads.
  package func holdsLongs(_ slot: Int) -> Bool {
    guard case .array(let items) = types[slot]?.kind else { return false }
    return items.kind == .long || items.kind == .int
  }

  /// Decodes `count` records that fill `bytes` exactly.
  package func decode(_ bytes: UnsafeRawBufferPointer, count: Int) throws(AvroError) -> AvroRows {
    // A record takes at least a byte unless its type takes none.
    guard count >= 0, count <= max(bytes.count, nodes[root].isEmpty ? 1 << 20 : 0) else {
      throw AvroError(.corrupt, "\(count) records cannot fit \(bytes.count) bytes", at: 0)
    }
    let rows = AvroRows(count: count, slotCount: slotCount)
    var decoder = BinaryDecoder(bytes)
    for row in 0..<count { try run(&decoder, rows.slots + row * slotCount) }
    guard decoder.isAtEnd else {
      throw AvroError(.corrupt, "\(decoder.remaining) bytes follow the last record", at: decoder.offset)
    }
    return rows
  }

  /// Decodes the items of an array whose bytes a slot of another projection names; this projection must be for the item type.
  package func decodeItems(_ bytes: UnsafeRawBufferPointer) throws(AvroError) -> AvroRows {
    var decoder = BinaryDecoder(bytes)
    var rows: [AvroSlot] = []
    var total = 0
    while true {
      let (count, _) = try decoder.blockHeader()
      if count == 0 { break }
      guard count <= bytes.count else { throw AvroError(.corrupt, "\(count) items cannot fit", at: decoder.offset) }
      let block = AvroRows(count: count, slotCount: slotCount)
      for row in 0..<count { try run(&decoder, block.slots + row * slotCount) }
      rows += UnsafeBufferPointer(start: block.slots, count: count * slotCount)
      total += count
    }
    let result = AvroRows(count: total, slotCount: slotCount)
    for (index, slot) in rows.enumerated() { result.slots[index] = slot }
    return result
  }

  private func run(_ decoder: inout BinaryDecoder, _ slots: UnsafeMutablePointer<AvroSlot>) throws(AvroError) {
    // SAFETY: the arrays are not changed after `init`, and the pointers are not used after the call.
    let outcome = nodes.withUnsafeBufferPointer { nodes in
      children.withUnsafeBufferPointer { children in
        Result { () throws(AvroError) in
          var runner = Runner(nodes: nodes.baseAddress.unsafelyUnwrapped, children: children.baseAddress, decoder: decoder)
          defer { decoder = runner.decoder }
          try runner.run(root, slots, depth: 0)
        }
      }
    }
    try outcome.get()
  }
}

/// Executes a projection's nodes.
private struct Runner {
  let nodes: UnsafePointer<AvroProjection.Node>
  let children: UnsafePointer<Int32>?
  var decoder: BinaryDecoder

  mutating func run(_ index: Int, _ slots: UnsafeMutablePointer<AvroSlot>, depth: Int) throws(AvroError) {
    let node = nodes[index]
    switch node.operation {
    case .nothing: break
    case .boolean: note(node, slots, Int64(try decoder.boolean() ? 1 : 0), 0)
    case .varint: note(node, slots, try decoder.long(), 0)
    case .fixedSize:
      let start = decoder.offset
      let bytes = try decoder.fixed(Int(node.first))
      switch node.count {
      case 1: note(node, slots, Int64(UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))), 0)
      case 2: note(node, slots, Int64(littleEndian: bytes.loadUnaligned(as: Int64.self)), 0)
      default: note(node, slots, Int64(start), node.first)
      }
    case .bytes:
      let range = try decoder.bytesRange()
      note(node, slots, Int64(range.lowerBound), Int32(truncatingIfNeeded: range.count))
    case .optional:
      let branch = try decoder.long()
      guard branch == 0 || branch == 1 else { throw badBranch(branch) }
      if Int32(truncatingIfNeeded: branch) != node.count { try run(Int(node.first), slots, depth: depth) }
    case .union:
      let branch = try decoder.long()
      guard branch >= 0, branch < Int64(node.count), let children else { throw badBranch(branch) }
      try run(Int(children[Int(node.first) + Int(branch)]), slots, depth: depth + 1)
    case .record:
      guard depth < AvroProjection.depthLimit else { throw AvroError(.corrupt, "records are nested too deeply", at: decoder.offset) }
      note(node, slots, 1, 0)
      if let children {
        for child in 0..<Int(node.count) { try run(Int(children[Int(node.first) + child]), slots, depth: depth + 1) }
      }
    case .array, .map, .longPairs, .bytesPairs:
      guard depth < AvroProjection.depthLimit else { throw AvroError(.corrupt, "arrays are nested too deeply", at: decoder.offset) }
      let start = decoder.offset
      try items(node, slots, depth)
      note(node, slots, Int64(start), Int32(truncatingIfNeeded: decoder.offset - start))
    }
  }

  private mutating func items(
    _ node: AvroProjection.Node, _ slots: UnsafeMutablePointer<AvroSlot>, _ depth: Int
  ) throws(AvroError) {
    while true {
      let (count, byteCount) = try decoder.blockHeader()
      if count == 0 { return }
      if let byteCount {
        decoder.offset += byteCount
        continue
      }
      switch node.operation {
      case .longPairs:
        guard count <= decoder.remaining / 2 else { throw decoder.truncated() }
        for _ in 0..<2 * count { try skipVarint() }
      case .bytesPairs:
        guard count <= decoder.remaining / 2 else { throw decoder.truncated() }
        for _ in 0..<count {
          try skipVarint()
          _ = try decoder.bytesRange()
        }
      default:
        let isMap = node.operation == .map
        guard isMap || !nodes[Int(node.first)].isEmpty else { continue }
        guard count <= decoder.remaining else { throw decoder.truncated() }
        for _ in 0..<count {
          if isMap { _ = try decoder.bytesRange() }
          try run(Int(node.first), slots, depth: depth + 1)
        }
      }
    }
  }

  @inline(__always)
  private mutating func skipVarint() throws(AvroError) {
    var at = decoder.offset
    let end = decoder.end
    let limit = min(end, at &+ 10)
    while at < limit {
      let byte = decoder.base.load(fromByteOffset: at, as: UInt8.self)
      at &+= 1
      if byte < 0x80 {
        decoder.offset = at
        return
      }
    }
    throw at == end ? decoder.truncated() : AvroError(.corrupt, "a number is longer than 64 bits", at: decoder.offset)
  }

  @inline(__always)
  private func note(
    _ node: AvroProjection.Node, _ slots: UnsafeMutablePointer<AvroSlot>, _ value: Int64, _ length: Int32
  ) {
    if node.slot >= 0 { slots[Int(node.slot)] = AvroSlot(value: value, length: length) }
  }

  private func badBranch(_ branch: Int64) -> AvroError {
    AvroError(.corrupt, "a union has no branch \(branch)", at: decoder.offset)
  }
}

private struct Compiler {
  let schema: AvroSchema
  let slots: [Int32: Int]
  var types: [AvroType?] = []
  var nodes: [AvroProjection.Node] = []
  var children: [Int32] = []
  /// Nodes of records that are not wanted, to be shared and to end recursion.
  private var skipped: [Int: Int32] = [:]
  private var open: Set<Int> = []

  init(schema: AvroSchema, slots: [Int32: Int]) {
    self.schema = schema
    self.slots = slots
  }

  /// - Parameter isWanted: whether fields inside may have slots; not inside arrays, maps and recursive records.
  mutating func compile(_ type: AvroType, slot: Int32, isWanted: Bool) throws(AvroError) -> Int32 {
    switch type.kind {
    case .null: return add(.init(operation: .nothing, isEmpty: true))
    case .boolean: return add(.init(operation: .boolean, slot: slot))
    case .int, .long, .enumeration: return add(.init(operation: .varint, slot: slot))
    case .float: return add(.init(operation: .fixedSize, slot: slot, first: 4, count: 1))
    case .double: return add(.init(operation: .fixedSize, slot: slot, first: 8, count: 2))
    case .fixed(_, let size): return add(.init(operation: .fixedSize, slot: slot, first: Int32(size), isEmpty: size == 0))
    case .bytes, .string: return add(.init(operation: .bytes, slot: slot))
    case .array(let items):
      if let pairs = Self.pairOperation(items, schema) { return add(.init(operation: pairs, slot: slot)) }
      let item = try compile(items, slot: -1, isWanted: false)
      return add(.init(operation: .array, slot: slot, first: item))
    case .map(let values):
      let value = try compile(values, slot: -1, isWanted: false)
      return add(.init(operation: .map, slot: slot, first: value))
    case .union(let branches):
      if branches.count == 2, let null = branches.firstIndex(where: { $0.kind == .null }) {
        let inner = try compile(branches[1 - null], slot: slot, isWanted: isWanted)
        return add(.init(operation: .optional, first: inner, count: Int32(null)))
      }
      var list: [Int32] = []
      for branch in branches { list.append(try compile(branch, slot: slot, isWanted: isWanted)) }
      let first = Int32(children.count)
      children += list
      return add(.init(operation: .union, first: first, count: Int32(list.count)))
    case .record(let index): return try record(index, slot, isWanted)
    }
  }

  private mutating func record(_ index: Int, _ slot: Int32, _ isWanted: Bool) throws(AvroError) -> Int32 {
    guard schema.records.indices.contains(index) else { throw AvroError(.schema, "a record of the schema is missing") }
    let isShared = !isWanted || open.contains(index)
    if isShared, slot < 0, let node = skipped[index] { return node }
    let node = add(.init(operation: .record, slot: slot))
    if isShared, slot < 0 { skipped[index] = node }
    let isOutermost = open.insert(index).inserted
    defer { if isOutermost { open.remove(index) } }
    var list: [Int32] = []
    var isEmpty = true
    for field in schema.records[index].fields {
      var fieldSlot: Int32 = -1
      if !isShared, let id = field.id, let wanted = slots[id], types[wanted] == nil {
        fieldSlot = Int32(wanted)
        types[wanted] = field.type.unwrapped
      }
      let child = try compile(field.type, slot: fieldSlot, isWanted: !isShared)
      isEmpty = isEmpty && nodes[Int(child)].isEmpty
      list.append(child)
    }
    nodes[Int(node)].first = Int32(children.count)
    nodes[Int(node)].count = Int32(list.count)
    nodes[Int(node)].isEmpty = isEmpty
    children += list
    return node
  }

  /// The two shapes of Iceberg's metrics maps, which are most of a manifest's bytes: records of an int key and a long or bytes.
  static func pairOperation(_ items: AvroType, _ schema: AvroSchema) -> AvroProjection.Operation? {
    guard case .record(let index) = items.kind, schema.records.indices.contains(index) else { return nil }
    let fields = schema.records[index].fields
    guard fields.count == 2, fields[0].type.kind == .int, fields[0].name == "key" else { return nil }
    switch fields[1].type.kind {
    case .long, .int: return .longPairs
    case .bytes, .string: return .bytesPairs
    default: return nil
    }
  }

  private mutating func add(_ node: AvroProjection.Node) -> Int32 {
    nodes.append(node)
    return Int32(nodes.count - 1)
  }
}

/// Decoded rows: `count` times `slotCount` slots.
// SAFETY: written by the projection before anyone else sees it, never after.
package final class AvroRows: @unchecked Sendable {
  package let count: Int
  @usableFromInline let slotCount: Int
  @usableFromInline let slots: UnsafeMutablePointer<AvroSlot>

  init(count: Int, slotCount: Int) {
    self.count = count
    self.slotCount = slotCount
    slots = .allocate(capacity: max(1, count * slotCount))
    slots.initialize(repeating: .null, count: max(1, count * slotCount))
  }

  deinit { slots.deallocate() }

  @inlinable
  package subscript(row: Int, slot: Int) -> AvroSlot {
    precondition(row >= 0 && row < count && slot >= 0 && slot < slotCount)
    return slots[row * slotCount + slot]
  }
}

// MARK: Arrays noted by a slot

/// Reads what array slots of a projection point at. The bytes were walked once already, so they are well formed.
package enum AvroItems {
  /// The value for `key` in an array of `(int key, long value)` records.
  package static func long(forKey key: Int32, in bytes: UnsafeRawBufferPointer) throws(AvroError) -> Int64? {
    var decoder = BinaryDecoder(bytes)
    while true {
      let (count, _) = try decoder.blockHeader()
      if count == 0 { return nil }
      for _ in 0..<count {
        let found = try decoder.long()
        let value = try decoder.long()
        if found == Int64(key) { return value }
      }
    }
  }

  /// The range of the value for `key` in an array of `(int key, bytes value)` records, counted from the start of `bytes`.
  package static func range(forKey key: Int32, in bytes: UnsafeRawBufferPointer) throws(AvroError) -> Range<Int>? {
    var decoder = BinaryDecoder(bytes)
    while true {
      let (count, _) = try decoder.blockHeader()
      if count == 0 { return nil }
      for _ in 0..<count {
        let found = try decoder.long()
        let range = try decoder.bytesRange()
        if found == Int64(key) { return range }
      }
    }
  }

  /// All pairs of an array of `(int key, long value)` records.
  package static func longPairs(_ bytes: UnsafeRawBufferPointer) throws(AvroError) -> [Int32: Int64] {
    var result: [Int32: Int64] = [:]
    var decoder = BinaryDecoder(bytes)
    while true {
      let (count, _) = try decoder.blockHeader()
      if count == 0 { return result }
      for _ in 0..<count {
        let key = try decoder.int()
        result[key] = try decoder.long()
      }
    }
  }

  /// All pairs of an array of `(int key, bytes value)` records.
  package static func bytesPairs(_ bytes: UnsafeRawBufferPointer) throws(AvroError) -> [Int32: [UInt8]] {
    var result: [Int32: [UInt8]] = [:]
    var decoder = BinaryDecoder(bytes)
    while true {
      let (count, _) = try decoder.blockHeader()
      if count == 0 { return result }
      for _ in 0..<count {
        let key = try decoder.int()
        result[key] = Array(try decoder.bytes())
      }
    }
  }

  /// The elements of an array of int or long.
  package static func longs(_ bytes: UnsafeRawBufferPointer) throws(AvroError) -> [Int64] {
    var result: [Int64] = []
    var decoder = BinaryDecoder(bytes)
    while true {
      let (count, _) = try decoder.blockHeader()
      if count == 0 { return result }
      guard count <= decoder.remaining else { throw decoder.truncated() }
      for _ in 0..<count { result.append(try decoder.long()) }
    }
  }
}

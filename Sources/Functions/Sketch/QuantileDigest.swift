import Columnar

/// A q-digest: how many values lie in ranges of numbers, each range half of another one. A rank is off by at most `maxError` of all values.
///
/// A node covers the 2^`level` numbers that have its value's upper bits. Whatever two or three nodes count that meet in one range joins there while it
/// is less than a share `maxError` / height of all, so that no path from a number to the root holds more than `maxError`.
///
/// ```
/// 0 | max error: double | decay: double, 0 | its start: int64, 0 | least: int64 | largest: int64 | count: int32 | nodes in post-order
/// node: level - 1 in 6 bits, has right child, has left child | count: double | value: int64 with its sign bit flipped
/// ```
/// - Source: Shrivastava, Buragohain, Agrawal, Suri, "Medians and beyond: new aggregation techniques for sensor networks" (2004); the bytes from airlift,
///   stats/docs/qdigest.md.
final class QuantileDigest: Sketch {
  /// Numbers are kept as unsigned ones in the same order.
  private struct Node {
    var value: UInt64
    var level: UInt8
    var count: Double

    /// The bits in which the numbers of the range differ.
    var mask: UInt64 { level == 0 ? 0 : .max >> UInt64(64 - level) }
    var upper: UInt64 { value | mask }
    var lower: UInt64 { value & ~mask }
  }

  private var maxError: Double
  /// In post-order: a range comes after the ranges inside of it.
  private var nodes: [Node] = []
  private var pending: [Node] = []
  private var least = UInt64.max
  private var largest = UInt64.min
  private var totalWeight = 0.0

  static let defaultError = 0.01
  private static let signBit: UInt64 = 1 << 63
  private static let pendingLimit = 1_024

  init(maxError: Double) { self.maxError = maxError }

  var byteCount: Int { (nodes.capacity + pending.capacity) * MemoryLayout<Node>.stride + 96 }

  // MARK: Adding

  func add(_ number: Int64, weight: Double) {
    let value = UInt64(bitPattern: number) ^ Self.signBit
    pending.append(Node(value: value, level: 0, count: weight))
    totalWeight += weight
    least = min(least, value)
    largest = max(largest, value)
    if pending.count >= max(Self.pendingLimit, nodes.count) { compress() }
  }

  func merge(_ other: QuantileDigest) {
    maxError = max(maxError, other.maxError)
    pending += other.nodes + other.pending
    totalWeight += other.totalWeight
    least = min(least, other.least)
    largest = max(largest, other.largest)
    compress()
  }

  /// Levels of the tree over all values.
  private var height: Int { totalWeight == 0 ? 0 : 64 - (least ^ largest).leadingZeroBitCount }

  /// Joins nodes, from the leaves to the root, until there are few.
  func compress() {
    if pending.isEmpty { return }
    var levels = [[Node]](repeating: [], count: 65)
    for node in nodes { levels[Int(node.level)].append(node) }
    for node in pending { levels[Int(node.level)].append(node) }
    pending = []
    let bound = (totalWeight / max(1, Double(height + 1) / maxError)).rounded(.down)
    // Nodes whose way to the root is not at its end, at most one for each prefix of the level that is reached.
    var open = Self.joined(levels[0])
    var closed: [Node] = []
    for level in 1...64 {
      if open.count <= 1 && levels[level...].allSatisfy(\.isEmpty) { break }
      let parents = Self.joined(levels[level])
      if bound > 0 {
        open = Self.meet(open, parents, level: UInt8(level), bound: bound, closed: &closed)
      } else {
        closed += parents
      }
    }
    nodes = closed + open
    nodes.sort { ($0.upper, $0.level) < ($1.upper, $1.level) }
  }

  /// Nodes of one level in ascending order, each range once.
  private static func joined(_ nodes: [Node]) -> [Node] {
    var result: [Node] = []
    for node in nodes.sorted(by: { $0.lower < $1.lower }) {
      if let last = result.last, last.lower == node.lower {
        result[result.count - 1].count += node.count
      } else {
        result.append(node)
      }
    }
    return result
  }

  /// One step up: nodes of lower levels (`children`) meet each other, and the nodes of this level, where they have the same prefix.
  private static func meet(
    _ children: [Node], _ parents: [Node], level: UInt8, bound: Double, closed: inout [Node]
  ) -> [Node] {
    func prefix(_ node: Node) -> UInt64 { level == 64 ? 0 : node.value >> UInt64(level) }
    var open: [Node] = []
    open.reserveCapacity(children.count)
    var child = 0
    var parent = 0
    while child < children.count || parent < parents.count {
      let place = min(child < children.count ? prefix(children[child]) : .max, parent < parents.count ? prefix(parents[parent]) : .max)
      let first = child
      while child < children.count, prefix(children[child]) == place { child += 1 }
      var own: Node?
      if parent < parents.count, prefix(parents[parent]) == place {
        own = parents[parent]
        parent += 1
      }
      let members = children[first..<child]
      if members.count == 1, own == nil {
        open.append(children[first])
        continue
      }
      let sum = members.reduce(own?.count ?? 0) { $0 + $1.count }
      if sum < bound {
        open.append(Node(value: own?.value ?? children[first].value, level: level, count: sum))
      } else {
        closed += members
        if let own { open.append(own) }
      }
    }
    return open
  }

  // MARK: Reading

  /// The least number such that at least a share of all values is not greater, at most `maxError` too high in rank; nil of nothing.
  /// Call `compress` before.
  func value(at share: Double) -> Int64? {
    if totalWeight == 0 { return nil }
    var sum = 0.0
    for node in nodes {
      sum += node.count
      if sum > share * totalWeight { return Self.number(min(max(node.upper, least), largest)) }
    }
    return Self.number(largest)
  }

  /// The share of values up to and including `number`; nil outside of the values. Call `compress` before.
  func share(upTo number: Int64) -> Double? {
    let value = UInt64(bitPattern: number) ^ Self.signBit
    guard totalWeight > 0, value >= least, value <= largest else { return nil }
    if value == largest { return 1 }
    return nodes.reduce(0) { $1.upper <= value ? $0 + $1.count : $0 } / totalWeight
  }

  private static func number(_ value: UInt64) -> Int64 { Int64(bitPattern: value ^ signBit) }

  // MARK: Bytes

  private static let hasLeft: UInt8 = 1
  private static let hasRight: UInt8 = 2

  init(bytes: UnsafeRawBufferPointer) throws(KernelError) {
    var reader = SketchReader(bytes, "qdigest")
    try reader.require(try reader.integer(UInt8.self) == 0, "its format is unknown")
    maxError = try reader.double()
    try reader.require(maxError > 0 && maxError <= 1, "its error is not between 0 and 1")
    try reader.require(try reader.double() == 0, "its values decay")
    _ = try reader.integer(Int64.self)
    let bounds = (try reader.integer(UInt64.self) ^ Self.signBit, try reader.integer(UInt64.self) ^ Self.signBit)
    let count = try reader.count(Int32.self, ofSize: 17)
    var open = 0
    for _ in 0..<count {
      let shape = try reader.integer(UInt8.self)
      let children = (shape & Self.hasLeft) + (shape & Self.hasRight) / Self.hasRight
      open += 1 - Int(children)
      try reader.require(open > 0, "its nodes are no tree")
      let weight = try reader.double()
      try reader.require(weight.isFinite && weight >= 0, "a count is no number")
      let node = Node(value: try reader.integer(), level: shape >> 2 + (children > 0 ? 1 : 0), count: weight)
      // Nodes of the tree that count nothing come back when it is written.
      if weight > 0 { pending.append(node) }
      totalWeight += weight
    }
    try reader.end()
    try reader.require(open == min(count, 1), "its nodes are no tree")
    if !pending.isEmpty {
      (least, largest) = bounds
      try reader.require(least <= largest, "its least value is greater than its largest")
    }
    compress()
  }

  func write(to bytes: inout TextBuffer) {
    compress()
    bytes.append(0)
    bytes.append(littleEndian: maxError)
    bytes.append(littleEndian: 0.0)
    bytes.append(littleEndian: Int64(0))
    bytes.append(littleEndian: totalWeight == 0 ? Int64.max : Self.number(least))
    bytes.append(littleEndian: totalWeight == 0 ? Int64.min : Self.number(largest))
    var tree: [(node: Node, shape: UInt8)] = []
    if !nodes.isEmpty { Self.addTree(nodes[...], to: &tree) }
    bytes.append(littleEndian: Int32(truncatingIfNeeded: tree.count))
    for (node, shape) in tree {
      // A node without children says its level as it is, which Trino reads so.
      bytes.append((shape == 0 ? node.level : node.level - 1) << 2 | shape)
      bytes.append(littleEndian: node.count)
      bytes.append(littleEndian: node.value)
    }
  }

  /// A range of nodes in post-order as one tree in post-order, with nodes that count nothing where two branches meet. Not deeper than 65.
  private static func addTree(_ nodes: ArraySlice<Node>, to tree: inout [(node: Node, shape: UInt8)]) {
    guard let first = nodes.first, var root = nodes.last else { return }
    let lowest = nodes.reduce(first.lower) { min($0, $1.lower) }
    let level = UInt8(64 - (lowest ^ root.upper).leadingZeroBitCount)
    var inside = nodes
    if root.level == level {
      inside = nodes.dropLast()
    } else {
      root = Node(value: root.value, level: level, count: 0)
    }
    // The right half begins with the bit below the common prefix.
    let branch: UInt64 = level == 0 ? 0 : 1 << UInt64(level - 1)
    let split = inside.firstIndex { $0.value & branch != 0 } ?? inside.endIndex
    addTree(inside[..<split], to: &tree)
    addTree(inside[split...], to: &tree)
    let shape = (split > inside.startIndex ? hasLeft : 0) | (split < inside.endIndex ? hasRight : 0)
    tree.append((root, shape))
  }
}

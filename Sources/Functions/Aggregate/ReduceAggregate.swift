import Columnar

extension FunctionLibrary {
  static let reducing: [AggregateDefinition] = [
    AggregateDefinition(
      "reduce_agg", "One value of all values: (x, start, function of state and value, function of two states).",
      [
        .variable("T"), .variable("S"), .function([.variable("S"), .variable("T")], .variable("S")),
        .function([.variable("S"), .variable("S")], .variable("S")),
      ], returns: .pattern(.variable("S"))
    ) { (types: [SQLType], result: SQLType) throws(FunctionError) in { _ in ReduceState(result) } }
  ]
}

/// Every value meets the start on its own; the states of a group are then combined pair by pair in their order, so that a batch costs
/// as many calls of the lambdas as its largest group has binary digits.
private final class ReduceState: LambdaAggregateState {
  var lambdas: [LambdaEvaluator] = []
  private let type: SQLType
  /// Nil for groups without values.
  private var states: [ScalarValue?] = []

  init(_ type: SQLType) { self.type = type }

  func resize(groupCount: Int) {
    if groupCount > states.count { states += Array(repeating: nil, count: groupCount - states.count) }
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let rows = validRows(arguments[0]) ?? (0..<UInt32(truncatingIfNeeded: count)).map { $0 }
    if rows.isEmpty { return }
    let mapped = try call(0, arguments[1].take(rows), arguments[0].take(rows), rows.count)
    try add(mapped, rows.map { groups[Int($0)] })
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? ReduceState else { return }
    let builder = ColumnBuilder(type: type, capacity: count)
    var groups: [UInt32] = []
    for group in 0..<min(count, other.states.count) {
      guard let state = other.states[group] else { continue }
      builder.append(state)
      groups.append(groupMap[group])
    }
    if !groups.isEmpty { try add(builder.finish(), groups) }
  }

  private func call(_ lambda: Int, _ first: Column, _ second: Column, _ count: Int) throws(KernelError) -> Column {
    let rows = (0..<UInt32(truncatingIfNeeded: count)).map { $0 }
    return try lambdas[lambda]([first, second], rows, count).flattened()
  }

  /// Combines states that follow each other with what their groups hold.
  private func add(_ column: Column, _ groups: [UInt32]) throws(KernelError) {
    // The held states come first, so that the order of values is kept.
    let held = ColumnBuilder(type: type)
    var heldGroups: [UInt32] = []
    for group in Set(groups).sorted() {
      guard let state = states[Int(group)] else { continue }
      held.append(state)
      heldGroups.append(group)
    }
    let all = heldGroups.isEmpty ? column : Column.concatenated([held.finish(), column], type: type)
    let numbers = heldGroups + groups
    let order = numbers.indices.sorted { (numbers[$0], $0) < (numbers[$1], $1) }
    var current = all.take(order.map { UInt32(truncatingIfNeeded: $0) })
    var owners = order.map { numbers[$0] }
    while true {
      var left: [UInt32] = []
      var right: [UInt32] = []
      /// For each state of the next round: its place among the combined ones, or among the present ones.
      var next: [(isCombined: Bool, place: UInt32)] = []
      var nextOwners: [UInt32] = []
      var place = 0
      while place < owners.count {
        nextOwners.append(owners[place])
        if place + 1 < owners.count, owners[place + 1] == owners[place] {
          next.append((true, UInt32(truncatingIfNeeded: left.count)))
          left.append(UInt32(truncatingIfNeeded: place))
          right.append(UInt32(truncatingIfNeeded: place + 1))
          place += 2
        } else {
          next.append((false, UInt32(truncatingIfNeeded: place)))
          place += 1
        }
      }
      if left.isEmpty { break }
      let combined = try call(1, current.take(left), current.take(right), left.count)
      let both = Column.concatenated([combined, current.flattened()], type: type)
      current = both.take(next.map { $0.isCombined ? $0.place : UInt32(truncatingIfNeeded: combined.count) + $0.place })
      owners = nextOwners
    }
    for (place, group) in owners.enumerated() { states[Int(group)] = current.scalarValue(at: place) }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let builder = ColumnBuilder(type: type, capacity: count)
    for group in start..<start + count { builder.append(states[group] ?? .null) }
    return builder.finish()
  }

  var byteCount: Int { states.count * 64 }
}

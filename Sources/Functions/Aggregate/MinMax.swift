import Columnar

extension FunctionLibrary {
  static let minMax: [AggregateDefinition] = [
    pick("max", "Largest value; NaN only without any other.", .largest, ignoresDuplicates: true),
    pick("min", "Smallest value; NaN only without any other.", .smallest, ignoresDuplicates: true),
    pick("any_value", aliases: ["arbitrary"], "Some value that is not NULL.", .first, ignoresDuplicates: true),
  ]

  private static func pick(
    _ name: String, aliases: [String] = [], _ description: String, _ choice: PickChoice, ignoresDuplicates: Bool
  ) -> AggregateDefinition {
    AggregateDefinition(
      name, aliases: aliases, description, [.variable("T")], returns: .argument(0), ignoresDuplicates: ignoresDuplicates
    ) { (types: [SQLType], _: SQLType) throws(FunctionError) in
      let type = types[0]
      if choice != .first { try requireOrderable(type, name) }
      return { _ in makePickState(type, choice) }
    }
  }
}

/// Which of two values of a group stays.
enum PickChoice: Sendable { case largest, smallest, first }

private func makePickState(_ type: SQLType, _ choice: PickChoice) -> any AggregateState {
  switch type.physical {
  case .string: TextPickState(type, choice)
  case .timestampTZ, .list, .row: GeneralPickState(type, choice)
  default: FixedPickState(type, choice)
  }
}

private protocol PickRule {
  associatedtype Value
  static func replaces(_ new: Value, _ old: Value) -> Bool
}

private enum LargestRule<Value: Comparable>: PickRule {
  @inline(__always) static func replaces(_ new: Value, _ old: Value) -> Bool { new > old }
}
private enum SmallestRule<Value: Comparable>: PickRule {
  @inline(__always) static func replaces(_ new: Value, _ old: Value) -> Bool { new < old }
}
private enum LargestFloatRule<Value: BinaryFloatingPoint>: PickRule {
  @inline(__always) static func replaces(_ new: Value, _ old: Value) -> Bool { new > old || old != old }
}
private enum SmallestFloatRule<Value: BinaryFloatingPoint>: PickRule {
  @inline(__always) static func replaces(_ new: Value, _ old: Value) -> Bool { new < old || old != old }
}
private enum FirstRule<Value>: PickRule {
  @inline(__always) static func replaces(_ new: Value, _ old: Value) -> Bool { false }
}

/// Values of a fixed width.
///
/// Not a generic class: methods of generic classes run unspecialised when they are called through a protocol, twenty times slower.
/// A switch once a batch leads to a loop of its own for each type and choice.
private final class FixedPickState: GroupwiseAggregateState {
  private let values: GroupBytes
  private let seen = GroupValues<UInt8>()
  private let type: SQLType
  private let choice: PickChoice

  init(_ type: SQLType, _ choice: PickChoice) {
    self.type = type
    self.choice = choice
    values = GroupBytes(width: type.physical.byteWidth)
  }

  func resize(groupCount: Int) {
    values.resize(groupCount)
    seen.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let argument = arguments[0]
    offer(.rows(ColumnView(argument)), groups, count)
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? FixedPickState else { return }
    offer(.groups(groups, values: UnsafeRawPointer(other.values.base), seen: other.seen.base), targets, count)
  }

  /// What is offered: rows of a column, or the values of another worker's groups.
  private enum Offer {
    case rows(ColumnView)
    case groups(UnsafePointer<UInt32>, values: UnsafeRawPointer, seen: UnsafePointer<UInt8>)
  }

  private func offer(_ new: Offer, _ groups: UnsafePointer<UInt32>, _ count: Int) {
    switch type.physical {
    case .boolean: whole(UInt8.self, new, groups, count)
    case .int8: whole(Int8.self, new, groups, count)
    case .int16: whole(Int16.self, new, groups, count)
    case .int32: whole(Int32.self, new, groups, count)
    case .int64: whole(Int64.self, new, groups, count)
    case .int128: whole(Int128.self, new, groups, count)
    case .float: floating(Float.self, new, groups, count)
    case .double: floating(Double.self, new, groups, count)
    case .string, .timestampTZ, .list, .row: break  // other states have those
    }
  }

  private func whole<Value: Comparable & BitwiseCopyable>(
    _: Value.Type, _ new: Offer, _ groups: UnsafePointer<UInt32>, _ count: Int
  ) {
    switch choice {
    case .largest: offer(LargestRule<Value>.self, new, groups, count)
    case .smallest: offer(SmallestRule<Value>.self, new, groups, count)
    case .first: offer(FirstRule<Value>.self, new, groups, count)
    }
  }

  private func floating<Value: BinaryFloatingPoint & BitwiseCopyable>(
    _: Value.Type, _ new: Offer, _ groups: UnsafePointer<UInt32>, _ count: Int
  ) {
    switch choice {
    case .largest: offer(LargestFloatRule<Value>.self, new, groups, count)
    case .smallest: offer(SmallestFloatRule<Value>.self, new, groups, count)
    case .first: offer(FirstRule<Value>.self, new, groups, count)
    }
  }

  private func offer<Rule: PickRule>(
    _: Rule.Type, _ new: Offer, _ groups: UnsafePointer<UInt32>, _ count: Int
  ) where Rule.Value: BitwiseCopyable {
    let values = self.values.base.assumingMemoryBound(to: Rule.Value.self)
    let seen = self.seen.base
    @inline(__always) func offer(_ value: Rule.Value, to group: Int) {
      if seen[group] == 0 || Rule.replaces(value, values[group]) {
        values[group] = value
        seen[group] = 1
      }
    }
    switch new {
    case .rows(let view):
      let source = view.pointer(as: Rule.Value.self)
      forEachValidRow(view, count) { row, index in offer(source[index], to: Int(groups[row])) }
    case .groups(let numbers, let theirs, let isThere):
      let source = theirs.assumingMemoryBound(to: Rule.Value.self)
      for index in 0..<count {
        let group = Int(numbers[index])
        if isThere[group] != 0 { offer(source[group], to: Int(groups[index])) }
      }
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    switch values.width {
    case 1: try column(UInt8.self, start, count)
    case 2: try column(UInt16.self, start, count)
    case 4: try column(UInt32.self, start, count)
    case 8: try column(UInt64.self, start, count)
    default: try column(UInt128.self, start, count)
    }
  }

  private func column<Bits: BitwiseCopyable>(_: Bits.Type, _ start: Int, _ count: Int) throws(KernelError) -> Column {
    let values = self.values.base.assumingMemoryBound(to: Bits.self)
    let seen = self.seen.base
    return try groupColumn(type, start: start, count: count, isPresent: { seen[$0] != 0 }) {
      (group: Int) throws(KernelError) in values[group]
    }
  }

  var byteCount: Int { values.byteCount + seen.byteCount }
}

/// Text and binary, by bytes; kept values are copied, so that no input is held.
private final class TextPickState: GroupwiseAggregateState {
  private let values = GroupValues<StringView>()
  private let seen = GroupValues<UInt8>()
  private var heap = StringHeap()
  private let type: SQLType
  private let choice: PickChoice

  init(_ type: SQLType, _ choice: PickChoice) {
    self.type = type
    self.choice = choice
  }

  func resize(groupCount: Int) {
    values.resize(groupCount)
    seen.resize(groupCount)
  }

  private func offer(_ view: UnsafePointer<StringView>, to group: Int) {
    if seen[group] != 0 {
      switch choice {
      case .first: return
      case .largest: if StringView.compare(view, values.base + group) <= 0 { return }
      case .smallest: if StringView.compare(view, values.base + group) >= 0 { return }
      }
    }
    values.base[group] = heap.copy(StringView.buffer(at: view))
    seen.base[group] = 1
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let argument = arguments[0]
    let view = ColumnView(argument)
    let source = view.pointer(as: StringView.self)
    for row in 0..<count where view.isValid(row) { offer(source + view.index(row), to: Int(groups[row])) }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? TextPickState else { return }
    for index in 0..<count {
      let group = Int(groups[index])
      if other.seen[group] != 0 { offer(other.values.base + group, to: Int(targets[index])) }
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let values = self.values
    let seen = self.seen
    let column = try groupColumn(type, start: start, count: count, isPresent: { seen[$0] != 0 }) {
      (group: Int) throws(KernelError) in values[group]
    }
    return Column(
      flat: FlatVector(values: column.flat.values, validity: column.flat.validity, heap: heap.blocks), type: type,
      count: count)
  }

  var byteCount: Int { values.byteCount + seen.byteCount + heap.byteCount }
}

/// Nested values and zoned timestamps, value by value.
private final class GeneralPickState: GroupwiseAggregateState {
  private var values: [ScalarValue] = []
  private let type: SQLType
  private let choice: PickChoice

  init(_ type: SQLType, _ choice: PickChoice) {
    self.type = type
    self.choice = choice
  }

  func resize(groupCount: Int) {
    if groupCount > values.count { values += Array(repeating: .null, count: groupCount - values.count) }
  }

  private func offer(_ value: ScalarValue, to group: Int) throws(KernelError) {
    guard value != .null else { return }
    if values[group] != .null {
      guard choice != .first else { return }
      guard case .timestampTZ(let new) = value, case .timestampTZ(let old) = values[group] else {
        let pair = ColumnBuilder(type: type, capacity: 2)
        pair.append(value)
        pair.append(values[group])
        let both = pair.finish()
        let order = RowComparer(both, both).order(0, 1)
        if choice == .largest ? order > 0 : order < 0 { values[group] = value }
        return
      }
      if choice == .largest ? new <= old : new >= old { return }
    }
    values[group] = value
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    for row in 0..<count { try offer(arguments[0].scalarValue(at: row), to: Int(groups[row])) }
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? GeneralPickState else { return }
    for index in 0..<count { try offer(other.values[Int(groups[index])], to: Int(targets[index])) }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let builder = ColumnBuilder(type: type, capacity: count)
    for group in start..<start + count { builder.append(group < values.count ? values[group] : .null) }
    return builder.finish()
  }

  var byteCount: Int { values.count * 64 }
}

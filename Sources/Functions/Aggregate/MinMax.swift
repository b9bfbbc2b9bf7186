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
      return { _ in makePickState(type, choice) }
    }
  }
}

/// Which of two values of a group stays.
enum PickChoice: Sendable { case largest, smallest, first }

private func makePickState(_ type: SQLType, _ choice: PickChoice) -> any AggregateState {
  func fixed<Value: Comparable & BitwiseCopyable>(_: Value.Type) -> any AggregateState {
    switch choice {
    case .largest: FixedPickState<Value, LargestRule<Value>>(type)
    case .smallest: FixedPickState<Value, SmallestRule<Value>>(type)
    case .first: FixedPickState<Value, FirstRule<Value>>(type)
    }
  }
  func floating<Value: BinaryFloatingPoint & BitwiseCopyable>(_: Value.Type) -> any AggregateState {
    switch choice {
    case .largest: FixedPickState<Value, LargestFloatRule<Value>>(type)
    case .smallest: FixedPickState<Value, SmallestFloatRule<Value>>(type)
    case .first: FixedPickState<Value, FirstRule<Value>>(type)
    }
  }
  switch type.physical {
  case .boolean: return fixed(UInt8.self)
  case .int8: return fixed(Int8.self)
  case .int16: return fixed(Int16.self)
  case .int32: return fixed(Int32.self)
  case .int64: return fixed(Int64.self)
  case .int128: return fixed(Int128.self)
  case .float: return floating(Float.self)
  case .double: return floating(Double.self)
  case .string: return TextPickState(type, choice)
  case .timestampTZ, .list, .row: return GeneralPickState(type, choice)
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

private final class FixedPickState<Value: BitwiseCopyable, Rule: PickRule>: AggregateState where Rule.Value == Value {
  private let values = GroupValues<Value>()
  private let seen = GroupValues<UInt8>()
  private let type: SQLType

  init(_ type: SQLType) { self.type = type }

  func resize(groupCount: Int) {
    values.resize(groupCount)
    seen.resize(groupCount)
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let values = self.values.base
    let seen = self.seen.base
    let argument = arguments[0]
    let view = ColumnView(argument)
    let source = view.pointer(as: Value.self)
    forEachValidRow(view, count) { row, index in
      let group = Int(groups[row])
      let value = source[index]
      if seen[group] == 0 || Rule.replaces(value, values[group]) {
        values[group] = value
        seen[group] = 1
      }
    }
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? FixedPickState<Value, Rule> else { return }
    for group in 0..<count where other.seen[group] != 0 {
      let target = Int(groupMap[group])
      if seen[target] == 0 || Rule.replaces(other.values[group], values[target]) {
        values.base[target] = other.values[group]
        seen.base[target] = 1
      }
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let values = self.values
    let seen = self.seen
    return try groupColumn(type, start: start, count: count, isPresent: { seen[$0] != 0 }) {
      (group: Int) throws(KernelError) in values[group]
    }
  }

  var byteCount: Int { values.byteCount + seen.byteCount }
}

/// Text and binary, by bytes; kept values are copied, so that no input is held.
private final class TextPickState: AggregateState {
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

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? TextPickState else { return }
    for group in 0..<count where other.seen[group] != 0 { offer(other.values.base + group, to: Int(groupMap[group])) }
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
private final class GeneralPickState: AggregateState {
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

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? GeneralPickState else { return }
    for group in 0..<min(count, other.values.count) { try offer(other.values[group], to: Int(groupMap[group])) }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let builder = ColumnBuilder(type: type, capacity: count)
    for group in start..<start + count { builder.append(group < values.count ? values[group] : .null) }
    return builder.finish()
  }

  var byteCount: Int { values.count * 64 }
}

import Columnar

/// An aggregate whose state per group is a small value of fixed size; zero bytes are the state of no rows.
protocol UnaryFold: Sendable {
  associatedtype Accumulator: BitwiseCopyable
  /// What lies in the argument's value buffer.
  associatedtype Stored: BitwiseCopyable
  associatedtype Output: BitwiseCopyable
  func add(_ value: Stored, to state: inout Accumulator)
  func merge(_ other: Accumulator, into state: inout Accumulator)
  /// Nil is NULL.
  func result(_ state: Accumulator) throws(KernelError) -> Output?
  /// `add` for all valid rows; the default is what is wanted. A requirement because the generic class that calls it runs unspecialised,
  /// while the witness of each fold is compiled for that fold.
  func addAll(_ view: ColumnView, groups: UnsafePointer<UInt32>, count: Int, to states: UnsafeMutablePointer<Accumulator>)
}

extension UnaryFold {
  func addAll(_ view: ColumnView, groups: UnsafePointer<UInt32>, count: Int, to states: UnsafeMutablePointer<Accumulator>) {
    let values = view.pointer(as: Stored.self)
    forEachValidRow(view, count) { row, index in add(values[index], to: &states[Int(groups[row])]) }
  }
}

/// The same over two doubles (or reals); rows with a NULL in either are left out.
protocol BinaryFold: Sendable {
  associatedtype Accumulator: BitwiseCopyable
  func add(_ y: Double, _ x: Double, to state: inout Accumulator)
  func merge(_ other: Accumulator, into state: inout Accumulator)
  func result(_ state: Accumulator) -> Double?
  /// `add` for all rows without NULL, as in `UnaryFold`; `isReal` says what the columns hold.
  func addAll(
    _ y: ColumnView, _ x: ColumnView, isReal: Bool, groups: UnsafePointer<UInt32>, count: Int,
    to states: UnsafeMutablePointer<Accumulator>)
}

extension BinaryFold {
  func addAll(
    _ y: ColumnView, _ x: ColumnView, isReal: Bool, groups: UnsafePointer<UInt32>, count: Int,
    to states: UnsafeMutablePointer<Accumulator>
  ) {
    for row in 0..<count where y.isValid(row) && x.isValid(row) {
      let (i, j) = (y.index(row), x.index(row))
      if isReal {
        add(Double(y.pointer(as: Float.self)[i]), Double(x.pointer(as: Float.self)[j]), to: &states[Int(groups[row])])
      } else {
        add(y.pointer(as: Double.self)[i], x.pointer(as: Double.self)[j], to: &states[Int(groups[row])])
      }
    }
  }
}

final class UnaryFoldState<Fold: UnaryFold>: GroupwiseAggregateState {
  private let fold: Fold
  private let type: SQLType
  private let states = GroupValues<Fold.Accumulator>()

  init(_ fold: Fold, _ type: SQLType) {
    self.fold = fold
    self.type = type
  }

  func resize(groupCount: Int) { states.resize(groupCount) }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let argument = arguments[0]
    fold.addAll(ColumnView(argument), groups: groups, count: count, to: states.base)
    withExtendedLifetime(argument) {}
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? UnaryFoldState<Fold> else { return }
    for index in 0..<count { fold.merge(other.states[Int(groups[index])], into: &states.base[Int(targets[index])]) }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let states = self.states
    let fold = self.fold
    return try optionalGroupColumn(type, start: start, count: count) { (group: Int) throws(KernelError) in
      try fold.result(states[group])
    }
  }

  var byteCount: Int { states.byteCount }
}

final class BinaryFoldState<Fold: BinaryFold>: GroupwiseAggregateState {
  private let fold: Fold
  private let type: SQLType
  private let states = GroupValues<Fold.Accumulator>()

  /// - Parameter type: double or real, of the arguments and of the result.
  init(_ fold: Fold, _ type: SQLType) {
    self.fold = fold
    self.type = type
  }

  func resize(groupCount: Int) { states.resize(groupCount) }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    let (first, second) = (arguments[0], arguments[1])
    fold.addAll(
      ColumnView(first), ColumnView(second), isReal: type == .real, groups: groups, count: count, to: states.base)
    withExtendedLifetime((first, second)) {}
  }

  func merge(
    _ other: any AggregateState, groups: UnsafePointer<UInt32>, into targets: UnsafePointer<UInt32>, count: Int
  ) throws(KernelError) {
    guard let other = other as? BinaryFoldState<Fold> else { return }
    for index in 0..<count { fold.merge(other.states[Int(groups[index])], into: &states.base[Int(targets[index])]) }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    let states = self.states
    let fold = self.fold
    if type == .real {
      return try optionalGroupColumn(type, start: start, count: count) { (group: Int) throws(KernelError) in
        fold.result(states[group]).map { Float($0) }
      }
    }
    return try optionalGroupColumn(type, start: start, count: count) { (group: Int) throws(KernelError) in
      fold.result(states[group])
    }
  }

  var byteCount: Int { states.byteCount }
}

/// A result column of the groups `start ..< start + count`; nil is NULL.
func optionalGroupColumn<Value: BitwiseCopyable>(
  _ type: SQLType, start: Int, count: Int, _ value: (Int) throws(KernelError) -> Value?
) throws(KernelError) -> Column {
  let values = Buffer.zeroed(byteCount: count &* MemoryLayout<Value>.stride)
  let target = values.pointer(as: Value.self)
  let validity = Buffer.allValid(count: count)
  let flags = validity.pointer(as: UInt8.self)
  var hasNulls = false
  for offset in 0..<count {
    if let result = try value(start &+ offset) {
      target[offset] = result
    } else {
      flags[offset] = 0
      hasNulls = true
    }
  }
  return Column(type: type, count: count, values: values, validity: hasNulls ? validity : nil)
}

extension AggregateDefinition {
  init<Fold: UnaryFold>(
    _ name: String, aliases: [String] = [], _ description: String, _ parameter: TypePattern, returns type: SQLType,
    ignoresDuplicates: Bool = false, fold: Fold
  ) {
    self.init(
      name, aliases: aliases, description, [parameter], returns: .type(type), ignoresDuplicates: ignoresDuplicates
    ) { (_: [SQLType], _: SQLType) throws(FunctionError) in
      { _ in UnaryFoldState(fold, type) }
    }
  }
}

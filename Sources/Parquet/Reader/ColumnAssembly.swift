import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// A column while its stretches come out of the pages. Stays a dictionary column as long as every stretch is dictionary-encoded,
/// and becomes flat, with what came before looked up, at the first one that is not.
struct ColumnAssembly {
  enum Mode {
    case undecided, dictionary, flat
  }

  let type: SQLType
  private let width: Int
  private var capacity: Int
  /// Rows so far.
  var done = 0
  private(set) var mode = Mode.undecided
  private var valueBuffer: Buffer?
  private var indexBuffer: Buffer?
  private var validityBuffer: Buffer?
  /// What string views point into.
  var heap: [Buffer] = []
  private var nullCount = 0

  init(type: SQLType, capacity: Int) {
    self.type = type
    self.capacity = capacity
    width = type.physical.byteWidth
  }

  /// Makes room for `count` more rows; for columns whose length is not known before.
  mutating func reserve(_ count: Int) {
    guard done &+ count > capacity else { return }
    capacity = max(done &+ count, capacity &* 2, 1_024)
    func grown(_ buffer: Buffer?, _ width: Int) -> Buffer? {
      guard let buffer else { return nil }
      let larger = Buffer(byteCount: capacity &* width)
      memcpy(larger.base, buffer.base, done &* width)
      return larger
    }
    valueBuffer = grown(valueBuffer, width)
    indexBuffer = grown(indexBuffer, 4)
    validityBuffer = grown(validityBuffer, 1)
  }

  var hasValidity: Bool { validityBuffer != nil }

  /// One byte per row; rows before the first null are marked valid when it is made.
  mutating func validity() -> UnsafeMutablePointer<UInt8> {
    if let validityBuffer { return validityBuffer.base.assumingMemoryBound(to: UInt8.self) }
    let buffer = Buffer(byteCount: capacity)
    memset(buffer.base, 1, done)
    validityBuffer = buffer
    return buffer.base.assumingMemoryBound(to: UInt8.self)
  }

  mutating func indices() -> UnsafeMutablePointer<UInt32> {
    mode = .dictionary
    if let indexBuffer { return indexBuffer.base.assumingMemoryBound(to: UInt32.self) }
    let buffer = Buffer(byteCount: capacity &* 4)
    memset(buffer.base, 0, done &* 4)
    indexBuffer = buffer
    return buffer.base.assumingMemoryBound(to: UInt32.self)
  }

  mutating func values() -> UnsafeMutableRawPointer {
    if let valueBuffer { return valueBuffer.base }
    let buffer = Buffer(byteCount: capacity &* width)
    memset(buffer.base, 0, done &* width)
    valueBuffer = buffer
    return buffer.base
  }

  /// Null rows; their validity has been written. Without any value so far nothing else is needed.
  mutating func appendNulls(_ count: Int) {
    nullCount &+= count
    switch mode {
    case .undecided: break
    case .dictionary: memset(indices() + done, 0, count &* 4)
    case .flat: memset(values() + done &* width, 0, count &* width)
    }
  }

  /// From here on values are stored, not ids.
  mutating func becomeFlat(_ dictionary: Column?) {
    guard mode != .flat else { return }
    let wasDictionary = mode == .dictionary
    mode = .flat
    guard wasDictionary, let dictionary, let indexBuffer, done > 0 else { return }
    gather(dictionary, indexBuffer.base.assumingMemoryBound(to: UInt32.self), done, at: 0)
    self.indexBuffer = nil
  }

  /// Looks up dictionary entries into the rows from `row` on.
  mutating func gather(_ dictionary: Column, _ indices: UnsafePointer<UInt32>, _ count: Int, at row: Int) {
    let source = dictionary.flat
    for block in source.heap where heap.last !== block { heap.append(block) }
    guard dictionary.count > 0 else {
      memset(values() + row &* width, 0, count &* width)
      return
    }
    let target = values() + row &* width
    func fixed<Value: BitwiseCopyable>(_ type: Value.Type) {
      let entries = source.values.pointer(as: type)
      let output = target.assumingMemoryBound(to: type)
      for index in 0..<count { output[index] = entries[Int(indices[index])] }
    }
    switch width {
    case 1: fixed(UInt8.self)
    case 2: fixed(UInt16.self)
    case 4: fixed(UInt32.self)
    case 8: fixed(UInt64.self)
    default: fixed(UInt128.self)
    }
    withExtendedLifetime(source) {}
  }

  /// The column of the rows so far.
  func finish(dictionary: Column?) -> Column {
    let validity = validityBuffer.map { BufferSlice($0) }
    switch mode {
    case .undecided:
      if done == 0 { return Column(type: type, count: 0, values: Buffer(byteCount: 0)) }
      return Column.nulls(type, count: done)
    case .dictionary:
      guard let dictionary, let indexBuffer else { return Column.nulls(type, count: done) }
      return Column(
        type: type, count: done,
        encoding: .dictionary(
          DictionaryVector(values: dictionary, indices: BufferSlice(indexBuffer), validity: validity)))
    case .flat:
      let values = valueBuffer ?? Buffer.zeroed(byteCount: done &* width)
      return Column(
        flat: FlatVector(values: BufferSlice(values), validity: validity, heap: heap), type: type, count: done)
    }
  }
}

/// Puts values without gaps where the valid rows are. Null rows get the value of the next valid row: cheaper than a branch.
enum Spreading {
  /// - Parameter dense: the values of the valid rows and one more, which is read but means nothing.
  @inline(__always)
  static func spread<Value: BitwiseCopyable>(
    _ dense: UnsafePointer<Value>, _ validity: UnsafePointer<UInt8>, _ count: Int, into target: UnsafeMutablePointer<Value>
  ) {
    var next = 0
    for row in 0..<count {
      target[row] = dense[next]
      next &+= Int(validity[row])
    }
  }

  static func spread(
    _ dense: UnsafeRawPointer, _ validity: UnsafePointer<UInt8>, _ count: Int, width: Int,
    into target: UnsafeMutableRawPointer
  ) {
    func fixed<Value: BitwiseCopyable>(_ type: Value.Type) {
      spread(dense.assumingMemoryBound(to: type), validity, count, into: target.assumingMemoryBound(to: type))
    }
    switch width {
    case 1: fixed(UInt8.self)
    case 2: fixed(UInt16.self)
    case 4: fixed(UInt32.self)
    case 8: fixed(UInt64.self)
    default: fixed(UInt128.self)
    }
  }
}

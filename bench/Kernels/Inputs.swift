import Columnar

/// Values that follow from a seed.
struct InputRandom {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }

  mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// Columns and bare memory for kernels.
enum Inputs {
  /// Percentages with two digits, as methylation values are: ten thousand distinct ones.
  static func percentages(_ count: Int, seed: UInt64) -> [Double] {
    var random = InputRandom(seed)
    return (0..<count).map { _ in Double(random.next(below: 10_001)) / 100 }
  }

  static func integers(_ count: Int, below bound: Int, seed: UInt64) -> [Int64] {
    var random = InputRandom(seed)
    return (0..<count).map { _ in Int64(random.next(below: bound)) }
  }

  /// One byte a row, 0 for about one row in `oneIn`.
  static func validity(_ count: Int, oneIn: Int, seed: UInt64) -> [UInt8] {
    var random = InputRandom(seed)
    return (0..<count).map { _ in random.next(below: oneIn) == 0 ? 0 : 1 }
  }

  /// Names of loci, 14 to 16 bytes.
  static func loci(_ count: Int) -> [String] {
    var random = InputRandom(5)
    var position = 1_000_000
    return (0..<count).map { _ in
      position += 2 + random.next(below: 200)
      return "chr12:\(position)00"
    }
  }

  static func column(_ values: [Double], validity: [UInt8]? = nil) -> Column {
    Column(type: .double, count: values.count, values: Buffer.of(values), validity: validity.map { Buffer.of($0) })
  }

  static func column(_ values: [Int64]) -> Column { Column(type: .bigint, count: values.count, values: Buffer.of(values)) }

  static func column(_ values: [String]) -> Column {
    let builder = ColumnBuilder(type: .varchar, capacity: values.count)
    for value in values { builder.append(text: value) }
    return builder.finish()
  }
}

/// Memory that both sides write to; never freed, because kernels live as long as the process.
func scratch<Value: BitwiseCopyable>(_ count: Int, of type: Value.Type) -> UnsafeMutablePointer<Value> {
  let memory = UnsafeMutablePointer<Value>.allocate(capacity: count)
  UnsafeMutableRawPointer(memory).initializeMemory(as: UInt8.self, repeating: 0, count: count * MemoryLayout<Value>.stride)
  return memory
}

func copied<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafePointer<Value> {
  let memory = scratch(values.count, of: Value.self)
  for (index, value) in values.enumerated() { memory[index] = value }
  return UnsafePointer(memory)
}

/// Something the optimiser must assume to be read.
nonisolated(unsafe) var sinkWord: UInt64 = 0
@inline(never) func use(_ value: UInt64) { sinkWord ^= value }

import Columnar
import Functions
import Glibc

private let count = 1 << 16

/// Scalar functions through their one-line definitions, aggregates through `AggregateState`: both are closures and protocols between the
/// executor and the loop, and must be so once a batch only.
func functionKernels() throws -> [Kernel] {
  let library = FunctionLibrary.standard
  let context = QueryContext()
  let left = Inputs.percentages(count, seed: 6)
  let right = Inputs.percentages(count, seed: 7)
  let leftColumn = Inputs.column(left)
  let rightColumn = Inputs.column(right)
  let (bareLeft, bareRight) = (copied(left), copied(right))
  let results = scratch(count, of: Double.self)
  let flags = scratch(count, of: UInt8.self)

  let groups = copied(Inputs.integers(count, below: 512, seed: 8).map { UInt32($0) })
  let sums = scratch(512, of: Double.self)
  let counts = scratch(512, of: Int64.self)

  func scalar(
    _ name: String, _ arguments: [Column], limit: Double, _ loop: @escaping () -> Void
  ) throws -> Kernel {
    let function = try library.resolveScalar(name, arguments.map(\.type))
    return Kernel(name: "functions: \(name) of double", limit: limit, count: count) {
      let call = FunctionCall(count: count, resultType: function.resultType, context: context)
      use(UInt64(try function.kernel(arguments, call).count))
    } loop: {
      loop()
    }
  }

  func aggregate(_ name: String, limit: Double, _ loop: @escaping () -> Void) throws -> Kernel {
    let state = try library.resolveAggregate(name, [.double]).makeState(context)
    state.resize(groupCount: 512)
    return Kernel(name: "functions: \(name) of double, 512 groups", limit: limit, count: count) {
      try state.update([leftColumn], groups: groups, count: count)
    } loop: {
      loop()
    }
  }

  return [
    try scalar("+", [leftColumn, rightColumn], limit: 3) { add(bareLeft, bareRight, into: results) },
    try scalar(">", [leftColumn, rightColumn], limit: 3) { compare(bareLeft, bareRight, into: flags) },
    try scalar("sqrt", [leftColumn], limit: 3) { roots(bareLeft, into: results) },
    try aggregate("sum", limit: 3) { groupSums(bareLeft, groups, sums, counts) },
    try aggregate("avg", limit: 3) { groupSums(bareLeft, groups, sums, counts) },
    try aggregate("max", limit: 3) { groupMaxima(bareLeft, groups, sums, flags) },
    try aggregate("count", limit: 3) { groupCounts(groups, counts) },
  ]
}

@inline(never)
private func add(_ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
  for row in 0..<count { target[row] = left[row] + right[row] }
}

@inline(never)
private func compare(_ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, into target: UnsafeMutablePointer<UInt8>) {
  for row in 0..<count { target[row] = left[row] > right[row] ? 1 : 0 }
}

@inline(never)
private func roots(_ values: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
  for row in 0..<count { target[row] = values[row].squareRoot() }
}

@inline(never)
private func groupSums(
  _ values: UnsafePointer<Double>, _ groups: UnsafePointer<UInt32>, _ sums: UnsafeMutablePointer<Double>,
  _ counts: UnsafeMutablePointer<Int64>
) {
  for row in 0..<count {
    let group = Int(groups[row])
    sums[group] += values[row]
    counts[group] &+= 1
  }
}

@inline(never)
private func groupMaxima(
  _ values: UnsafePointer<Double>, _ groups: UnsafePointer<UInt32>, _ maxima: UnsafeMutablePointer<Double>,
  _ seen: UnsafeMutablePointer<UInt8>
) {
  for row in 0..<count {
    let group = Int(groups[row])
    if seen[group] == 0 || values[row] > maxima[group] {
      maxima[group] = values[row]
      seen[group] = 1
    }
  }
}

@inline(never)
private func groupCounts(_ groups: UnsafePointer<UInt32>, _ counts: UnsafeMutablePointer<Int64>) {
  for row in 0..<count { counts[Int(groups[row])] &+= 1 }
}

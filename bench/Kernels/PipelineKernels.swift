import Columnar
import Execution
import Functions
import Planner
import SQLSyntax

private let samples = 32
private let loci = 1 << 16
private let count = samples * loci

/// Whole plans on one worker over a table in memory: scan, expressions, operators and sink with everything that stands between them.
func pipelineKernels() throws -> [Kernel] {
  let library = FunctionLibrary.standard
  let doubles = Inputs.percentages(count, seed: 11)
  let keys = Inputs.integers(count, below: 512, seed: 12)
  let names = Inputs.loci(loci)
  let table = try BatchTable(
    [("locus", .varchar), ("sample", .varchar), ("beta", .double), ("key", .bigint)],
    batches(Inputs.column(names), doubles, keys))
  let views = table.batches[0].columns[0].flat.values.pointer(as: StringView.self)

  let bare = copied(doubles)
  let bareKeys = copied(keys)
  let sums = scratch(512, of: Double.self)
  let matrix = scratch(count, of: Double.self)

  let beta = BoundExpression.column(2, .double, .unknown)
  let sum = try library.resolveAggregate("sum", [.double])
  func total(_ input: LogicalPlan, by keys: [NamedExpression]) -> LogicalPlan {
    .aggregate(
      AggregateNode(
        input: input, keys: keys, groupingSets: [Array(keys.indices)],
        aggregates: [AggregateCall(function: sum, arguments: [beta], name: "sum", range: .unknown)]))
  }
  let isLarge = BoundExpression.call(
    try library.resolveScalar(">", [.double, .double]), [beta, .literal(.double(50), .unknown)], .unknown)
  let filtered = total(.filter(table.scan, isLarge), by: [])
  let grouped = total(table.scan, by: [NamedExpression(.column(3, .bigint, .unknown), name: "key")])

  let maximum = try library.resolveAggregate("max", [.double])
  let pivot = LogicalPlan.pivot(
    PivotNode(
      input: table.scan, keys: [NamedExpression(.column(0, .varchar, .unknown), name: "locus")],
      pivotKey: .column(1, .varchar, .unknown),
      cells: (0..<samples).map {
        PivotCell(value: .text("sample_\($0)"), aggregate: maximum, arguments: [beta], name: "sample_\($0)")
      }))

  return [
    Kernel(name: "pipeline: filter and sum", limit: 6, count: count) {
      try await run(filtered)
    } loop: {
      sumAbove(bare)
    },
    Kernel(name: "pipeline: sum by bigint, 512 groups", limit: 8, count: count) {
      try await run(grouped)
    } loop: {
      sumByKey(bare, bareKeys, sums)
    },
    Kernel(name: "pipeline: pivot of \(samples) samples", limit: 8, count: count) {
      try await run(pivot)
    } loop: {
      scatter(bare, views, into: matrix)
    },
  ]
}

// MARK: Engine

private func run(_ plan: LogicalPlan) async throws {
  let executor = QueryExecutor(context: QueryContext(workerCount: 1))
  for try await batch in try await executor.execute(plan) { use(UInt64(batch.count)) }
}

/// Sample after sample, each with all loci in the same order; the sample's name is constant in a batch.
private func batches(_ names: Column, _ doubles: [Double], _ keys: [Int64]) -> [Batch] {
  let beta = Inputs.column(doubles)
  let key = Inputs.column(keys)
  var batches: [Batch] = []
  for sample in 0..<samples {
    for start in stride(from: 0, to: loci, by: Batch.defaultCapacity) {
      let size = min(Batch.defaultCapacity, loci - start)
      batches.append(
        Batch(
          columns: [
            names.slice(start, size), .constant(.text("sample_\(sample)"), count: size),
            beta.slice(sample * loci + start, size), key.slice(sample * loci + start, size),
          ], count: size))
    }
  }
  return batches
}

/// Batches in memory as one split.
private struct BatchTable: Table {
  let schema: Schema
  let batches: [Batch]

  init(_ fields: [(String, SQLType)], _ batches: [Batch]) throws {
    schema = Schema(fields.map { Field($0.0, $0.1) })
    self.batches = batches
  }

  func planScan(_ request: ScanRequest) async throws -> any Scan { BatchScan(batches: batches, columns: request.columns) }
  func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw SQLError(.notSupported, "the kernels' table is only read")
  }

  var scan: LogicalPlan {
    .scan(
      ScanNode(
        table: self, tableName: "t", tableColumns: Array(schema.fields.indices),
        columns: schema.fields.map { OutputColumn(name: $0.name, type: $0.type) }, range: .unknown))
  }
}

private struct BatchScan: Scan {
  let batches: [Batch]
  let columns: [Int]
  var splits: [any Split] { [WholeSplit()] }
  var notes: [ScanNote] { [] }
  func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader { BatchReader(batches, columns) }
}

private struct WholeSplit: Split {
  var byteCount: Int { 0 }
  var label: String { "all" }
}

private final class BatchReader: SplitReader {
  private var batches: ArraySlice<Batch>
  private let columns: [Int]

  init(_ batches: [Batch], _ columns: [Int]) {
    self.batches = batches[...]
    self.columns = columns
  }

  func next() throws -> Batch? {
    guard let batch = batches.popFirst() else { return nil }
    return Batch(columns: columns.map { batch.columns[$0] }, count: batch.count)
  }
}

// MARK: Loops

@inline(never)
private func sumAbove(_ values: UnsafePointer<Double>) {
  var sum = 0.0
  for row in 0..<count where values[row] > 50 { sum += values[row] }
  use(sum.bitPattern)
}

@inline(never)
private func sumByKey(_ values: UnsafePointer<Double>, _ keys: UnsafePointer<Int64>, _ sums: UnsafeMutablePointer<Double>) {
  for group in 0..<512 { sums[group] = 0 }
  for row in 0..<count { sums[Int(keys[row])] += values[row] }
  use(sums[0].bitPattern)
}

/// Compares every key with the one expected at its place, keeps the larger value, then reads the matrix once.
@inline(never)
private func scatter(_ values: UnsafePointer<Double>, _ names: UnsafePointer<StringView>, into matrix: UnsafeMutablePointer<Double>) {
  var missed: UInt64 = 0
  for sample in 0..<samples {
    let column = matrix + sample &* loci
    for locus in 0..<loci {
      if !StringView.equal(names + locus, names + locus) { missed &+= 1 }
      let value = values[sample &* loci &+ locus]
      if value > column[locus] { column[locus] = value }
    }
  }
  var sum = 0.0
  for cell in 0..<count { sum += matrix[cell] }
  use(missed ^ sum.bitPattern)
}

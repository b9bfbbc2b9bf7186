package import Columnar
package import Planner
package import SQLSyntax

/// The table function `sequence(start, stop, step)`: whole numbers from start to stop, both 0 where they are not given, in steps of 1 unless told otherwise.
package struct SequenceTable: Table {
  private let start: Int64
  private let step: Int64
  private let count: Int

  package let schema = Schema([Field("sequential_number", .bigint, isNullable: false)])

  package init(_ arguments: [TableFunctionValue]) throws(SQLError) {
    let names = ["start", "stop", "step"]
    var values: [Int64?] = [nil, nil, nil]
    for (position, argument) in arguments.enumerated() {
      guard let index = argument.name.map({ names.firstIndex(of: $0) }) ?? (position < names.count ? position : nil) else {
        throw SQLError(
          .invalidArguments, "sequence has no argument '\(argument.name ?? "number \(position + 1)")'", hint: "The arguments are start, stop and step.")
      }
      guard values[index] == nil else { throw SQLError(.invalidArguments, "sequence: argument '\(names[index])' is given twice") }
      guard case .int(let number) = argument.value.value, argument.value.type.isInteger else {
        throw SQLError(.invalidFunctionArgument, "sequence: argument '\(names[index])' must be a whole number, not NULL")
      }
      values[index] = number
    }
    guard let stop = values[1] else { throw SQLError(.invalidArguments, "Missing argument: STOP") }
    start = values[0] ?? 0
    step = values[2] ?? 1
    guard step != 0 else { throw SQLError(.invalidFunctionArgument, "Step must not be zero for sequence [\(start), \(stop)]") }
    guard start == stop || (start < stop) == (step > 0) else {
      throw SQLError(.invalidFunctionArgument, "Step must be \(start < stop ? "positive" : "negative") for sequence [\(start), \(stop)]")
    }
    let steps = (Int128(stop) - Int128(start)) / Int128(step)
    guard let count = Int(exactly: steps + 1) else {
      throw SQLError(.invalidFunctionArgument, "sequence [\(start), \(stop)] has too many numbers")
    }
    self.count = count
  }

  package var statistics: TableStatistics { TableStatistics(rowCount: count, distinctCounts: [0: Double(count)]) }
  package func exactRowCount() async throws -> Int? { count }

  package func planScan(_ request: ScanRequest) async throws -> any Scan { SequenceScan(start: start, step: step, count: count, columnCount: request.columns.count) }

  package func beginWrite(_ kind: WriteKind) async throws -> any TableWrite {
    throw SQLError.notSupported("Table functions cannot be written to", range: nil)
  }
}

private struct SequenceScan: Scan {
  private struct Numbers: Split {
    let rows: Range<Int>
    var byteCount: Int { rows.count * 8 }
    var label: String { "sequence \(rows)" }
  }

  let splits: [any Split]
  let notes: [ScanNote] = []
  private let start: Int64
  private let step: Int64
  /// None for a query that only counts.
  private let columnCount: Int

  /// Enough for many workers, and not more than a query can list.
  private static let mostSplits = 64
  private static let leastRows = 65_536

  init(start: Int64, step: Int64, count: Int, columnCount: Int) {
    self.start = start
    self.step = step
    self.columnCount = columnCount
    let size = max(Self.leastRows, count / Self.mostSplits + 1)
    var splits: [any Split] = []
    var row = 0
    while row < count {
      let end = count - row > size ? row + size : count
      splits.append(Numbers(rows: row..<end))
      row = end
    }
    self.splits = splits
  }

  func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    Reader(self, (split as? Numbers)?.rows ?? 0..<0, batchCapacity: context.batchCapacity)
  }

  private final class Reader: SplitReader {
    private let scan: SequenceScan
    private var rows: Range<Int>
    private let batchCapacity: Int

    init(_ scan: SequenceScan, _ rows: Range<Int>, batchCapacity: Int) {
      self.scan = scan
      self.rows = rows
      self.batchCapacity = batchCapacity
    }

    func next() throws -> Batch? {
      guard !rows.isEmpty else { return nil }
      let first = rows.lowerBound
      let count = min(batchCapacity, rows.count)
      rows = first + count..<rows.upperBound
      // Inside the sequence nothing overflows.
      let numbers = Buffer.of((0..<count).map { scan.start &+ Int64(first + $0) &* scan.step })
      let column = Column(type: .bigint, count: count, values: numbers)
      return Batch(columns: Array(repeating: column, count: scan.columnCount), count: count)
    }
  }
}

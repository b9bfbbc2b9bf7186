package import Columnar
package import Planner

/// A scan of rows that are known already: metadata tables and the like.
package struct BatchScan: Scan {
  private struct Rows: Split {
    let batch: Batch
    let label: String
    var byteCount: Int { 0 }
  }

  package let splits: [any Split]
  package let notes: [ScanNote] = []

  /// - Parameters:
  ///   - batch: all columns of the table.
  ///   - columns: the wanted ones, in their order.
  package init(_ batch: Batch, columns: [Int], label: String) {
    splits = batch.count == 0 ? [] : [Rows(batch: Batch(columns: columns.map { batch.columns[$0] }, count: batch.count), label: label)]
  }

  package func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader {
    Reader((split as? Rows)?.batch)
  }

  private final class Reader: SplitReader {
    private var batch: Batch?
    init(_ batch: Batch?) { self.batch = batch }

    func next() throws -> Batch? {
      defer { batch = nil }
      return batch
    }
  }
}

/// Collects the rows of a small table value by value.
package struct RowCollector {
  private let builders: [ColumnBuilder]
  private var count = 0

  package init(_ fields: [Field]) { builders = fields.map { ColumnBuilder(type: $0.type) } }

  /// - Parameter values: one per field.
  package mutating func append(_ values: [ScalarValue]) {
    precondition(values.count == builders.count)
    for (builder, value) in zip(builders, values) { builder.append(value) }
    count += 1
  }

  package func finish() -> Batch { Batch(columns: builders.map { $0.finish() }, count: count) }
}

extension ScalarValue {
  package static func text(_ text: String) -> ScalarValue { .bytes(Array(text.utf8)) }
  package static func text(_ text: String?) -> ScalarValue { text.map { .bytes(Array($0.utf8)) } ?? .null }
  package static func number(_ number: (some BinaryInteger)?) -> ScalarValue { number.map { .int(Int64($0)) } ?? .null }
  /// A timestamp with time zone.
  package static func milliseconds(_ value: Int64?) -> ScalarValue {
    value.map { .timestampTZ(TimestampTZ(instant: $0.multipliedReportingOverflow(by: 1_000).partialValue)) } ?? .null
  }
}

package import Synchronization

/// Totals of a running statement, read a few times a second by whoever shows progress.
package final class ProgressCounters: Sendable {
  package let splitsTotal = Atomic<Int>(0)
  package let splitsDone = Atomic<Int>(0)
  /// Of a statement that goes over files one after the other, each a split: all it will read. Zero for others.
  package let filesPlanned = Atomic<Int>(0)
  package let fileBytesPlanned = Atomic<Int>(0)
  /// Sizes of the splits that are done.
  package let splitBytesDone = Atomic<Int>(0)
  /// Rows read from tables and files.
  package let rowsRead = Atomic<Int>(0)
  /// Bytes read from storage.
  package let bytesRead = Atomic<Int>(0)
  package let bytesEstimated = Atomic<Int>(0)
  package let rowsWritten = Atomic<Int>(0)
  package let bytesWritten = Atomic<Int>(0)
  package let bytesSpilled = Atomic<Int>(0)

  package init() {}

  package static func add(_ amount: Int, to counter: borrowing Atomic<Int>) {
    counter.add(amount, ordering: .relaxed)
  }
}

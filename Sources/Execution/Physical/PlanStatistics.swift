package import Planner
package import Storage
import Synchronization

/// What happened at one node of the plan; the tree has the shape of the executed `LogicalPlan` (children as in `inputs`).
///
/// Read by EXPLAIN ANALYZE after the query, and by anybody who wants progress while it runs.
package final class PlanStatistics: Sendable {
  /// The operator that ran: `HashAggregate`, `Scan`.
  package let name: String
  package let children: [PlanStatistics]
  /// What a scan asks of stores far away; nil where nobody wants to know.
  package let storage: StorageTraffic?
  private let rowsInCount = Atomic<Int>(0)
  private let rowsOutCount = Atomic<Int>(0)
  private let bytesOutCount = Atomic<Int>(0)
  private let nanosecondsCount = Atomic<Int>(0)
  private let peakBytesCount = Atomic<Int>(0)
  private let spilledBytesCount = Atomic<Int>(0)
  private let noteList = Mutex<[ScanNote]>([])

  package init(name: String, children: [PlanStatistics] = [], storage: StorageTraffic? = nil) {
    self.name = name
    self.children = children
    self.storage = storage
  }

  package var rowsIn: Int { rowsInCount.load(ordering: .relaxed) }
  package var rowsOut: Int { rowsOutCount.load(ordering: .relaxed) }
  /// Of the batches as they were handed on, when a scan knows; otherwise 0.
  package var bytesOut: Int { bytesOutCount.load(ordering: .relaxed) }
  /// Time of all workers in this operator alone.
  package var nanoseconds: Int { nanosecondsCount.load(ordering: .relaxed) }
  /// The largest reservation of one holder of this operator.
  package var peakBytes: Int { peakBytesCount.load(ordering: .relaxed) }
  package var spilledBytes: Int { spilledBytesCount.load(ordering: .relaxed) }
  /// What a scan skipped, and other facts worth showing.
  package var notes: [ScanNote] { noteList.withLock { $0 } }

  func add(rowsIn: Int = 0, rowsOut: Int = 0, bytesOut: Int = 0, nanoseconds: Int = 0, spilledBytes: Int = 0) {
    if rowsIn != 0 { rowsInCount.add(rowsIn, ordering: .relaxed) }
    if rowsOut != 0 { rowsOutCount.add(rowsOut, ordering: .relaxed) }
    if bytesOut != 0 { bytesOutCount.add(bytesOut, ordering: .relaxed) }
    if nanoseconds != 0 { nanosecondsCount.add(nanoseconds, ordering: .relaxed) }
    if spilledBytes != 0 { spilledBytesCount.add(spilledBytes, ordering: .relaxed) }
  }

  func notePeak(bytes: Int) { peakBytesCount.max(bytes, ordering: .relaxed) }

  /// Adds notes; those with the same label are summed.
  func add(_ notes: [ScanNote]) {
    guard !notes.isEmpty else { return }
    noteList.withLock { list in
      for note in notes {
        if let index = list.firstIndex(where: { $0.label == note.label }) {
          list[index].count += note.count
        } else {
          list.append(note)
        }
      }
    }
  }
}

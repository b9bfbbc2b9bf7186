import Columnar
import Synchronization

/// Rows that are kept and read several times: the result of a common table expression. In memory while they fit, then on disk.
final class RowStore: Sink, RereadableRows {
  private let types: [SQLType]
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let parts = Mutex<[Part]>([])

  // SAFETY: made by one worker at its end, only read afterwards.
  private struct Part: @unchecked Sendable {
    let worker: Int
    let batches: [Batch]
    let file: SpillFile?
    let holder: MemoryHolder
  }

  init(types: [SQLType], context: QueryContext, statistics: PlanStatistics) {
    self.types = types
    self.context = context
    self.statistics = statistics
  }

  func makeLocal(_ worker: Worker) throws -> any Consumer { Local(self, worker) }

  private final class Local: Consumer {
    private let store: RowStore
    private let worker: Worker
    private let holder: MemoryHolder
    private var batches: [Batch] = []
    private var heldBytes = 0
    private var file: SpillFile?

    init(_ store: RowStore, _ worker: Worker) {
      self.store = store
      self.worker = worker
      holder = MemoryHolder(worker.context.memory, "common table", store.statistics)
    }

    func consume(_ batch: Batch) throws -> Demand {
      if let file {
        try file.append(batch)
        return .more
      }
      let rows = batch.compacted()
      heldBytes &+= rows.estimatedByteCount
      if holder.reserve(heldBytes) {
        batches.append(rows)
      } else {
        let file = try SpillFile(store.types, worker.context, store.statistics)
        self.file = file
        try file.append(rows)
      }
      return .more
    }

    func finish() throws {
      try file?.finish()
      let part = Part(worker: worker.index, batches: batches, file: file, holder: holder)
      store.parts.withLock { list in
        list.append(part)
        list.sort { $0.worker < $1.worker }
      }
    }
  }

  func makeSource() -> any Source { Reading(self) }

  private enum Morsel {
    case batch(Batch)
    case file(SpillFile)
  }

  private final class Reading: Source {
    private let store: RowStore
    private let cursor = Atomic<Int>(0)

    init(_ store: RowStore) { self.store = store }

    func makeLocal(_ worker: Worker) throws -> any LocalSource {
      let parts = store.parts.withLock { $0 }
      return Local(
        self, parts.flatMap { part in part.batches.map { .batch($0) } + (part.file.map { [.file($0)] } ?? []) })
    }

    private final class Local: LocalSource {
      private let reading: Reading
      private let morsels: [Morsel]
      private var reader: SpillReader?

      init(_ reading: Reading, _ morsels: [Morsel]) {
        self.reading = reading
        self.morsels = morsels
      }

      func next() throws -> Batch? {
        while true {
          if let batch = try reader?.next() { return batch }
          reader = nil
          let index = reading.cursor.add(1, ordering: .relaxed).oldValue
          guard index < morsels.count else { return nil }
          switch morsels[index] {
          case .batch(let batch): return batch
          case .file(let file): reader = try file.makeReader()
          }
        }
      }
    }
  }
}

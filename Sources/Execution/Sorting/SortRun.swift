import Columnar

/// Rows in order: held in memory, or on disk.
enum SortRun {
  case memory(Batch, SortKeys)
  case file(SpillFile)
}

/// Merges sorted runs into one sequence of batches. Equal rows come in the order of the runs.
final class SortMerger {
  private let order: SortOrder
  private let types: [SQLType]
  private let capacity: Int
  private var cursors: [Cursor] = []
  /// Binary heap of cursor numbers, the smallest row on top.
  private var heap: [Int] = []

  init(_ runs: [SortRun], _ order: SortOrder, types: [SQLType], capacity: Int) throws {
    self.order = order
    self.types = types
    self.capacity = capacity
    for run in runs {
      let cursor = Cursor(try Cursor.Input(run), order)
      if try cursor.load() { cursors.append(cursor) }
    }
    heap = Array(cursors.indices)
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(index) }
  }

  /// The next rows, nil at the end.
  func next() throws -> Batch? {
    if heap.isEmpty { return nil }
    if heap.count == 1 { return try rest() }
    // Rows per cursor, and for each output row its cursor and place there.
    var rows = [[UInt32]](repeating: [], count: cursors.count)
    var sources: [(cursor: Int, place: Int)] = []
    sources.reserveCapacity(capacity)
    while sources.count < capacity, let top = heap.first {
      let cursor = cursors[top]
      sources.append((top, rows[top].count))
      rows[top].append(cursor.row)
      cursor.advance()
      // The batch is still needed for the rows taken from it: give them out before the next one is read.
      if cursor.isAtEnd { break }
      sink(0)
    }
    let batch = assemble(rows, sources)
    if let top = heap.first, cursors[top].isAtEnd {
      if try !cursors[top].load() {
        heap[0] = heap[heap.count - 1]
        heap.removeLast()
      }
      if !heap.isEmpty { sink(0) }
    }
    return batch
  }

  /// The last run needs no comparing.
  private func rest() throws -> Batch? {
    let cursor = cursors[heap[0]]
    let batch = cursor.takeRest(capacity)
    if cursor.isAtEnd, try !cursor.load() { heap = [] }
    return batch
  }

  private func assemble(_ rows: [[UInt32]], _ sources: [(cursor: Int, place: Int)]) -> Batch {
    var offsets = [Int](repeating: 0, count: cursors.count)
    var parts: [Batch] = []
    var total = 0
    for (index, list) in rows.enumerated() where !list.isEmpty {
      offsets[index] = total
      total += list.count
      parts.append(cursors[index].batch.take(list, count: list.count))
    }
    if parts.count == 1 { return parts[0] }
    let permutation = sources.map { UInt32(truncatingIfNeeded: offsets[$0.cursor] + $0.place) }
    return Batch.concatenated(parts, types: types).take(permutation, count: permutation.count)
  }

  private func isBefore(_ left: Int, _ right: Int) -> Bool {
    let first = cursors[left]
    let second = cursors[right]
    let order = SortKeys.compare(first.entry, first.keys, second.entry, second.keys)
    return order != 0 ? order < 0 : left < right
  }

  private func sink(_ start: Int) {
    var parent = start
    while true {
      var smallest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if isBefore(heap[child], heap[smallest]) { smallest = child }
      }
      if smallest == parent { return }
      heap.swapAt(parent, smallest)
      parent = smallest
    }
  }

  /// The place in one run.
  private final class Cursor {
    enum Input {
      case memory(Batch, SortKeys)
      case file(SpillReader)
      init(_ run: SortRun) throws {
        switch run {
        case .memory(let batch, let keys): self = .memory(batch, keys)
        case .file(let file): self = .file(try file.makeReader())
        }
      }
    }

    private var input: Input?
    private let order: SortOrder
    private(set) var batch = Batch(columns: [], count: 0)
    private(set) var keys: SortKeys
    private var position = 0
    private(set) var entry = SortKeys.Entry(high: 0, low: 0, row: 0)

    init(_ input: Input, _ order: SortOrder) {
      self.input = input
      self.order = order
      keys = SortKeys(Batch(columns: [], count: 0), SortOrder([]))
    }

    var isAtEnd: Bool { position >= batch.count }
    var row: UInt32 { entry.row }

    /// The next batch; false when there is none.
    func load() throws -> Bool {
      switch input {
      case .memory(let rows, let sorted):
        batch = rows
        keys = sorted
        input = nil
      case .file(let reader):
        guard let rows = try reader.next() else {
          input = nil
          return false
        }
        batch = rows
        keys = SortKeys(rows, order)
      case nil: return false
      }
      position = 0
      if batch.count == 0 { return false }
      entry = keys.entries[0]
      return true
    }

    func advance() {
      position += 1
      if position < batch.count { entry = keys.entries[position] }
    }

    func takeRest(_ capacity: Int) -> Batch {
      let size = min(capacity, batch.count - position)
      let rows = keys.rows(position, size)
      position += size
      if position < batch.count { entry = keys.entries[position] }
      return batch.take(rows, count: size)
    }
  }
}

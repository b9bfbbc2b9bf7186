import Columnar
import SQLSyntax
import Synchronization

/// The probe side of a join. When the build side was spilled, the left rows are divided in the same way, and the worker that
/// finishes last joins division by division.
final class HashJoinFactory: OperatorFactory {
  private let build: JoinBuildSink
  private let shape: JoinShape
  private let statistics: PlanStatistics
  private let state = Mutex<State>(State())

  private struct State {
    /// Workers that have not finished.
    var open = 0
    var buildMatches: [Buffer] = []
    var probeFiles: [[SpillFile?]] = []
  }

  init(_ build: JoinBuildSink, statistics: PlanStatistics) {
    self.build = build
    shape = build.shape
    self.statistics = statistics
  }

  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer {
    state.withLock { $0.open += 1 }
    return try Local(self, worker, next: next)
  }

  private final class Local: Consumer {
    private let factory: HashJoinFactory
    private let shape: JoinShape
    private let worker: Worker
    private let next: any Consumer
    private let keys: [ExpressionEvaluator]
    private var prober: JoinProber?
    private var partitions: SpillPartitions?
    private var buildFiles: [SpillFile?] = []
    private var buildFacts = BuildFacts()
    private var isEnough = false

    init(_ factory: HashJoinFactory, _ worker: Worker, next: any Consumer) throws {
      self.factory = factory
      shape = factory.shape
      self.worker = worker
      self.next = next
      keys = try factory.shape.leftKeys.map { try ExpressionEvaluator($0, context: worker.context) }
      switch factory.build.result {
      case .table(let table): prober = try JoinProber(factory.shape, table, worker, next: next)
      case .spilled(let files, let facts):
        buildFiles = files
        buildFacts = facts
        partitions = SpillPartitions(factory.shape.probeTypes, worker.context, factory.statistics, depth: 0)
      case nil: throw SQLError(.genericInternalError, "the build side of a join has not run")
      }
    }

    func consume(_ batch: Batch) throws -> Demand {
      let values = try keys.map { try $0.evaluate(batch) }
      if let prober {
        let demand = try prober.probe(batch, keys: values)
        if demand == .enough && !shape.endsWithBuild { isEnough = true }
        return demand
      }
      let rows = Batch(columns: batch.columns + values, count: batch.count)
      try partitions?.append(rows, rows.keyHashes(shape.probeKeyColumns))
      return .more
    }

    func finish() throws {
      let files = try partitions?.finish()
      let matches = prober?.buildMatches
      let last = factory.state.withLock { state -> State? in
        if let files { state.probeFiles.append(files) }
        if let matches { state.buildMatches.append(matches) }
        state.open -= 1
        return state.open == 0 ? state : nil
      }
      if let last {
        if let prober {
          if shape.endsWithBuild && !isEnough { _ = try prober.passBuild(last.buildMatches) }
        } else {
          try joinDivisions(last.probeFiles)
        }
        prober = nil
        factory.build.release()
      }
      try next.finish()
    }

    // MARK: Spilled joins

    private struct Division {
      let build: [SpillFile]
      let probe: [SpillFile]
      let depth: Int
    }

    private func joinDivisions(_ probeFiles: [[SpillFile?]]) throws {
      func division(_ index: Int, _ build: [SpillFile?], _ probe: [[SpillFile?]], depth: Int) -> Division {
        let mine = stride(from: index, to: build.count, by: SpillPartitions.count).compactMap { build[$0] }
        return Division(build: mine, probe: probe.compactMap { $0[index] }, depth: depth)
      }
      var work = (0..<SpillPartitions.count).map { division($0, buildFiles, probeFiles, depth: 1) }
      buildFiles = []
      while let current = work.popLast() {
        try worker.check()
        if current.probe.isEmpty && !shape.endsWithBuild { continue }
        if current.build.isEmpty && shape.needsBuildRows { continue }
        let holder = MemoryHolder(worker.context.memory, "hash join", factory.statistics, free: MemoryHolder.workingBytes)
        if let rows = try load(current.build, holder) {
          if try join(rows, current.probe) == .enough { return }
          continue
        }
        guard current.depth < SpillPartitions.maxDepth else { throw holder.exceeded }
        let build = try divide(current.build, shape.buildTypes, shape.buildKeyColumns, depth: current.depth)
        let probe = try divide(current.probe, shape.probeTypes, shape.probeKeyColumns, depth: current.depth)
        work += (0..<SpillPartitions.count).map { division($0, build, [probe], depth: current.depth + 1) }
      }
    }

    /// The build rows of a division; nil when they do not fit.
    private func load(_ files: [SpillFile], _ holder: MemoryHolder) throws -> Batch? {
      var batches: [Batch] = []
      var bytes = 0
      for file in files {
        let reader = try file.makeReader()
        while let batch = try reader.next() {
          bytes &+= batch.estimatedByteCount &* 2 &+ batch.count &* 40
          if !holder.reserve(bytes) { return nil }
          batches.append(batch)
        }
      }
      return batches.isEmpty ? Batch.empty(shape.buildTypes) : Batch.concatenated(batches, types: shape.buildTypes)
    }

    private func join(_ rows: Batch, _ probe: [SpillFile]) throws -> Demand {
      let table = try JoinTable(rows, shape, buildFacts) { try worker.check() }
      let prober = try JoinProber(shape, table, worker, next: next)
      for file in probe {
        let reader = try file.makeReader()
        while let batch = try reader.next() {
          try worker.check()
          let left = Batch(columns: Array(batch.columns[..<shape.leftTypes.count]), count: batch.count)
          let keys = Array(batch.columns[shape.leftTypes.count...])
          if try prober.probe(left, keys: keys) == .enough, !shape.endsWithBuild, rows.count > 0 { return .enough }
        }
      }
      if let matches = prober.buildMatches { return try prober.passBuild([matches]) }
      return .more
    }

    private func divide(
      _ files: [SpillFile], _ types: [SQLType], _ keys: [Int], depth: Int
    ) throws -> [SpillFile?] {
      let parts = SpillPartitions(types, worker.context, factory.statistics, depth: depth)
      for file in files {
        let reader = try file.makeReader()
        while let batch = try reader.next() {
          try worker.check()
          try parts.append(batch, batch.keyHashes(keys))
        }
      }
      return try parts.finish()
    }
  }
}

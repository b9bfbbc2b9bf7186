import Columnar
import Execution
import Planner
import SQLSyntax

extension StatementRunner {
  func runQuery(_ query: Query, parameters: [Scalar] = []) async throws -> StatementResult {
    let bound = try await bind(query, parameters: parameters)
    let columns = bound.outputColumns.map { ResultColumn(name: $0.name, type: "\($0.type)") }
    let stream = try await executor.execute(optimize(bound.plan))
    return StatementResult(columns: columns, rows: ResultStream(stream, columns: columns))
  }

  var executor: QueryExecutor {
    var options = ExecutionOptions()
    switch engine.configuration.scanEncoding {
    case .asStored: options.scanEncoding = .asRead
    case .dictionary: options.scanEncoding = .dictionary
    case .constant: options.scanEncoding = .constantRuns
    }
    options.usesPivotOperator = !session.settings.disabledRules.contains(OptimizerRule.pivotRecognition.rawValue)
    options.usesRuntimeFilters = !session.settings.disabledRules.contains(OptimizerRule.runtimeFilters.rawValue)
    options.sharesScans = !session.settings.disabledRules.contains(OptimizerRule.scanSharing.rawValue)
    let depth = session.settings.maxRecursionDepth
    options.maxRecursionDepth = session.settings.isStrict ? min(depth, AthenaRule.mostRecursions) : depth
    return QueryExecutor(context: context, options: options)
  }

  /// Loads what the query names, in rounds while views bring new names, and binds it; a PIVOT over values found in the data asks
  /// for them in a round of its own.
  func bind(_ query: Query, parameters: [Scalar] = []) async throws -> BoundQuery {
    var settings = binderSettings(parameters: parameters)
    let relations = try await loadRelations(of: query, settings: settings)
    while true {
      let binder = Binder(relations: relations, settings: settings)
      switch try DeepStack.run(throwing: { () throws(SQLError) in try binder.bindStepwise(query) }) {
      case .complete(let bound): return bound
      case .needsPivotValues(let request):
        var values: [Scalar] = []
        for try await batch in try await executor.execute(optimize(request.plan)) {
          for row in 0..<batch.count { values.append(batch.columns[0].scalar(at: row)) }
        }
        settings.pivotValues[request.key] = values
      }
    }
  }

  func optimize(_ plan: LogicalPlan) -> LogicalPlan { optimize(plan, disabledRules: session.settings.disabledRules) }

  func optimize(_ plan: LogicalPlan, disabledRules: Set<String>) -> LogicalPlan {
    let optimizer = Optimizer(settings: OptimizerSettings(disabledRules: disabledRules, context: context))
    return DeepStack.run { optimizer.optimize(plan) } ?? optimizer.optimize(plan)
  }

  private func loadRelations(of query: Query, settings: BinderSettings) async throws -> ResolvedRelations {
    try await loadRelations(ResolvedRelations(), settings: settings) { try $0.missing(in: query, given: $1) }
  }

  /// Loads what is missing, round after round, until nothing is.
  func loadRelations(
    _ known: ResolvedRelations, settings: BinderSettings,
    missing: (TableReferenceCollector, ResolvedRelations) throws -> [RelationRequest]
  ) async throws -> ResolvedRelations {
    var relations = known
    let collector = TableReferenceCollector(settings: settings)
    let loader = RelationLoader(
      engine: engine, context: context, transaction: transaction, viewBeingDefined: viewBeingDefined, wapBranch: session.settings.spark[.wapBranch],
      temporaryViews: session.temporaryViews)
    while true {
      let missing = try missing(collector, relations)
      if missing.isEmpty { return relations }
      let loaded = await withTaskGroup(of: (RelationRequest, ResolvedRelation).self) { group in
        for request in missing { group.addTask { (request, await loader.load(request)) } }
        var all: [(RelationRequest, ResolvedRelation)] = []
        for await pair in group { all.append(pair) }
        return all
      }
      for (request, relation) in loaded { relations[request] = relation }
    }
  }
}

extension ResultStream {
  init(_ stream: BatchStream, columns: [ResultColumn]) {
    self.init {
      let iterator = BatchIterator(stream)
      return { () async throws(SQLError) in
        do {
          return try await iterator.next().map { ResultBatch($0, columns: columns) }
        } catch {
          throw SQLError(wrapping: error)
        }
      }
    }
  }
}

/// Keeps the iterator of a stream between calls.
private final class BatchIterator: @unchecked Sendable {  // used by one consumer at a time
  private var iterator: BatchStream.AsyncIterator
  init(_ stream: BatchStream) { iterator = stream.makeAsyncIterator() }

  func next() async throws -> Batch? {
    var current = iterator
    let batch = try await current.next()
    iterator = current
    return batch
  }
}

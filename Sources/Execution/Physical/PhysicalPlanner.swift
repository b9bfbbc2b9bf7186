import Synchronization
import Columnar
import Planner
import SQLSyntax

/// Turns a prepared plan into pipelines.
///
/// `stream(of:)` returns what the next operator consumes. An operator that must see all its input first ends a pipeline: it is
/// appended to `pipelines` (so pipelines stand in an order in which they can run) and its result is a new source.
struct PhysicalPlanner {
  let context: QueryContext
  let options: ExecutionOptions
  private(set) var pipelines: [Pipeline] = []
  private var commonTables: [Int: any RereadableRows] = [:]
  /// What joins will know of the columns of a scan before it starts.
  private var scanFilters: [ObjectIdentifier: [RuntimeFilter]] = [:]
  /// Rows that scans keep for later ones, by the number of the scan.
  private var keptRows: [Int: KeptRows] = [:]
  /// The order in which the pivot that is planned next must show its rows.
  private var pivotOrder: SortOrder?

  init(context: QueryContext, options: ExecutionOptions) {
    self.context = context
    self.options = options
  }

  /// All pipelines of a plan, the last of them ending in `sink`.
  static func plan(
    _ plan: PreparedPlan, into sink: any Sink, context: QueryContext, options: ExecutionOptions
  ) throws -> [Pipeline] {
    var planner = PhysicalPlanner(context: context, options: options)
    let stream = try planner.stream(of: plan)
    let statistics = PlanStatistics(name: "Output")
    planner.finish(stream, into: sink, statistics)
    return planner.pipelines
  }

  mutating func finish(_ stream: Stream, into sink: any Sink, _ statistics: PlanStatistics) {
    pipelines.append(Pipeline(stream: stream, sink: sink, statistics: statistics))
  }

  mutating func stream(of node: PreparedPlan) throws -> Stream {
    let stream = try operators(of: node)
    guard let scan = node.keptScan, case .keeps(let number, _)? = scan.sharing, let kept = keptRows[number] else { return stream }
    return .through(stream, kept.keeping(scan.statistics), PlanStatistics(name: "KeepRows"))
  }

  private mutating func operators(of node: PreparedPlan) throws -> Stream {
    let statistics = node.statistics
    switch node.plan {
    case .scan(let scan): return .source(try source(of: scan, node), statistics)
    case .values(let rows, let columns):
      return .source(try ListSource.values(rows: rows, columns: columns, context: context), statistics)
    case .filter(_, let condition):
      // Rows are kept above all filters of a scan: what one of them sorts out nobody wants.
      let input = node.keptScan == nil ? try stream(of: node.children[0]) : try operators(of: node.children[0])
      return .through(input, FilterFactory(condition: condition), statistics)
    case .project(_, let expressions):
      return .through(
        try stream(of: node.children[0]), ProjectFactory(expressions: expressions.map(\.expression)), statistics)
    case .limit(_, let offset, let count):
      return .through(try stream(of: node.children[0]), LimitFactory(offset: offset, count: count), statistics)
    case .unionAll:
      var inputs: [Stream] = []
      for child in node.children { inputs.append(try stream(of: child)) }
      return .together(inputs)
    case .pivot(let pivot):
      guard options.usesPivotOperator, PivotLayout.supports(pivot) else {
        return try aggregated(try pivot.asAggregate(), node)
      }
      let sink = PivotSink(
        pivot, layout: PivotLayout(pivot), order: pivotOrder.take(), context: context, statistics: statistics)
      finish(try stream(of: node.children[0]), into: sink, statistics)
      return .source(PivotSource(sink, columnCount: pivot.keys.count + pivot.cells.count, context: context), statistics)
    case .aggregate(let aggregate): return try aggregated(aggregate, node)
    case .sort(let input, let keys):
      if let stream = try pivotInOrder(node.children[0], keys) { return stream }
      return try sorted(node, SortInput(keys, inputTypes: input.columns.map(\.type)))
    case .topN(let input, let keys, let offset, let count, let withTies):
      if !withTies, let stream = try pivotInOrder(node.children[0], keys) {
        return .through(stream, LimitFactory(offset: offset, count: count), statistics)
      }
      let sortInput = SortInput(keys, inputTypes: input.columns.map(\.type))
      let count = min(count, Int.max - offset)
      if offset + count > mostRowsKept(of: input) && !withTies {
        // Too many rows to keep in memory: a sort can spill.
        return .through(try sorted(node, sortInput), LimitFactory(offset: offset, count: count), statistics)
      }
      let sink = TopNSink(
        sortInput, offset: offset, count: count, withTies: withTies, context: context, statistics: statistics)
      finish(try stream(of: node.children[0]), into: sink, statistics)
      return sink.output
    case .join(let join):
      let shape = try JoinShape(join)
      let (probed, built) = join.buildsLeft ? (node.children[1], node.children[0]) : (node.children[0], node.children[1])
      let filters = (options.usesRuntimeFilters ? RuntimeFilter.targets(of: join) : []).map { target in
        let filter = RuntimeFilter(key: target.key, column: target.column)
        let scan = target.path.reduce(probed) { $0.children[$1] }
        scanFilters[ObjectIdentifier(scan), default: []].append(filter)
        return filter
      }
      let build = JoinBuildSink(shape, filters: filters, context: context, statistics: statistics)
      finish(try stream(of: built), into: build, statistics)
      return .through(try stream(of: probed), HashJoinFactory(build, statistics: statistics), statistics)
    case .setOperation(let kind, let isDistinct, let left, _):
      return try setOperation(node, kind, isDistinct: isDistinct, left)
    case .unnest(let unnest):
      return .through(try stream(of: node.children[0]), UnnestFactory(node: unnest), statistics)
    case .singleRow(let input, let range):
      let sink = SingleRowSink(types: input.columns.map(\.type), range: range)
      finish(try stream(of: node.children[0]), into: sink, statistics)
      return .source(sink.makeSource(), statistics)
    case .commonTable(let id, _, let definition, _):
      let store = RowStore(types: definition.columns.map(\.type), context: context, statistics: statistics)
      finish(try stream(of: node.children[0]), into: store, statistics)
      commonTables[id] = store
      return try stream(of: node.children[1])
    case .commonTableScan(let id, let name, _):
      guard let store = commonTables[id] else {
        throw SQLError(.genericInternalError, "common table \(name) is used outside its body")
      }
      return .source(store.makeSource(), statistics)
    case .recursive(let recursive):
      let rounds = self
      let step = node.children[1]
      let recursion = Recursion(recursive, context: context, options: options, statistics: statistics) { rows, sink in
        var planner = rounds
        planner.pipelines = []
        planner.commonTables[recursive.id] = rows
        planner.finish(try planner.stream(of: step), into: sink, step.statistics)
        return planner.pipelines
      }
      finish(try stream(of: node.children[0]), into: recursion.seedSink, statistics)
      return .source(recursion.output, statistics)
    case .sample(_, let fraction):
      return .through(try stream(of: node.children[0]), SampleFactory(fraction: fraction), statistics)
    case .window(let window):
      let sink = WindowSink(try WindowShape(window), context: context, statistics: statistics)
      finish(try stream(of: node.children[0]), into: sink, statistics)
      return sink.output
    }
  }

  /// Reads a scan, or takes the rows that another one has kept by then.
  private mutating func source(of scan: ScanNode, _ node: PreparedPlan) throws -> any Source {
    guard let planned = node.scan else { throw SQLError(.genericInternalError, "scan of \(scan.tableName) was not planned") }
    let filters = scanFilters[ObjectIdentifier(node)] ?? []
    let source = ScanSource(planned, node: scan, filters: filters, workers: context.workerCount, statistics: node.statistics)
    context.progress.bytesEstimated.add(source.byteCount, ordering: .relaxed)
    context.progress.splitsTotal.add(source.splitCount, ordering: .relaxed)
    let keyed = filters.map { (column: scan.tableColumns[$0.column], filter: $0) }
    switch node.sharing {
    case .keeps(let number, let tableColumns):
      kept(number, tableColumns).keep(source, ownCount: scan.tableColumns.count, filters: keyed)
      return source
    case .takes(let number, let tableColumns):
      return KeptRowsSource(kept(number, tableColumns), instead: source, tableColumns: scan.tableColumns, filters: keyed)
    case nil: return source
    }
  }

  /// Made for whichever of its scans is planned first.
  private mutating func kept(_ number: Int, _ tableColumns: [Int]) -> KeptRows {
    if let known = keptRows[number] { return known }
    let made = KeptRows(tableColumns: tableColumns, context: context)
    keptRows[number] = made
    return made
  }

  /// Rows that a top-N may keep: each worker holds a few times as many while it sorts.
  private func mostRowsKept(of input: LogicalPlan) -> Int {
    let rowBytes = 64 + 24 * input.columns.count
    return min(1_000_000, context.memory.limit / (8 * max(1, context.workerCount)) / rowBytes)
  }

  private mutating func aggregated(_ aggregate: AggregateNode, _ node: PreparedPlan) throws -> Stream {
    let sink = HashAggregateSink(aggregate, context: context, statistics: node.statistics)
    finish(try stream(of: node.children[0]), into: sink, node.statistics)
    return sink.output
  }

  /// A pivot, perhaps below projections, whose rows are wanted in the order of its group keys: it sorts the keys alone, instead of
  /// wide rows behind it. nil for anything else.
  private mutating func pivotInOrder(_ node: PreparedPlan, _ keys: [SortKey]) throws -> Stream? {
    guard options.usesPivotOperator, let order = Self.orderOfPivotKeys(keys, below: node.plan) else { return nil }
    pivotOrder = order
    return try stream(of: node)
  }

  private static func orderOfPivotKeys(_ keys: [SortKey], below plan: LogicalPlan) -> SortOrder? {
    func columnIndex(_ expression: BoundExpression) -> Int? {
      if case .column(let index, _, _) = expression { index } else { nil }
    }
    var columns = keys.compactMap { columnIndex($0.expression) }
    var plan = plan
    while case .project(let input, let expressions) = plan {
      columns = columns.compactMap { columnIndex(expressions[$0].expression) }
      plan = input
    }
    guard case .pivot(let pivot) = plan, PivotLayout.supports(pivot), columns.count == keys.count,
      columns.allSatisfy({ $0 < pivot.keys.count })
    else { return nil }
    return SortOrder(
      zip(columns, keys).map { SortOrder.Key(column: $0, isDescending: $1.isDescending, nullsFirst: $1.nullsFirst) })
  }

  private mutating func sorted(_ node: PreparedPlan, _ input: SortInput) throws -> Stream {
    let sink = SortSink(input, context: context, statistics: node.statistics)
    finish(try stream(of: node.children[0]), into: sink, node.statistics)
    return sink.output
  }

  private mutating func setOperation(
    _ node: PreparedPlan, _ kind: SetOperationKind, isDistinct: Bool, _ left: LogicalPlan
  ) throws -> Stream {
    let inner = PlanStatistics(name: "SetOperation input")
    let columns = left.columns
    let inputs = Stream.together([
      .through(try stream(of: node.children[0]), SetOperationPlan.flagged(columns, isLeft: true), inner),
      .through(try stream(of: node.children[1]), SetOperationPlan.flagged(columns, isLeft: false), inner),
    ])
    let sink = HashAggregateSink(
      SetOperationPlan.aggregate(columns, input: left), context: context, statistics: node.statistics)
    finish(inputs, into: sink, inner)
    return .through(sink.output, SetOperationFactory(kind: kind, isDistinct: isDistinct), node.statistics)
  }
}

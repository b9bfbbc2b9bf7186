package import Columnar
import Synchronization

/// What a consumer answers: whether more batches can still change its result.
package enum Demand: Sendable { case more, enough }

/// One worker's end of an operator: a pipeline is a chain of these, each calling the next.
///
/// Batches are never empty. After `.enough` a caller may stop early; it still calls `finish` exactly once.
package protocol Consumer: AnyObject {
  func consume(_ batch: Batch) throws -> Demand
  /// No batch follows: passes on what is held back, then finishes the next consumer.
  func finish() throws
}

/// Where batches of a pipeline begin. Shared by the workers; each pulls from its own local part.
package protocol Source: Sendable {
  /// Workers that can pull at the same time. A source whose order matters says 1.
  var parallelism: Int { get }
  func makeLocal(_ worker: Worker) throws -> any LocalSource
}

extension Source {
  package var parallelism: Int { .max }
}

package protocol LocalSource: AnyObject {
  /// The next rows, nil at the end; never an empty batch.
  func next() throws -> Batch?
}

/// Rows that a query reads several times: those of a WITH query.
protocol RereadableRows: Sendable {
  /// A new reading of all rows.
  func makeSource() -> any Source
}

/// Where batches of a pipeline end.
package protocol Sink: Sendable {
  func makeLocal(_ worker: Worker) throws -> any Consumer
  /// Called once, after every worker's consumer has finished, by one thread.
  func combine(_ helpers: Helpers) throws
}

extension Sink {
  package func combine(_ helpers: Helpers) throws {}
}

/// The workers of a query, which wait while a sink combines what they have brought.
package struct Helpers: Sendable {
  let run: @Sendable (_ width: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws -> Void

  /// Calls `body` once for each of `0 ..< width`, on as many workers as there are; throws the first error.
  func run(width: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws { try run(width, body) }
}

/// An operator in the middle of a pipeline: makes one worker's consumer, which calls `next`.
package protocol OperatorFactory: Sendable {
  func makeLocal(_ worker: Worker, next: any Consumer) throws -> any Consumer
}

/// One thread of a query, as operators see it.
package final class Worker: Sendable {
  /// `0 ..< count`.
  package let index: Int
  package let count: Int
  package let context: QueryContext
  let options: ExecutionOptions
  let stop: StopFlag

  init(index: Int, count: Int, context: QueryContext, options: ExecutionOptions, stop: StopFlag) {
    self.index = index
    self.count = count
    self.context = context
    self.options = options
    self.stop = stop
  }

  /// Throws when the statement was cancelled, or when another worker has failed. Called once per batch.
  package func check() throws {
    if stop.isSet { throw Stopped() }
    try context.cancellation.check()
  }
}

/// Set by the first worker that fails, so that the others end soon.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}

/// Ends a worker because another one failed; never reported.
struct Stopped: Error {}

/// How a query is executed, beside what `QueryContext` says; all defaults are for production.
package struct ExecutionOptions: Sendable {
  /// Rewrites the encoding of scanned columns, to run every operator against every encoding in tests.
  package enum Encoding: Sendable { case asRead, flat, dictionary, constantRuns }
  package var scanEncoding = Encoding.asRead
  /// Bytes of result that may wait for a slow reader before workers pause.
  package var resultBufferBytes = 64 << 20

  /// False when the pivot rule is switched off, and after a matrix did not fit in memory: pivots run as general aggregates, which can
  /// spill.
  package var usesPivotOperator = true
  /// Joins tell scans which keys they have on the other side.
  package var usesRuntimeFilters = true
  /// Scans take what earlier ones of the same table have read.
  package var sharesScans = true
  /// Rounds after which a WITH RECURSIVE is taken for one that never ends.
  package var maxRecursionDepth = 10_000

  package init() {}
}

/// The rows a plan node delivers, as instructions for building one worker's consumers.
///
///     source --> through --> through --> ... --> sink
///
/// `together` merges streams of equal columns in any order, `following` runs its second stream only after every worker
/// has finished the first one (unmatched rows of an outer join, partitions of a join that were spilled).
indirect enum Stream: Sendable {
  case source(any Source, PlanStatistics)
  case through(Stream, any OperatorFactory, PlanStatistics)
  case together([Stream])
  case following(Stream, Stream)

  /// Workers that can do something useful.
  var parallelism: Int {
    switch self {
    case .source(let source, _): source.parallelism
    case .through(let stream, _, _): stream.parallelism
    case .together(let streams): streams.map(\.parallelism).max() ?? 1
    case .following(let first, let second): max(first.parallelism, second.parallelism)
    }
  }
}

/// A stream that ends in a sink. Pipelines of a query run one after the other, each on all workers.
struct Pipeline: Sendable {
  var stream: Stream
  var sink: any Sink
  /// The node that holds the rows.
  var statistics: PlanStatistics
}

import Columnar
import Execution
import JSONText
import Planner
import Storage
import Synchronization

/// The text of EXPLAIN ANALYZE: the plan that ran, with what happened at each operator.
struct AnalyzedPlan {
  private let plan: PlanDescription
  private let statistics: PlanStatistics
  private let resultRows: Int
  private let peakMemory: Int
  private let bytesRead: Int
  private let bytesSpilled: Int
  private let traffic: StatementTraffic

  init(_ prepared: PreparedPlan, resultRows: Int, context: QueryContext, traffic: StatementTraffic) {
    plan = PlanDescription(prepared.plan)
    statistics = prepared.statistics
    self.resultRows = resultRows
    peakMemory = context.memory.peak
    bytesRead = context.progress.bytesRead.load(ordering: .relaxed)
    self.traffic = traffic
    bytesSpilled = context.progress.bytesSpilled.load(ordering: .relaxed)
  }

  var text: String {
    var lines: [String] = []
    Self.append(plan, statistics, depth: 0, to: &lines)
    lines.append(
      "rows returned: \(resultRows), peak memory: \(Self.size(peakMemory)), bytes read: \(Self.size(bytesRead)), spilled: \(Self.size(bytesSpilled))")
    if !traffic.whole.count.isEmpty {
      lines.append(Self.text(traffic.whole.count))
      lines.append("  planning: " + Self.text(traffic.planning.count))
    }
    return lines.joined(separator: "\n")
  }

  private static func text(_ count: StorageTraffic.Count) -> String {
    "storage requests: \(count.requests), bytes asked: \(size(count.bytesAsked)), bytes used: \(size(count.bytesUsed))"
  }

  /// The same as JSON, with plain numbers of bytes and nanoseconds.
  ///
  /// - Parameter target: where the rows went, of a statement that writes.
  func json(_ target: WriteTarget? = nil, written summary: WriteSummary? = nil) -> String {
    var writer = JSONWriter(style: .pretty)
    writer.object { writer in
      if let target, let summary {
        writer.key("target")
        writer.object { writer in
          writer.member("operator", target.name)
          Self.write(target.details, to: &writer)
          writer.member("rows", summary.rowCount)
          writer.member("files", summary.fileCount)
        }
      } else {
        writer.member("rowsReturned", resultRows)
      }
      writer.member("peakMemoryBytes", peakMemory)
      writer.member("bytesRead", bytesRead)
      writer.member("bytesSpilled", bytesSpilled)
      if !traffic.whole.count.isEmpty {
        writer.key("storage")
        writer.object { writer in
          Self.write(traffic.whole.count, to: &writer)
          writer.key("planning")
          writer.object { writer in Self.write(traffic.planning.count, to: &writer) }
        }
      }
      writer.key("plan")
      Self.write(plan, statistics, to: &writer)
    }
    return writer.text
  }

  private static func write(_ count: StorageTraffic.Count, to writer: inout JSONWriter) {
    writer.member("requests", count.requests)
    writer.member("bytesAsked", count.bytesAsked)
    writer.member("bytesUsed", count.bytesUsed)
  }

  private static func write(_ plan: PlanDescription, _ statistics: PlanStatistics, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("operator", plan.name)
      write(plan.details, to: &writer)
      writer.key("statistics")
      writer.object { writer in
        writer.member("rows", statistics.rowsOut)
        writer.member("nanoseconds", statistics.nanoseconds)
        writer.member("bytes", statistics.bytesOut)
        writer.member("peakMemoryBytes", statistics.peakBytes)
        writer.member("bytesSpilled", statistics.spilledBytes)
        for note in statistics.notes { writer.member(note.label, note.count) }
        if let count = statistics.storage?.count, !count.isEmpty {
          writer.key("storage")
          writer.object { writer in write(count, to: &writer) }
        }
      }
      writer.key("inputs")
      writer.array { writer in
        for (input, child) in zip(plan.inputs, statistics.children) { write(input, child, to: &writer) }
      }
    }
  }

  private static func write(_ details: [PlanDescription.Detail], to writer: inout JSONWriter) {
    writer.key("details")
    writer.object { writer in
      for detail in details { writer.member(detail.label.isEmpty ? "text" : detail.label, detail.text) }
    }
  }

  private static func append(_ plan: PlanDescription, _ statistics: PlanStatistics, depth: Int, to lines: inout [String]) {
    let indent = String(repeating: "  ", count: depth)
    lines.append(indent + plan.name + plan.details.map { $0.label.isEmpty ? " \($0.text)" : " \($0.label)=\($0.text)" }.joined())
    var facts = ["rows: \(statistics.rowsOut)", "time: \(time(statistics.nanoseconds))"]
    if statistics.bytesOut > 0 { facts.append("bytes: \(size(statistics.bytesOut))") }
    if statistics.peakBytes > 0 { facts.append("memory: \(size(statistics.peakBytes))") }
    if statistics.spilledBytes > 0 { facts.append("spilled: \(size(statistics.spilledBytes))") }
    if let count = statistics.storage?.count, !count.isEmpty { facts.append(text(count)) }
    facts += statistics.notes.map { "\($0.label): \($0.count)" }
    lines.append(indent + "  (" + facts.joined(separator: ", ") + ")")
    for (input, child) in zip(plan.inputs, statistics.children) { append(input, child, depth: depth + 1, to: &lines) }
  }

  private static func time(_ nanoseconds: Int) -> String {
    let micros = nanoseconds / 1_000
    return micros < 10_000 ? "\(micros) us" : micros < 10_000_000 ? "\(micros / 1_000) ms" : "\(micros / 1_000_000) s"
  }

  private static func size(_ bytes: Int) -> String {
    bytes < 10_240 ? "\(bytes) B" : bytes < 10 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
  }
}

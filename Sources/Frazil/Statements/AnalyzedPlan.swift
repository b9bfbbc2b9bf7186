import Columnar
import Execution
import Planner
import Synchronization

/// The text of EXPLAIN ANALYZE: the plan that ran, with what happened at each operator.
struct AnalyzedPlan {
  let text: String

  init(_ prepared: PreparedPlan, resultRows: Int, context: QueryContext) {
    var lines: [String] = []
    Self.append(PlanDescription(prepared.plan), prepared.statistics, depth: 0, to: &lines)
    let read = context.progress.bytesRead.load(ordering: .relaxed)
    let spilled = context.progress.bytesSpilled.load(ordering: .relaxed)
    lines.append(
      "rows returned: \(resultRows), peak memory: \(Self.size(context.memory.peak)), bytes read: \(Self.size(read)), spilled: \(Self.size(spilled))")
    text = lines.joined(separator: "\n")
  }

  private static func append(_ plan: PlanDescription, _ statistics: PlanStatistics, depth: Int, to lines: inout [String]) {
    let indent = String(repeating: "  ", count: depth)
    lines.append(indent + plan.name + plan.details.map { $0.label.isEmpty ? " \($0.text)" : " \($0.label)=\($0.text)" }.joined())
    var facts = ["rows: \(statistics.rowsOut)", "time: \(time(statistics.nanoseconds))"]
    if statistics.bytesOut > 0 { facts.append("bytes: \(size(statistics.bytesOut))") }
    if statistics.peakBytes > 0 { facts.append("memory: \(size(statistics.peakBytes))") }
    if statistics.spilledBytes > 0 { facts.append("spilled: \(size(statistics.spilledBytes))") }
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

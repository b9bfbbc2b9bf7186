/// How a table was stored when a statement ran: the columns of the coverage report.
enum LayoutLabel: String, Sendable, CaseIterable {
  case version1 = "v1"
  case version2MergeOnRead = "v2mor"
  case version2CopyOnWrite = "v2cow"
  case version3MergeOnRead = "v3mor"
  case version3CopyOnWrite = "v3cow"
  case deletesPerFile = "file"
  case deletesPerPartition = "part."
  case unpartitioned = "none"
  case identity = "ident."
  case bucket = "bucket"
  case truncate = "trunc."
  case time = "time"
  case evolved = "evolved"
  /// Several statements have written rows since the last OPTIMIZE.
  case manyFiles = "many"

  static func labels(_ layout: TableLayout, _ table: ModelTable, _ command: TableLayout.Command) -> Set<LayoutLabel> {
    let mode = layout.mode(command)
    var labels: Set<LayoutLabel> =
      switch layout.formatVersion {
      case 1: [.version1]
      case 2: [mode == .mergeOnRead ? .version2MergeOnRead : .version2CopyOnWrite]
      default: [mode == .mergeOnRead ? .version3MergeOnRead : .version3CopyOnWrite]
      }
    // Deletion vectors are one per data file anyway.
    if layout.formatVersion == 2, mode == .mergeOnRead {
      labels.insert(layout.deletesPerPartition ? .deletesPerPartition : .deletesPerFile)
    }
    if table.partitioning.terms.isEmpty { labels.insert(.unpartitioned) }
    for term in table.partitioning.terms {
      switch term.transform {
      case .identity: labels.insert(.identity)
      case .bucket: labels.insert(.bucket)
      case .truncate: labels.insert(.truncate)
      case .day, .month, .hour: labels.insert(.time)
      }
    }
    if table.partitioning.isEvolved { labels.insert(.evolved) }
    if table.writeCount >= 6 { labels.insert(.manyFiles) }
    return labels
  }
}

/// What was tried.
struct Coverage: Sendable {
  private struct Cell: Hashable {
    var kind: StatementKind
    var label: LayoutLabel
  }

  private var counts: [Cell: Int] = [:]
  private var facts: [String: Int] = [:]

  mutating func add(_ kinds: Set<StatementKind>, _ labels: Set<LayoutLabel>) {
    for kind in kinds { for label in labels { counts[Cell(kind: kind, label: label), default: 0] += 1 } }
  }

  mutating func add(_ fact: String, _ count: Int = 1) { facts[fact, default: 0] += count }

  mutating func add(_ other: Coverage) {
    counts.merge(other.counts) { $0 + $1 }
    facts.merge(other.facts) { $0 + $1 }
  }

  /// Kinds and layouts that never met.
  var gaps: [String] {
    StatementKind.allCases.flatMap { kind in
      LayoutLabel.allCases.filter { counts[Cell(kind: kind, label: $0)] == nil }.map { "\(kind.rawValue) on \($0.rawValue)" }
    }
  }

  var report: String {
    func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
    func left(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
    var lines = [left("statements", 28) + LayoutLabel.allCases.map { right($0.rawValue, 8) }.joined()]
    for kind in StatementKind.allCases {
      let cells = LayoutLabel.allCases.map { right(String(counts[Cell(kind: kind, label: $0)] ?? 0), 8) }
      lines.append(left(kind.rawValue, 28) + cells.joined())
    }
    lines.append("")
    lines += facts.sorted { $0.key < $1.key }.map { left($0.key, 60) + right(String($0.value), 10) }
    return lines.joined(separator: "\n")
  }
}

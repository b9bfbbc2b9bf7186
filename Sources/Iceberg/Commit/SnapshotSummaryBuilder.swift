/// Counts what a commit does, for the string map beside its snapshot. SPEC Appendix F, order as Java writes it.
struct SnapshotSummaryBuilder {
  private struct Count {
    var files: Int64 = 0
    var records: Int64 = 0
    var size: Int64 = 0
  }

  private let operation: String
  private var added = Count()
  /// By partition path; "" is the only partition of an unpartitioned table.
  private var partitions: [String: Count] = [:]

  init(operation: String) { self.operation = operation }

  mutating func add(_ file: DataFile, _ spec: PartitionSpec) {
    func count(_ total: inout Count) {
      total.files &+= 1
      total.records &+= file.recordCount
      total.size &+= file.fileSize
    }
    count(&added)
    count(&partitions[spec.path(file.partition), default: Count()])
  }

  /// - Parameters:
  ///   - parent: the summary that totals continue; nil for the first snapshot.
  ///   - manifests: made, taken over and merged away.
  func summary(
    parent: SnapshotSummary?, partitionLimit: Int, manifests: (created: Int, kept: Int, replaced: Int), entriesProcessed: Int,
    engine: [(key: String, value: String)]
  ) -> SnapshotSummary {
    var pairs: [(key: String, value: String)] = [("operation", operation)]
    func note(_ key: String, _ number: Int64, evenZero: Bool = false) {
      if number != 0 || evenZero { pairs.append((key, "\(number)")) }
    }
    note("added-data-files", added.files)
    note("added-records", added.records)
    note("added-files-size", added.size)
    note("changed-partition-count", Int64(partitions.count), evenZero: true)
    if !partitions.isEmpty, partitions.count <= partitionLimit {
      pairs.append(("partition-summaries-included", "true"))
      for (path, count) in partitions.sorted(by: { $0.key < $1.key }) {
        pairs.append(
          ("partitions." + path, "added-data-files=\(count.files),added-records=\(count.records),added-files-size=\(count.size)"))
      }
    }
    note("manifests-created", Int64(manifests.created), evenZero: true)
    note("manifests-kept", Int64(manifests.kept), evenZero: true)
    note("manifests-replaced", Int64(manifests.replaced), evenZero: true)
    note("entries-processed", Int64(entriesProcessed), evenZero: true)
    // A total the parent lacks cannot be known without counting; it is left out then.
    func total(_ key: String, _ change: Int64) {
      guard let before = parent == nil ? 0 : parent?.number(key) else { return }
      let (sum, overflow) = before.addingReportingOverflow(change)
      if !overflow, sum >= 0 { note(key, sum, evenZero: true) }
    }
    total("total-records", added.records)
    total("total-files-size", added.size)
    total("total-data-files", added.files)
    total("total-delete-files", 0)
    total("total-position-deletes", 0)
    total("total-equality-deletes", 0)
    return SnapshotSummary(pairs + engine)
  }
}

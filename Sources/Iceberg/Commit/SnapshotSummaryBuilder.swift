/// Counts what a commit does, for the string map beside its snapshot. SPEC Appendix F, order as Java writes it.
struct SnapshotSummaryBuilder {
  private struct Count {
    var dataFiles: Int64 = 0
    var records: Int64 = 0
    var size: Int64 = 0
    var positionFiles: Int64 = 0
    var vectors: Int64 = 0
    var equalityFiles: Int64 = 0
    var positionDeletes: Int64 = 0
    var equalityDeletes: Int64 = 0

    var deleteFiles: Int64 { positionFiles &+ vectors &+ equalityFiles }

    mutating func include(_ file: DataFile) {
      // Of a deletion vector only its part of the Puffin file counts (Java's ScanTaskUtil).
      size &+= file.isDeletionVector ? file.contentSize ?? file.fileSize : file.fileSize
      switch file.content {
      case .data:
        dataFiles &+= 1
        records &+= file.recordCount
      case .positionDeletes:
        if file.isDeletionVector { vectors &+= 1 } else { positionFiles &+= 1 }
        positionDeletes &+= file.recordCount
      case .equalityDeletes:
        equalityFiles &+= 1
        equalityDeletes &+= file.recordCount
      }
    }

    /// The counts under their names, zero ones left out.
    func pairs(added: Bool) -> [(key: String, value: String)] {
      let word = added ? "added" : "removed"
      let counts: [(String, Int64)] = [
        (added ? "added-data-files" : "deleted-data-files", dataFiles), ("\(word)-position-delete-files", positionFiles),
        ("\(word)-equality-delete-files", equalityFiles), ("\(word)-dvs", vectors), ("\(word)-delete-files", deleteFiles),
        (added ? "added-records" : "deleted-records", records), ("\(word)-files-size", size),
        ("\(word)-position-deletes", positionDeletes), ("\(word)-equality-deletes", equalityDeletes),
      ]
      return counts.filter { $0.1 != 0 }.map { ($0.0, "\($0.1)") }
    }
  }

  private let operation: String
  private var added = Count()
  private var removed = Count()
  /// By partition path; "" is the only partition of an unpartitioned table.
  private var partitions: [String: (added: Count, removed: Count)] = [:]

  init(operation: String) { self.operation = operation }

  mutating func add(_ file: DataFile, _ spec: PartitionSpec) {
    added.include(file)
    partitions[spec.path(file.partition), default: (Count(), Count())].added.include(file)
  }

  mutating func remove(_ file: DataFile, _ spec: PartitionSpec) {
    removed.include(file)
    partitions[spec.path(file.partition), default: (Count(), Count())].removed.include(file)
  }

  /// - Parameters:
  ///   - parent: the summary that totals continue; nil for the first snapshot.
  ///   - manifests: made, taken over and merged away or rewritten.
  ///   - details: what the kind of commit says of itself, behind the operation.
  func summary(
    parent: SnapshotSummary?, partitionLimit: Int, manifests: (created: Int, kept: Int, replaced: Int), entriesProcessed: Int,
    details: [(key: String, value: String)], engine: [(key: String, value: String)]
  ) -> SnapshotSummary {
    var pairs: [(key: String, value: String)] = [("operation", operation)] + details
    pairs += added.pairs(added: true) + removed.pairs(added: false)
    pairs.append(("changed-partition-count", "\(partitions.count)"))
    if !partitions.isEmpty, partitions.count <= partitionLimit {
      pairs.append(("partition-summaries-included", "true"))
      for (path, counts) in partitions.sorted(by: { $0.key < $1.key }) {
        let entries = counts.added.pairs(added: true) + counts.removed.pairs(added: false)
        pairs.append(("partitions." + path, entries.map { "\($0.key)=\($0.value)" }.joined(separator: ",")))
      }
    }
    for (key, number) in [
      ("manifests-created", manifests.created), ("manifests-kept", manifests.kept), ("manifests-replaced", manifests.replaced),
      ("entries-processed", entriesProcessed),
    ] {
      pairs.append((key, "\(number)"))
    }
    // A total the parent lacks cannot be known without counting; it is left out then.
    func total(_ key: String, _ change: Int64) {
      guard let before = parent == nil ? 0 : parent?.number(key) else { return }
      let (sum, overflow) = before.addingReportingOverflow(change)
      if !overflow, sum >= 0 { pairs.append((key, "\(sum)")) }
    }
    total("total-records", added.records &- removed.records)
    total("total-files-size", added.size &- removed.size)
    total("total-data-files", added.dataFiles &- removed.dataFiles)
    total("total-delete-files", added.deleteFiles &- removed.deleteFiles)
    total("total-position-deletes", added.positionDeletes &- removed.positionDeletes)
    total("total-equality-deletes", added.equalityDeletes &- removed.equalityDeletes)
    return SnapshotSummary(pairs + engine)
  }
}

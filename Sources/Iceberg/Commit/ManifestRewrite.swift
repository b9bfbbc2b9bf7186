import Columnar
package import Storage
import Synchronization

/// Writes manifests again without changing a row: fewer of them, with the entries of one partition side by side, so that a scan opens
/// fewer. Entries keep their snapshot, sequence numbers and row ids. Java's RewriteManifestsSparkAction; iceberg.md section 12.
package final class ManifestRewrite: SnapshotUpdate {
  package struct Outcome: Sendable {
    package var rewritten = 0
    package var added = 0
  }

  private let specID: Int32?
  /// Names of partition fields, first by which entries are ordered; none: the spec's own order.
  private let sortedBy: [String]
  private let manifests = ManifestProducer()
  private let result = Mutex(Outcome())

  /// - Parameter specID: manifests of this partition spec; nil is the table's default.
  package init(specID: Int32?, sortedBy: [String]) {
    self.specID = specID
    self.sortedBy = sortedBy
  }

  /// What the last attempt did.
  package var outcome: Outcome { result.withLock { $0 } }

  /// The manifests that are worth it; none where one of the target size is all there is.
  package func candidates(in base: TableMetadata, _ store: any ObjectStore) async throws(IcebergError) -> [ManifestFile] {
    let spec = try spec(of: base)
    _ = try order(spec)
    guard let current = base.currentSnapshot else { return [] }
    let all = try await SnapshotAssembly.liveManifests(of: current, base, store)
    return [.data, .deletes].flatMap { chosen(from: all, $0, spec, base) }
  }

  package func apply(to base: TableMetadata, _ work: CommitWork) async throws(IcebergError) -> TableMetadata {
    try base.checkIsWritable()
    let spec = try spec(of: base)
    let fields = try order(spec)
    guard let parent = base.currentSnapshot else { return base }
    let snapshotID = manifests.beginAttempt(on: base, work)
    let sequenceNumber = base.nextSequenceNumber
    let old = try await SnapshotAssembly.liveManifests(of: parent, base, work.store)
    var all: [ManifestFile] = []
    var outcome = Outcome()
    var entryCount = 0
    for content in [ManifestFile.Content.data, .deletes] {
      let chosen = chosen(from: old, content, spec, base)
      var entries: [ManifestEntry] = []
      for manifest in chosen { entries += try await ManifestReader.entries(manifest, base, from: work.store).filter(\.isLive) }
      let added = try await manifests.regroup(Self.sorted(entries, by: fields), content, spec, base, work)
      let paths = Set(chosen.map(\.path))
      all += added.map { SnapshotAssembly.stamped($0, sequenceNumber) }
      all += old.filter { $0.content == content && !paths.contains($0.path) }
      outcome.rewritten += chosen.count
      outcome.added += added.count
      entryCount += entries.count
    }
    let final = outcome
    result.withLock { $0 = final }
    guard outcome.rewritten > 0 else { return base }
    let summary = SnapshotSummaryBuilder(operation: "replace").summary(
      parent: parent.summary, partitionLimit: 0, manifests: (outcome.added, all.count - outcome.added, outcome.rewritten),
      entriesProcessed: entryCount, details: [], engine: work.engine)
    return base.adding(
      try await SnapshotAssembly(base, id: snapshotID, sequenceNumber: sequenceNumber).snapshot(all, summary: summary, work))
  }

  private func spec(of base: TableMetadata) throws(IcebergError) -> PartitionSpec {
    let id = specID ?? base.defaultSpecID
    guard let spec = base.partitionSpec(id: id) else { throw IcebergError(.invalid, "Cannot find partition spec with id \(id)") }
    return spec
  }

  /// Positions of the partition fields that entries are ordered by.
  private func order(_ spec: PartitionSpec) throws(IcebergError) -> [Int] {
    guard !sortedBy.isEmpty else { return Array(spec.fields.indices) }
    var positions: [Int] = []
    for name in sortedBy {
      guard let position = spec.fields.firstIndex(where: { $0.name == name }) else {
        let names = spec.fields.map(\.name).joined(separator: ", ")
        throw IcebergError(
          .invalid, "Cannot sort manifests by '\(name)': " + (names.isEmpty ? "the table is not partitioned" : "the partition fields are \(names)"))
      }
      positions.append(position)
    }
    return positions
  }

  private func chosen(
    from all: [ManifestFile], _ content: ManifestFile.Content, _ spec: PartitionSpec, _ base: TableMetadata
  ) -> [ManifestFile] {
    let matching = all.filter { $0.content == content && $0.partitionSpecID == spec.id }
    let isAlone = matching.count == 1 && matching[0].length <= TableProperties(base.properties).manifestTargetSize
    return isAlone ? [] : matching
  }

  /// By partition values, NULL first; entries of one partition stay in order.
  private static func sorted(_ entries: [ManifestEntry], by fields: [Int]) -> [ManifestEntry] {
    let numbered = entries.enumerated().sorted { left, right in
      for field in fields {
        let order = compare(left.element.file.partition[field], right.element.file.partition[field])
        if order != 0 { return order < 0 }
      }
      return left.offset < right.offset
    }
    return numbered.map(\.element)
  }

  private static func compare(_ left: Scalar, _ right: Scalar) -> Int {
    if left.isNull || right.isNull { return left.isNull ? (right.isNull ? 0 : -1) : 1 }
    return SingleValue.compare(left.value, right.value)
  }
}

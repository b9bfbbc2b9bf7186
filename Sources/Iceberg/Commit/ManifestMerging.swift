/// Which manifests of a snapshot are joined into one. Java's ManifestMergeManager.
///
/// Manifests are packed into bins from the oldest on, up to the target size; a bin of one stays as it is, and the bin with the newest
/// manifest waits until it has enough of them, so that a table with many small commits is not rewritten at each.
struct ManifestMerging {
  let targetSize: Int64
  let minimumCount: Int
  let isEnabled: Bool

  init(_ properties: TableProperties) {
    targetSize = properties.manifestTargetSize
    minimumCount = properties.manifestMinimumMergeCount
    isEnabled = properties.mergesManifests
  }

  /// - Parameter manifests: of one content, newest first.
  /// - Returns: the same manifests in groups; a group of several is to become one manifest.
  func groups(_ manifests: [ManifestFile]) -> [[ManifestFile]] {
    guard isEnabled, manifests.count > 1 else { return manifests.map { [$0] } }
    // One spec per manifest; newer specs first.
    let specs = Set(manifests.map(\.partitionSpecID)).sorted(by: >)
    return specs.flatMap { id in pack(manifests.filter { $0.partitionSpecID == id }, newest: manifests[0].path) }
  }

  private func pack(_ manifests: [ManifestFile], newest: String) -> [[ManifestFile]] {
    var bins: [[ManifestFile]] = []
    var bin: [ManifestFile] = []
    var size: Int64 = 0
    for manifest in manifests.reversed() {
      if !bin.isEmpty, size &+ manifest.length > targetSize {
        bins.append(bin.reversed())
        bin = []
        size = 0
      }
      bin.append(manifest)
      size &+= manifest.length
    }
    if !bin.isEmpty { bins.append(bin.reversed()) }
    return bins.reversed().flatMap { bin in
      bin.contains { $0.path == newest } && bin.count < minimumCount ? bin.map { [$0] } : [bin]
    }
  }
}

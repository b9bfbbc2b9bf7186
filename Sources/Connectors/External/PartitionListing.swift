import Storage

/// Lists the folders of many partitions far away together, where they lie in one: a request tells of 1,000 files, whatever folders they are in.
struct PartitionListing {
  private let folder: Location
  private let store: any ObjectStore

  /// With fewer partitions requests of their own, side by side, take no longer.
  private static let fewestPartitions = 8
  /// Requests that are under way at once when each partition is listed by itself; pages of one listing follow each other.
  private static let overlap = 64

  /// - Parameter folder: the table's.
  init(_ folder: Location, _ store: any ObjectStore) {
    self.folder = folder
    self.store = store
  }

  /// The files of each partition; nil when listing them one by one is better: where one lies elsewhere, or the folder holds so much that its pages
  /// would take longer.
  func files(of partitions: [HivePartition]) async throws(StorageError) -> [[ObjectInfo]]? {
    guard partitions.count >= Self.fewestPartitions, store.isRemote(folder) else { return nil }
    var places: [String: [Int]] = [:]
    for (index, partition) in partitions.enumerated() {
      guard let path = partition.location.relativePath(below: folder) else { return nil }
      places[Self.trimmed(path), default: []].append(index)
    }
    var found = [[ObjectInfo]](repeating: [], count: partitions.count)
    var after: String?
    var pagesLeft = 1 + partitions.count / Self.overlap
    repeat {
      guard pagesLeft > 0 else { return nil }
      pagesLeft -= 1
      let page = try await store.list(folder, after: after)
      for info in page.objects {
        guard let path = info.location.relativePath(below: folder) else { continue }
        // A file belongs to every partition whose folder it lies in, at any depth.
        for slash in path.indices where path[slash] == "/" {
          for index in places[String(path[..<slash])] ?? [] { found[index].append(info) }
        }
      }
      after = page.next
    } while after != nil
    return zip(partitions, found).map { ExternalTable.visibleFiles(among: $1, at: $0.location) }
  }

  private static func trimmed(_ path: String) -> String {
    var rest = path[...]
    while rest.hasSuffix("/") { rest = rest.dropLast() }
    return String(rest)
  }
}

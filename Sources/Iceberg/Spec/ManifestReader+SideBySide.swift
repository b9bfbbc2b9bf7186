import Storage

extension ManifestReader {
  /// Manifests in work at once, so that the times of their requests overlap.
  private static let parallelism = 32
  /// Bytes of manifests in work at once, as their list tells; one that is larger is read alone.
  private static let byteBudget: Int64 = 64 << 20

  /// `work` for every manifest, several at a time; results in the order of the manifests.
  static func sideBySide<Value: Sendable>(
    _ manifests: [ManifestFile], _ work: @escaping @Sendable (ManifestFile) async throws -> Value
  ) async throws(IcebergError) -> [Value] {
    do {
      return try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        var results = [Value?](repeating: nil, count: manifests.count)
        var next = 0
        var running = 0
        var byteCount: Int64 = 0
        while true {
          while next < manifests.count, running < parallelism, running == 0 || byteCount &+ manifests[next].length <= byteBudget {
            let (index, manifest) = (next, manifests[next])
            group.addTask { (index, try await work(manifest)) }
            byteCount &+= manifest.length
            running += 1
            next += 1
          }
          guard let (index, value) = try await group.next() else { break }
          results[index] = value
          byteCount &-= manifests[index].length
          running -= 1
        }
        return results.compactMap { $0 }
      }
    } catch let error as IcebergError {
      throw error
    } catch {
      throw IcebergError(.storage, "planning was interrupted: \(error)", cause: error)
    }
  }

  /// Brings manifests that are read one after the other into the store's memory, when they lie far away. A failure shows when they are read.
  static func fetchAhead(_ manifests: [ManifestFile], from store: any ObjectStore) async {
    guard manifests.count > 1, store.isRemote(Location(manifests[0].path)) else { return }
    _ = try? await sideBySide(manifests) { manifest in _ = try? await store.readImmutable(Location(manifest.path)) }
  }
}

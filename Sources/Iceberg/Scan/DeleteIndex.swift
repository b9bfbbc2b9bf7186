import Columnar

/// Finds the delete files that apply to a data file. SPEC "Scan Planning": by sequence number, partition and target.
struct DeleteIndex: Sendable {
  /// A position delete file with several targets, and the first and last of them where its metrics tell.
  private struct PositionFile {
    let delete: FileScanTask.Delete
    let first: [UInt8]?
    let last: [UInt8]?

    init(_ delete: FileScanTask.Delete) {
      self.delete = delete
      func bound(isUpper: Bool) -> [UInt8]? {
        guard case .bytes(let bytes)? = delete.file.metricsSource.bound(isUpper: isUpper, of: ReservedFieldID.deleteFilePath, .string)
        else { return nil }
        return bytes
      }
      first = bound(isUpper: false)
      last = bound(isUpper: true)
    }

    func mayName(_ path: String) -> Bool {
      if let first, path.utf8.lexicographicallyPrecedes(first) { return false }
      if let last, last.lexicographicallyPrecedes(path.utf8) { return false }
      return true
    }
  }

  /// Equality deletes that can be looked up as one.
  private struct GroupKey: Hashable {
    let fieldIDs: [Int32]
    /// nil: they apply to every partition.
    let partition: FilePartition?
  }

  private var vectors: [String: FileScanTask.Delete] = [:]
  private var positionsByPath: [String: [FileScanTask.Delete]] = [:]
  private var positionsByPartition: [FilePartition: [PositionFile]] = [:]
  private var equalityByPartition: [FilePartition: [FileScanTask.Delete]] = [:]
  private var globalEquality: [FileScanTask.Delete] = []
  private var groups: [GroupKey: Int] = [:]

  private(set) var fileCount = 0
  var isEmpty: Bool { fileCount == 0 }

  mutating func add(_ entry: ManifestEntry, _ metadata: TableMetadata) throws(IcebergError) {
    var delete = FileScanTask.Delete(file: entry.file, sequenceNumber: entry.sequenceNumber)
    fileCount += 1
    switch entry.file.content {
    case .data: throw .corrupt("a delete manifest lists the data file \(entry.file.path)")
    case .equalityDeletes:
      guard !entry.file.equalityIDs.isEmpty else {
        throw IcebergError(.corrupt, "an equality delete file names no columns", file: entry.file.path, field: "equality_ids")
      }
      let isGlobal = metadata.partitionSpec(id: entry.file.partitionSpecID)?.isUnpartitioned ?? true
      let partition = FilePartition(entry.file)
      let key = GroupKey(fieldIDs: entry.file.equalityIDs.sorted(), partition: isGlobal ? nil : partition)
      delete.group = groups[key] ?? groups.count
      groups[key] = delete.group
      if isGlobal { globalEquality.append(delete) } else { equalityByPartition[partition, default: []].append(delete) }
    case .positionDeletes:
      if entry.file.isDeletionVector {
        guard let target = entry.file.referencedDataFile else {
          throw IcebergError(.corrupt, "a deletion vector names no data file", file: entry.file.path, field: "referenced_data_file")
        }
        guard vectors.updateValue(delete, forKey: target) == nil else {
          throw .corrupt("two deletion vectors apply to \(target)")
        }
      } else if let target = entry.file.onlyTarget {
        positionsByPath[target, default: []].append(delete)
      } else {
        positionsByPartition[FilePartition(entry.file), default: []].append(PositionFile(delete))
      }
    }
  }

  func deletes(for entry: ManifestEntry) throws(IcebergError) -> [FileScanTask.Delete] {
    guard !isEmpty else { return [] }
    let partition = FilePartition(entry.file)
    var result = globalEquality.filter { $0.sequenceNumber > entry.sequenceNumber }
    result += (equalityByPartition[partition] ?? []).filter { $0.sequenceNumber > entry.sequenceNumber }
    if let vector = vectors[entry.file.path] {
      guard vector.sequenceNumber >= entry.sequenceNumber, FilePartition(vector.file) == partition else {
        throw IcebergError(.corrupt, "a deletion vector is older than its data file, or of another partition", file: entry.file.path)
      }
      // It holds all earlier deletes of the file, those of position delete files too.
      result.append(vector)
      return result
    }
    for delete in positionsByPath[entry.file.path] ?? [] where delete.sequenceNumber >= entry.sequenceNumber {
      guard FilePartition(delete.file) == partition else {
        throw IcebergError(.corrupt, "a position delete file of another partition names this data file", file: entry.file.path)
      }
      result.append(delete)
    }
    for file in positionsByPartition[partition] ?? []
    where file.delete.sequenceNumber >= entry.sequenceNumber && file.mayName(entry.file.path) {
      result.append(file.delete)
    }
    return result
  }
}

import Columnar
package import Storage

/// Whether the manifests of a snapshot are what their list says, and whether the files they name are there. SPEC "Manifests".
package struct ManifestCheck {
  private let metadata: TableMetadata
  private let store: any ObjectStore
  package private(set) var problems: [TableProblem] = []
  /// Live data files, by path.
  package private(set) var dataFiles: [String: ManifestEntry] = [:]
  package private(set) var deletes: [ManifestEntry] = []
  /// Files that are named but not there.
  package private(set) var missing: Set<String> = []

  /// The live data files that are there, each as a file to read whole, by path.
  package var readableFiles: [FileScanTask] {
    dataFiles.values.filter { !missing.contains($0.file.path) }.sorted { $0.file.path < $1.file.path }.compactMap { entry in
      metadata.partitionSpec(id: entry.file.partitionSpecID).map {
        FileScanTask(file: entry.file, spec: $0, sequenceNumber: entry.sequenceNumber, deletes: [])
      }
    }
  }

  package init(_ metadata: TableMetadata, _ store: any ObjectStore) {
    self.metadata = metadata
    self.store = store
  }

  package mutating func check(_ snapshot: Snapshot) async {
    let place = snapshot.manifestList ?? "snapshot \(snapshot.id)"
    let manifests: [ManifestFile]
    do { manifests = try await ScanPlanner.manifests(of: snapshot, metadata, store) } catch {
      problems.append(TableProblem(.error, place, "the manifest list cannot be read: \(error)"))
      return
    }
    for manifest in manifests {
      if manifest.sequenceNumber > snapshot.sequenceNumber {
        report(manifest.path, "sequence number \(manifest.sequenceNumber) is above its snapshot's \(snapshot.sequenceNumber)")
      }
      await check(manifest, isListed: snapshot.manifestList != nil)
      checkRowIDs(manifest)
    }
    checkDeletes()
    checkRowIDRanges()
    let total = dataFiles.values.reduce(0) { $0 &+ $1.file.recordCount }
    if let stated = snapshot.summary.number("total-records"), stated != total {
      problems.append(TableProblem(.warning, place, "the summary says \(stated) total-records, the manifests \(total)"))
    }
    if let stated = snapshot.summary.number("total-data-files"), stated != Int64(dataFiles.count) {
      problems.append(TableProblem(.warning, place, "the summary says \(stated) total-data-files, the manifests \(dataFiles.count)"))
    }
  }

  private mutating func report(_ place: String, _ message: String) { problems.append(TableProblem(.error, place, message)) }

  private mutating func check(_ manifest: ManifestFile, isListed: Bool) async {
    let entries: [ManifestEntry]
    do { entries = try await ManifestReader.entries(manifest, metadata, from: store) } catch {
      report(manifest.path, "the manifest cannot be read: \(error)")
      return
    }
    if isListed { await checkCounts(manifest, entries) }
    checkSequence(manifest, entries, isListed: isListed)
    for entry in entries where entry.isLive {
      if metadata.formatVersion > 1, entry.sequenceNumber > manifest.sequenceNumber, manifest.sequenceNumber > 0 {
        report(entry.file.path, "data sequence number \(entry.sequenceNumber) is above its manifest's \(manifest.sequenceNumber)")
      }
      await checkFile(entry.file)
      if entry.file.content == .data {
        if dataFiles.updateValue(entry, forKey: entry.file.path) != nil { report(entry.file.path, "the data file is listed twice") }
      } else {
        deletes.append(entry)
      }
    }
  }

  private mutating func checkSequence(_ manifest: ManifestFile, _ entries: [ManifestEntry], isListed: Bool) {
    for entry in entries {
      if (entry.file.content == .data) != (manifest.content == .data) {
        report(entry.file.path, "is listed in a manifest of \(manifest.content == .data ? "data" : "delete") files")
      }
      if entry.status == .added, metadata.formatVersion > 1, entry.snapshotID != manifest.addedSnapshotID {
        report(entry.file.path, "was added by snapshot \(entry.snapshotID), its manifest by \(manifest.addedSnapshotID)")
      }
      if entry.fileSequenceNumber < entry.sequenceNumber, metadata.formatVersion > 1 {
        report(entry.file.path, "data sequence number \(entry.sequenceNumber) is above its file sequence number \(entry.fileSequenceNumber)")
      }
      if entry.file.recordCount < 0 { report(entry.file.path, "the manifest says \(entry.file.recordCount) rows") }
      checkIdentity(entry)
    }
    let live = entries.filter(\.isLive).map(\.sequenceNumber)
    if isListed, manifest.sequenceNumber > 0, let least = live.min(), least < manifest.minimumSequenceNumber {
      report(manifest.path, "holds a file of sequence number \(least), below its min_sequence_number \(manifest.minimumSequenceNumber)")
    }
  }

  /// What a delete file must say of itself.
  private mutating func checkIdentity(_ entry: ManifestEntry) {
    let file = entry.file
    switch file.content {
    case .data: break
    case .positionDeletes:
      if file.isDeletionVector {
        if file.referencedDataFile == nil { report(file.path, "a deletion vector without referenced_data_file") }
        if file.contentOffset == nil || file.contentSize == nil { report(file.path, "a deletion vector without its place in the file") }
        if metadata.formatVersion < 3 { report(file.path, "a deletion vector in a table of format version \(metadata.formatVersion)") }
      }
    case .equalityDeletes:
      if file.equalityIDs.isEmpty { report(file.path, "an equality delete file names no columns") }
      for id in file.equalityIDs where metadata.field(id: id) == nil {
        report(file.path, "equality_ids names field \(id), which no schema has")
      }
    }
  }

  /// Version 3: ranges of row ids do not overlap, and lie below next-row-id. SPEC "Row Lineage".
  private mutating func checkRowIDs(_ manifest: ManifestFile) {
    guard metadata.formatVersion > 2 else { return }
    if manifest.content == .deletes, manifest.firstRowID != nil { report(manifest.path, "a delete manifest has a first_row_id") }
    guard manifest.content == .data, let first = manifest.firstRowID else { return }
    let rows = (manifest.addedRowCount ?? 0) &+ (manifest.existingRowCount ?? 0)
    if first &+ rows > metadata.nextRowID {
      report(manifest.path, "gives row ids up to \(first &+ rows), above next-row-id \(metadata.nextRowID)")
    }
  }

  /// Row ids of the live data files.
  private mutating func checkRowIDRanges() {
    let ranges = dataFiles.values.compactMap { entry in entry.file.firstRowID.map { (first: $0, file: entry.file) } }
      .sorted { $0.first < $1.first }
    for (earlier, later) in zip(ranges, ranges.dropFirst()) where earlier.first &+ earlier.file.recordCount > later.first {
      report(later.file.path, "has row ids that \(earlier.file.path) has too")
    }
  }

  private mutating func checkCounts(_ manifest: ManifestFile, _ entries: [ManifestEntry]) async {
    do throws(StorageError) {
      let size = try await store.info(Location(manifest.path)).size
      if Int64(size) != manifest.length { report(manifest.path, "the list says \(manifest.length) bytes, the manifest has \(size)") }
    } catch { report(manifest.path, "\(error)") }
    for (status, files, rows, word) in [
      (ManifestEntry.Status.added, manifest.addedFileCount, manifest.addedRowCount, "added"),
      (.existing, manifest.existingFileCount, manifest.existingRowCount, "existing"),
      (.deleted, manifest.deletedFileCount, manifest.deletedRowCount, "deleted"),
    ] {
      let found = entries.filter { $0.status == status }
      if let files, Int(files) != found.count { report(manifest.path, "the list says \(files) \(word) files, the manifest has \(found.count)") }
      let foundRows = found.reduce(0) { $0 &+ $1.file.recordCount }
      if let rows, rows != foundRows { report(manifest.path, "the list says \(rows) \(word) rows, the manifest has \(foundRows)") }
    }
    guard let spec = metadata.partitionSpec(id: manifest.partitionSpecID) else {
      report(manifest.path, "partition spec \(manifest.partitionSpecID) is no spec of the table")
      return
    }
    guard let summaries = manifest.partitions else { return }
    if summaries.count != spec.fields.count {
      report(manifest.path, "\(summaries.count) partition summaries for a spec of \(spec.fields.count) fields")
      return
    }
    for (index, field) in spec.fields.enumerated() { checkSummary(summaries[index], field, index, entries, manifest) }
  }

  private mutating func checkSummary(
    _ summary: ManifestFile.FieldSummary, _ field: PartitionField, _ index: Int, _ entries: [ManifestEntry], _ manifest: ManifestFile
  ) {
    guard let type = IcebergType(storedAs: metadata.resultType(field)) else { return }
    let lower = summary.lowerBound.flatMap { SingleValue.decode($0, type) }
    let upper = summary.upperBound.flatMap { SingleValue.decode($0, type) }
    for entry in entries where entry.isLive && index < entry.file.partition.count {
      let value = entry.file.partition[index]
      if value.isNull {
        if !summary.containsNull { report(manifest.path, "partition field '\(field.name)' holds NULL, its summary denies it") }
      } else if !SingleValue.isNaN(value.value) {
        if let lower, SingleValue.compare(value.value, lower) < 0 { report(manifest.path, "a value of partition field '\(field.name)' is below its summary") }
        if let upper, SingleValue.compare(value.value, upper) > 0 { report(manifest.path, "a value of partition field '\(field.name)' is above its summary") }
      }
    }
  }

  private mutating func checkFile(_ file: DataFile) async {
    guard let spec = metadata.partitionSpec(id: file.partitionSpecID) else { return }
    if spec.fields.count != file.partition.count { report(file.path, "\(file.partition.count) partition values for a spec of \(spec.fields.count) fields") }
    do throws(StorageError) {
      let size = try await store.info(Location(file.path)).size
      if Int64(size) != file.fileSize { report(file.path, "the manifest says \(file.fileSize) bytes, the file has \(size)") }
    } catch {
      if error.kind == .notFound { missing.insert(file.path) }
      report(file.path, error.kind == .notFound ? "the file is not there" : "\(error)")
    }
  }

  /// Position deletes and vectors that name a data file: it should be there, and be of the same partition.
  private mutating func checkDeletes() {
    var vectors: Set<String> = []
    for entry in deletes {
      guard let target = entry.file.onlyTarget else { continue }
      if entry.file.isDeletionVector, !vectors.insert(target).inserted { report(entry.file.path, "a second deletion vector for \(target)") }
      guard let data = dataFiles[target] else {
        problems.append(TableProblem(.warning, entry.file.path, "deletes rows of \(target), which is no file of the table any more"))
        continue
      }
      if data.file.partitionSpecID != entry.file.partitionSpecID || data.file.partition != entry.file.partition {
        report(entry.file.path, "has another partition than its data file \(target)")
      }
      if entry.sequenceNumber < data.sequenceNumber { report(entry.file.path, "is older than its data file \(target)") }
      if entry.file.isDeletionVector, entry.file.recordCount > data.file.recordCount {
        report(entry.file.path, "deletes \(entry.file.recordCount) rows of a file of \(data.file.recordCount)")
      }
    }
  }
}

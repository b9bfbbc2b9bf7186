import JSONText

/// An entry of a table's `statistics`: a Puffin file with what is known of a snapshot's columns. SPEC "Table Statistics".
package struct StatisticsFile: Sendable, Hashable {
  package struct Blob: Sendable, Hashable {
    package var type: String
    package var snapshotID: Int64
    package var sequenceNumber: Int64
    package var fields: [Int32]
    package var properties: [String: String]
  }

  package var snapshotID: Int64
  package var path: String
  package var fileSize: Int64
  /// From the footer's own magic to the end of the file.
  package var footerSize: Int64
  package var blobs: [Blob]

  /// A column's distinct values; its property `ndv` is their estimated number.
  package static let thetaSketch = "apache-datasketches-theta-v1"

  /// - Parameter blobs: of the file's footer.
  package init(snapshotID: Int64, path: String, fileSize: Int64, footerSize: Int64, _ blobs: [PuffinFile.Blob]) {
    self.snapshotID = snapshotID
    self.path = path
    self.fileSize = fileSize
    self.footerSize = footerSize
    self.blobs = blobs.map {
      Blob(type: $0.type, snapshotID: $0.snapshotID, sequenceNumber: $0.sequenceNumber, fields: $0.fields, properties: $0.properties)
    }
  }

  fileprivate init(_ json: JSONValue) throws(JSONError) {
    snapshotID = try json.requireInt64("snapshot-id")
    path = try json.requireString("statistics-path")
    fileSize = try json.requireInt64("file-size-in-bytes")
    footerSize = try json.requireInt64("file-footer-size-in-bytes")
    blobs = []
    for element in try json.requireElements("blob-metadata") {
      blobs.append(
        Blob(
          type: try element.requireString("type"), snapshotID: try element.requireInt64("snapshot-id"),
          sequenceNumber: try element.requireInt64("sequence-number"), fields: element["fields"]?.elements.compactMap(\.int32) ?? [],
          properties: try element.present("properties")?.requireStringMap() ?? [:]))
    }
  }

  fileprivate func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("snapshot-id", snapshotID)
      json.member("statistics-path", path)
      json.member("file-size-in-bytes", fileSize)
      json.member("file-footer-size-in-bytes", footerSize)
      json.key("blob-metadata")
      json.array { json in
        for blob in blobs {
          json.object { json in
            json.member("type", blob.type)
            json.member("snapshot-id", blob.snapshotID)
            json.member("sequence-number", blob.sequenceNumber)
            json.key("fields")
            json.array { json in for field in blob.fields { json.integer(Int64(field)) } }
            json.member("properties", blob.properties)
          }
        }
      }
    }
  }
}

/// An entry of a table's `partition-statistics`. SPEC "Partition Statistics".
package struct PartitionStatisticsFile: Sendable, Hashable {
  package var snapshotID: Int64
  package var path: String
  package var fileSize: Int64

  package init(snapshotID: Int64, path: String, fileSize: Int64) {
    self.snapshotID = snapshotID
    self.path = path
    self.fileSize = fileSize
  }

  fileprivate func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("snapshot-id", snapshotID)
      json.member("statistics-path", path)
      json.member("file-size-in-bytes", fileSize)
    }
  }
}

extension TableMetadata {
  /// What the table's newest statistics say of a state: those of the snapshot, or of the nearest one before it. Entries that cannot be read are
  /// as good as none.
  package func statisticsFile(of snapshotID: Int64?) -> StatisticsFile? {
    guard let statistics else { return nil }
    var known: [Int64: JSONValue] = [:]
    for element in statistics.elements { if let id = element["snapshot-id"]?.int64 { known[id] = element } }
    guard !known.isEmpty, let entry = ancestors(of: snapshotID).lazy.compactMap({ known[$0.id] }).first else { return nil }
    return try? StatisticsFile(entry)
  }

  /// Estimated numbers of distinct values by field id.
  package func distinctCounts(of snapshotID: Int64?) -> [Int32: Double] {
    var counts: [Int32: Double] = [:]
    for blob in statisticsFile(of: snapshotID)?.blobs ?? [] where blob.type == StatisticsFile.thetaSketch && blob.fields.count == 1 {
      if let text = blob.properties["ndv"], let number = Double(text), number >= 0 { counts[blob.fields[0]] = number }
    }
    return counts
  }

  /// The table with other statistics of a snapshot.
  package func setting(_ file: StatisticsFile) throws(IcebergError) -> TableMetadata {
    try checkSnapshot(file.snapshotID)
    var next = self
    next.statistics = try Self.list(statistics, without: { $0 == file.snapshotID }) { file.write(to: &$0) }
    return next
  }

  /// The table with other partition statistics of a snapshot.
  package func setting(_ file: PartitionStatisticsFile) throws(IcebergError) -> TableMetadata {
    try checkSnapshot(file.snapshotID)
    var next = self
    next.partitionStatistics = try Self.list(partitionStatistics, without: { $0 == file.snapshotID }) { file.write(to: &$0) }
    return next
  }

  /// The table without statistics of snapshots that it does not have.
  func droppingLooseStatistics() throws(IcebergError) -> TableMetadata {
    let kept = Set(snapshots.map(\.id))
    var next = self
    next.statistics = try Self.list(statistics, without: { !kept.contains($0) }) { _ in }
    next.partitionStatistics = try Self.list(partitionStatistics, without: { !kept.contains($0) }) { _ in }
    return next
  }

  /// The files of all statistics, of both kinds.
  package var statisticsPaths: Set<String> {
    var paths: Set<String> = []
    for list in [statistics, partitionStatistics].compactMap(\.self) {
      for element in list.elements { if let path = element["statistics-path"]?.string { paths.insert(path) } }
    }
    return paths
  }

  private func checkSnapshot(_ id: Int64) throws(IcebergError) {
    guard snapshot(id: id) != nil else { throw IcebergError(.validation, "snapshot \(id), which the statistics are of, has expired meanwhile") }
  }

  private static func list(
    _ entries: JSONValue?, without isGone: (Int64) -> Bool, _ more: (inout JSONWriter) -> Void
  ) throws(IcebergError) -> JSONValue? {
    var json = JSONWriter()
    json.array { json in
      if let entries {
        for element in entries.elements {
          if let id = element["snapshot-id"]?.int64, isGone(id) { continue }
          json.value(element)
        }
      }
      more(&json)
    }
    let text = json.take()
    return try readingJSON { () throws(JSONError) in try JSONDocument(text).root }
  }
}

package import JSONText

/// The state of a table after one commit.
package struct Snapshot: Sendable {
  package var id: Int64
  /// nil for the first one.
  package var parentID: Int64?
  /// 0 in version 1.
  package var sequenceNumber: Int64
  package var timestampMilliseconds: Int64
  /// The Avro list of manifests; nil in old version 1 tables, which list them in `manifests`.
  package var manifestList: String?
  package var manifests: [String]?
  package var summary: SnapshotSummary
  /// Schema that was current when the snapshot was made.
  package var schemaID: Int32?
  /// Version 3.
  package var firstRowID: Int64?
  package var addedRows: Int64?
  /// Set for encrypted tables.
  package var keyID: String?

  package init(
    id: Int64, parentID: Int64?, sequenceNumber: Int64, timestampMilliseconds: Int64, manifestList: String?,
    summary: SnapshotSummary, schemaID: Int32?, firstRowID: Int64? = nil, addedRows: Int64? = nil
  ) {
    self.id = id
    self.parentID = parentID
    self.sequenceNumber = sequenceNumber
    self.timestampMilliseconds = timestampMilliseconds
    self.manifestList = manifestList
    self.summary = summary
    self.schemaID = schemaID
    self.firstRowID = firstRowID
    self.addedRows = addedRows
  }

  /// `append`, `overwrite`, `delete` or `replace`; nil where an old writer left it out.
  package var operation: String? { summary["operation"] }

  package init(json: JSONValue) throws(IcebergError) {
    self = try readingJSON { () throws(JSONError) in
      var snapshot = Snapshot(
        id: try json.requireIdentifier("snapshot-id"), parentID: try json.optionalIdentifier("parent-snapshot-id"),
        sequenceNumber: try json.optionalInt64("sequence-number") ?? 0,
        timestampMilliseconds: try json.requireInt64("timestamp-ms"), manifestList: try json.optionalString("manifest-list"),
        summary: SnapshotSummary(json: json.present("summary")), schemaID: try json.optionalInt32("schema-id"),
        firstRowID: try json.optionalInt64("first-row-id"), addedRows: try json.optionalInt64("added-rows"))
      snapshot.keyID = try json.optionalString("key-id")
      if snapshot.manifestList == nil, let list = json.present("manifests") {
        var manifests: [String] = []
        for path in try list.requireElements() { manifests.append(try path.requireString()) }
        snapshot.manifests = manifests
      }
      return snapshot
    }
  }

  func write(to writer: inout JSONWriter, formatVersion: Int) {
    writer.object { writer in
      if formatVersion > 1 { writer.member("sequence-number", sequenceNumber) }
      writer.member("snapshot-id", id)
      if let parentID { writer.member("parent-snapshot-id", parentID) }
      writer.member("timestamp-ms", timestampMilliseconds)
      writer.member("summary") { summary.write(to: &$0) }
      if let manifestList {
        writer.member("manifest-list", manifestList)
      } else if let manifests {
        writer.member("manifests") { writer in writer.array { writer in for path in manifests { writer.string(path) } } }
      }
      if let schemaID { writer.member("schema-id", schemaID) }
      if formatVersion > 2 {
        if let firstRowID { writer.member("first-row-id", firstRowID) }
        if let addedRows { writer.member("added-rows", addedRows) }
        if let keyID { writer.member("key-id", keyID) }
      }
    }
  }
}

/// The string map beside a snapshot. Read lazily: a table has thousands of snapshots, a query looks at one.
package struct SnapshotSummary: Sendable {
  private enum Source: Sendable {
    case json(JSONValue)
    case pairs([(key: String, value: String)])
  }
  private let source: Source

  init(json: JSONValue?) { source = json.map { .json($0) } ?? .pairs([]) }

  /// Written in this order.
  package init(_ pairs: [(key: String, value: String)]) { source = .pairs(pairs) }

  package subscript(_ key: String) -> String? {
    switch source {
    case .json(let json): json[key].flatMap { $0.string ?? $0.numberText }
    case .pairs(let pairs): pairs.last { $0.key == key }?.value
    }
  }

  /// A count; nil when it is missing or no number.
  package func number(_ key: String) -> Int64? { self[key].flatMap { Int64($0) } }

  package var pairs: [(key: String, value: String)] {
    switch source {
    case .json(let json): json.members.compactMap { member in
      (member.value.string ?? member.value.numberText).map { (member.key, $0) }
    }
    case .pairs(let pairs): pairs
    }
  }

  fileprivate func write(to writer: inout JSONWriter) {
    writer.object { writer in for (key, value) in pairs { writer.member(key, value) } }
  }
}

/// A named pointer to a snapshot.
package struct SnapshotReference: Hashable, Sendable {
  package enum Kind: String, Sendable { case branch, tag }
  package var snapshotID: Int64
  package var kind: Kind
  package var minimumSnapshotsToKeep: Int32?
  package var maximumSnapshotAgeMilliseconds: Int64?
  package var maximumReferenceAgeMilliseconds: Int64?

  package static let mainBranch = "main"

  package init(snapshotID: Int64, kind: Kind) {
    self.snapshotID = snapshotID
    self.kind = kind
  }

  init(json: JSONValue) throws(IcebergError) {
    self = try readingJSON { () throws(JSONError) in
      let word = try json.requireString("type")
      guard let kind = Kind(rawValue: word.lowercased()) else { throw try json.require("type").mismatch("branch or tag") }
      var reference = SnapshotReference(snapshotID: try json.requireIdentifier("snapshot-id"), kind: kind)
      reference.minimumSnapshotsToKeep = try json.optionalInt32("min-snapshots-to-keep")
      reference.maximumSnapshotAgeMilliseconds = try json.optionalInt64("max-snapshot-age-ms")
      reference.maximumReferenceAgeMilliseconds = try json.optionalInt64("max-ref-age-ms")
      return reference
    }
  }

  func write(to writer: inout JSONWriter) { writer.object { writeMembers(to: &$0) } }

  /// Into an object that is open.
  func writeMembers(to writer: inout JSONWriter) {
    writer.member("snapshot-id", snapshotID)
    writer.member("type", kind.rawValue)
    if let minimumSnapshotsToKeep { writer.member("min-snapshots-to-keep", minimumSnapshotsToKeep) }
    if let maximumSnapshotAgeMilliseconds { writer.member("max-snapshot-age-ms", maximumSnapshotAgeMilliseconds) }
    if let maximumReferenceAgeMilliseconds { writer.member("max-ref-age-ms", maximumReferenceAgeMilliseconds) }
  }
}

extension JSONValue {
  /// A snapshot id. Some writers use all 64 bits without a sign; such an id is taken as its bit pattern.
  func requireIdentifier(_ key: String) throws(JSONError) -> Int64 {
    if let text = self[key]?.numberText, let unsigned = UInt64(text) { return Int64(bitPattern: unsigned) }
    return try requireInt64(key)
  }

  func optionalIdentifier(_ key: String) throws(JSONError) -> Int64? {
    present(key) == nil ? nil : try requireIdentifier(key)
  }
}

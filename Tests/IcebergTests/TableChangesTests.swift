import Iceberg
import JSONText
import Testing

/// What a catalog that keeps the states is told, from two states.
@Suite struct TableChangesTests {
  private func text(_ changes: TableChanges) -> String {
    var json = JSONWriter(style: .compact)
    json.object { changes.write(to: &$0) }
    return json.text
  }

  private static func appended(to base: TableMetadata, id: Int64 = 78) -> TableMetadata {
    var next = base.staging(
      Snapshot(
        id: id, parentID: base.currentSnapshotID, sequenceNumber: base.lastSequenceNumber + 1, timestampMilliseconds: 2_000, manifestList: "mem://list",
        summary: SnapshotSummary([("operation", "append")]), schemaID: 0))
    next.currentSnapshotID = id
    next.references["main"] = SnapshotReference(snapshotID: id, kind: .branch)
    return next
  }

  @Test("an append is a snapshot and a moved branch, and relies on the table's id and the branch's snapshot")
  func append() {
    let base = TableInMemory.metadata()
    let expected =
      #"{"requirements":[{"type":"assert-table-uuid","uuid":"6f1f2f34-0000-4000-8000-000000000001"},"#
      + #"{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null}],"#
      + #""updates":[{"action":"add-snapshot","snapshot":{"sequence-number":1,"snapshot-id":78,"timestamp-ms":2000,"#
      + #""summary":{"operation":"append"},"manifest-list":"mem://list","schema-id":0}},"#
      + #"{"action":"set-snapshot-ref","ref-name":"main","snapshot-id":78,"type":"branch"}]}"#
    #expect(text(TableChanges(from: base, to: Self.appended(to: base))) == expected)
  }

  @Test("properties, columns, specs and orders each bring what they rely on")
  func definitions() {
    let base = TableInMemory.metadata(properties: ["a": "1", "b": "2"])
    var next = base
    next.properties = ["a": "1", "b": "3", "c": "4"]
    next.schemas.append(IcebergSchema(id: 1, fields: base.schema.fields + [IcebergField(id: 3, name: "more", type: .int)]))
    next.currentSchemaID = 1
    next.lastColumnID = 3
    next.partitionSpecs.append(PartitionSpec(id: 1))
    next.defaultSpecID = 1
    let changes = text(TableChanges(from: base, to: next))
    for wanted in [
      #"{"type":"assert-last-assigned-field-id","last-assigned-field-id":2}"#, #"{"type":"assert-current-schema-id","current-schema-id":0}"#,
      #"{"type":"assert-last-assigned-partition-id","last-assigned-partition-id":1000}"#, #"{"type":"assert-default-spec-id","default-spec-id":0}"#,
      #"{"action":"set-current-schema","schema-id":-1}"#, #"{"action":"set-default-spec","spec-id":-1}"#,
      #"{"action":"set-properties","updates":{"b":"3","c":"4"}}"#,
    ] { #expect(changes.contains(wanted), "\(wanted) is missing in \(changes)") }
    #expect(!changes.contains("remove-properties") && !changes.contains("add-snapshot"))
    var back = text(TableChanges(from: next, to: base))
    #expect(back.contains(#"{"action":"remove-properties","removals":["c"]}"#) && back.contains(#"{"action":"set-current-schema","schema-id":0}"#))
    #expect(back.contains(#"{"action":"remove-schemas","schema-ids":[1]}"#) && back.contains(#"{"action":"remove-partition-specs","spec-ids":[1]}"#))
    back = text(TableChanges(from: base, to: base))
    #expect(back == #"{"requirements":[{"type":"assert-table-uuid","uuid":"6f1f2f34-0000-4000-8000-000000000001"}],"updates":[]}"#)
  }

  @Test("expiry relies on every reference as it was; a dropped branch on where it was")
  func expiry() {
    let base = Self.appended(to: Self.appended(to: TableInMemory.metadata(), id: 77))
    var next = base
    next.snapshots.removeAll { $0.id == 77 }
    #expect(
      text(TableChanges(from: base, to: next)).contains(#"{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":78}"#))
    #expect(text(TableChanges(from: base, to: next)).contains(#"{"action":"remove-snapshots","snapshot-ids":[77]}"#))
    var branched = base
    branched.references["side"] = SnapshotReference(snapshotID: 77, kind: .branch)
    let dropped = text(TableChanges(from: branched, to: base))
    #expect(dropped.contains(#"{"action":"remove-snapshot-ref","ref-name":"side"}"#))
    #expect(dropped.contains(#"{"type":"assert-ref-snapshot-id","ref":"side","snapshot-id":77}"#))
  }

  @Test("a lost commit is known by its snapshot, also as somebody's parent; one without by what it changed")
  func lookedUp() {
    let base = TableInMemory.metadata()
    let ours = Self.appended(to: base)
    let changes = TableChanges(from: base, to: ours)
    #expect(changes.areContained(in: base, madeFrom: base) == false)
    #expect(changes.areContained(in: ours, madeFrom: base) == true)
    var later = Self.appended(to: ours, id: 79)
    #expect(changes.areContained(in: later, madeFrom: base) == true)
    later.snapshots.removeAll { $0.id == 78 }
    #expect(changes.areContained(in: later, madeFrom: base) == true)
    #expect(changes.areContained(in: Self.appended(to: base, id: 80), madeFrom: base) == false)
    var named = base
    named.properties["a"] = "1"
    let naming = TableChanges(from: base, to: named)
    #expect(naming.areContained(in: named, madeFrom: base) == true)
    #expect(naming.areContained(in: ours, madeFrom: base) == nil)
  }

  @Test("a table is made by everything it has, and by there being none of its name")
  func creation() {
    let changes = text(TableChanges(creating: Self.appended(to: TableInMemory.metadata(properties: ["k": "v"]))))
    #expect(changes.hasPrefix(#"{"requirements":[{"type":"assert-create"}],"#))
    for action in [
      "assign-uuid", "upgrade-format-version", "add-schema", "set-current-schema", "add-spec", "set-default-spec", "add-sort-order",
      "set-default-sort-order", "set-location", "set-properties", "add-snapshot", "set-snapshot-ref",
    ] { #expect(changes.contains("\"action\":\"\(action)\""), "\(action) is missing") }
  }
}

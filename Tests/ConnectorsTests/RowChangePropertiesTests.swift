import Connectors
import Iceberg
import Planner
import Testing

/// How a table's properties say its rows are changed (iceberg.md section 19).
@Suite struct RowChangePropertiesTests {
  private static func properties(
    _ properties: [String: String], _ command: RowChange.Command, formatVersion: Int = 2
  ) -> RowChangeProperties {
    RowChangeProperties(
      TableMetadata(
        newTableAt: "mem://b/t", uuid: "6f1f2f34-0000-4000-8000-000000000002",
        schema: IcebergSchema(fields: [IcebergField(id: 1, name: "id", type: .long)]), properties: properties,
        formatVersion: formatVersion, nowMilliseconds: 0),
      command)
  }

  @Test("isolation is serializable unless the command's property says snapshot", arguments: [RowChange.Command.delete, .update, .merge])
  func isolation(_ command: RowChange.Command) {
    let key = "write.\(command.rawValue.lowercased()).isolation-level"
    #expect(Self.properties([:], command).isSerializable)
    #expect(Self.properties([key: "serializable"], command).isSerializable)
    #expect(!Self.properties([key: "SNAPSHOT"], command).isSerializable)
    let others = ["delete", "update", "merge"].filter { !key.contains($0) }.map { ("write.\($0).isolation-level", "snapshot") }
    #expect(Self.properties(Dictionary(uniqueKeysWithValues: others), command).isSerializable)
  }

  @Test("rows are deleted by position unless the command's property says copy-on-write, or the table is of version 1")
  func mode() {
    #expect(!Self.properties([:], .delete).copiesOnWrite)
    #expect(Self.properties(["write.delete.mode": "copy-on-write"], .delete).copiesOnWrite)
    #expect(!Self.properties(["write.delete.mode": "copy-on-write"], .merge).copiesOnWrite)
    #expect(Self.properties([:], .delete, formatVersion: 1).copiesOnWrite)
  }

  @Test("position deletes are one file per data file, or per partition")
  func granularity() {
    #expect(!Self.properties([:], .delete).deletesPerPartition)
    #expect(Self.properties(["write.delete.granularity": "partition"], .update).deletesPerPartition)
  }
}

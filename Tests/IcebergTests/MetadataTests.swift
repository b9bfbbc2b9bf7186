import Columnar
import Iceberg
import JSONText
import Storage
import TestSupport
import Testing

@Suite("Table metadata")
struct MetadataTests {
  @Test("the metadata fixtures of other projects are read or refused as their list says")
  func fixtures() throws {
    guard let folder = Corpus.folder("iceberg/misc") else { return }
    for entry in Corpus.table(folder + "/MANIFEST.tsv") {
      guard let name = entry["file"], name.hasPrefix("metadata/") else { continue }
      let bytes = ByteSlice(try #require(Corpus.bytes(folder + "/" + name)))
      switch entry["outcome"] {
      case "ok":
        let metadata = try TableMetadata(bytes: bytes)
        if let content = entry["content"], content.hasPrefix("format") {
          #expect(content.contains("format-version=\(metadata.formatVersion) "), "\(name)")
          #expect(content.hasSuffix("snapshots=\(metadata.snapshots.count)"), "\(name)")
          #expect(content.contains("fields=\(metadata.schemas[0].fields.count) "), "\(name)")
        }
      case "error": #expect(throws: IcebergError.self, "\(name)") { try TableMetadata(bytes: bytes) }
      default: _ = try? TableMetadata(bytes: bytes)
      }
    }
  }

  @Test("every state of every table of the corpus is read, and reads the same after being written")
  func tables() async throws {
    for table in try CorpusTable.all() {
      var files = [try table.metadataLocation]
      files += try table.expected.root.requireElements("other_metadata").map { table.base.appending($0.string ?? "") }
      for file in files {
        let metadata: TableMetadata
        do { metadata = try await TableMetadata.load(file, from: table.store) } catch {
          // Older states may be gone, and BigQuery's first one is a stub.
          if "\(error)".contains("format-version"), file.name == "v0.metadata.json" { continue }
          if file != files[0], (error as? IcebergError)?.kind == .notFound { continue }
          Issue.record("\(table.name) \(file): \(error)")
          continue
        }
        let again = try TableMetadata(bytes: ByteSlice(metadata.jsonBytes))
        #expect(again.schemas == metadata.schemas && again.partitionSpecs == metadata.partitionSpecs, "\(table.name)")
        #expect(again.sortOrders == metadata.sortOrders && again.properties == metadata.properties)
        #expect(again.currentSnapshotID == metadata.currentSnapshotID && again.allReferences == metadata.allReferences)
        #expect(again.snapshotLog == metadata.snapshotLog && again.metadataLog == metadata.metadataLog)
        #expect(again.snapshots.map(\.id) == metadata.snapshots.map(\.id) && again.jsonBytes == metadata.jsonBytes)
      }
    }
  }

  @Test("live entries of each snapshot add up to the rows, where nothing is deleted, and manifests survive rewriting")
  func manifests() async throws {
    for table in try CorpusTable.all() where table.outcome == "ok" {
      let metadata = try await table.load()
      for result in try table.expected.root.requireElements("results") {
        let snapshot = result.present("snapshot_id")?.int64.flatMap(metadata.snapshot(id:)) ?? metadata.currentSnapshot
        // States whose files are gone have no row count.
        guard let snapshot, let list = snapshot.manifestList, result.present("row_count") != nil else { continue }
        let manifests = try await ManifestList.read(Location(list), from: table.store)
        var rows: Int64 = 0
        for manifest in manifests where manifest.content == .data {
          let entries = try await ManifestReader.entries(manifest, metadata, from: table.store)
          for entry in entries where entry.isLive { rows += entry.file.recordCount }
          if let live = manifest.liveFileCount { #expect(entries.count(where: \.isLive) == live, "\(table.name)") }
          try rewritten(manifest, entries, metadata)
        }
        for manifest in manifests where manifest.content == .deletes {
          _ = try await ManifestReader.entries(manifest, metadata, from: table.store)
        }
        if !manifests.contains(where: { $0.content == .deletes && $0.mayHaveLiveFiles }), let count = result["row_count"]?.int64 {
          #expect(rows == count, "\(table.name) snapshot \(snapshot.id)")
        }
      }
    }
  }

  private func rewritten(_ manifest: ManifestFile, _ entries: [ManifestEntry], _ metadata: TableMetadata) throws {
    var writer = try ManifestWriter(
      metadata, spec: #require(metadata.partitionSpec(id: manifest.partitionSpecID)), content: manifest.content, snapshotID: 7, sync: (1, 2))
    for entry in entries where entry.isLive { try writer.keep(entry) }
    let (bytes, made) = try writer.finish()
    var inheritance = ManifestReader.Inheritance(made)
    var again: [ManifestEntry] = []
    for rows in try bytes.withUnsafeBytes({ try ManifestReader.rows($0, made, metadata) }) {
      for row in 0..<rows.count { again.append(try ManifestReader.entry(rows, row, &inheritance)) }
    }
    let live = entries.filter(\.isLive)
    #expect(again.map(\.file.path) == live.map(\.file.path) && again.map(\.sequenceNumber) == live.map(\.sequenceNumber))
    #expect(again.map(\.file.partition) == live.map(\.file.partition))
    #expect(try again.map { try $0.file.metrics } == live.map { try $0.file.metrics })
    if manifest.partitions?.isEmpty == false, live.count == entries.count {
      let old = manifest.partitions?.map { [$0.lowerBound, $0.upperBound] }
      #expect(made.partitions?.map { [$0.lowerBound, $0.upperBound] } == old, "\(manifest.path)")
    }
  }

  @Test("a manifest list is read back as it was written")
  func manifestList() throws {
    var manifest = ManifestFile(path: "s3://b/m0.avro", length: 12, partitionSpecID: 3, content: .data, addedSnapshotID: 99)
    manifest.sequenceNumber = 4
    manifest.minimumSequenceNumber = 2
    manifest.addedFileCount = 1
    manifest.existingFileCount = 2
    manifest.deletedFileCount = 0
    manifest.addedRowCount = 10
    manifest.existingRowCount = 20
    manifest.deletedRowCount = 0
    manifest.partitions = [.init(containsNull: true, containsNaN: false, lowerBound: [1], upperBound: nil), .init(containsNull: false)]
    for version in 1...3 {
      let bytes = try ManifestList.write(
        [manifest, manifest], snapshotID: 99, parentID: nil, sequenceNumber: 4, formatVersion: version, firstRowID: 0, sync: (3, 4))
      var expected = manifest
      if version == 1 {
        expected.sequenceNumber = 0
        expected.minimumSequenceNumber = 0
      }
      #expect(try bytes.withUnsafeBytes { try ManifestList.read($0) } == [expected, expected])
    }
  }

  @Test("types, nested ids and defaults of a schema survive being written")
  func schemas() throws {
    let text = """
      {"type":"struct","schema-id":3,"identifier-field-ids":[1],"fields":[
       {"id":1,"name":"id","required":true,"type":"long","doc":"the \\"key\\""},
       {"id":2,"name":"d","required":false,"type":"decimal(9, 2)","initial-default":"14.20","write-default":"-0.05"},
       {"id":3,"name":"l","required":false,"type":{"type":"list","element-id":4,"element":{"type":"struct","fields":[
         {"id":5,"name":"x","required":false,"type":"fixed[4]"}]},"element-required":false}},
       {"id":6,"name":"m","required":false,"type":{"type":"map","key-id":7,"key":"string","value-id":8,"value":"timestamptz","value-required":true}},
       {"id":9,"name":"t","required":false,"type":"timestamptz","initial-default":"2017-11-16T22:31:08.123456+00:00"},
       {"id":10,"name":"u","required":false,"type":"uuid","write-default":"f79c3e09-677c-4bbd-a479-3f349cb785e7"}]}
      """
    let schema = try IcebergSchema(text: text)
    #expect(try IcebergSchema(text: schema.text) == schema)
    #expect(schema.field(id: 5)?.type == .fixed(4) && schema.fullName(id: 5) == "l.element.x" && schema.highestFieldID == 10)
    #expect(schema.field(named: "L.element.X")?.id == 5 && schema.column(named: "ID")?.id == 1)
    #expect(schema.field(id: 2)?.initialDefault == .int(1_420) && schema.field(id: 2)?.writeDefault == .int(-5))
    #expect(schema.field(id: 9)?.initialDefault == .timestampTZ(TimestampTZ(instant: 1_510_871_468_123_456)))
    let columns = try schema.columnarSchema()
    #expect(columns.types[2] == .array(.row([RowField(name: "x", type: .varbinary)])))
    #expect(columns.fields[2].id == FieldID(3, children: [FieldID(4, children: [FieldID(5)])]))
    #expect(!columns.fields[0].isNullable)
  }

  @Test("columns of the engine get ids level by level")
  func newSchema() throws {
    let schema = try IcebergSchema(
      columns: Schema([
        Field("a", .integer), Field("b", .row([RowField(name: "x", type: .array(.varchar)), RowField(name: "y", type: .date)])),
        Field("c", .map(key: .varchar, value: .double)),
      ]))
    #expect(schema.allFields.map(\.id) == [1, 2, 4, 6, 5, 3, 7, 8])
    #expect(throws: IcebergError.self) { try IcebergSchema(columns: Schema([Field("a", .json)])) }
    #expect(throws: IcebergError.self) { try IcebergSchema(columns: Schema([Field("a", .integer), Field("A", .integer)])) }
  }

  @Test("time travel follows the log, and what is not there is an error", arguments: ["g_p_time_travel"])
  func timeTravel(name: String) async throws {
    guard let table = try CorpusTable.named(name) else { return }
    let metadata = try await table.load()
    let log = metadata.snapshotLog
    #expect(try metadata.scanTarget(.timestamp(milliseconds: log[1].timestampMilliseconds)).snapshot?.id == log[1].snapshotID)
    #expect(try metadata.scanTarget(.timestamp(milliseconds: log[1].timestampMilliseconds - 1)).snapshot?.id == log[0].snapshotID)
    #expect(try metadata.scanTarget(.timestamp(milliseconds: .max)).snapshot?.id == metadata.currentSnapshotID)
    #expect(throws: IcebergError.self) { try metadata.scanTarget(.timestamp(milliseconds: log[0].timestampMilliseconds - 1)) }
    #expect(throws: IcebergError.self) { try metadata.scanTarget(.snapshot(1)) }
    let error = #expect(throws: IcebergError.self) { try metadata.scanTarget(.reference("nothing")) }
    #expect(error?.message.contains("main") == true)
    for (name, reference) in metadata.allReferences {
      #expect(try metadata.scanTarget(.reference(name)).snapshot?.id == reference.snapshotID)
    }
  }
}

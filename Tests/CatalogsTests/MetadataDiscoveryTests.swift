import Catalogs
import JSONText
import Storage
import TestSupport
import Testing

struct MetadataDiscoveryTests {
  let store = MemoryStore()
  let root = Location("mem://b/t")

  func put(_ names: String..., hint: String? = nil) async throws {
    for name in names { _ = try await store.write(root.appending("metadata/" + name), ByteSlice(utf8: "{}")) }
    if let hint { _ = try await store.write(root.appending("metadata/version-hint.text"), ByteSlice(utf8: hint)) }
  }

  func found(_ location: Location? = nil) async throws -> String {
    try await MetadataDiscovery.currentMetadata(at: location ?? root, in: store).name
  }

  @Test("without a hint the highest version counts, as a number")
  func highest() async throws {
    try await put("00009-a.metadata.json", "00010-b.gz.metadata.json", "00002-c.metadata.json", "snap-99-x.avro", "x.metadata.json")
    #expect(try await found() == "00010-b.gz.metadata.json")
    #expect(try await found(Location("mem://b/t/")) == "00010-b.gz.metadata.json")
    #expect(try await found(root.appending("metadata")) == "00010-b.gz.metadata.json")
  }

  @Test("of two files with one version the later one counts")
  func tie() async throws {
    try await put("00001-z.metadata.json", "00001-a.metadata.json")
    #expect(try await found() == "00001-a.metadata.json")
  }

  @Test("the hint counts, and versions that came after it")
  func hinted() async throws {
    try await put("v1.metadata.json", "v2.metadata.json", "v3.gz.metadata.json", "v9.metadata.json", hint: "2\n")
    #expect(try await found() == "v3.gz.metadata.json")
  }

  @Test("a hint may be a file's stem, and one that names nothing is ignored")
  func oddHints() async throws {
    try await put("00001-abc.metadata.json", "00002-def.metadata.json", hint: "00001-abc")
    #expect(try await found() == "00001-abc.metadata.json")
    for hint in ["7", "../../x", "", "-1"] {
      try await put(hint: hint)
      #expect(try await found() == "00002-def.metadata.json")
    }
  }

  @Test("a metadata file stands for itself, and a folder without any is no table")
  func others() async throws {
    try await put("00001-abc.metadata.json")
    let file = root.appending("metadata/00001-abc.metadata.json")
    #expect(try await MetadataDiscovery.currentMetadata(at: file, in: store) == file)
    #expect(await failure { _ = try await found(Location("mem://b/none")) } == .tableNotFound)
    #expect(await failure { _ = try await found(root.appending("metadata/00009-x.metadata.json")) } == .tableNotFound)
  }

  @Test("every table of the corpus is found at the metadata file it should be")
  func corpus() async throws {
    guard let folder = Corpus.folder("iceberg") else { return }
    let local = LocalStore()
    let expected = try await local.listAll(Location(folder + "/expected"))
    for file in expected where file.location.name.hasSuffix(".json") {
      let document = try JSONDocument(try await local.read(file.location).array).root
      guard let metadata = document["metadata"]?.string, let table = document["table"]?.string else { continue }
      let place = Location(folder + "/tables/" + table)
      guard try await !local.listAll(place).isEmpty else { continue }
      #expect(try await MetadataDiscovery.currentMetadata(at: place, in: local).text == place.appending(metadata).text)
    }
  }
}

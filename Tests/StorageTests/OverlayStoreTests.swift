import Storage
import TestSupport
import Testing

/// An overlay over objects that are there already: none of them is ever touched.
struct OverlayStoreTests {
  let scratch = ScratchFolder()
  let base = MemoryStore(pageSize: 2)

  private func overlay() throws -> OverlayStore { OverlayStore(base: base, folder: try OverlayFolder.open(scratch.path + "/overlay")) }

  private func at(_ key: String) -> Location { Location("mem://bucket/" + key) }

  private func fill() async throws {
    for key in ["t/a", "t/b", "t/sub/c", "u/d"] { _ = try await base.write(at(key), ByteSlice(utf8: "base " + key)) }
  }

  private func kind(_ body: () async throws -> Void) async -> StorageError.Kind? {
    do {
      try await body()
      return nil
    } catch { return (error as? StorageError)?.kind }
  }

  @Test("what is written shadows the base, also for who opens the overlay later; the base keeps its bytes")
  func shadowing() async throws {
    try await fill()
    let first = try overlay()
    _ = try await first.write(at("t/a"), ByteSlice(utf8: "mine"))
    _ = try await first.write(at("t/new"), ByteSlice(utf8: "new"))
    let later = try overlay()
    #expect(try await later.read(at("t/a")).string == "mine")
    #expect(try await later.read(at("t/b")).string == "base t/b")
    #expect(try await later.listAll(at("t")).map(\.location) == ["t/a", "t/b", "t/new", "t/sub/c"].map(at))
    #expect(try later.openReader(at("t/a")).size == 4 && later.openReader(at("t/b")).size == 8)
    #expect(try await base.read(at("t/a")).string == "base t/a")
    #expect(await kind { _ = try await base.info(at("t/new")) } == .notFound)
  }

  @Test("conditions look at the base as well")
  func conditions() async throws {
    try await fill()
    let store = try overlay()
    #expect(await kind { _ = try await store.write(at("t/a"), .empty, if: .ifAbsent) } == .alreadyExists)
    #expect(await kind { _ = try store.openWriter(at("t/a"), if: .ifAbsent, .synced) } == .alreadyExists)
    #expect(await kind { _ = try store.openWriter(at("t/a"), if: .ifMatches(ObjectVersion("1")), .synced) } == .notSupported)
    #expect(await kind { _ = try await store.write(at("t/a"), .empty, if: .ifMatches(ObjectVersion("nothing"))) } == .conditionFailed)
    let version = try await store.info(at("t/a")).version
    let own = try await store.write(at("t/a"), ByteSlice(utf8: "2"), if: .ifMatches(version))
    #expect(await kind { _ = try await store.write(at("t/a"), ByteSlice(utf8: "3"), if: .ifMatches(version)) } == .conditionFailed)
    _ = try await store.write(at("t/a"), ByteSlice(utf8: "3"), if: .ifMatches(own))
    #expect(try await store.read(at("t/a")).string == "3")
    #expect(try await base.read(at("t/a")).string == "base t/a")
  }

  @Test("deleted objects and folders are gone in the overlay alone, and can be written anew")
  func deletions() async throws {
    try await fill()
    let store = try overlay()
    try await store.delete([at("t/a"), at("never")])
    try await store.deleteFolder(at("u"))
    #expect(try await store.listAll(at("t")).map(\.location) == ["t/b", "t/sub/c"].map(at))
    #expect(try await store.listAll(at("u")).isEmpty)
    #expect(try await base.listAll(at("u")).count == 1)
    for key in ["t/a", "u/d"] {
      #expect(await kind { _ = try await store.read(at(key)) } == .notFound, "\(key)")
      #expect(await kind { _ = try await store.info(at(key)) } == .notFound, "\(key)")
      #expect(await kind { _ = try store.openReader(at(key)) } == .notFound, "\(key)")
    }
    _ = try await store.write(at("u/d"), ByteSlice(utf8: "again"), if: .ifAbsent)
    let writer = try store.openWriter(at("t/a"), if: .ifAbsent, .synced)
    try writer.append(Array("anew".utf8))
    _ = try writer.finish()
    #expect(try await store.read(at("u/d")).string == "again")
    #expect(try await store.read(at("t/a")).string == "anew")
    // Gone once more, the base does not show through.
    try await store.delete([at("u/d"), at("t/a")])
    #expect(try await store.exists(at("u/d")) == false)
    #expect(try await store.exists(at("t/a")) == false)
    #expect(try await base.read(at("t/a")).string == "base t/a")
    #expect(try await base.listAll(at("")).count == 4)
  }

  @Test("an overlay is made once, opened again, and never out of a folder that holds something else")
  func folders() async throws {
    #expect(await kind { _ = try OverlayFolder.existing(scratch.path) } == .notFound)
    _ = try OverlayFolder.open(scratch.path + "/o")
    #expect(try OverlayFolder.existing(scratch.path + "/o/../o/.").path == OverlayFolder.open(scratch.path + "/o").path)
    #expect(await kind { _ = try OverlayFolder.open(scratch.path) } == .alreadyExists)
    #expect(await kind { _ = try OverlayFolder.open("s3://bucket/o") } == .invalidLocation)
    let place = try OverlayFolder.open(scratch.path + "/o").place(of: Location("s3a://bucket/a/b"))
    #expect(place.text == scratch.path + "/o/files/s3/bucket/a/b")
    #expect(await kind { _ = try OverlayFolder.open(scratch.path + "/o").place(of: Location("s3://bucket/../x")) } == .invalidLocation)
  }
}

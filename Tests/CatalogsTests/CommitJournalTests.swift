import Catalogs
import Storage
import Testing

/// Several entries that are replaced as one, with a store that fails at its nth call, before or after doing its work.
struct CommitJournalTests {
  private let scratch = ScratchCatalog()

  private func catalog(_ store: MemoryStore) -> LocalCatalog { LocalCatalog(root: scratch.root + "/catalog", store: store) { 0 } }

  private func described(_ catalog: LocalCatalog) async throws -> [String] {
    var texts: [String] = []
    for name in ["a", "b", "c"] { texts.append(try await catalog.table(name, in: "default").description ?? "") }
    return texts
  }

  private func change(_ catalog: LocalCatalog) async throws {
    var entries: [CatalogTable] = []
    for name in ["b", "a", "c"] {
      var entry = try await catalog.table(name, in: "default")
      // The third is only held against its version.
      if name != "c" { entry.description = "new" }
      entries.append(entry)
    }
    try await catalog.updateTables(entries)
  }

  @Test("whichever call fails, all entries are old or all are new, for the next reader and after the next writer", arguments: [
    MemoryStore.Fault.Moment.before, .after,
  ])
  func faults(_ moment: MemoryStore.Fault.Moment) async throws {
    var (oldCount, newCount) = (0, 0)
    for call in 1...40 {
      let store = MemoryStore()
      let place = catalog(store)
      for name in ["a", "b", "c"] { try await place.createTable(CatalogTable(catalog: "local", database: "default", name: name, description: "old")) }
      let before = store.callCount
      // From that call on everything fails, as when the process is killed there.
      for next in call..<call + 60 { store.inject(MemoryStore.Fault(call: before + next, moment, .io)) }
      var isReported = false
      do { try await change(place) } catch { isReported = true }
      store.clearFaults()
      let seen = try await described(place)
      #expect(seen == ["old", "old", "old"] || seen == ["new", "new", "old"], "call \(call): \(seen)")
      if !isReported { #expect(seen[0] == "new", "call \(call)") }
      if seen[0] == "new" { newCount += 1 } else { oldCount += 1 }
      // The next writer puts the entries in their places; readers of the places alone agree.
      try await place.createTable(CatalogTable(catalog: "local", database: "default", name: "d"))
      #expect(try await described(place) == seen, "call \(call)")
      #expect(!store.locations.contains { $0.name == "commit.journal.json" }, "call \(call)")
      #expect(try await place.table("a", in: "default").version == (seen[0] == "new" ? 1 : 0))
      #expect(try await place.table("c", in: "default").version == 0)
    }
    #expect(oldCount > 3 && newCount > 3)
  }

  @Test("an entry that somebody else has changed refuses all of them")
  func conflict() async throws {
    let place = scratch.open()
    for name in ["a", "b"] { try await place.createTable(CatalogTable(catalog: "local", database: "default", name: name)) }
    let (stale, fresh) = (try await place.table("a", in: "default"), try await place.table("b", in: "default"))
    try await place.updateTable({ var entry = stale; entry.description = "theirs"; return entry }())
    for read in [[stale, fresh], [fresh, stale]] {
      var entries = read
      entries[0].description = "mine"
      #expect(await failure { try await place.updateTables(entries) } == .versionConflict)
      entries[1].description = "mine"
      #expect(await failure { try await place.updateTables(entries) } == .versionConflict)
    }
    #expect(try await place.table("b", in: "default") == fresh)
  }

  @Test("a journal that is no journal is reported, not overlooked")
  func damaged() async throws {
    let store = MemoryStore()
    let place = catalog(store)
    try await place.createTable(CatalogTable(catalog: "local", database: "default", name: "a"))
    _ = try await store.write(Location(scratch.root + "/catalog/commit.journal.json"), ByteSlice(Array("{\"documents\":[{}]}".utf8)))
    #expect(await failure { _ = try await place.table("a", in: "default") } == .corrupt)
    #expect(await failure { try await place.dropTable("a", in: "default") } == .corrupt)
  }
}

import Storage
import TestSupport
import Testing

/// The promises every store keeps.
struct StoreConformanceTests {
  /// Conditions on writes that the bytes' keeper honours. S3 itself honours all; of the servers that run here none does.
  enum Conditions { case all, ifAbsent, none }

  /// - Throws: when a server cannot be started, which is a failure: nothing is skipped.
  static func stores() throws -> [(name: String, store: any ObjectStore, root: Location, scratch: ScratchFolder?, conditions: Conditions)] {
    let scratch = ScratchFolder()
    let mounted = ScratchFolder()
    let overlaid = ScratchFolder()
    let overlay = try OverlayFolder.open(overlaid.path + "/overlay")
    var mounts = MountTable()
    mounts.mountOffline(mounted.path)
    return try [
      ("memory", MemoryStore(pageSize: 2), Location("mem://t"), nil, .all),
      ("local", LocalStore(), Location(scratch.path), scratch, .all),
      ("mounted", StoreRouter(mounts: mounts), Location("s3://bucket/t"), mounted, .all),
      ("overlay", OverlayStore(base: MemoryStore(pageSize: 2), folder: overlay), Location("mem://t"), overlaid, .all),
    ]
      + S3TestServer.Kind.allCases.map { kind in
        let server = try S3TestServer.shared(kind)
        return ("S3 on \(kind)", try server.store(), S3TestServer.root(), nil, kind.keepsIfAbsent ? .ifAbsent : .none)
      }
  }

  func failure(_ body: () async throws -> Void) async -> StorageError.Kind? {
    do {
      try await body()
      return nil
    } catch { return (error as? StorageError)?.kind }
  }

  @Test("what is written is read back, whole and in ranges")
  func readBack() async throws {
    for (name, store, root, scratch, _) in try Self.stores() {
      let place = root.appending("a/b/file.bin")
      _ = try await store.write(place, ByteSlice(utf8: "hello world"))
      #expect(try await store.read(place).string == "hello world", "\(name)")
      #expect(try await store.read(place, 6..<11).string == "world", "\(name)")
      #expect(try await store.read(place, 3..<3).string == "", "\(name)")
      #expect(await failure { _ = try await store.read(place, 6..<12) } == .corrupt, "\(name)")
      let info = try await store.info(place)
      #expect(info.size == 11 && info.location == place, "\(name)")
      let reader = try store.openReader(place)
      #expect(reader.size == 11)
      #expect(try reader.read(0..<5).string == "hello", "\(name)")
      #expect(throws: StorageError.self) { try reader.read(5..<12) }
      withExtendedLifetime(scratch) {}
    }
  }

  @Test("conditions on a write are kept")
  func conditions() async throws {
    for (name, store, root, scratch, conditions) in try Self.stores() {
      guard conditions != .none else { continue }
      let place = root.appending("x.json")
      let first = try await store.write(place, ByteSlice(utf8: "1"), if: .ifAbsent)
      #expect(await failure { _ = try await store.write(place, ByteSlice(utf8: "2"), if: .ifAbsent) } == .alreadyExists, "\(name)")
      guard conditions == .all else { continue }
      let second = try await store.write(place, ByteSlice(utf8: "3"), if: .ifMatches(first))
      #expect(try await store.info(place).version == second, "\(name)")
      #expect(
        await failure { _ = try await store.write(place, ByteSlice(utf8: "4"), if: .ifMatches(first)) } == .conditionFailed, "\(name)")
      #expect(try await store.read(place).string == "3", "\(name)")
      let gone = root.appending("gone")
      #expect(await failure { _ = try await store.write(gone, .empty, if: .ifMatches(first)) } == .conditionFailed, "\(name)")
      if name == "local" { #expect(scratch?.names == ["x.json"]) }
    }
  }

  @Test("a listing is recursive, sorted by bytes, spelled like the question, and stops at the folder's border")
  func listing() async throws {
    for (name, store, root, scratch, _) in try Self.stores() {
      for key in ["t/b", "t/a/2", "t/a-1", "t/ä", "t/a/10", "t2/x"] {
        _ = try await store.write(root.appending(key), ByteSlice(utf8: key))
      }
      let found = try await store.listAll(root.appending("t")).map(\.location.text)
      #expect(found == ["t/a-1", "t/a/10", "t/a/2", "t/b", "t/ä"].map { root.appending($0).text }, "\(name)")
      #expect(try await store.listAll(root.appending("t/b")).map(\.size) == [3], "\(name)")
      #expect(try await store.listAll(root.appending("nothing")).isEmpty, "\(name)")
      try await store.delete([root.appending("t/b"), root.appending("never")])
      #expect(try await store.exists(root.appending("t/b")) == false, "\(name)")
      try await store.deleteFolder(root.appending("t"))
      #expect(try await store.listAll(root).map(\.location.name) == ["x"], "\(name)")
      withExtendedLifetime(scratch) {}
    }
  }

  @Test("a streamed object appears when finished, and an aborted one never")
  func writers() async throws {
    for (name, store, root, scratch, conditions) in try Self.stores() {
      let place = root.appending("big")
      let writer = try store.openWriter(place)
      let chunk = [UInt8](repeating: 7, count: 300_000)
      for _ in 0..<3 { try writer.append(chunk) }
      try writer.append(Array("end".utf8))
      #expect(writer.byteCount == 900_003)
      #expect(try await store.exists(place) == false, "\(name)")
      _ = try writer.finish()
      #expect(try await store.info(place).size == 900_003, "\(name)")
      #expect(try await store.read(place, 899_999..<900_003).array == [7] + Array("end".utf8), "\(name)")
      let aborted = try store.openWriter(root.appending("no"))
      try aborted.append(chunk)
      aborted.abort()
      do {
        let dropped = try store.openWriter(root.appending("no"))
        try dropped.append(chunk)
      }
      if conditions != .none {
        let clash = try store.openWriter(place, if: .ifAbsent, .synced)
        #expect(throws: StorageError.self) { _ = try clash.finish() }
      }
      if name == "local" { #expect(scratch?.names == ["big"]) }
    }
  }

  @Test("of many writers of one new name exactly one wins, and of many swaps of one version too")
  func races() async throws {
    for (name, store, root, scratch, conditions) in try Self.stores() {
      guard conditions == .all else { continue }
      let place = root.appending("pointer")
      for round in 0..<5 {
        let condition: PutCondition = round == 0 ? .ifAbsent : .ifMatches(try await store.info(place).version)
        let wins = await withTaskGroup(of: Bool.self) { group in
          for writer in 0..<8 {
            group.addTask { (try? await store.write(place, ByteSlice(utf8: "\(round) by \(writer)"), if: condition)) != nil }
          }
          return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(wins == 1, "\(name) round \(round)")
      }
      if name == "local" { #expect(scratch?.names == ["pointer"]) }
    }
  }
}

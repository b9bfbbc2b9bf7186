import Storage
import TestSupport
import Testing

/// What S3 stores promise beyond the other stores, on real servers.
struct S3StoreTests {
  func failure(_ body: () async throws -> Void) async -> StorageError? {
    do {
      try await body()
      return nil
    } catch { return error as? StorageError }
  }

  @Test("keys with any character are written, listed, read and deleted", arguments: S3TestServer.Kind.allCases)
  func keys(kind: S3TestServer.Kind) async throws {
    let store = try S3TestServer.shared(kind).store()
    let root = S3TestServer.root()
    var names = ["a b", "a+b", "ü/ß", "50%", "x=1&y=2", "q?z#f", "(1)'*!~", "日本", "day=2026-01-01/p.parquet", "a%20b", "quote\"<tag>&amp;"]
    // A file system cannot hold these two.
    if kind == .moto { names += ["c//d", "e/../f"] }
    for name in names { _ = try await store.write(root.appending(name), ByteSlice(utf8: name)) }
    let found = try await store.listAll(root)
    #expect(found.map(\.location.text) == names.map { root.appending($0).text }.sorted { $0.precedesInByteOrder($1) })
    for name in names { #expect(try await store.read(root.appending(name)).string == name) }
    try await store.delete(names.map { root.appending($0) })
    #expect(try await store.listAll(root).isEmpty)
  }

  @Test("a listing goes over many pages", arguments: S3TestServer.Kind.allCases)
  func paging(kind: S3TestServer.Kind) async throws {
    let store = try S3TestServer.shared(kind).store()
    let root = S3TestServer.root()
    for number in 0..<25 { _ = try await store.write(root.appending("\(100 + number)"), ByteSlice(utf8: "\(number)")) }
    var keys: [String] = []
    var after: String?
    var pages = 0
    repeat {
      let page = try await store.client.list(S3TestServer.bucket, root, prefix: root.path + "/", after: after, limit: 10)
      keys += page.entries.map(\.key)
      after = page.next
      pages += 1
    } while after != nil
    #expect(keys == (0..<25).map { root.path + "/\(100 + $0)" } && pages == 3)
  }

  @Test("large objects go in parts that are put together in order, small ones in one request", arguments: S3TestServer.Kind.allCases)
  func multipart(kind: S3TestServer.Kind) async throws {
    let server = try S3TestServer.shared(kind)
    // moto keeps S3's smallest part.
    let partSize = kind == .moto ? 5 << 20 : 64 << 10
    let store = try server.store { $0.partSize = partSize }
    let root = S3TestServer.root()
    let total = partSize * 3 + 1_234
    let bytes = (0..<total).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    let writer = try store.openWriter(root.appending("big"))
    for start in stride(from: 0, to: total, by: 50_000) { try writer.append(Array(bytes[start..<min(start + 50_000, total)])) }
    _ = try writer.finish()
    #expect(try await store.read(root.appending("big")).array == bytes)
    let before = store.client.http.traffic.requests
    let small = try store.openWriter(root.appending("small"))
    try small.append(Array("tiny".utf8))
    _ = try small.finish()
    #expect(store.client.http.traffic.requests == before + 1)
    let aborted = try store.openWriter(root.appending("aborted"))
    for _ in 0..<3 { try aborted.append([UInt8](repeating: 1, count: partSize)) }
    aborted.abort()
    #expect(try await server.unfinishedUploads(store, below: root).isEmpty)
    #expect(try await store.exists(root.appending("aborted")) == false)
  }

  @Test("parts grow so that 10,000 of them hold 5 TiB, none above 5 GiB")
  func partSizes() {
    let sizes = (1...10_000).map { S3Options().partSize($0) }
    #expect(sizes[0] == 8 << 20 && sizes.allSatisfy { $0 <= 5 << 30 } && sizes.reduce(0, +) >= 5 << 40)
  }

  @Test("an open reader asks for what was announced at once, joins nothing twice, and reads what was not announced", arguments: S3TestServer.Kind.allCases)
  func reader(kind: S3TestServer.Kind) async throws {
    let store = try S3TestServer.shared(kind).store()
    let place = S3TestServer.root().appending("data")
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 11) }
    _ = try await store.write(place, ByteSlice(bytes))
    let before = store.client.http.traffic.requests
    let reader = try store.openReader(place)
    #expect(reader.size == bytes.count)
    #expect(try reader.read(2_999_000..<3_000_000).array == Array(bytes[2_999_000...]), "the end came with the size")
    #expect(store.client.http.traffic.requests == before + 1)
    reader.willNeed(100_000..<900_000)
    reader.willNeed(500_000..<1_000_000)
    for start in stride(from: 100_000, to: 1_000_000, by: 30_000) {
      #expect(try reader.read(start..<start + 30_000).array == Array(bytes[start..<start + 30_000]))
    }
    #expect(store.client.http.traffic.requests == before + 3)
    #expect(try reader.read(90_000..<110_000).array == Array(bytes[90_000..<110_000]))
    #expect(throws: StorageError.self) { try reader.read(2_999_999..<3_000_001) }
    #expect(try reader.read(7..<7).isEmpty)
    let empty = place.parent!.appending("empty")
    _ = try await store.write(empty, .empty)
    #expect(try store.openReader(empty).size == 0)
    #expect(await failure { _ = try store.openReader(empty.appending("no")) }?.kind == .notFound)
  }

  @Test("what was looked at is not asked for again when it is read; a small object is one request however often it is read", arguments: S3TestServer.Kind.allCases)
  func looking(kind: S3TestServer.Kind) async throws {
    let store = try S3TestServer.shared(kind).store()
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ $0 >> 9) }
    for (size, again) in [(3_000_000, 1), (300_000, 0)] {
      let place = S3TestServer.root().appending("data")
      let version = try await store.write(place, ByteSlice(Array(bytes[..<size])))
      let object = ReadersAhead.Object(place, size: size, .inState(version))
      let readers = ReadersAhead(store)
      let before = store.client.http.traffic.requests
      let looking = try readers.openToLook(object)
      looking.willNeed(0..<200_000)
      let buffer = ByteBuffer(byteCount: 200_000)
      for _ in 0..<3 { try looking.look(at: 0, into: buffer.mutableBytes) }
      #expect(buffer.slice().array == Array(bytes[..<200_000]))
      let reader = try readers.open(object, from: 0)
      #expect(reader === looking)
      // Overlapping parts of what is under way do not make it count as done.
      #expect(try reader.read(0..<150_000).array == Array(bytes[..<150_000]))
      #expect(try reader.read(100_000..<150_000).array == Array(bytes[100_000..<150_000]))
      #expect(try reader.read(150_000..<200_000).array == Array(bytes[150_000..<200_000]))
      #expect(store.client.http.traffic.requests == before + 1)
      // Now it is done, and gone where it was large.
      #expect(try reader.read(0..<100).array == Array(bytes[..<100]))
      #expect(store.client.http.traffic.requests == before + 1 + again)
    }
  }

  @Test("an object replaced while it is read is noticed", arguments: S3TestServer.Kind.allCases)
  func replaced(kind: S3TestServer.Kind) async throws {
    let store = try S3TestServer.shared(kind).store()
    let place = S3TestServer.root().appending("data")
    _ = try await store.write(place, ByteSlice([UInt8](repeating: 1, count: 200_000)))
    let reader = try store.openReader(place)
    _ = try reader.read(0..<10)
    _ = try await store.write(place, ByteSlice([UInt8](repeating: 2, count: 200_000)))
    let error = await failure { _ = try reader.read(100..<110) }
    #expect(error?.kind == .corrupt && error?.message.contains("replaced") == true, "\(String(describing: error))")
  }

  @Test("missing buckets, unknown keys and wrong secrets are told apart, by name", arguments: S3TestServer.Kind.allCases)
  func errors(kind: S3TestServer.Kind) async throws {
    let server = try S3TestServer.shared(kind)
    let store = try server.store()
    let nowhere = await failure { _ = try await store.read(Location("s3://no-such-bucket-here/k")) }
    #expect(nowhere?.kind == .notFound && nowhere?.message.contains("no bucket 'no-such-bucket-here'") == true, "\(String(describing: nowhere))")
    let missing = await failure { _ = try await store.read(S3TestServer.root().appending("k")) }
    #expect(missing?.kind == .notFound)
    #expect(try await store.exists(S3TestServer.root().appending("k")) == false)
    #expect(await failure { _ = try await store.read(Location("s3://")) }?.kind == .invalidLocation)
    #expect(await failure { _ = try await store.read(Location("s3://bucket")) }?.kind == .invalidLocation)
    if kind.checksSignatures {
      let wrong = AWSCredentials(accessKeyID: server.credentials.accessKeyID, secretAccessKey: "WRONGSECRET")
      let denied = await failure { _ = try await server.store(credentials: wrong).write(S3TestServer.root().appending("k"), .empty) }
      #expect(denied?.kind == .permission && denied?.message.contains("WRONGSECRET") == false, "\(String(describing: denied))")
    }
  }

  @Test("thousands of objects are deleted in batches", arguments: [S3TestServer.Kind.moto])
  func batchDelete(kind: S3TestServer.Kind) async throws {
    let store = try S3TestServer.shared(kind).store()
    let root = S3TestServer.root()
    _ = try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<1_100 { group.addTask { _ = try await store.write(root.appending("f\(number)"), .empty) } }
      try await group.waitForAll()
    }
    let before = store.client.http.traffic.requests
    try await store.deleteFolder(root)
    #expect(try await store.listAll(root).isEmpty)
    #expect(store.client.http.traffic.requests - before <= 8)
  }

  @Test("an object is copied", arguments: S3TestServer.Kind.allCases)
  func copy(kind: S3TestServer.Kind) async throws {
    let store = try S3TestServer.shared(kind).store()
    let root = S3TestServer.root()
    _ = try await store.write(root.appending("a ü"), ByteSlice(utf8: "text"))
    _ = try await store.client.copy(
      S3Object(root.appending("a ü")), to: S3Object(root.appending("b")), root.appending("b"))
    #expect(try await store.read(root.appending("b")).string == "text")
  }
}

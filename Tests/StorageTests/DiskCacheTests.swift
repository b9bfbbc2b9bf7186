import Glibc
import Storage
import Synchronization
import TestSupport
import Testing

/// A remote object in memory that notes what is read of it.
private final class FarReader: SynchronousReader {
  let location = Location("s3://bucket/data/0a1b2c3d-0000-4000-8000-000000000001.parquet")
  let content: [UInt8]
  let etag: String
  private let ranges = Mutex<[Range<Int>]>([])

  init(_ content: [UInt8], etag: String = "\"one\"") {
    self.content = content
    self.etag = etag
  }

  var size: Int { content.count }
  var readsAheadByItself: Bool { true }
  var isRemote: Bool { true }
  var stateRead: ObjectVersion? { seen.isEmpty ? nil : ObjectVersion(etag) }
  var seen: [Range<Int>] { ranges.withLock { $0 } }

  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    let end = offset + destination.count
    ranges.withLock { $0.append(offset..<end) }
    for index in destination.indices { destination[index] = content[offset + index] }
  }

  func willNeed(_ range: Range<Int>) {}
}

@Suite struct DiskCacheTests {
  private static let location = Location("s3://bucket/t/data/0a1b2c3d-0000-4000-8000-000000000001.parquet")
  private static let server = "amazonaws.com"
  private static let content = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }

  private func cache(_ scratch: ScratchFolder, limit: Int = 1 << 30) throws -> DiskCache {
    try DiskCache(folder: scratch.path + "/cache", byteLimit: limit)
  }

  private func reader(_ far: FarReader, _ cache: DiskCache, _ location: Location, state: ObjectVersion?) -> CachedReader {
    CachedReader(far, cache, DiskCache.Identity(location, at: Self.server, size: far.size, state: state), state: state)
  }

  private func bytes(_ file: DiskCacheFile?) -> [UInt8]? {
    guard let file else { return nil }
    let buffer = ByteBuffer(byteCount: file.byteCount)
    return file.read(at: 0, into: buffer.mutableBytes) ? buffer.slice().array : nil
  }

  @Test("of what is deleted no piece is left, of other objects every one")
  func forgotten() throws {
    let scratch = ScratchFolder()
    let cache = try cache(scratch)
    let other = Location("s3://bucket/t/data/0a1b2c3d-0000-4000-8000-000000000002.parquet")
    for location in [Self.location, other] {
      for size in [3, 4] {
        for piece in 0..<3 {
          let identity = DiskCache.Identity(location, at: Self.server, size: size, state: nil)
          [1, 2, 3].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in cache.store(identity, piece, version: nil, bytes) }
        }
      }
    }
    cache.forget(Self.location, at: Self.server)
    for piece in 0..<3 {
      #expect(!cache.contains(DiskCache.Identity(Self.location, at: Self.server, size: 3, state: nil), piece))
      #expect(!cache.contains(DiskCache.Identity(Self.location, at: Self.server, size: 4, state: nil), piece))
      #expect(cache.contains(DiskCache.Identity(other, at: Self.server, size: 3, state: nil), piece))
    }
  }

  @Test("what lies below a folder that is deleted goes, with files that cannot say what they are; other folders and servers stay")
  func forgottenFolder() throws {
    let scratch = ScratchFolder()
    let cache = try cache(scratch)
    func identity(_ location: String, at server: String = Self.server) -> DiskCache.Identity {
      DiskCache.Identity(Location(location), at: server, size: 3, state: nil)
    }
    let (below, gone) = (["s3://bucket/t/data/a", "s3a://bucket/t/b", "s3://bucket/t/metadata/c"], "s3://bucket/t")
    let others = [identity("s3://bucket/t2/a"), identity("s3://bucket2/t/a"), identity("s3://bucket/t/data/a", at: "http://127.0.0.1:9000/")]
    for identity in below.map({ identity($0) }) + others {
      [1, 2, 3].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in cache.store(identity, 0, version: nil, bytes) }
    }
    try scratch.write("cache/ab/abcdefabcdefabcdefabcdefabcdefab-000000", "FRZCACH1 and then nothing")
    cache.forget(below: Location(gone), at: Self.server)
    for location in below { #expect(!cache.contains(identity(location), 0)) }
    for other in others { #expect(cache.contains(other, 0)) }
    #expect(scratch.files.filter { $0.contains("-000000") }.count == others.count)
  }

  @Test("one location at two servers is two objects; AWS's regions are one server")
  func servers() throws {
    var options = S3Options()
    let aws = options.server
    options.region = "eu-west-1"
    #expect(options.server == aws)
    for (endpoint, isAWS) in [
      ("https://s3.eu-west-1.amazonaws.com", true), ("https://s3.dualstack.us-east-2.amazonaws.com", true), ("http://127.0.0.1:9000", false),
      ("http://127.0.0.1:9001", false), ("https://notamazonaws.com", false),
    ] {
      options.endpoint = try #require(HTTPURL(endpoint))
      #expect((options.server == aws) == isAWS, "\(endpoint)")
    }
    let scratch = ScratchFolder()
    let cache = try cache(scratch)
    let identity = DiskCache.Identity(Self.location, at: "http://127.0.0.1:9000/", size: 3, state: ObjectVersion("e"))
    [1, 2, 3].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in cache.store(identity, 0, version: nil, bytes) }
    #expect(cache.open(DiskCache.Identity(Self.location, at: "http://127.0.0.1:9001/", size: 3, state: ObjectVersion("e")), 0) == nil)
  }

  @Test("what one process keeps another one finds, for the same object in the same state only")
  func identities() throws {
    let scratch = ScratchFolder()
    let identity = DiskCache.Identity(Self.location, at: Self.server, size: 3, state: nil)
    let first = try cache(scratch)
    [1, 2, 3].withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in first.store(identity, 0, version: ObjectVersion("\"e\""), bytes) }
    let second = try cache(scratch)
    #expect(bytes(second.open(identity, 0))?.count == 24)
    #expect(second.open(identity, 0)?.version == "\"e\"")
    #expect(second.open(identity, 1) == nil)
    #expect(second.open(DiskCache.Identity(Self.location, at: Self.server, size: 4, state: nil), 0) == nil)
    #expect(second.open(DiskCache.Identity(Self.location, at: Self.server, size: 3, state: ObjectVersion("x")), 0) == nil)
    // All spellings of the scheme are one place.
    #expect(second.open(DiskCache.Identity(Location("s3a" + Self.location.text.dropFirst(2)), at: Self.server, size: 3, state: nil), 0) != nil)
  }

  @Test("a reader asks for what is missing once; the next one asks for nothing", arguments: [0..<2_500_000, 10..<20, 1_048_570..<1_048_590, 2_499_000..<2_500_000])
  func reading(range: Range<Int>) throws {
    let scratch = ScratchFolder()
    let place = try cache(scratch)
    for round in 0..<2 {
      let far = FarReader(Self.content)
      let reader = self.reader(far, place, Self.location, state: nil)
      reader.willNeed(range)
      #expect(try reader.read(range).array == Array(Self.content[range]))
      #expect(try reader.read(range).array == Array(Self.content[range]))
      #expect(far.seen.count == (round == 0 ? 1 : 0))
      #expect(throws: StorageError.self) { try reader.read(range.lowerBound..<2_500_001) }
    }
  }

  @Test("any byte of a file that was changed, and any end that is missing, makes it one that is not there; never a wrong answer")
  func damage() throws {
    let scratch = ScratchFolder()
    let place = try cache(scratch)
    let content = Array(Self.content[..<200_000])
    var random = SeededRandom(1)
    for round in 0..<300 {
      _ = try reader(FarReader(content), place, Self.location, state: nil).read(0..<content.count)
      let file = try #require(scratch.files.first { $0.contains("-000000") })
      let size = Int(random.next() % 200_500)
      let descriptor = open(file, O_RDWR)
      var byte: UInt8 = 0
      if round % 3 == 0 {
        ftruncate(descriptor, off_t(size))
      } else {
        // Half of the changes hit the header.
        let offset = off_t(round % 2 == 0 ? size % 100 : size % 200_000)
        pread(descriptor, &byte, 1, offset)
        byte ^= 1 << UInt8(random.next() % 8)
        pwrite(descriptor, &byte, 1, offset)
      }
      close(descriptor)
      let far = FarReader(content)
      #expect(try reader(far, place, Self.location, state: nil).read(0..<content.count).array == content)
      #expect(far.seen.count == 1, "round \(round) served a damaged file")
    }
  }

  @Test("an object that was replaced under an unchanging name is an error once, and read anew then")
  func replaced() throws {
    let scratch = ScratchFolder()
    let place = try cache(scratch)
    _ = try reader(FarReader(Self.content), place, Self.location, state: nil).read(0..<10)
    let other = Self.content.map { $0 ^ 1 }
    let reader = self.reader(FarReader(other, etag: "\"two\""), place, Self.location, state: nil)
    #expect(try reader.read(0..<10).array == Array(Self.content[..<10]))
    #expect(throws: StorageError.self) { try reader.read(2_000_000..<2_000_010) }
    #expect(try self.reader(FarReader(other, etag: "\"two\""), place, Self.location, state: nil).read(0..<10).array == Array(other[..<10]))
  }

  @Test("bytes of another state than the listed one are not kept")
  func otherState() throws {
    let scratch = ScratchFolder()
    let place = try cache(scratch)
    for state in ["\"two\"", "\"one\""] {
      for expected in [1, state == "\"one\"" ? 0 : 1] {
        let far = FarReader(Self.content)
        _ = try reader(far, place, Self.location, state: ObjectVersion(state)).read(0..<10)
        #expect(far.seen.count == expected)
      }
    }
  }

  @Test("the limit holds, and what was used longest ago goes first")
  func eviction() throws {
    let scratch = ScratchFolder()
    let limit = 1_000_000
    let place = try cache(scratch, limit: limit)
    let identity = DiskCache.Identity(Self.location, at: Self.server, size: 1 << 40, state: nil)
    let piece = [UInt8](repeating: 5, count: 50_000)
    for index in 0..<100 {
      piece.withUnsafeBytes { place.store(identity, index, version: nil, $0) }
      // The first one is used all the time.
      #expect(place.open(identity, 0) != nil, "after \(index)")
      let total = scratch.files.reduce(0) { total, file in
        var status = stat()
        return stat(file, &status) == 0 ? total + Int(status.st_size) : total
      }
      #expect(total <= limit + 16)
    }
    #expect(!place.contains(identity, 1))
    #expect(place.contains(identity, 99))
    let large = [UInt8](repeating: 5, count: limit + 1)
    large.withUnsafeBytes { place.store(identity, 1_000, version: nil, $0) }
    #expect(!place.contains(identity, 1_000))
  }

  @Test("a folder that was filled with more room is cut down when it is opened with less")
  func lessRoom() throws {
    let scratch = ScratchFolder()
    let identity = DiskCache.Identity(Self.location, at: Self.server, size: 1 << 40, state: nil)
    let piece = [UInt8](repeating: 5, count: 50_000)
    let large = try cache(scratch, limit: 1_000_000)
    for index in 0..<10 { piece.withUnsafeBytes { large.store(identity, index, version: nil, $0) } }
    let small = try cache(scratch, limit: 200_000)
    #expect((0..<10).count { small.contains(identity, $0) } == 3)
  }

  @Test("several users of one folder, some of them without room, read what the object holds")
  func together() async throws {
    let scratch = ScratchFolder()
    let content = Self.content
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<4 {
        group.addTask {
          let place = try DiskCache(folder: scratch.path + "/cache", byteLimit: 3_000_000)
          var random = SeededRandom(UInt64(worker))
          for object in 0..<20 {
            let location = Location("s3://bucket/\(object % 3)-0a1b2c3d-0000-4000-8000-000000000001.parquet")
            let reader = self.reader(FarReader(content), place, location, state: nil)
            let start = Int(random.next() % 2_400_000)
            let range = start..<start + Int(random.next() % 100_000)
            #expect(try reader.read(range).array == Array(content[range]))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(!scratch.files.contains { $0.contains("/.") }, "a file was left on its way")
  }

  @Test("a folder that cannot be used is an error at once")
  func unusable() throws {
    let scratch = ScratchFolder()
    try scratch.write("file", "x")
    #expect(throws: StorageError.self) { try DiskCache(folder: scratch.path + "/file/cache", byteLimit: 10) }
  }
}

@Suite struct MetadataCacheTests {
  @Test(
    "a name is unique when it holds a UUID",
    arguments: [
      ("00003-24e54987-bea4-4345-8ab6-eb5a9b7a7c68.metadata.json", true), ("snap-9-1-2C4A1196-394f-4eff-be6a-0e7d64d99166.avro", true),
      ("24e54987-bea4-4345-8ab6-eb5a9b7a7c68-m0.avro", true), ("v3.metadata.json", false), ("24e54987-bea4-4345-8ab6-eb5a9b7a7c6", false),
      ("24e54987-bea4-4345-8ab6_eb5a9b7a7c68", false), ("part-00000.parquet", false), ("", false),
    ])
  func names(name: String, isUnique: Bool) {
    #expect(Location("s3://b/24e54987-bea4-4345-8ab6-eb5a9b7a7c68/" + name).hasUniqueName == isUnique)
  }

  @Test("the limit holds; what was used longest ago goes first; removed objects are gone")
  func limit() {
    let cache = MetadataCache(byteLimit: 1_000)
    func place(_ number: Int) -> Location { Location("s3://b/t/\(number)-24e54987-bea4-4345-8ab6-eb5a9b7a7c68.avro") }
    for number in 0..<50 {
      cache.insert(ByteSlice([UInt8](repeating: UInt8(number), count: 100)), at: place(number))
      #expect(cache[place(0)]?.array.first == 0)
      #expect(cache.byteCount <= 1_000)
    }
    #expect(cache[place(1)] == nil)
    #expect(cache[place(49)]?.count == 100)
    cache.insert(ByteSlice([UInt8](repeating: 0, count: 300)), at: place(100))
    #expect(cache[place(100)] == nil, "one object takes a quarter at most")
    cache.remove(place(49))
    #expect(cache[place(49)] == nil)
    cache.removeAll(below: Location("s3://b/t"))
    #expect(cache.byteCount == 0)
  }
}

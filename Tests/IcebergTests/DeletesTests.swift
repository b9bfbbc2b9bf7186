import Compression
import Iceberg
import Storage
import TestSupport
import Testing

@Suite("Deletion vectors and position sets")
struct DeletesTests {
  private static func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = hexadecimal.filter { $0 != " " }
    return stride(from: 0, to: digits.count, by: 2).compactMap { index in
      let start = digits.index(digits.startIndex, offsetBy: index)
      return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
    }
  }

  private static func decode(_ blob: [UInt8]) throws -> PositionSet { try blob.withUnsafeBytes { try DeletionVector.decode($0) } }

  private static func wrapped(_ bitmap: [UInt8]) -> [UInt8] {
    func bigEndian(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
    let content = [0xD1, 0xD3, 0x39, 0x64] + bitmap
    return bigEndian(content.count) + content + bigEndian(Int(Checksum.crc32(content)))
  }

  /// Blobs complete with length and checksum, worked out by hand from the specification.
  private static let examples: [(positions: [Int64], blob: String)] = [
    (
      [0, 7, 49],
      "00000026 d1d33964 0100000000000000 00000000 3a300000 01000000 0000 0200 10000000 0000 0700 3100 a58aea3c"
    ),
    (Array(0...99), "0000001f d1d33964 0100000000000000 00000000 3b300000 01 0000 6300 0100 0000 6300 883cd529"),
    (
      [5, 4_294_967_297],
      "00000038 d1d33964 0200000000000000 00000000 3a300000 01000000 0000 0000 10000000 0500 01000000 3a300000 01000000 0000 0000 10000000 0100 b682cdbd"
    ),
  ]

  @Test("blobs are those of the specification, both ways")
  func workedExamples() throws {
    for (positions, text) in Self.examples {
      let blob = Self.bytes(text)
      #expect(try Self.decode(blob).positions == positions)
      #expect(DeletionVector.encode(PositionSet(positions)) == blob, "\(positions.prefix(3))")
    }
  }

  @Test("every change of a blob is noticed")
  func damagedBlobs() {
    for (_, text) in Self.examples {
      let blob = Self.bytes(text)
      for index in blob.indices {
        var damaged = blob
        damaged[index] ^= 0x10
        #expect(throws: IcebergError.self, "byte \(index)") { try Self.decode(damaged) }
        #expect(throws: IcebergError.self, "\(index) bytes") { try Self.decode(Array(blob[..<index])) }
      }
    }
  }

  @Test("a position set answers as a plain set does, whatever its containers", arguments: [1, 2, 3] as [UInt64])
  func model(seed: UInt64) throws {
    var random = SeededRandom(seed)
    func some() -> [Int64] {
      var positions: [Int64] = []
      for _ in 0..<random.next() % 4 {
        let base = Int64(random.next() % 5) << 16 | Int64(random.next() % 3) << 32
        switch random.next() % 3 {
        case 0: positions += (0..<random.next() % 60).map { _ in base + Int64(random.next() % 65_536) }
        case 1: positions += (0..<Int64(random.next() % 9_000)).map { base + $0 * 7 }
        default: positions += (0..<Int64(random.next() % 70_000)).map { base + $0 }
        }
      }
      return positions
    }
    for _ in 0..<12 {
      let left = some()
      let right = some()
      var set = PositionSet(left)
      set.formUnion(PositionSet(right))
      let model = Set(left + right)
      #expect(set.positions == model.sorted(), "seed \(seed)")
      #expect(set.count == Int64(model.count) && set.isEmpty == model.isEmpty)
      let again = try Self.decode(DeletionVector.encode(set))
      #expect(again == set && again.positions == set.positions, "seed \(seed)")
      for _ in 0..<8 {
        let first = Int64(random.next() % 5) << 16 + Int64(random.next() % 70_000)
        let count = 1 + Int(random.next() % 100_000)
        var flags = [UInt8](repeating: 1, count: count)
        let cleared = flags.withUnsafeMutableBufferPointer { again.clear($0.baseAddress!, first: first, count: count) }
        let wrong = (0..<count).filter { (flags[$0] == 0) != model.contains(first + Int64($0)) }
        #expect(wrong.isEmpty && cleared == flags.count { $0 == 0 }, "seed \(seed): \(first) + \(count)")
        let probe = first + Int64(random.next() % UInt64(count))
        #expect(again.contains(probe) == model.contains(probe))
      }
    }
  }

  @Test("the bitmaps and Puffin files of other projects are read or refused as their list says")
  func fixtures() throws {
    guard let folder = Corpus.folder("iceberg/misc") else { return }
    var vectors = 0
    for entry in Corpus.table(folder + "/MANIFEST.tsv") {
      guard let name = entry["file"], let content = entry["content"] else { continue }
      if name.hasPrefix("bitmap/") {
        let file = try #require(Corpus.bytes(folder + "/" + name))
        guard content.hasPrefix("dv-blob") else {
          // Bare bitmaps, wrapped as blobs here.
          let wrapped = Self.wrapped(file)
          guard entry["outcome"] == "ok" else {
            #expect(throws: IcebergError.self, "\(name)") { try Self.decode(wrapped) }
            continue
          }
          let positions = try Self.decode(wrapped).positions
          #expect(content.contains("count=\(positions.count) "), "\(name): \(positions.count)")
          if let last = positions.last { #expect(content.hasSuffix("min=\(positions[0]) max=\(last)"), "\(name)") }
          continue
        }
        let positions = try Self.decode(file).positions
        #expect(
          content == "dv-blob count=\(positions.count) first=\(Array(positions.prefix(3))) last=\(Array(positions.suffix(3)))", "\(name)")
        vectors += 1
      } else if name.hasPrefix("puffin/") {
        let file = try #require(Corpus.bytes(folder + "/" + name))
        try file.withUnsafeBytes { bytes in
          let puffin = try PuffinFile(bytes)
          #expect(content.hasPrefix("blobs=\(puffin.blobs.count) "), "\(name)")
          for blob in puffin.blobs {
            #expect(content.contains("'\(blob.type)'"))
            let data = try puffin.content(of: blob, in: bytes)
            guard blob.type == "deletion-vector-v1" else { continue }
            let positions = try Self.decode(data)
            #expect(content.contains("dv=\(positions.count)"), "\(name): \(positions.count)")
            #expect(blob.properties["cardinality"].flatMap { Int64($0) } == positions.count)
            vectors += 1
          }
          for end in stride(from: 0, to: bytes.count, by: 3) {
            #expect(throws: IcebergError.self) { try PuffinFile(UnsafeRawBufferPointer(rebasing: bytes[..<end])) }
          }
        }
      }
    }
    #expect(vectors == 5)
  }

  @Test("what is written as a Puffin file reads back through its footer")
  func written() throws {
    let positions = PositionSet([3, 5, 70_000])
    let data = DataFile(path: "s3://b/t/data/a.parquet", recordCount: 100_000, fileSize: 10)
    let (bytes, file) = DeletionVectorFile.make(positions, of: data, at: Location("s3://b/t/data/d.puffin"))
    try bytes.withUnsafeBytes { bytes in
      let puffin = try PuffinFile(bytes)
      let blob = try #require(puffin.blobs.first)
      #expect(Int64(blob.offset) == file.contentOffset && Int64(blob.length) == file.contentSize)
      #expect(blob.properties["referenced-data-file"] == data.path)
      #expect(try Self.decode(puffin.content(of: blob, in: bytes)) == positions)
    }
  }
}

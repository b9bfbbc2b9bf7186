import Compression
import Testing

@Suite("Compression")
struct CompressionTests {
  static let samples: [[UInt8]] = [
    [], [7], Array("hello hello hello".utf8), Array(repeating: 0, count: 100_000),
    (0..<200_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) },
  ]

  @Test("every codec gives back what it was given", arguments: Codec.allCases.filter(\.isSupported))
  func roundTrip(codec: Codec) throws {
    let decompressor = Decompressor()
    for sample in Self.samples {
      let compressed = try codec.compress(sample)
      #expect(try decompressor.decompress(codec, compressed, maximumByteCount: 1 << 20) == sample)
      var room = [UInt8](repeating: 0, count: sample.count)
      let written = try compressed.withUnsafeBytes { input in
        try room.withUnsafeMutableBytes { try decompressor.decompress(codec, input, into: $0) }
      }
      #expect(written == sample.count && room == sample)
    }
  }

  @Test("a result longer than the room or the maximum is an error", arguments: Codec.allCases.filter(\.isSupported))
  func tooLong(codec: Codec) throws {
    let sample = Self.samples[3]
    let compressed = try codec.compress(sample)
    #expect(throws: CompressionError.self) { try codec.decompress(compressed, maximumByteCount: sample.count - 1) }
  }

  @Test("damaged and shortened blocks never do more than throw", arguments: Codec.allCases.filter(\.isSupported))
  func damage(codec: Codec) throws {
    let sample = Array("the quick brown fox jumps over the lazy dog, the quick brown fox".utf8)
    let compressed = try codec.compress(sample)
    for end in 0..<compressed.count { _ = try? codec.decompress(Array(compressed[..<end]), maximumByteCount: 1 << 20) }
    for at in compressed.indices {
      for bit in 0..<8 {
        var changed = compressed
        changed[at] ^= 1 << bit
        _ = try? codec.decompress(changed, maximumByteCount: 1 << 20)
      }
    }
    if codec == .gzip || codec == .zstd || codec == .deflate {
      #expect(throws: CompressionError.self) {
        try codec.decompress(Array(compressed.dropLast(codec == .deflate ? 1 : 4)), maximumByteCount: 1 << 20)
      }
    }
  }

  @Test("brotli and lzo are refused by name")
  func unsupported() {
    for codec in [Codec.brotli, .lzo] {
      let error = #expect(throws: CompressionError.self) { try codec.compress([1]) }
      #expect(error?.kind == .unsupported)
    }
  }

  @Test(
    "files are read in pieces cut anywhere, several members or frames after each other",
    arguments: [FileCompression.none, .gzip, .zstd, .snappy, .lz4])
  func files(compression: FileCompression) throws {
    let sample = Self.samples[4]
    var file = try compression.compress(sample)
    file += try compression.compress(Array("tail".utf8))
    let expected = sample + Array("tail".utf8)
    #expect(try compression.decompress(file, maximumByteCount: 1 << 20) == expected)
    #expect(throws: CompressionError.self) { try compression.decompress(file, maximumByteCount: expected.count - 1) }
    for pieceSize in [1, 7, 4_096] {
      let stream = try StreamDecompressor(compression)
      var result: [UInt8] = []
      var block = [UInt8](repeating: 0, count: 1_000)
      for start in stride(from: 0, to: file.count, by: pieceSize) {
        try Array(file[start..<min(file.count, start + pieceSize)]).withUnsafeBytes { piece in
          var rest = piece
          var written = 0
          repeat {
            written = try block.withUnsafeMutableBytes { try stream.decompress(&rest, into: $0) }
            result += block[..<written]
          } while written == block.count
          #expect(rest.isEmpty)
        }
      }
      try stream.finish()
      #expect(result == expected)
    }
    if compression != .none {
      #expect(throws: CompressionError.self) { try compression.decompress(Array(file.dropLast(3)), maximumByteCount: 1 << 20) }
    }
  }

  @Test("snappy's own framing is read, and its checksums are verified")
  func snappyFraming() throws {
    let text = Array("Wikipedia".utf8)
    let block = try Codec.snappy.compress(text)
    let crc = Checksum.crc32c(text)
    let masked = ((crc >> 15) | (crc << 17)) &+ 0xA282_EAD8
    var file: [UInt8] = [0xFF, 6, 0, 0] + Array("sNaPpY".utf8)
    file += [0x00, UInt8(block.count + 4), 0, 0] + withUnsafeBytes(of: masked.littleEndian, Array.init) + block
    file += [0xFE, 2, 0, 0, 0, 0]
    #expect(try FileCompression.snappy.decompress(file, maximumByteCount: 100) == text)
    file[14] ^= 1
    #expect(throws: CompressionError.self) { try FileCompression.snappy.decompress(file, maximumByteCount: 100) }
  }

  @Test("checksums give the published check values")
  func checksums() {
    let digits = Array("123456789".utf8)
    #expect(Checksum.crc32(digits) == 0xCBF4_3926)
    #expect(Checksum.crc32c(digits) == 0xE306_9283)
    #expect(Checksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
  }

  @Test("the extension names the compression of a file")
  func extensions() {
    #expect(FileCompression(fileName: "a/b.csv.gz") == .gzip && FileCompression(fileName: "x.ZST") == .zstd)
    #expect(FileCompression(fileName: "x.csv") == .none && FileCompression(fileName: "snappy") == .none)
  }
}

import Columnar
import Testing

@testable import Parquet

/// Bytes followed by the slack that kernels may load from.
private func bytes(_ list: [UInt8]) -> Buffer { Buffer.of(list) }

@Suite("Encodings, by hand-computed bytes")
struct EncodingTests {
  private func runs(_ list: [UInt8], width: Int, count: Int) throws -> [UInt32] {
    let buffer = bytes(list)
    var decoder = RunDecoder(buffer.base, byteCount: list.count, width: width)
    var result = [UInt32](repeating: 99, count: count)
    try result.withUnsafeMutableBufferPointer { try decoder.read(count, into: $0.baseAddress!) }
    return result
  }

  @Test("a packed group of the numbers 0 to 7 in 3 bits")
  func packedGroup() throws {
    #expect(try runs([0x03, 0x88, 0xc6, 0xfa], width: 3, count: 8) == Array(0..<8))
  }

  @Test("a repeated run, and width 0 with and without runs")
  func repeatedRuns() throws {
    #expect(try runs([0x14, 0x05], width: 3, count: 10) == Array(repeating: 5, count: 10))
    #expect(try runs([], width: 0, count: 3) == [0, 0, 0])
    #expect(try runs([0x0c], width: 0, count: 6) == Array(repeating: 0, count: 6))
  }

  @Test("runs that end early are an error")
  func shortRuns() {
    #expect(throws: ParquetError.self) { try runs([0x14], width: 3, count: 10) }
    #expect(throws: ParquetError.self) { try runs([0x04, 0x01], width: 1, count: 3) }
    #expect(throws: ParquetError.self) { try runs([0x00, 0x00], width: 1, count: 1) }
  }

  @Test("deprecated bit-packed levels, highest bit first")
  func bitPackedLevels() throws {
    let buffer = bytes([0x05, 0x39, 0x77])
    var decoder = BitPackedLevels(buffer.base, count: 8, width: 3, isLowestFirst: false)
    var result = [UInt8](repeating: 0, count: 8)
    try result.withUnsafeMutableBufferPointer { try decoder.read(8, into: $0.baseAddress!) }
    #expect(result == Array(0..<8))
  }

  private func deltas(_ list: [UInt8], count: Int) throws -> ([Int64], end: Int) {
    let buffer = bytes(list)
    var decoder = try DeltaDecoder(buffer.base, byteCount: list.count, maxWidth: 64)
    let end = try decoder.endOfStream() - UnsafeRawPointer(buffer.base)
    var result = [Int64](repeating: 0, count: count)
    try result.withUnsafeMutableBufferPointer { try decoder.read(count, into: $0.baseAddress!) }
    return (result, end)
  }

  @Test("delta-packed numbers without and with deltas that differ")
  func deltaBinaryPacked() throws {
    let steady: [UInt8] = [0x80, 0x01, 0x04, 0x05, 0x02, 0x02, 0, 0, 0, 0]
    #expect(try deltas(steady, count: 5) == ([1, 2, 3, 4, 5], steady.count))
    let varied: [UInt8] = [0x80, 0x01, 0x04, 0x08, 0x0e, 0x03, 2, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0]
    #expect(try deltas(varied, count: 8) == ([7, 5, 3, 1, 2, 3, 4, 5], varied.count))
  }

  @Test("a delta block size of 1 is an error")
  func badDeltaBlock() {
    #expect(throws: ParquetError.self) { try deltas([0x01, 0x04, 0x05, 0x02], count: 1) }
  }

  @Test("delta strings share prefixes with the one before")
  func deltaByteArray() throws {
    // Prefixes 0 2 0 3 and lengths 4 2 6 5 as delta streams; deltas 2 -2 3 (minimum -2: 4 0 5, 3 bits) and -2 4 -1 (minimum -2: 0 6 1).
    let prefixes: [UInt8] = [0x80, 0x01, 0x04, 0x04, 0x00, 0x03, 3, 0, 0, 0] + [0x44, 0x01] + Array(repeating: 0, count: 10)
    let lengths: [UInt8] = [0x80, 0x01, 0x04, 0x04, 0x08, 0x03, 3, 0, 0, 0] + [0x70, 0x00] + Array(repeating: 0, count: 10)
    let list = prefixes + lengths + Array("axislebabbleyhood".utf8)
    let buffer = bytes(list)
    var decoder = try DeltaByteArrayDecoder(buffer.base, byteCount: list.count)
    let views = UnsafeMutablePointer<StringView>.allocate(capacity: 4)
    let scratch = UnsafeMutablePointer<Int32>.allocate(capacity: 4)
    defer {
      views.deallocate()
      scratch.deallocate()
    }
    let block = try decoder.read(4, scratch: scratch, into: views)
    #expect((0..<4).map { StringView.string(at: views + $0) } == ["axis", "axle", "babble", "babyhood"])
    withExtendedLifetime((block, buffer)) {}
  }

  @Test("byte streams are put together again")
  func byteStreamSplit() throws {
    // 1.0 = 00 00 80 3f, -2.0 = 00 00 00 c0
    let buffer = bytes([0, 0, 0, 0, 0x80, 0, 0x3f, 0xc0])
    var decoder = try ByteStreamSplitDecoder(buffer.base, byteCount: 8, width: 4)
    var result: [Float] = [0, 0]
    try result.withUnsafeMutableBytes { try decoder.read(2, into: $0.baseAddress!) }
    #expect(result == [1, -2])
  }

  @Test("every width unpacks what the encoder packs, also cut at odd places", arguments: 1...32)
  func everyWidth(width: Int) throws {
    var state: UInt64 = 88_172_645_463_325_252
    let mask = width == 32 ? UInt32.max : UInt32(1) << UInt32(width) - 1
    var values: [UInt32] = []
    for index in 0..<1_003 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      let isRun = index / 50 % 3 == 1
      values.append(isRun ? UInt32(index / 50) & mask : UInt32(truncatingIfNeeded: state) & mask)
    }
    let output = OutputBuffer()
    values.withUnsafeBufferPointer { RunLengthEncoder.encode($0.baseAddress!, count: values.count, width: width, into: output) }
    let buffer = bytes(Array(output.bytes))
    var decoder = RunDecoder(buffer.base, byteCount: output.count, width: width)
    var result = [UInt32](repeating: 0, count: values.count)
    try result.withUnsafeMutableBufferPointer { target in
      var done = 0
      for step in [1, 7, 30, 100, 3, 8, 16, 838] {
        try decoder.read(step, into: target.baseAddress! + done)
        done += step
      }
    }
    #expect(result == values)
    withExtendedLifetime(buffer) {}
  }

  @Test("12-byte timestamps count from the Julian day")
  func int96() throws {
    let stored: [UInt8] = [0x00, 0xca, 0x9a, 0x3b, 0, 0, 0, 0, 0x8c, 0x3d, 0x25, 0x00]
    var micros: Int64 = 0
    try stored.withUnsafeBytes { source in
      try ValueConverter.convert(.int96(isNanos: false), source.baseAddress!, length: 12, 1, into: &micros)
    }
    #expect(micros == 1_000_000)
  }

  @Test("decimals of any length keep their sign, and too long ones are refused")
  func decimals() throws {
    func decimal(_ list: [UInt8]) throws -> Int128 { try list.withUnsafeBytes { try ValueConverter.decimal($0) } }
    #expect(try decimal([0xFF]) == -1)
    #expect(try decimal([0x00, 0xFF]) == 255)
    #expect(try decimal(Array(repeating: 0xFF, count: 20)) == -1)
    #expect(throws: ParquetError.self) { try decimal([1] + Array(repeating: 0, count: 16)) }
  }

  @Test("half precision becomes single precision exactly")
  func halfPrecision() {
    #expect(ValueConverter.float(fromHalf: 0x3C00) == 1)
    #expect(ValueConverter.float(fromHalf: 0xC000) == -2)
    #expect(ValueConverter.float(fromHalf: 0x7BFF) == 65_504)
    #expect(ValueConverter.float(fromHalf: 0x0001) == 0x1p-24)
    #expect(ValueConverter.float(fromHalf: 0xFC00) == -.infinity)
    #expect(ValueConverter.float(fromHalf: 0x7E00).isNaN)
  }

  @Test("xxHash agrees with published values")
  func xxHash() {
    func hash(_ text: String) -> UInt64 { Array(text.utf8).withUnsafeBytes { XXHash64.hash($0.baseAddress!, count: $0.count) } }
    #expect(hash("a") == 0xd24e_c4f1_a98c_6e5b)
    #expect(hash("abc") == 0x44bc_2cf5_ad77_0999)
    let number: UInt64 = 12_345
    #expect(withUnsafeBytes(of: number) { XXHash64.hash($0.baseAddress!, count: 8) } == XXHash64.hash64(number))
  }

  @Test("thrift structures are read and written")
  func thrift() throws {
    var writer = CompactWriter()
    writer.structureElement { fields in
      fields.int32(1, 2)
      fields.int64(3, 10)
    }
    #expect(writer.bytes == [0x15, 0x04, 0x26, 0x14, 0x00])
    let list: [UInt8] = [0x15, 0x04, 0x19, 0x35, 0x00, 0x06, 0x10, 0x00]
    var numbers: [Int64] = []
    try list.withUnsafeBytes { bytes in
      var reader = CompactReader(bytes)
      try reader.structure { (reader, field, type) throws(ParquetError) in
        if field == 2 { numbers = try reader.int64List(type) } else { try reader.skip(type) }
      }
    }
    #expect(numbers == [0, 3, 8])
  }

  @Test("thrift that nests without end or lies about lengths is an error")
  func hostileThrift() {
    func parse(_ list: [UInt8]) throws { _ = try FileMetadata(parsing: Buffer.of(list)) }
    #expect(throws: ParquetError.self) { try parse(Array(repeating: 0x1C, count: 10_000)) }
    #expect(throws: ParquetError.self) { try parse([0x19, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) }
    #expect(throws: ParquetError.self) { try parse([0x68, 0xFF, 0xFF, 0x03]) }
    #expect(throws: ParquetError.self) { try parse([]) }
  }
}

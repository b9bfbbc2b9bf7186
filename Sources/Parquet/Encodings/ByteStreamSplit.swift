/// BYTE_STREAM_SPLIT: byte `j` of value `i` lies at `j * valueCount + i`.
///
/// - Source: parquet-format, Encodings.md, "Byte Stream Split".
struct ByteStreamSplitDecoder {
  private let bytes: UnsafeRawPointer
  private let width: Int
  let valueCount: Int
  private var index = 0

  /// - Parameter width: bytes per value, at least 1.
  init(_ bytes: UnsafeRawPointer, byteCount: Int, width: Int) throws(ParquetError) {
    guard byteCount % width == 0 else {
      throw .corrupt("byte stream split data", expected: "a multiple of \(width) bytes", found: "\(byteCount)")
    }
    self.bytes = bytes
    self.width = width
    valueCount = byteCount / width
  }

  var remaining: Int { valueCount &- index }

  mutating func read(_ count: Int, into target: UnsafeMutableRawPointer) throws(ParquetError) {
    guard count <= remaining else {
      throw .corrupt("byte stream split values", expected: "\(count) more", found: "\(remaining)")
    }
    let start = bytes + index
    let stride = valueCount
    switch width {
    case 4:
      let output = target.assumingMemoryBound(to: UInt32.self)
      for i in 0..<count {
        let b0 = UInt32(start.load(fromByteOffset: i, as: UInt8.self))
        let b1 = UInt32(start.load(fromByteOffset: stride &+ i, as: UInt8.self))
        let b2 = UInt32(start.load(fromByteOffset: 2 &* stride &+ i, as: UInt8.self))
        let b3 = UInt32(start.load(fromByteOffset: 3 &* stride &+ i, as: UInt8.self))
        output[i] = b0 | b1 &<< 8 | b2 &<< 16 | b3 &<< 24
      }
    case 8:
      let output = target.assumingMemoryBound(to: UInt64.self)
      for i in 0..<count {
        var value: UInt64 = 0
        for byte in 0..<8 {
          value |= UInt64(start.load(fromByteOffset: byte &* stride &+ i, as: UInt8.self))
            &<< UInt64(truncatingIfNeeded: byte &* 8)
        }
        output[i] = value
      }
    default:
      let output = target.assumingMemoryBound(to: UInt8.self)
      for byte in 0..<width {
        let stream = start + byte &* stride
        for i in 0..<count { output[i &* width &+ byte] = stream.load(fromByteOffset: i, as: UInt8.self) }
      }
    }
    index &+= count
  }

  mutating func skip(_ count: Int) throws(ParquetError) {
    guard count <= remaining else {
      throw .corrupt("byte stream split values", expected: "\(count) more", found: "\(remaining)")
    }
    index &+= count
  }
}

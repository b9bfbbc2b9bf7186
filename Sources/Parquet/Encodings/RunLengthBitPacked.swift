#if canImport(Glibc)
  import Glibc
#endif

/// Decodes the run-length / bit-packed hybrid of levels, dictionary ids and booleans, a stretch at a time.
///
///     run  = varint header, then
///            header & 1 == 0: one value in ceil(width / 8) bytes, repeated header >> 1 times
///            header & 1 == 1: (header >> 1) groups of 8 values, bit-packed
///
/// The bytes must outlive the decoder. With width 0 runs have no payload, and every value is 0.
///
/// - Source: parquet-format, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
struct RunDecoder {
  private var cursor: UnsafeRawPointer
  private let end: UnsafeRawPointer
  let width: Int
  /// Values left of the current repeated run, and the value.
  private var repeatCount = 0
  private var repeatValue: UInt32 = 0
  /// Values left of the current packed run, its first byte and the values already taken from it.
  private var packedCount = 0
  private var packedBase: UnsafeRawPointer
  private var packedIndex = 0

  init(_ bytes: UnsafeRawPointer, byteCount: Int, width: Int) {
    cursor = bytes
    end = bytes + byteCount
    packedBase = bytes
    self.width = width
    // Some writers leave out the runs when every value is 0 anyway.
    if width == 0 && byteCount == 0 { repeatCount = .max }
  }

  private mutating func nextRun() throws(ParquetError) {
    var header: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard cursor < end else { throw .corrupt("run-length encoded data ends before its last value") }
      let byte = cursor.load(as: UInt8.self)
      cursor += 1
      header |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { break }
      shift &+= 7
      guard shift < 35 else { throw .corrupt("run header longer than 5 bytes") }
    }
    let available = end - cursor
    let length = Int(truncatingIfNeeded: header &>> 1)
    if header & 1 == 0 {
      let byteCount = (width &+ 7) &>> 3
      guard available >= byteCount else { throw .corrupt("run-length encoded data ends inside a run") }
      var value: UInt32 = 0
      for index in 0..<byteCount {
        value |= UInt32(cursor.load(fromByteOffset: index, as: UInt8.self)) &<< UInt32(truncatingIfNeeded: index &* 8)
      }
      guard width == 32 || value &>> UInt32(truncatingIfNeeded: width) == 0 else {
        throw .corrupt("repeated value", expected: "at most \(width) bits", found: "\(value)")
      }
      cursor += byteCount
      repeatValue = value
      repeatCount = length
    } else if width == 0 {
      repeatValue = 0
      repeatCount = length &* 8
    } else {
      // The header may claim up to 2^34 values; only those with bytes behind them count. A last group may be cut short.
      let byteCount = min(length &* width, available)
      packedBase = cursor
      packedIndex = 0
      packedCount = min(length &* 8, byteCount &* 8 / width)
      guard packedCount > 0 || length == 0 else { throw .corrupt("run-length encoded data ends inside a run") }
      cursor += byteCount
    }
  }

  /// The value that repeats from here on and how often; nil when the next values are packed.
  mutating func repetition() throws(ParquetError) -> (value: UInt32, count: Int)? {
    while repeatCount == 0 && packedCount == 0 { try nextRun() }
    return repeatCount > 0 ? (repeatValue, repeatCount) : nil
  }

  /// Reads the next `count` values.
  mutating func read<Value: FixedWidthInteger & UnsignedInteger>(
    _ count: Int, into target: UnsafeMutablePointer<Value>
  ) throws(ParquetError) {
    var done = 0
    while done < count {
      if repeatCount > 0 {
        let take = min(repeatCount, count &- done)
        (target + done).update(repeating: Value(truncatingIfNeeded: repeatValue), count: take)
        repeatCount &-= take
        done &+= take
      } else if packedCount > 0 {
        let take = min(packedCount, count &- done)
        unpack(take, into: target + done)
        done &+= take
      } else {
        try nextRun()
      }
    }
  }

  /// Passes over `count` values.
  mutating func skip(_ count: Int) throws(ParquetError) {
    var left = count
    while left > 0 {
      if repeatCount > 0 {
        let take = min(repeatCount, left)
        repeatCount &-= take
        left &-= take
      } else if packedCount > 0 {
        let take = min(packedCount, left)
        packedCount &-= take
        packedIndex &+= take
        left &-= take
      } else {
        try nextRun()
      }
    }
  }

  /// `count` values of the current packed run, which has as many.
  private mutating func unpack<Value: FixedWidthInteger & UnsignedInteger>(
    _ count: Int, into target: UnsafeMutablePointer<Value>
  ) {
    var done = 0
    while done < count {
      let inGroup = packedIndex & 7
      let byteOffset = (packedIndex &>> 3) &* width
      let available = end - packedBase - byteOffset
      let left = count &- done
      if inGroup == 0 && left >= 8 {
        // Whole groups; the last one of the stream may lack bytes, which the padded path below takes care of.
        let groups = min(left &>> 3, available / width)
        if groups > 0 {
          BitUnpacking.unpackGroups(
            packedBase + byteOffset, byteCount: available, width: width, groupCount: groups, into: target + done)
          packedIndex &+= groups &* 8
          done &+= groups &* 8
          continue
        }
      }
      let take = min(8 &- inGroup, left)
      withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { padded in
        withUnsafeTemporaryAllocation(of: Value.self, capacity: 8) { group in
          guard let copy = padded.baseAddress, let values = group.baseAddress else { return }
          memset(copy, 0, 64)
          memcpy(copy, packedBase + byteOffset, min(width, available))
          BitUnpacking.unpackGroups(copy, byteCount: 64, width: width, groupCount: 1, into: values)
          (target + done).update(from: values + inGroup, count: take)
        }
      }
      packedIndex &+= take
      done &+= take
    }
    packedCount &-= count
  }
}

/// The deprecated level encoding BIT_PACKED: no runs, no length, highest bit first. Impala wrote (and reads) it lowest bit first.
///
/// - Source: parquet-format, Encodings.md, "Bit-packed (Deprecated)".
struct BitPackedLevels {
  private let bytes: UnsafeRawPointer
  private let width: Int
  private let isLowestFirst: Bool
  private var index = 0
  private let count: Int

  /// Bytes that `count` values of `width` bits take.
  static func byteCount(_ count: Int, width: Int) -> Int { (count &* width &+ 7) &>> 3 }

  /// - Parameter bytes: at least `byteCount(count, width:)` of them.
  init(_ bytes: UnsafeRawPointer, count: Int, width: Int, isLowestFirst: Bool) {
    self.bytes = bytes
    self.isLowestFirst = isLowestFirst
    self.count = count
    self.width = width
  }

  mutating func read(_ count: Int, into target: UnsafeMutablePointer<UInt8>) throws(ParquetError) {
    guard count <= self.count &- index else { throw .corrupt("bit-packed levels end before their last value") }
    for offset in 0..<count {
      var value: UInt8 = 0
      var bit = (index &+ offset) &* width
      for place in 0..<width {
        let byte = bytes.load(fromByteOffset: bit &>> 3, as: UInt8.self)
        let inByte = UInt8(truncatingIfNeeded: bit & 7)
        if isLowestFirst {
          value |= ((byte &>> inByte) & 1) &<< UInt8(truncatingIfNeeded: place)
        } else {
          value = value &<< 1 | (byte &>> (7 &- inByte)) & 1
        }
        bit &+= 1
      }
      target[offset] = value
    }
    index &+= count
  }
}

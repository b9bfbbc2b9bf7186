import Columnar
import Compression
import Glibc
import Parquet
import Storage

private let count = 1 << 20

/// Decoding and encoding whole column chunks, without compression: between a file's bytes and a column stand page headers, levels and one
/// decoder a page, none of which may cost anything per value.
func parquetKernels() throws -> [Kernel] {
  let doubles = Inputs.percentages(count, seed: 9)
  let plain = try file(Inputs.column(doubles), usesDictionary: false)
  let dictionary = try file(Inputs.column(doubles), usesDictionary: true)
  let validity = Inputs.validity(count, oneIn: 20, seed: 10)
  let nullable = try file(Inputs.column(doubles, validity: validity), usesDictionary: false)
  let loci = Inputs.loci(count)
  let text = try file(Inputs.column(loci), usesDictionary: false)

  let bare = copied(doubles)
  let bareValidity = copied(validity)
  let target = scratch(count, of: Double.self)
  let views = scratch(count, of: StringView.self)
  let entries = copied((0...10_000).map { Double($0) / 100 })
  let packed = packed(doubles.map { UInt64(($0 * 100).rounded()) }, width: 14)
  let stored = lengthPrefixed(loci)
  let numbers = scratch(10_001, of: UInt32.self)
  let ids = scratch(count, of: UInt32.self)
  let output = scratch(count * 8 + 64, of: UInt8.self)
  let column = Inputs.column(doubles)

  return [
    Kernel(name: "parquet: decode PLAIN double", limit: 4, count: count) {
      try decode(plain)
    } loop: {
      memcpy(target, bare, count * 8)
      use(target[count - 1].bitPattern)
    },
    Kernel(name: "parquet: decode PLAIN double with NULLs", limit: 4, count: count) {
      try decode(nullable)
    } loop: {
      spread(bare, bareValidity, into: target)
    },
    Kernel(name: "parquet: decode dictionary of double", limit: 4, count: count) {
      try decode(dictionary)
    } loop: {
      unpack(packed, entries, into: target)
    },
    Kernel(name: "parquet: decode PLAIN varchar", limit: 4, count: count) {
      try decode(text)
    } loop: {
      walk(stored, into: views)
    },
    Kernel(name: "parquet: encode PLAIN double", limit: 6, count: count) {
      use(UInt64(try encode(column, usesDictionary: false).byteCount))
    } loop: {
      copyWithBounds(bare, into: output)
    },
    Kernel(name: "parquet: encode dictionary of double", limit: 8, count: count) {
      use(UInt64(try encode(column, usesDictionary: true).byteCount))
    } loop: {
      number(bare, numbers, ids)
      pack(ids, into: output)
    },
  ]
}

// MARK: Engine

private func encode(_ column: Column, usesDictionary: Bool) throws -> BytesWriter {
  var options = ParquetWriterOptions()
  options.codec = .uncompressed
  options.usesDictionary = usesDictionary
  let sink = BytesWriter()
  let writer = try ParquetWriter(Schema([Field("c", column.type)]), to: sink, options: options)
  try writer.writeRowGroup(columns: [column], rowCount: column.count)
  _ = try writer.finish()
  return sink
}

private func file(_ column: Column, usesDictionary: Bool) throws -> ParquetFile {
  let sink = try encode(column, usesDictionary: usesDictionary)
  return try ParquetFile.open(BytesReader(sink.bytes), options: ParquetFile.Options())
}

private func decode(_ file: ParquetFile) throws {
  let context = QueryContext()
  for group in 0..<file.rowGroupCount {
    let reader = try RowGroupReader(file, rowGroup: group, columns: file.columns, context: context)
    while let batch = try reader.next(maxRows: Batch.defaultCapacity) { use(UInt64(batch.count)) }
  }
}

private final class BytesWriter: ObjectWriter {
  private(set) var bytes: [UInt8] = []
  var byteCount: Int { bytes.count }
  func append(_ more: UnsafeRawBufferPointer) throws(StorageError) { bytes.append(contentsOf: more) }
  func finish() throws(StorageError) -> ObjectVersion { ObjectVersion("1") }
  func abort() {}
}

private final class BytesReader: SynchronousReader {
  let location = Location("kernel.parquet")
  let readsAheadByItself = true
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var size: Int { bytes.count }

  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    guard offset >= 0, destination.count <= size - offset else { throw outOfBounds(offset..<offset) }
    bytes.withUnsafeBytes { destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + destination.count])) }
  }

  func willNeed(_ range: Range<Int>) {}
}

// MARK: Loops

@inline(never)
private func spread(_ values: UnsafePointer<Double>, _ validity: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<Double>) {
  var next = 0
  for row in 0..<count {
    target[row] = values[next]
    next &+= Int(validity[row])
  }
}

/// 14-bit numbers to values, eight at a time from 14 bytes.
@inline(never)
private func unpack(_ packed: UnsafePointer<UInt8>, _ entries: UnsafePointer<Double>, into target: UnsafeMutablePointer<Double>) {
  let bytes = UnsafeRawPointer(packed)
  for row in 0..<count {
    let bit = row &* 14
    let word = bytes.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt32.self)
    target[row] = entries[Int((word &>> UInt32(truncatingIfNeeded: bit & 7)) & 0x3FFF)]
  }
}

@inline(never)
private func walk(_ stored: UnsafePointer<UInt8>, into views: UnsafeMutablePointer<StringView>) {
  var position = UnsafeRawPointer(stored)
  for row in 0..<count {
    let length = Int(position.loadUnaligned(as: UInt32.self))
    views[row] = StringView(position + 4, count: length)
    position += length &+ 4
  }
}

@inline(never)
private func copyWithBounds(_ values: UnsafePointer<Double>, into output: UnsafeMutablePointer<UInt8>) {
  memcpy(output, values, count * 8)
  var low = SIMD8<Double>(repeating: .infinity)
  var high = SIMD8<Double>(repeating: -.infinity)
  for start in stride(from: 0, to: count, by: 8) {
    let eight = UnsafeRawPointer(values + start).loadUnaligned(as: SIMD8<Double>.self)
    low.replace(with: eight, where: eight .< low)
    high.replace(with: eight, where: eight .> high)
  }
  use(low.min().bitPattern ^ high.max().bitPattern)
}

/// Numbers values in order of first sight; the table is indexed by the value itself, so there is no hashing in this loop.
@inline(never)
private func number(
  _ values: UnsafePointer<Double>, _ numbers: UnsafeMutablePointer<UInt32>, _ ids: UnsafeMutablePointer<UInt32>
) {
  for slot in 0..<10_001 { numbers[slot] = 0 }
  var next: UInt32 = 0
  for row in 0..<count {
    let slot = Int(values[row] * 100 + 0.5)
    if numbers[slot] == 0 {
      next &+= 1
      numbers[slot] = next
    }
    ids[row] = numbers[slot] &- 1
  }
}

@inline(never)
private func pack(_ ids: UnsafePointer<UInt32>, into output: UnsafeMutablePointer<UInt8>) {
  let target = UnsafeMutableRawPointer(output)
  var word: UInt64 = 0
  var bits: UInt64 = 0
  var position = 0
  for row in 0..<count {
    word |= UInt64(ids[row]) &<< bits
    bits &+= 14
    if bits >= 32 {
      target.storeBytes(of: UInt32(truncatingIfNeeded: word), toByteOffset: position, as: UInt32.self)
      position &+= 4
      word &>>= 32
      bits &-= 32
    }
  }
  use(word)
}

private func packed(_ values: [UInt64], width: Int) -> UnsafePointer<UInt8> {
  let bytes = scratch(values.count * width / 8 + 64, of: UInt8.self)
  for (index, value) in values.enumerated() {
    for bit in 0..<width where value >> UInt64(bit) & 1 == 1 {
      let position = index * width + bit
      bytes[position / 8] |= 1 << UInt8(position % 8)
    }
  }
  return UnsafePointer(bytes)
}

private func lengthPrefixed(_ texts: [String]) -> UnsafePointer<UInt8> {
  var bytes: [UInt8] = []
  for text in texts {
    withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: text.utf8)
  }
  return copied(bytes + [UInt8](repeating: 0, count: 64))
}

import Parquet
import Storage

/// A file in memory: written by the writer, then read by the reader.
final class MemorySink: ObjectWriter {
  private(set) var bytes: [UInt8] = []
  var byteCount: Int { bytes.count }

  func append(_ more: UnsafeRawBufferPointer) throws(StorageError) { bytes.append(contentsOf: more) }
  func finish() throws(StorageError) -> ObjectVersion { ObjectVersion("1") }
  func abort() { bytes = [] }

  func open(_ options: ParquetFile.Options = .init()) throws -> ParquetFile {
    try ParquetFile.open(MemoryBytes(bytes), options: options)
  }
}

/// Bytes that are read like an object of a store.
final class MemoryBytes: SynchronousReader {
  let bytes: [UInt8]
  let location = Location("memory.parquet")
  let readsAheadByItself: Bool

  init(_ bytes: [UInt8], readsAheadByItself: Bool = false) {
    self.bytes = bytes
    self.readsAheadByItself = readsAheadByItself
  }

  var size: Int { bytes.count }

  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    guard offset >= 0, destination.count <= size - offset else { throw outOfBounds(0..<0) }
    bytes.withUnsafeBytes { destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + destination.count])) }
  }

  func willNeed(_ range: Range<Int>) {}
}

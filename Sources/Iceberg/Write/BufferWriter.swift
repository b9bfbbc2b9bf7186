package import Storage

/// Collects a small file in memory.
package final class BufferWriter: ObjectWriter {
  package private(set) var bytes: [UInt8] = []
  package init() {}
  package var byteCount: Int { bytes.count }
  package func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError) { self.bytes.append(contentsOf: bytes) }
  package func finish() throws(StorageError) -> ObjectVersion { ObjectVersion("") }
  package func abort() { bytes = [] }
}

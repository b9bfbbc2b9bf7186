import Compression
package import Storage

/// A deletion vector: the deleted rows of one data file as a blob of a Puffin file.
///
/// ```
/// length: 4, big-endian │ D1 D3 39 64 │ 64-bit roaring bitmap │ CRC-32: 4, big-endian
///                       └──── length bytes, checked by the CRC ─┘
/// ```
/// Source: Puffin specification, blob type `deletion-vector-v1`.
package enum DeletionVector {
  private static let magic: [UInt8] = [0xD1, 0xD3, 0x39, 0x64]

  package static func decode(_ blob: UnsafeRawBufferPointer) throws(IcebergError) -> PositionSet {
    guard blob.count >= 12 else { throw .corrupt("a deletion vector of \(blob.count) bytes is too short") }
    let length = Int(UInt32(bigEndian: blob.loadUnaligned(as: UInt32.self)))
    guard length == blob.count - 8 else {
      throw IcebergError(.corrupt, "a deletion vector of \(blob.count) bytes says that it has \(length) + 8", offset: 0)
    }
    let content = UnsafeRawBufferPointer(rebasing: blob[4..<4 + length])
    guard content.starts(with: magic) else { throw IcebergError(.corrupt, "the blob is no deletion vector", offset: 4) }
    let stored = UInt32(bigEndian: blob.loadUnaligned(fromByteOffset: 4 + length, as: UInt32.self))
    guard Checksum.crc32(Array(content)) == stored else {
      throw IcebergError(.corrupt, "a deletion vector does not match its checksum", offset: 4 + length)
    }
    do { return try RoaringBitmap.decode(UnsafeRawBufferPointer(rebasing: content[4...])) } catch {
      var error = error
      error.offset = error.offset.map { $0 + 8 }
      throw error
    }
  }

  /// The blob, complete with length and checksum.
  package static func encode(_ positions: PositionSet) -> [UInt8] {
    let content = magic + RoaringBitmap.encode(positions)
    func bigEndian(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian, Array.init) }
    return bigEndian(UInt32(truncatingIfNeeded: content.count)) + content + bigEndian(Checksum.crc32(content))
  }

  /// Reads the vector that a manifest entry describes. Blocks: for the engine's own threads.
  package static func read(_ file: DataFile, from store: any ObjectStore) throws(IcebergError) -> PositionSet {
    guard let offset = file.contentOffset, let size = file.contentSize, offset >= 0, size >= 0 else {
      throw IcebergError(.corrupt, "a deletion vector without content_offset and content_size_in_bytes", file: file.path)
    }
    let blob: ByteSlice
    do throws(StorageError) {
      let reader = try store.openReader(Location(file.path), size: store.isRemote(Location(file.path)) ? Int(clamping: file.fileSize) : nil)
      let (end, overflow) = offset.addingReportingOverflow(size)
      guard !overflow, end <= Int64(reader.size) else {
        throw StorageError(
          .corrupt, reader.location, "a deletion vector at byte \(offset) of \(size) bytes is beyond the file's \(reader.size)")
      }
      blob = try reader.read(Int(offset)..<Int(end))
    } catch {
      throw IcebergError(error.kind == .corrupt ? .corrupt : .storage, error.message, file: file.path, cause: error)
    }
    let positions: PositionSet
    do throws(IcebergError) {
      positions = try blob.withBytes { bytes throws(IcebergError) in try decode(bytes) }
    } catch {
      var error = error
      error.file = file.path
      error.offset = Int(offset) + (error.offset ?? 0)
      throw error
    }
    guard positions.count == file.recordCount else {
      throw IcebergError(
        .corrupt, "a deletion vector holds \(positions.count) positions, its manifest entry says \(file.recordCount)", file: file.path)
    }
    return positions
  }
}

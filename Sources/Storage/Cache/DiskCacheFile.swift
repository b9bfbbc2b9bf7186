import Compression
import Glibc

/// One piece of an object in a file of a `DiskCache`: it says what it is a piece of, and every part of it can be checked alone.
///
/// ```
///  0  "FRZCACH1"
///  8  u32 bytes of this header     12  u32 CRC-32C of the header, with zeros here
/// 16  u64 bytes of the content     24  u32 bytes of the identity     28  u32 bytes of the version
/// 32  identity, version, a u32 CRC-32C for every 64 KiB of the content; all little-endian
/// ```
package final class DiskCacheFile: Sendable {
  private let descriptor: Int32
  private let contentOffset: Int
  package let byteCount: Int
  /// The ETag that the object had, empty when it was not asked for.
  package let version: String
  private let checksums: [UInt32]

  private static let magic: UInt64 = 0x3148_4341_435A_5246  // FRZCACH1
  private static let fixedSize = 32
  private static let partSize = 64 << 10
  private static let longestHeader = 1 << 20

  enum Outcome {
    case found(DiskCacheFile)
    case missing
    case damaged
  }

  private init(_ descriptor: Int32, contentOffset: Int, byteCount: Int, version: String, checksums: [UInt32]) {
    self.descriptor = descriptor
    self.contentOffset = contentOffset
    self.byteCount = byteCount
    self.version = version
    self.checksums = checksums
  }

  deinit { close(descriptor) }

  /// Opens a piece, and notes that it was used.
  static func open(_ path: String, identity: String) -> Outcome {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return .missing }
    guard let (file, found) = parsed(descriptor) else {
      close(descriptor)
      return .damaged
    }
    guard found.elementsEqual(identity.utf8) else { return .damaged }
    // Only the order of eviction depends on it.
    _ = futimens(descriptor, nil)
    return .found(file)
  }

  /// The identity of what a file holds a piece of; nil when it is damaged, or not there.
  static func identity(_ path: String) -> [UInt8]? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    guard let (file, identity) = parsed(descriptor) else {
      close(descriptor)
      return nil
    }
    // It closes the descriptor.
    return withExtendedLifetime(file) { identity }
  }

  private static func parsed(_ descriptor: Int32) -> (DiskCacheFile, identity: [UInt8])? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, let start = read(descriptor, at: 0, count: fixedSize) else { return nil }
    func number(_ bytes: [UInt8], _ offset: Int) -> Int { bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | Int($1) } }
    let headerSize = number(start, 8)
    let (identitySize, versionSize) = (number(start, 24), number(start, 28))
    guard Array(start[..<8]) == littleEndian(magic), headerSize >= fixedSize, headerSize <= longestHeader,
      var header = read(descriptor, at: 0, count: headerSize)
    else { return nil }
    let checksum = UInt32(number(header, 12))
    for index in 12..<16 { header[index] = 0 }
    let byteCount = Int(status.st_size) - headerSize
    guard Checksum.crc32c(header) == checksum, byteCount >= 0, littleEndian(UInt64(byteCount)) == Array(header[16..<24]) else { return nil }
    let partCount = (byteCount + partSize - 1) / partSize
    let texts = fixedSize + identitySize + versionSize
    guard texts + 4 * partCount == headerSize else { return nil }
    let file = DiskCacheFile(
      descriptor, contentOffset: headerSize, byteCount: byteCount,
      version: String(decoding: header[fixedSize + identitySize..<texts], as: UTF8.self),
      checksums: (0..<partCount).map { UInt32(number(header, texts + 4 * $0)) })
    return (file, Array(header[fixedSize..<fixedSize + identitySize]))
  }

  static func header(identity: String, version: String, _ content: UnsafeRawBufferPointer) -> [UInt8] {
    let parts = stride(from: 0, to: content.count, by: partSize).map { start in
      Checksum.crc32c(UnsafeRawBufferPointer(rebasing: content[start..<min(content.count, start + partSize)]))
    }
    let headerSize = fixedSize + identity.utf8.count + version.utf8.count + 4 * parts.count
    var header = littleEndian(magic) + littleEndian(UInt32(headerSize)) + littleEndian(UInt32(0)) + littleEndian(UInt64(content.count))
    header += littleEndian(UInt32(identity.utf8.count)) + littleEndian(UInt32(version.utf8.count))
    header += Array(identity.utf8) + Array(version.utf8)
    for part in parts { header += littleEndian(part) }
    header.replaceSubrange(12..<16, with: littleEndian(Checksum.crc32c(header)))
    return header
  }

  private static func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: number.littleEndian, Array.init) }

  private static func read(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return bytes.withUnsafeMutableBytes { read(descriptor, at: offset, into: $0) } ? bytes : nil
  }

  private static func read(_ descriptor: Int32, at offset: Int, into destination: UnsafeMutableRawBufferPointer) -> Bool {
    var position = 0
    while position < destination.count {
      let count = pread(descriptor, destination.baseAddress.map { $0 + position }, destination.count - position, off_t(offset + position))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      position += count
    }
    return true
  }

  /// Fills `destination` with the content from `offset` on.
  ///
  /// - Returns: false when the bytes are not those that were written; `destination` holds anything then.
  package func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) -> Bool {
    guard offset >= 0, destination.count <= byteCount - offset else { return false }
    let end = offset + destination.count
    var scratch: ByteBuffer?
    var part = offset / Self.partSize
    while part * Self.partSize < end {
      let partStart = part * Self.partSize
      let partEnd = min(byteCount, partStart + Self.partSize)
      let wanted = max(offset, partStart)..<min(end, partEnd)
      // A part that is wanted whole goes where it is wanted at once.
      let isWhole = wanted == partStart..<partEnd
      let buffer = isWhole ? nil : scratch ?? ByteBuffer(byteCount: Self.partSize)
      if buffer != nil { scratch = buffer }
      let target = UnsafeMutableRawBufferPointer(rebasing: destination[wanted.lowerBound - offset..<wanted.upperBound - offset])
      let bytes = buffer.map { UnsafeMutableRawBufferPointer(rebasing: $0.mutableBytes[..<(partEnd - partStart)]) } ?? target
      guard Self.read(descriptor, at: contentOffset + partStart, into: bytes), Checksum.crc32c(UnsafeRawBufferPointer(bytes)) == checksums[part]
      else { return false }
      if !isWhole {
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[wanted.lowerBound - partStart..<wanted.upperBound - partStart]))
      }
      part += 1
    }
    return true
  }
}

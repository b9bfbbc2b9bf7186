import Columnar
import Compression
import Glibc
import SQLSyntax
import Synchronization

/// Why rows could not be written to disk or read back.
enum SpillError: Error {
  /// A frame does not have the checksum it was written with.
  case corrupt
  case system(operation: String, code: Int32)

  var asSQLError: SQLError {
    switch self {
    case .corrupt: SQLError(.genericInternalError, "A spilled frame is damaged", cause: self)
    case .system(let operation, let code):
      SQLError(
        [ENOSPC, EFBIG, EDQUOT].contains(code) ? .outOfSpillSpace : .genericExternal,
        "Rows could not be spilled to disk: \(String(cString: strerror(code))) (\(operation))")
    }
  }
}

/// Rows on disk, written once and read any number of times. The file has no name (it is unlinked as soon as it is open), so that
/// nothing is left behind however the process ends.
///
///     frame := raw length: 4, compressed length: 4, checksum: 4, zstd bytes
// SAFETY: written by one thread before it is shared; afterwards only read, at explicit offsets.
final class SpillFile: @unchecked Sendable {
  let types: [SQLType]
  private let descriptor: Int32
  private(set) var byteCount = 0
  private(set) var rowCount = 0
  private let context: QueryContext
  private let statistics: PlanStatistics
  private var compressor: Compressor?
  private var raw = ByteWriter()
  private var packed = ByteWriter()
  /// Small batches are collected into one frame.
  private var pending: [Batch] = []
  private var pendingRows = 0

  private static let nextNumber = Atomic<Int>(0)

  init(_ types: [SQLType], _ context: QueryContext, _ statistics: PlanStatistics) throws {
    self.types = types
    self.context = context
    self.statistics = statistics
    let number = Self.nextNumber.add(1, ordering: .relaxed).newValue
    let folder = context.spillDirectory
    mkdir(folder, 0o700)
    let path = "\(folder)/frazil-spill-\(getpid())-\(number)"
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if descriptor < 0 { throw SpillError.system(operation: "opening \(path)", code: errno).asSQLError }
    unlink(path)
  }

  deinit { close(descriptor) }

  func append(_ batch: Batch) throws {
    pending.append(batch)
    pendingRows &+= batch.count
    rowCount &+= batch.count
    if pendingRows >= context.batchCapacity { try flush() }
  }

  /// Writes what is pending; the file can be read afterwards.
  func finish() throws {
    try flush()
    compressor = nil
    raw = ByteWriter(capacity: 16)
    packed = ByteWriter(capacity: 16)
  }

  private func flush() throws {
    if pending.isEmpty { return }
    let batch = Batch.concatenated(pending, types: types)
    pending = []
    pendingRows = 0
    raw.removeAll()
    packed.removeAll()
    BatchCodec(types: types).encode(batch, into: &raw)
    let compressor = try self.compressor ?? Compressor(.zstd, level: 1)
    self.compressor = compressor
    let bound = try compressor.bound(raw.count)
    let space = UnsafeMutableRawBufferPointer.allocate(byteCount: bound, alignment: 16)
    defer { space.deallocate() }
    let size = try compressor.compress(UnsafeRawBufferPointer(start: raw.base, count: raw.count), into: space)
    let body = UnsafeRawBufferPointer(start: space.baseAddress, count: size)
    packed.append(UInt32(truncatingIfNeeded: raw.count))
    packed.append(UInt32(truncatingIfNeeded: size))
    packed.append(Checksum.crc32(body))
    if let base = body.baseAddress { packed.append(from: base, count: size) }
    var written = 0
    while written < packed.count {
      let result = pwrite(descriptor, packed.base + written, packed.count - written, off_t(byteCount + written))
      if result < 0 {
        if errno == EINTR { continue }
        throw SpillError.system(operation: "writing", code: errno).asSQLError
      }
      written += result
    }
    byteCount &+= written
    statistics.add(spilledBytes: written)
    context.progress.bytesSpilled.add(written, ordering: .relaxed)
  }

  func makeReader() throws -> SpillReader { SpillReader(self) }

  /// Fills `target` from `offset`.
  fileprivate func read(_ target: UnsafeMutableRawPointer, _ count: Int, at offset: Int) throws {
    var done = 0
    while done < count {
      let result = pread(descriptor, target + done, count - done, off_t(offset + done))
      if result < 0 && errno == EINTR { continue }
      if result < 0 { throw SpillError.system(operation: "reading", code: errno).asSQLError }
      if result == 0 { throw SpillError.corrupt.asSQLError }
      done += result
    }
  }
}

/// Reads the batches of a spill file in the order in which they were written.
final class SpillReader {
  private let file: SpillFile
  private var offset = 0
  private let decompressor = Decompressor()

  fileprivate init(_ file: SpillFile) { self.file = file }

  func next() throws -> Batch? {
    while offset < file.byteCount {
      var header: (raw: UInt32, packed: UInt32, checksum: UInt32) = (0, 0, 0)
      try withUnsafeMutableBytes(of: &header) { bytes in
        if let base = bytes.baseAddress { try file.read(base, 12, at: offset) }
      }
      guard offset + 12 + Int(header.packed) <= file.byteCount else { throw SpillError.corrupt.asSQLError }
      let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, Int(header.packed)), alignment: 16)
      defer { packed.deallocate() }
      let raw = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, Int(header.raw)), alignment: 16)
      defer { raw.deallocate() }
      guard let packedBase = packed.baseAddress else { return nil }
      try file.read(packedBase, Int(header.packed), at: offset + 12)
      offset += 12 + Int(header.packed)
      let body = UnsafeRawBufferPointer(start: packedBase, count: Int(header.packed))
      guard Checksum.crc32(body) == header.checksum else { throw SpillError.corrupt.asSQLError }
      let size = try decompressor.decompress(
        .zstd, body, into: UnsafeMutableRawBufferPointer(start: raw.baseAddress, count: Int(header.raw)))
      guard size == Int(header.raw) else { throw SpillError.corrupt.asSQLError }
      var parser = ByteParser(UnsafeRawBufferPointer(start: raw.baseAddress, count: size))
      do {
        let batch = try BatchCodec(types: file.types).decode(&parser)
        if batch.count > 0 { return batch }
      } catch let error as SpillError { throw error.asSQLError }
    }
    return nil
  }
}

/// Rows divided by hash into files, each made when its first row comes.
final class SpillPartitions {
  static let count = 16
  /// Divisions after which rows that still do not fit share a key, or nearly.
  static let maxDepth = 5

  private let types: [SQLType]
  private let context: QueryContext
  private let statistics: PlanStatistics
  private let depth: Int
  private var files: [SpillFile?]

  /// - Parameter depth: how often these rows were divided before; each level takes other bits of the hash.
  init(_ types: [SQLType], _ context: QueryContext, _ statistics: PlanStatistics, depth: Int) {
    self.types = types
    self.context = context
    self.statistics = statistics
    self.depth = depth
    files = [SpillFile?](repeating: nil, count: Self.count)
  }

  static func partition(_ hash: UInt64, depth: Int) -> Int {
    let mixed = (hash ^ (hash &>> 29)) &* 0x9FB2_1C65_1E98_DF25
    return Int(truncatingIfNeeded: mixed &>> UInt64(truncatingIfNeeded: 60 - 4 * depth)) & (count - 1)
  }

  func append(_ batch: Batch, _ hashes: [UInt64]) throws {
    var rows = [[UInt32]](repeating: [], count: Self.count)
    for row in 0..<batch.count { rows[Self.partition(hashes[row], depth: depth)].append(UInt32(truncatingIfNeeded: row)) }
    for (index, part) in rows.enumerated() where !part.isEmpty {
      let file = try files[index] ?? SpillFile(types, context, statistics)
      files[index] = file
      try file.append(part.count == batch.count ? batch : batch.take(part, count: part.count))
    }
  }

  /// The files; nil where no row went.
  func finish() throws -> [SpillFile?] {
    for case let file? in files { try file.finish() }
    return files
  }

  /// The files of several workers, partition by partition; nil when nobody spilled.
  static func combined(_ lists: [[SpillFile?]]) -> [SpillFile?]? {
    lists.isEmpty ? nil : lists.flatMap { $0 }
  }
}

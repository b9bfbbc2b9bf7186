package import Columnar
package import Storage

/// An open Parquet file: its footer, its columns, and where to read from. Immutable; share it between workers and cache it.
package final class ParquetFile: Sendable {
  package let reader: any SynchronousReader
  package let metadata: FileMetadata
  /// Top-level columns in file order. Columns of types that cannot be read are listed too; reading them throws.
  package let columns: [ColumnNode]
  package let leaves: [LeafColumn]
  /// Offset of the row group's first row within the file, one more entry than row groups.
  package let firstRows: [Int]
  package let options: Options
  /// Bytes of the whole file.
  package let byteCount: Int
  /// Where the footer begins: nothing else of the file lies behind.
  package let footerOffset: Int

  package struct Options: Sendable, Hashable {
    /// Reads 12-byte timestamps as `timestamp(9)`, which ends in 2262, instead of `timestamp(6)`.
    package var int96InNanoseconds = false
    /// Checks page checksums where the file has them.
    package var verifyChecksums = true

    package init(int96InNanoseconds: Bool = false, verifyChecksums: Bool = true) {
      self.int96InNanoseconds = int96InNanoseconds
      self.verifyChecksums = verifyChecksums
    }
  }

  package var rowCount: Int { firstRows.last ?? 0 }
  package var rowGroupCount: Int { metadata.rowGroups.count }

  package var schema: Schema { Schema(columns.map(\.field)) }

  private static let magic: UInt32 = 0x3152_4150  // PAR1
  private static let encryptedMagic: UInt32 = 0x4552_4150  // PARE
  /// The footer is expected within this many bytes of the end, so that one request gets it.
  private static let footerGuess = 64 << 10

  /// Reads and checks the footer.
  package static func open(_ reader: any SynchronousReader, options: Options = Options()) throws(ParquetError) -> ParquetFile {
    do throws(ParquetError) {
      return try ParquetFile(reader, options)
    } catch {
      throw error.located(file: reader.location.text)
    }
  }

  /// Opens the file at a location of a store.
  ///
  /// - Parameter readsWhole: whether nearly all of it will be read: from far away it is then asked for at once, and the footer comes along.
  package static func open(
    _ location: Location, in store: any ObjectStore, size: Int? = nil, stability: ObjectStability = .mayChange, readsWhole: Bool = false, options: Options = Options()
  ) throws(ParquetError) -> ParquetFile {
    let reader: any SynchronousReader
    do throws(StorageError) {
      reader = try store.openReader(location, size: size, stability)
    } catch {
      throw ParquetError(storage: error).located(file: location.text)
    }
    if readsWhole, reader.isRemote { reader.willNeed(0..<reader.size) }
    return try open(reader, options: options)
  }

  private init(_ reader: any SynchronousReader, _ options: Options) throws(ParquetError) {
    self.reader = reader
    self.options = options
    let size = reader.size
    byteCount = size
    guard size >= 12 else { throw .corrupt("a file of \(size) bytes is too short for Parquet") }
    let tailCount = min(size, Self.footerGuess)
    var tail = try Self.read(reader, size - tailCount, tailCount)
    let mark = (tail.base + (tailCount - 4)).loadUnaligned(as: UInt32.self)
    guard mark != Self.encryptedMagic else { throw .unsupported("the file's footer is encrypted, which is not supported") }
    guard mark == Self.magic else { throw .corrupt("no Parquet file: the last four bytes are not PAR1", at: size - 4) }
    let length = Int(UInt32(littleEndian: (tail.base + (tailCount - 8)).loadUnaligned(as: UInt32.self)))
    guard length > 0, length <= size - 12 else {
      throw .corrupt("footer length", expected: "1...\(size - 12)", found: "\(length)", at: size - 8)
    }
    footerOffset = size - 8 - length
    let footer: Buffer
    if length + 8 <= tailCount {
      footer = Buffer(base: tail.base + (tailCount - 8 - length), byteCount: length, owner: tail)
    } else {
      tail = try Self.read(reader, footerOffset, length)
      footer = tail
    }
    do throws(ParquetError) {
      metadata = try FileMetadata(parsing: footer)
    } catch {
      var located = error
      located.byteOffset = error.byteOffset.map { $0 + size - 8 - length }
      throw located
    }
    guard !metadata.isEncrypted else { throw .unsupported("the file has encrypted columns, which is not supported") }
    var builder = SchemaBuilder(int96InNanoseconds: options.int96InNanoseconds)
    try builder.build(metadata.elements)
    columns = builder.columns
    leaves = builder.leaves
    firstRows = try Self.checkRowGroups(metadata, leaves: builder.leaves)
  }

  static func read(_ reader: any SynchronousReader, _ offset: Int, _ count: Int) throws(ParquetError) -> Buffer {
    guard offset >= 0, count >= 0, offset <= reader.size, count <= reader.size - offset else {
      throw .corrupt("a section of the file", expected: "within \(reader.size) bytes", found: "\(count) bytes at \(offset)")
    }
    let buffer = Buffer(byteCount: count)
    do throws(StorageError) {
      try reader.read(at: offset, into: UnsafeMutableRawBufferPointer(start: buffer.base, count: count))
    } catch {
      throw ParquetError(storage: error, byteOffset: offset)
    }
    return buffer
  }

  private static func checkRowGroups(_ metadata: FileMetadata, leaves: [LeafColumn]) throws(ParquetError) -> [Int] {
    var firstRows = [0]
    var total: Int64 = 0
    for (index, group) in metadata.rowGroups.enumerated() {
      guard group.columns.count == leaves.count else {
        throw ParquetError(
          .corrupt, "columns of a row group: expected \(leaves.count), found \(group.columns.count)", rowGroup: index)
      }
      let (sum, overflow) = total.addingReportingOverflow(group.rowCount)
      guard group.rowCount >= 0, !overflow, sum <= 1 << 62 else {
        throw ParquetError(.corrupt, "rows of a row group: \(group.rowCount)", rowGroup: index)
      }
      total = sum
      firstRows.append(Int(sum))
    }
    return firstRows
  }

  // MARK: Finding columns

  /// A top-level column by name: exactly, or else ignoring ASCII case.
  package func column(named name: String) -> ColumnNode? {
    if let exact = columns.first(where: { $0.name == name }) { return exact }
    let folded = name.lowercased()
    return columns.first { $0.name.lowercased() == folded }
  }

  /// A top-level column by field id.
  package func column(fieldID: Int32) -> ColumnNode? { columns.first { $0.fieldID == fieldID } }

  /// The leaf at a path of names from the top.
  package func leaf(path: [String]) -> LeafColumn? { leaves.first { $0.path == path } }

  package func leaf(fieldID: Int32) -> LeafColumn? { leaves.first { $0.fieldID == fieldID } }

  // MARK: Column chunks

  /// Where a column chunk lies, checked against the file.
  func chunkRange(rowGroup: Int, leaf: Int) throws(ParquetError) -> Range<Int> {
    let chunk = metadata.rowGroups[rowGroup].columns[leaf]
    guard !chunk.isEncrypted else { throw .unsupported("the column is encrypted, which is not supported") }
    guard !chunk.isInOtherFile else { throw .unsupported("the column's data are in another file, which is not supported") }
    guard chunk.hasMetadata else { throw .corrupt("a column chunk has no metadata") }
    guard chunk.rawKind == leaves[leaf].kind.rawValue else {
      throw .corrupt("physical type of a column chunk", expected: "\(leaves[leaf].kind.rawValue)", found: "\(chunk.rawKind)")
    }
    var start = chunk.dataPageOffset
    // Some writers store 0 where there is no dictionary, or the data offset itself.
    if let dictionary = chunk.dictionaryPageOffset, dictionary > 0, dictionary < start { start = dictionary }
    let (end, overflow) = start.addingReportingOverflow(chunk.compressedSize)
    guard start >= 0, chunk.compressedSize >= 0, !overflow, end <= Int64(footerOffset) else {
      throw .corrupt(
        "place of a column chunk", expected: "within the \(footerOffset) bytes before the footer",
        found: "\(chunk.compressedSize) bytes at \(start)")
    }
    guard chunk.valueCount >= 0 else { throw .corrupt("values of a column chunk: \(chunk.valueCount)") }
    // Old parquet-mr forgot the dictionary page's header in the size (PARQUET-816).
    let slack = chunk.dictionaryPageOffset != nil ? 100 : 0
    return Int(start)..<min(Int(end) + slack, footerOffset)
  }

  /// The codec of a column chunk.
  func codec(rowGroup: Int, leaf: Int) throws(ParquetError) -> PageCodec {
    let raw = metadata.rowGroups[rowGroup].columns[leaf].codec
    guard let codec = PageCodec(rawValue: raw) else { throw .unsupported("unknown compression codec \(raw)") }
    if codec == .brotli || codec == .lzo { throw .unsupported("compression \(codec) is not supported") }
    return codec
  }
}

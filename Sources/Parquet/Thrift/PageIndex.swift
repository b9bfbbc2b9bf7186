import Columnar

/// Bounds of every data page of a chunk.
package struct ColumnIndex: Sendable {
  package var nullPages: [Bool] = []
  /// Spans into `bytes`; meaningless for pages of nulls only.
  package var minimums: [ByteSpan] = []
  package var maximums: [ByteSpan] = []
  package var nullCounts: [Int64]?
  /// Keeps the bounds' bytes.
  let bytes: Buffer

  init(parsing bytes: Buffer) throws(ParquetError) {
    self.bytes = bytes
    var nullPages: [Bool] = []
    var minimums: [ByteSpan] = []
    var maximums: [ByteSpan] = []
    var nullCounts: [Int64]?
    var reader = CompactReader(UnsafeRawBufferPointer(start: bytes.base, count: bytes.byteCount))
    try reader.structure { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: nullPages = try reader.booleanList(type)
      case 2: minimums = try reader.binaryList(type)
      case 3: maximums = try reader.binaryList(type)
      case 5: nullCounts = try reader.int64List(type)
      default: try reader.skip(type)
      }
    }
    guard minimums.count == nullPages.count, maximums.count == nullPages.count,
      nullCounts == nil || nullCounts?.count == nullPages.count
    else { throw .corrupt("the lists of a column index differ in length") }
    self.nullPages = nullPages
    self.minimums = minimums
    self.maximums = maximums
    self.nullCounts = nullCounts
  }

  func raw(_ span: ByteSpan) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes.base + span.offset, count: span.count)
  }
}

/// Where a data page is and which row of the row group it starts with.
package struct PageLocation: Sendable {
  package var offset: Int64 = 0
  /// Header included.
  package var compressedSize: Int32 = 0
  package var firstRow: Int64 = 0
}

/// The data pages of a chunk in order, the dictionary page left out.
package struct OffsetIndex: Sendable {
  package var pages: [PageLocation] = []

  init(parsing bytes: Buffer) throws(ParquetError) {
    var pages: [PageLocation] = []
    var reader = CompactReader(UnsafeRawBufferPointer(start: bytes.base, count: bytes.byteCount))
    try reader.structure { (reader, field, type) throws(ParquetError) in
      guard field == 1 else { return try reader.skip(type) }
      try reader.structureList(type) { (reader) throws(ParquetError) in
        var page = PageLocation()
        try reader.structure { (reader, field, type) throws(ParquetError) in
          switch field {
          case 1: page.offset = try reader.integer(type)
          case 2: page.compressedSize = try reader.int32(type)
          case 3: page.firstRow = try reader.integer(type)
          default: try reader.skip(type)
          }
        }
        pages.append(page)
      }
    }
    self.pages = pages
  }
}

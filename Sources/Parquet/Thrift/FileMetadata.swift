package import Columnar

/// How a value lies in the file.
package enum PhysicalKind: Int32, Sendable {
  case boolean = 0, int32, int64, int96, float, double, byteArray, fixedByteArray
}

package enum Repetition: Int32, Sendable {
  case required = 0, optional, repeated
}

/// Compression of pages, by its number in the format.
package enum PageCodec: Int32, Sendable {
  case uncompressed = 0, snappy, gzip, lzo, brotli, lz4Hadoop, zstd, lz4Raw
}

/// Encodings of values and levels, by their number in the format.
package enum PageEncoding: Int32, Sendable {
  case plain = 0
  case plainDictionary = 2
  case rle, bitPacked, deltaBinaryPacked, deltaLengthByteArray, deltaByteArray, rleDictionary, byteStreamSplit, alp
}

package enum TimeUnit: Int, Sendable {
  case millis = 1, micros, nanos

  /// Fractional digits of a second.
  package var precision: Int { rawValue * 3 }
}

/// The meaning the file gives to a column or group, from the logical type or, without one, the older converted type.
package enum LogicalKind: Hashable, Sendable {
  case string, map, list, enumeration, date, null, json, bson, uuid, float16, variant, interval
  case decimal(precision: Int, scale: Int)
  case time(TimeUnit, isUTC: Bool)
  case timestamp(TimeUnit, isUTC: Bool)
  case integer(bitWidth: Int, isSigned: Bool)
  case geometry, geography
  /// Converted type MAP_KEY_VALUE: the outer group of some old files, the inner one of others.
  case mapKeyValue
  /// A member of the logical type union that this reader does not know: the column is read as its physical type.
  case other(Int)
}

/// One element of the flattened schema, depth first.
package struct SchemaElement: Sendable {
  package var kind: PhysicalKind?
  package var rawKind: Int32?
  package var typeLength: Int32?
  package var repetition: Repetition?
  package var name = ""
  package var childCount: Int32?
  package var convertedType: Int32?
  package var scale: Int32?
  package var precision: Int32?
  package var fieldID: Int32?
  package var logical: LogicalKind?
}

/// Bounds and counts of a column chunk or page; the bounds are spans of the footer.
package struct StatisticsSpans: Sendable {
  package var oldMax: ByteSpan?
  package var oldMin: ByteSpan?
  package var nullCount: Int64?
  package var distinctCount: Int64?
  package var max: ByteSpan?
  package var min: ByteSpan?
  package var isMaxExact: Bool?
  package var isMinExact: Bool?
  package var nanCount: Int64?
}

/// Where the bytes of one column of one row group are, and how they are made.
package struct ColumnChunkMetadata: Sendable {
  package var isInOtherFile = false
  package var isEncrypted = false
  package var hasMetadata = false
  package var rawKind: Int32 = -1
  /// Raw number; `PageCodec` when known.
  package var codec: Int32 = 0
  /// Leaf values, nulls and levels of empty lists included.
  package var valueCount: Int64 = 0
  package var uncompressedSize: Int64 = 0
  package var compressedSize: Int64 = 0
  package var dataPageOffset: Int64 = 0
  package var dictionaryPageOffset: Int64?
  package var statistics: StatisticsSpans?
  package var bloomFilterOffset: Int64?
  package var bloomFilterLength: Int32?
  package var offsetIndexOffset: Int64?
  package var offsetIndexLength: Int32?
  package var columnIndexOffset: Int64?
  package var columnIndexLength: Int32?
  /// True when every data page says dictionary in the chunk's page counts; nil without such counts.
  package var isFullyDictionary: Bool?
}

package struct RowGroupMetadata: Sendable {
  package var columns: [ColumnChunkMetadata] = []
  package var rowCount: Int64 = 0
  package var totalByteSize: Int64 = 0
  package var fileOffset: Int64?
}

/// Which order the bounds of a column follow.
package enum ColumnOrder: Int, Sendable {
  case unknown = 0
  case typeDefined, ieeeTotalOrder, int96Timestamp
}

package struct KeyValue: Sendable, Hashable {
  package var key: String
  package var value: String?

  package init(key: String, value: String?) {
    self.key = key
    self.value = value
  }
}

/// The footer of a file. Bounds stay spans into `bytes`: most are never looked at.
package struct FileMetadata: Sendable {
  package var elements: [SchemaElement] = []
  package var rowCount: Int64 = 0
  package var rowGroups: [RowGroupMetadata] = []
  package var keyValues: [KeyValue] = []
  package var createdBy: String?
  package var columnOrders: [ColumnOrder]?
  package var isEncrypted = false
  /// The thrift bytes the spans point into.
  package var bytes: Buffer

  /// Parses the thrift bytes of a footer.
  package init(parsing bytes: Buffer) throws(ParquetError) {
    self.bytes = bytes
    var reader = CompactReader(UnsafeRawBufferPointer(start: bytes.base, count: bytes.byteCount))
    var parsed = Parsed()
    try parsed.read(&reader)
    elements = parsed.elements
    guard parsed.hasSchema else { throw .corrupt("the footer has no schema") }
    rowCount = parsed.rowCount
    rowGroups = parsed.rowGroups
    keyValues = parsed.keyValues
    createdBy = parsed.createdBy
    columnOrders = parsed.columnOrders
    isEncrypted = parsed.isEncrypted
  }

  /// The bytes of a span; valid while `bytes` lives.
  package func raw(_ span: ByteSpan) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes.base + span.offset, count: span.count)
  }
}

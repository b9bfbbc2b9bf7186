/// The thrift header before every page.
struct PageHeader {
  enum Kind: Int32 {
    case data = 0, index, dictionary, dataV2
  }

  /// nil for page types newer than this reader; such pages are passed over.
  var kind: Kind?
  var uncompressedSize: Int32 = -1
  var compressedSize: Int32 = -1
  var checksum: UInt32?
  /// Values of the page, nulls included; entries of a dictionary page.
  var valueCount: Int32 = -1
  var encoding: Int32 = 0
  var definitionEncoding: Int32 = PageEncoding.rle.rawValue
  var repetitionEncoding: Int32 = PageEncoding.rle.rawValue
  // Data page v2 only.
  var nullCount: Int32 = 0
  var rowCount: Int32 = 0
  var definitionByteCount: Int32 = 0
  var repetitionByteCount: Int32 = 0
  var isCompressed = true
  /// Bytes of the header itself.
  var byteCount = 0

  /// Reads the header at the start of `bytes`.
  init(reading bytes: UnsafeRawBufferPointer) throws(ParquetError) {
    var reader = CompactReader(bytes)
    var header = PageHeader()
    try reader.structure { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: header.kind = Kind(rawValue: try reader.int32(type))
      case 2: header.uncompressedSize = try reader.int32(type)
      case 3: header.compressedSize = try reader.int32(type)
      case 4: header.checksum = UInt32(bitPattern: try reader.int32(type))
      case 5: try header.readData(&reader, type)
      case 7: try header.readDictionary(&reader, type)
      case 8: try header.readDataV2(&reader, type)
      default: try reader.skip(type)
      }
    }
    header.byteCount = reader.position
    guard header.compressedSize >= 0, header.uncompressedSize >= 0 else {
      throw .corrupt(
        "page header sizes", expected: "not negative",
        found: "\(header.compressedSize) stored, \(header.uncompressedSize) uncompressed")
    }
    if header.kind != nil && header.kind != .index && header.valueCount < 0 {
      throw .corrupt("page header value count", expected: "not negative", found: "\(header.valueCount)")
    }
    self = header
  }

  private init() {}

  private mutating func readData(_ reader: inout CompactReader, _ type: CompactType) throws(ParquetError) {
    var header = self
    try reader.structure(type) { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: header.valueCount = try reader.int32(type)
      case 2: header.encoding = try reader.int32(type)
      case 3: header.definitionEncoding = try reader.int32(type)
      case 4: header.repetitionEncoding = try reader.int32(type)
      default: try reader.skip(type)
      }
    }
    self = header
  }

  private mutating func readDictionary(_ reader: inout CompactReader, _ type: CompactType) throws(ParquetError) {
    var header = self
    try reader.structure(type) { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: header.valueCount = try reader.int32(type)
      case 2: header.encoding = try reader.int32(type)
      default: try reader.skip(type)
      }
    }
    self = header
  }

  private mutating func readDataV2(_ reader: inout CompactReader, _ type: CompactType) throws(ParquetError) {
    var header = self
    try reader.structure(type) { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: header.valueCount = try reader.int32(type)
      case 2: header.nullCount = try reader.int32(type)
      case 3: header.rowCount = try reader.int32(type)
      case 4: header.encoding = try reader.int32(type)
      case 5: header.definitionByteCount = try reader.int32(type)
      case 6: header.repetitionByteCount = try reader.int32(type)
      case 7: header.isCompressed = try reader.boolean(type)
      default: try reader.skip(type)
      }
    }
    self = header
  }
}

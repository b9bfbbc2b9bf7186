/// The footer's fields while they are read; field numbers are those of parquet.thrift.
struct Parsed {
  var elements: [SchemaElement] = []
  var hasSchema = false
  var rowCount: Int64 = 0
  var rowGroups: [RowGroupMetadata] = []
  var keyValues: [KeyValue] = []
  var createdBy: String?
  var columnOrders: [ColumnOrder]?
  var isEncrypted = false

  mutating func read(_ reader: inout CompactReader) throws(ParquetError) {
    var result = Parsed()
    try reader.structure { (reader, field, type) throws(ParquetError) in
      switch field {
      case 2:
        result.hasSchema = true
        try reader.structureList(type) { (reader) throws(ParquetError) in
          result.elements.append(try SchemaElement(reading: &reader))
        }
      case 3: result.rowCount = try reader.integer(type)
      case 4:
        try reader.structureList(type) { (reader) throws(ParquetError) in
          result.rowGroups.append(try RowGroupMetadata(reading: &reader))
        }
      case 5:
        try reader.structureList(type) { (reader) throws(ParquetError) in
          result.keyValues.append(try KeyValue(reading: &reader))
        }
      case 6: result.createdBy = try reader.string(type)
      case 7:
        var orders: [ColumnOrder] = []
        try reader.structureList(type) { (reader) throws(ParquetError) in
          orders.append(ColumnOrder(rawValue: try reader.union(.structure) ?? 0) ?? .unknown)
        }
        result.columnOrders = orders
      case 8:
        result.isEncrypted = true
        try reader.skip(type)
      default: try reader.skip(type)
      }
    }
    self = result
  }
}

extension KeyValue {
  init(reading reader: inout CompactReader) throws(ParquetError) {
    var key = ""
    var value: String?
    try reader.structure { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: key = try reader.string(type)
      case 2: value = try reader.string(type)
      default: try reader.skip(type)
      }
    }
    self.init(key: key, value: value)
  }
}

extension SchemaElement {
  init(reading reader: inout CompactReader) throws(ParquetError) {
    var element = SchemaElement()
    try reader.structure { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1:
        let raw = try reader.int32(type)
        element.rawKind = raw
        element.kind = PhysicalKind(rawValue: raw)
      case 2: element.typeLength = try reader.int32(type)
      case 3: element.repetition = Repetition(rawValue: try reader.int32(type))
      case 4: element.name = try reader.string(type)
      case 5: element.childCount = try reader.int32(type)
      case 6: element.convertedType = try reader.int32(type)
      case 7: element.scale = try reader.int32(type)
      case 8: element.precision = try reader.int32(type)
      case 9: element.fieldID = try reader.int32(type)
      case 10: element.logical = try LogicalKind(reading: &reader, type)
      default: try reader.skip(type)
      }
    }
    self = element
  }
}

extension LogicalKind {
  init?(reading reader: inout CompactReader, _ type: CompactType) throws(ParquetError) {
    var kind: LogicalKind?
    try reader.structure(type) { (reader, member, type) throws(ParquetError) in
      switch member {
      case 5:
        var precision: Int32 = 0
        var scale: Int32 = 0
        try reader.structure(type) { (reader, field, type) throws(ParquetError) in
          switch field {
          case 1: scale = try reader.int32(type)
          case 2: precision = try reader.int32(type)
          default: try reader.skip(type)
          }
        }
        kind = .decimal(precision: Int(precision), scale: Int(scale))
      case 7, 8:
        var isUTC = false
        var unit: TimeUnit?
        try reader.structure(type) { (reader, field, type) throws(ParquetError) in
          switch field {
          case 1: isUTC = try reader.boolean(type)
          case 2: unit = TimeUnit(rawValue: try reader.union(type) ?? 0)
          default: try reader.skip(type)
          }
        }
        guard let unit else {
          kind = .other(member)
          return
        }
        kind = member == 7 ? .time(unit, isUTC: isUTC) : .timestamp(unit, isUTC: isUTC)
      case 10:
        var bitWidth: Int64 = 0
        var isSigned = true
        try reader.structure(type) { (reader, field, type) throws(ParquetError) in
          switch field {
          case 1: bitWidth = try reader.integer(type)
          case 2: isSigned = try reader.boolean(type)
          default: try reader.skip(type)
          }
        }
        kind = .integer(bitWidth: Int(bitWidth), isSigned: isSigned)
      default:
        kind = Self.plainMembers[member] ?? .other(member)
        try reader.skip(type)
      }
    }
    guard let kind else { return nil }
    self = kind
  }

  /// Members of the union whose fields, if they have any, do not matter to a reader.
  private static let plainMembers: [Int: LogicalKind] = [
    1: .string, 2: .map, 3: .list, 4: .enumeration, 6: .date, 11: .null, 12: .json, 13: .bson, 14: .uuid,
    15: .float16, 16: .variant, 17: .geometry, 18: .geography,
  ]
}

extension RowGroupMetadata {
  init(reading reader: inout CompactReader) throws(ParquetError) {
    var group = RowGroupMetadata()
    try reader.structure { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1:
        let (count, element) = try reader.listHeader(type)
        guard count == 0 || element == .structure else {
          throw .corrupt("row group columns", expected: "structures", found: "\(element)")
        }
        group.columns.reserveCapacity(count)
        for _ in 0..<count { group.columns.append(try ColumnChunkMetadata(reading: &reader)) }
      case 2: group.totalByteSize = try reader.integer(type)
      case 3: group.rowCount = try reader.integer(type)
      case 5: group.fileOffset = try reader.integer(type)
      default: try reader.skip(type)
      }
    }
    self = group
  }
}

extension ColumnChunkMetadata {
  init(reading reader: inout CompactReader) throws(ParquetError) {
    var chunk = ColumnChunkMetadata()
    try reader.structure { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1:
        chunk.isInOtherFile = try reader.binary(type).count > 0
      case 3: try chunk.readMetadata(&reader, type)
      case 4: chunk.offsetIndexOffset = try reader.integer(type)
      case 5: chunk.offsetIndexLength = try reader.int32(type)
      case 6: chunk.columnIndexOffset = try reader.integer(type)
      case 7: chunk.columnIndexLength = try reader.int32(type)
      case 8, 9:
        chunk.isEncrypted = true
        try reader.skip(type)
      default: try reader.skip(type)
      }
    }
    self = chunk
  }

  private mutating func readMetadata(_ reader: inout CompactReader, _ type: CompactType) throws(ParquetError) {
    var chunk = self
    chunk.hasMetadata = true
    try reader.structure(type) { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: chunk.rawKind = try reader.int32(type)
      case 4: chunk.codec = try reader.int32(type)
      case 5: chunk.valueCount = try reader.integer(type)
      case 6: chunk.uncompressedSize = try reader.integer(type)
      case 7: chunk.compressedSize = try reader.integer(type)
      case 9: chunk.dataPageOffset = try reader.integer(type)
      case 11: chunk.dictionaryPageOffset = try reader.integer(type)
      case 12: chunk.statistics = try StatisticsSpans(reading: &reader, type)
      case 13: try chunk.readPageCounts(&reader, type)
      // Unreleased versions of parquet-mr used these two for something else.
      case 14 where type == .int64: chunk.bloomFilterOffset = try reader.integer(type)
      case 15 where type == .int32: chunk.bloomFilterLength = try reader.int32(type)
      default: try reader.skip(type)
      }
    }
    self = chunk
  }

  private mutating func readPageCounts(_ reader: inout CompactReader, _ type: CompactType) throws(ParquetError) {
    var allDictionary = true
    var dataPages: Int64 = 0
    try reader.structureList(type) { (reader) throws(ParquetError) in
      var pageType: Int32 = 0
      var encoding: Int32 = 0
      var count: Int32 = 0
      try reader.structure { (reader, field, type) throws(ParquetError) in
        switch field {
        case 1: pageType = try reader.int32(type)
        case 2: encoding = try reader.int32(type)
        case 3: count = try reader.int32(type)
        default: try reader.skip(type)
        }
      }
      guard pageType == 0 || pageType == 3, count > 0 else { return }
      dataPages &+= Int64(count)
      if encoding != PageEncoding.plainDictionary.rawValue && encoding != PageEncoding.rleDictionary.rawValue {
        allDictionary = false
      }
    }
    isFullyDictionary = dataPages > 0 && allDictionary
  }
}

extension StatisticsSpans {
  init(reading reader: inout CompactReader, _ type: CompactType) throws(ParquetError) {
    var spans = StatisticsSpans()
    try reader.structure(type) { (reader, field, type) throws(ParquetError) in
      switch field {
      case 1: spans.oldMax = try reader.binary(type)
      case 2: spans.oldMin = try reader.binary(type)
      case 3: spans.nullCount = try reader.integer(type)
      case 4: spans.distinctCount = try reader.integer(type)
      case 5: spans.max = try reader.binary(type)
      case 6: spans.min = try reader.binary(type)
      case 7: spans.isMaxExact = try reader.boolean(type)
      case 8: spans.isMinExact = try reader.boolean(type)
      case 9: spans.nanCount = try reader.integer(type)
      default: try reader.skip(type)
      }
    }
    self = spans
  }
}

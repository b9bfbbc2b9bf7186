package import Columnar

/// What a footer tells of one leaf column over all row groups.
package struct ColumnSummary: Sendable {
  package var compressedByteCount: Int64
  /// Nulls included; for leaves below lists and maps not the number of rows.
  package var valueCount: Int64
  /// Nil when a row group does not say.
  package var nullCount: Int64?
  /// No value lies below or above; nil when a row group with values does not say, or in an order that cannot be trusted.
  package var minimum: ScalarValue?
  package var maximum: ScalarValue?
}

extension ParquetFile {
  /// - Throws: for a column chunk that is not where the footer says, or encrypted.
  package func summary(of leaf: LeafColumn) throws(ParquetError) -> ColumnSummary {
    let stored = StoredBounds(self, leaf)
    var summary = ColumnSummary(compressedByteCount: 0, valueCount: 0, nullCount: 0)
    var isBounded = true
    for (index, group) in metadata.rowGroups.enumerated() {
      _ = try chunkRange(rowGroup: index, leaf: leaf.index)
      let chunk = group.columns[leaf.index]
      let bounds = stored.chunk(chunk.statistics, metadata, valueCount: chunk.valueCount)
      summary.compressedByteCount &+= chunk.compressedSize
      summary.valueCount &+= chunk.valueCount
      if let known = summary.nullCount, let nulls = bounds.nullCount { summary.nullCount = known &+ nulls } else { summary.nullCount = nil }
      if bounds.nullCount == chunk.valueCount { continue }
      guard let low = bounds.minimum, let high = bounds.maximum else {
        isBounded = false
        continue
      }
      if summary.minimum.map({ (low.order($0) ?? 0) < 0 }) ?? true { summary.minimum = low }
      if summary.maximum.map({ (high.order($0) ?? 0) > 0 }) ?? true { summary.maximum = high }
    }
    if !isBounded {
      summary.minimum = nil
      summary.maximum = nil
    }
    return summary
  }

  /// Where the row groups begin, as Iceberg's split offsets count: at the first page of the first column.
  package var splitOffsets: [Int64] {
    metadata.rowGroups.compactMap { group in
      guard let first = group.columns.first else { return nil }
      if let dictionary = first.dictionaryPageOffset, dictionary > 0 { return min(dictionary, first.dataPageOffset) }
      return first.dataPageOffset
    }
  }
}

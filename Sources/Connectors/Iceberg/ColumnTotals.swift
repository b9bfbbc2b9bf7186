import Columnar
import Iceberg
import Planner

/// What the metrics of data files say of one column together; nil as soon as one file does not tell. Deleted rows are counted in.
struct ColumnTotals {
  private(set) var minimum: ScalarValue?
  private(set) var maximum: ScalarValue?
  private(set) var hasBounds = true
  private(set) var nulls: Int64? = 0
  private(set) var nans: Int64? = 0
  private var rows: Int64 = 0
  private var bytes: Int64? = 0

  mutating func add(_ file: DataFile, fieldID: Int32, _ type: IcebergType) {
    let metrics = file.metricsSource
    rows &+= file.recordCount
    let size = metrics.count(.bytes, of: fieldID)
    bytes = bytes.flatMap { total in size.map { total &+ $0 } }
    let nulls = metrics.count(.nulls, of: fieldID)
    let nans = metrics.count(.nans, of: fieldID)
    self.nulls = self.nulls.flatMap { total in nulls.map { total &+ $0 } }
    self.nans = self.nans.flatMap { total in nans.map { total &+ $0 } }
    guard let lower = metrics.bound(isUpper: false, of: fieldID, type), let upper = metrics.bound(isUpper: true, of: fieldID, type) else {
      // Only NULLs have no bounds and still leave those of the others true.
      let values = metrics.count(.values, of: fieldID)
      if nulls == nil || values == nil || nulls != values { hasBounds = false }
      return
    }
    minimum = minimum.map { SingleValue.compare(lower, $0) < 0 ? lower : $0 } ?? lower
    maximum = maximum.map { SingleValue.compare(upper, $0) > 0 ? upper : $0 } ?? upper
  }

  /// As Trino shows them: sizes of columns whose values have different ones only, and no extremes of text, whose bounds may be cut.
  func statistics(_ type: SQLType) -> ColumnStatistics {
    var statistics = ColumnStatistics()
    statistics.nullFraction = nulls.map { rows == 0 ? 0 : Double($0) / Double(rows) }
    switch type.physical {
    case .string: statistics.byteCount = bytes.map { Double($0) }
    case .boolean, .list, .row: break
    case .int8, .int16, .int32, .int64, .int128, .float, .double, .timestampTZ:
      guard hasBounds, type != .uuid else { break }
      statistics.low = minimum.map { Scalar(type, $0) }
      statistics.high = maximum.map { Scalar(type, $0) }
    }
    return statistics
  }
}

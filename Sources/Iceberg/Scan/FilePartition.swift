import Columnar

/// The partition of a file: a tuple of one spec. NULL equals NULL; floats compare by their bits, NaNs being one value
/// (iceberg.md section 10, "Which deletes apply to a data file").
package struct FilePartition: Hashable, Sendable {
  private let specID: Int32
  private let values: [ScalarValue]

  package init(_ file: DataFile) {
    specID = file.partitionSpecID
    values = file.partition.map { scalar in
      switch scalar.value {
      case .real(let number): .int(Int64(number.isNaN ? Float.nan.bitPattern : number.bitPattern))
      case .double(let number): .int(Int64(bitPattern: number.isNaN ? Double.nan.bitPattern : number.bitPattern))
      case .timestampTZ(let moment): .int(moment.instant)
      case let value: value
      }
    }
  }
}

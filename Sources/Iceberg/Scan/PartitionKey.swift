import Columnar

/// A partition of one spec, as a key. Floats compare by their bits, NaNs being one value.
package struct PartitionKey: Hashable, Sendable {
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

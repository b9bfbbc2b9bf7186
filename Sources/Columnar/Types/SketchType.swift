/// What summarises many values, so that counts or quantiles of them can be estimated; the values of such a column are the bytes of sketches.
package enum SketchType: Hashable, Sendable {
  /// How many different values there are; P4 is the same with one register per bucket from the start.
  case hyperLogLog, p4HyperLogLog
  case tdigest
  case qdigest(QuantileNumber)
  /// How many members two sets have in common.
  case setDigest

  package var isHyperLogLog: Bool { self == .hyperLogLog || self == .p4HyperLogLog }
}

/// The types of which a `qdigest` can be made.
package enum QuantileNumber: Hashable, Sendable, CaseIterable {
  case bigint, real, double

  package var type: SQLType {
    switch self {
    case .bigint: .bigint
    case .real: .real
    case .double: .double
    }
  }
}

extension SketchType: CaseIterable {
  package static let allCases: [SketchType] =
    [.hyperLogLog, .p4HyperLogLog, .tdigest, .setDigest] + QuantileNumber.allCases.map { .qdigest($0) }
}

extension SketchType: CustomStringConvertible {
  /// Trino's display form.
  package var description: String {
    switch self {
    case .hyperLogLog: "HyperLogLog"
    case .p4HyperLogLog: "P4HyperLogLog"
    case .tdigest: "tdigest"
    case .qdigest(let number): "qdigest(\(number.type))"
    case .setDigest: "SetDigest"
    }
  }
}

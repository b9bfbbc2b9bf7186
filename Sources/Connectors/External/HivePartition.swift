package import Catalogs
package import Columnar
import Functions
import Planner
package import SQLSyntax
package import Storage

/// One folder of a partitioned table, with the values its rows have in the partition columns.
package struct HivePartition: Sendable {
  /// Typed as the partition columns are.
  package var values: [Scalar]
  /// `a=1/b=2`
  package var name: String
  package var location: Location

  package init(values: [Scalar], name: String, location: Location) {
    self.values = values
    self.name = name
    self.location = location
  }

  /// A registered partition, whose values are texts.
  package init(_ partition: CatalogPartition, keys: [Field]) throws(SQLError) {
    guard partition.values.count == keys.count else {
      throw SQLError(
        .hiveInvalidMetadata, "the partition at \(partition.location) has \(partition.values.count) values, \(keys.count) are due")
    }
    var values: [Scalar] = []
    for (text, key) in zip(partition.values, keys) { values.append(try Self.value(text, of: key)) }
    self.init(
      values: values, name: Self.name(keys.map(\.name), partition.values), location: Location(partition.location))
  }

  /// - Throws: `HIVE_INVALID_PARTITION_VALUE` when the text is no value of the column.
  package static func value(_ text: String, of key: Field) throws(SQLError) -> Scalar {
    if text == HivePath.nullName { return .null(key.type) }
    guard let value = PartitionValue.parse(text, as: key.type) else {
      throw SQLError(
        ErrorCode("HIVE_INVALID_PARTITION_VALUE", .external),
        "Invalid partition value '\(text)' for \(key.type) partition key: \(key.name)")
    }
    return value
  }

  package static func name(_ keys: [String], _ values: [String]) -> String {
    zip(keys, values).map { HivePath.segment($0, $1 == HivePath.nullName ? nil : $1) }.joined(separator: "/")
  }
}

/// Comparisons of partition values in statements: `DROP PARTITION (day < '2024-01-01')`.
package enum ScalarComparison {
  /// NULL equals only NULL here: it names the partition of the rows without a value.
  package static func holds(_ left: Scalar, _ comparison: ComparisonOperator, _ right: Scalar) -> Bool {
    if left.isNull || right.isNull { return comparison == .equal && left.isNull && right.isNull }
    let order = ScalarTest.compare(left, right) ?? (left == right ? 0 : -1)
    switch comparison {
    case .equal: return order == 0
    case .notEqual: return order != 0
    case .less: return order < 0
    case .lessOrEqual: return order <= 0
    case .greater: return order > 0
    case .greaterOrEqual: return order >= 0
    }
  }
}

/// Whether one value passes a condition, for leaving out partitions before their files are listed.
enum ScalarTest {
  /// False only when it certainly fails; NULL fails everything but IS NULL.
  static func mayPass(_ value: Scalar, _ test: ColumnPredicate.Test) -> Bool {
    if value.isNull { return test == .isNull }
    switch test {
    case .isNull: return false
    case .isNotNull: return true
    case .equal(let other): return compare(value, other).map { $0 == 0 } ?? true
    case .notEqual(let other): return compare(value, other).map { $0 != 0 } ?? true
    case .less(let other): return compare(value, other).map { $0 < 0 } ?? true
    case .lessOrEqual(let other): return compare(value, other).map { $0 <= 0 } ?? true
    case .greater(let other): return compare(value, other).map { $0 > 0 } ?? true
    case .greaterOrEqual(let other): return compare(value, other).map { $0 >= 0 } ?? true
    case .oneOf(let others): return others.contains { compare(value, $0).map { $0 == 0 } ?? true }
    case .startsWith(let prefix):
      guard case .bytes(let bytes) = value.value, case .bytes(let start) = prefix.value else { return true }
      return bytes.starts(with: start)
    }
  }

  /// Negative, zero or positive; nil when the two cannot be compared here.
  static func compare(_ left: Scalar, _ right: Scalar) -> Int? {
    func order<Value: Comparable>(_ left: Value, _ right: Value) -> Int { left < right ? -1 : left == right ? 0 : 1 }
    guard left.type == right.type || left.type.isText && right.type.isText else { return nil }
    switch (left.value, right.value) {
    case (.boolean(let left), .boolean(let right)): return order(left ? 1 : 0, right ? 1 : 0)
    case (.int(let left), .int(let right)): return order(left, right)
    case (.int128(let left), .int128(let right)): return order(left, right)
    case (.timestampTZ(let left), .timestampTZ(let right)): return order(left.instant, right.instant)
    case (.bytes(let left), .bytes(let right)):
      return left.lexicographicallyPrecedes(right) ? -1 : left == right ? 0 : 1
    // NaN makes floating-point numbers special; partitions by them are rare.
    default: return nil
    }
  }
}

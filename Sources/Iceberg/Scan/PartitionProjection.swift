package import Columnar

/// What a row filter says about the partition values of one spec: true for a tuple whenever a row of that partition may match.
///
/// ```
/// ts >= TIMESTAMP '2026-01-05 10:00'   with day(ts)          becomes   ts_day >= 2026-01-05
/// id = 34                              with bucket[16](id)   becomes   id_bucket = 3
/// ```
/// Source: SPEC "Scan Planning"; the table of inclusive projections as in Java's ProjectionUtil.
package struct PartitionProjection: Sendable {
  struct FieldTest: Sendable {
    /// Position in the spec.
    var field: Int
    var test: IcebergPredicate.Test
  }

  private let condition: Condition<FieldTest>
  private let types: [IcebergType?]

  /// - Parameter predicate: checked against the schema.
  init(_ predicate: IcebergPredicate, _ spec: PartitionSpec, _ metadata: TableMetadata) {
    types = spec.fields.map { IcebergType(storedAs: metadata.resultType($0)) }
    condition = predicate.map { fieldID, test in
      var parts: [Condition<FieldTest>] = []
      for (index, field) in spec.fields.enumerated() where field.sourceID == fieldID {
        guard let source = try? metadata.field(id: fieldID)?.type.sqlType(),
          let projected = Self.project(test, field.transform, source)
        else { continue }
        let leaf = Condition.leaf(FieldTest(field: index, test: projected))
        let wrapped = Self.wrappedAround(test, field.transform, source)
        parts.append(wrapped.map { .any([leaf, .leaf(FieldTest(field: index, test: $0))]) } ?? leaf)
      }
      return parts.isEmpty ? .always(true) : .all(parts)
    }
  }

  /// Whether it can skip anything.
  var isTrivial: Bool { condition.isAlwaysTrue }

  /// Whether rows of a file with that partition tuple may match.
  func mayMatch(_ value: (Int) throws(IcebergError) -> Scalar) throws(IcebergError) -> Bool {
    var failure: IcebergError?
    let result = condition.evaluate { leaf in
      do throws(IcebergError) { return leaf.test.holds(try value(leaf.field)) } catch {
        failure = error
        return true
      }
    }
    if let failure { throw failure }
    return result
  }

  /// Whether some file of a manifest may match, by its summaries.
  func mayMatch(_ summaries: [ManifestFile.FieldSummary]?) -> Bool {
    guard let summaries else { return true }
    return condition.evaluate { leaf in
      guard leaf.field < summaries.count, let type = types[leaf.field] else { return true }
      let summary = summaries[leaf.field]
      switch leaf.test {
      case .isNull: return summary.containsNull
      case .isNaN: return summary.containsNaN != false
      default: break
      }
      let mayHoldNaN = type.isFloating && summary.containsNaN != false
      // No lower bound: all values are null or NaN, and only the tests that NaN passes can hold.
      guard let lowerBytes = summary.lowerBound else {
        switch leaf.test {
        case .isNotNull, .notEqual, .noneOf: return mayHoldNaN
        default: return false
        }
      }
      return leaf.test.mayHold(
        lower: SingleValue.decode(lowerBytes, type), upper: summary.upperBound.flatMap { SingleValue.decode($0, type) },
        // A NULL partition value never passes these tests; only NaN may besides the bounds.
        mayHoldOthers: mayHoldNaN)
    }
  }

  // MARK: Projection

  /// The test of the partition value that holds whenever `test` holds for the source; nil when nothing can be said.
  package static func project(_ test: IcebergPredicate.Test, _ transform: PartitionTransform, _ source: SQLType) -> IcebergPredicate.Test? {
    guard transform.resultType(source) != nil else { return nil }
    // Near the smallest number truncation wraps around to the largest: nothing follows from such a value.
    if case .truncate = transform, source.physical != .string,
      test.scalars.contains(where: { !$0.isNull && SingleValue.compare(transform.apply($0).value, $0.value) > 0 })
    {
      return nil
    }
    switch transform {
    case .identity: return test
    case .void, .unknown: return nil
    case .bucket: return projectBucket(test, transform)
    case .truncate(let width): return source.physical == .string ? projectText(test, transform, width, source) : projectOrdered(test, transform)
    case .year, .month, .day, .hour:
      let projected = projectOrdered(test, transform)
      // Writers before 0.11 stored values before 1970 one too high; days of dates were always right.
      if transform == .day, source == .date { return projected }
      return projected.map(widened)
    }
  }

  /// The values that truncation makes of the smallest integers: by wrapping around they are among the largest, where a test for what is
  /// less would not look for them.
  private static func wrappedAround(
    _ test: IcebergPredicate.Test, _ transform: PartitionTransform, _ source: SQLType
  ) -> IcebergPredicate.Test? {
    guard case .truncate(let width) = transform, source == .integer || source == .bigint else { return nil }
    switch test {
    case .less, .lessOrEqual:
      let largest = source == .integer ? Int64(Int32.max) : Int64.max
      return .greater(Scalar(source, .int(largest - Int64(width))))
    default: return nil
    }
  }

  private static func projectBucket(_ test: IcebergPredicate.Test, _ transform: PartitionTransform) -> IcebergPredicate.Test? {
    switch test {
    case .equal(let value): .equal(transform.apply(value))
    case .oneOf(let values): .oneOf(values.map { transform.apply($0) })
    case .isNull: .isNull
    case .isNotNull: .isNotNull
    default: nil
    }
  }

  /// Truncated numbers and units of time keep the order of their sources.
  private static func projectOrdered(_ test: IcebergPredicate.Test, _ transform: PartitionTransform) -> IcebergPredicate.Test? {
    switch test {
    case .equal(let value): return .equal(transform.apply(value))
    case .oneOf(let values): return .oneOf(values.map { transform.apply($0) })
    case .less(let value): return neighbour(value, -1).map { .lessOrEqual(transform.apply($0)) }
    case .lessOrEqual(let value): return .lessOrEqual(transform.apply(value))
    case .greater(let value): return neighbour(value, 1).map { .greaterOrEqual(transform.apply($0)) }
    case .greaterOrEqual(let value): return .greaterOrEqual(transform.apply(value))
    case .isNull: return .isNull
    case .isNotNull: return .isNotNull
    default: return nil
    }
  }

  private static func projectText(
    _ test: IcebergPredicate.Test, _ transform: PartitionTransform, _ width: Int, _ source: SQLType
  ) -> IcebergPredicate.Test? {
    switch test {
    case .equal(let value): return .equal(transform.apply(value))
    case .oneOf(let values): return .oneOf(values.map { transform.apply($0) })
    case .less(let value), .lessOrEqual(let value): return .lessOrEqual(transform.apply(value))
    case .greater(let value), .greaterOrEqual(let value): return .greaterOrEqual(transform.apply(value))
    case .isNull: return .isNull
    case .isNotNull: return .isNotNull
    case .startsWith(let prefix):
      let cut = transform.apply(Scalar(source, .bytes(prefix)))
      // Shorter than the width: the partition value continues it. Otherwise the value is the cut prefix.
      return length(prefix, source) < width ? .startsWith(prefix) : .equal(cut)
    case .notStartsWith(let prefix):
      let count = length(prefix, source)
      if count < width { return .notStartsWith(prefix) }
      return count == width ? .notEqual(Scalar(source, .bytes(prefix))) : nil
    default: return nil
    }
  }

  private static func length(_ bytes: [UInt8], _ type: SQLType) -> Int {
    type == .varbinary ? bytes.count : bytes.count { $0 & 0xC0 != 0x80 }
  }

  /// The value one unit of its type above or below; nil past the end of the type.
  private static func neighbour(_ scalar: Scalar, _ step: Int64) -> Scalar? {
    switch scalar.value {
    case .int(let number):
      let (value, overflow) = number.addingReportingOverflow(step)
      return overflow ? nil : Scalar(scalar.type, .int(value))
    case .int128(let number):
      let (value, overflow) = number.addingReportingOverflow(Int128(step))
      return overflow ? nil : Scalar(scalar.type, .int128(value))
    case .timestampTZ(let moment):
      let (value, overflow) = moment.instant.addingReportingOverflow(step)
      return overflow ? nil : Scalar(scalar.type, .timestampTZ(TimestampTZ(instant: value)))
    default: return nil
    }
  }

  private static func widened(_ test: IcebergPredicate.Test) -> IcebergPredicate.Test {
    func next(_ scalar: Scalar) -> Scalar? {
      guard case .int(let number) = scalar.value, number < 0 else { return nil }
      return Scalar(scalar.type, .int(number + 1))
    }
    switch test {
    case .lessOrEqual(let value): return .lessOrEqual(next(value) ?? value)
    case .equal(let value): return next(value).map { .oneOf([value, $0]) } ?? test
    case .oneOf(let values): return .oneOf(values + values.compactMap(next))
    default: return test
    }
  }
}

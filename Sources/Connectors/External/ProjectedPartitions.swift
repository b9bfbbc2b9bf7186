import Catalogs
import Columnar
import Planner
import SQLSyntax
import Storage
import TextFormats

/// Partition projection: the partitions of a table follow from its properties (`projection.<column>.…`), none are registered.
///
/// Conditions on a column narrow its values before they are multiplied with those of the other columns; a range of minutes over years
/// would be far too many otherwise.
///
/// Source: Athena user guide, "Set up partition projection", "Supported types for partition projection".
struct ProjectedPartitions: Sendable {
  private let columns: [ProjectedColumn]
  private let keys: [Field]
  private let table: String
  private let location: Location
  private let template: String?

  /// More partitions than this in one query are taken for a mistake.
  private static let limit = 1_000_000

  init(_ entry: CatalogTable, keys: [Field], nowMicroseconds: Int64) throws(SQLError) {
    self.keys = keys
    table = "\(entry.database).\(entry.name)"
    location = Location(entry.storage.location ?? "")
    template = entry.parameters["storage.location.template"]
    let unconfigured = keys.map(\.name).filter { entry.parameters["projection.\($0).type"] == nil }
    guard unconfigured.isEmpty else {
      throw SQLError(
        .hiveMetastoreError,
        "Table \(table) is configured for partition projection, but the following partition columns are missing projection configuration: [\(unconfigured.joined(separator: ", "))]"
      )
    }
    if let template {
      for key in keys where !template.contains("${\(key.name)}") {
        throw SQLError(
          .hiveMetastoreError, "storage.location.template of table \(table) has no placeholder ${\(key.name)}")
      }
    }
    var columns: [ProjectedColumn] = []
    for key in keys {
      columns.append(try ProjectedColumn(key, entry.parameters, table: table, nowMicroseconds: nowMicroseconds))
    }
    self.columns = columns
  }

  /// The partitions that can hold rows under the conditions, in the order of their columns.
  func partitions(where tests: [(key: Int, test: ColumnPredicate.Test)]) throws(SQLError) -> [HivePartition] {
    var combined: [[(text: String, value: Scalar)]] = [[]]
    for (index, column) in columns.enumerated() {
      let mine = tests.filter { $0.key == index }.map(\.test)
      var values: [(text: String, value: Scalar)] = []
      for text in try column.texts(where: mine, limit: Self.limit) {
        let value = try column.value(of: text)
        if mine.allSatisfy({ ScalarTest.mayPass(value, $0) }) { values.append((text, value)) }
      }
      guard combined.count * max(values.count, 1) <= Self.limit else {
        throw SQLError(
          .hiveMetastoreError, "partition projection of table \(table) gives more than \(Self.limit) partitions",
          hint: "Narrow the query by its partition columns.")
      }
      combined = combined.flatMap { head in values.map { head + [$0] } }
    }
    return combined.map { values in
      let texts = values.map(\.text)
      return HivePartition(
        values: values.map(\.value), name: HivePartition.name(keys.map(\.name), texts), location: place(texts))
    }
  }

  private func place(_ texts: [String]) -> Location {
    guard var path = template else { return location.appending(HivePartition.name(keys.map(\.name), texts) + "/") }
    for (key, text) in zip(keys, texts) { path = path.replacing("${\(key.name)}", with: text) }
    return Location(path)
  }
}

/// How the values of one partition column come about.
private struct ProjectedColumn: Sendable {
  private enum Kind: Sendable {
    case enumeration([String])
    case integer(range: ClosedRange<Int64>, interval: Int64, digits: Int)
    case date(DateSteps)
    /// Whatever the query asks for.
    case injected
  }

  private let key: Field
  private let table: String
  private let kind: Kind

  /// Bounds and steps stay far from where sums overflow.
  private static let largest: Int64 = 1 << 60

  init(_ key: Field, _ properties: [String: String], table: String, nowMicroseconds: Int64) throws(SQLError) {
    self.key = key
    self.table = table
    let prefix = "projection.\(key.name)."
    func bad(_ what: String) -> SQLError {
      SQLError(.hiveMetastoreError, "Invalid partition projection of table \(table): \(prefix)\(what)")
    }
    func required(_ name: String) throws(SQLError) -> String {
      guard let text = properties[prefix + name] else { throw bad("\(name) is missing") }
      return text
    }
    func positive(_ name: String) throws(SQLError) -> Int64? {
      guard let text = properties[prefix + name] else { return nil }
      guard let number = Int64(text), number > 0 else { throw bad("\(name) must be a positive whole number, not '\(text)'") }
      return number
    }
    switch properties[prefix + "type"]?.lowercased() {
    case "enum": kind = .enumeration(try required("values").split(separator: ",", omittingEmptySubsequences: false).map(String.init))
    case "integer":
      let text = try required("range")
      let bounds = text.split(separator: ",").map { Int64($0.filter { $0 != " " }) }
      guard bounds.count == 2, let low = bounds[0], let high = bounds[1], low <= high, low > -Self.largest, high < Self.largest else {
        throw bad("range must be two numbers in order, not '\(text)'")
      }
      let (interval, digits) = (try positive("interval") ?? 1, try positive("digits") ?? 0)
      guard interval < Self.largest, digits <= 100 else { throw bad("interval or digits is too large") }
      kind = .integer(range: low...high, interval: interval, digits: Int(digits))
    case "date":
      let format = try required("format")
      let text = try required("range")
      do {
        kind = .date(
          try DateSteps(
            format: format, range: text, interval: try positive("interval"), unit: properties[prefix + "interval.unit"],
            nowMicroseconds: nowMicroseconds))
      } catch let error as TextFormatError { throw bad(error.message) } catch let error as SQLError { throw error } catch {
        throw bad("\(error)")
      }
    case "injected": kind = .injected
    case let other: throw bad("type must be enum, integer, date or injected, not '\(other ?? "")'")
    }
  }

  /// Texts of the values, without those that certainly fail the conditions.
  func texts(where tests: [ColumnPredicate.Test], limit: Int) throws(SQLError) -> [String] {
    switch kind {
    case .enumeration(let values): return values
    case .integer(let range, let interval, let digits):
      let (low, high) = bounds(tests) { (scalar) in scalar.text.flatMap { Int64($0) } ?? Self.integer(scalar) }
      let first = max(range.lowerBound, low ?? range.lowerBound)
      let last = min(range.upperBound, high ?? range.upperBound)
      guard first <= last else { return [] }
      // Steps count from the start of the range, wherever the conditions begin.
      let skipped = (first - range.lowerBound + interval - 1) / interval
      var texts: [String] = []
      var number = range.lowerBound + skipped * interval
      while number <= last {
        guard texts.count < limit else { throw tooMany(limit) }
        texts.append(Self.padded(number, digits))
        let (next, overflow) = number.addingReportingOverflow(interval)
        if overflow { break }
        number = next
      }
      return texts
    case .date(let steps):
      let (low, high) = bounds(tests) { scalar in
        switch scalar.type {
        case .date:
          Self.integer(scalar).map { days in
            let (micros, overflow) = days.multipliedReportingOverflow(by: 86_400_000_000)
            return overflow ? (days < 0 ? .min : .max) : micros
          }
        case .timestamp: Self.integer(scalar)
        default: scalar.text.flatMap { steps.microseconds(of: $0) }
        }
      }
      guard let texts = steps.texts(from: low, through: high, limit: limit) else { throw tooMany(limit) }
      return texts
    case .injected:
      for test in tests {
        switch test {
        case .equal(let scalar): return [scalar.text ?? Self.integer(scalar).map(String.init) ?? ""]
        case .oneOf(let scalars): return scalars.map { $0.text ?? Self.integer($0).map(String.init) ?? "" }
        default: continue
        }
      }
      throw SQLError(
        ErrorCode("CONSTRAINT_VIOLATION", .userError),
        "For the injected projected partition column \(key.name), the WHERE clause must contain only static equality conditions, and at least one such condition must be present."
      )
    }
  }

  func value(of text: String) throws(SQLError) -> Scalar {
    if case .date(let steps) = kind, let micros = steps.microseconds(of: text) {
      switch key.type {
      case .date: return Scalar(.date, .int(micros / 86_400_000_000 - (micros % 86_400_000_000 < 0 ? 1 : 0)))
      case .timestamp(let precision) where precision <= 6: return Scalar(key.type, .int(micros))
      default: break
      }
    }
    return try HivePartition.value(text, of: key)
  }

  /// The range that conditions leave, where they compare with constants that `number` understands.
  private func bounds(_ tests: [ColumnPredicate.Test], _ number: (Scalar) -> Int64?) -> (low: Int64?, high: Int64?) {
    var (low, high): (Int64?, Int64?) = (nil, nil)
    func raise(_ value: Int64?) { if let value { low = max(low ?? value, value) } }
    func lower(_ value: Int64?) { if let value { high = min(high ?? value, value) } }
    // Texts sort like the numbers they stand for only when they have one length; equality always means the number.
    let isOrdered = !key.type.isText || isSortable
    for test in tests {
      switch test {
      case .equal(let scalar):
        raise(number(scalar))
        lower(number(scalar))
      case .oneOf(let scalars):
        let numbers = scalars.map(number)
        guard numbers.allSatisfy({ $0 != nil }) else { continue }
        raise(numbers.compactMap { $0 }.min())
        lower(numbers.compactMap { $0 }.max())
      case .greater(let scalar) where isOrdered, .greaterOrEqual(let scalar) where isOrdered: raise(number(scalar))
      case .less(let scalar) where isOrdered, .lessOrEqual(let scalar) where isOrdered: lower(number(scalar))
      default: continue
      }
    }
    return (low, high)
  }

  private var isSortable: Bool {
    switch kind {
    case .date(let steps): steps.isSortable
    case .enumeration, .integer, .injected: false
    }
  }

  private func tooMany(_ limit: Int) -> SQLError {
    SQLError(
      .hiveMetastoreError, "partition projection of table \(table) gives more than \(limit) values of \(key.name)",
      hint: "Narrow the query by \(key.name).")
  }

  private static func integer(_ scalar: Scalar) -> Int64? {
    if case .int(let value) = scalar.value { return value }
    return nil
  }

  private static func padded(_ number: Int64, _ digits: Int) -> String {
    let text = String(number.magnitude)
    return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}

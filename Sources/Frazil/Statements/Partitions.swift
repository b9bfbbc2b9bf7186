import Catalogs
import Columnar
import Connectors
import Functions
import Planner
import SQLSyntax
import Storage

/// The registered partitions of Hive-style tables: ALTER TABLE ADD | DROP | RENAME PARTITION, MSCK REPAIR TABLE, SHOW PARTITIONS.
extension StatementRunner {
  // MARK: ALTER TABLE

  func runAddPartitions(
    _ additions: [PartitionAddition], to name: QualifiedName, ifNotExists: Bool
  ) async throws -> StatementResult {
    let (entry, keys) = try await partitionedTable(name)
    var partitions: [CatalogPartition] = []
    for addition in additions {
      let values = try partitionValues(addition.partition, keys: keys)
      let folder = addition.location?.value ?? defaultLocation(entry, keys, values)
      let partition = CatalogPartition(values: values, location: folder)
      guard !partitions.contains(where: { $0.values == values }) else {
        throw SQLError(
          .alreadyExists, "Partition \(HivePartition.name(keys.map(\.name), values)) is given twice", range: addition.partition.range)
      }
      partitions.append(partition)
    }
    let known = try await registered(entry, keys)
    for (partition, addition) in zip(partitions, additions) {
      let typed = try HivePartition(partition, keys: keys)
      if known.contains(where: { $0.typed.values == typed.values }) {
        guard ifNotExists else {
          throw SQLError(
            .alreadyExists, "Partition already exists: \(entry.database).\(entry.name) \(typed.name)", range: addition.partition.range,
            hint: "ADD IF NOT EXISTS leaves it as it is.")
        }
        partitions.removeAll { $0 == partition }
      }
    }
    let fresh = partitions
    try await located(name.range) {
      try await engine.catalog(of: entry).addPartitions(fresh, to: entry.name, in: entry.database, ifNotExists: ifNotExists)
    }
    return StatementResult()
  }

  func runDropPartitions(
    _ specifications: [PartitionSpecification], of name: QualifiedName, ifExists: Bool
  ) async throws -> StatementResult {
    let (entry, keys) = try await partitionedTable(name)
    let known = try await registered(entry, keys)
    var dropped: [[String]] = []
    for specification in specifications {
      let conditions = try partitionConditions(specification, keys: keys)
      let matching = known.filter { partition in
        conditions.allSatisfy { ScalarComparison.holds(partition.typed.values[$0.key], $0.comparison, $0.value) }
      }
      guard !matching.isEmpty || ifExists else {
        throw SQLError(.notFound, "Partition does not exist: \(script.cut(specification.range))", range: specification.range)
      }
      dropped += matching.map(\.stored.values)
    }
    let all = dropped
    try await located(name.range) { try await engine.catalog(of: entry).dropPartitions(all, of: entry.name, in: entry.database) }
    return StatementResult()
  }

  func runRenamePartition(
    _ old: PartitionSpecification, to new: PartitionSpecification, of name: QualifiedName
  ) async throws -> StatementResult {
    let (entry, keys) = try await partitionedTable(name)
    let known = try await registered(entry, keys)
    let partition = try onePartition(old, keys, known)
    let values = try partitionValues(new, keys: keys)
    // The files stay where they are; only the values change.
    let renamed = CatalogPartition(values: values, location: partition.location)
    try await located(name.range) {
      try await engine.catalog(of: entry).addPartitions([renamed], to: entry.name, in: entry.database, ifNotExists: false)
      try await engine.catalog(of: entry).dropPartitions([partition.values], of: entry.name, in: entry.database)
    }
    return StatementResult()
  }

  /// `ALTER TABLE … [PARTITION (…)] SET LOCATION`
  func runSetLocation(
    _ location: StringLiteral, partition: PartitionSpecification?, of name: QualifiedName
  ) async throws -> StatementResult {
    guard let partition else {
      var entry = try await hiveTable(name)
      entry.storage.location = location.value
      let changed = entry
      try await located(name.range) { try await engine.catalog(of: entry).updateTable(changed) }
      return StatementResult()
    }
    let (entry, keys) = try await partitionedTable(name)
    let known = try await registered(entry, keys)
    let old = try onePartition(partition, keys, known)
    let moved = CatalogPartition(values: old.values, location: location.value)
    try await located(name.range) {
      try await engine.catalog(of: entry).dropPartitions([old.values], of: entry.name, in: entry.database)
      try await engine.catalog(of: entry).addPartitions([moved], to: entry.name, in: entry.database, ifNotExists: false)
    }
    return StatementResult()
  }

  // MARK: MSCK REPAIR TABLE

  /// Registers the partition folders below the table's location; the text is Athena's.
  func runRepair(_ name: QualifiedName, _ mode: RepairMode?) async throws -> StatementResult {
    let (entry, keys) = try await partitionedTable(name)
    let folder = Location(entry.storage.location ?? "")
    let known = try await registered(entry, keys)
    var found: [String: CatalogPartition] = [:]
    for file in try await located(name.range, { try await ExternalTable.visibleFiles(at: folder, in: engine.store) }) {
      guard let path = file.location.relativePath(below: folder) else { continue }
      let segments = path.split(separator: "/").dropLast().map(String.init)
      guard segments.count >= keys.count else { continue }
      let entries = segments.prefix(keys.count).compactMap { HivePath.entry($0) }
      guard entries.map(\.key) == keys.map(\.name) else { continue }
      let values = entries.map { $0.value ?? HivePath.nullName }
      // Folders whose names are no values of the columns are somebody else's.
      guard zip(values, keys).allSatisfy({ (try? HivePartition.value($0, of: $1)) != nil }) else { continue }
      let place = folder.appending(segments.prefix(keys.count).joined(separator: "/") + "/")
      let partition = CatalogPartition(values: values, location: place.text)
      found[HivePartition.name(keys.map(\.name), values)] = partition
    }
    var lines: [String] = []
    let added = try found.filter { _, partition in
      let typed = try HivePartition(partition, keys: keys)
      return !known.contains { $0.typed.values == typed.values }
    }.sorted { $0.key < $1.key }
    let missing = known.filter { partition in
      Location(partition.stored.location).relativePath(below: folder) != nil
        && !found.values.contains { Location($0.location).canonicalText == Location(Location(partition.stored.location).folderText).canonicalText }
    }
    if !added.isEmpty {
      lines.append("Partitions not in metastore:\t" + added.map { "\(entry.name):\($0.key)" }.joined(separator: "\t"))
    }
    if !missing.isEmpty {
      lines.append("Partitions missing from filesystem:\t" + missing.map { "\(entry.name):\($0.typed.name)" }.joined(separator: "\t"))
    }
    if mode != .drop, !added.isEmpty {
      let partitions = added.map(\.value)
      try await located(name.range) {
        try await engine.catalog(of: entry).addPartitions(partitions, to: entry.name, in: entry.database, ifNotExists: true)
      }
      lines += added.map { "Repair: Added partition to metastore \(entry.name):\($0.key)" }
    }
    if mode == .drop || mode == .sync, !missing.isEmpty {
      let values = missing.map(\.stored.values)
      try await located(name.range) { try await engine.catalog(of: entry).dropPartitions(values, of: entry.name, in: entry.database) }
      lines += missing.map { "Repair: Dropped partition from metastore \(entry.name):\($0.typed.name)" }
    }
    return textResult(["result"], lines.map { [$0] })
  }

  // MARK: SHOW PARTITIONS

  func runShowPartitions(_ name: QualifiedName, _ specification: PartitionSpecification?) async throws -> StatementResult {
    let entry = try await hiveTable(name)
    guard !entry.partitionKeys.isEmpty else {
      throw SQLError(
        .notSupported, "Table \(entry.database).\(entry.name) is not a partitioned table", range: name.range)
    }
    let keys = try ExternalTable.fields(entry.partitionKeys)
    let conditions = try specification.map { try partitionConditions($0, keys: keys) } ?? []
    let names: [String]
    if entry.parameters["projection.enabled"]?.lowercased() == "true" {
      names = try await located(name.range) { try await externalTable(entry).partitionNames() }
    } else {
      names = try await registered(entry, keys).filter { partition in
        conditions.allSatisfy { ScalarComparison.holds(partition.typed.values[$0.key], $0.comparison, $0.value) }
      }.map(\.typed.name)
    }
    return textResult(["partition"], names.sorted().map { [$0] })
  }

  // MARK: Tables and values

  /// A Hive-style table of the catalog; views and Iceberg tables are refused.
  private func hiveTable(_ name: QualifiedName) async throws -> CatalogTable {
    let (catalog, database, table) = try resolve(name)
    let entry = try await located(name.range) { try await catalog.table(table, in: database) }
    if entry.isIceberg {
      throw SQLError.notSupported("Query type not supported by Athena Iceberg at this time", range: name.range)
    }
    if entry.isView { throw SQLError(.notSupported, "'\(database).\(table)' is a view", range: name.range) }
    return entry
  }

  private func partitionedTable(_ name: QualifiedName) async throws -> (CatalogTable, keys: [Field]) {
    let entry = try await hiveTable(name)
    guard !entry.partitionKeys.isEmpty else {
      throw SQLError(.notSupported, "Table \(entry.database).\(entry.name) is not a partitioned table", range: name.range)
    }
    return (entry, try ExternalTable.fields(entry.partitionKeys))
  }

  private typealias Registered = (stored: CatalogPartition, typed: HivePartition)

  private func registered(_ entry: CatalogTable, _ keys: [Field]) async throws -> [Registered] {
    try await engine.catalog(of: entry).partitions(of: entry.name, in: entry.database).map { ($0, try HivePartition($0, keys: keys)) }
  }

  private func onePartition(
    _ specification: PartitionSpecification, _ keys: [Field], _ known: [Registered]
  ) throws -> CatalogPartition {
    let wanted = try partitionValues(specification, keys: keys)
    let typed = try HivePartition(CatalogPartition(values: wanted, location: ""), keys: keys)
    guard let found = known.first(where: { $0.typed.values == typed.values }) else {
      throw SQLError(.notFound, "Partition does not exist: \(typed.name)", range: specification.range)
    }
    return found.stored
  }

  private func defaultLocation(_ entry: CatalogTable, _ keys: [Field], _ values: [String]) -> String {
    Location(entry.storage.location ?? "").appending(HivePartition.name(keys.map(\.name), values) + "/").text
  }

  /// A value for every key, as text.
  private func partitionValues(_ specification: PartitionSpecification, keys: [Field]) throws(SQLError) -> [String] {
    var texts = [String?](repeating: nil, count: keys.count)
    for condition in try partitionConditions(specification, keys: keys) {
      guard condition.comparison == .equal else {
        throw SQLError(.syntaxError, "Only key = value can be written here", range: specification.range)
      }
      texts[condition.key] = condition.text
    }
    if let missing = texts.firstIndex(where: { $0 == nil }) {
      throw SQLError(
        .invalidPartitionBy, "The partition has no value for the partition column '\(keys[missing].name)'", range: specification.range)
    }
    return texts.map { $0 ?? HivePath.nullName }
  }

  private func partitionConditions(
    _ specification: PartitionSpecification, keys: [Field]
  ) throws(SQLError) -> [(key: Int, comparison: ComparisonOperator, value: Scalar, text: String)] {
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    var conditions: [(key: Int, comparison: ComparisonOperator, value: Scalar, text: String)] = []
    for entry in specification.entries {
      let name = entry.column.folded
      guard let key = keys.firstIndex(where: { $0.name == name }) else {
        throw SQLError(
          .columnNotFound, "Partition column '\(name)' does not exist", range: entry.column.range,
          hint: Suggestion.hint(for: name, among: keys.map(\.name)))
      }
      guard let expression = entry.value else {
        throw SQLError(.syntaxError, "Partition column '\(name)' has no value", range: entry.column.range)
      }
      let scalar = try binder.evaluateConstant(expression)
      let text = scalar.isNull ? HivePath.nullName : try plainText(scalar, expression.range)
      let value: Scalar
      do { value = try HivePartition.value(text, of: keys[key]) } catch { throw error.located(at: expression.range) }
      guard !conditions.contains(where: { $0.key == key && entry.comparison == .equal }) else {
        throw SQLError(.duplicateColumnName, "Partition column '\(name)' is given twice", range: entry.column.range)
      }
      conditions.append((key, entry.comparison, value, text))
    }
    return conditions
  }

  private func plainText(_ scalar: Scalar, _ range: SourceRange) throws(SQLError) -> String {
    if let text = scalar.text { return text }
    do {
      let column = try castColumn(.constant(scalar, count: 1), to: .varchar, isTry: false, context: context)
      return column.scalar(at: 0).text ?? HivePath.nullName
    } catch { throw SQLError(.typeMismatch, "A partition value cannot be \(scalar.type)", range: range) }
  }
}

import Catalogs
import Columnar
import Connectors
import Execution
import Functions
import Iceberg
import Planner
import SQLSyntax
import Storage

/// ANALYZE and `CALL system.compute_table_stats`: the distinct values of columns, counted by theta sketches into a statistics file of the table, as Trino
/// and Spark do. The optimiser, theirs and this one, estimates with them.
extension StatementRunner {
  func runAnalyze(_ analyze: AnalyzeStatement) async throws -> StatementResult {
    var columns: [(name: String, range: SourceRange)]?
    for property in analyze.properties {
      guard property.name.folded == "columns" else {
        throw SQLError(
          .invalidAnalyzeProperty, "Analyze property '\(property.name.folded)' does not exist", range: property.name.range, hint: "There is columns = ARRAY['a', 'b'].")
      }
      guard case .array(let elements) = property.value.kind else {
        throw SQLError(.invalidAnalyzeProperty, "columns must be an array of names", range: property.value.range)
      }
      columns = try elements.map { element in
        guard case .string(let name) = element.kind else {
          throw SQLError(.invalidAnalyzeProperty, "columns must be an array of names", range: element.range)
        }
        return (name.lowercased(), element.range)
      }
    }
    if let partition = analyze.partition {
      throw SQLError.notSupported("ANALYZE of one partition", range: partition.range, hint: "Statistics are of the whole table.")
    }
    switch analyze.scope {
    case .table, .allColumns: break
    case .columns(let names): columns = names.map { ($0.folded, $0.range) }
    // Counts of rows are in the table's metadata already.
    case .noScan: columns = []
    }
    guard let file = try await computeStatistics(of: analyze.name, columns: columns, snapshotID: nil, range: analyze.name.range) else {
      return StatementResult(notes: ["no values to count"])
    }
    return StatementResult(notes: ["statistics of \(file.blobs.count) columns written to \(file.path)"])
  }

  /// `compute_table_stats(table [, snapshot_id, columns])`
  func callComputeTableStatistics(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (table, values) = try arguments.tableAnd(["snapshot_id", "columns"], required: 0)
    let snapshotID = try values[0].map { try arguments.integer($0, "snapshot_id") }
    let columns = try values[1].map { argument in
      try arguments.words(argument, "columns").map { (name: $0.lowercased(), range: argument.range) }
    }
    let file = try await computeStatistics(of: table, columns: columns, snapshotID: snapshotID, range: arguments.range)
    return textResult(["statistics_file"], file.map { [[$0.path]] } ?? [])
  }

  /// `compute_partition_stats(table [, snapshot_id])`
  func callComputePartitionStatistics(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let (name, values) = try arguments.tableAnd(["snapshot_id"], required: 0)
    let snapshotID = try values[0].map { try arguments.integer($0, "snapshot_id") }
    let (entry, location) = try await icebergEntry(name)
    return try await located(arguments.range) {
      let metadata = try await icebergMetadata(entry)
      guard let snapshot = try metadata.scanTarget(snapshotID.map { .snapshot($0) } ?? .current).snapshot else {
        return textResult(["partition_statistics_file"], [])
      }
      let bytes = try await PartitionStatistics.make(of: snapshot, metadata, store: engine.store, context: context)
      let writer = icebergWriter(entry, at: location)
      let place = metadata.metadataFolder.appending("partition-stats-\(snapshot.id)-\(writer.makeUUID()).parquet")
      let file = PartitionStatisticsFile(snapshotID: snapshot.id, path: place.text, fileSize: Int64(bytes.count))
      try await store(bytes, at: place) {
        try await commit(MetadataChange { try $0.setting(file) }, to: entry, at: location, arguments.range)
      }
      return textResult(["partition_statistics_file"], [[file.path]])
    }
  }

  /// Writes a statistics file of a snapshot and commits it to the table.
  ///
  /// - Parameters:
  ///   - columns: names of top-level columns; nil takes all whose values can be counted.
  ///   - snapshotID: nil for the current one.
  /// - Returns: nil for a table without rows, or no columns: there is nothing to say.
  private func computeStatistics(
    of name: QualifiedName, columns: [(name: String, range: SourceRange)]?, snapshotID: Int64?, range: SourceRange
  ) async throws -> StatisticsFile? {
    let (entry, location) = try await icebergEntry(name)
    return try await located(range) {
      let metadata = try await icebergMetadata(entry)
      guard let snapshot = try metadata.scanTarget(snapshotID.map { .snapshot($0) } ?? .current).snapshot else { return nil }
      let table = try IcebergTable(
        metadata: metadata, version: snapshotID.map { .snapshot($0) } ?? .current, store: engine.store, footers: engine.footers)
      let counted = try Self.countedColumns(of: table, columns)
      guard !counted.isEmpty else { return nil }
      let sketches = try await sketches(of: table, name, counted)
      var puffin = PuffinWriter()
      for (column, sketch) in zip(counted, sketches) {
        puffin.add(
          sketch.bytes,
          PuffinFile.Blob(
            type: StatisticsFile.thetaSketch, fields: [table.fieldID(ofColumn: column.index)], snapshotID: snapshot.id,
            sequenceNumber: snapshot.sequenceNumber, properties: ["ndv": sketch.text]))
      }
      let (bytes, footerSize) = puffin.finish()
      let writer = icebergWriter(entry, at: location)
      let place = metadata.metadataFolder.appending("\(snapshot.id)-\(writer.makeUUID()).stats")
      let file = StatisticsFile(
        snapshotID: snapshot.id, path: place.text, fileSize: Int64(bytes.count), footerSize: Int64(footerSize), puffin.blobs)
      try await store(bytes, at: place) {
        try await commit(MetadataChange { try $0.setting(file) }, to: entry, at: location, range)
      }
      return file
    }
  }

  /// Stores a file that a commit names; it goes again when the commit fails.
  func store(_ bytes: [UInt8], at place: Location, committedBy commit: () async throws -> TableMetadata) async throws {
    do {
      _ = try await engine.store.write(place, ByteSlice(bytes), if: .ifAbsent)
      _ = try await commit()
    } catch {
      // After a commit of which nobody knows whether it happened the table may name it; a name that repeats may be another statement's file.
      let isOthers = (error as? StorageError)?.kind == .alreadyExists
      if SQLError(wrapping: error).code != .icebergCommitStateUnknown, !isOthers {
        do { try await engine.store.delete([place]) } catch {
          // What cannot be removed is an orphan that no reader sees.
        }
      }
      throw error
    }
  }

  private struct CountedColumn {
    var index: Int
    var function: ResolvedAggregate
  }

  private static func countedColumns(
    of table: IcebergTable, _ names: [(name: String, range: SourceRange)]?
  ) throws(SQLError) -> [CountedColumn] {
    let fields = table.schema.fields
    guard let names else {
      return fields.indices.compactMap { index in ThetaSketch.aggregate(of: fields[index].type).map { CountedColumn(index: index, function: $0) } }
    }
    var columns: [CountedColumn] = []
    for (name, range) in names {
      guard let index = fields.firstIndex(where: { $0.name.lowercased() == name }) else {
        throw SQLError(
          .columnNotFound, "Column '\(name)' does not exist", range: range, hint: Suggestion.hint(for: name, among: fields.map(\.name)))
      }
      guard let function = ThetaSketch.aggregate(of: fields[index].type) else {
        throw SQLError.notSupported("statistics of column '\(name)' of type \(fields[index].type)", range: range)
      }
      if !columns.contains(where: { $0.index == index }) { columns.append(CountedColumn(index: index, function: function)) }
    }
    return columns
  }

  private func sketches(
    of table: IcebergTable, _ name: QualifiedName, _ columns: [CountedColumn]
  ) async throws -> [(bytes: [UInt8], text: String)] {
    let fields = table.schema.fields
    let scan = ScanNode(
      table: table, tableName: name.spelling, tableColumns: columns.map(\.index),
      columns: columns.map { OutputColumn(name: fields[$0.index].name, type: fields[$0.index].type) }, range: name.range)
    let calls = columns.enumerated().map { position, column in
      AggregateCall(
        function: column.function, arguments: [.column(position, fields[column.index].type, name.range)], name: fields[column.index].name,
        range: name.range)
    }
    let plan = LogicalPlan.aggregate(AggregateNode(input: .scan(scan), keys: [], groupingSets: [[]], aggregates: calls))
    var sketches: [(bytes: [UInt8], text: String)] = []
    for try await batch in try await executor.execute(plan) {
      for column in batch.columns {
        guard case .bytes(let bytes) = column.scalarValue(at: 0), let sketch = ThetaSketch(bytes: bytes) else { continue }
        sketches.append((bytes, "\(Int64(sketch.estimate.rounded()))"))
      }
    }
    return sketches
  }
}

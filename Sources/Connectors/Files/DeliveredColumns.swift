import Columnar
import Functions
import Parquet

/// Makes the columns that a scan delivers from those that stand in a data file.
struct DeliveredColumns {
  private let sources: [ParquetColumnSource]
  private let columns: [StoredColumn]
  private let file: String
  private let projection: SchemaProjection
  /// Positions of the file's columns that must be read, each once.
  let stored: [Int]
  /// For every delivered column its place in `stored`; nil when it does not come from the file.
  let slots: [Int?]

  init(_ sources: [ParquetColumnSource], stored columns: [StoredColumn], file: String, _ context: QueryContext) {
    self.sources = sources
    self.columns = columns
    self.file = file
    let hasIDs = columns.contains(where: \.hasFieldIDs)
    projection = SchemaProjection(hasIDs: hasIDs, context: context)
    var stored: [Int] = []
    var slots: [Int?] = []
    for source in sources {
      let position: Int? =
        switch source {
        case .file(let wanted, _), .lineage(let wanted, _): wanted.match.find(in: columns, hasIDs: hasIDs)
        case .constant, .rowPosition: nil
        }
      guard let position else {
        slots.append(nil)
        continue
      }
      if let known = stored.firstIndex(of: position) {
        slots.append(known)
      } else {
        slots.append(stored.count)
        stored.append(position)
      }
    }
    self.stored = stored
    self.slots = slots
  }

  /// Like `slots`, but nil also for columns whose stored NULLs stand for other values: statistics say nothing about what is delivered.
  var slotsWithStatistics: [Int?] {
    zip(sources, slots).map { source, slot in if case .lineage = source { nil } else { slot } }
  }

  /// - Parameters:
  ///   - batch: the columns `stored` names.
  ///   - firstRow: the row of the file with which the batch begins.
  func deliver(_ batch: Batch, firstRow: Int) throws -> Batch {
    var delivered: [Column] = []
    delivered.reserveCapacity(sources.count)
    for (index, source) in sources.enumerated() {
      switch source {
      case .constant(let scalar): delivered.append(.constant(scalar, count: batch.count))
      case .rowPosition: delivered.append(Self.ascending(from: Int64(firstRow), count: batch.count))
      case .file(let wanted, let missing):
        let column = try project(batch, slots[index], wanted)
        if column == nil, wanted.isRequired, missing.isNull { throw lacking(wanted) }
        delivered.append(column ?? .constant(missing, count: batch.count))
      case .lineage(let wanted, let inherited):
        delivered.append(
          Self.filled(try project(batch, slots[index], wanted), inherited, firstRow: firstRow, count: batch.count))
      }
    }
    return Batch(columns: delivered, count: batch.count)
  }

  private func project(_ batch: Batch, _ slot: Int?, _ wanted: ParquetColumnSource.FileColumn) throws -> Column? {
    guard let slot else { return nil }
    let column = columns[stored[slot]]
    do { return try projection.project(batch.columns[slot], column, to: wanted) } catch {
      throw ParquetError(
        .unsupported, "the file's type \(column.type) cannot be read as \(wanted.type): \(error.message)", file: file,
        column: column.name)
    }
  }

  private func lacking(_ wanted: ParquetColumnSource.FileColumn) -> ParquetError {
    let name =
      switch wanted.match {
      case .name(let name): "'\(name)'"
      case .fieldID(let id): "with field id \(id)"
      case .fieldIDOrNames(let id, let names): "\(names.first.map { "'\($0)'" } ?? "") with field id \(id)"
      case .position(let position): "number \(position)"
      }
    return ParquetError(.corrupt, "the file lacks the required column \(name), which has no default", file: file)
  }

  /// A bigint column `first, first + 1, ...`.
  static func ascending(from first: Int64, count: Int) -> Column {
    let values = Buffer(byteCount: count * 8)
    let target = values.base.assumingMemoryBound(to: Int64.self)
    for row in 0..<count { target[row] = first &+ Int64(row) }
    return Column(type: .bigint, count: count, values: values)
  }

  /// A stored bigint column whose NULLs take what the row inherits.
  private static func filled(
    _ column: Column?, _ inherited: ParquetColumnSource.Inherited, firstRow: Int, count: Int
  ) -> Column {
    let first: Int64
    let step: Int64
    switch inherited {
    case .rowID(let id): (first, step) = (id &+ Int64(firstRow), 1)
    case .constant(let value): (first, step) = (value, 0)
    }
    guard let column else {
      return step == 0 ? .constant(.bigint(first), count: count) : ascending(from: first, count: count)
    }
    if column.hasNoValidity { return column }
    let view = ColumnView(column)
    let source = view.pointer(as: Int64.self)
    let values = Buffer(byteCount: count * 8)
    let target = values.base.assumingMemoryBound(to: Int64.self)
    for row in 0..<count { target[row] = view.isValid(row) ? source[view.index(row)] : first &+ step &* Int64(row) }
    return Column(type: .bigint, count: count, values: values)
  }
}

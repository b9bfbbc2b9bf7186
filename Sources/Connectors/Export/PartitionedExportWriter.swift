import Columnar
import Functions
import Planner
import Storage

/// The rows of one worker by partition: a file in each `key=value` folder.
final class PartitionedExportWriter: BatchWriter {
  private let write: FileExportWrite
  private let context: QueryContext
  private let fields: [Field]
  private var open: [[UInt8]: OpenPartition] = [:]
  private var uses = 0
  private var rowCount = 0

  private struct OpenPartition {
    var file: any ExportFile
    var lastUse: Int
  }

  /// Files one worker keeps open; beyond it the one that got rows longest ago is finished, and later rows get another.
  private static let openLimit = 100
  /// Rows held in memory over all open files; beyond it the fullest is flushed.
  private static let pendingLimit = 256 << 20

  init(_ write: FileExportWrite, _ context: QueryContext) {
    self.write = write
    self.context = context
    fields = Array(write.target.fileFields)
  }

  func write(_ batch: Batch) throws {
    guard batch.count > 0 else { return }
    let contents = Batch(columns: Array(batch.columns.prefix(fields.count)), count: batch.count)
    let values = try batch.columns.suffix(write.target.partitionColumnCount).map {
      $0.type == .varchar ? $0 : try castColumn($0, to: .varchar, isTry: false, context: context)
    }
    let groups = PartitionGroups(values, rowCount: batch.count)
    for group in groups.all {
      let key = groups.key(group)
      let rows = group.rows
      let part =
        rows.count == batch.count
        ? contents
        : Batch(
          columns: contents.columns.map { column in
            rows.withUnsafeBufferPointer { rows in
              guard let base = rows.baseAddress else { return column.slice(0, 0) }
              return column.take(base, count: rows.count)
            }
          }, count: rows.count)
      try file(for: key, firstRow: Int(rows[0]), values).write(part)
    }
    rowCount += batch.count
    try limitMemory()
  }

  private func file(for key: [UInt8], firstRow: Int, _ values: [Column]) throws -> any ExportFile {
    uses += 1
    if let known = open[key] {
      open[key]?.lastUse = uses
      return known.file
    }
    if open.count >= Self.openLimit, let oldest = open.min(by: { $0.value.lastUse < $1.value.lastUse }) {
      open[oldest.key] = nil
      try finish(oldest.value.file)
    }
    let folder = write.folder(ofPartition: values.map { $0.scalar(at: firstRow).text })
    let file = try write.target.format.open(write.nextFile(in: folder), fields, store: write.store, context)
    open[key] = OpenPartition(file: file, lastUse: uses)
    return file
  }

  private func limitMemory() throws {
    guard open.values.reduce(0, { $0 + $1.file.pendingByteCount }) > Self.pendingLimit else { return }
    try open.values.max { $0.file.pendingByteCount < $1.file.pendingByteCount }?.file.flush()
  }

  private func finish(_ file: any ExportFile) throws {
    do { ProgressCounters.add(try file.finish(), to: context.progress.bytesWritten) } catch {
      file.abort()
      throw error
    }
  }

  func finish() throws -> any WrittenFiles {
    // In the order of their names, so that failures are the same in every run.
    for key in open.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      guard let partition = open.removeValue(forKey: key) else { continue }
      try finish(partition.file)
    }
    return ExportedFiles(rowCount: rowCount)
  }

  func abort() {
    for partition in open.values { partition.file.abort() }
    open = [:]
  }
}

/// The rows of a batch by the texts of their partition columns, groups in order of first appearance.
private struct PartitionGroups {
  struct Group {
    var rows: [UInt32]
    fileprivate var keyIndex: Int
  }

  private(set) var all: [Group] = []
  private var keys: [[UInt8]] = []

  init(_ columns: [Column], rowCount: Int) {
    let views = columns.map(ColumnView.init)
    if views.allSatisfy(\.isConstant) {
      keys = [Self.key(views, 0)]
      all = [Group(rows: (0..<UInt32(rowCount)).map { $0 }, keyIndex: 0)]
      return
    }
    var places: [[UInt8]: Int] = [:]
    var last: (key: [UInt8], group: Int)?
    for row in 0..<rowCount {
      let key = Self.key(views, row)
      // Rows of one partition usually stand together.
      if let last, last.key == key {
        all[last.group].rows.append(UInt32(row))
        continue
      }
      let group: Int
      if let known = places[key] {
        group = known
      } else {
        group = all.count
        places[key] = group
        keys.append(key)
        all.append(Group(rows: [], keyIndex: keys.count - 1))
      }
      all[group].rows.append(UInt32(row))
      last = (key, group)
    }
    withExtendedLifetime(columns) {}
  }

  func key(_ group: Group) -> [UInt8] { keys[group.keyIndex] }

  /// Lengths keep values of neighbouring columns apart; NULL is a length of its own.
  private static func key(_ views: [ColumnView], _ row: Int) -> [UInt8] {
    var key: [UInt8] = []
    for view in views {
      guard view.isValid(row) else {
        key += [0xFF, 0xFF, 0xFF, 0xFF]
        continue
      }
      let text = StringView.buffer(at: view.pointer(as: StringView.self) + view.index(row))
      withUnsafeBytes(of: UInt32(text.count).bigEndian) { key += $0 }
      key += text
    }
    return key
  }
}

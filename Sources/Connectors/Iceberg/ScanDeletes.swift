import Columnar
import Iceberg
import Planner
import Storage
import Synchronization

/// The deletes that apply to one data file.
struct SplitDeletes: Sendable {
  /// Of the data file, as the manifest spells it: position delete files name it so.
  let path: String
  let sequenceNumber: Int64
  fileprivate(set) var vector: SharedValue<PositionSet>?
  fileprivate(set) var positionFiles: [SharedValue<PositionDeletes>] = []
  fileprivate(set) var equality: [(keys: [EqualityKey], table: SharedValue<EqualityDeletes>)] = []
  /// Rows that the statement itself takes away.
  fileprivate var taken: PositionSet?
  /// Columns of the data file that `equality` compares, group after group.
  fileprivate(set) var keySources: [ParquetColumnSource] = []

  /// Loads the deletes before anybody asks for them; a failure is kept for who does.
  func load(_ context: QueryContext) {
    _ = try? vector?.value(context)
    for file in positionFiles { _ = try? file.value(context) }
    for group in equality { _ = try? group.table.value(context) }
  }

  /// The rows that are deleted by position; nil when there are none.
  func positions(_ context: QueryContext) throws -> PositionSet? {
    var all = taken ?? PositionSet()
    if let vector {
      all.formUnion(try vector.value(context))
      return all
    }
    for file in positionFiles {
      if let positions = try file.value(context).positions[path] { all.formUnion(positions) }
    }
    return all.isEmpty ? nil : all
  }
}

/// The delete files of one scan. Each is read once, by the first split that needs it.
struct ScanDeletes {
  private let metadata: TableMetadata
  private let files: DataFileOpener
  private let mapping: NameMapping?
  private var positionFiles: [String: SharedValue<PositionDeletes>] = [:]
  private var groups: [Int: (keys: [EqualityKey], table: SharedValue<EqualityDeletes>)] = [:]

  init(_ tasks: [FileScanTask], _ metadata: TableMetadata, files: DataFileOpener) throws {
    self.metadata = metadata
    self.files = files
    mapping = try metadata.nameMapping
    // A group serves tasks of several ages: it must hold the deletes of all of them.
    var members: [Int: [String: FileScanTask.Delete]] = [:]
    for delete in tasks.lazy.flatMap(\.deletes) {
      if let group = delete.group { members[group, default: [:]][delete.file.path] = delete }
    }
    for (group, deletes) in members {
      groups[group] = try equalityGroup(deletes.values.sorted { $0.file.path < $1.file.path })
    }
  }

  /// The deletes of a file, and rows that are to be left out besides.
  mutating func deletes(for task: FileScanTask, and taken: PositionSet) throws -> SplitDeletes {
    var result = try deletes(for: task) ?? SplitDeletes(path: task.file.path, sequenceNumber: task.sequenceNumber)
    result.taken = taken
    return result
  }

  /// - Returns: nil when the file has none.
  mutating func deletes(for task: FileScanTask) throws -> SplitDeletes? {
    guard !task.deletes.isEmpty else { return nil }
    var result = SplitDeletes(path: task.file.path, sequenceNumber: task.sequenceNumber)
    var seen: Set<Int> = []
    for delete in task.deletes {
      if let number = delete.group {
        guard seen.insert(number).inserted, let group = groups[number] else { continue }
        result.equality.append(group)
        for key in group.keys { result.keySources.append(key.source(task)) }
      } else if delete.file.isDeletionVector {
        result.vector = SharedValue { [files] _ in try DeletionVector.read(delete.file, from: files.store) }
      } else {
        result.positionFiles.append(positionFile(delete.file))
      }
    }
    return result
  }

  private mutating func positionFile(_ file: DataFile) -> SharedValue<PositionDeletes> {
    if let known = positionFiles[file.path] { return known }
    let made = SharedValue { [files] context in
      try PositionDeletes(files.open(file, PositionDeletes.sources, context))
    }
    positionFiles[file.path] = made
    return made
  }

  private func equalityGroup(_ deletes: [FileScanTask.Delete]) throws -> (keys: [EqualityKey], table: SharedValue<EqualityDeletes>) {
    var keys: [EqualityKey] = []
    for id in deletes[0].file.equalityIDs.sorted() {
      keys.append(try EqualityKey(id, metadata, mapping, file: deletes[0].file.path))
    }
    let table = SharedValue { [files, keys] context in
      let sources = keys.map { $0.source(nil) }
      var loaded: [(sequence: Int64, batches: [Batch])] = []
      for delete in deletes {
        let reader = try files.open(delete.file, sources, context)
        var batches: [Batch] = []
        while let batch = try reader.next() {
          batches.append(
            Batch(
              columns: zip(batch.columns, keys).map { EqualityKey.leaf(of: $0, depth: $1.depth) }, count: batch.count))
        }
        loaded.append((delete.sequenceNumber, batches))
      }
      return try EqualityDeletes(types: keys.map(\.type), files: loaded, context)
    }
    return (keys, table)
  }
}

/// One column of an equality delete's key.
struct EqualityKey: Sendable {
  /// Type of the compared value: that of the field now, or when it was last in a schema.
  let type: SQLType
  /// Structs around the field.
  let depth: Int
  private let column: ParquetColumnSource.FileColumn
  private let field: IcebergField

  init(_ id: Int32, _ metadata: TableMetadata, _ mapping: NameMapping?, file: String) throws {
    guard let path = metadata.path(toID: id), let leaf = path.last, !leaf.type.isNested else {
      throw IcebergError(.corrupt, "equality deletes name field \(id), which is no primitive field of any schema", file: file)
    }
    type = try leaf.type.sqlType()
    depth = path.count - 1
    field = path[0]
    // Structs are narrowed to the one field that counts.
    var narrowed = leaf
    for parent in path.dropLast().reversed() {
      guard case .structure = parent.type else {
        throw IcebergError(.unsupported, "equality deletes on field \(id) inside a list or map are not supported", file: file)
      }
      var outer = parent
      outer.type = .structure([narrowed])
      narrowed = outer
    }
    column = try FileColumns(mapping).column(narrowed)
  }

  /// Where the column, or the struct around it, comes from in a data file; nil is a delete file.
  func source(_ task: FileScanTask?) -> ParquetColumnSource {
    let missing = depth == 0 ? task.flatMap { $0.identityValues[field.id] } : nil
    return .file(
      column, missing: missing ?? Scalar(column.type, task == nil || depth > 0 ? .null : field.initialDefault ?? .null))
  }

  /// The compared values of a delivered column: NULL where a struct around them is.
  static func leaf(of column: Column, depth: Int) -> Column {
    (0..<depth).reduce(column) { parent, _ in parent.field(0) }
  }
}

/// A value made by the first thread that asks for it; others wait. A failure is kept, too.
final class SharedValue<Value: Sendable>: Sendable {
  private let state = Mutex<Result<Value, any Error>?>(nil)
  private let make: @Sendable (QueryContext) throws -> Value

  init(_ make: @escaping @Sendable (QueryContext) throws -> Value) { self.make = make }

  func value(_ context: QueryContext) throws -> Value {
    try state.withLock { state in
      if let state { return state }
      let made = Result { try make(context) }
      state = made
      return made
    }.get()
  }
}

package import Catalogs
package import Columnar
import Parquet
package import Planner
package import Storage
import Synchronization
import TextFormats

/// Writes the rows of a statement as files of a folder: each worker its own, each with a name nobody else uses.
///
/// Files become visible as their writers finish; when anything fails, `abort` removes them all.
package final class FileExportWrite: PartitionedWrite {
  let target: ExportTarget
  let store: any ObjectStore
  private let context: QueryContext
  private let state: Mutex<State>
  /// A query whose rows come in order is written by one worker; the others then encode columns for it.
  fileprivate let helpers: EncodingHelpers

  private struct State {
    var nextFile = 0
    var random: FileNameGenerator
    /// Finished or about to be: what `abort` removes.
    var files: [Location] = []
    /// By name.
    var newPartitions: [String: CatalogPartition] = [:]
  }

  package init(_ target: ExportTarget, store: any ObjectStore, context: QueryContext) throws {
    try target.format.check(target.fileFields)
    helpers = EncodingHelpers(workerCount: context.workerCount)
    var target = target
    if case .parquet(var options) = target.format {
      options.runParallel = helpers.runParallel
      target.format = .parquet(options)
    }
    self.target = target
    self.store = store
    self.context = context
    state = Mutex(State(random: FileNameGenerator(seed: context.seed.map { $0 &+ context.nextRandomStream() &+ target.salt })))
  }

  /// Locations of all files, in the order they were begun.
  package var files: [Location] { state.withLock { $0.files } }

  /// Partitions with files that were not among `ExportTarget.partitionFolders`, by name.
  package var newPartitions: [CatalogPartition] {
    state.withLock { state in state.newPartitions.sorted { $0.key < $1.key }.map(\.value) }
  }

  /// The folder of a partition, by the texts of its values.
  func folder(ofPartition values: [String?]) -> Location {
    let segments = zip(target.partitionFields, values).map { HivePath.segment($0.name, $1) }
    let name = segments.joined(separator: "/")
    if let known = target.partitionFolders[name] { return known }
    let folder = target.folder.appending(name)
    let partition = CatalogPartition(
      values: values.map { $0.flatMap { $0.isEmpty ? nil : $0 } ?? HivePath.nullName }, location: folder.folderText)
    state.withLock { $0.newPartitions[name] = partition }
    return folder
  }

  /// A name for the next file below `folder`; names sort in the order they were given out.
  func nextFile(in folder: Location) -> Location {
    state.withLock { state in
      let number = String(state.nextFile)
      state.nextFile += 1
      let padded = String(repeating: "0", count: max(0, 5 - number.count)) + number
      let file = folder.appending("part-\(padded)-\(state.random.next())\(target.format.fileExtension)")
      state.files.append(file)
      return file
    }
  }

  package func makeWriter(_ context: QueryContext) throws -> any BatchWriter {
    helpers.writerStarted()
    return target.partitionColumnCount > 0 ? PartitionedExportWriter(self, context) : try PlainExportWriter(self, context)
  }

  package func partitionCount(of written: [any WrittenFiles]) -> Int {
    // Files of a partition are in its folder.
    Set(files.map { $0.text.prefix(upTo: $0.text.lastIndex(of: "/") ?? $0.text.startIndex) }).count
  }

  package func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary {
    if written.isEmpty, target.writesEmptyFile, target.partitionColumnCount == 0 {
      do {
        let file = try target.format.open(nextFile(in: target.folder), Array(target.fileFields), store: store, context)
        _ = try file.finish()
      } catch {
        await abort(written)
        throw error
      }
    }
    return WriteSummary(rowCount: written.reduce(0) { $0 + $1.rowCount }, fileCount: files.count)
  }

  package func abort(_ written: [any WrittenFiles]) async {
    // Best effort: the statement's own error is what the user must see.
    try? await store.delete(files)
    guard !target.keepsFolder, let rest = try? await store.listAll(target.folder), rest.isEmpty else { return }
    // Only folders are left, which were made for the files.
    try? await store.deleteFolder(target.folder)
  }
}

/// Rows written by one worker; the files are known to the `FileExportWrite`.
struct ExportedFiles: WrittenFiles {
  var rowCount: Int
}

/// All rows of one worker in one file.
private final class PlainExportWriter: BatchWriter {
  private let file: any ExportFile
  private let context: QueryContext
  private let helpers: EncodingHelpers
  private var rowCount = 0

  init(_ write: FileExportWrite, _ context: QueryContext) throws {
    self.context = context
    helpers = write.helpers
    file = try write.target.format.open(
      write.nextFile(in: write.target.folder), Array(write.target.fileFields), store: write.store, context)
  }

  func write(_ batch: Batch) throws {
    try file.write(batch)
    rowCount += batch.count
  }

  func finish() throws -> any WrittenFiles {
    ProgressCounters.add(try file.finish(), to: context.progress.bytesWritten)
    helpers.writerFinished()
    return ExportedFiles(rowCount: rowCount)
  }

  func abort() { file.abort() }
}

/// Random parts of file names: 16 hexadecimal digits.
private struct FileNameGenerator {
  private var state: UInt64

  /// - Parameter seed: the same seed gives the same names; nil draws from the system.
  init(seed: UInt64?) {
    var system = SystemRandomNumberGenerator()
    state = seed ?? system.next()
  }

  mutating func next() -> String {
    // SplitMix64 (Steele, Lea, Flood 2014).
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    value ^= value >> 31
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

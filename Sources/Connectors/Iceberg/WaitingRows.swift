import Columnar
import Iceberg
import Storage

/// Rows that one worker has taken but not written: fewer than a row group for each partition.
///
/// ```
/// worker 1: a ▓▓▓ b ▓        ┐
/// worker 2: a ▓▓  b ▓▓  c ▓  ┘ ─ commit ─▶ one file for a, one for b, one for c
/// ```
/// Full row groups have gone to the worker's own files before; routing every row to one writer by its partition would cost a copy of all
/// of them and leave workers idle where partitions are few.
final class WaitingRows: Sendable {
  struct Partition: Sendable {
    let key: [UInt8]
    let values: [Scalar]
    let batches: [Batch]
  }

  let partitions: [Partition]
  let context: QueryContext
  /// Given back when the rows are.
  private let reservation: MemoryReservation

  init(_ partitions: [Partition], _ context: QueryContext, _ reservation: consuming MemoryReservation) {
    self.partitions = partitions
    self.context = context
    self.reservation = reservation
  }

  /// Cuts partitions into shares of about as many rows, to be written side by side; all rows of a partition are in one.
  fileprivate static func shares(_ partitions: [Partition], count: Int) -> [[Partition]] {
    let byKey = Dictionary(grouping: partitions, by: \.key).sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    var shares = [(rows: Int, partitions: [Partition])](repeating: (0, []), count: max(1, min(count, byKey.count)))
    for same in byKey {
      let index = shares.indices.min { shares[$0].rows < shares[$1].rows } ?? 0
      shares[index].rows += same.reduce(0) { $0 + $1.batches.reduce(0) { $0 + $1.count } }
      shares[index].partitions += same
    }
    return shares.map(\.partitions)
  }
}

extension IcebergWritePlan {
  /// The data files of a statement: those of its workers, and those of the rows they left.
  ///
  /// - Throws: what writing throws; nothing that the statement wrote is left then.
  func files(of written: [IcebergWrittenFiles]) async throws -> [DataFile] {
    let files = written.flatMap(\.files)
    let waiting = written.compactMap(\.waiting)
    guard let context = waiting.first?.context else { return files }
    let shares = WaitingRows.shares(waiting.flatMap(\.partitions), count: context.workerCount)
    let results = await withTaskGroup(of: (Int, Result<[DataFile], any Error>).self) { group in
      for (index, share) in shares.enumerated() {
        group.addTask {
          do {
            return (index, try await BlockingPool.shared.run { () throws(StorageError) in Result { try self.write(share, context) } })
          } catch { return (index, .failure(error)) }
        }
      }
      var results: [Int: Result<[DataFile], any Error>] = [:]
      for await (index, result) in group { results[index] = result }
      return results
    }
    do { return try shares.indices.reduce(into: files) { $0 += try results[$1]?.get() ?? [] } } catch {
      await removeFiles()
      throw error
    }
  }

  private func write(_ partitions: [WaitingRows.Partition], _ context: QueryContext) throws -> [DataFile] {
    let writer = try IcebergBatchWriter(self, context, leavesRows: false)
    do {
      for partition in partitions {
        for batch in partition.batches {
          try context.cancellation.check()
          try writer.append([PartitionRouter.Piece(key: partition.key, values: partition.values, batch: batch)])
        }
      }
      return try writer.finishFiles().files
    } catch {
      writer.abort()
      throw error
    }
  }
}

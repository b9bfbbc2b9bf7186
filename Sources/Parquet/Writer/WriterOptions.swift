package import Compression

/// How a file is written. The defaults suit Iceberg tables read by Athena, Spark, Trino, DuckDB and pyarrow.
package struct ParquetWriterOptions: Sendable {
  package var codec: Codec = .zstd
  /// nil takes the codec's default (zstd 3, gzip 6).
  package var compressionLevel: Int?
  /// Column chunks that compression makes less than this share smaller (random doubles) are stored as they are: they are written and
  /// read several times faster. 0 compresses everything.
  package var minimumSaving = 0.05
  /// A row group is written when its values are estimated to reach this many bytes uncompressed, or so many rows.
  package var rowGroupBytes = 128 << 20
  package var rowGroupRows = 1 << 20
  /// Uncompressed bytes a data page aims at, and rows it holds at most.
  package var pageBytes = 1 << 20
  package var pageRows = 20_000
  package var usesDictionary = true
  /// Stored bytes of a dictionary; beyond them values are written plainly.
  package var dictionaryBytes = 1 << 20
  package var writesStatistics = true
  /// Column index and offset index.
  package var writesPageIndex = true
  /// Leaves that get a Bloom filter, by dotted path with the inner groups of lists and maps (`a.list.element`).
  package var bloomFilterPaths: Set<String> = []
  package var bloomFilterRate = 0.01
  package var bloomFilterBytes = 1 << 20
  package var writesChecksums = false
  package var usesDataPageV2 = false
  package var createdBy = "Frazil version 0.1.0 (build 0)"
  package var keyValues: [KeyValue] = []
  /// Name of the schema's root.
  package var rootName = "table"
  /// Lengths of `fixed` columns, by field id: varbinary columns that are stored as fixed byte arrays.
  package var fixedLengths: [Int32: Int] = [:]
  /// Runs `body(0), …, body(count - 1)`, some at the same time, and returns when all are done. nil runs them one by one.
  package var runParallel: (@Sendable (_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> Void)?

  package init() {}
}

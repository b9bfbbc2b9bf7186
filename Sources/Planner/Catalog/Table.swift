package import Columnar

/// The waist between the engine and table formats: what the engine knows of a table.
package protocol Table: Sendable {
  /// The visible columns, in `SELECT *` order.
  var schema: Schema { get }
  /// Columns only reachable by name (`"$path"`, `"$file_modified_time"`); their indices follow those of `schema`.
  var hiddenColumns: [Field] { get }
  var statistics: TableStatistics { get }
  /// Equal only for tables with the same rows in the same columns, within one statement; nil when that cannot be told.
  var identity: String? { get }
  /// Chooses the files and row groups to read. Errors are the format's own and are wrapped by the engine.
  func planScan(_ request: ScanRequest) async throws -> any Scan
  /// Prepares a write; tables that cannot be written throw. Nothing is visible before `commit`.
  func beginWrite(_ kind: WriteKind) async throws -> any TableWrite
  /// The exact number of rows from metadata alone, when that can be told (no deletes, no predicate).
  func exactRowCount() async throws -> Int?
  /// What metadata tells of the visible columns, in their order.
  func columnStatistics() async throws -> [ColumnStatistics]
  /// The columns that find a row again when it is changed, as indices of hidden columns; nil when rows cannot be changed.
  var rowIdentity: [Int]? { get }
  /// What a row gets in a visible column that a statement gives no value for.
  func defaultValue(ofColumn index: Int) -> Scalar
}

extension Table {
  package var hiddenColumns: [Field] { [] }
  package var statistics: TableStatistics { TableStatistics() }
  package var identity: String? { nil }
  package func exactRowCount() async throws -> Int? { nil }
  package func columnStatistics() async throws -> [ColumnStatistics] { schema.fields.map { _ in ColumnStatistics() } }
  package var rowIdentity: [Int]? { nil }
  package func defaultValue(ofColumn index: Int) -> Scalar { .null(schema.fields[index].type) }

  /// The field at an index that counts visible columns first, then hidden ones.
  package func field(at index: Int) -> Field {
    index < schema.count ? schema.fields[index] : hiddenColumns[index - schema.count]
  }
}

/// Estimates for the optimiser; nil is unknown.
package struct TableStatistics: Sendable {
  package var rowCount: Int?
  package var byteCount: Int?
  /// Different values by visible column, NULL not counted.
  package var distinctCounts: [Int: Double]
  package init(rowCount: Int? = nil, byteCount: Int? = nil, distinctCounts: [Int: Double] = [:]) {
    self.rowCount = rowCount
    self.byteCount = byteCount
    self.distinctCounts = distinctCounts
  }
}

/// What metadata tells of one column, for SHOW STATS; nil is unknown.
package struct ColumnStatistics: Sendable {
  /// Bytes of its values in files.
  package var byteCount: Double?
  package var distinctCount: Double?
  package var nullFraction: Double?
  package var low: Scalar?
  package var high: Scalar?
  package init(byteCount: Double? = nil, distinctCount: Double? = nil, nullFraction: Double? = nil, low: Scalar? = nil, high: Scalar? = nil) {
    self.byteCount = byteCount
    self.distinctCount = distinctCount
    self.nullFraction = nullFraction
    self.low = low
    self.high = high
  }
}

/// What a scan must deliver, and what it may leave out.
package struct ScanRequest: Sendable {
  /// Columns to deliver, in this order, as indices into `schema.fields + hiddenColumns`.
  package var columns: [Int]
  /// Conjuncts that every wanted row satisfies; column indices as in `columns`' numbering (table indices). A scan uses them to
  /// skip files, row groups and pages. It may deliver rows that fail them: the engine filters again.
  package var predicates: [ColumnPredicate]
  /// Rows after which the engine will stop asking, when known.
  package var limit: Int?

  package init(columns: [Int], predicates: [ColumnPredicate] = [], limit: Int? = nil) {
    self.columns = columns
    self.predicates = predicates
    self.limit = limit
  }
}

/// A condition on one column that metadata can be tested against. Rows where the column is NULL fail all but `isNull`.
package struct ColumnPredicate: Sendable, Hashable {
  package enum Test: Sendable, Hashable {
    case equal(Scalar)
    case notEqual(Scalar)
    case less(Scalar)
    case lessOrEqual(Scalar)
    case greater(Scalar)
    case greaterOrEqual(Scalar)
    case oneOf([Scalar])
    case isNull
    case isNotNull
    /// `LIKE 'prefix%'`: text that starts with these bytes.
    case startsWith(Scalar)
  }
  /// Index into `schema.fields + hiddenColumns` of the table.
  package var column: Int
  /// Scalars have the column's type.
  package var test: Test

  package init(column: Int, test: Test) {
    self.column = column
    self.test = test
  }
}

/// The files and row groups of one scan.
package protocol Scan: Sendable {
  /// Morsels: each is read by one worker from begin to end.
  var splits: [any Split] { get }
  /// What was skipped and why, for EXPLAIN: `("files skipped by partition", 12)`.
  var notes: [ScanNote] { get }
  /// Opens one morsel; synchronous from here on, on the engine's worker threads. Batches have the requested columns in order.
  func open(_ split: any Split, _ context: QueryContext) throws -> any SplitReader
  /// Begins to read what the first rows of a morsel need, when it lies far away. Blocks meanwhile; errors show when the morsel is opened.
  func prefetch(_ split: any Split, _ context: QueryContext)
  /// How many morsels ahead `prefetch` pays; 0 where bytes are near.
  var prefetchDepth: Int { get }
  /// The same morsel when only rows that satisfy `predicates` too are wanted; others may still come. `column` is a position among the
  /// requested columns.
  func narrowed(_ split: any Split, by predicates: [ColumnPredicate]) -> any Split
  /// At most `pieces` morsels that together are this one, for more workers than the scan has morsels; the morsel itself where that does
  /// not pay, as when each piece would cost requests of its own.
  func divided(_ split: any Split, into pieces: Int) -> [any Split]
}

extension Scan {
  package var prefetchDepth: Int { 0 }
  package func prefetch(_ split: any Split, _ context: QueryContext) {}
  package func divided(_ split: any Split, into pieces: Int) -> [any Split] { [split] }
  package func narrowed(_ split: any Split, by predicates: [ColumnPredicate]) -> any Split { split }
}

package struct ScanNote: Sendable, Hashable {
  package var label: String
  package var count: Int
  package init(_ label: String, _ count: Int) {
    self.label = label
    self.count = count
  }
}

/// One morsel: a row group of a file, a byte range, a generated block.
package protocol Split: Sendable {
  var byteCount: Int { get }
  /// What EXPLAIN ANALYZE and errors call it: a file path and row group.
  var label: String { get }
}

package protocol SplitReader: AnyObject {
  /// The next rows, nil at the end. Batches may be smaller or larger than `batchCapacity`, never empty.
  func next() throws -> Batch?
  /// What was skipped inside the split (row groups, pages), known after the last batch.
  var notes: [ScanNote] { get }
}

extension SplitReader {
  package var notes: [ScanNote] { [] }
}

package enum WriteKind: Sendable {
  /// INSERT INTO: adds rows.
  case append
  /// INSERT OVERWRITE and the like: new rows take the place of others.
  case overwrite(ReplacedRows)
  /// DELETE, UPDATE, MERGE: takes batches with the columns of a `BoundRowChange`.
  case rowChange(RowChange)
}

/// The rows that INSERT OVERWRITE replaces.
package enum ReplacedRows: Sendable {
  case all
  /// Those whose columns (by table index) have these values, NULL being a value.
  case having([Int: Scalar])
  /// All rows of the partitions that new rows fall into.
  case writtenPartitions
}

/// A write in progress: workers write files, one commit makes them visible.
package protocol TableWrite: Sendable {
  /// A writer for one worker; takes batches with the table's visible columns in order.
  func makeWriter(_ context: QueryContext) throws -> any BatchWriter
  /// Makes everything the writers finished visible, atomically. On error nothing is visible and no file is left
  /// (except when the outcome of the commit is unknown).
  func commit(_ written: [any WrittenFiles]) async throws -> WriteSummary
  /// Removes what the writers left.
  func abort(_ written: [any WrittenFiles]) async
}

/// A write of new rows into partitions.
package protocol PartitionedWrite: TableWrite {
  /// Different partitions of what the writers finished.
  func partitionCount(of written: [any WrittenFiles]) -> Int
}

package protocol BatchWriter: AnyObject {
  func write(_ batch: Batch) throws
  /// Closes the files; the result is opaque to the engine.
  func finish() throws -> any WrittenFiles
  /// Closes and removes what was written so far.
  func abort()
}

package protocol WrittenFiles: Sendable {
  var rowCount: Int { get }
}

package struct WriteSummary: Sendable {
  package var rowCount: Int
  package var fileCount: Int
  package init(rowCount: Int, fileCount: Int) {
    self.rowCount = rowCount
    self.fileCount = fileCount
  }
}

import Columnar
public import SQLSyntax

/// What one statement gave: rows to iterate, and what changed.
public struct StatementResult: Sendable {
  /// Empty for statements that give no rows.
  public let columns: [ResultColumn]
  /// The rows, to be iterated once. A query runs while it is iterated; its errors arrive there.
  public let rows: ResultStream
  /// Rows written by INSERT and its like; nil for other statements.
  public let rowsAffected: Int?
  /// What the user should know besides: where UNLOAD put its files, warnings.
  public let notes: [String]

  init(columns: [ResultColumn] = [], rows: ResultStream = .empty, rowsAffected: Int? = nil, notes: [String] = []) {
    self.columns = columns
    self.rows = rows
    self.rowsAffected = rowsAffected
    self.notes = notes
  }

  func adding(notes more: [String]) -> StatementResult {
    more.isEmpty ? self : StatementResult(columns: columns, rows: rows, rowsAffected: rowsAffected, notes: notes + more)
  }

  /// All rows at once; for results known to be small.
  public func allRows() async throws(SQLError) -> [[ResultValue]] {
    var all: [[ResultValue]] = []
    for try await batch in rows { all += batch.rows }
    return all
  }
}

/// The batches of a result, in order. Cancelling the task that iterates cancels the query, which then throws USER_CANCELED.
public struct ResultStream: AsyncSequence, Sendable {
  public typealias Element = ResultBatch
  public typealias Failure = SQLError
  typealias Pull = @Sendable () async throws(SQLError) -> ResultBatch?

  private let makePull: @Sendable () -> Pull

  init(_ makePull: @escaping @Sendable () -> Pull) { self.makePull = makePull }

  static let empty = ResultStream { { () async throws(SQLError) in nil } }

  /// Batches that are known already.
  static func of(_ batches: [ResultBatch]) -> ResultStream {
    ResultStream {
      let cursor = BatchCursor(batches)
      return { () async throws(SQLError) in cursor.next() }
    }
  }

  func mapErrors(_ transform: @escaping @Sendable (SQLError) -> SQLError) -> ResultStream {
    let makePull = makePull
    return ResultStream {
      let pull = makePull()
      return { () async throws(SQLError) in
        do throws(SQLError) { return try await pull() } catch { throw transform(error) }
      }
    }
  }

  public func makeAsyncIterator() -> Iterator { Iterator(pull: makePull()) }

  public struct Iterator: AsyncIteratorProtocol {
    public typealias Failure = SQLError
    let pull: Pull

    public mutating func next() async throws(SQLError) -> ResultBatch? { try await pull() }
    public mutating func next(isolation actor: isolated (any Actor)?) async throws(SQLError) -> ResultBatch? { try await pull() }
  }
}

private final class BatchCursor: @unchecked Sendable {  // used by one iterator at a time
  private var remaining: ArraySlice<ResultBatch>
  init(_ batches: [ResultBatch]) { remaining = batches[...] }
  func next() -> ResultBatch? { remaining.popFirst() }
}

/// How far the running statement is.
public struct Progress: Sendable {
  /// What an engine elsewhere says it is doing: `queued`, `running`; nil for statements that run here.
  public internal(set) var stage: String?
  public internal(set) var splitsDone = 0
  public internal(set) var splitsTotal = 0
  /// Data files that OPTIMIZE or `rewrite_data_files` has read, of those it will write again; zero for other statements.
  public internal(set) var filesDone = 0
  public internal(set) var filesTotal = 0
  /// Their sizes.
  public internal(set) var fileBytesDone = 0
  public internal(set) var fileBytesTotal = 0
  public internal(set) var rowsRead = 0
  public internal(set) var bytesRead = 0
  public internal(set) var rowsWritten = 0
  public internal(set) var bytesSpilled = 0
}

/// One statement of a script.
public struct ScriptStatement: Sendable {
  /// The script that it stands in; ranges of the statement and of its errors count from its start.
  let script: String
  public let range: SourceRange
  let content: Content

  enum Content: Sendable {
    case statement(Statement)
    /// What stands here is no statement.
    case mistake(SQLError)
  }

  /// What it is called in messages: `SELECT`, `CREATE TABLE`; nil when it is no statement.
  public var kindName: String? {
    if case .statement(let statement) = content { statement.kindName } else { nil }
  }

  /// As written, without the `;`.
  public var text: String { script.cut(range) }
}

extension String {
  /// The text at a range of UTF-8 offsets.
  func cut(_ range: SourceRange) -> String {
    let bytes = utf8
    let start = bytes.index(bytes.startIndex, offsetBy: min(range.lowerBound, bytes.count))
    let end = bytes.index(bytes.startIndex, offsetBy: min(range.upperBound, bytes.count))
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }
}

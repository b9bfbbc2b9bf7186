import Columnar
import JSONText
import SQLSyntax
import Storage

/// One statement on a coordinator, from its POST to the answer without `nextUri`.
// SAFETY: `@unchecked Sendable` because one reader uses it, call after call.
final class TrinoQuery: @unchecked Sendable {
  private let engine: TrinoEngine
  private let text: String
  private let call: RemoteCall
  private let context = QueryContext()
  private var types: [SQLType] = []
  private(set) var columns: [ResultColumn] = []
  private(set) var updateType: String?
  private(set) var updateCount: Int?
  private var pending: JSONValue?
  private var next: HTTPURL?
  private var id = ""

  init(engine: TrinoEngine, text: String, _ call: RemoteCall) {
    self.engine = engine
    self.text = text
    self.call = call
  }

  var isDone: Bool { next == nil }

  func start() async throws(SQLError) { try take(try await engine.post(text)) }

  /// Fetches the next answer. The coordinator holds it back for a second when there is nothing new.
  func advance() async throws(SQLError) {
    guard let uri = next else { return }
    try call.checkCancellation()
    let start = ContinuousClock.now
    try take(try await call.asking { [engine] () async throws(SQLError) in try await engine.get(uri) })
    // One that does not hold its answers back is not asked without pause.
    if next != nil, pending == nil, start.duration(to: .now) < .milliseconds(20) { await engine.sleep(milliseconds: 50) }
  }

  func dropRows() { pending = nil }

  /// Rows as they come.
  func stream() -> ResultStream {
    ResultStream {
      { () async throws(SQLError) in
        do throws(SQLError) {
          while true {
            if let batch = try self.takeBatch() { return batch }
            if self.isDone { return nil }
            try await self.advance()
          }
        } catch {
          await self.call.abandon()
          throw error
        }
      }
    }
  }

  private func take(_ response: HTTPResponse) throws(SQLError) {
    var problem: SQLError?
    do throws(JSONError) {
      let root = try JSONDocument(response.body.array).root
      id = try root.optionalString("id") ?? id
      next = nil
      if let uri = try root.optionalString("nextUri") {
        guard let url = HTTPURL(uri) else { throw JSONError(.wrongType, "nextUri is no URL", at: root.offset) }
        next = url
        call.begin { [engine] in await engine.delete(url) }
      } else {
        call.end()
      }
      if let stats = root.present("stats") { try report(stats) }
      updateType = try root.optionalString("updateType") ?? updateType
      updateCount = try root.optionalInt64("updateCount").map { Int(clamping: $0) } ?? updateCount
      if columns.isEmpty, let described = root.present("columns") {
        for column in try described.requireElements() {
          let signature = try column.requireString("type")
          types.append(RemoteColumns.type(signature))
          columns.append(ResultColumn(name: try column.requireString("name"), type: signature))
        }
        if columns.count == 1, ["Query Plan", "Create Table", "Create View"].contains(columns[0].name) {
          columns[0] = ResultColumn(name: columns[0].name, type: columns[0].type, isLaidOut: true)
        }
      }
      pending = root.present("data")
      if let error = root.present("error") { problem = try failure(error) }
    } catch {
      throw SQLError(.genericExternal, "the answer of the coordinator to \(id.isEmpty ? "a statement" : id): \(error)")
    }
    if let problem { throw problem }
  }

  private func report(_ stats: JSONValue) throws(JSONError) {
    func count(_ key: String) throws(JSONError) -> Int { Int(clamping: try stats.optionalInt64(key) ?? 0) }
    var progress = Progress()
    progress.stage = try stats.optionalString("state").map { "Trino: \($0.lowercased())" }
    progress.splitsDone = try count("completedSplits")
    progress.splitsTotal = try count("totalSplits")
    progress.rowsRead = try count("processedRows")
    progress.bytesRead = max(try count("physicalInputBytes"), try count("processedBytes"))
    call.report(progress)
  }

  private func failure(_ error: JSONValue) throws(JSONError) -> SQLError {
    let kind = try error.optionalString("errorType").flatMap(ErrorKind.init(rawValue:)) ?? .external
    let code = try error.optionalString("errorName").map { ErrorCode($0, kind) } ?? .genericExternal
    return RemoteFailure.error(try error.optionalString("message") ?? "", code: code, in: text, note: "Trino's query id is \(id)")
  }

  // MARK: Rows

  private func takeBatch() throws(SQLError) -> ResultBatch? {
    guard let data = pending else { return nil }
    pending = nil
    var values = types.map { _ in [JSONValue]() }
    var count = 0
    do throws(JSONError) {
      for row in try data.requireElements() {
        var index = 0
        for value in try row.requireElements() {
          if index < values.count { values[index].append(value) }
          index += 1
        }
        guard index == values.count else { throw JSONError(.wrongType, "a row has \(index) values for \(values.count) columns", at: row.offset) }
        count += 1
      }
    } catch {
      throw SQLError(.genericExternal, "the rows of \(id): \(error)")
    }
    guard count > 0 else { return nil }
    var built: [Column] = []
    for (index, type) in types.enumerated() { built.append(try TrinoValues.column(values[index], type, context)) }
    return ResultBatch(Batch(columns: built, count: count), columns: columns)
  }
}

import Columnar
import JSONText
import SQLSyntax

/// The result of one execution, page by page, in Frazil's types.
///
/// Athena says the base name of every type; elements of arrays, maps and rows are not known, so these stay the text they come as. The precision of a
/// timestamp is seen from its digits.
///
/// - Source: Athena API Reference, GetQueryResults.
// SAFETY: `@unchecked Sendable` because one reader uses it, call after call.
final class AthenaPages: @unchecked Sendable {
  struct Page {
    var rows: [[String?]]
    var updateCount: Int?
  }

  private let client: AthenaClient
  private let execution: String
  private let hasHeader: Bool
  private let context = QueryContext()
  private var types: [String] = []
  private var precisions: [(Int, Int)] = []
  private(set) var columns: [ResultColumn] = []
  private var token: String?
  private var isFirst = true
  private var isDone = false

  init(client: AthenaClient, execution: String, hasHeader: Bool) {
    self.client = client
    self.execution = execution
    self.hasHeader = hasHeader
  }

  /// - Returns: nil when there is none left.
  func next(_ call: RemoteCall) async throws(SQLError) -> Page? {
    if isDone { return nil }
    try call.checkCancellation()
    let (execution, token) = (execution, token)
    let answer = try await call.asking { [client] () async throws(SQLError) in
      try await client.call("GetQueryResults") { json in
        json.member("QueryExecutionId", execution)
        if let token { json.member("NextToken", token) }
      }
    }
    let page: Page
    do throws(JSONError) { page = try read(answer) } catch {
      throw SQLError(.genericExternal, "the answer of Athena GetQueryResults: \(error)")
    }
    let following = answer["NextToken"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    guard following == nil || following != token else {
      throw SQLError(.genericExternal, "Athena GetQueryResults gives the same page for ever")
    }
    self.token = following
    isFirst = false
    if following == nil {
      isDone = true
      call.end()
    }
    return page
  }

  private func read(_ answer: JSONValue) throws(JSONError) -> Page {
    let set = try answer.require("ResultSet")
    if isFirst, let described = set.present("ResultSetMetadata")?.present("ColumnInfo") {
      for info in try described.requireElements() {
        types.append(try info.requireString("Type").lowercased())
        precisions.append((Int(clamping: try info.optionalInt64("Precision") ?? 0), Int(clamping: try info.optionalInt64("Scale") ?? 0)))
        let label = try info.optionalString("Label")
        let name = if let label { label } else { try info.requireString("Name") }
        columns.append(ResultColumn(name: name, type: types[types.count - 1]))
      }
    }
    var rows: [[String?]] = []
    for row in try set.requireElements("Rows") {
      var values: [String?] = []
      for datum in try row.requireElements("Data") { values.append(try datum.optionalString("VarCharValue")) }
      // DESCRIBE lays out its columns in one value.
      if values.count == 1, columns.count > 1, let text = values[0] {
        values = text.split(separator: "\t", omittingEmptySubsequences: false).map { Self.withoutPadding($0) }
      }
      while values.count < columns.count { values.append(nil) }
      rows.append(values)
    }
    if isFirst, hasHeader, let first = rows.first, first == columns.map(\.name) { rows.removeFirst() }
    if isFirst {
      // The widest precision seen so far names the column's type.
      let named = columns.indices.map { index in
        let type = type(index, rows)
        return ResultColumn(name: columns[index].name, type: Self.isNested(types[index]) ? types[index] : "\(type)", isLaidOut: isLaidOut)
      }
      columns = named
    }
    return Page(rows: rows, updateCount: try answer.optionalInt64("UpdateCount").map { Int(clamping: $0) })
  }

  /// Plans and CREATE statements, line by line.
  private var isLaidOut: Bool {
    columns.count == 1 && ["query plan", "createtab_stmt", "create view"].contains(columns[0].name.lowercased())
  }

  /// The first page, and those that follow, as a result.
  func stream(from first: Page, _ call: RemoteCall) -> ResultStream {
    ResultStream {
      let cursor = Cursor(first)
      return { () async throws(SQLError) in
        do throws(SQLError) {
          var page = cursor.take()
          while true {
            if page == nil { page = try await self.next(call) }
            guard let current = page else { return nil }
            if !current.rows.isEmpty { return try self.batch(current) }
            page = nil
          }
        } catch {
          await call.abandon()
          throw error
        }
      }
    }
  }

  private func batch(_ page: Page) throws(SQLError) -> ResultBatch {
    var built: [Column] = []
    for index in columns.indices {
      let texts = page.rows.map { $0[index] }
      if types[index] == "varbinary" {
        built.append(RemoteColumns.column(binary: try texts.map { text throws(SQLError) in try text.map(Self.bytes) }))
      } else {
        built.append(try RemoteColumns.column(texts, type(index, page.rows), context))
      }
    }
    return ResultBatch(Batch(columns: built, count: page.rows.count), columns: columns)
  }

  // MARK: Types

  private func type(_ index: Int, _ rows: [[String?]]) -> SQLType {
    let (precision, scale) = precisions[index]
    switch types[index] {
    case "float": return .real
    case "decimal": return (1...38).contains(precision) && (0...precision).contains(scale) ? .decimal(precision: precision, scale: scale) : .varchar
    case "varchar", "string": return .varchar
    case "char": return (1...65_536).contains(precision) ? .char(length: precision) : .varchar
    case "timestamp": return .timestamp(precision: Self.fractionDigits(rows, index))
    case "timestamp with time zone": return .timestampTZ(precision: Self.fractionDigits(rows, index))
    case "time": return .time(precision: Self.fractionDigits(rows, index))
    case let name where Self.isNested(name): return .varchar
    case let name: return RemoteColumns.type(name)
    }
  }

  private static func isNested(_ type: String) -> Bool { ["array", "map", "row", "struct"].contains(type) }

  /// Every value of a column has as many.
  private static func fractionDigits(_ rows: [[String?]], _ index: Int) -> Int {
    var most = 0
    for row in rows {
      guard let text = row[index], let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { continue }
      most = max(most, text.utf8[text.utf8.index(after: dot)...].prefix { $0 >= 0x30 && $0 <= 0x39 }.count)
    }
    return most == 0 ? 3 : min(most, 9)
  }

  /// `31 32 0a`
  private static func bytes(_ text: String) throws(SQLError) -> [UInt8] {
    var bytes: [UInt8] = []
    for pair in text.split(separator: " ") {
      guard pair.utf8.count == 2, let byte = UInt8(pair, radix: 16) else {
        throw SQLError(.genericExternal, "a varbinary that Athena sent is not written as hexadecimal bytes")
      }
      bytes.append(byte)
    }
    return bytes
  }

  private static func withoutPadding(_ text: Substring) -> String {
    var text = text
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }

  // SAFETY: `@unchecked Sendable` because one reader uses it, call after call.
  private final class Cursor: @unchecked Sendable {
    private var first: Page?
    init(_ first: Page) { self.first = first }
    func take() -> Page? {
      defer { first = nil }
      return first
    }
  }
}

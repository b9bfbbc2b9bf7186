import Catalogs
import JSONText
import SQLSyntax
import Storage
import Synchronization

/// Runs statements on a Trino coordinator.
///
///     POST /v1/statement        the text; the answer has nextUri
///     GET nextUri …             columns, rows and how far it is, until there is no nextUri
///     DELETE nextUri            ends it early
///
/// What SET SESSION, USE, PREPARE and START TRANSACTION change comes back in headers, and goes along with every later statement.
///
/// - Source: trino.io, "Trino client REST API".
final class TrinoEngine: RemoteEngine {
  struct Context: Sendable {
    var catalog: String?
    var schema: String?
    var path: String?
    var user: String
    var properties: [String: String] = [:]
    var roles: [String: String] = [:]
    /// The texts of prepared statements by name, as they were sent back.
    var prepared: [String: String] = [:]
    var transaction: String?
  }

  private let base: HTTPURL
  private let http: HTTPClient
  private let authorization: String?
  private let context: Mutex<Context>

  let name = "Trino"
  let billsScans = false

  /// - Parameters:
  ///   - url: `https://host:8443/catalog/schema`.
  ///   - environment: `TRINO_USER` (else `USER`), `TRINO_PASSWORD` or `TRINO_ACCESS_TOKEN`, which are sent over https only.
  init(url text: String, http: HTTPClient, environment: [String: String]) throws(SQLError) {
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    guard var url = HTTPURL(text), url.query.isEmpty else {
      throw SQLError(.invalidArguments, "'\(text)' is no address of a coordinator", hint: "trino=https://host:8443/catalog/schema; the user is TRINO_USER.")
    }
    let parts = url.path.split(separator: "/").map { PercentEncoding.decoded(String($0)) }
    guard parts.count <= 2 else {
      throw SQLError(.invalidArguments, "the path of '\(text)' has more than a catalog and a schema")
    }
    url.path = "/"
    base = url
    self.http = http
    let user = variable("TRINO_USER") ?? variable("USER") ?? "frazil"
    if let token = variable("TRINO_ACCESS_TOKEN") {
      authorization = "Bearer " + token
    } else {
      authorization = variable("TRINO_PASSWORD").map { "Basic " + Base64.encode(Array("\(user):\($0)".utf8)) }
    }
    guard authorization == nil || url.scheme == "https" || url.isLoopback else {
      throw SQLError(.invalidArguments, "a password or token is not sent over plain http to \(url.authority)", hint: "Use https, or unset TRINO_PASSWORD and TRINO_ACCESS_TOKEN.")
    }
    context = Mutex(Context(catalog: parts.first, schema: parts.count > 1 ? parts[1] : nil, user: user))
  }

  func violations(_ statement: Statement) -> [SQLError] { TrinoRules.violations(statement) }

  func run(_ text: String, _ statement: Statement, _ call: RemoteCall) async throws(SQLError) -> StatementResult {
    try call.checkCancellation()
    let query = TrinoQuery(engine: self, text: text, call)
    try await query.start()
    // Rows come with columns; what changes something has its count at the end.
    while query.columns.isEmpty, !query.isDone { try await query.advance() }
    let isQuery = Self.givesRows(statement) && query.updateType == nil
    guard isQuery, !query.columns.isEmpty else {
      while !query.isDone {
        query.dropRows()
        try await query.advance()
      }
      return StatementResult(rowsAffected: query.updateCount)
    }
    return StatementResult(columns: query.columns, rows: query.stream())
  }

  private static func givesRows(_ statement: Statement) -> Bool {
    switch statement.kind {
    case .insert, .update, .delete, .merge, .createTable: false
    default: true
    }
  }

  // MARK: Requests

  func post(_ text: String) async throws(SQLError) -> HTTPResponse {
    var url = base
    url.path = "/v1/statement"
    return try await send(HTTPRequest(.post, url, headers: headers, body: ByteSlice(Array(text.utf8))))
  }

  func get(_ uri: HTTPURL) async throws(SQLError) -> HTTPResponse { try await send(HTTPRequest(.get, uri)) }

  func delete(_ uri: HTTPURL) async {
    // Nothing more can be done when it is not taken: the coordinator ends by itself what nobody asks about.
    _ = try? await send(HTTPRequest(.delete, uri))
  }

  func sleep(milliseconds: Int) async { await http.sleep(milliseconds: milliseconds) }

  /// A statement whose answer was lost is not sent again: it may have run. Asking for a page again is harmless.
  private func send(_ request: HTTPRequest) async throws(SQLError) -> HTTPResponse {
    var request = request
    // Keys go to the coordinator that was named, wherever an answer may point.
    if let authorization, request.url.authority == base.authority, request.url.scheme == base.scheme { request.headers["Authorization"] = authorization }
    request.headers["X-Trino-User"] = context.withLock { $0.user }
    let place = "\(request.method.rawValue) \(request.url.path) at \(request.url.authority)"
    let reply: AWSRequestSender.Reply
    do throws(AWSCallError) {
      let sender = AWSRequestSender(http: http, credentials: nil, retry: RetryPolicy(attempts: 10))
      reply = try await sender.send(request, signer: SigV4Signer(service: "trino", region: ""), isRepeatable: request.method.isIdempotent)
    } catch {
      let isOpen = error.mayHaveTakenEffect && !request.method.isIdempotent
      throw SQLError(
        .genericExternal, "\(place): \(error.message)",
        hint: isOpen ? "The statement was sent and no answer came: it may have run. Look before you send it again." : nil)
    }
    let response = reply.response
    switch response.status {
    case 200, 204: break
    case 401, 403:
      throw SQLError(
        .permissionDenied, "\(place) answered HTTP status \(response.status)", hint: "TRINO_USER with TRINO_PASSWORD, or TRINO_ACCESS_TOKEN, say who you are.")
    default:
      let text = String(decoding: response.body.array.prefix(300), as: UTF8.self)
      throw SQLError(.genericExternal, "\(place) answered HTTP status \(response.status)" + (text.isEmpty ? "" : ": \(text)"))
    }
    context.withLock { $0.take(response.headers) }
    return response
  }

  /// - Source: "Trino client REST API", "Client request headers".
  private var headers: HTTPHeaders {
    let context = context.withLock { $0 }
    var headers = HTTPHeaders([
      ("X-Trino-Source", "frazil"), ("X-Trino-Client-Capabilities", "PATH,PARAMETRIC_DATETIME"), ("X-Trino-Time-Zone", "UTC"),
      ("X-Trino-Transaction-Id", context.transaction ?? "NONE"), ("Content-Type", "text/plain; charset=utf-8"),
    ])
    headers["X-Trino-Catalog"] = context.catalog
    headers["X-Trino-Schema"] = context.schema
    headers["X-Trino-Path"] = context.path
    func list(_ name: String, _ pairs: [String: String], isEncoded: Bool = false) {
      for (key, value) in pairs.sorted(by: { $0.key < $1.key }) {
        headers.append(name, isEncoded ? "\(key)=\(value)" : "\(PercentEncoding.encoded(key))=\(PercentEncoding.encoded(value))")
      }
    }
    list("X-Trino-Session", context.properties)
    list("X-Trino-Role", context.roles)
    list("X-Trino-Prepared-Statement", context.prepared, isEncoded: true)
    return headers
  }
}

extension TrinoEngine.Context {
  /// - Source: "Trino client REST API", "Client response headers".
  mutating func take(_ headers: HTTPHeaders) {
    for field in headers.fields {
      let value = field.value
      switch field.name.asciiLowercased {
      case "x-trino-set-catalog": catalog = value
      case "x-trino-set-schema": schema = value
      case "x-trino-set-path": path = value
      case "x-trino-set-authorization-user": user = value
      case "x-trino-set-session": for (name, value) in Self.pairs(value) { properties[PercentEncoding.decoded(name)] = PercentEncoding.decoded(value, plusIsSpace: true) }
      case "x-trino-clear-session": properties[value] = nil
      case "x-trino-set-role": for (name, value) in Self.pairs(value) { roles[PercentEncoding.decoded(name)] = PercentEncoding.decoded(value, plusIsSpace: true) }
      case "x-trino-added-prepare": for (name, value) in Self.pairs(value) { prepared[name] = value }
      case "x-trino-deallocated-prepare": prepared[value] = nil
      case "x-trino-started-transaction-id": transaction = value
      case "x-trino-clear-transaction-id": transaction = nil
      default: break
      }
    }
  }

  private static func pairs(_ text: String) -> [(String, String)] {
    text.split(separator: ",").compactMap { pair in
      guard let split = pair.firstIndex(of: "=") else { return nil }
      return (pair[..<split].trimmingSpaces, pair[pair.index(after: split)...].trimmingSpaces)
    }
  }
}

extension Substring {
  fileprivate var trimmingSpaces: String {
    var text = self
    while text.first == " " { text = text.dropFirst() }
    while text.last == " " { text = text.dropLast() }
    return String(text)
  }
}

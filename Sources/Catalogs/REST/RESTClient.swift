import JSONText
import Storage
import Synchronization

/// Speaks to one REST catalog: its configuration, asked once, and requests with what it wants to see in them.
final class RESTClient: Sendable {
  /// What the catalog said of itself.
  struct Session: Sendable {
    /// Its defaults, then ours, then what it insists on.
    let properties: [String: String]
    let authorization: RESTAuthorization
    /// `https://host/api`
    let address: HTTPURL
    /// `https://host/api/v1/prefix`
    let base: HTTPURL
    /// Nil when the catalog does not say what it offers.
    let endpoints: Set<String>?

    /// Whether an endpoint is offered; where nothing is said, the specification's basic set is, which is what it is for tables and namespaces.
    func offers(_ endpoint: String, basic: Bool) -> Bool { endpoints?.contains(endpoint) ?? basic }
  }

  let catalog: String
  let aws: AWSAccess
  private let uri: HTTPURL
  private let properties: [String: String]
  private let session = Mutex<Task<Result<Session, CatalogError>, Never>?>(nil)

  init(catalog: String, uri: HTTPURL, properties: [String: String], aws: AWSAccess) {
    self.catalog = catalog
    self.uri = uri
    self.properties = properties
    self.aws = aws
  }

  // MARK: Configuration

  func openSession() async throws(CatalogError) -> Session {
    let task = session.withLock { session in
      let task = session ?? Task(executorPreference: StorageExecutor.shared) { [self] in
        do throws(CatalogError) { return .success(try await configure()) } catch { return .failure(error) }
      }
      session = task
      return task
    }
    switch await task.value {
    case .success(let opened): return opened
    case .failure(let error):
      // The next statement asks again.
      session.withLock { if $0 == task { $0 = nil } }
      throw error
    }
  }

  private func configure() async throws(CatalogError) -> Session {
    let first = Session(
      properties: properties, authorization: try RESTAuthorization(properties, catalog: catalog, uri: uri, aws: aws),
      address: uri, base: uri.appending("/v1"), endpoints: nil)
    let query = properties["warehouse"].map { [HTTPURL.QueryItem("warehouse", $0)] } ?? []
    let reply = try await request(RESTRequest(.get, ["config"], query: query), first)
    guard reply.failure == nil, let root = reply.body?.root else { throw reply.error(.none, catalog) }
    do throws(JSONError) {
      func map(_ key: String) throws(JSONError) -> [String: String] { try root.present(key)?.requireStringMap() ?? [:] }
      let overrides = try map("overrides")
      let effective = try map("defaults").merging(properties) { $1 }.merging(overrides) { $1 }
      var endpoints: Set<String>?
      if let list = root.present("endpoints") {
        endpoints = []
        for element in try list.requireElements() { endpoints?.insert(try element.requireString()) }
      }
      var address = uri
      if let text = overrides["uri"] {
        guard let url = HTTPURL(text) else { throw JSONError(.wrongType, "the override 'uri' is no URL", at: root.offset) }
        address = url
      }
      let prefix = effective["prefix"].map { "/" + $0 } ?? ""
      return Session(
        properties: effective, authorization: try authorization(effective, after: first, at: address), address: address,
        base: address.appending("/v1" + prefix), endpoints: endpoints)
    } catch {
      throw CatalogError(.corrupt, "catalog '\(catalog)': the answer to GET \(reply.place): \(error)")
    }
  }

  /// The first one, with the token it has got already, unless the configuration changes who asks.
  private func authorization(_ effective: [String: String], after first: Session, at address: HTTPURL) throws(JSONError) -> RESTAuthorization {
    let keys = ["token", "credential", "scope", "oauth2-server-uri", "rest.sigv4-enabled", "rest.signing-name", "rest.signing-region"]
    if keys.allSatisfy({ effective[$0] == properties[$0] }) { return first.authorization }
    do throws(CatalogError) { return try RESTAuthorization(effective, catalog: catalog, uri: address, aws: aws) } catch {
      throw JSONError(.wrongType, error.message, at: 0)
    }
  }

  // MARK: Requests

  func send(_ request: RESTRequest) async throws(CatalogError) -> RESTReply {
    try await self.request(request, try await openSession())
  }

  private func request(_ request: RESTRequest, _ session: Session) async throws(CatalogError) -> RESTReply {
    var url = request.address ?? session.base.appending("/" + request.path.map { PercentEncoding.encoded($0) }.joined(separator: "/"))
    url.query += request.query
    let place = "\(url.scheme)://\(url.authority)\(url.path)"
    var message = HTTPRequest(request.method, url, headers: HTTPHeaders([("Accept", "application/json")]))
    if let body = request.body {
      message.body = ByteSlice(body)
      message.headers["Content-Type"] = "application/json"
    }
    for (key, value) in session.properties where key.hasPrefix("header.") { message.headers[String(key.dropFirst("header.".count))] = value }
    for (key, value) in request.headers where message.headers[key] == nil { message.headers[key] = value }
    let isSigned = session.authorization.signer != nil && request.token == nil
    var sender = AWSRequestSender(http: aws.http, credentials: isSigned ? aws.credentials : nil, clock: aws.clock)
    sender.takesUnavailableAsRefusal = false
    let signer = session.authorization.signer ?? SigV4Signer(service: "", region: "")
    var hasRenewed = false
    while true {
      var token = request.token
      if token == nil, !isSigned { token = try await session.authorization.bearer() }
      if let token { message.headers["Authorization"] = "Bearer " + token }
      let reply: AWSRequestSender.Reply
      do throws(AWSCallError) {
        reply = try await sender.send(message, signer: signer, isRepeatable: request.isRepeatable)
      } catch {
        let kind: CatalogError.Kind
        switch error.kind {
        case .credentials: kind = .permission
        case .transport, .cancelled: kind = error.mayHaveTakenEffect && !request.isRead ? .outcomeUnknown : .unavailable
        }
        throw CatalogError(
          kind, "catalog '\(catalog)': \(request.method.rawValue) \(place): \(error.message)",
          mayHappenLater: kind == .outcomeUnknown && error.isTimeOut)
      }
      if !hasRenewed, request.token == nil, [401, 419].contains(reply.response.status), session.authorization.forget(token) {
        hasRenewed = true
        continue
      }
      return RESTReply(reply, to: request, place)
    }
  }
}

struct RESTRequest: Sendable {
  var method: HTTPRequest.Method
  /// Segments below the prefix, not encoded.
  var path: [String]
  var query: [HTTPURL.QueryItem]
  var headers: [(String, String)]
  var body: [UInt8]?
  /// Where it goes instead of `path`.
  var address: HTTPURL?
  /// A bearer token instead of the catalog's own.
  var token: String?
  /// Whether it may be sent again after an answer was lost.
  var isRepeatable: Bool

  init(
    _ method: HTTPRequest.Method, _ path: [String], query: [HTTPURL.QueryItem] = [], headers: [(String, String)] = [], body: [UInt8]? = nil
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    isRepeatable = method.isIdempotent
  }

  /// - Parameter write: the members of the body's object.
  init(_ method: HTTPRequest.Method, _ path: [String], headers: [(String, String)] = [], write: (inout JSONWriter) -> Void) {
    var json = JSONWriter(style: .compact)
    json.object { write(&$0) }
    self.init(method, path, headers: headers, body: json.take())
  }

  var isRead: Bool { method == .get || method == .head }
}

/// An answer of a REST catalog.
struct RESTReply: Sendable {
  let status: Int
  /// Nil for an answer without a body, or with one that is no JSON.
  let body: JSONDocument?
  /// Nil for a success.
  let failure: Failure?
  /// An earlier attempt was sent and its answer lost.
  let followsLostAnswer: Bool
  /// Whether `Cache-Control` says that whoever asked may keep the answer.
  let mayBeKept: Bool
  let method: HTTPRequest.Method
  /// The URL without its query.
  let place: String

  struct Failure: Sendable {
    /// Such as `NoSuchTableException`; empty when the catalog does not say.
    var type: String
    var message: String
  }

  /// What a request was about, for the meaning of 404 and 409.
  enum Subject { case none, database(String), table(String, database: String) }

  init(_ reply: AWSRequestSender.Reply, to request: RESTRequest, _ place: String) {
    status = reply.response.status
    followsLostAnswer = reply.followsLostAnswer
    method = request.method
    mayBeKept = reply.response.headers["Cache-Control"]?.lowercased() == "private"
    self.place = place
    // A proxy's page in HTML says no more than the status.
    body = reply.response.body.isEmpty ? nil : try? JSONDocument(reply.response.body.array)
    if reply.response.isSuccess {
      failure = nil
    } else {
      let error = body?.root["error"]
      failure = Failure(type: error?["type"]?.string ?? "", message: error?["message"]?.string ?? reply.error?.message ?? "")
    }
  }

  func isFailure(_ type: String) -> Bool { failure?.type == type }

  /// The failure in the catalog's terms.
  func error(_ subject: Subject, _ catalog: String) -> CatalogError {
    let type = failure?.type ?? ""
    var text = "catalog '\(catalog)': \(method.rawValue) \(place) answered \(status)"
    if !type.isEmpty { text += " \(type)" }
    if let message = failure?.message, !message.isEmpty { text += ": " + message.prefix(500) }
    switch status {
    case 200..<300: return CatalogError(.corrupt, text + " without what belongs into it")
    case 404:
      switch (subject, type) {
      case (.table(_, let database), "NoSuchNamespaceException"), (.database(let database), _):
        return CatalogError(.databaseNotFound, "Schema '\(database)' does not exist")
      case (.table(let table, let database), _): return CatalogError(.tableNotFound, "Table '\(database).\(table)' does not exist")
      case (.none, _): return CatalogError(.refused, text)
      }
    case 409:
      switch (subject, type) {
      case (_, "NamespaceNotEmptyException"): return CatalogError(.databaseNotEmpty, text)
      case (_, "CommitFailedException"): return CatalogError(.versionConflict, text)
      case (.table(let table, let database), _): return CatalogError(.tableAlreadyExists, "Table '\(database).\(table)' already exists")
      case (.database(let database), _):
        return method == .delete
          ? CatalogError(.databaseNotEmpty, text) : CatalogError(.databaseAlreadyExists, "Schema '\(database)' already exists")
      case (.none, _): return CatalogError(.refused, text)
      }
    case 401, 403, 419: return CatalogError(.permission, text)
    case 406, 501: return CatalogError(.notSupported, text)
    case 429: return CatalogError(.unavailable, text)
    case 500...:
      let isRead = method == .get || method == .head
      // Gateways stop waiting before the catalog has ended.
      return CatalogError(isRead ? .unavailable : .outcomeUnknown, text, mayHappenLater: !isRead && (status == 502 || status == 504))
    default: return CatalogError(type == "NamespaceNotEmptyException" ? .databaseNotEmpty : .refused, text)
    }
  }
}

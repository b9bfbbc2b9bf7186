import JSONText
import Storage
import Synchronization

/// Who a REST catalog's requests come from: a bearer token that is given or got for client credentials, or AWS's signature.
///
/// - Source: Iceberg REST specification, `/v1/oauth/tokens`; RFC 6749 section 4.4; property names as in Java's and Python's clients.
final class RESTAuthorization: Sendable {
  private struct Token {
    var text: String
    /// Seconds since 1970 UTC; nil for one that says nothing of its end.
    var end: Int64?
  }

  private struct ClientCredentials {
    let id: String?
    let secret: String
    let server: HTTPURL
    let scope: String
    let extra: [(String, String)]
  }

  private let catalog: String
  private let fixed: String?
  private let client: ClientCredentials?
  /// Nil where requests are not signed.
  let signer: SigV4Signer?
  private let aws: AWSAccess
  private let token = Mutex<Token?>(nil)

  /// - Parameter properties: of the catalog; see docs/catalogs.md.
  init(_ properties: [String: String], catalog: String, uri: HTTPURL, aws: AWSAccess) throws(CatalogError) {
    self.catalog = catalog
    self.aws = aws
    fixed = properties["token"]
    if properties["rest.sigv4-enabled"]?.lowercased() == "true" {
      guard let region = properties["rest.signing-region"] ?? properties["client.region"] ?? aws.settings.region else {
        throw CatalogError(.refused, "catalog '\(catalog)' signs its requests, but no region is known; set rest.signing-region")
      }
      signer = SigV4Signer(service: properties["rest.signing-name"] ?? "execute-api", region: region)
    } else {
      signer = nil
    }
    guard let credential = properties["credential"], fixed == nil else {
      client = nil
      return
    }
    let server: HTTPURL
    if let text = properties["oauth2-server-uri"] {
      guard let url = HTTPURL(text) else { throw CatalogError(.refused, "oauth2-server-uri of catalog '\(catalog)' is no URL") }
      server = url
    } else {
      server = uri.appending("/v1/oauth/tokens")
    }
    let colon = credential.firstIndex(of: ":")
    client = ClientCredentials(
      id: colon.map { String(credential[..<$0]) }, secret: colon.map { String(credential[credential.index(after: $0)...]) } ?? credential,
      server: server, scope: properties["scope"] ?? "catalog",
      extra: ["audience", "resource"].compactMap { key in properties[key].map { (key, $0) } })
  }

  /// What goes into the `Authorization` header of a request that is not signed; nil for none.
  func bearer() async throws(CatalogError) -> String? {
    if let fixed { return fixed }
    guard let client else { return nil }
    let now = aws.clock.seconds
    if let known = token.withLock({ $0 }), known.end.map({ now < $0 }) ?? true { return known.text }
    let fresh = try await ask(client)
    token.withLock { $0 = fresh }
    return fresh.text
  }

  /// Forgets a token that was refused.
  ///
  /// - Returns: whether there can be another one.
  func forget(_ used: String?) -> Bool {
    guard client != nil else { return false }
    token.withLock { if $0?.text == used { $0 = nil } }
    return true
  }

  /// Seconds: what says more says for ever.
  private static let longestLifetime: Int64 = 1 << 40

  private func ask(_ client: ClientCredentials) async throws(CatalogError) -> Token {
    var form = [("grant_type", "client_credentials"), ("client_secret", client.secret), ("scope", client.scope)] + client.extra
    if let id = client.id { form.append(("client_id", id)) }
    let body = form.map { PercentEncoding.encoded($0.0) + "=" + PercentEncoding.encoded($0.1) }.joined(separator: "&")
    let request = HTTPRequest(
      .post, client.server, headers: HTTPHeaders([("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]),
      body: ByteSlice(Array(body.utf8)))
    let place = "\(client.server.scheme)://\(client.server.authority)\(client.server.path)"
    let reply: AWSRequestSender.Reply
    do throws(AWSCallError) {
      // Asking twice gives two tokens, which does no harm.
      reply = try await AWSRequestSender(http: aws.http, credentials: nil, clock: aws.clock).send(
        request, signer: SigV4Signer(service: "", region: ""), isRepeatable: true)
    } catch {
      throw CatalogError(.unavailable, "catalog '\(catalog)' got no token: POST \(place): \(error.message)")
    }
    guard reply.error == nil, let root = try? JSONDocument(reply.response.body.array).root, let text = root["access_token"]?.string else {
      let answer = try? JSONDocument(reply.response.body.array).root
      // Of the answer only its code, as RFC 6749 has it: more might repeat what was sent.
      let code = answer?["error"]?.string.map { " \($0.prefix(80))" } ?? ""
      throw CatalogError(
        .permission, "catalog '\(catalog)' got no token for its credential: POST \(place) answered \(reply.response.status)\(code)")
    }
    // Renewed a little before its end.
    let lifetime = root["expires_in"]?.int64.map { min(max(1, $0), Self.longestLifetime) }
    let end = lifetime.map { aws.clock.seconds + max(1, $0 - min(60, $0 / 4)) }
    return Token(text: text, end: end)
  }
}

extension HTTPURL {
  /// A path below this one; it must be encoded already.
  func appending(_ path: String) -> HTTPURL {
    var url = self
    while url.path.hasSuffix("/") { url.path.removeLast() }
    url.path += path
    return url
  }
}

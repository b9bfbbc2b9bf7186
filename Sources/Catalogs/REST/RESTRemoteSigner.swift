import JSONText
import Storage
import Synchronization

/// Has requests to storage signed by the catalog, which keeps the keys to itself.
///
///     POST {region, uri, method, headers, body?}  ->  {uri, headers}        Cache-Control: private
///
/// The signed request has the headers of the answer and those that it had; where both have one, its own counts. Bodies are left unsigned, but
/// that of DeleteObjects, which alone says what is deleted, goes along.
///
/// - Source: apache/iceberg, aws/src/main/resources/s3-signer-open-api.yaml and S3V4RestSignerClient.java.
struct RESTRemoteSigner: RemoteSigner {
  let client: RESTClient
  /// Where signatures are asked for.
  let address: HTTPURL
  /// The table's own token; nil takes the catalog's.
  let token: String?
  let kept: KeptSignatures

  /// - Parameter config: of a table: its own properties over those of the catalog.
  /// - Returns: nil where the catalog does not sign.
  init?(_ config: [String: String], token: String?, _ client: RESTClient, _ kept: KeptSignatures) async throws(CatalogError) {
    guard config["s3.remote-signing-enabled"]?.lowercased() == "true" else { return nil }
    let path = config["s3.signer.endpoint"] ?? config["signer.endpoint"] ?? "v1/aws/s3/sign"
    let base = config["s3.signer.uri"] ?? config["signer.uri"]
    let address: HTTPURL?
    if path.hasPrefix("http://") || path.hasPrefix("https://") {
      address = HTTPURL(path)
    } else if let base {
      address = HTTPURL(base)?.appending("/" + path.drop { $0 == "/" })
    } else {
      address = try await client.openSession().address.appending("/" + path.drop { $0 == "/" })
    }
    guard let address else { throw CatalogError(.refused, "catalog '\(client.catalog)': s3.signer.uri or s3.signer.endpoint is no URL") }
    self.address = address
    self.token = token
    self.client = client
    self.kept = kept
  }

  func sign(_ request: inout HTTPRequest, region: String, anew: Bool) async throws(CredentialError) -> Bool {
    if !anew, let known = kept[request, region, at: client.aws.clock.seconds] {
      known.apply(to: &request)
      return true
    }
    let asked = request
    var question = RESTRequest(.post, []) { json in
      json.member("region", region)
      json.member("uri", asked.url.text)
      json.member("method", asked.method.rawValue)
      json.member("headers") { json in
        json.object { json in
          for (name, values) in Self.grouped(asked.headers) {
            json.member(name) { json in json.array { json in for value in values { json.string(value) } } }
          }
        }
      }
      if let body = Self.bodyToShow(asked) { json.member("body", body) }
    }
    question.address = address
    question.token = token
    // A signature more does no harm.
    question.isRepeatable = true
    let reply: RESTReply
    do throws(CatalogError) { reply = try await client.send(question) } catch {
      throw CredentialError("the request was not signed: \(error.message)", isRetryable: error.kind == .unavailable || error.kind == .outcomeUnknown)
    }
    if reply.failure != nil {
      let failure = reply.error(.none, client.catalog)
      throw CredentialError(
        "the catalog does not sign \(asked.method.rawValue) of this object: \(failure.message)", isRetryable: reply.status == 429 || reply.status >= 500)
    }
    let signature: RemoteSignature
    do throws(JSONError) { signature = try RemoteSignature(reply, for: asked) } catch {
      throw CredentialError("catalog '\(client.catalog)': the answer to POST \(reply.place) is no signature: \(error)")
    }
    signature.apply(to: &request)
    if reply.mayBeKept { kept.keep(signature, of: asked, region, at: client.aws.clock.seconds) }
    return false
  }

  private static func grouped(_ headers: HTTPHeaders) -> [(name: String, values: [String])] {
    var found: [(name: String, values: [String])] = []
    for field in headers.fields {
      if let known = found.firstIndex(where: { $0.name.lowercased() == field.name.lowercased() }) {
        found[known].values.append(field.value)
      } else {
        found.append((field.name, [field.value]))
      }
    }
    return found
  }

  private static func bodyToShow(_ request: HTTPRequest) -> String? {
    guard request.method == .post, let body = request.body, request.url.query.contains(where: { $0.name == "delete" }) else { return nil }
    return String(decoding: body.array, as: UTF8.self)
  }
}

/// What a catalog's answer adds to a request.
struct RemoteSignature: Sendable {
  private let url: HTTPURL
  private let headers: [(name: String, value: String)]
  /// Headers of the request that the signature holds for, in small letters; nil when the answer does not say which.
  private let signed: [String: String]?

  /// - Throws: for an answer without a signature, or with one for another place than the request's.
  init(_ reply: RESTReply, for request: HTTPRequest) throws(JSONError) {
    guard let root = reply.body?.root else { throw JSONError(.wrongType, "it is no JSON", at: 0) }
    let uri = try root.require("uri")
    guard let url = HTTPURL(try uri.requireString()) else { throw JSONError(.wrongType, "uri is no URL", at: uri.offset) }
    // The query may hold the signature; all else is what was asked for.
    guard url.scheme == request.url.scheme, url.authority.lowercased() == request.url.authority.lowercased(),
      PercentEncoding.decoded(url.path) == PercentEncoding.decoded(request.url.path)
    else { throw JSONError(.wrongType, "it signs a request to another place", at: uri.offset) }
    var headers: [(name: String, value: String)] = []
    for member in try root.require("headers").requireMembers() {
      var values: [String] = []
      for value in try member.value.requireElements() { values.append(try value.requireString()) }
      let value = values.joined(separator: ", ")
      guard !member.key.isEmpty, (member.key + value).utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        throw JSONError(.wrongType, "a header holds what no header can", at: member.value.offset)
      }
      if !Self.left.contains(member.key.lowercased()) { headers.append((member.key, value)) }
    }
    let authorization = headers.first { $0.name.lowercased() == "authorization" }?.value
    let inQuery = url.query.first { $0.name == "X-Amz-SignedHeaders" }?.value
    guard authorization != nil || url.query.contains(where: { $0.name == "X-Amz-Signature" || $0.name == "Signature" }) else {
      throw JSONError(.wrongType, "neither headers nor uri have a signature", at: root.offset)
    }
    let names = inQuery ?? authorization?.firstRange(of: "SignedHeaders=").flatMap { range in
      authorization.map { String($0[range.upperBound...].prefix { $0 != "," && $0 != " " }) }
    }
    var signed: [String: String]?
    if let names {
      signed = [:]
      for name in names.lowercased().split(separator: ";") { signed?[String(name)] = request.headers[String(name)] ?? "" }
    }
    self.url = url
    self.headers = headers
    self.signed = signed
  }

  /// Not for the request: curl sets them, or they are about the answer.
  private static let left: Set<String> = ["host", "content-length", "cache-control", "connection", "transfer-encoding"]

  func apply(to request: inout HTTPRequest) {
    request.url = url
    for (name, value) in headers where request.headers[name] == nil { request.headers[name] = value }
  }

  /// Whether it holds for another request of the same method and URL.
  func holds(for request: HTTPRequest) -> Bool {
    guard let signed else { return false }
    return signed.allSatisfy { name, value in request.headers[name] ?? "" == value }
  }
}

/// Signatures that the catalog allows to use again: those of the last half minute, for requests that differ in nothing that is signed.
final class KeptSignatures: Sendable {
  private struct Key: Hashable {
    let method: HTTPRequest.Method
    let region: String
    let url: HTTPURL
  }

  private struct Kept {
    let signature: RemoteSignature
    /// Seconds since 1970 UTC.
    let end: Int64
  }

  private static let seconds: Int64 = 30
  private static let limit = 1_000
  private let kept = Mutex<[Key: Kept]>([:])

  subscript(_ request: HTTPRequest, _ region: String, at now: Int64) -> RemoteSignature? {
    let key = Key(method: request.method, region: region, url: request.url)
    return kept.withLock { kept in
      guard let known = kept[key], now < known.end, known.signature.holds(for: request) else { return nil }
      return known.signature
    }
  }

  func keep(_ signature: RemoteSignature, of request: HTTPRequest, _ region: String, at now: Int64) {
    let key = Key(method: request.method, region: region, url: request.url)
    kept.withLock { kept in
      if kept.count >= Self.limit { kept = kept.filter { now < $0.value.end } }
      if kept.count >= Self.limit { kept.removeAll() }
      kept[key] = Kept(signature: signature, end: now + Self.seconds)
    }
  }
}

import Digests

/// AWS Signature Version 4: a request's own text, hashed and authenticated under a key made of the secret, the day, the region and the
/// service.
///
///     canonical = METHOD \n path \n query \n headers \n\n names of signed headers \n hash of the body
///     string    = AWS4-HMAC-SHA256 \n time \n day/region/service/aws4_request \n sha256(canonical)
///
/// - Source: docs.aws.amazon.com, "Create a signed AWS API request"; for S3 "Authenticating Requests: Using the Authorization Header".
package struct SigV4Signer: Sendable {
  /// What stands for the body in the signature.
  package enum Payload: Sendable, Equatable {
    /// Hexadecimal SHA-256 of the body.
    case hash(String)
    /// `UNSIGNED-PAYLOAD`, which S3 takes: the body is protected by TLS and a checksum instead.
    case unsigned

    package static let empty = Payload.hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")

    package static func hashing(_ body: ByteSlice?) -> Payload {
      guard let body, !body.isEmpty else { return .empty }
      return .hash(MessageDigest.hexadecimal(body.withBytes { MessageDigest.sha256.hash($0) }))
    }

    fileprivate var text: String {
      switch self {
      case .hash(let hash): hash
      case .unsigned: "UNSIGNED-PAYLOAD"
      }
    }
  }

  package var service: String
  package var region: String
  /// S3 signs the path as it is sent and wants the body's hash in a header; other services normalise the path and encode it once more.
  private let followsS3Rules: Bool

  package init(service: String, region: String) {
    self.service = service
    self.region = region
    followsS3Rules = service == "s3" || service == "s3express"
  }

  /// Adds `X-Amz-Date`, the session token and `Authorization`; replaces those of an earlier attempt.
  ///
  /// - Parameter seconds: the time, since 1970 UTC.
  package func sign(_ request: inout HTTPRequest, _ credentials: AWSCredentials, payload: Payload, at seconds: Int64) {
    let time = UTCTime.basic(seconds)
    request.headers["Authorization"] = nil
    request.headers["X-Amz-Date"] = time
    request.headers["X-Amz-Security-Token"] = credentials.sessionToken
    if followsS3Rules { request.headers["X-Amz-Content-Sha256"] = payload.text }
    let signed = signedHeaders(request)
    let signature = signature(canonical(request, signed, payload), time, credentials)
    request.headers["Authorization"] =
      "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope(time)), SignedHeaders=\(names(signed)), Signature=\(signature)"
  }

  /// A URL that carries its own signature, valid for a time.
  ///
  /// - Parameter expires: seconds from `seconds` on, at most a week.
  package func presigned(
    _ method: HTTPRequest.Method, _ url: HTTPURL, _ credentials: AWSCredentials, expires: Int, at seconds: Int64
  ) -> HTTPURL {
    let time = UTCTime.basic(seconds)
    var request = HTTPRequest(method, url)
    request.url.query += [
      HTTPURL.QueryItem("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
      HTTPURL.QueryItem("X-Amz-Credential", credentials.accessKeyID + "/" + scope(time)),
      HTTPURL.QueryItem("X-Amz-Date", time), HTTPURL.QueryItem("X-Amz-Expires", String(expires)),
      HTTPURL.QueryItem("X-Amz-SignedHeaders", "host"),
    ]
    if let token = credentials.sessionToken { request.url.query.append(HTTPURL.QueryItem("X-Amz-Security-Token", token)) }
    let signature = signature(canonical(request, signedHeaders(request), .unsigned), time, credentials)
    request.url.query.append(HTTPURL.QueryItem("X-Amz-Signature", signature))
    return request.url
  }

  // MARK: Parts

  private func scope(_ time: String) -> String { "\(time.prefix(8))/\(region)/\(service)/aws4_request" }

  /// Lower-case names and tidied values, sorted; a header's values are joined by commas.
  private func signedHeaders(_ request: HTTPRequest) -> [(name: String, value: String)] {
    var values: [String: [String]] = ["host": [request.url.authority]]
    for field in request.headers.fields {
      let name = field.name.asciiLowercased
      if Self.unsigned.contains(name) { continue }
      values[name, default: []].append(Self.tidied(field.value))
    }
    return values.sorted { $0.key.precedesInByteOrder($1.key) }.map { ($0.key, $0.value.joined(separator: ",")) }
  }

  /// Headers that proxies and curl itself may change.
  private static let unsigned: Set<String> = [
    "authorization", "user-agent", "expect", "connection", "transfer-encoding", "x-amzn-trace-id", "accept", "content-length", "host",
  ]

  /// Without blanks at the ends, and with one blank for a run of them.
  private static func tidied(_ value: String) -> String {
    value.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
  }

  private func names(_ headers: [(name: String, value: String)]) -> String { headers.map(\.name).joined(separator: ";") }

  private func canonical(_ request: HTTPRequest, _ headers: [(name: String, value: String)], _ payload: Payload) -> String {
    [
      request.method.rawValue, canonicalPath(request.url.path), request.url.canonicalQuery,
      headers.map { $0.name + ":" + $0.value + "\n" }.joined(), names(headers), payload.text,
    ].joined(separator: "\n")
  }

  private func canonicalPath(_ path: String) -> String {
    if followsS3Rules { return path }
    var segments: [Substring] = []
    for segment in path.split(separator: "/") where segment != "." {
      if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
    }
    let normal = "/" + segments.joined(separator: "/") + (path.hasSuffix("/") && !segments.isEmpty ? "/" : "")
    return PercentEncoding.encoded(normal, keepsSlash: true)
  }

  private func signature(_ canonical: String, _ time: String, _ credentials: AWSCredentials) -> String {
    let text = ["AWS4-HMAC-SHA256", time, scope(time), MessageDigest.hexadecimal(MessageDigest.sha256.hash(Array(canonical.utf8)))]
    var key = Array("AWS4".utf8) + Array(credentials.secretAccessKey.utf8)
    for part in [String(time.prefix(8)), region, service, "aws4_request", text.joined(separator: "\n")] {
      key = MessageDigest.sha256.authenticate(Array(part.utf8), key: key)
    }
    return MessageDigest.hexadecimal(key)
  }
}

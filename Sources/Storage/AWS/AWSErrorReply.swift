import JSONText

/// What an AWS service, or a server that speaks like one, says when it refuses.
///
///     <Error><Code>NoSuchKey</Code><Message>…</Message><RequestId>…</RequestId></Error>       S3
///     <ErrorResponse><Error><Code>…</Code>…</Error><RequestId>…</RequestId></ErrorResponse>   STS
///     {"__type":"prefix#ThrottlingException","message":"…"}                                   Glue, Athena, SSO
package struct AWSErrorReply: Sendable, Equatable {
  package var status: Int
  /// Empty when the reply has no body that says it, as that to HEAD.
  package var code: String
  package var message: String
  package var requestID: String?
  /// Where a bucket really is, when the reply says so.
  package var region: String?

  package init(_ response: HTTPResponse) {
    status = response.status
    code = ""
    message = ""
    requestID = response.headers["x-amz-request-id"] ?? response.headers["x-amzn-requestid"]
    region = response.headers["x-amz-bucket-region"]
    if let type = response.headers["x-amzn-errortype"] { code = Self.bare(type) }
    let first = response.body.withBytes { bytes in bytes.first { $0 > 0x20 } }
    if first == UInt8(ascii: "<") {
      let root = try? XMLElement.parse(response.body)
      if let error = root?.name == "Error" ? root : root?.first("Error") {
        code = error.text(of: "Code") ?? code
        message = error.text(of: "Message") ?? ""
        region = region ?? error.text(of: "Region")
        requestID = requestID ?? error.text(of: "RequestId")
      }
      requestID = requestID ?? root?.text(of: "RequestId")
    } else if first == UInt8(ascii: "{"), let root = try? JSONDocument(response.body.array).root {
      if let type = (root["__type"] ?? root["code"] ?? root["Code"])?.string { code = Self.bare(type) }
      message = (root["message"] ?? root["Message"])?.string ?? ""
    }
  }

  /// Whether the service asks for fewer requests.
  package var isThrottling: Bool { status == 429 || status == 509 || Self.throttling.contains(code) || (status == 503 && code.isEmpty) }

  /// Whether the same request may succeed in a moment.
  package var isTransient: Bool {
    isThrottling || [500, 502, 503, 504].contains(status) || Self.transient.contains(code)
  }

  package var isExpiredToken: Bool { code == "ExpiredToken" || code == "ExpiredTokenException" || code == "TokenRefreshRequired" }

  /// Whether our clock may be the reason.
  package var isAboutClock: Bool {
    ["RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "RequestInTheFuture"]
      .contains(code) || (status == 403 && code.isEmpty)
  }

  /// One sentence: code, message, status and request id, as far as they are known.
  package var text: String {
    var text = code.isEmpty ? "HTTP status \(status)" : code
    if !message.isEmpty { text += ": " + message.prefix(500) }
    var details: [String] = []
    if !code.isEmpty { details.append("HTTP status \(status)") }
    if let requestID { details.append("request id \(requestID)") }
    return text + (details.isEmpty ? "" : " (\(details.joined(separator: ", ")))")
  }

  /// `namespace#Name:http://…` without what surrounds the name.
  private static func bare(_ type: String) -> String {
    let tail = type.split(separator: "#").last.map(String.init) ?? type
    return String(tail.prefix { $0 != ":" })
  }

  /// - Source: botocore, retries/standard.py and data/_retry.json.
  private static let throttling: Set<String> = [
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException", "TooManyRequestsException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException",
    "RequestThrottled", "SlowDown", "TransactionInProgressException", "EC2ThrottledException",
  ]
  private static let transient: Set<String> = [
    "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "InternalError", "ServiceUnavailable",
    "ConditionalRequestConflict", "OperationAborted",
  ]
}

import JSONText
import SQLSyntax
import Storage

/// Calls operations of Athena's API: one POST each, JSON both ways.
///
/// - Source: docs.aws.amazon.com, Amazon Athena API Reference; the wire format is AWS JSON 1.1.
struct AthenaClient: Sendable {
  let aws: AWSAccess

  /// Every operation may be sent again: StartQueryExecution carries a token by which Athena knows it again, the others change nothing or nothing twice.
  func call(_ operation: String, _ write: (inout JSONWriter) -> Void) async throws(SQLError) -> JSONValue {
    guard let region = aws.settings.region else {
      throw SQLError(.invalidArguments, "no AWS region is known", hint: "Set AWS_REGION, or region in the profile.")
    }
    let url: HTTPURL
    do throws(CredentialError) { url = try aws.settings.endpoint("athena", region: region) } catch {
      throw SQLError(.invalidArguments, error.message)
    }
    var json = JSONWriter(style: .compact)
    json.object { write(&$0) }
    let request = HTTPRequest(
      .post, url, headers: HTTPHeaders([("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AmazonAthena.\(operation)")]),
      body: ByteSlice(json.take()))
    let reply: AWSRequestSender.Reply
    do throws(AWSCallError) {
      reply = try await aws.sender.send(request, signer: SigV4Signer(service: "athena", region: region), isRepeatable: true)
    } catch {
      let code: ErrorCode = if case .credentials = error.kind { .permissionDenied } else { .genericExternal }
      throw SQLError(code, "Athena \(operation) at \(url.authority): \(error.message)")
    }
    if let error = reply.error { throw failure(error, operation, url) }
    do throws(JSONError) {
      let body = reply.response.body.array
      return try JSONDocument(body.isEmpty ? Array("{}".utf8) : body).root
    } catch {
      throw SQLError(.genericExternal, "Athena \(operation) at \(url.authority) gave an answer that is no JSON: \(error)")
    }
  }

  private func failure(_ error: AWSErrorReply, _ operation: String, _ url: HTTPURL) -> SQLError {
    let place = "Athena \(operation) at \(url.authority) answered "
    switch error.code {
    case "InvalidRequestException" where operation == "StartQueryExecution":
      // The statement itself, mostly: `line 1:8: mismatched input …`.
      return SQLError(error.message.hasPrefix("line ") ? .syntaxError : .invalidArguments, error.message.isEmpty ? place + error.text : error.message)
    case "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "InvalidSignatureException",
      "IncompleteSignature", "MissingAuthenticationTokenException":
      return SQLError(.permissionDenied, place + error.text)
    default: return SQLError(.genericExternal, place + error.text, isRetryable: error.isTransient)
    }
  }
}

import JSONText
import Storage

/// Calls operations of the AWS Glue Data Catalog: one POST each, JSON both ways.
///
/// - Source: docs.aws.amazon.com, AWS Glue API reference, "Catalog"; the wire format is AWS JSON 1.1.
struct GlueClient: Sendable {
  let catalog: String
  let aws: AWSAccess
  /// The account whose catalog is meant; nil for the caller's own.
  let catalogID: String?
  /// Nil takes what environment and profile say.
  let region: String?
  /// Nil takes what environment and profile say, or AWS's own.
  let endpoint: HTTPURL?

  /// What an operation is about, for the meaning of its errors.
  enum Subject { case none, database(String), table(String, database: String) }

  struct Answer: Sendable {
    let root: JSONValue
    /// An earlier attempt was sent and its answer lost.
    let followsLostAnswer: Bool
  }

  /// - Parameters:
  ///   - isRepeatable: whether the operation may be sent again when its answer was lost.
  ///   - write: the members of the request besides `CatalogId`.
  func call(
    _ operation: String, _ subject: Subject, isRepeatable: Bool = true, _ write: (inout JSONWriter) -> Void
  ) async throws(CatalogError) -> Answer {
    let region = region ?? aws.settings.region
    guard let region else {
      throw CatalogError(.refused, "no region is known for catalog '\(catalog)'; set region, or AWS_REGION")
    }
    var json = JSONWriter(style: .compact)
    json.object { json in
      CatalogDocument.member("CatalogId", catalogID, &json)
      write(&json)
    }
    let url: HTTPURL
    do throws(CredentialError) { url = if let endpoint { endpoint } else { try aws.settings.endpoint("glue", region: region) } } catch {
      throw CatalogError(.refused, "catalog '\(catalog)': \(error.message)")
    }
    let request = HTTPRequest(
      .post, url, headers: HTTPHeaders([("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AWSGlue.\(operation)")]),
      body: ByteSlice(json.take()))
    let place = "catalog '\(catalog)': Glue \(operation) at \(url.authority)"
    let reply: AWSRequestSender.Reply
    do throws(AWSCallError) {
      reply = try await aws.sender.send(request, signer: SigV4Signer(service: "glue", region: region), isRepeatable: isRepeatable)
    } catch {
      let kind: CatalogError.Kind
      switch error.kind {
      case .credentials: kind = .permission
      case .transport, .cancelled: kind = error.mayHaveTakenEffect && !isRepeatable ? .outcomeUnknown : .unavailable
      }
      throw CatalogError(kind, "\(place): \(error.message)", mayHappenLater: kind == .outcomeUnknown && error.isTimeOut)
    }
    if let error = reply.error { throw failure(error, subject, place, isRepeatable: isRepeatable, followsLostAnswer: reply.followsLostAnswer) }
    do throws(JSONError) {
      let body = reply.response.body.array
      return Answer(root: try JSONDocument(body.isEmpty ? Array("{}".utf8) : body).root, followsLostAnswer: reply.followsLostAnswer)
    } catch {
      throw CatalogError(isRepeatable ? .corrupt : .outcomeUnknown, "\(place) gave an answer that is no JSON: \(error)")
    }
  }

  /// Calls an operation that answers in pages, until there is none left.
  ///
  /// - Returns: the elements of the list `key`.
  func pages(
    _ operation: String, _ key: String, _ subject: Subject, size: Int, _ write: (inout JSONWriter) -> Void
  ) async throws(CatalogError) -> [JSONValue] {
    var found: [JSONValue] = []
    var token: String?
    repeat {
      let answer = try await call(operation, subject) { json in
        write(&json)
        json.member("MaxResults", size)
        CatalogDocument.member("NextToken", token, &json)
      }
      try reading(operation) { () throws(JSONError) in for element in try answer.root.requireElements(key) { found.append(element) } }
      let next = answer.root["NextToken"]?.string
      guard next == nil || next != token else {
        throw CatalogError(.corrupt, "catalog '\(catalog)': Glue \(operation) gives the same page for ever")
      }
      token = next.flatMap { $0.isEmpty ? nil : $0 }
    } while token != nil
    return found
  }

  /// Runs what reads an answer; what is wrong with it is told with its operation.
  func reading<Value>(_ operation: String, _ body: () throws(JSONError) -> Value) throws(CatalogError) -> Value {
    do throws(JSONError) { return try body() } catch {
      throw CatalogError(.corrupt, "catalog '\(catalog)': the answer of Glue \(operation): \(error)")
    }
  }

  private func failure(
    _ error: AWSErrorReply, _ subject: Subject, _ place: String, isRepeatable: Bool, followsLostAnswer: Bool
  ) -> CatalogError {
    let text = "\(place) answered \(error.text)"
    switch error.code {
    case "EntityNotFoundException":
      switch subject {
      case .table(let table, let database): return CatalogError(.tableNotFound, "Table '\(database).\(table)' does not exist")
      case .database(let database): return CatalogError(.databaseNotFound, "Schema '\(database)' does not exist")
      case .none: break
      }
    case "AlreadyExistsException":
      switch subject {
      case .table(let table, let database): return CatalogError(.tableAlreadyExists, "Table '\(database).\(table)' already exists")
      case .database(let database): return CatalogError(.databaseAlreadyExists, "Schema '\(database)' already exists")
      case .none: break
      }
    case "ConcurrentModificationException", "VersionMismatchException":
      // What came in between may have been the attempt before.
      return CatalogError(followsLostAnswer ? .outcomeUnknown : .versionConflict, text)
    case "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "InvalidSignatureException",
      "IncompleteSignature", "MissingAuthenticationTokenException":
      return CatalogError(.permission, text)
    default: break
    }
    if error.isThrottling { return CatalogError(.unavailable, text) }
    if error.status >= 500 { return CatalogError(isRepeatable ? .unavailable : .outcomeUnknown, text) }
    return CatalogError(error.status == 403 ? .permission : .refused, text)
  }
}

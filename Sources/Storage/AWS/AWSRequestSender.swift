/// Sends one request of an AWS service until it is answered for good: signs every attempt anew, repeats what may succeed later, corrects the
/// clock once, and renews credentials once.
package struct AWSRequestSender: Sendable {
  package var http: HTTPClient
  /// Nil sends unsigned requests.
  package var credentials: (any AWSCredentialProvider)?
  /// Signs in place of `credentials`.
  package var remoteSigner: (any RemoteSigner)?
  package var retry: RetryPolicy
  package var clock: AWSClock
  /// Whether status 503 says that nothing was done, as AWS's services mean it; others mean that only with `Retry-After`.
  package var takesUnavailableAsRefusal = true

  package init(http: HTTPClient, credentials: (any AWSCredentialProvider)?, retry: RetryPolicy = RetryPolicy(), clock: AWSClock = AWSClock()) {
    self.http = http
    self.credentials = credentials
    self.retry = retry
    self.clock = clock
  }

  /// The last answer: a success, or an error that will not go away.
  package struct Reply: Sendable {
    package var response: HTTPResponse
    /// Nil for a success.
    package var error: AWSErrorReply?
    /// An earlier attempt had left without a usable answer: what this one asks for may have happened already.
    package var followsLostAnswer: Bool
  }

  /// - Parameters:
  ///   - payload: nil hashes the body.
  ///   - isRepeatable: whether the request may be sent again after an answer was lost. When not, only refusals are repeated.
  ///   - bodyMayHoldError: for operations that answer 200 and an `<Error>` document.
  /// - Throws: when there is no answer at all, or no credentials.
  package func send(
    _ request: HTTPRequest, signer: SigV4Signer, payload: SigV4Signer.Payload? = nil, isRepeatable: Bool,
    bodyMayHoldError: Bool = false
  ) async throws(AWSCallError) -> Reply {
    let payload = payload ?? .hashing(request.body)
    var retries = 0
    var lastRetryWasThrottling: Bool?
    var followsLostAnswer = false
    var hasCorrectedClock = false
    var hasRenewedCredentials = false
    var signsAnew = false
    while true {
      if Task.isCancelled { throw AWSCallError(.cancelled, "cancelled", mayHaveTakenEffect: followsLostAnswer) }
      var attempt = request
      var used: AWSCredentials?
      var isKeptSignature = false
      do throws(CredentialError) {
        if let remoteSigner {
          isKeptSignature = try await remoteSigner.sign(&attempt, region: signer.region, anew: signsAnew)
        } else if let credentials {
          used = try await credentials.credentials()
        }
      } catch { throw AWSCallError(.credentials(error), error.message, mayHaveTakenEffect: followsLostAnswer) }
      if let used { signer.sign(&attempt, used, payload: payload, at: clock.seconds) }
      let isThrottling: Bool
      var headers: HTTPHeaders?
      let ending: Result<Reply, AWSCallError>
      switch await answer(attempt) {
      case .success(let response):
        let holdsError = bodyMayHoldError && response.isSuccess && Self.isErrorDocument(response)
        if response.isSuccess && !holdsError {
          retry.budget.giveBack(isThrottling: lastRetryWasThrottling)
          return Reply(response: response, followsLostAnswer: followsLostAnswer)
        }
        let error = AWSErrorReply(response)
        ending = .success(Reply(response: response, error: error, followsLostAnswer: followsLostAnswer))
        headers = response.headers
        if isKeptSignature, error.status == 403 || error.isExpiredToken {
          signsAnew = true
          continue
        }
        if error.isAboutClock, !hasCorrectedClock, clock.correct(by: response.headers) {
          hasCorrectedClock = true
          continue
        }
        if error.isExpiredToken, !hasRenewedCredentials, let used, let credentials {
          hasRenewedCredentials = true
          if await credentials.renew(used) { continue }
        }
        guard error.isTransient else { return try ending.get() }
        isThrottling =
          error.isThrottling && (error.status != 503 || takesUnavailableAsRefusal || response.headers["retry-after"] != nil)
        let mayHaveTakenEffect = !isThrottling && (response.status >= 500 || holdsError)
        guard isRepeatable || !mayHaveTakenEffect else { return try ending.get() }
        if mayHaveTakenEffect { followsLostAnswer = true }
      case .failure(let error):
        if error.mayHaveTakenEffect { followsLostAnswer = true }
        if error.kind == .cancelled { throw AWSCallError(.cancelled, "cancelled", mayHaveTakenEffect: followsLostAnswer) }
        ending = .failure(AWSCallError(.transport(error), error.message, mayHaveTakenEffect: followsLostAnswer))
        guard error.isRetryable, isRepeatable || !error.mayHaveTakenEffect else { return try ending.get() }
        isThrottling = false
      }
      guard retries + 1 < retry.attempts, retry.budget.take(isThrottling: isThrottling) else { return try ending.get() }
      let delay = retry.delay(retry: retries, isThrottling: isThrottling, headers: headers)
      if let sleep = retry.sleep { await sleep(delay) } else { await http.sleep(milliseconds: delay) }
      lastRetryWasThrottling = isThrottling
      retries += 1
    }
  }

  private func answer(_ request: HTTPRequest) async -> Result<HTTPResponse, HTTPError> {
    do throws(HTTPError) { return .success(try await http.send(request)) } catch { return .failure(error) }
  }

  private static func isErrorDocument(_ response: HTTPResponse) -> Bool {
    guard response.body.count < 64 << 10, let root = try? XMLElement.parse(response.body) else { return false }
    return root.name == "Error"
  }
}

/// Why a request has no answer.
package struct AWSCallError: Error, Sendable, CustomStringConvertible {
  package enum Kind: Sendable {
    case transport(HTTPError)
    case credentials(CredentialError)
    case cancelled
  }

  package var kind: Kind
  package var message: String
  /// Whether an attempt had left: the other side may have done what it asks.
  package var mayHaveTakenEffect: Bool

  package init(_ kind: Kind, _ message: String, mayHaveTakenEffect: Bool = false) {
    self.kind = kind
    self.message = message
    self.mayHaveTakenEffect = mayHaveTakenEffect
  }

  package var description: String { message }

  /// Whether nobody waited any longer: the other side may go on.
  package var isTimeOut: Bool { if case .transport(let error) = kind { error.kind == .timedOut } else { false } }
}

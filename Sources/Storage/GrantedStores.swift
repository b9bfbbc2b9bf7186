import Synchronization

/// Stores for single places that a catalog has handed out credentials for, or signs requests for; of several prefixes the longest counts.
package final class GrantedStores: Sendable {
  private struct Grant {
    enum Way {
      case keys(VendedCredentials)
      case signer(GrantedSigner)
    }

    let prefix: String
    let options: S3Options
    let way: Way
    let store: S3Store
  }

  private let aws: AWSAccess
  private let grants = Mutex<[String: Grant]>([:])

  package init(aws: AWSAccess) { self.aws = aws }

  /// Lets `credentials` be used for everything below `prefix`. Those of an earlier grant are replaced, for readers and writers that are
  /// open too.
  ///
  /// - Parameter renew: asks the catalog for others when these have expired.
  package func grant(
    _ credentials: AWSCredentials, below prefix: Location, _ options: S3Options,
    renew: @escaping VendedCredentials.Renewal
  ) {
    let key = prefix.canonicalText
    let isKnown = grants.withLock { grants in
      guard let grant = grants[key], grant.options.isSamePlace(as: options), case .keys(let vended) = grant.way else { return false }
      vended.replace(by: credentials, renew: renew)
      return true
    }
    if isKnown { return }
    let vended = VendedCredentials(credentials, now: { [aws] in aws.clock.seconds }, renew: renew)
    let store = aws.store(options, vended)
    grants.withLock { $0[key] = Grant(prefix: key, options: options, way: .keys(vended), store: store) }
  }

  /// Lets `signer` sign the requests for everything below `prefix`; it replaces that of an earlier grant, for readers and writers that are open too.
  package func grant(signedBy signer: any RemoteSigner, below prefix: Location, _ options: S3Options) {
    let key = prefix.canonicalText
    let isKnown = grants.withLock { grants in
      guard let grant = grants[key], grant.options.isSamePlace(as: options), case .signer(let granted) = grant.way else { return false }
      granted.replace(by: signer)
      return true
    }
    if isKnown { return }
    let granted = GrantedSigner(signer)
    let store = aws.store(options, nil, signer: granted)
    grants.withLock { $0[key] = Grant(prefix: key, options: options, way: .signer(granted), store: store) }
  }

  func store(for location: Location) -> S3Store? {
    let text = location.canonicalText
    return grants.withLock { grants in
      grants.values.filter { grant in
        guard text.utf8.starts(with: grant.prefix.utf8) else { return false }
        let rest = text.utf8.dropFirst(grant.prefix.utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "/") || grant.prefix.utf8.last == UInt8(ascii: "/")
      }.max { $0.prefix.utf8.count < $1.prefix.utf8.count }?.store
    }
  }
}

extension S3Options {
  fileprivate func isSamePlace(as other: S3Options) -> Bool {
    region == other.region && endpoint == other.endpoint && addressing == other.addressing && isAnonymous == other.isAnonymous
  }
}

/// The signer that the catalog named last.
private final class GrantedSigner: RemoteSigner {
  private let current: Mutex<any RemoteSigner>

  init(_ signer: any RemoteSigner) { current = Mutex(signer) }

  func replace(by signer: any RemoteSigner) { current.withLock { $0 = signer } }

  func sign(_ request: inout HTTPRequest, region: String, anew: Bool) async throws(CredentialError) -> Bool {
    try await current.withLock { $0 }.sign(&request, region: region, anew: anew)
  }
}

/// Keys that a catalog hands out for a while, and hands out anew.
package final class VendedCredentials: AWSCredentialProvider {
  package typealias Renewal = @Sendable () async throws(CredentialError) -> AWSCredentials

  private struct State {
    var credentials: AWSCredentials
    var renew: Renewal
  }

  private let state: Mutex<State>
  private let now: @Sendable () -> Int64
  /// Asked anew so many seconds before the end.
  private static let margin: Int64 = 60

  /// - Parameters:
  ///   - now: seconds since 1970 UTC.
  ///   - renew: asks the catalog for others.
  package init(_ credentials: AWSCredentials, now: @escaping @Sendable () -> Int64, renew: @escaping Renewal) {
    state = Mutex(State(credentials: credentials, renew: renew))
    self.now = now
  }

  package func replace(by credentials: AWSCredentials, renew: @escaping Renewal) {
    state.withLock { $0 = State(credentials: credentials, renew: renew) }
  }

  package func credentials() async throws(CredentialError) -> AWSCredentials {
    let known = state.withLock { $0 }
    guard let end = known.credentials.expiration, end - Self.margin <= now() else { return known.credentials }
    return try await fresh(known.renew)
  }

  package func renew(_ used: AWSCredentials) async -> Bool {
    let known = state.withLock { $0 }
    if known.credentials != used { return true }
    // What the service said about the old ones is the error that is shown.
    guard let fresh = try? await fresh(known.renew) else { return false }
    return fresh != used
  }

  private func fresh(_ renew: Renewal) async throws(CredentialError) -> AWSCredentials {
    let fresh = try await renew()
    state.withLock { $0.credentials = fresh }
    return fresh
  }
}

import Synchronization

/// Stores for single places that a catalog has handed out credentials for; of several prefixes the longest counts.
package final class GrantedStores: Sendable {
  private struct Grant {
    let prefix: String
    let options: S3Options
    let credentials: VendedCredentials
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
    renew: @escaping @Sendable () async throws(CredentialError) -> AWSCredentials
  ) {
    let key = prefix.canonicalText
    let isKnown = grants.withLock { grants in
      guard let grant = grants[key], grant.options.isSamePlace(as: options) else { return false }
      grant.credentials.replace(by: credentials)
      return true
    }
    if isKnown { return }
    let vended = VendedCredentials(credentials, now: { [aws] in aws.clock.seconds }, renew: renew)
    let store = S3Store(client: S3Client(options: options, http: aws.http, credentials: vended, clock: aws.clock))
    grants.withLock { $0[key] = Grant(prefix: key, options: options, credentials: vended, store: store) }
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

/// Keys that a catalog hands out for a while, and hands out anew.
package final class VendedCredentials: AWSCredentialProvider {
  private let current: Mutex<AWSCredentials>
  private let now: @Sendable () -> Int64
  private let ask: @Sendable () async throws(CredentialError) -> AWSCredentials
  /// Asked anew so many seconds before the end.
  private static let margin: Int64 = 60

  package init(
    _ credentials: AWSCredentials, now: @escaping @Sendable () -> Int64,
    renew: @escaping @Sendable () async throws(CredentialError) -> AWSCredentials
  ) {
    current = Mutex(credentials)
    self.now = now
    ask = renew
  }

  package func replace(by credentials: AWSCredentials) { current.withLock { $0 = credentials } }

  package func credentials() async throws(CredentialError) -> AWSCredentials {
    let known = current.withLock { $0 }
    guard let end = known.expiration, end - Self.margin <= now() else { return known }
    let fresh = try await ask()
    replace(by: fresh)
    return fresh
  }

  package func renew(_ used: AWSCredentials) async -> Bool {
    let known = current.withLock { $0 }
    if known != used { return true }
    // What the service said about the old ones is the error that is shown.
    guard let fresh = try? await ask(), fresh != used else { return false }
    replace(by: fresh)
    return true
  }
}

import Synchronization

/// One process's way to AWS: settings, HTTP client, clock and credentials, made at first need and shared by all stores and catalogs.
///
/// A catalog that talks to a service of AWS takes from here what `AWSRequestSender` needs; nothing is read or started before.
package final class AWSAccess: Sendable {
  private struct Made {
    var settings: AWSSettings?
    var chain: CredentialChain?
    var credentials: CachedCredentials?
    var s3: S3Store?
  }

  package let http: HTTPClient
  package let clock: AWSClock
  private let environment: [String: String]
  private let profile: String?
  /// Bytes that reads ahead may hold, over all objects of a store; never less than a few requests take.
  private let readAheadLimit: Int
  private let made = Mutex(Made())

  /// - Parameters:
  ///   - environment: the variables of the process.
  ///   - profile: a profile asked for by an option; nil leaves it to `AWS_PROFILE`.
  package init(environment: [String: String], profile: String? = nil, clock: AWSClock = AWSClock(), readAheadLimit: Int = .max) {
    self.readAheadLimit = max(readAheadLimit, 16 << 20)
    self.environment = environment
    self.profile = profile
    self.clock = clock
    http = HTTPClient(trust: HTTPClient.Trust(environment: environment))
  }

  package var settings: AWSSettings {
    made.withLock { made in
      let settings = made.settings ?? AWSSettings(variables: environment, profile: profile)
      made.settings = settings
      return settings
    }
  }

  package var chain: CredentialChain {
    let settings = settings
    return made.withLock { made in
      let chain = made.chain ?? CredentialChain(settings: settings, http: http, clock: clock)
      made.chain = chain
      return chain
    }
  }

  /// Credentials that renew themselves.
  package var credentials: CachedCredentials {
    let chain = chain
    return made.withLock { made in
      let credentials = made.credentials ?? chain.cached()
      made.credentials = credentials
      return credentials
    }
  }

  /// What signs and sends requests to a service.
  package var sender: AWSRequestSender { AWSRequestSender(http: http, credentials: credentials, clock: clock) }

  /// A store with credentials of its own.
  func store(_ options: S3Options, _ credentials: (any AWSCredentialProvider)?, signer: (any RemoteSigner)? = nil) -> S3Store {
    var options = options
    options.readAheadBudget = min(options.readAheadBudget, readAheadLimit)
    return S3Store(client: S3Client(options: options, http: http, credentials: credentials, remoteSigner: signer, clock: clock))
  }

  /// The store for `s3://`, `s3a://` and `s3n://` locations.
  package func s3Store() throws(CredentialError) -> S3Store {
    if let store = made.withLock({ $0.s3 }) { return store }
    let store = store(try S3Options(settings), credentials)
    return made.withLock { made in
      let first = made.s3 ?? store
      made.s3 = first
      return first
    }
  }
}

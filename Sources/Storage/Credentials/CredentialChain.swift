import JSONText
import Synchronization

/// Finds credentials where the AWS command line finds them, in its order.
///
///     environment → assume-role profile → web identity → SSO → shared credentials file → credential_process → config file
///                 → container → instance metadata
///
/// - Source: botocore, credentials.py.
package final class CredentialChain: Sendable {
  /// What one source had to say.
  enum Answer: Sendable {
    /// `detail` says where from, for `frazil whoami`.
    case found(AWSCredentials, detail: String)
    case absent(String)
  }

  let settings: AWSSettings
  let http: HTTPClient
  let clock: AWSClock
  let retry: RetryPolicy
  /// What the last look-up met, source by source.
  private let attempts = Mutex<[CredentialAttempt]>([])

  package init(settings: AWSSettings, http: HTTPClient, clock: AWSClock = AWSClock(), retry: RetryPolicy = RetryPolicy(attempts: 3)) {
    self.settings = settings
    self.http = http
    self.clock = clock
    self.retry = retry
  }

  /// The chain behind a cache, as requests use it.
  package func cached() -> CachedCredentials {
    CachedCredentials(now: { [clock] in clock.seconds }) { [self] () async throws(CredentialError) in try await resolve() }
  }

  package var lastAttempts: [CredentialAttempt] { attempts.withLock { $0 } }

  private typealias Source = (name: String, ask: @Sendable () async throws(CredentialError) -> Answer)

  private var sources: [Source] {
    [
      ("environment", { () async throws(CredentialError) in try self.environment() }),
      ("assume-role profile", { () async throws(CredentialError) in try await self.assumeRoleProfile() }),
      ("web identity", { () async throws(CredentialError) in try await self.webIdentity() }),
      ("SSO", { () async throws(CredentialError) in try await self.singleSignOn(self.settings.profileName) }),
      ("shared credentials file", { () async throws(CredentialError) in try self.sharedCredentials(self.settings.profileName) }),
      ("credential_process", { () async throws(CredentialError) in try await self.credentialProcess(self.settings.profileName) }),
      ("config file", { () async throws(CredentialError) in try self.configFile(self.settings.profileName) }),
      ("container", { () async throws(CredentialError) in try await self.container() }),
      ("instance metadata", { () async throws(CredentialError) in try await self.instanceMetadata() }),
    ]
  }

  /// Asks the sources in order until one answers; one that is configured and fails ends the search, so that nobody works under a wrong name.
  package func resolve() async throws(CredentialError) -> AWSCredentials {
    var met: [CredentialAttempt] = []
    var found: AWSCredentials?
    var failure: CredentialError?
    for source in sources {
      if found != nil || failure != nil {
        met.append(CredentialAttempt(source: source.name, outcome: .notAsked, detail: found == nil ? "an earlier source failed" : "an earlier source answered"))
        continue
      }
      do throws(CredentialError) {
        switch try await source.ask() {
        case .found(let credentials, let detail):
          found = credentials
          met.append(CredentialAttempt(source: source.name, outcome: .used, detail: detail))
        case .absent(let reason): met.append(CredentialAttempt(source: source.name, outcome: .absent, detail: reason))
        }
      } catch {
        failure = CredentialError("credentials from \(source.name): \(error.message)")
        met.append(CredentialAttempt(source: source.name, outcome: .failed, detail: error.message))
      }
    }
    let all = met
    attempts.withLock { $0 = all }
    if let failure { throw failure }
    if let found { return found }
    throw CredentialError(
      "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, choose a profile with AWS_PROFILE, run 'aws configure' or "
        + "'aws sso login', or FRAZIL_S3_ANONYMOUS=1 for public data; 'frazil whoami' shows where was looked")
  }

  // MARK: Keys that are written down

  func environment() throws(CredentialError) -> Answer {
    guard let id = settings["AWS_ACCESS_KEY_ID"] ?? settings["AWS_ACCESS_KEY"] else { return .absent("AWS_ACCESS_KEY_ID is not set") }
    guard let secret = settings["AWS_SECRET_ACCESS_KEY"] ?? settings["AWS_SECRET_KEY"] else {
      throw CredentialError("AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not")
    }
    return .found(
      AWSCredentials(
        accessKeyID: id, secretAccessKey: secret, sessionToken: settings["AWS_SESSION_TOKEN"] ?? settings["AWS_SECURITY_TOKEN"],
        expiration: settings["AWS_CREDENTIAL_EXPIRATION"].flatMap { UTCTime.parse(iso: $0)?.seconds }),
      detail: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
  }

  func sharedCredentials(_ profile: String) throws(CredentialError) -> Answer {
    guard let keys = settings.credentialsFile[profile] else {
      return .absent("\(settings.credentialsPath) has no profile '\(profile)'" + note(settings.credentialsFile))
    }
    return try keysOf(keys, "profile '\(profile)' of \(settings.credentialsPath)")
  }

  func configFile(_ profile: String) throws(CredentialError) -> Answer {
    guard let keys = settings.configProfile(profile) else {
      return .absent("\(settings.configPath) has no profile '\(profile)'" + note(settings.config))
    }
    return try keysOf(keys, "profile '\(profile)' of \(settings.configPath)")
  }

  private func note(_ file: AWSConfigFile) -> String { file.problems.first.map { " (\($0))" } ?? "" }

  private func keysOf(_ keys: [String: String], _ place: String) throws(CredentialError) -> Answer {
    guard let id = keys["aws_access_key_id"], !id.isEmpty else { return .absent("\(place) has no aws_access_key_id") }
    guard let secret = keys["aws_secret_access_key"], !secret.isEmpty else {
      // Half of a pair is a mistake, and the next source may be somebody else.
      throw CredentialError("\(place) has an aws_access_key_id and no aws_secret_access_key")
    }
    return .found(AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: keys["aws_session_token"]), detail: place)
  }

  // MARK: A program that knows

  func credentialProcess(_ profile: String) async throws(CredentialError) -> Answer {
    guard let command = settings.configProfile(profile)?["credential_process"] ?? settings.credentialsFile[profile]?["credential_process"]
    else { return .absent("profile '\(profile)' has no credential_process") }
    let output = try await CredentialProcess.run(command)
    let what = "the answer of credential_process"
    let root = try Self.json(output, what)
    guard root["Version"]?.int64 == 1 else { throw CredentialError("\(what) has not \"Version\": 1") }
    return .found(try Self.credentials(root, token: "SessionToken", what), detail: "the program that profile '\(profile)' names")
  }

  // MARK: JSON answers

  static func json(_ bytes: [UInt8], _ what: String) throws(CredentialError) -> JSONValue {
    do throws(JSONError) {
      return try JSONDocument(bytes).root
    } catch {
      // The bytes may hold a secret: only the place is told.
      throw CredentialError("\(what) is no JSON (byte \(error.offset))")
    }
  }

  static func credentials(_ root: JSONValue, token: String, _ what: String) throws(CredentialError) -> AWSCredentials {
    guard root.kind == .object, let id = root["AccessKeyId"]?.string, let secret = root["SecretAccessKey"]?.string, !id.isEmpty,
      !secret.isEmpty
    else { throw CredentialError("\(what) lacks AccessKeyId or SecretAccessKey") }
    var expiration: Int64?
    if let text = root["Expiration"]?.string {
      guard let moment = UTCTime.parse(iso: text) else { throw CredentialError("\(what): Expiration is no ISO 8601 time") }
      expiration = moment.seconds
    }
    return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: root[token]?.string, expiration: expiration)
  }
}

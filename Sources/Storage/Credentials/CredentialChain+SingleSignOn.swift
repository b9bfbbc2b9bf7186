import Digests
import JSONText

/// Credentials of a single sign-on: a token that `aws sso login` left in a file is renewed while its session lasts, and exchanged for keys of a role.
///
///     GET  portal.sso.<region>/federation/credentials?role_name=&account_id=     x-amz-sso_bearer_token   ->  roleCredentials
///     POST oidc.<region>/token  {clientId, clientSecret, grantType: refresh_token, refreshToken}          ->  accessToken, expiresIn, refreshToken?
///
/// - Source: botocore, credentials.py (SSOProvider) and tokens.py (SSOTokenProvider); AWS IAM Identity Center OIDC API, CreateToken.
extension CredentialChain {
  func singleSignOn(_ name: String) async throws(CredentialError) -> Answer {
    guard let profile = settings.configProfile(name), let account = profile["sso_account_id"], let role = profile["sso_role_name"] else {
      return .absent("profile '\(name)' has no sso_account_id and sso_role_name")
    }
    var section = profile
    var cacheName = profile["sso_start_url"]
    if let session = profile["sso_session"] {
      guard let found = settings.config["sso-session " + session] else {
        throw CredentialError("profile '\(name)' names sso_session '\(session)', which \(settings.configPath) does not have")
      }
      section = found
      cacheName = session
    }
    guard let cacheName, let region = section["sso_region"] else {
      throw CredentialError("profile '\(name)' lacks sso_region, or sso_session or sso_start_url")
    }
    let login = "run 'aws sso login --profile \(name)'"
    let (token, note) = try await signOnToken(cacheName, region: region, login)
    var url = try settings.endpoint("sso", host: "portal.sso", region: region)
    url.path = (url.path == "/" ? "" : url.path) + "/federation/credentials"
    url.query = [HTTPURL.QueryItem("role_name", role), HTTPURL.QueryItem("account_id", account)]
    let portal = "the single sign-on portal"
    let reply = try await ask(HTTPRequest(.get, url, headers: HTTPHeaders([("x-amz-sso_bearer_token", token.access)])), portal, ifUnauthorized: login)
    let root = try Self.json(reply, "the answer of \(portal)")
    guard let keys = root["roleCredentials"], let id = keys["accessKeyId"]?.string, let secret = keys["secretAccessKey"]?.string,
      let milliseconds = keys["expiration"]?.int64
    else { throw CredentialError("the answer of \(portal) holds no roleCredentials") }
    return .found(
      AWSCredentials(
        accessKeyID: id, secretAccessKey: secret, sessionToken: keys["sessionToken"]?.string, expiration: milliseconds / 1_000),
      detail: "role \(role) in account \(account) of profile '\(name)', by the token in \(token.file)\(note)")
  }

  // MARK: The token

  /// Renewed from so many seconds before its end on.
  private static let renewalMargin: Int64 = 900

  /// A token that is good now.
  ///
  /// - Returns: with it what there is to say of its renewal, for `frazil whoami`.
  private func signOnToken(_ cacheName: String, region: String, _ login: String) async throws(CredentialError) -> (SignOnToken, note: String) {
    let file = (settings["HOME"] ?? "") + "/.aws/sso/cache/" + MessageDigest.hexadecimal(MessageDigest.sha1.hash(Array(cacheName.utf8))) + ".json"
    let known = try SignOnToken(file, login)
    guard known.end - Self.renewalMargin <= clock.seconds else { return (known, "") }
    let reason: String
    do throws(CredentialError) {
      let renewed = try await renewed(known, region: region)
      do throws(StorageError) { try renewed.keep() } catch {
        return (renewed, "; it was renewed, but could not be written there: \(error.message)")
      }
      return (renewed, ", which was renewed")
    } catch { reason = error.message }
    // Another process may have been faster; the refresh token that both had is then used up.
    let other = try SignOnToken(file, login)
    if other.access != known.access, other.end > clock.seconds { return (other, "") }
    if known.end > clock.seconds { return (known, "; it could not be renewed: \(reason)") }
    throw CredentialError("the token of the single sign-on has expired and cannot be renewed: \(reason); \(login)")
  }

  private func renewed(_ token: SignOnToken, region: String) async throws(CredentialError) -> SignOnToken {
    guard let registration = token.registration else {
      throw CredentialError("\(token.file) lacks refreshToken, clientId, clientSecret or registrationExpiresAt")
    }
    guard registration.end > clock.seconds else { throw CredentialError("the registration of the AWS command line has expired as well") }
    var url = try settings.endpoint("sso_oidc", host: "oidc", region: region)
    url.path = (url.path == "/" ? "" : url.path) + "/token"
    var json = JSONWriter(style: .compact)
    json.object { json in
      json.member("clientId", registration.id)
      json.member("clientSecret", registration.secret)
      json.member("grantType", "refresh_token")
      json.member("refreshToken", registration.refreshToken)
    }
    let request = HTTPRequest(.post, url, headers: HTTPHeaders([("Content-Type", "application/json")]), body: ByteSlice(json.take()))
    let who = "\(url.scheme)://\(url.authority)\(url.path)"
    let reply: AWSRequestSender.Reply
    do throws(AWSCallError) {
      // Sent again only when it was refused: a refresh token may be good for one answer alone.
      reply = try await AWSRequestSender(http: http, credentials: nil, retry: retry, clock: clock).send(
        request, signer: SigV4Signer(service: "", region: ""), isRepeatable: false)
    } catch { throw CredentialError("POST \(who) gives no answer: \(error.message)") }
    if let error = reply.error {
      // Of the refusal only its code: more might repeat what was sent.
      let code = error.code.isEmpty ? (try? JSONDocument(reply.response.body.array).root["error"]?.string) ?? "" : error.code
      throw CredentialError("POST \(who) answered \(error.status)\(code.isEmpty ? "" : " \(code.prefix(80))")")
    }
    let root = try Self.json(reply.response.body.array, "the answer to POST \(who)")
    guard let access = root["accessToken"]?.string, !access.isEmpty, let seconds = root["expiresIn"]?.int64, (1...31_536_000).contains(seconds) else {
      throw CredentialError("the answer to POST \(who) lacks accessToken or expiresIn")
    }
    return token.renewed(access: access, end: clock.seconds + seconds, refreshToken: root["refreshToken"]?.string)
  }
}

/// A file that `aws sso login` writes: what it says, and all else that stands in it.
private struct SignOnToken {
  /// What renews a token.
  struct Registration {
    let id: String
    let secret: String
    let refreshToken: String
    /// Seconds since 1970 UTC.
    let end: Int64
  }

  let file: String
  let access: String
  /// Seconds since 1970 UTC.
  let end: Int64
  /// The texts of the file by key.
  private let members: [String: String]

  init(_ file: String, _ login: String) throws(CredentialError) {
    let bytes: [UInt8]
    do throws(StorageError) { bytes = try AWSSettings.bytes(file) } catch {
      throw CredentialError("there is no token of the single sign-on (\(error)); \(login)")
    }
    let root = try CredentialChain.json(bytes, "the token file \(file)")
    guard let access = root["accessToken"]?.string, let end = root["expiresAt"]?.string.flatMap({ UTCTime.parse(iso: $0) }) else {
      throw CredentialError("the token file \(file) lacks accessToken or expiresAt; \(login)")
    }
    var members: [String: String] = [:]
    for member in root.members { members[member.key] = member.value.string }
    self.init(file, access, end.seconds, members)
  }

  private init(_ file: String, _ access: String, _ end: Int64, _ members: [String: String]) {
    self.file = file
    self.access = access
    self.end = end
    self.members = members
  }

  /// Nil for a token of the older kind, which ends with its time.
  var registration: Registration? {
    guard let id = members["clientId"], let secret = members["clientSecret"], let refreshToken = members["refreshToken"],
      let end = members["registrationExpiresAt"].flatMap({ UTCTime.parse(iso: $0) })
    else { return nil }
    return Registration(id: id, secret: secret, refreshToken: refreshToken, end: end.seconds)
  }

  func renewed(access: String, end: Int64, refreshToken: String?) -> SignOnToken {
    var members = members
    members["accessToken"] = access
    members["expiresAt"] = UTCTime.extended(end)
    if let refreshToken, !refreshToken.isEmpty { members["refreshToken"] = refreshToken }
    return SignOnToken(file, access, end, members)
  }

  /// Puts the file in place of the one that is there, readable for its owner alone, as the AWS command line does.
  func keep() throws(StorageError) {
    var json = JSONWriter(style: .compact)
    json.object { json in
      for (key, value) in members.sorted(by: { $0.key < $1.key }) { json.member(key, value) }
    }
    let writer = try LocalFileWriter(Location(file), path: file, if: .none, .synced, permissions: 0o600)
    try writer.append(json.take())
    _ = try writer.finish()
  }
}

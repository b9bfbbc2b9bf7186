/// Credentials that the Security Token Service hands out for a role.
extension CredentialChain {
  // MARK: Assume role

  func assumeRoleProfile() async throws(CredentialError) -> Answer {
    let name = settings.profileName
    guard let profile = settings.configProfile(name), profile["role_arn"] != nil else {
      return .absent("profile '\(name)' has no role_arn")
    }
    guard profile["source_profile"] != nil || profile["credential_source"] != nil else {
      return .absent("profile '\(name)' has a role_arn without source_profile or credential_source")
    }
    let (credentials, path) = try await assumeRole(name, after: [])
    return .found(credentials, detail: path)
  }

  /// - Parameter visited: the profiles that led here, against circles.
  private func assumeRole(_ name: String, after visited: [String]) async throws(CredentialError) -> (AWSCredentials, path: String) {
    guard let profile = settings.configProfile(name), let role = profile["role_arn"] else {
      throw CredentialError("profile '\(name)' has no role_arn")
    }
    if profile["mfa_serial"] != nil {
      throw CredentialError(
        "profile '\(name)' wants a code of a second factor (mfa_serial), which cannot be asked for here; use 'aws configure export-credentials' or a session token")
    }
    let source: AWSCredentials
    let origin: String
    if let sourceName = profile["source_profile"] {
      (source, origin) = try await sourceProfile(sourceName, of: name, after: visited + [name])
    } else {
      (source, origin) = try await credentialSource(profile["credential_source"] ?? "", of: name)
    }
    var parameters = [("RoleArn", role), ("RoleSessionName", profile["role_session_name"] ?? "frazil-\(clock.seconds)")]
    if let id = profile["external_id"] { parameters.append(("ExternalId", id)) }
    if let seconds = profile["duration_seconds"] { parameters.append(("DurationSeconds", seconds)) }
    let region = profile["region"] ?? settings.region ?? "us-east-1"
    let credentials = try await callSTS("AssumeRole", parameters, region: region, as: FixedCredentials(source))
    return (credentials, "role \(role) of profile '\(name)', by \(origin)")
  }

  private func sourceProfile(_ name: String, of user: String, after visited: [String]) async throws(CredentialError)
    -> (AWSCredentials, String)
  {
    guard settings.configProfile(name) != nil || settings.credentialsFile[name] != nil else {
      throw CredentialError("profile '\(user)' names source_profile '\(name)', which does not exist")
    }
    // A profile may name itself: its role with its own keys.
    if visited.last != name, settings.configProfile(name)?["role_arn"] != nil {
      if visited.contains(name) {
        throw CredentialError("the source_profile of '\(user)' leads in a circle: \((visited + [name]).joined(separator: " → "))")
      }
      let isWebIdentity = settings.configProfile(name)?["web_identity_token_file"] != nil
      if !isWebIdentity { return try await assumeRole(name, after: visited) }
    }
    for answer in [try sharedCredentials(name), try configFile(name)] {
      if case .found(let credentials, let detail) = answer { return (credentials, detail) }
    }
    if case .found(let credentials, let detail) = try await webIdentity(profile: name) { return (credentials, detail) }
    if case .found(let credentials, let detail) = try await singleSignOn(name) { return (credentials, detail) }
    if case .found(let credentials, let detail) = try await credentialProcess(name) { return (credentials, detail) }
    throw CredentialError("profile '\(user)' names source_profile '\(name)', which has no credentials")
  }

  private func credentialSource(_ source: String, of name: String) async throws(CredentialError) -> (AWSCredentials, String) {
    let answer: Answer
    switch source {
    case "Environment": answer = try environment()
    case "EcsContainer": answer = try await container()
    case "Ec2InstanceMetadata": answer = try await instanceMetadata()
    default:
      throw CredentialError(
        "credential_source '\(source)' of profile '\(name)' is not one of Environment, EcsContainer, Ec2InstanceMetadata")
    }
    switch answer {
    case .found(let credentials, let detail): return (credentials, detail)
    case .absent(let reason): throw CredentialError("credential_source '\(source)' of profile '\(name)': \(reason)")
    }
  }

  // MARK: Web identity

  func webIdentity() async throws(CredentialError) -> Answer {
    if let file = settings["AWS_WEB_IDENTITY_TOKEN_FILE"] {
      guard let role = settings["AWS_ROLE_ARN"] else { return .absent("AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not") }
      return try await webIdentity(file: file, role: role, session: settings["AWS_ROLE_SESSION_NAME"], region: settings.region)
    }
    let answer = try await webIdentity(profile: settings.profileName)
    if case .absent(let reason) = answer { return .absent("AWS_WEB_IDENTITY_TOKEN_FILE is not set, " + reason) }
    return answer
  }

  private func webIdentity(profile name: String) async throws(CredentialError) -> Answer {
    guard let profile = settings.configProfile(name), let file = profile["web_identity_token_file"] else {
      return .absent("profile '\(name)' has no web_identity_token_file")
    }
    guard let role = profile["role_arn"] else { return .absent("profile '\(name)' has a web_identity_token_file without role_arn") }
    return try await webIdentity(
      file: file, role: role, session: profile["role_session_name"], region: profile["region"] ?? settings.region)
  }

  private func webIdentity(file: String, role: String, session: String?, region: String?) async throws(CredentialError) -> Answer {
    let token = try Self.text(file, "the web identity token")
    let credentials = try await callSTS(
      "AssumeRoleWithWebIdentity",
      [("RoleArn", role), ("RoleSessionName", session ?? "frazil-\(clock.seconds)"), ("WebIdentityToken", token)],
      region: region ?? "us-east-1", as: nil)
    return .found(credentials, detail: "role \(role) by the token in \(file)")
  }

  /// The text of a small file, without blanks at its ends.
  static func text(_ path: String, _ what: String) throws(CredentialError) -> String {
    do throws(StorageError) {
      let text = String(decoding: try AWSSettings.bytes(path), as: UTF8.self)
      return String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    } catch {
      throw CredentialError("\(what) cannot be read: \(error)")
    }
  }

  // MARK: STS

  /// - Source: AWS Security Token Service API, query protocol of 2011-06-15.
  private func callSTS(
    _ action: String, _ parameters: [(String, String)], region: String, as caller: (any AWSCredentialProvider)?
  ) async throws(CredentialError) -> AWSCredentials {
    let form = ([("Action", action), ("Version", "2011-06-15")] + parameters).map { name, value in
      PercentEncoding.encoded(name) + "=" + PercentEncoding.encoded(value)
    }.joined(separator: "&")
    let request = HTTPRequest(
      .post, try settings.endpoint("sts", region: region),
      headers: HTTPHeaders([("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]), body: ByteSlice(utf8: form))
    let sender = AWSRequestSender(http: http, credentials: caller, retry: retry, clock: clock)
    let reply: AWSRequestSender.Reply
    do throws(AWSCallError) {
      reply = try await sender.send(request, signer: SigV4Signer(service: "sts", region: region), isRepeatable: true)
    } catch {
      throw CredentialError("\(action) failed: \(error.message)")
    }
    if let error = reply.error { throw CredentialError("\(action) was refused: \(error.text)") }
    guard let root = try? XMLElement.parse(reply.response.body), let keys = root.first("\(action)Result")?.first("Credentials"),
      let id = keys.text(of: "AccessKeyId"), let secret = keys.text(of: "SecretAccessKey"), !id.isEmpty, !secret.isEmpty,
      let expiration = keys.text(of: "Expiration").flatMap({ UTCTime.parse(iso: $0) })
    else { throw CredentialError("the answer to \(action) holds no credentials") }
    return AWSCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: keys.text(of: "SessionToken"), expiration: expiration.seconds)
  }

  /// An unsigned request that must succeed.
  ///
  /// - Parameter hint: what to do about status 401.
  func ask(_ request: HTTPRequest, _ who: String, ifUnauthorized hint: String? = nil) async throws(CredentialError) -> [UInt8] {
    let sender = AWSRequestSender(http: http, credentials: nil, retry: retry, clock: clock)
    let reply: AWSRequestSender.Reply
    do throws(AWSCallError) {
      reply = try await sender.send(request, signer: SigV4Signer(service: "", region: ""), isRepeatable: true)
    } catch {
      throw CredentialError("\(who) gives no answer: \(error.message)")
    }
    if let error = reply.error {
      throw CredentialError("\(who) refused: \(error.text)" + (error.status == 401 ? hint.map { "; \($0)" } ?? "" : ""))
    }
    return reply.response.body.array
  }
}

import Digests
import Glibc
import Storage
import Synchronization
import TestSupport
import Testing

/// Every source of credentials, answered by a server of our own; and what the cache does with them.
struct CredentialTests {
  /// A moment that the made-up answers expire after: 2026-01-01T00:00:00Z.
  static let now: Int64 = 1_767_225_600
  static let expiration = "2026-01-01T01:00:00Z"

  static func chain(_ variables: [String: String], _ scratch: ScratchFolder, config: String = "", credentials: String = "") throws -> CredentialChain {
    try scratch.write(".aws/config", config)
    try scratch.write(".aws/credentials", credentials)
    var variables = variables
    variables["HOME"] = scratch.path
    if variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == nil { variables["AWS_EC2_METADATA_DISABLED"] = "true" }
    return CredentialChain(
      settings: AWSSettings(variables: variables), http: HTTPClient(), clock: AWSClock { now },
      retry: RetryPolicy(attempts: 2, sleep: { _ in }))
  }

  static func message(_ chain: CredentialChain) async -> String {
    do {
      return "found \(try await chain.resolve().accessKeyID)"
    } catch { return error.message }
  }

  static func sts(_ result: String, id: String) -> LocalHTTPServer.Reply {
    .text(
      200,
      "<?xml version=\"1.0\"?><\(result)Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><\(result)Result><Credentials><AccessKeyId>\(id)</AccessKeyId>"
        + "<SecretAccessKey>s&amp;cret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>\(expiration)</Expiration></Credentials></\(result)Result></\(result)Response>")
  }

  @Test("the environment comes first, and the report says why the others were not asked")
  func environment() async throws {
    let scratch = ScratchFolder()
    let chain = try Self.chain(
      ["AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"], scratch,
      credentials: "[default]\naws_access_key_id = FILE\naws_secret_access_key = x\n")
    let keys = try await chain.resolve()
    #expect(keys.accessKeyID == "ENV" && keys.sessionToken == "t" && keys.expiration == nil)
    let report = chain.lastAttempts
    #expect(report.count == 9 && report[0].outcome == .used && report[1...].allSatisfy { $0.outcome == .notAsked })
  }

  @Test("keys are read from the credentials file, then from the config file, of the profile in force")
  func files() async throws {
    let scratch = ScratchFolder()
    let text = "[default]\naws_access_key_id = D\naws_secret_access_key = d\n[other]\naws_access_key_id=O\naws_secret_access_key= o o \n"
    #expect(await Self.message(try Self.chain([:], scratch, credentials: text)) == "found D")
    let other = try await Self.chain(["AWS_PROFILE": "other"], scratch, credentials: text).resolve()
    #expect(other.accessKeyID == "O" && other.secretAccessKey == "o o")
    let config = try await Self.chain(["AWS_PROFILE": "c"], scratch, config: "[profile c]\n" + text.dropFirst(10).prefix(54)).resolve()
    #expect(config.accessKeyID == "D")
    let nobody = try Self.chain(["AWS_PROFILE": "nobody"], scratch, credentials: text)
    #expect(await Self.message(nobody).contains("no AWS credentials were found"))
    #expect(nobody.lastAttempts.contains { $0.source == "shared credentials file" && $0.detail.contains("has no profile 'nobody'") })
  }

  @Test("garbage in the files is passed over and named by its line")
  func garbage() async throws {
    var random = SeededRandom(11)
    let pieces = ["[", "]", "[default]", "[profile a b]", "=", "key", " ", "\t", "\n", "\r\n", "#", ";", "s3 =", "\u{0}", "ü", "a=b", "\"", "[profile \"x y\"]", "aws_access_key_id = A"]
    for _ in 0..<500 {
      let text = (0..<40).map { _ in pieces[Int(random.next() % UInt64(pieces.count))] }.joined()
      _ = AWSConfigFile(Array(text.utf8))
      _ = AWSConfigFile((0..<60).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }
    let file = AWSConfigFile(Array("stray = 1\n[a]\nx = 1\nnonsense\ns3 =\n  addressing_style = path\n\tmax = 2\nlong = one\n  two\n[broken\ny = 2\n[profile \"x y\"]\nZ=3".utf8))
    #expect(file.problems.map { String($0.prefix(7)) } == ["line 1:", "line 4:", "line 10", "line 11"])
    #expect(file["a"] == ["x": "1", "s3": "", "s3.addressing_style": "path", "s3.max": "2", "long": "one\ntwo"])
    #expect(file["profile x y"] == ["z": "3"])
  }

  @Test("a chain of roles is assumed one after the other, each signed with the one before")
  func assumeRole() async throws {
    let server = LocalHTTPServer { request in
      let role = request.bodyText.contains("first") ? "FIRST" : "SECOND"
      return Self.sts("AssumeRole", id: role)
    }
    defer { server.stop() }
    let scratch = ScratchFolder()
    let config = """
      [default]
      role_arn = arn:aws:iam::1:role/second
      source_profile = middle
      external_id = e+x
      role_session_name = me
      duration_seconds = 900
      [profile middle]
      role_arn = arn:aws:iam::1:role/first
      source_profile = base
      """
    let base = "[base]\naws_access_key_id = BASE\naws_secret_access_key = b\n"
    let chain = try Self.chain(["AWS_ENDPOINT_URL_STS": server.url], scratch, config: config, credentials: base)
    let keys = try await chain.resolve()
    #expect(keys.accessKeyID == "SECOND" && keys.secretAccessKey == "s&cret" && keys.expiration == Self.now + 3_600)
    let seen = server.requests
    #expect(seen.count == 2)
    #expect(seen[0].headers["authorization"]?.contains("Credential=BASE/20260101/us-east-1/sts/aws4_request") == true)
    #expect(seen[1].headers["authorization"]?.contains("Credential=FIRST/") == true && seen[1].headers["x-amz-security-token"] == "token")
    #expect(seen[1].bodyText.contains("ExternalId=e%2Bx") && seen[1].bodyText.contains("DurationSeconds=900") && seen[1].bodyText.contains("RoleSessionName=me"))
    #expect(chain.lastAttempts[1].outcome == .used)
    let circle = "[default]\nrole_arn = a\nsource_profile = b\n[profile b]\nrole_arn = c\nsource_profile = default\n"
    #expect(await Self.message(try Self.chain([:], scratch, config: circle)).contains("circle: default → b → default"))
    let missing = "[default]\nrole_arn = a\nsource_profile = gone\n"
    #expect(await Self.message(try Self.chain([:], scratch, config: missing)).contains("'gone', which does not exist"))
    let environment = "[default]\nrole_arn = first\ncredential_source = Environment\n"
    let byEnvironment = try Self.chain(
      ["AWS_ENDPOINT_URL_STS": server.url, "AWS_SECRET_ACCESS_KEY": "x"], scratch, config: environment)
    #expect(await Self.message(byEnvironment).contains("AWS_ACCESS_KEY_ID is not set"))
  }

  @Test("a refusal of the token service is told with its reason and without secrets")
  func refusal() async throws {
    let server = LocalHTTPServer { _ in
      .text(403, "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>not you</Message></Error><RequestId>r-1</RequestId></ErrorResponse>")
    }
    defer { server.stop() }
    let scratch = ScratchFolder()
    let config = "[default]\nrole_arn = r\nsource_profile = base\n"
    let chain = try Self.chain(["AWS_ENDPOINT_URL_STS": server.url], scratch, config: config, credentials: "[base]\naws_access_key_id = BASE\naws_secret_access_key = TOPSECRET\n")
    let text = await Self.message(chain)
    #expect(text == "credentials from assume-role profile: AssumeRole was refused: AccessDenied: not you (HTTP status 403, request id r-1)")
  }

  @Test("a web identity token is exchanged without a signature, by variables and by profile")
  func webIdentity() async throws {
    let server = LocalHTTPServer { _ in Self.sts("AssumeRoleWithWebIdentity", id: "WEB") }
    defer { server.stop() }
    let scratch = ScratchFolder()
    try scratch.write("token", "header.payload.sig\n")
    let variables = ["AWS_ENDPOINT_URL": server.url, "AWS_WEB_IDENTITY_TOKEN_FILE": scratch.path + "/token", "AWS_ROLE_ARN": "arn:r"]
    #expect(await Self.message(try Self.chain(variables, scratch)) == "found WEB")
    #expect(server.requests[0].headers["authorization"] == nil && server.requests[0].bodyText.contains("WebIdentityToken=header.payload.sig"))
    let config = "[default]\nrole_arn = arn:p\nweb_identity_token_file = \(scratch.path)/token\nendpoint_url = \(server.url)\n"
    #expect(await Self.message(try Self.chain([:], scratch, config: config)) == "found WEB")
    let gone = ["AWS_WEB_IDENTITY_TOKEN_FILE": scratch.path + "/gone", "AWS_ROLE_ARN": "arn:r"]
    #expect(await Self.message(try Self.chain(gone, scratch)).contains("the web identity token cannot be read"))
  }

  @Test("a token of the single sign-on is exchanged; an old or missing one says what to run")
  func singleSignOn() async throws {
    let server = LocalHTTPServer { _ in
      .text(200, "{\"roleCredentials\":{\"accessKeyId\":\"SSO\",\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"expiration\":\((Self.now + 60) * 1_000)}}")
    }
    defer { server.stop() }
    let scratch = ScratchFolder()
    let config = """
      [default]
      sso_session = corp
      sso_account_id = 123456789012
      sso_role_name = Reader
      [sso-session corp]
      sso_region = eu-west-1
      sso_start_url = https://corp.awsapps.com/start
      """
    let variables = ["AWS_ENDPOINT_URL_SSO": server.url]
    #expect(await Self.message(try Self.chain(variables, scratch, config: config)).contains("run 'aws sso login --profile default'"))
    let name = MessageDigest.hexadecimal(MessageDigest.sha1.hash(Array("corp".utf8)))
    try scratch.write(".aws/sso/cache/\(name).json", "{\"accessToken\":\"tok\",\"expiresAt\":\"2025-12-31T23:59:59Z\"}")
    #expect(await Self.message(try Self.chain(variables, scratch, config: config)).contains("has expired"))
    try scratch.write(".aws/sso/cache/\(name).json", "{\"accessToken\":\"tok\",\"expiresAt\":\"2026-01-01T00:00:01UTC\"}")
    let keys = try await Self.chain(variables, scratch, config: config).resolve()
    #expect(keys.accessKeyID == "SSO" && keys.expiration == Self.now + 60)
    #expect(server.requests.last?.target == "/federation/credentials?account_id=123456789012&role_name=Reader")
    #expect(server.requests.last?.headers["x-amz-sso_bearer_token"] == "tok")
  }

  private static let session = """
    [default]
    sso_session = corp
    sso_account_id = 123456789012
    sso_role_name = Reader
    [sso-session corp]
    sso_region = eu-west-1
    sso_start_url = https://corp.awsapps.com/start
    """

  /// A token of the session, near its end or behind it, that can be renewed.
  private static func writeToken(_ scratch: ScratchFolder, expiresAt: String, registrationExpiresAt: String? = "2026-03-01T00:00:00Z") throws -> String {
    let path = ".aws/sso/cache/" + MessageDigest.hexadecimal(MessageDigest.sha1.hash(Array("corp".utf8))) + ".json"
    let registration = registrationExpiresAt.map { ",\"clientId\":\"the-client\",\"clientSecret\":\"cl1ent-s3cret\",\"registrationExpiresAt\":\"\($0)\",\"refreshToken\":\"r3fresh-1\"" } ?? ""
    try scratch.write(path, "{\"startUrl\":\"https://corp.awsapps.com/start\",\"region\":\"eu-west-1\",\"accessToken\":\"t0ken-1\",\"expiresAt\":\"\(expiresAt)\"\(registration)}")
    return scratch.path + "/" + path
  }

  /// A portal that takes any token, and a token service that answers so.
  private static func signOn(_ token: @escaping @Sendable (LocalHTTPServer.Request) -> LocalHTTPServer.Reply) -> LocalHTTPServer {
    LocalHTTPServer { request in
      if request.path.hasSuffix("/token") { return token(request) }
      if request.headers["x-amz-sso_bearer_token"] == "revoked" { return .text(401, "{\"message\":\"Session token not found or invalid\"}", [("x-amzn-ErrorType", "UnauthorizedException")]) }
      return .text(200, "{\"roleCredentials\":{\"accessKeyId\":\"\(request.headers["x-amz-sso_bearer_token"] ?? "")\",\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"expiration\":\((now + 3_600) * 1_000)}}")
    }
  }

  @Test("a token of a session is renewed from 15 minutes before its end on, and put in place of the old one for its owner alone", arguments: ["2026-01-01T00:14:59Z", "2025-12-31T12:00:00Z"])
  func renewedSignOn(expiresAt: String) async throws {
    let server = Self.signOn { _ in .text(200, #"{"accessToken":"t0ken-2","expiresIn":28800,"refreshToken":"r3fresh-2","tokenType":"Bearer"}"#) }
    defer { server.stop() }
    let scratch = ScratchFolder()
    let file = try Self.writeToken(scratch, expiresAt: expiresAt)
    let variables = ["AWS_ENDPOINT_URL_SSO": server.url, "AWS_ENDPOINT_URL_SSO_OIDC": server.url + "/oidc"]
    let chain = try Self.chain(variables, scratch, config: Self.session)
    #expect(try await chain.resolve().accessKeyID == "t0ken-2")
    let asked = try #require(server.requests.first)
    #expect(asked.method == "POST" && asked.target == "/oidc/token" && asked.headers["content-type"] == "application/json" && asked.headers["authorization"] == nil)
    #expect(asked.bodyText == #"{"clientId":"the-client","clientSecret":"cl1ent-s3cret","grantType":"refresh_token","refreshToken":"r3fresh-1"}"#)
    let written = String(decoding: try await LocalStore().read(Location(file), nil).array, as: UTF8.self)
    #expect(
      written
        == #"{"accessToken":"t0ken-2","clientId":"the-client","clientSecret":"cl1ent-s3cret","expiresAt":"2026-01-01T08:00:00Z","refreshToken":"r3fresh-2","region":"eu-west-1","registrationExpiresAt":"2026-03-01T00:00:00Z","startUrl":"https://corp.awsapps.com/start"}"#)
    var status = stat()
    #expect(stat(file, &status) == 0 && status.st_mode & 0o777 == 0o600)
    // The next look-up finds the new one.
    #expect(try await chain.resolve().accessKeyID == "t0ken-2" && server.requests.filter { $0.path.hasSuffix("/token") }.count == 1)
    let used = try #require(chain.lastAttempts.first { $0.outcome == .used })
    #expect(used.source == "SSO" && used.detail.contains(file))
  }

  @Test("a token that is good for more than 15 minutes is not renewed")
  func youngSignOn() async throws {
    let server = Self.signOn { _ in .text(500, "") }
    defer { server.stop() }
    let scratch = ScratchFolder()
    _ = try Self.writeToken(scratch, expiresAt: "2026-01-01T00:15:01Z")
    #expect(await Self.message(try Self.chain(["AWS_ENDPOINT_URL": server.url], scratch, config: Self.session)) == "found t0ken-1")
    #expect(server.requests.count == 1)
  }

  @Test(
    "what cannot be renewed is used while it lasts; afterwards the reason is told and what to run, and no secret",
    arguments: [
      (400, #"{"error":"invalid_grant","error_description":"r3fresh-1 of cl1ent-s3cret is used up"}"#, "answered 400 invalid_grant"),
      (401, #"{"__type":"InvalidClientException","message":"cl1ent-s3cret"}"#, "answered 401 InvalidClientException"),
      (500, "<html>r3fresh-1</html>", "answered 500"), (200, "r3fresh-1", "is no JSON"), (200, "{}", "lacks accessToken or expiresIn"),
      (200, #"{"accessToken":"x","expiresIn":-1}"#, "lacks accessToken or expiresIn"),
    ])
  func signOnNotRenewed(status: Int, body: String, reason: String) async throws {
    let server = Self.signOn { _ in .text(status, body) }
    defer { server.stop() }
    let scratch = ScratchFolder()
    let variables = ["AWS_ENDPOINT_URL": server.url]
    _ = try Self.writeToken(scratch, expiresAt: "2026-01-01T00:05:00Z")
    let early = try Self.chain(variables, scratch, config: Self.session)
    #expect(await Self.message(early) == "found t0ken-1")
    #expect(early.lastAttempts.contains { $0.outcome == .used && $0.detail.contains("could not be renewed") && $0.detail.contains(reason) })
    _ = try Self.writeToken(scratch, expiresAt: "2025-12-31T23:59:00Z")
    let late = try Self.chain(variables, scratch, config: Self.session)
    let message = await Self.message(late)
    #expect(message.contains("has expired and cannot be renewed") && message.contains(reason) && message.contains("run 'aws sso login --profile default'"), "\(message)")
    for text in [message] + (early.lastAttempts + late.lastAttempts).map(\.detail) {
      #expect(!text.contains("cl1ent-s3cret") && !text.contains("r3fresh") && !text.contains("t0ken"), "\(text)")
    }
  }

  @Test("a registration that has ended, or is not there, is told; a faster process's token is taken; a revoked one says what to run")
  func signOnAmongOthers() async throws {
    let scratch = ScratchFolder()
    let other = scratch.path
    let server = Self.signOn { _ in
      // Somebody else has renewed it meanwhile.
      let path = other + "/.aws/sso/cache/" + MessageDigest.hexadecimal(MessageDigest.sha1.hash(Array("corp".utf8))) + ".json"
      if let writer = try? LocalStore().openWriter(Location(path), if: .none, .buffered) {
        try? writer.append(Array(#"{"accessToken":"t0ken-of-another","expiresAt":"2026-01-01T08:00:00Z"}"#.utf8))
        _ = try? writer.finish()
      }
      return .text(400, #"{"error":"invalid_grant"}"#)
    }
    defer { server.stop() }
    let variables = ["AWS_ENDPOINT_URL": server.url]
    _ = try Self.writeToken(scratch, expiresAt: "2025-12-31T23:00:00Z")
    #expect(await Self.message(try Self.chain(variables, scratch, config: Self.session)) == "found t0ken-of-another")
    _ = try Self.writeToken(scratch, expiresAt: "2025-12-31T23:00:00Z", registrationExpiresAt: "2025-12-31T23:30:00Z")
    #expect(await Self.message(try Self.chain(variables, scratch, config: Self.session)).contains("registration of the AWS command line has expired"))
    _ = try Self.writeToken(scratch, expiresAt: "2025-12-31T23:00:00Z", registrationExpiresAt: nil)
    #expect(await Self.message(try Self.chain(variables, scratch, config: Self.session)).contains("lacks refreshToken"))
    let path = ".aws/sso/cache/" + MessageDigest.hexadecimal(MessageDigest.sha1.hash(Array("corp".utf8))) + ".json"
    try scratch.write(path, #"{"accessToken":"revoked","expiresAt":"2026-01-01T08:00:00Z"}"#)
    let revoked = await Self.message(try Self.chain(variables, scratch, config: Self.session))
    #expect(revoked.contains("UnauthorizedException") && revoked.hasSuffix("run 'aws sso login --profile default'"), "\(revoked)")
  }

  @Test("a program is run without a shell; its failure is told without its output")
  func process() async throws {
    let scratch = ScratchFolder()
    try scratch.write("keys.json", "{\"Version\":1,\"AccessKeyId\":\"PROC\",\"SecretAccessKey\":\"s\",\"Expiration\":\"\(Self.expiration)\"}")
    let keys = try await Self.chain([:], scratch, config: "[default]\ncredential_process = /bin/cat \"\(scratch.path)/keys.json\"\n").resolve()
    #expect(keys.accessKeyID == "PROC" && keys.expiration == Self.now + 3_600)
    let failures = [
      ("/bin/sh -c 'echo SECRET; exit 3'", "failed with status 3"), ("/no/such/program", "cannot be started"), ("/bin/echo SECRET", "is no JSON"),
      ("/bin/echo '{\"Version\":2}'", "has not \"Version\": 1"), ("'open", "does not end"), ("/bin/echo '{\"Version\":1}'", "lacks AccessKeyId"),
    ]
    for (command, words) in failures {
      let text = await Self.message(try Self.chain([:], scratch, config: "[default]\ncredential_process = \(command)\n"))
      #expect(text.contains(words) && !text.contains("SECRET"), "\(text)")
    }
  }

  @Test("a container's service is asked with its token, and only at places that are safe")
  func container() async throws {
    let server = LocalHTTPServer { request in
      request.headers["authorization"] == "Basic xyz"
        ? .text(200, "{\"AccessKeyId\":\"BOX\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"\(Self.expiration)\"}") : .text(401, "")
    }
    defer { server.stop() }
    let scratch = ScratchFolder()
    try scratch.write("auth", "Basic xyz\n")
    let variables = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/v2/credentials"]
    #expect(await Self.message(try Self.chain(variables.merging(["AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic xyz"]) { $1 }, scratch)) == "found BOX")
    #expect(await Self.message(try Self.chain(variables.merging(["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": scratch.path + "/auth"]) { $1 }, scratch)) == "found BOX")
    #expect(await Self.message(try Self.chain(variables, scratch)).contains("HTTP status 401"))
    let elsewhere = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/keys"]
    #expect(await Self.message(try Self.chain(elsewhere, scratch)).contains("only this machine"))
  }

  @Test("instance metadata is asked by version 2; garbage and silence end the look-up in words")
  func instanceMetadata() async throws {
    let mode = Mutex("good")
    let server = LocalHTTPServer { request in
      if request.method == "PUT" { return request.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600" ? .text(200, "T0K") : .text(400, "") }
      guard request.headers["x-aws-ec2-metadata-token"] == "T0K" else { return .text(401, "") }
      if request.path.hasSuffix("security-credentials/") { return .text(200, "my role\n") }
      guard request.path.hasSuffix("/my%20role") else { return .text(404, "") }
      return mode.withLock { $0 } == "good"
        ? .text(200, "{\"Code\":\"Success\",\"AccessKeyId\":\"EC2\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"\(Self.expiration)\"}")
        : .text(200, "{\"Code\":\"Success\",")
    }
    defer { server.stop() }
    let scratch = ScratchFolder()
    let variables = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]
    #expect(await Self.message(try Self.chain(variables, scratch)) == "found EC2")
    mode.withLock { $0 = "bad" }
    #expect(await Self.message(try Self.chain(variables, scratch)).contains("is no JSON"))
    let silent = LocalHTTPServer { _ in .silence }
    defer { silent.stop() }
    let quick = ["AWS_EC2_METADATA_SERVICE_ENDPOINT": silent.url, "AWS_METADATA_SERVICE_TIMEOUT": "0.2"]
    #expect(await Self.message(try Self.chain(quick, scratch)).contains("no AWS credentials were found"))
  }

  @Test("many that ask at once cause one refresh; keys are renewed before they expire, and kept while they still work")
  func caching() async throws {
    let clock = Atomic<Int64>(Self.now)
    let calls = Atomic<Int>(0)
    let fails = Atomic<Bool>(false)
    let cache = CachedCredentials(now: { clock.load(ordering: .relaxed) }) { () async throws(CredentialError) in
      let number = calls.add(1, ordering: .relaxed).newValue
      for _ in 0..<50 { await Task.yield() }
      if fails.load(ordering: .relaxed) { throw CredentialError("down") }
      return AWSCredentials(accessKeyID: "K\(number)", secretAccessKey: "s", expiration: clock.load(ordering: .relaxed) + 3_600)
    }
    func askMany() async throws -> Set<String> {
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<32 { group.addTask { try await cache.credentials().accessKeyID } }
        return try await group.reduce(into: []) { $0.insert($1) }
      }
    }
    #expect(try await askMany() == ["K1"] && calls.load(ordering: .relaxed) == 1)
    clock.store(Self.now + 3_000, ordering: .relaxed)  // 10 minutes left
    #expect(try await askMany() == ["K2"] && calls.load(ordering: .relaxed) == 2)
    fails.store(true, ordering: .relaxed)
    clock.store(Self.now + 3_000 + 3_500, ordering: .relaxed)
    #expect(try await cache.credentials().accessKeyID == "K2")
    clock.store(Self.now + 3_000 + 3_601, ordering: .relaxed)
    await #expect(throws: CredentialError.self) { try await cache.credentials() }
    fails.store(false, ordering: .relaxed)
    let used = try await cache.credentials()
    #expect(await cache.renew(used))
    #expect(try await cache.credentials() != used)
  }

  @Test("endpoints are found in AWS's order")
  func endpoints() throws {
    let scratch = ScratchFolder()
    try scratch.write(".aws/config", "[default]\nservices = dev\nendpoint_url = http://profile\n[services dev]\ns3 =\n  endpoint_url = http://section\n")
    func endpoint(_ service: String, _ variables: [String: String]) throws -> String {
      try AWSSettings(variables: variables.merging(["HOME": scratch.path]) { $1 }).endpoint(service, region: "eu-west-1").text
    }
    #expect(try endpoint("s3", ["AWS_ENDPOINT_URL_S3": "http://own", "AWS_ENDPOINT_URL": "http://all"]) == "http://own/")
    #expect(try endpoint("glue", ["AWS_ENDPOINT_URL_S3": "http://own", "AWS_ENDPOINT_URL": "http://all"]) == "http://all/")
    #expect(try endpoint("s3", [:]) == "http://section/")
    #expect(try endpoint("glue", [:]) == "http://profile/")
    #expect(try endpoint("s3", ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"]) == "https://s3.eu-west-1.amazonaws.com/")
    #expect(throws: CredentialError.self) { try endpoint("s3", ["AWS_ENDPOINT_URL": "nonsense"]) }
  }
}

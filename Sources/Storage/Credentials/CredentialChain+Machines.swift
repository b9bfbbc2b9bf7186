import JSONText

/// Credentials that the machine or the container hands out.
extension CredentialChain {
  // MARK: Container

  func container() async throws(CredentialError) -> Answer {
    let url: HTTPURL
    if let path = settings["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      guard let relative = HTTPURL("http://169.254.170.2" + path), path.hasPrefix("/") else {
        throw CredentialError("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path")
      }
      url = relative
    } else if let text = settings["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
      guard let full = HTTPURL(text) else { throw CredentialError("AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL") }
      // Keys must not go over a wire in the clear.
      let allowed = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]
      guard full.scheme == "https" || full.isLoopback || allowed.contains(full.host) else {
        throw CredentialError(
          "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to \(full.host); without https only this machine and the container's own addresses are allowed")
      }
      url = full
    } else {
      return .absent("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set")
    }
    var request = HTTPRequest(.get, url, headers: HTTPHeaders([("Accept", "application/json")]))
    request.limits = Self.metadataLimits(milliseconds: 2_000)
    if let file = settings["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
      request.headers["Authorization"] = try Self.text(file, "the container's authorization token")
    } else if let token = settings["AWS_CONTAINER_AUTHORIZATION_TOKEN"] {
      request.headers["Authorization"] = token
    }
    let what = "the answer of the container's credential service"
    let root = try Self.json(try await ask(request, "the container's credential service"), what)
    return .found(try Self.credentials(root, token: "Token", what), detail: "the credential service at \(url.host)")
  }

  // MARK: Instance metadata, version 2

  func instanceMetadata() async throws(CredentialError) -> Answer {
    if settings.isTrue("AWS_EC2_METADATA_DISABLED") { return .absent("AWS_EC2_METADATA_DISABLED is true") }
    let base =
      settings["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? settings.profileValue("ec2_metadata_service_endpoint")
      ?? (settings["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6" ? "http://[fd00:ec2::254]" : "http://169.254.169.254")
    guard let endpoint = HTTPURL(base) else { throw CredentialError("AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL") }
    let timeout = (settings["AWS_METADATA_SERVICE_TIMEOUT"] ?? settings.profileValue("metadata_service_timeout")).flatMap(Double.init) ?? 1
    let limits = Self.metadataLimits(milliseconds: Int(min(max(timeout, 0.1), 60) * 1_000))
    func request(_ method: HTTPRequest.Method, _ path: String, _ headers: [(String, String)]) -> HTTPRequest {
      var url = endpoint
      url.path = (endpoint.path == "/" ? "" : endpoint.path) + path
      var request = HTTPRequest(method, url, headers: HTTPHeaders(headers), body: method == .put ? .empty : nil)
      request.limits = limits
      return request
    }
    let token: String
    do throws(HTTPError) {
      let response = try await http.send(request(.put, "/latest/api/token", [("X-aws-ec2-metadata-token-ttl-seconds", "21600")]))
      guard response.isSuccess else { return .absent("\(endpoint.host) refuses a token (HTTP status \(response.status))") }
      token = response.body.string
    } catch {
      return .absent("no instance metadata: \(error.message)")
    }
    let header = [("X-aws-ec2-metadata-token", token)]
    let path = "/latest/meta-data/iam/security-credentials/"
    let list: HTTPResponse
    do throws(HTTPError) { list = try await http.send(request(.get, path, header)) } catch {
      throw CredentialError("the instance metadata service gives no answer: \(error.message)")
    }
    let role = list.body.string.split(separator: "\n").first.map(String.init) ?? ""
    guard list.isSuccess, !role.isEmpty else { return .absent("this instance has no role") }
    let what = "the answer of the instance metadata service"
    let answer = try await ask(
      request(.get, path + PercentEncoding.encoded(role), header), "the instance metadata service")
    let root = try Self.json(answer, what)
    if let code = root["Code"]?.string, code != "Success" {
      throw CredentialError("the instance metadata service has no credentials for role '\(role)': \(code)")
    }
    return .found(try Self.credentials(root, token: "Token", what), detail: "role '\(role)' of this instance")
  }

  private static func metadataLimits(milliseconds: Int) -> HTTPLimits {
    var limits = HTTPLimits()
    limits.connectMilliseconds = milliseconds
    limits.totalMilliseconds = max(milliseconds, 1_000) * 2
    limits.bodySize = 1 << 20
    limits.bypassesProxy = true
    return limits
  }
}

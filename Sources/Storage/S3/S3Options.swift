/// How S3, or a server that speaks its protocol, is to be addressed and what is asked of it.
package struct S3Options: Sendable {
  package enum Addressing: String, Sendable {
    /// The bucket in the host name where that works, else in the path.
    case auto
    case path
    case virtual
  }

  package enum Encryption: Sendable, Equatable {
    /// What the bucket prescribes.
    case bucketDefault
    /// SSE-S3.
    case s3
    /// SSE-KMS; nil takes the bucket's key.
    case kms(keyID: String?)
  }

  package enum Checksums: String, Sendable {
    /// A CRC-32 goes along with every upload and is checked in every download that brings one, as AWS's tools do.
    case whenSupported = "when_supported"
    /// Only where an operation cannot do without, for servers that refuse the headers.
    case whenRequired = "when_required"
  }

  /// The region to sign for until a bucket says otherwise.
  package var region = "us-east-1"
  /// A server other than AWS's.
  package var endpoint: HTTPURL?
  package var addressing = Addressing.auto
  package var requestChecksums = Checksums.whenSupported
  package var responseChecksums = Checksums.whenSupported
  package var encryption = Encryption.bucketDefault
  package var paysForRequests = false
  /// Requests are not signed: for public buckets.
  package var isAnonymous = false
  package var attempts = 5
  /// Bytes of the first parts of a multipart upload; later ones are larger.
  package var partSize = 8 << 20
  /// Bytes that reads ahead may hold, over all objects.
  package var readAheadBudget = 256 << 20
  package var limits = HTTPLimits()

  package init() {}

  /// What environment and shared files say.
  package init(_ settings: AWSSettings) throws(CredentialError) {
    region = settings.region ?? "us-east-1"
    if settings.configuredEndpoint("s3") != nil { endpoint = try settings.endpoint("s3", region: region) }
    if let text = settings.profileValue("s3.addressing_style") {
      guard let style = Addressing(rawValue: text.lowercased()) else {
        throw CredentialError("s3.addressing_style is auto, path or virtual, not '\(text)'")
      }
      addressing = style
    }
    func checksums(_ variable: String, _ key: String) throws(CredentialError) -> Checksums {
      guard let text = settings[variable] ?? settings.profileValue(key) else { return .whenSupported }
      guard let value = Checksums(rawValue: text.lowercased()) else {
        throw CredentialError("\(key) is when_supported or when_required, not '\(text)'")
      }
      return value
    }
    requestChecksums = try checksums("AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation")
    responseChecksums = try checksums("AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation")
    if let text = settings["AWS_MAX_ATTEMPTS"] ?? settings.profileValue("max_attempts") {
      guard let count = Int(text), (1...100).contains(count) else {
        throw CredentialError("max_attempts is a number from 1 to 100, not '\(text)'")
      }
      attempts = count
    }
    switch settings["FRAZIL_S3_SSE"]?.lowercased() {
    case nil: break
    case "aes256": encryption = .s3
    case "aws:kms": encryption = .kms(keyID: settings["FRAZIL_S3_SSE_KMS_KEY_ID"])
    case let other?: throw CredentialError("FRAZIL_S3_SSE is AES256 or aws:kms, not '\(other)'")
    }
    paysForRequests = settings.isTrue("FRAZIL_S3_REQUESTER_PAYS")
    isAnonymous = settings.isTrue("FRAZIL_S3_ANONYMOUS")
  }

  /// Bytes of part `number` (from 1 on) of an upload. Doubled every thousand parts: the 10,000 that S3 takes then hold more than its 5 TiB.
  package func partSize(_ number: Int) -> Int { min(partSize << min((number - 1) / 1_000, 9), 5 << 30) }

  /// Whose buckets these are: a bucket's name is one bucket in all regions of AWS, and another one at every other server.
  package var server: String {
    let aws = AWSSettings.domain(of: region)
    guard let endpoint, endpoint.host != aws, !endpoint.host.hasSuffix("." + aws) else { return aws }
    return endpoint.text
  }

  /// The URL of an object (or of a bucket, when the key is empty) in a region.
  package func url(bucket: String, key: String, region: String) -> HTTPURL {
    let host = endpoint ?? HTTPURL(scheme: "https", authority: "s3.\(region).\(AWSSettings.domain(of: region))")
    var url = host
    let encoded = PercentEncoding.encoded(key, keepsSlash: true)
    let base = host.path == "/" ? "" : String(host.path.reversed().drop { $0 == "/" }.reversed())
    if usesPath(bucket: bucket, host: host) {
      url.path = base + "/" + PercentEncoding.encoded(bucket) + (key.isEmpty ? "" : "/" + encoded)
    } else {
      url.authority = bucket + "." + host.authority
      url.path = base + "/" + encoded
    }
    return url
  }

  private func usesPath(bucket: String, host: HTTPURL) -> Bool {
    switch addressing {
    case .path: return true
    case .virtual: return !Self.isHostLabel(bucket)
    // A wildcard certificate covers one label, and an address can have nothing in front of it.
    case .auto: return endpoint != nil || host.isAddress || !Self.isHostLabel(bucket) || bucket.contains(".")
    }
  }

  private static func isHostLabel(_ bucket: String) -> Bool {
    (3...63).contains(bucket.utf8.count)
      && bucket.utf8.allSatisfy { byte in
        (byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")) || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9"))
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
      } && !bucket.contains("..") && bucket.first != "-" && bucket.first != "." && bucket.last != "-" && bucket.last != "."
  }
}

/// What the environment and the shared files say about AWS: read once, at the first need.
package struct AWSSettings: Sendable {
  package let variables: [String: String]
  package let configPath: String
  package let credentialsPath: String
  package let config: AWSConfigFile
  package let credentialsFile: AWSConfigFile
  /// The profile in force.
  package let profileName: String

  /// - Parameters:
  ///   - variables: the environment of the process.
  ///   - profile: a profile asked for; nil takes `AWS_PROFILE`, else `default`.
  package init(variables: [String: String], profile: String? = nil) {
    func value(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }
    let home = value("HOME") ?? ""
    func path(_ text: String) -> String { text.hasPrefix("~/") ? home + text.dropFirst() : text }
    self.variables = variables
    configPath = path(value("AWS_CONFIG_FILE") ?? "~/.aws/config")
    credentialsPath = path(value("AWS_SHARED_CREDENTIALS_FILE") ?? "~/.aws/credentials")
    config = Self.file(configPath)
    credentialsFile = Self.file(credentialsPath)
    profileName = profile ?? value("AWS_PROFILE") ?? value("AWS_DEFAULT_PROFILE") ?? "default"
  }

  /// A file that is not there says nothing.
  private static func file(_ path: String) -> AWSConfigFile { (try? bytes(path)).map { AWSConfigFile($0) } ?? AWSConfigFile() }

  /// The bytes of a small file.
  static func bytes(_ path: String) throws(StorageError) -> [UInt8] {
    let reader = try LocalStore().openReader(Location(path))
    guard reader.size <= 4 << 20 else { throw StorageError(.corrupt, Location(path), "the file is too large") }
    return try reader.read(0..<reader.size).array
  }

  /// A variable that is set and not empty.
  package subscript(_ variable: String) -> String? { variables[variable].flatMap { $0.isEmpty ? nil : $0 } }

  /// Whether a variable says yes.
  package func isTrue(_ variable: String) -> Bool { ["1", "true", "yes"].contains(self[variable]?.lowercased() ?? "") }

  /// The keys of a profile in the config file; nil when there is no such section.
  package func configProfile(_ name: String) -> [String: String]? {
    config["profile " + name] ?? (name == "default" ? config["default"] : nil)
  }

  /// A setting of the profile in force.
  package func profileValue(_ key: String) -> String? {
    (configProfile(profileName)?[key] ?? credentialsFile[profileName]?[key]).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's; nil when nobody says.
  package var region: String? { self["AWS_REGION"] ?? self["AWS_DEFAULT_REGION"] ?? profileValue("region") }

  /// The endpoint somebody asked for instead of a service's own, by variable or config file; nil when there is none.
  ///
  /// - Parameter service: as in `AWS_ENDPOINT_URL_S3`, in small letters: `s3`, `glue`, `sts`.
  /// - Source: botocore, configprovider.py.
  package func configuredEndpoint(_ service: String) -> String? {
    if isTrue("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") || profileValue("ignore_configured_endpoint_urls")?.lowercased() == "true" {
      return nil
    }
    if let url = self["AWS_ENDPOINT_URL_" + service.uppercased()] ?? self["AWS_ENDPOINT_URL"] { return url }
    if let services = profileValue("services"), let url = config["services " + services]?[service + ".endpoint_url"], !url.isEmpty {
      return url
    }
    return profileValue("endpoint_url")
  }

  /// Where a service answers: the configured endpoint, else AWS's own for a region.
  ///
  /// - Parameter host: the service's host name in front of the region.
  package func endpoint(_ service: String, host: String? = nil, region: String) throws(CredentialError) -> HTTPURL {
    if let text = configuredEndpoint(service) {
      guard let url = HTTPURL(text) else {
        // It may hold a password, which is one of the reasons.
        throw CredentialError("the endpoint that is set for \(service) is no URL without a user's name; it looks like https://host:port")
      }
      return url
    }
    guard region.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) }) else {
      throw CredentialError("'\(region)' is no region; one looks like eu-central-1")
    }
    return HTTPURL(scheme: "https", authority: "\(host ?? service).\(region).\(Self.domain(of: region))")
  }

  package static func domain(of region: String) -> String { region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com" }
}

/// Keys that sign requests. They print without the secret part.
package struct AWSCredentials: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var accessKeyID: String
  package var secretAccessKey: String
  package var sessionToken: String?
  /// When they cease to work, seconds since 1970 UTC; nil means never.
  package var expiration: Int64?

  package init(accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiration: Int64? = nil) {
    self.accessKeyID = accessKeyID
    self.secretAccessKey = secretAccessKey
    self.sessionToken = sessionToken.flatMap { $0.isEmpty ? nil : $0 }
    self.expiration = expiration
  }

  /// The access key id with its middle left out.
  package var description: String {
    guard accessKeyID.count > 8 else { return "access key " + String(repeating: "*", count: accessKeyID.count) }
    return "access key \(accessKeyID.prefix(4))…\(accessKeyID.suffix(4))"
  }

  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where statements run when not on this machine.
public struct RemoteTarget: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case athena
    /// A coordinator's address, with the catalog and schema to begin with as its path: `https://host:8443/hive/sales`.
    case trino(url: String)
  }

  public var kind: Kind
  /// Athena: nil is `primary`.
  public var workgroup: String?
  /// Athena: where result files go, `s3://bucket/prefix/`; nil is what the workgroup says.
  public var resultLocation: String?

  public init(_ kind: Kind, workgroup: String? = nil, resultLocation: String? = nil) {
    self.kind = kind
    self.workgroup = workgroup
    self.resultLocation = resultLocation
  }

  /// Reads `athena` or `trino=URL`; nil when it is neither.
  public init?(option text: String) {
    if text.lowercased() == "athena" {
      self.init(.athena)
      return
    }
    guard let split = text.firstIndex(of: "="), text[..<split].lowercased() == "trino" else { return nil }
    let url = String(text[text.index(after: split)...])
    guard !url.isEmpty else { return nil }
    self.init(.trino(url: url))
  }
}

extension RemoteTarget: CustomStringConvertible {
  public var description: String {
    switch kind {
    case .athena: "Athena"
    case .trino(let url): url
    }
  }
}

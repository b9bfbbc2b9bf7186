import Iceberg
import JSONText
import Storage

/// Credentials for storage that come with a table, and requests that the catalog signs.
extension RESTCatalog {
  /// Lets storage use what a table's answer brings.
  ///
  /// - Parameters:
  ///   - root: a LoadTableResult, whose `config` is for the whole table and whose `storage-credentials` are for prefixes.
  ///   - request: what is answered with others when these have expired.
  func grant(
    _ root: JSONValue, of metadata: TableMetadata, metadataLocation: String?, again request: RESTRequest
  ) async throws(CatalogError) {
    let session = try await client.openSession()
    let own = Self.strings(root["config"])
    let general = session.properties.merging(own) { $1 }
    for (prefix, config) in Self.prefixes(root, metadata, metadataLocation) where Location(prefix).scheme?.hasPrefix("s3") == true {
      let all = general.merging(config) { $1 }
      let signer = try await RESTRemoteSigner(all, token: config["token"] ?? own["token"], client, signatures)
      let keys = Self.credentials(all)
      guard signer != nil || keys != nil else { continue }
      let options: S3Options
      do throws(CredentialError) { options = try Self.options(all, client.aws) } catch { throw CatalogError(.refused, "catalog '\(name)': \(error.message)") }
      // Where both are offered, Java's library has requests signed as well.
      if let signer {
        grants.grant(signedBy: signer, below: Location(prefix), options)
        continue
      }
      guard let keys else { continue }
      grants.grant(keys, below: Location(prefix), options) { () async throws(CredentialError) in
        try await self.renewed(prefix, by: request)
      }
    }
  }

  /// Prefixes with credentials of their own, and before them the table's folders, for which the general ones are.
  private static func prefixes(_ root: JSONValue, _ metadata: TableMetadata, _ metadataLocation: String?) -> [(String, [String: String])] {
    let properties = metadata.properties
    var folders = [metadata.location, properties["write.data.path"], properties["write.metadata.path"]].compactMap { $0 }
    if let folder = metadataLocation.flatMap({ Location($0).parent }), folder.relativePath(below: Location(metadata.location)) == nil {
      folders.append(folder.text)
    }
    var found: [(String, [String: String])] = folders.map { ($0, [:]) }
    guard let list = root.present("storage-credentials") else { return found }
    for element in list.elements {
      guard let prefix = element["prefix"]?.string else { continue }
      let config = strings(element["config"])
      for index in found.indices where found[index].0.hasPrefix(prefix) { found[index].1 = config }
      found.append((prefix, config))
    }
    return found
  }

  private func renewed(_ prefix: String, by request: RESTRequest) async throws(CredentialError) -> AWSCredentials {
    let root: JSONValue?
    let session: RESTClient.Session
    do throws(CatalogError) {
      session = try await client.openSession()
      let reply = try await client.send(request)
      guard reply.failure == nil else { throw reply.error(.none, name) }
      root = reply.body?.root
    } catch { throw CredentialError(error.message) }
    var config = session.properties.merging(Self.strings(root?["config"])) { $1 }
    var best = ""
    if let list = root?.present("storage-credentials") {
      for element in list.elements {
        guard let known = element["prefix"]?.string, prefix.hasPrefix(known), known.utf8.count >= best.utf8.count else { continue }
        best = known
        config.merge(Self.strings(element["config"])) { $1 }
      }
    }
    guard let keys = Self.credentials(config) else {
      throw CredentialError("catalog '\(name)' hands out no credentials for \(prefix) any more")
    }
    return keys
  }

  private static func strings(_ map: JSONValue?) -> [String: String] {
    var found: [String: String] = [:]
    guard let map else { return found }
    for member in map.members { found[member.key] = member.value.string ?? member.value.numberText ?? member.value.boolean.map { "\($0)" } }
    return found
  }

  private static func credentials(_ config: [String: String]) -> AWSCredentials? {
    guard let id = config["s3.access-key-id"], let secret = config["s3.secret-access-key"] else { return nil }
    return AWSCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: config["s3.session-token"],
      expiration: config["s3.session-token-expires-at-ms"].flatMap { Int64($0) }.map { $0 / 1_000 })
  }

  /// How S3 is addressed: as the environment says, unless the catalog says otherwise.
  private static func options(_ config: [String: String], _ aws: AWSAccess) throws(CredentialError) -> S3Options {
    var options = try S3Options(aws.settings)
    options.isAnonymous = false
    if let region = config["s3.region"] ?? config["client.region"] { options.region = region }
    if let text = config["s3.endpoint"] {
      guard let url = HTTPURL(text) else { throw CredentialError("s3.endpoint is no URL") }
      options.endpoint = url
    }
    switch config["s3.path-style-access"]?.lowercased() {
    case "true": options.addressing = .path
    case "false": options.addressing = .virtual
    default: break
    }
    return options
  }
}

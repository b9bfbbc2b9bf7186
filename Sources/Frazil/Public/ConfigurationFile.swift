public import SQLSyntax

/// What a `frazil.toml` says.
///
///     default-catalog = "lake"
///     cache = "/var/cache/frazil"
///     cache-size = "20GB"
///
///     [catalogs.lake]
///     type = "rest"
///     uri = "https://catalog.example.org"
///     token = "${LAKE_TOKEN}"
///
/// Of two files the nearer one counts, catalog by catalog. Keys that mean nothing are errors.
public struct ConfigurationFile: Sendable {
  public var defaultCatalog: String?
  public var catalogs: [CatalogConfiguration] = []
  public var cacheDirectory: String?
  public var cacheSize: Int?

  public static let name = "frazil.toml"

  /// - Parameter path: for messages.
  /// - Throws: `INVALID_ARGUMENTS` with path and line; values are not repeated, since they may be secrets.
  public init(_ text: String, path: String) throws(SQLError) {
    for entry in try TOMLReader(text, path: path).entries() {
      let key = entry.path
      if key == ["default-catalog"] {
        defaultCatalog = entry.value
      } else if key == ["cache"] {
        cacheDirectory = entry.value
      } else if key == ["cache-size"] {
        guard let size = Configuration.parseByteSize(entry.value) else {
          throw SQLError(.invalidArguments, "\(path), line \(entry.line): cache-size is no size", hint: "cache-size = \"10GB\"")
        }
        cacheSize = size
      } else if key.count >= 3, key[0] == "catalogs" {
        let name = key[1].lowercased()
        let index = catalogs.firstIndex { $0.name == name } ?? catalogs.count
        if index == catalogs.count { catalogs.append(CatalogConfiguration(name: name, type: "")) }
        let property = key.dropFirst(2).joined(separator: ".")
        if property == "type" { catalogs[index].type = entry.value.lowercased() } else { catalogs[index].properties[property] = entry.value }
      } else {
        throw SQLError(
          .invalidArguments, "\(path), line \(entry.line): '\(key.joined(separator: "."))' means nothing here",
          hint: "There are default-catalog, cache, cache-size and [catalogs.NAME].")
      }
    }
    if let incomplete = catalogs.first(where: { $0.type.isEmpty }) {
      throw SQLError(.invalidArguments, "\(path): catalog '\(incomplete.name)' has no type", hint: "type = \"rest\"")
    }
  }

  /// Adds what options and nearer files have not said.
  public func complete(_ configuration: inout Configuration) {
    configuration.defaultCatalog = configuration.defaultCatalog ?? defaultCatalog
    configuration.cacheDirectory = configuration.cacheDirectory ?? cacheDirectory
    configuration.cacheSize = configuration.cacheSize ?? cacheSize
    for catalog in catalogs where !configuration.catalogs.contains(where: { $0.name == catalog.name }) {
      configuration.catalogs.append(catalog)
    }
  }
}

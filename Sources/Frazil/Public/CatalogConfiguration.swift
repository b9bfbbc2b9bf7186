import Catalogs
public import SQLSyntax

/// A catalog by name: what it is, and how it is reached.
public struct CatalogConfiguration: Sendable, Hashable {
  public var name: String
  /// `local`, `rest`, `glue` or `sql`.
  public var type: String
  /// Keys as in PyIceberg's configuration: `uri`, `warehouse`, `token`, …
  public var properties: [String: String]

  public init(name: String, type: String, properties: [String: String] = [:]) {
    self.name = name
    self.type = type
    self.properties = properties
  }

  /// Reads `NAME=TYPE,key=value,…`; a value goes up to the next comma that a key and `=` follow.
  ///
  /// - Throws: `INVALID_ARGUMENTS`; no value is repeated in it, since it may be a secret.
  public init(option text: String) throws(SQLError) {
    var parts: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      // A comma within a value, such as a list of scopes.
      if parts.count > 1, !part.contains("=") { parts[parts.count - 1] += "," + part } else { parts.append(String(part)) }
    }
    guard let head = parts.first, let split = head.firstIndex(of: "=") else {
      throw SQLError(.invalidArguments, "a catalog is given as NAME=TYPE,key=value,…", hint: "lake=rest,uri=https://host/api")
    }
    self.init(name: String(head[..<split]).lowercased(), type: String(head[head.index(after: split)...]).lowercased())
    for part in parts.dropFirst() {
      guard let split = part.firstIndex(of: "="), split != part.startIndex else {
        throw SQLError(.invalidArguments, "property \(properties.count + 1) of catalog '\(name)' is not key=value")
      }
      properties[String(part[..<split])] = String(part[part.index(after: split)...])
    }
  }

  /// Takes the values of environment variables for `${NAME}`, so that files and command lines need hold no secrets.
  ///
  /// - Throws: `refused` when one is not set.
  func expanded(_ environment: [String: String]) throws(CatalogError) -> CatalogConfiguration {
    var expanded = self
    for (key, value) in properties {
      var text = ""
      var rest = value[...]
      while let start = rest.firstRange(of: "${"), let end = rest[start.upperBound...].firstIndex(of: "}") {
        let variable = String(rest[start.upperBound..<end])
        guard let found = environment[variable] else {
          throw CatalogError(.refused, "\(key) of catalog '\(name)' needs the environment variable \(variable), which is not set")
        }
        text += rest[..<start.lowerBound] + found
        rest = rest[rest.index(after: end)...]
      }
      expanded.properties[key] = text + rest
    }
    return expanded
  }
}

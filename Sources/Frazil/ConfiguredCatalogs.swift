import Catalogs
import SQLSyntax
import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Configuration {
  /// Seconds since 1970 UTC, for entries of catalogs: the fixed clock, or the system's.
  var catalogClock: @Sendable () -> Int64 {
    { [now] in now.map { $0 / 1_000_000 } ?? Int64(time(nil)) }
  }
}

extension CatalogRegistry {
  /// The local catalog and those of a configuration. Nothing is asked or sent before a statement needs it, and a variable that is not set is
  /// missed only then.
  init(
    _ configuration: Configuration, local: any Catalog, aws: AWSAccess, grants: GrantedStores, store: any ObjectStore
  ) throws(SQLError) {
    var others: [any Catalog] = []
    var unusable: [String: CatalogError] = [:]
    for stated in configuration.catalogs {
      guard !stated.name.isEmpty, stated.name != local.name, stated.name != Self.standardName else {
        throw SQLError(.invalidArguments, "a catalog cannot be called '\(stated.name)'", hint: "'local' and 'awsdatacatalog' are taken.")
      }
      guard !others.contains(where: { $0.name == stated.name }), unusable[stated.name] == nil else {
        throw SQLError(.invalidArguments, "there are two catalogs '\(stated.name)'")
      }
      let expanded: CatalogConfiguration
      do throws(CatalogError) { expanded = try stated.expanded(configuration.environment) } catch {
        unusable[stated.name] = error
        continue
      }
      others.append(try Self.open(expanded, configuration, aws, grants, store))
    }
    guard let wanted = configuration.defaultCatalog?.lowercased(), wanted != local.name else {
      self.init(standard: local, others: others, unusable: unusable)
      return
    }
    if let problem = unusable[wanted] { throw SQLError(.invalidArguments, problem.message) }
    guard let standard = others.first(where: { $0.name == wanted }) else {
      throw SQLError(
        .catalogNotFound, "the default catalog '\(wanted)' is not configured",
        hint: Suggestion.hint(for: wanted, among: others.map(\.name)))
    }
    self.init(standard: standard, others: [local] + others, unusable: unusable)
  }

  private static func open(
    _ stated: CatalogConfiguration, _ configuration: Configuration, _ aws: AWSAccess, _ grants: GrantedStores, _ store: any ObjectStore
  ) throws(SQLError) -> any Catalog {
    var properties = CatalogProperties(stated)
    switch stated.type {
    case "local":
      let warehouse = try properties.require("warehouse", "a folder")
      let folder = properties.take("catalog-directory") ?? warehouse + "/.frazil/catalog"
      try properties.finish()
      return LocalCatalog(name: stated.name, warehouse: warehouse, root: folder, now: configuration.catalogClock)
    case "rest":
      _ = try properties.require("uri", "https://host/path, without /v1")
      try properties.finish(known: RESTCatalog.properties, prefixes: RESTCatalog.propertyPrefixes)
      do {
        return CaseInsensitiveCatalog(
          try RESTCatalog(name: stated.name, properties: stated.properties, aws: aws, grants: grants, now: configuration.catalogClock))
      } catch { throw SQLError(.invalidArguments, error.message) }
    case "glue":
      let (warehouse, catalogID) = (properties.take("warehouse"), properties.take("catalog-id"))
      let (region, endpoint) = (properties.take("region"), properties.take("endpoint"))
      try properties.finish()
      do {
        return try GlueCatalog(name: stated.name, warehouse: warehouse, catalogID: catalogID, region: region, endpoint: endpoint, aws: aws)
      } catch { throw SQLError(.invalidArguments, error.message) }
    case "sql":
      let uri = try properties.require("uri", "sqlite:///path")
      let (warehouse, catalogName) = (properties.take("warehouse"), properties.take("catalog-name"))
      try properties.finish()
      do {
        return CaseInsensitiveCatalog(
          try SQLCatalog(
            name: stated.name, uri: uri, catalogName: catalogName ?? stated.name, warehouse: warehouse, store: store,
            isReadOnly: configuration.overlayDirectory != nil))
      } catch { throw SQLError(.invalidArguments, error.message) }
    default:
      throw SQLError(
        .invalidArguments, "catalog '\(stated.name)' has the type '\(stated.type)', which is not known", hint: "The types are \(types.joined(separator: ", ")).")
    }
  }

  private static let types = ["local", "rest", "glue", "sql"]
}

/// The properties of a catalog, taken one by one, so that one that nothing understands is told.
struct CatalogProperties {
  private let stated: CatalogConfiguration
  private var taken: Set<String> = []

  init(_ stated: CatalogConfiguration) { self.stated = stated }

  mutating func take(_ key: String) -> String? {
    taken.insert(key)
    return stated.properties[key].flatMap { $0.isEmpty ? nil : $0 }
  }

  mutating func require(_ key: String, _ meaning: String) throws(SQLError) -> String {
    if let value = take(key) { return value }
    throw SQLError(.invalidArguments, "catalog '\(stated.name)' of type \(stated.type) needs \(key): \(meaning)")
  }

  /// - Parameters:
  ///   - known: keys besides those that were taken.
  ///   - prefixes: of keys that are understood, whatever follows.
  func finish(known: Set<String> = [], prefixes: [String] = []) throws(SQLError) {
    let taken = taken.union(known)
    let unknown = stated.properties.keys.filter { key in !taken.contains(key) && !prefixes.contains { key.hasPrefix($0) } }.min()
    guard let unknown else { return }
    throw SQLError(
      .invalidArguments, "catalog '\(stated.name)' of type \(stated.type) has no property '\(unknown)'",
      hint: Suggestion.hint(for: unknown, among: Array(taken)) ?? "There are \(taken.sorted().joined(separator: ", ")).")
  }
}

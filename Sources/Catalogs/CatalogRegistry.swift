/// The catalogs of an engine, by the names that statements call them by.
///
///     awsdatacatalog   the default one, whatever its own name is: what Athena's scripts say
///     local            the catalog in the warehouse
///     lake, …          those of options and configuration files
package struct CatalogRegistry: Sendable {
  /// What names without a catalog belong to.
  package let standard: any Catalog
  private let catalogs: [String: any Catalog]
  /// Why catalogs that are configured cannot be used in this process.
  private let unusable: [String: CatalogError]

  /// The name by which the default catalog is shown.
  package static let standardName = "awsdatacatalog"

  /// - Parameters:
  ///   - catalogs: besides the default one; those of one name after the first are left out.
  ///   - unusable: by name, what is wrong with others.
  package init(standard: any Catalog, others catalogs: [any Catalog] = [], unusable: [String: CatalogError] = [:]) {
    self.standard = standard
    self.unusable = unusable
    self.catalogs = Dictionary(([standard] + catalogs).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Every catalog with another in its place that has the same name.
  package func mapped(_ change: (any Catalog) -> any Catalog) -> CatalogRegistry {
    var others: [any Catalog] = []
    for (name, catalog) in catalogs where name != standard.name { others.append(change(catalog)) }
    return CatalogRegistry(standard: change(standard), others: others, unusable: unusable)
  }

  /// By name.
  package var all: [any Catalog] { catalogs.values.sorted { $0.name < $1.name } }

  package subscript(_ name: String) -> (any Catalog)? { name == Self.standardName ? standard : catalogs[name] }

  /// What is wrong with a catalog that is configured; nil for those that can be used, and for names that mean none.
  package func problem(_ name: String) -> CatalogError? { unusable[name] }

  /// The catalog that an entry was read from, or is meant for.
  package func catalog(of entry: CatalogTable) -> any Catalog { catalogs[entry.catalog] ?? standard }

  /// What results and messages call a catalog.
  package func shownName(_ catalog: any Catalog) -> String { catalog.name == standard.name ? Self.standardName : catalog.name }

  /// As SHOW CATALOGS lists them.
  package var shownNames: [String] { (catalogs.values.map(shownName) + unusable.keys).sorted() }
}

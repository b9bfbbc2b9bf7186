/// The catalogs of an engine, by the names that statements call them by.
///
///     awsdatacatalog   the default one, whatever its own name is: what Athena's scripts say
///     local            the catalog in the warehouse
///     lake, …          those of options and configuration files
package struct CatalogRegistry: Sendable {
  /// What names without a catalog belong to.
  package let standard: any Catalog
  private let catalogs: [String: any Catalog]

  /// The name by which the default catalog is shown.
  package static let standardName = "awsdatacatalog"

  /// - Parameter catalogs: besides the default one; those of one name after the first are left out.
  package init(standard: any Catalog, others catalogs: [any Catalog] = []) {
    self.standard = standard
    self.catalogs = Dictionary(([standard] + catalogs).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  package subscript(_ name: String) -> (any Catalog)? { name == Self.standardName ? standard : catalogs[name] }

  /// The catalog that an entry was read from, or is meant for.
  package func catalog(of entry: CatalogTable) -> any Catalog { catalogs[entry.catalog] ?? standard }

  /// What results and messages call a catalog.
  package func shownName(_ catalog: any Catalog) -> String { catalog.name == standard.name ? Self.standardName : catalog.name }

  /// As SHOW CATALOGS lists them.
  package var shownNames: [String] { catalogs.values.map(shownName).sorted() }
}

import Catalogs
import Planner
import SQLSyntax

/// What names mean: which catalog, which database, which table.
extension Engine {
  /// - Throws: `CATALOG_NOT_FOUND`.
  func catalog(named name: String) throws(SQLError) -> any Catalog {
    if let catalog = catalogs[name] { return catalog }
    if let problem = catalogs.problem(name) { throw SQLError(.invalidArguments, problem.message) }
    throw SQLError(
      .catalogNotFound, "Catalog '\(name)' does not exist",
      hint: Suggestion.hint(for: name, among: catalogs.shownNames) ?? "SHOW CATALOGS lists those there are.")
  }

  /// Catalog, database and table of folded parts, completed with a place.
  ///
  /// - Throws: `CATALOG_NOT_FOUND`, also for more than three parts.
  func resolve(_ parts: [String], in place: NamePlace) throws(SQLError) -> (catalog: any Catalog, database: String, table: String) {
    switch parts.count {
    case 1: return (try catalog(named: place.catalog), place.database, parts[0])
    case 2: return (try catalog(named: place.catalog), parts[0], parts[1])
    case 3: return (try catalog(named: parts[0]), parts[1], parts[2])
    default: throw SQLError(.catalogNotFound, "Catalog '\(parts[0])' does not exist")
    }
  }

  func catalog(of entry: CatalogTable) -> any Catalog { catalogs.catalog(of: entry) }

  /// `db.t`, with the catalog before it unless it is the default one.
  func shownName(_ entry: CatalogTable) -> String { shownName(entry.name, in: entry.database, of: catalog(of: entry)) }

  func shownName(_ table: String, in database: String, of catalog: any Catalog) -> String {
    (catalog.name == catalogs.standard.name ? "" : catalog.name + ".") + "\(database).\(table)"
  }

  /// A table that is not there, in Trino's words.
  func missingTable(_ table: String, in database: String, of catalog: any Catalog, among others: [String] = []) -> SQLError {
    SQLError(
      .tableNotFound, "Table '\(catalogs.shownName(catalog)).\(database).\(table)' does not exist",
      hint: Suggestion.hint(for: table, among: others))
  }
}

/// A table by catalog, database and name.
struct TableIdentity: Sendable, Hashable {
  let catalog: String
  let database: String
  let name: String

  init(_ entry: CatalogTable) { self.init(catalog: entry.catalog, database: entry.database, name: entry.name) }

  /// What a plan calls a table: `db.t`, or `catalog.db.t` where the catalog is not the default one. Nil for files and table functions.
  init?(shownName text: String, _ catalogs: CatalogRegistry) {
    guard !text.contains("("), !text.contains("/"), let dot = text.firstIndex(of: ".") else { return nil }
    let (first, rest) = (String(text[..<dot]), text[text.index(after: dot)...])
    guard let second = rest.firstIndex(of: "."), catalogs[first] != nil else {
      self.init(catalog: CatalogRegistry.standardName, database: first, name: String(rest))
      return
    }
    self.init(catalog: first, database: String(rest[..<second]), name: String(rest[rest.index(after: second)...]))
  }

  init(catalog: String, database: String, name: String) {
    self.catalog = catalog
    self.database = database
    self.name = name
  }
}

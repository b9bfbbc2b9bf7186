/// What a record may need of the default catalog, by `requires`; the local catalog has all of it.
enum Capability: String, CaseIterable {
  /// It is the local catalog: its name, and a database `default` that is always there.
  case local
  /// Hive-style external tables.
  case external
  /// Changes of several tables become visible together.
  case transactions
  /// Frazil itself writes metadata files, chooses their places and removes those of dropped tables: names, folders and times are its own.
  case metadata

  /// What catalogs of a type lack, as `docs/catalogs.md` says; there is no other way to leave a record out.
  static func lacking(inCatalogOfType type: String) -> Set<Capability> {
    switch type {
    case "glue": [.local, .transactions]
    case "rest": [.local, .external, .metadata]
    case "sql": [.local, .external]
    default: []
    }
  }
}

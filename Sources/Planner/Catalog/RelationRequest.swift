package import Columnar
package import SQLSyntax

/// A table, view or table function that a script names, as the caller must look it up before binding.
///
/// Binding does no I/O: `TableReferenceCollector` lists the requests of a statement, the caller loads them, and `ResolvedRelations`
/// hands the results to the `Binder`, which builds the same requests again to find them.
package struct RelationRequest: Sendable, Hashable {
  package enum Subject: Sendable, Hashable {
    /// The folded parts of a name as written, one to four: what they mean (catalog, database, `t$snapshots`, Spark's `db.t.files`)
    /// is for the caller to tell.
    case table([String])
    /// A table function with constant arguments, name folded.
    case function(String, [TableFunctionValue])
  }

  package var subject: Subject
  package var version: TableVersion?
  /// Where names without catalog or database are looked up: the session's place, or that of the view around the reference.
  package var place: NamePlace
  /// Where the script first names it (a name inside a view has the place of the view's name).
  @NotCompared package var range: SourceRange

  package init(_ subject: Subject, version: TableVersion? = nil, place: NamePlace, range: SourceRange = .unknown) {
    self.subject = subject
    self.version = version
    self.place = place
    self.range = range
  }

  /// The name in full for messages: `awsdatacatalog.db.t`.
  package var displayName: String {
    switch subject {
    case .function(let name, _): name
    case .table(let parts):
      switch parts.count {
      case 1: "\(place.catalog).\(place.database).\(parts[0])"
      case 2: "\(place.catalog).\(parts.joined(separator: "."))"
      default: parts.joined(separator: ".")
      }
    }
  }
}

/// The catalog and database that names are completed with.
package struct NamePlace: Sendable, Hashable {
  package var catalog: String
  package var database: String
  package init(catalog: String, database: String) {
    self.catalog = catalog
    self.database = database
  }
}

/// One argument of a table function.
package struct TableFunctionValue: Sendable, Hashable {
  /// Folded; nil for a positional argument.
  package var name: String?
  package var value: Scalar
  package init(name: String? = nil, value: Scalar) {
    self.name = name
    self.value = value
  }
}

/// What `FOR TIMESTAMP | VERSION AS OF` asks for.
package enum TableVersion: Sendable, Hashable {
  /// The state at an instant: microseconds since 1970-01-01 00:00 UTC.
  case instant(Int64)
  case snapshot(Int64)
  /// A branch or tag.
  case reference(String)
}

/// What a request turned out to be.
package enum ResolvedRelation: Sendable {
  /// `name` is what EXPLAIN and errors call it: `db.t`.
  case table(any Table, name: String)
  case view(ViewDefinition)
  /// Does not exist or could not be loaded; the binder throws the error at the place of the name.
  case failed(SQLError)
}

/// A stored query.
package struct ViewDefinition: Sendable {
  package var name: String
  package var sql: String
  /// The place it was created in, where its own names resolve.
  package var place: NamePlace
  /// The column names it was created with; empty when the query's own names count.
  package var columnNames: [String]

  package init(name: String, sql: String, place: NamePlace, columnNames: [String] = []) {
    self.name = name
    self.sql = sql
    self.place = place
    self.columnNames = columnNames
  }
}

/// The relations loaded for a statement.
package struct ResolvedRelations: Sendable {
  private var relations: [RelationRequest: ResolvedRelation] = [:]

  package init() {}

  package subscript(_ request: RelationRequest) -> ResolvedRelation? {
    get { relations[request] }
    set { relations[request] = newValue }
  }
}

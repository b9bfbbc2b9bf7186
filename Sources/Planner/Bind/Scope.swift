import Columnar
import SQLSyntax

/// The columns that FROM offers to the expressions of a query, and the scope of the query around it.
final class Scope {
  let fields: [ScopeField]
  let parent: Scope?
  /// Positions in `fields` by folded name.
  private let positions: [String: [Int]]

  init(_ fields: [ScopeField], parent: Scope? = nil) {
    self.fields = fields
    self.parent = parent
    var positions: [String: [Int]] = [:]
    positions.reserveCapacity(fields.count)
    for (position, field) in fields.enumerated() {
      if let name = field.foldedName { positions[name, default: []].append(position) }
    }
    self.positions = positions
  }

  enum Match {
    case none
    case one(ScopeField)
    case many
  }

  /// Looks for a column of this scope alone. `qualifier` holds the folded names before the column's.
  func find(_ name: String, qualifier: ArraySlice<String>) -> Match {
    var found: ScopeField?
    for position in positions[name] ?? [] {
      let field = fields[position]
      if qualifier.isEmpty ? field.isMerged : !field.isQualified(by: qualifier) { continue }
      if found != nil { return .many }
      found = field
    }
    return found.map { .one($0) } ?? .none
  }

  /// Names for did-you-mean, in order.
  var visibleNames: [String] { fields.filter { !$0.isHidden }.compactMap(\.name) }

  /// Whether a relation of this name is in sight.
  func hasRelation(_ qualifier: ArraySlice<String>) -> Bool { fields.contains { $0.isQualified(by: qualifier) } }
}

/// One column of a relation in FROM.
struct ScopeField {
  /// As the table or select list spells it; nil for an unnamed column.
  var name: String?
  var foldedName: String?
  /// The folded name of its relation: catalog, database and table, or an alias.
  var qualifier: [String]
  /// The column of the plan below.
  var index: Int
  var type: SQLType
  /// Reachable by name only, never part of `*`.
  var isHidden = false
  /// A column that USING merged into another: not reachable by its bare name, not part of `*`.
  var isMerged = false

  init(name: String?, qualifier: [String], index: Int, type: SQLType, isHidden: Bool = false) {
    self.name = name
    foldedName = name?.lowercased()
    self.qualifier = qualifier
    self.index = index
    self.type = type
    self.isHidden = isHidden
  }

  /// Whether `names` is the end of the relation's full name: `t`, `db.t` and `catalog.db.t` all name it.
  func isQualified(by names: ArraySlice<String>) -> Bool {
    !names.isEmpty && names.count <= qualifier.count && qualifier.suffix(names.count).elementsEqual(names)
  }

  func shifted(by offset: Int) -> ScopeField {
    var copy = self
    copy.index += offset
    return copy
  }
}

/// A bound relation of FROM: a plan and the names of its columns.
struct FromBinding {
  var plan: LogicalPlan
  var fields: [ScopeField]

  /// Columns of the plan, named or not.
  var width: Int { plan.columns.count }
}

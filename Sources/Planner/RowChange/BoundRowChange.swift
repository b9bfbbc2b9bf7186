package import Columnar
package import SQLSyntax

/// What DELETE, UPDATE and MERGE come to: a query whose rows say what happens to the rows of one table.
///
/// Columns of `plan`:
///
///     operation   identity of the target row    the row as it shall be
///     tinyint     `Table.rowIdentity`, in order  every visible column of the table, in order; only if `writesRows`
///
/// A row to insert has a NULL identity, a row to delete NULLs for the new values. Rows that nothing happens to are not in it.
package struct BoundRowChange: Sendable {
  package var plan: LogicalPlan
  package var command: RowChange.Command
  package var target: any Table
  /// As EXPLAIN and errors call it.
  package var targetName: String
  /// False when rows are only deleted.
  package var writesRows: Bool
  package var range: SourceRange
}

/// What a table must know to take the rows of a `BoundRowChange`.
package struct RowChange: Sendable {
  package enum Command: String, Sendable {
    case delete = "DELETE"
    case update = "UPDATE"
    case merge = "MERGE"

    /// What EXPLAIN calls the top of the plan.
    package var operatorName: String {
      switch self {
      case .delete: "Delete"
      case .update: "Update"
      case .merge: "Merge"
      }
    }
  }

  package var command: Command
  /// Whether the new values follow the identity; see `BoundRowChange`.
  package var writesRows: Bool
  /// Conditions that every row read from the table satisfied (table column indices): only rows like these could change the outcome if
  /// somebody else added them meanwhile.
  package var predicates: [ColumnPredicate]

  package init(_ command: Command, writesRows: Bool, predicates: [ColumnPredicate]) {
    self.command = command
    self.writesRows = writesRows
    self.predicates = predicates
  }
}

/// The first column of a `BoundRowChange`.
package enum RowOperation: Int8, Sendable {
  case insert = 1
  case delete = 2
  case update = 3

  package static let type = SQLType.tinyint

  func literal(_ range: SourceRange) -> BoundExpression {
    .literal(Scalar(Self.type, .int(Int64(rawValue))), range)
  }
}

package import Columnar
import SQLSyntax

/// What binding depends on besides the script and its tables.
package struct BinderSettings: Sendable {
  /// Where names without catalog or database are looked up.
  package var place: NamePlace
  /// Clock, session zone and limits for the constants that binding evaluates.
  package var context: QueryContext
  package var user: String
  /// Athena reads a bare `1.5` as double; Trino as decimal.
  package var decimalLiteralsAreDouble: Bool
  /// Values of `?`, in order.
  package var positionalParameters: [Scalar]
  /// Values of `:name`, by folded name.
  package var namedParameters: [String: Scalar]
  /// What `PIVOT … IN (ANY …)` found in the data, by the clause that asked.
  package var pivotValues: [PivotKey: [Scalar]]
  /// Whether quantified comparisons are bound to the extremes of their subquery (`OptimizerRule.quantifiedComparison`).
  package var comparesExtremes: Bool
  /// Refuses what Athena refuses; see `AthenaRule`.
  package var isStrict = false
  /// Of one GROUP BY; 12 columns in CUBE have twice as many.
  package var maxGroupingSets = 2048
  /// Where binders leave what the user should know.
  package var notes: BindingNotes?
  /// Set for DESCRIBE INPUT.
  package var parameterTypes: ParameterTypes?

  package init(
    place: NamePlace = NamePlace(catalog: "awsdatacatalog", database: "default"), context: QueryContext = QueryContext(),
    user: String = "", decimalLiteralsAreDouble: Bool = true, positionalParameters: [Scalar] = [],
    namedParameters: [String: Scalar] = [:], pivotValues: [PivotKey: [Scalar]] = [:], comparesExtremes: Bool = true
  ) {
    self.place = place
    self.context = context
    self.user = user
    self.decimalLiteralsAreDouble = decimalLiteralsAreDouble
    self.positionalParameters = positionalParameters
    self.namedParameters = namedParameters
    self.pivotValues = pivotValues
    self.comparesExtremes = comparesExtremes
  }
}

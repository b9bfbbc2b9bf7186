package import Columnar
package import Functions
import SQLSyntax

/// Which rules run, and what they compute constants with.
package struct OptimizerSettings: Sendable {
  /// Names of `OptimizerRule`; tests compare results with every rule off.
  package var disabledRules: Set<String>
  package var context: QueryContext

  package init(disabledRules: Set<String> = [], context: QueryContext = QueryContext()) {
    self.disabledRules = disabledRules
    self.context = context
  }
}

/// The rules by name, in the order they run. The names are what a session's `disabled_optimizer_rules` lists.
package enum OptimizerRule: String, Sendable, CaseIterable {
  /// Part of binding: `> ALL`, `<= ANY` and the like look at the extremes of the subquery only.
  case quantifiedComparison = "quantified_comparison"
  case constantFolding = "constant_folding"
  case orFactoring = "or_factoring"
  case predicatePushdown = "predicate_pushdown"
  /// Part of the walk of `predicatePushdown`, like the next three.
  case outerToInner = "outer_to_inner"
  case impliedPredicates = "implied_predicates"
  case semiJoin = "semi_join"
  case joinKeys = "join_keys"
  case scanPredicates = "scan_predicates"
  case joinOrder = "join_order"
  case pivotRecognition = "pivot_recognition"
  case distinctAggregates = "distinct_aggregates"
  case limitPushdown = "limit_pushdown"
  case commonSubexpressions = "common_subexpressions"
  case projectionPruning = "projection_pruning"
  /// Part of execution: a join tells the scan it probes with which keys its other side has.
  case runtimeFilters = "runtime_filters"
  /// Part of execution: a scan takes the rows that an earlier scan of the same table has kept.
  case scanSharing = "scan_sharing"
}

/// Rewrites a bound plan into a cheaper one with the same result. Rules are total: they never fail, and give the same plan for the same
/// input.
package struct Optimizer {
  let settings: OptimizerSettings
  let functions: FunctionLibrary

  package init(settings: OptimizerSettings = OptimizerSettings(), functions: FunctionLibrary = .standard) {
    self.settings = settings
    self.functions = functions
  }

  package func optimize(_ plan: LogicalPlan) -> LogicalPlan {
    var plan = plan
    let folding = ConstantFolding(functions: functions, context: settings.context)
    if isEnabled(.constantFolding) { plan = folding.apply(plan) }
    if isEnabled(.orFactoring) { plan = OrFactoring.apply(plan) }
    if isEnabled(.predicatePushdown) {
      plan = PredicatePushdown(optimizer: self).apply(plan)
      // Conditions met constants of projections below.
      if isEnabled(.constantFolding) { plan = folding.apply(plan) }
    } else if isEnabled(.joinKeys) {
      plan = plan.transformedBottomUp(JoinKeyExtraction.apply)
    }
    if isEnabled(.joinOrder) { plan = JoinOrder().apply(plan) }
    if isEnabled(.pivotRecognition) { plan = PivotRecognition.apply(plan) }
    if isEnabled(.distinctAggregates) { plan = DistinctAggregates.apply(plan) }
    if isEnabled(.limitPushdown) { plan = LimitPushdown.apply(plan) }
    if isEnabled(.projectionPruning) { plan = ProjectionPruning().apply(plan) }
    if isEnabled(.commonSubexpressions) { plan = CommonSubexpressions.apply(plan) }
    if isEnabled(.scanPredicates) { plan = ScanPredicates(context: settings.context).apply(plan) }
    return plan
  }

  func isEnabled(_ rule: OptimizerRule) -> Bool { !settings.disabledRules.contains(rule.rawValue) }

  /// A call of a function that is known to take these types; nil when it does not after all.
  func call(_ name: String, _ arguments: [BoundExpression]) -> BoundExpression? {
    guard let function = try? functions.resolveScalar(name, arguments.map(\.type)),
      function.argumentTypes == arguments.map(\.type)
    else { return nil }
    return .call(function, arguments, arguments[0].range)
  }
}

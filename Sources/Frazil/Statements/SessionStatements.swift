import Columnar
import Planner
import SQLSyntax

/// SET SESSION, RESET SESSION and SHOW SESSION.
///
/// The properties of a session are the optimiser's rules: results do not depend on them, which is what tests switch them off for.
extension StatementRunner {
  func runSetSession(_ name: QualifiedName, _ value: Expression) throws -> StatementResult {
    let rule = try self.rule(name)
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    let constant = try binder.evaluateConstant(value)
    guard case .boolean(let isEnabled) = constant.value else {
      throw SQLError(
        .invalidSessionProperty, "Session property '\(rule.rawValue)' must be true or false", range: value.range)
    }
    session.setRule(rule.rawValue, isEnabled: isEnabled)
    return StatementResult()
  }

  func runResetSession(_ name: QualifiedName) throws -> StatementResult {
    let rule = try self.rule(name).rawValue
    session.setRule(rule, isEnabled: !engine.configuration.disabledRules.contains(rule))
    return StatementResult()
  }

  func runShowSession(_ pattern: StringLiteral?) -> StatementResult {
    let names = OptimizerRule.allCases.map(\.rawValue).sorted()
    let wanted = Set(NamePattern(pattern).matching(names))
    return textResult(
      ["Name", "Value", "Default", "Type", "Description"],
      names.filter(wanted.contains).map { name in
        [
          name, session.disabledRules.contains(name) ? "false" : "true",
          engine.configuration.disabledRules.contains(name) ? "false" : "true", "boolean", "Whether the optimiser uses this rule",
        ]
      })
  }

  private func rule(_ name: QualifiedName) throws(SQLError) -> OptimizerRule {
    let text = name.parts.map(\.folded).joined(separator: ".")
    if let rule = OptimizerRule(rawValue: text) { return rule }
    throw SQLError(
      .invalidSessionProperty, "Session property '\(text)' does not exist", range: name.range,
      hint: Suggestion.hint(for: text, among: OptimizerRule.allCases.map(\.rawValue)) ?? "SHOW SESSION lists the properties.")
  }
}

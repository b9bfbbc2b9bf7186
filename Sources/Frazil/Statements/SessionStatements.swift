import Columnar
import Planner
import SQLSyntax

/// SET SESSION, RESET SESSION and SHOW SESSION.
///
/// The properties of a session are the optimiser's rules, on which no result depends (tests switch them off), and the settings of Spark
/// that say what its statements mean.
extension StatementRunner {
  func runSetSession(_ name: QualifiedName, _ value: Expression) throws -> StatementResult {
    if let setting = SparkSetting(name) {
      session.set(setting, to: try setting.value(of: value, Binder(relations: ResolvedRelations(), settings: binderSettings())))
      return StatementResult()
    }
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
    if let setting = SparkSetting(name) {
      session.set(setting, to: nil)
      return StatementResult()
    }
    let rule = try self.rule(name).rawValue
    session.setRule(rule, isEnabled: !engine.configuration.disabledRules.contains(rule))
    return StatementResult()
  }

  func runShowSession(_ pattern: StringLiteral?) -> StatementResult {
    let rules = OptimizerRule.allCases.map { rule in
      [
        rule.rawValue, session.disabledRules.contains(rule.rawValue) ? "false" : "true",
        engine.configuration.disabledRules.contains(rule.rawValue) ? "false" : "true", "boolean", "Whether the optimiser uses this rule",
      ]
    }
    let settings = SparkSetting.allCases.map { setting in
      [setting.rawValue, session.setting(setting) ?? setting.defaultValue, setting.defaultValue, "varchar", setting.meaning]
    }
    let rows = (rules + settings).sorted { $0[0] < $1[0] }
    let wanted = Set(NamePattern(pattern).matching(rows.map { $0[0] }))
    return textResult(["Name", "Value", "Default", "Type", "Description"], rows.filter { wanted.contains($0[0]) })
  }

  private func rule(_ name: QualifiedName) throws(SQLError) -> OptimizerRule {
    let text = name.parts.map(\.folded).joined(separator: ".")
    if let rule = OptimizerRule(rawValue: text) { return rule }
    throw SQLError(
      .invalidSessionProperty, "Session property '\(text)' does not exist", range: name.range,
      hint: Suggestion.hint(for: text, among: OptimizerRule.allCases.map(\.rawValue) + SparkSetting.allCases.map(\.rawValue)) ?? "SHOW SESSION lists the properties.")
  }
}

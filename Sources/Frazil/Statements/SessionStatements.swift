import Columnar
import Planner
import SQLSyntax

/// SET SESSION, RESET SESSION and SHOW SESSION.
///
/// Besides Spark's `spark.wap.id`, the properties of a session are the optimiser's rules: results do not depend on them, which is what
/// tests switch them off for.
extension StatementRunner {
  private enum SessionProperty {
    case rule(OptimizerRule)
    case stagingID
  }

  private static let stagingIDName = "spark.wap.id"

  func runSetSession(_ name: QualifiedName, _ value: Expression) throws -> StatementResult {
    let property = try self.property(name)
    // Spark's SET takes its value as it stands.
    if case .stagingID = property, case .name(let word) = value.kind {
      session.setStagingID(word.spelling)
      return StatementResult()
    }
    let binder = Binder(relations: ResolvedRelations(), settings: binderSettings())
    let constant = try binder.evaluateConstant(value)
    switch property {
    case .rule(let rule):
      guard case .boolean(let isEnabled) = constant.value else {
        throw SQLError(
          .invalidSessionProperty, "Session property '\(rule.rawValue)' must be true or false", range: value.range)
      }
      session.setRule(rule.rawValue, isEnabled: isEnabled)
    case .stagingID:
      guard let text = constant.text, !text.isEmpty else {
        throw SQLError(
          .invalidSessionProperty, "Session property '\(Self.stagingIDName)' must be a text that is not empty", range: value.range,
          hint: "RESET \(Self.stagingIDName) ends staging.")
      }
      session.setStagingID(text)
    }
    return StatementResult()
  }

  func runResetSession(_ name: QualifiedName) throws -> StatementResult {
    switch try property(name) {
    case .rule(let rule): session.setRule(rule.rawValue, isEnabled: !engine.configuration.disabledRules.contains(rule.rawValue))
    case .stagingID: session.setStagingID(nil)
    }
    return StatementResult()
  }

  func runShowSession(_ pattern: StringLiteral?) -> StatementResult {
    var rows: [String: [String?]] = [:]
    for name in OptimizerRule.allCases.map(\.rawValue) {
      rows[name] = [
        name, session.disabledRules.contains(name) ? "false" : "true",
        engine.configuration.disabledRules.contains(name) ? "false" : "true", "boolean", "Whether the optimiser uses this rule",
      ]
    }
    rows[Self.stagingIDName] = [
      Self.stagingIDName, session.stagingID ?? "", "", "varchar",
      "Writes into tables with write.wap.enabled are staged under this id",
    ]
    let names = rows.keys.sorted()
    let wanted = Set(NamePattern(pattern).matching(names))
    return textResult(["Name", "Value", "Default", "Type", "Description"], names.filter(wanted.contains).compactMap { rows[$0] })
  }

  private func property(_ name: QualifiedName) throws(SQLError) -> SessionProperty {
    let text = name.parts.map(\.folded).joined(separator: ".")
    if let rule = OptimizerRule(rawValue: text) { return .rule(rule) }
    if text == Self.stagingIDName { return .stagingID }
    throw SQLError(
      .invalidSessionProperty, "Session property '\(text)' does not exist", range: name.range,
      hint: Suggestion.hint(for: text, among: OptimizerRule.allCases.map(\.rawValue) + [Self.stagingIDName])
        ?? "SHOW SESSION lists the properties.")
  }
}

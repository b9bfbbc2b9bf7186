import Columnar
import Functions
import Planner
import SQLSyntax

/// SET SESSION, RESET SESSION and SHOW SESSION.
extension StatementRunner {
  func runSetSession(_ name: QualifiedName, _ value: Expression) throws -> StatementResult {
    let property = try self.property(name)
    let constant: Scalar
    if property.takesWords, case .name(let word) = value.kind {
      // Spark's SET takes its value as it stands.
      constant = .text(word.spelling)
    } else {
      constant = try Binder(relations: ResolvedRelations(), settings: binderSettings()).evaluateConstant(value)
    }
    try session.changeSettings { settings throws(SQLError) in try property.set(constant, in: &settings, range: value.range) }
    return StatementResult()
  }

  func runResetSession(_ name: QualifiedName) throws -> StatementResult {
    let property = try self.property(name)
    try session.changeSettings { settings throws(SQLError) in property.reset(&settings, to: SessionSettings(engine.configuration)) }
    return StatementResult()
  }

  /// - Parameter zone: nil for LOCAL, the zone of the engine.
  func runSetTimeZone(_ zone: Expression?) throws -> StatementResult {
    let constant = try zone.map { try Binder(relations: ResolvedRelations(), settings: binderSettings()).evaluateConstant($0) }
    let range = zone?.range ?? .unknown
    try session.changeSettings { settings throws(SQLError) in
      settings.timeZone = try constant.map { value throws(SQLError) in try SessionProperty.zone(value, range: range) } ?? ZoneID.utc
    }
    return StatementResult()
  }

  func runShowSession(_ pattern: StringLiteral?) -> StatementResult {
    let properties = SessionProperty.all
    let wanted = Set(NamePattern(pattern).matching(properties.map(\.name)))
    let original = SessionSettings(engine.configuration)
    return textResult(
      ["Name", "Value", "Default", "Type", "Description"],
      properties.filter { wanted.contains($0.name) }.map { property in
        [property.name, property.value(session.settings), property.value(original), "\(property.type)", property.explanation]
      })
  }

  private func property(_ name: QualifiedName) throws(SQLError) -> SessionProperty {
    let text = name.parts.map(\.folded).joined(separator: ".")
    if text == "spark.sql.session.timezone" { return .timeZoneID }
    if let property = SessionProperty.all.first(where: { $0.name.lowercased() == text }) { return property }
    throw SQLError(
      .invalidSessionProperty, "Session property '\(text)' does not exist", range: name.range,
      hint: Suggestion.hint(for: text, among: SessionProperty.all.map(\.name)) ?? "SHOW SESSION lists the properties.")
  }

  /// Runs a statement that changes rows; as often as the session says once more, on the new state, when commits of others contradict it.
  func repeatingOnConflict(_ body: () async throws -> StatementResult) async throws -> StatementResult {
    // The other statements of a transaction would have to be repeated too.
    var repeatsLeft = transaction == nil ? session.settings.commitRetryStatements : 0
    while true {
      do { return try await body() } catch {
        // Nothing of it is there: a commit whose outcome is not known has another code.
        guard repeatsLeft > 0, SQLError(wrapping: error).code == .icebergCommitError, !context.cancellation.isCancelled else { throw error }
        repeatsLeft -= 1
      }
    }
  }
}

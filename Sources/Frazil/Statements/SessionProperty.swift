import Columnar
import Execution
import Functions
import Planner
import SQLSyntax

/// What SET SESSION can set.
enum SessionProperty: Hashable {
  /// Whether the optimiser uses a rule; results do not depend on it, which is what tests switch rules off for.
  case rule(OptimizerRule)
  /// How often a statement that others' commits contradict is run again.
  case commitRetryStatements
  /// Rounds after which a WITH RECURSIVE is taken for one that never ends.
  /// Sets of GROUP BY after which a query is refused.
  case maxGroupingSets
  case maxRecursionDepth
  case parseDecimalLiteralsAsDouble
  case strictAthena
  case timeZoneID
  case spark(SparkSetting)

  static var all: [SessionProperty] {
    ([.commitRetryStatements, .maxGroupingSets, .maxRecursionDepth, .parseDecimalLiteralsAsDouble, .strictAthena, .timeZoneID]
      + OptimizerRule.allCases.map { .rule($0) } + SparkSetting.allCases.map { .spark($0) })
      .sorted { $0.name < $1.name }
  }

  var name: String {
    switch self {
    case .rule(let rule): rule.rawValue
    case .commitRetryStatements: "commit_retry_statements"
    case .maxGroupingSets: "max_grouping_sets"
    case .maxRecursionDepth: "max_recursion_depth"
    case .parseDecimalLiteralsAsDouble: "parse_decimal_literals_as_double"
    case .strictAthena: "strict_athena"
    case .timeZoneID: "time_zone_id"
    case .spark(let setting): setting.rawValue
    }
  }

  /// Spark's SET takes its value as it stands.
  var takesWords: Bool {
    switch self {
    case .spark, .timeZoneID: true
    default: false
    }
  }

  var type: SQLType {
    switch self {
    case .rule, .parseDecimalLiteralsAsDouble, .strictAthena: .boolean
    case .commitRetryStatements, .maxGroupingSets, .maxRecursionDepth: .integer
    case .spark, .timeZoneID: .varchar
    }
  }

  var explanation: String {
    switch self {
    case .rule: "Whether the optimiser uses this rule"
    case .commitRetryStatements: "How often a statement is run again that commits of others contradict"
    case .maxGroupingSets: "Grouping sets that a GROUP BY may have"
    case .maxRecursionDepth: "Rounds after which a recursive query fails"
    case .parseDecimalLiteralsAsDouble: "Whether 1.5 is a double, as on Athena, or a decimal, as in Trino"
    case .strictAthena: "Whether what Athena would refuse is refused"
    case .timeZoneID: "The time zone of the session, which SET TIME ZONE sets"
    case .spark(let setting): setting.explanation
    }
  }

  func value(_ settings: SessionSettings) -> String {
    switch self {
    case .rule(let rule): settings.disabledRules.contains(rule.rawValue) ? "false" : "true"
    case .commitRetryStatements: "\(settings.commitRetryStatements)"
    case .maxGroupingSets: "\(settings.maxGroupingSets)"
    case .maxRecursionDepth: "\(settings.maxRecursionDepth)"
    case .parseDecimalLiteralsAsDouble: "\(settings.decimalLiteralsAreDouble)"
    case .strictAthena: "\(settings.isStrict)"
    case .timeZoneID: ZoneID.name(settings.timeZone)
    case .spark(let setting): settings.spark[setting] ?? setting.defaultValue
    }
  }

  /// - Throws: a sentence when the value is none for this property.
  func set(_ value: Scalar, in settings: inout SessionSettings, range: SourceRange) throws(SQLError) {
    switch (self, value.value) {
    case (.rule(let rule), .boolean(let isEnabled)):
      if isEnabled { settings.disabledRules.remove(rule.rawValue) } else { settings.disabledRules.insert(rule.rawValue) }
    case (.commitRetryStatements, .int(let count)) where value.type.isInteger && (0...1_000).contains(count):
      settings.commitRetryStatements = Int(count)
    case (.maxGroupingSets, .int(let count)) where value.type.isInteger && (1...1_000_000).contains(count):
      settings.maxGroupingSets = Int(count)
    case (.maxRecursionDepth, .int(let count)) where value.type.isInteger && (1...1_000_000).contains(count):
      settings.maxRecursionDepth = Int(count)
    case (.parseDecimalLiteralsAsDouble, .boolean(let isDouble)): settings.decimalLiteralsAreDouble = isDouble
    case (.strictAthena, .boolean(let isStrict)): settings.isStrict = isStrict
    case (.timeZoneID, _): settings.timeZone = try Self.zone(value, range: range)
    case (.spark(let setting), _): settings.spark[setting] = try setting.value(value, range: range)
    case (.rule, _), (.parseDecimalLiteralsAsDouble, _), (.strictAthena, _):
      throw SQLError(.invalidSessionProperty, "Session property '\(name)' must be true or false", range: range)
    case (.commitRetryStatements, _):
      throw SQLError(.invalidSessionProperty, "Session property '\(name)' must be a whole number from 0 to 1000", range: range)
    case (.maxRecursionDepth, _), (.maxGroupingSets, _):
      throw SQLError(.invalidSessionProperty, "Session property '\(name)' must be a whole number from 1 to 1000000", range: range)
    }
  }

  /// A zone by name or offset, or an interval as the offset.
  static func zone(_ value: Scalar, range: SourceRange) throws(SQLError) -> Int32 {
    switch value.value {
    case .int(let milliseconds) where value.type == .intervalDayToSecond:
      guard milliseconds % 60_000 == 0 else {
        throw SQLError(.invalidFunctionArgument, "Invalid time zone offset interval: interval contains seconds", range: range)
      }
      guard milliseconds.magnitude <= 14 * 3_600_000 else {
        throw SQLError(.invalidFunctionArgument, "Invalid offset minutes \(milliseconds / 60_000)", range: range)
      }
      return ZoneID.fixed(minutes: Int(milliseconds / 60_000))
    default:
      guard let name = value.text, value.type.isText else {
        throw SQLError(
          .typeMismatch, "Expected expression of varchar or interval day-time type, but expression has \(value.type) type", range: range)
      }
      guard let zone = ZoneID.named(name) else { throw SQLError(.notSupported, "Time zone not supported: \(name)", range: range) }
      return zone
    }
  }

  /// Back to what the session began with.
  func reset(_ settings: inout SessionSettings, to original: SessionSettings) {
    switch self {
    case .rule(let rule):
      if original.disabledRules.contains(rule.rawValue) {
        settings.disabledRules.insert(rule.rawValue)
      } else {
        settings.disabledRules.remove(rule.rawValue)
      }
    case .commitRetryStatements: settings.commitRetryStatements = original.commitRetryStatements
    case .maxGroupingSets: settings.maxGroupingSets = original.maxGroupingSets
    case .maxRecursionDepth: settings.maxRecursionDepth = original.maxRecursionDepth
    case .parseDecimalLiteralsAsDouble: settings.decimalLiteralsAreDouble = original.decimalLiteralsAreDouble
    case .strictAthena: settings.isStrict = original.isStrict
    case .timeZoneID: settings.timeZone = original.timeZone
    case .spark(let setting): settings.spark[setting] = nil
    }
  }
}

/// The values of a session's properties.
struct SessionSettings: Sendable {
  var disabledRules: Set<String>
  var commitRetryStatements: Int
  var maxGroupingSets = BinderSettings().maxGroupingSets
  var maxRecursionDepth = ExecutionOptions().maxRecursionDepth
  var decimalLiteralsAreDouble = true
  var isStrict: Bool
  var timeZone = ZoneID.utc
  var spark: [SparkSetting: String] = [:]

  init(_ configuration: Configuration) {
    disabledRules = configuration.disabledRules
    commitRetryStatements = configuration.commitRetryStatements
    isStrict = configuration.strictAthena
  }
}

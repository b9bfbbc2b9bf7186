import Columnar
import Planner
import SQLSyntax

/// Spark's session settings that statements depend on: `SET spark.wap.branch = 'audit'`. Names fold.
enum SparkSetting: String, CaseIterable, Sendable {
  /// Which partitions INSERT OVERWRITE replaces.
  case partitionOverwriteMode = "spark.sql.sources.partitionOverwriteMode"
  /// The branch that tables with `write.wap.enabled` are written to, and read from once it is there.
  case wapBranch = "spark.wap.branch"

  init?(_ name: QualifiedName) {
    let text = name.parts.map(\.folded).joined(separator: ".")
    guard let setting = Self.allCases.first(where: { $0.rawValue.lowercased() == text }) else { return nil }
    self = setting
  }

  var defaultValue: String {
    switch self {
    case .partitionOverwriteMode: "static"
    case .wapBranch: ""
    }
  }

  var meaning: String {
    switch self {
    case .partitionOverwriteMode: "What INSERT OVERWRITE replaces: static (the PARTITION clause, or everything) or dynamic (partitions of the new rows)"
    case .wapBranch: "The branch that tables with write.wap.enabled = true are written to and read from"
    }
  }

  /// The value of a SET: text, or one bare word as Spark takes it.
  func value(of expression: Expression, _ binder: Binder) throws(SQLError) -> String {
    var text: String?
    if case .name(let name) = expression.kind, name.isSimple {
      text = name.parts[0].spelling
    } else {
      text = try binder.evaluateConstant(expression).text
    }
    guard let text, !text.isEmpty else {
      throw SQLError(.invalidSessionProperty, "Session property '\(rawValue)' must be text", range: expression.range)
    }
    switch self {
    case .partitionOverwriteMode:
      guard ["static", "dynamic"].contains(text.lowercased()) else {
        throw SQLError(
          .invalidSessionProperty, "Session property '\(rawValue)' must be static or dynamic: \(text)", range: expression.range)
      }
      return text.lowercased()
    case .wapBranch: return text
    }
  }
}

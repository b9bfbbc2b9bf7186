import Columnar
import SQLSyntax

/// Spark's session settings that statements depend on: `SET spark.wap.id = 'audit-7'`. Names fold.
enum SparkSetting: String, CaseIterable, Sendable {
  /// Which partitions INSERT OVERWRITE replaces.
  case partitionOverwriteMode = "spark.sql.sources.partitionOverwriteMode"
  /// Writes into tables with `write.wap.enabled` are staged under this id.
  case wapID = "spark.wap.id"
  /// The branch that tables with `write.wap.enabled` are written to, and read from once it is there.
  case wapBranch = "spark.wap.branch"

  var defaultValue: String {
    switch self {
    case .partitionOverwriteMode: "static"
    case .wapID, .wapBranch: ""
    }
  }

  var explanation: String {
    switch self {
    case .partitionOverwriteMode: "What INSERT OVERWRITE replaces: static (the PARTITION clause, or everything) or dynamic (partitions of the new rows)"
    case .wapID: "Writes into tables with write.wap.enabled are staged under this id"
    case .wapBranch: "The branch that tables with write.wap.enabled are written to and read from"
    }
  }

  /// The value of a SET.
  func value(_ value: Scalar, range: SourceRange) throws(SQLError) -> String {
    guard let text = value.text, !text.isEmpty else {
      throw SQLError(
        .invalidSessionProperty, "Session property '\(rawValue)' must be a text that is not empty", range: range,
        hint: "RESET \(rawValue) takes it back.")
    }
    guard self == .partitionOverwriteMode else { return text }
    guard ["static", "dynamic"].contains(text.lowercased()) else {
      throw SQLError(.invalidSessionProperty, "Session property '\(rawValue)' must be static or dynamic: \(text)", range: range)
    }
    return text.lowercased()
  }
}

import Columnar
import SQLSyntax

/// Spark's session settings that statements depend on: `SET spark.wap.id = 'audit-7'`. Names fold.
enum SparkSetting: String, CaseIterable, Sendable {
  /// Writes into tables with `write.wap.enabled` are staged under this id.
  case wapID = "spark.wap.id"

  var defaultValue: String { "" }

  var explanation: String {
    switch self {
    case .wapID: "Writes into tables with write.wap.enabled are staged under this id"
    }
  }

  /// The value of a SET.
  func value(_ value: Scalar, range: SourceRange) throws(SQLError) -> String {
    guard let text = value.text, !text.isEmpty else {
      throw SQLError(
        .invalidSessionProperty, "Session property '\(rawValue)' must be a text that is not empty", range: range,
        hint: "RESET \(rawValue) takes it back.")
    }
    return text
  }
}

import Columnar
import SQLSyntax

extension ExpressionBinder {
  /// The SQL/JSON functions, whose paths are a language of their own.
  func bindJSON(_ call: JSONFunctionCall, range: SourceRange) throws(SQLError) -> BoundExpression {
    switch call {
    case .exists: throw unsupported("JSON_EXISTS", "json_extract(j, path) IS NOT NULL", range)
    case .value: throw unsupported("JSON_VALUE", "json_extract_scalar", range)
    case .query: throw unsupported("JSON_QUERY", "json_extract", range)
    case .object: throw unsupported("JSON_OBJECT", "CAST(CAST(ROW(…) AS ROW(k type)) AS json)", range)
    case .array: throw unsupported("JSON_ARRAY", "CAST(ARRAY[…] AS json)", range)
    }
  }

  private func unsupported(_ name: String, _ instead: String, _ range: SourceRange) -> SQLError {
    SQLError.notSupported("\(name) is not supported", range: range, hint: "use \(instead)")
  }
}

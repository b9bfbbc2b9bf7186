import Columnar
import Functions
import Iceberg
import Planner
import SQLSyntax

/// The DEFAULT of a column, as CREATE TABLE and ALTER TABLE write it.
struct ColumnDefault {
  let expression: Expression
  let settings: BinderSettings

  init?(_ expression: Expression?, _ settings: BinderSettings) {
    guard let expression else { return nil }
    self.expression = expression
    self.settings = settings
  }

  /// The value in the column's type; nil for NULL, which is no default.
  ///
  /// - Throws: for expressions that are no constants or do not fit the type, and for nested types.
  func value(_ type: IcebergType) throws(SQLError) -> ScalarValue? {
    let constant = try Binder(relations: ResolvedRelations(), settings: settings).evaluateConstant(expression)
    if constant.isNull { return nil }
    guard !type.isNested, let target = try? type.sqlType(), target != .unknown else {
      throw SQLError.notSupported("A default for a column of type \(type)", range: expression.range, hint: "DEFAULT NULL is what such columns have.")
    }
    let value: ScalarValue
    do {
      guard Binder.isInsertable(target, constant.type) || constant.text != nil && constant.type != .varbinary else {
        throw SQLError(.typeMismatch, "")
      }
      value = try castColumn(.constant(constant, count: 1), to: target, isTry: false, context: settings.context).scalar(at: 0).value
    } catch {
      throw SQLError(.typeMismatch, "The default cannot be cast from \(constant.type) to \(target)", range: expression.range)
    }
    // JSON, which keeps defaults, has no word for them.
    if case .real(let number) = value, !number.isFinite { throw notFinite }
    if case .double(let number) = value, !number.isFinite { throw notFinite }
    switch (value, type) {
    case (.timestampTZ(let moment), _): return .timestampTZ(TimestampTZ(instant: moment.instant))
    case (.bytes(let bytes), .fixed(let count)) where bytes.count != count:
      throw SQLError(.typeMismatch, "The default has \(bytes.count) bytes, the column \(count)", range: expression.range)
    default: return value
    }
  }

  private var notFinite: SQLError { .notSupported("A default that is not a finite number", range: expression.range) }
}

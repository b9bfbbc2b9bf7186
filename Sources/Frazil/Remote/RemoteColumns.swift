import Columnar
import Functions
import Planner
import SQLSyntax

/// Columns from the texts in which another engine sends its values, in the types that it says they have.
enum RemoteColumns {
  /// The type that a Trino signature names; varchar for types that Frazil does not have, whose values stay text.
  static func type(_ signature: String) -> SQLType {
    do {
      return try SQLType.resolved(try Parser.parseType(signature))
    } catch {
      // `timestamp(12)`, `geometry`, `HyperLogLog`: what they hold is shown as it comes.
      return .varchar
    }
  }

  /// - Parameter texts: nil is NULL.
  static func column(_ texts: [String?], _ type: SQLType, _ context: QueryContext) throws(SQLError) -> Column {
    let isKept = type.isText || type == .varbinary || !canCast(from: .varchar, to: type)
    let builder = ColumnBuilder(type: type.isText ? type : .varchar, capacity: texts.count)
    for text in texts { if let text { builder.append(text: text) } else { builder.appendNull() } }
    let column = builder.finish()
    if isKept { return column }
    do throws(KernelError) { return try castColumn(column, to: type, isTry: false, context: context) } catch {
      throw SQLError(.genericExternal, "a value that came back is no \(type): \(error.message)")
    }
  }

  /// Binary values.
  static func column(binary values: [[UInt8]?]) -> Column {
    let builder = ColumnBuilder(type: .varbinary, capacity: values.count)
    for value in values { if let value { value.withUnsafeBytes { builder.append(bytes: $0) } } else { builder.appendNull() } }
    return builder.finish()
  }
}

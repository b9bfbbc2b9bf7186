package import Columnar

/// Whether CAST is defined between two types (sql.md 4.2).
package func canCast(from source: SQLType, to target: SQLType) -> Bool {
  if TypeCoercion.canCoerce(from: source, to: target) { return true }
  return false
}

/// CAST of a whole column, in any encoding.
///
/// - Parameter isTry: TRY_CAST: rows that fail become NULL instead of an error.
/// - Throws: `INVALID_CAST_ARGUMENT` and friends with Trino's texts, and the first row that failed.
package func castColumn(
  _ column: Column, to target: SQLType, isTry: Bool, context: QueryContext
) throws(KernelError) -> Column {
  if column.type == target { return column }
  if column.type == .unknown { return .nulls(target, count: column.count) }
  throw KernelError("NOT_SUPPORTED", "Cannot cast \(column.type) to \(target)")
}

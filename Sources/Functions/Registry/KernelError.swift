/// A failure inside a function: Trino's error name, one sentence, and the row (of the batch) that caused it when known.
///
/// The evaluator adds the range of the expression in the script. `TRY` turns the ones with `isCatchable` into NULL.
package struct KernelError: Error, Sendable {
  /// Trino's standard name, e.g. `DIVISION_BY_ZERO`, `INVALID_CAST_ARGUMENT`, `NUMERIC_VALUE_OUT_OF_RANGE`.
  package var code: String
  package var message: String
  package var row: Int?

  package init(_ code: String, _ message: String, row: Int? = nil) {
    self.code = code
    self.message = message
    self.row = row
  }

  /// What `TRY(...)` catches (Trino's list).
  package var isCatchable: Bool {
    switch code {
    case "DIVISION_BY_ZERO", "INVALID_CAST_ARGUMENT", "INVALID_FUNCTION_ARGUMENT", "NUMERIC_VALUE_OUT_OF_RANGE": true
    default: false
    }
  }
}

/// A name or argument list that no function takes; raised while binding.
package struct FunctionError: Error, Sendable {
  /// `FUNCTION_NOT_FOUND`, `TYPE_MISMATCH`, `INVALID_FUNCTION_ARGUMENT`, `AMBIGUOUS_FUNCTION_CALL`.
  package var code: String
  package var message: String
  package var hint: String?

  package init(_ code: String, _ message: String, hint: String? = nil) {
    self.code = code
    self.message = message
    self.hint = hint
  }
}

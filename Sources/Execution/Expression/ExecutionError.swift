import Columnar
import Functions
import SQLSyntax

extension KernelError {
  /// The error as the user sees it, at the expression that caused it.
  func located(at range: SourceRange) -> SQLError {
    let kind: ErrorKind =
      switch code {
      case "GENERIC_INTERNAL_ERROR", "FUNCTION_IMPLEMENTATION_ERROR": .internalError
      case "EXCEEDED_LOCAL_MEMORY_LIMIT", "GENERIC_INSUFFICIENT_RESOURCES": .insufficientResources
      default: .userError
      }
    return SQLError(ErrorCode(code, kind), message, range: range)
  }
}

extension SQLError {
  /// Whether `TRY` turns the error into NULL (Trino's list).
  var isCatchable: Bool { KernelError(code.name, message).isCatchable }

  /// Any error of a worker, as the one type that leaves the engine.
  static func of(_ error: any Error, at range: SourceRange? = nil) -> SQLError {
    switch error {
    case let error as SQLError: error.located(at: range)
    case let error as KernelError: error.located(at: range ?? .unknown)
    case is QueryCancelled, is CancellationError: SQLError(.userCanceled, "Query was canceled", range: nil)
    case let error as MemoryLimitExceeded:
      SQLError(
        .exceededLocalMemoryLimit, "Query exceeded the memory limit of \(error.limit) bytes in \(error.holder)", range: range,
        hint: "Raise the memory limit, or make the query hold fewer rows at a time.", cause: error)
    default: SQLError(.genericInternalError, "\(error)", range: range, cause: error)
    }
  }
}

/// Who can do something about an error. The raw values are Trino's `ErrorType` names.
public enum ErrorKind: String, Sendable {
  case userError = "USER_ERROR"
  case internalError = "INTERNAL_ERROR"
  case insufficientResources = "INSUFFICIENT_RESOURCES"
  case external = "EXTERNAL"
}

/// The name of an error, spelt as Trino spells it, and who can do something about it.
///
/// A struct rather than an enum: connectors bring names of their own, and clients compare names. Two codes are equal when their names are.
/// Source: Trino's `StandardErrorCode`, `HiveErrorCode` and `IcebergErrorCode`.
public struct ErrorCode: Sendable, Hashable, CustomStringConvertible {
  public let name: String
  public let kind: ErrorKind

  public init(_ name: String, _ kind: ErrorKind) {
    self.name = name
    self.kind = kind
  }

  public var description: String { name }

  public static func == (left: ErrorCode, right: ErrorCode) -> Bool { left.name == right.name }
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// True for failures that pass by themselves: another writer was faster, a resource was busy.
  /// An unknown commit outcome is not among them: running the statement again could apply it twice.
  public var isRetryable: Bool {
    [.icebergCommitError, .transactionConflict, .tooManyRequestsFailed, .queryQueueFull].contains(self)
  }
}

// The user's statement or data.
extension ErrorCode {
  public static let genericUserError = ErrorCode("GENERIC_USER_ERROR", .userError)
  public static let syntaxError = ErrorCode("SYNTAX_ERROR", .userError)
  public static let userCanceled = ErrorCode("USER_CANCELED", .userError)
  public static let permissionDenied = ErrorCode("PERMISSION_DENIED", .userError)
  public static let notFound = ErrorCode("NOT_FOUND", .userError)
  public static let functionNotFound = ErrorCode("FUNCTION_NOT_FOUND", .userError)
  public static let invalidFunctionArgument = ErrorCode("INVALID_FUNCTION_ARGUMENT", .userError)
  public static let divisionByZero = ErrorCode("DIVISION_BY_ZERO", .userError)
  public static let invalidCastArgument = ErrorCode("INVALID_CAST_ARGUMENT", .userError)
  public static let operatorNotFound = ErrorCode("OPERATOR_NOT_FOUND", .userError)
  public static let invalidView = ErrorCode("INVALID_VIEW", .userError)
  public static let alreadyExists = ErrorCode("ALREADY_EXISTS", .userError)
  public static let notSupported = ErrorCode("NOT_SUPPORTED", .userError)
  public static let invalidSessionProperty = ErrorCode("INVALID_SESSION_PROPERTY", .userError)
  public static let invalidWindowFrame = ErrorCode("INVALID_WINDOW_FRAME", .userError)
  public static let constraintViolation = ErrorCode("CONSTRAINT_VIOLATION", .userError)
  public static let transactionConflict = ErrorCode("TRANSACTION_CONFLICT", .userError)
  public static let invalidTableProperty = ErrorCode("INVALID_TABLE_PROPERTY", .userError)
  public static let numericValueOutOfRange = ErrorCode("NUMERIC_VALUE_OUT_OF_RANGE", .userError)
  public static let notInTransaction = ErrorCode("NOT_IN_TRANSACTION", .userError)
  public static let transactionAlreadyAborted = ErrorCode("TRANSACTION_ALREADY_ABORTED", .userError)
  public static let readOnlyViolation = ErrorCode("READ_ONLY_VIOLATION", .userError)
  public static let subqueryMultipleRows = ErrorCode("SUBQUERY_MULTIPLE_ROWS", .userError)
  public static let procedureNotFound = ErrorCode("PROCEDURE_NOT_FOUND", .userError)
  public static let invalidProcedureArgument = ErrorCode("INVALID_PROCEDURE_ARGUMENT", .userError)
  public static let queryRejected = ErrorCode("QUERY_REJECTED", .userError)
  public static let ambiguousFunctionCall = ErrorCode("AMBIGUOUS_FUNCTION_CALL", .userError)
  public static let invalidSchemaProperty = ErrorCode("INVALID_SCHEMA_PROPERTY", .userError)
  public static let schemaNotEmpty = ErrorCode("SCHEMA_NOT_EMPTY", .userError)
  public static let queryTextTooLarge = ErrorCode("QUERY_TEXT_TOO_LARGE", .userError)
  public static let unsupportedSubquery = ErrorCode("UNSUPPORTED_SUBQUERY", .userError)
  public static let exceededFunctionMemoryLimit = ErrorCode("EXCEEDED_FUNCTION_MEMORY_LIMIT", .userError)
  public static let administrativelyKilled = ErrorCode("ADMINISTRATIVELY_KILLED", .userError)
  public static let invalidColumnProperty = ErrorCode("INVALID_COLUMN_PROPERTY", .userError)
  public static let invalidAnalyzeProperty = ErrorCode("INVALID_ANALYZE_PROPERTY", .userError)
  public static let typeNotFound = ErrorCode("TYPE_NOT_FOUND", .userError)
  public static let catalogNotFound = ErrorCode("CATALOG_NOT_FOUND", .userError)
  public static let schemaNotFound = ErrorCode("SCHEMA_NOT_FOUND", .userError)
  public static let tableNotFound = ErrorCode("TABLE_NOT_FOUND", .userError)
  public static let columnNotFound = ErrorCode("COLUMN_NOT_FOUND", .userError)
  public static let schemaAlreadyExists = ErrorCode("SCHEMA_ALREADY_EXISTS", .userError)
  public static let tableAlreadyExists = ErrorCode("TABLE_ALREADY_EXISTS", .userError)
  public static let columnAlreadyExists = ErrorCode("COLUMN_ALREADY_EXISTS", .userError)
  public static let duplicateNamedQuery = ErrorCode("DUPLICATE_NAMED_QUERY", .userError)
  public static let duplicateColumnName = ErrorCode("DUPLICATE_COLUMN_NAME", .userError)
  public static let missingColumnName = ErrorCode("MISSING_COLUMN_NAME", .userError)
  public static let missingCatalogName = ErrorCode("MISSING_CATALOG_NAME", .userError)
  public static let missingSchemaName = ErrorCode("MISSING_SCHEMA_NAME", .userError)
  public static let typeMismatch = ErrorCode("TYPE_MISMATCH", .userError)
  public static let invalidLiteral = ErrorCode("INVALID_LITERAL", .userError)
  public static let columnTypeUnknown = ErrorCode("COLUMN_TYPE_UNKNOWN", .userError)
  public static let mismatchedColumnAliases = ErrorCode("MISMATCHED_COLUMN_ALIASES", .userError)
  public static let ambiguousName = ErrorCode("AMBIGUOUS_NAME", .userError)
  public static let invalidColumnReference = ErrorCode("INVALID_COLUMN_REFERENCE", .userError)
  public static let missingGroupBy = ErrorCode("MISSING_GROUP_BY", .userError)
  public static let missingOrderBy = ErrorCode("MISSING_ORDER_BY", .userError)
  public static let missingOver = ErrorCode("MISSING_OVER", .userError)
  public static let nestedAggregation = ErrorCode("NESTED_AGGREGATION", .userError)
  public static let nestedWindow = ErrorCode("NESTED_WINDOW", .userError)
  public static let expressionNotInDistinct = ErrorCode("EXPRESSION_NOT_IN_DISTINCT", .userError)
  public static let tooManyGroupingSets = ErrorCode("TOO_MANY_GROUPING_SETS", .userError)
  public static let functionNotWindow = ErrorCode("FUNCTION_NOT_WINDOW", .userError)
  public static let functionNotAggregate = ErrorCode("FUNCTION_NOT_AGGREGATE", .userError)
  public static let expressionNotAggregate = ErrorCode("EXPRESSION_NOT_AGGREGATE", .userError)
  public static let expressionNotScalar = ErrorCode("EXPRESSION_NOT_SCALAR", .userError)
  public static let expressionNotConstant = ErrorCode("EXPRESSION_NOT_CONSTANT", .userError)
  public static let invalidArguments = ErrorCode("INVALID_ARGUMENTS", .userError)
  public static let tooManyArguments = ErrorCode("TOO_MANY_ARGUMENTS", .userError)
  public static let duplicateProperty = ErrorCode("DUPLICATE_PROPERTY", .userError)
  public static let invalidParameterUsage = ErrorCode("INVALID_PARAMETER_USAGE", .userError)
  public static let viewIsStale = ErrorCode("VIEW_IS_STALE", .userError)
  public static let viewIsRecursive = ErrorCode("VIEW_IS_RECURSIVE", .userError)
  public static let nullTreatmentNotAllowed = ErrorCode("NULL_TREATMENT_NOT_ALLOWED", .userError)
  public static let invalidRecursiveReference = ErrorCode("INVALID_RECURSIVE_REFERENCE", .userError)
  public static let missingColumnAliases = ErrorCode("MISSING_COLUMN_ALIASES", .userError)
  public static let nestedRecursive = ErrorCode("NESTED_RECURSIVE", .userError)
  public static let invalidLimitClause = ErrorCode("INVALID_LIMIT_CLAUSE", .userError)
  public static let invalidOrderBy = ErrorCode("INVALID_ORDER_BY", .userError)
  public static let duplicateWindowName = ErrorCode("DUPLICATE_WINDOW_NAME", .userError)
  public static let invalidWindowReference = ErrorCode("INVALID_WINDOW_REFERENCE", .userError)
  public static let invalidPartitionBy = ErrorCode("INVALID_PARTITION_BY", .userError)
  public static let mergeTargetRowMultipleMatches = ErrorCode("MERGE_TARGET_ROW_MULTIPLE_MATCHES", .userError)
  public static let unsupportedTableType = ErrorCode("UNSUPPORTED_TABLE_TYPE", .userError)
  public static let invalidPath = ErrorCode("INVALID_PATH", .userError)
  public static let jsonInputConversionError = ErrorCode("JSON_INPUT_CONVERSION_ERROR", .userError)
  public static let pathEvaluationError = ErrorCode("PATH_EVALUATION_ERROR", .userError)
  public static let duplicateColumnOrPathName = ErrorCode("DUPLICATE_COLUMN_OR_PATH_NAME", .userError)
  public static let missingPathName = ErrorCode("MISSING_PATH_NAME", .userError)
  public static let invalidPlan = ErrorCode("INVALID_PLAN", .userError)
  public static let jsonOutputConversionError = ErrorCode("JSON_OUTPUT_CONVERSION_ERROR", .userError)
  public static let jsonValueResultError = ErrorCode("JSON_VALUE_RESULT_ERROR", .userError)
  public static let icebergInvalidPartitionValue = ErrorCode("ICEBERG_INVALID_PARTITION_VALUE", .userError)
  public static let icebergInvalidSnapshotID = ErrorCode("ICEBERG_INVALID_SNAPSHOT_ID", .userError)
}

// Our own mistakes.
extension ErrorCode {
  public static let genericInternalError = ErrorCode("GENERIC_INTERNAL_ERROR", .internalError)
  public static let tooManyRequestsFailed = ErrorCode("TOO_MANY_REQUESTS_FAILED", .internalError)
  public static let optimizerTimeout = ErrorCode("OPTIMIZER_TIMEOUT", .internalError)
  public static let functionImplementationError = ErrorCode("FUNCTION_IMPLEMENTATION_ERROR", .internalError)
}

// Limits.
extension ErrorCode {
  public static let genericInsufficientResources = ErrorCode("GENERIC_INSUFFICIENT_RESOURCES", .insufficientResources)
  public static let exceededGlobalMemoryLimit = ErrorCode("EXCEEDED_GLOBAL_MEMORY_LIMIT", .insufficientResources)
  public static let exceededLocalMemoryLimit = ErrorCode("EXCEEDED_LOCAL_MEMORY_LIMIT", .insufficientResources)
  public static let exceededTimeLimit = ErrorCode("EXCEEDED_TIME_LIMIT", .insufficientResources)
  public static let exceededCPULimit = ErrorCode("EXCEEDED_CPU_LIMIT", .insufficientResources)
  public static let exceededSpillLimit = ErrorCode("EXCEEDED_SPILL_LIMIT", .insufficientResources)
  public static let exceededScanLimit = ErrorCode("EXCEEDED_SCAN_LIMIT", .insufficientResources)
  public static let outOfSpillSpace = ErrorCode("OUT_OF_SPILL_SPACE", .insufficientResources)
  public static let queryQueueFull = ErrorCode("QUERY_QUEUE_FULL", .insufficientResources)
}

// Files, catalogs and services.
extension ErrorCode {
  public static let genericExternal = ErrorCode("GENERIC_EXTERNAL", .external)
  public static let hiveMetastoreError = ErrorCode("HIVE_METASTORE_ERROR", .external)
  public static let hiveCursorError = ErrorCode("HIVE_CURSOR_ERROR", .external)
  public static let hiveFileNotFound = ErrorCode("HIVE_FILE_NOT_FOUND", .external)
  public static let hiveBadData = ErrorCode("HIVE_BAD_DATA", .external)
  public static let hivePartitionSchemaMismatch = ErrorCode("HIVE_PARTITION_SCHEMA_MISMATCH", .external)
  public static let hiveMissingData = ErrorCode("HIVE_MISSING_DATA", .external)
  public static let hiveInvalidPartitionValue = ErrorCode("HIVE_INVALID_PARTITION_VALUE", .external)
  public static let hiveInvalidMetadata = ErrorCode("HIVE_INVALID_METADATA", .external)
  public static let hiveInvalidView = ErrorCode("HIVE_INVALID_VIEW", .external)
  public static let hivePathAlreadyExists = ErrorCode("HIVE_PATH_ALREADY_EXISTS", .external)
  public static let hiveFilesystemError = ErrorCode("HIVE_FILESYSTEM_ERROR", .external)
  public static let hiveWriterOpenError = ErrorCode("HIVE_WRITER_OPEN_ERROR", .external)
  public static let hiveWriterCloseError = ErrorCode("HIVE_WRITER_CLOSE_ERROR", .external)
  public static let hiveWriterDataError = ErrorCode("HIVE_WRITER_DATA_ERROR", .external)
  public static let hiveUnsupportedFormat = ErrorCode("HIVE_UNSUPPORTED_FORMAT", .external)
  public static let icebergUnknownTableType = ErrorCode("ICEBERG_UNKNOWN_TABLE_TYPE", .external)
  public static let icebergInvalidMetadata = ErrorCode("ICEBERG_INVALID_METADATA", .external)
  public static let hiveTooManyOpenPartitions = ErrorCode("HIVE_TOO_MANY_OPEN_PARTITIONS", .external)
  public static let icebergTooManyOpenPartitions = ErrorCode("ICEBERG_TOO_MANY_OPEN_PARTITIONS", .external)
  public static let icebergBadData = ErrorCode("ICEBERG_BAD_DATA", .external)
  public static let icebergMissingData = ErrorCode("ICEBERG_MISSING_DATA", .external)
  public static let icebergCannotOpenSplit = ErrorCode("ICEBERG_CANNOT_OPEN_SPLIT", .external)
  public static let icebergCursorError = ErrorCode("ICEBERG_CURSOR_ERROR", .external)
  public static let icebergFilesystemError = ErrorCode("ICEBERG_FILESYSTEM_ERROR", .external)
  public static let icebergWriterOpenError = ErrorCode("ICEBERG_WRITER_OPEN_ERROR", .external)
  public static let icebergWriterDataError = ErrorCode("ICEBERG_WRITER_DATA_ERROR", .external)
  public static let icebergCommitError = ErrorCode("ICEBERG_COMMIT_ERROR", .external)
  public static let icebergCommitStateUnknown = ErrorCode("ICEBERG_COMMIT_STATE_UNKNOWN", .external)
  public static let icebergCatalogError = ErrorCode("ICEBERG_CATALOG_ERROR", .external)
}

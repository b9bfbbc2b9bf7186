import Avro
import Catalogs
import Columnar
import Functions
import Iceberg
import Parquet
import SQLSyntax
import Storage
import TextFormats

extension SQLError {
  /// Any error of a lower floor as the one type that leaves the engine, with the floor's own error as its cause where that says more.
  init(wrapping error: any Error) {
    switch error {
    case let error as SQLError:
      if let inner = error.cause, error.code == .genericInternalError, !(inner is SQLError) {
        // A worker met a lower floor's error and could not know what it is; nor may we.
        let named = SQLError(wrapping: inner)
        self = named.code == .genericInternalError ? error : named.located(at: error.range)
      } else {
        self = error
      }
    case let error as KernelError: self.init(ErrorCode(error.code, .userError), error.message)
    case is QueryCancelled, is CancellationError: self.init(.userCanceled, "Query was canceled")
    case let error as CatalogError: self.init(catalogError: error)
    case let error as StorageError: self.init(storageError: error)
    case let error as ParquetError:
      switch error.kind {
      case .unsupported: self.init(.notSupported, "\(error)")
      case .cancelled: self.init(.userCanceled, "Query was canceled")
      case .corrupt, .inputOutput, .invalidRequest: self.init(.hiveBadData, "\(error)")
      }
    case let error as IcebergError: self.init(icebergError: error)
    case let error as AvroError:
      self.init(error.kind == .unsupported ? .notSupported : .hiveBadData, "\(error)")
    case let error as TextFormatError:
      switch error.kind {
      case .badData:
        // Trino's JSON readers fail while moving to the next row.
        self.init(error.message.hasPrefix("Row is not a valid JSON Object") ? .hiveCursorError : .hiveBadData, "\(error)")
      case .badOption: self.init(.invalidArguments, "\(error)")
      case .notSupported: self.init(.notSupported, "\(error)")
      }
    case let error as MemoryLimitExceeded:
      self.init(
        .exceededLocalMemoryLimit, "Query exceeded the memory limit of \(error.limit) bytes in \(error.holder)",
        hint: "Raise --memory.")
    default: self.init(.genericInternalError, "\(error)", cause: error)
    }
  }

  private init(icebergError error: IcebergError) {
    if let cause = error.cause as? SQLError {
      self = cause
      return
    }
    if let cause = error.cause as? CancellationError {
      self.init(wrapping: cause)
      return
    }
    if let cause = error.cause as? CatalogError, error.kind != .commitStateUnknown, error.kind != .conflict {
      self.init(catalogError: cause)
      return
    }
    let code: ErrorCode =
      switch error.kind {
      case .unsupported: .notSupported
      case .invalid: .invalidArguments
      case .conflict, .validation: .icebergCommitError
      case .commitStateUnknown: .icebergCommitStateUnknown
      case .badData: .icebergBadData
      case .notFound: error.file == nil ? .icebergInvalidSnapshotID : .icebergMissingData
      case .storage: .icebergFilesystemError
      default: .icebergInvalidMetadata
      }
    self.init(code, "\(error)", cause: error.cause, isRetryable: error.isRetryable)
  }

  private init(catalogError error: CatalogError) {
    let code: ErrorCode =
      switch error.kind {
      case .databaseNotFound: .schemaNotFound
      case .databaseAlreadyExists: .schemaAlreadyExists
      case .databaseNotEmpty: .schemaNotEmpty
      case .tableNotFound: .tableNotFound
      case .tableAlreadyExists: .tableAlreadyExists
      case .partitionAlreadyExists: .alreadyExists
      case .notIceberg, .notSupported: .notSupported
      case .permission: .permissionDenied
      case .unavailable, .outcomeUnknown, .refused: .icebergCatalogError
      case .versionConflict, .lockTimeout: .transactionConflict
      case .corrupt, .inputOutput: .hiveMetastoreError
      }
    self.init(code, error.message, isRetryable: error.isRetryable)
  }

  private init(storageError error: StorageError) {
    switch error.kind {
    case .notFound: self.init(.hiveFileNotFound, "\(error)")
    case .permission: self.init(.permissionDenied, "\(error)")
    case .diskFull:
      self.init(.genericInsufficientResources, "\(error)", hint: "Make room, or choose a place on another disk.")
    case .corrupt: self.init(.hiveBadData, "\(error)")
    case .notSupported: self.init(.notSupported, "\(error)")
    case .cancelled: self.init(.userCanceled, "Query was canceled")
    case .invalidLocation: self.init(.invalidPath, "\(error)")
    default: self.init(.genericExternal, "\(error)", isRetryable: error.isRetryable)
    }
  }
}

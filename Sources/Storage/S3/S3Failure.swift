/// Refusals and lost answers of S3 as errors of the store.
enum S3Failure {
  static func storageError(_ error: AWSErrorReply, _ call: S3Client.Call) -> StorageError {
    let location = call.location
    let bucket = call.object.bucket
    let what = error.text
    let isRead = call.method == .get || call.method == .head
    switch (error.status, error.code) {
    case (_, "NoSuchBucket"):
      return StorageError(.notFound, location, "there is no bucket '\(bucket)': \(what); look at its name, its region and the endpoint")
    case (404, _), (_, "NoSuchKey"), (_, "NoSuchUpload"):
      return StorageError(.notFound, location, "there is no such object: \(what)")
    case (412, _), (_, "PreconditionFailed"):
      return StorageError(.conditionFailed, location, "the object is not in the state that was expected: \(what)")
    case (_, "InvalidObjectState"):
      return StorageError(.io, location, "the object is archived and must be restored first: \(what)")
    case (_, "InvalidAccessKeyId"):
      return StorageError(.permission, location, "the access key is unknown there: \(what); 'frazil whoami' shows where it comes from")
    case (_, "SignatureDoesNotMatch"):
      return StorageError(
        .permission, location,
        "the signature is not accepted: \(what); the secret key may be wrong, or a proxy changes requests; 'frazil whoami' shows where the key comes from")
    case (_, "RequestTimeTooSkewed"):
      return StorageError(.permission, location, "this machine's clock is wrong: \(what)")
    case (_, "ExpiredToken"), (_, "ExpiredTokenException"), (_, "TokenRefreshRequired"):
      return StorageError(.permission, location, "the credentials have expired: \(what); renew them, for example with 'aws sso login'")
    case (401, _), (403, _), (_, "AccessDenied"):
      let hint =
        error.code.isEmpty && isRead
        ? "allow s3:GetObject on the object, and s3:ListBucket on the bucket, without which a missing object looks the same"
        : "'frazil whoami' shows who asks; the bucket's and the caller's policies must allow it"
      return StorageError(.permission, location, "access is denied: \(what); \(hint)")
    case (301, _), (307, _), (_, "AuthorizationHeaderMalformed"):
      return StorageError(.io, location, "the bucket '\(bucket)' is in another region: \(what); set AWS_REGION to it")
    case (501, _), (405, _), (_, "NotImplemented"):
      return StorageError(.notSupported, location, "the server cannot do this: \(what)")
    case (507, _), (_, "QuotaExceeded"), (_, "EntityTooLarge"):
      return StorageError(.diskFull, location, "the object does not fit: \(what)")
    default:
      let isLost = !isRead && error.status >= 500 && !error.isThrottling
      return StorageError(
        isLost ? .outcomeUnknown : .io, location, error.isThrottling ? "the server asks for fewer requests: \(what)" : "the server refuses: \(what)",
        isRetryable: error.isTransient)
    }
  }

  static func storageError(_ error: AWSCallError, _ call: S3Client.Call) -> StorageError {
    switch error.kind {
    case .cancelled: return StorageError(.cancelled, call.location, "cancelled")
    case .credentials(let reason):
      return StorageError(reason.isRetryable ? .io : .permission, call.location, reason.message, isRetryable: reason.isRetryable)
    case .transport(let reason):
      let isRead = call.method == .get || call.method == .head
      if reason.kind == .libraryMissing { return StorageError(.notSupported, call.location, reason.message) }
      let text = "no answer from \(reason.message)"
      if error.mayHaveTakenEffect && !isRead {
        return StorageError(.outcomeUnknown, call.location, text + "; the request may have been carried out", isRetryable: true)
      }
      return StorageError(.io, call.location, text, isRetryable: reason.isRetryable)
    }
  }

  /// Whether a server refuses the headers with a checksum rather than the request.
  static func isAboutChecksums(_ error: AWSErrorReply) -> Bool {
    guard error.status == 400 || error.status == 501 else { return false }
    if ["NotImplemented", "XAmzContentChecksumMismatch"].contains(error.code) { return error.code == "NotImplemented" }
    let text = (error.code + " " + error.message).lowercased()
    return ["InvalidArgument", "InvalidRequest", "MalformedHeader", ""].contains(error.code) && (text.contains("checksum") || text.contains("x-amz-sdk"))
  }
}

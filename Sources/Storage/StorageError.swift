import Glibc

/// What went wrong while reading, writing or listing stored bytes, in the words of a file system or object store.
///
/// The border above wraps it once, so `message` speaks about the location only and leaves out what the user asked for.
package struct StorageError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: String, Sendable {
    case notFound
    /// The target of a write with `PutCondition.ifAbsent` was there already.
    case alreadyExists
    /// The target of a write with `PutCondition.ifMatches` had changed, or was gone.
    case conditionFailed
    case permission
    case diskFull
    /// The bytes are not what their size or checksum promised (for example a file cut short while it was read).
    case corrupt
    case io
    /// The location cannot be understood, or leaves the folder it is mounted under.
    case invalidLocation
    case notSupported
    /// A write was sent and the answer was lost: it may or may not have happened. Look before deleting anything.
    case outcomeUnknown
    case cancelled
  }

  package var kind: Kind
  package var location: Location
  package var message: String
  package var isRetryable: Bool

  package init(_ kind: Kind, _ location: Location, _ message: String, isRetryable: Bool = false) {
    self.kind = kind
    self.location = location
    self.message = message
    self.isRetryable = isRetryable
  }

  /// The error for a failed system call: `operation` says what was tried ("open", "write"), `code` is its errno.
  package init(errno code: Int32, _ location: Location, _ operation: String) {
    let kind: Kind
    switch code {
    case ENOENT, ENOTDIR: kind = .notFound
    case EEXIST: kind = .alreadyExists
    case EACCES, EPERM, EROFS: kind = .permission
    case ENOSPC, EDQUOT, EFBIG: kind = .diskFull
    case ENAMETOOLONG, ELOOP, EILSEQ: kind = .invalidLocation
    default: kind = .io
    }
    self.init(
      kind, location, "\(operation): \(Self.text(of: code))",
      isRetryable: code == EAGAIN || code == EMFILE || code == ENFILE || code == ETIMEDOUT)
  }

  package var description: String { "\(location.text): \(message)" }

  private static func text(of code: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let base = buffer.baseAddress, strerror_r(code, base, buffer.count) == 0 else { return "error \(code)" }
      return String(cString: base)
    }
  }
}

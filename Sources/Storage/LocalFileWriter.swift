import Glibc

/// Writes a local file that nobody sees before it is whole.
///
/// The bytes go to a file without a name (`O_TMPFILE`), which vanishes by itself when the process dies, and get their name in one
/// step at the end: `link` when the name must be free, else `rename` over the old file. File systems without nameless files get a
/// hidden `.name.…tmp` beside the target. With `Durability.synced`, file and folder are flushed before `finish` returns.
package final class LocalFileWriter: ObjectWriter {
  package private(set) var byteCount = 0

  private let location: Location
  private let path: String
  private let folder: String
  private let condition: PutCondition
  private let durability: Durability
  private var descriptor: Int32
  /// The hidden name of the bytes so far; nil while they have none.
  private var temporaryPath: String?
  /// Small appends are gathered here.
  private var pending: [UInt8] = []
  private static let gatherCount = 1 << 18
  /// Linux's `O_TMPFILE`, a macro Swift does not see.
  private static let namelessFile: Int32 = 0o20_000_000 | O_DIRECTORY

  /// - Parameter permissions: of the new file, before the process's mask.
  package init(
    _ location: Location, path: String, if condition: PutCondition, _ durability: Durability, permissions: UInt32 = 0o666
  ) throws(StorageError) {
    self.location = location
    self.path = path
    self.condition = condition
    self.durability = durability
    folder = try Self.folder(of: path, location)
    try Self.makeFolder(folder, location, durability)
    var descriptor = open(folder, Self.namelessFile | O_WRONLY | O_CLOEXEC, permissions)
    if descriptor < 0, errno != EACCES, errno != ENOSPC, errno != EROFS {
      let hidden = Self.temporaryPath(for: path, in: folder)
      descriptor = open(hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions)
      if descriptor >= 0 { temporaryPath = hidden }
    }
    guard descriptor >= 0 else { throw StorageError(errno: errno, location, "cannot create") }
    self.descriptor = descriptor
  }

  deinit { abort() }

  package func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    guard descriptor >= 0 else { throw StorageError(.io, location, "cannot write: the file is closed") }
    byteCount += bytes.count
    if bytes.count < Self.gatherCount {
      pending.append(contentsOf: bytes)
      if pending.count >= Self.gatherCount { try flush() }
    } else {
      try flush()
      try write(bytes)
    }
  }

  package func finish() throws(StorageError) -> ObjectVersion {
    guard descriptor >= 0 else { throw StorageError(.io, location, "cannot finish: the file is closed") }
    do throws(StorageError) {
      try flush()
      if durability == .synced, fsync(descriptor) != 0 { throw StorageError(errno: errno, location, "cannot flush") }
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw StorageError(errno: errno, location, "cannot examine") }
      try publish()
      closeDescriptor()
      if durability == .synced { try Self.syncFolder(folder, location) }
      return ObjectVersion(status: status)
    } catch {
      abort()
      throw error
    }
  }

  package func abort() {
    closeDescriptor()
    if let temporaryPath { unlink(temporaryPath) }
    temporaryPath = nil
    pending = []
  }

  // MARK: Giving the bytes their name

  private func publish() throws(StorageError) {
    switch condition {
    case .ifAbsent:
      try linkAsNew()
    case .none:
      try replace()
    case .ifMatches(let expected):
      try withFolderLock { () throws(StorageError) in
        var status = stat()
        guard stat(path, &status) == 0, ObjectVersion(status: status) == expected else {
          throw StorageError(.conditionFailed, location, "the object has changed since it was read")
        }
        try replace()
      }
    }
  }

  /// The folder itself is the lock: no file is left behind, and the system frees it when the process dies.
  private func withFolderLock(_ body: () throws(StorageError) -> Void) throws(StorageError) {
    let lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard lock >= 0 else { throw StorageError(errno: errno, location, "cannot lock the folder") }
    defer { close(lock) }
    while flock(lock, LOCK_EX) != 0 {
      guard errno == EINTR else { throw StorageError(errno: errno, location, "cannot lock the folder") }
    }
    try body()
  }

  private func linkAsNew() throws(StorageError) {
    if let temporaryPath {
      if link(temporaryPath, path) == 0 {
        unlink(temporaryPath)
        self.temporaryPath = nil
      } else if errno == EPERM || errno == EOPNOTSUPP {
        // A file system without links: look and rename under the lock.
        try withFolderLock { () throws(StorageError) in
          var status = stat()
          guard stat(path, &status) != 0 else { throw publishError(EEXIST) }
          try replace()
        }
      } else {
        throw publishError(errno)
      }
    } else {
      guard nameDescriptor(path) else { throw publishError(errno) }
    }
  }

  private func replace() throws(StorageError) {
    if temporaryPath == nil {
      if nameDescriptor(path) { return }
      guard errno == EEXIST else { throw publishError(errno) }
      let hidden = Self.temporaryPath(for: path, in: folder)
      guard nameDescriptor(hidden) else { throw publishError(errno) }
      temporaryPath = hidden
    }
    guard let temporaryPath else { return }
    guard rename(temporaryPath, path) == 0 else { throw publishError(errno) }
    self.temporaryPath = nil
  }

  /// Gives the nameless file a name; false, with errno, when it is taken.
  private func nameDescriptor(_ name: String) -> Bool {
    linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0
  }

  private func publishError(_ code: Int32) -> StorageError {
    code == EEXIST
      ? StorageError(.alreadyExists, location, "there is such a file already") : StorageError(errno: code, location, "cannot create")
  }

  // MARK: Bytes

  private func flush() throws(StorageError) {
    guard !pending.isEmpty else { return }
    let bytes = pending
    pending = []
    try bytes.withUnsafeBytes { bytes in Result { () throws(StorageError) in try write(bytes) } }.get()
    pending = bytes
    pending.removeAll(keepingCapacity: true)
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    guard var cursor = bytes.baseAddress else { return }
    var missing = bytes.count
    while missing > 0 {
      let written = Glibc.write(descriptor, cursor, min(missing, 1 << 30))
      if written < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, location, "cannot write")
      }
      cursor += written
      missing -= written
    }
  }

  private func closeDescriptor() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  // MARK: Folders

  private static func folder(of path: String, _ location: Location) throws(StorageError) -> String {
    guard let last = path.utf8.last, last != UInt8(ascii: "/"), !path.utf8.contains(0) else {
      throw StorageError(.invalidLocation, location, "this does not name a file")
    }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Makes `folder` and what is missing above it; with `.synced`, the names of new folders are flushed too.
  static func makeFolder(_ folder: String, _ location: Location, _ durability: Durability) throws(StorageError) {
    if mkdir(folder, 0o777) == 0 {
      if durability == .synced { try syncFolder(parent(of: folder), location) }
      return
    }
    let code = errno
    if code == EEXIST { return }
    // Some file systems answer EROFS or EACCES for a folder that is there.
    var status = stat()
    if stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
    guard code == ENOENT, folder != parent(of: folder) else {
      throw StorageError(errno: code, location, "cannot make the folder \(folder)")
    }
    try makeFolder(parent(of: folder), location, durability)
    guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
      throw StorageError(errno: errno, location, "cannot make the folder \(folder)")
    }
    if durability == .synced { try syncFolder(parent(of: folder), location) }
  }

  private static func parent(of folder: String) -> String {
    var path = folder[...]
    while path.utf8.count > 1, path.last == "/" { path = path.dropLast() }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  package static func syncFolder(_ folder: String, _ location: Location) throws(StorageError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StorageError(errno: errno, location, "cannot open the folder") }
    defer { close(descriptor) }
    // EINVAL: a file system that cannot flush folders.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw StorageError(errno: errno, location, "cannot flush the folder") }
  }

  private static func temporaryPath(for path: String, in folder: String) -> String {
    let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.index(after: $0)...]) } ?? path
    let random = UInt64.random(in: 0 ... .max)
    return "\(folder)/.\(name.prefix(40)).\(String(random, radix: 36)).tmp"
  }
}

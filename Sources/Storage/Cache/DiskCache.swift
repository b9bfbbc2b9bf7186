import Digests
import Glibc
import Synchronization

/// Pieces of remote objects that do not change, in a folder of this machine that several processes may use at once.
///
/// ```
/// <folder>/lock                        held by whoever counts or evicts
/// <folder>/usage                       bytes that files take, at least: counted before a file is made
/// <folder>/ab/abcd...01-000000         a piece (`DiskCacheFile`); the name is a digest of the object's server and location, then one of its state
/// <folder>/ab/.abcd...01-000000.9.1    on its way: renamed when it is complete
/// ```
///
/// Nothing here is an error: what cannot be read, or is not what was written, is not there, and what cannot be written is not kept. Pieces used
/// longest ago go first. A process that ends in between leaves the count too high at most, which the next eviction puts right.
package final class DiskCache: Sendable {
  package let folder: String
  /// Bytes that the files may take together.
  package let byteLimit: Int
  private let serial = Atomic<Int>(0)

  /// Files on their way that are older were left by a process that ended.
  private static let abandonedAfterSeconds = 600

  /// - Throws: when the folder cannot be made or written.
  package init(folder: String, byteLimit: Int) throws(StorageError) {
    self.folder = folder
    self.byteLimit = byteLimit
    try LocalFileWriter.makeFolder(folder, Location(folder), .buffered)
    guard access(folder, R_OK | W_OK | X_OK) == 0 else { throw StorageError(errno: errno, Location(folder), "cannot use the folder of the cache") }
    // Whoever filled it may have had more room.
    _ = reserve(0)
  }

  /// What pieces are pieces of: an object in one state.
  package struct Identity: Sendable, Hashable {
    let text: String
    fileprivate let digest: String

    /// - Parameter server: what `ObjectStore.server(of:)` says: one location on two servers is two objects.
    package init(_ location: Location, at server: String, size: Int?, state: ObjectVersion?) {
      let object = Self.object(location, at: server)
      text = "\(object)\n\(size.map(String.init) ?? "whole")\n\(state?.text ?? "")"
      digest = Self.digest(of: object) + Self.digest(of: text)
    }

    fileprivate static func object(_ location: Location, at server: String) -> String { "\(server) \(location.canonicalText)" }

    /// Short: what a piece is a piece of stands in the file, too.
    fileprivate static func digest(of text: String) -> String { String(MessageDigest.sha256.hexadecimal(of: Array(text.utf8)).prefix(16)) }
  }

  private func path(_ identity: Identity, _ piece: Int, temporary: Bool = false) -> String {
    let number = String(piece)
    let name = identity.digest + "-" + String(repeating: "0", count: max(0, 6 - number.count)) + number
    let place = "\(folder)/\(name.prefix(2))/"
    guard temporary else { return place + name }
    return "\(place).\(name).\(getpid()).\(serial.add(1, ordering: .relaxed).newValue)"
  }

  package func contains(_ identity: Identity, _ piece: Int) -> Bool { access(path(identity, piece), F_OK) == 0 }

  /// An open piece; nil when it is not there, or not whole. A damaged one goes.
  package func open(_ identity: Identity, _ piece: Int) -> DiskCacheFile? {
    let path = path(identity, piece)
    switch DiskCacheFile.open(path, identity: identity.text) {
    case .found(let file): return file
    case .missing: return nil
    case .damaged:
      unlink(path)
      return nil
    }
  }

  /// Removes a piece whose bytes have proved wrong.
  package func remove(_ identity: Identity, _ piece: Int) { unlink(path(identity, piece)) }

  /// Removes every piece of an object, whatever its state: what is deleted is not to live on here.
  package func forget(_ location: Location, at server: String) {
    let digest = Identity.digest(of: Identity.object(location, at: server))
    let place = "\(folder)/\(digest.prefix(2))"
    for name in Self.names(in: place) where name.hasPrefix(digest) || name.hasPrefix("." + digest) { unlink("\(place)/\(name)") }
  }

  /// Removes every piece of every object below a folder. Names of files are digests, so each file is asked what it is a piece of; one that cannot
  /// say goes as well.
  package func forget(below location: Location, at server: String) {
    let prefix = Array(Identity.object(Location(location.folderText), at: server).utf8)
    for place in Self.names(in: folder) where place.count == 2 {
      for name in Self.names(in: "\(folder)/\(place)") {
        let path = "\(folder)/\(place)/\(name)"
        if DiskCacheFile.identity(path).map({ $0.starts(with: prefix) }) ?? true { unlink(path) }
      }
    }
  }

  /// Keeps a piece, and makes room for it.
  package func store(_ identity: Identity, _ piece: Int, version: ObjectVersion?, _ bytes: UnsafeRawBufferPointer) {
    let target = path(identity, piece)
    let header = DiskCacheFile.header(identity: identity.text, version: version?.text ?? "", bytes)
    let byteCount = header.count + bytes.count
    guard access(target, F_OK) != 0, byteCount <= byteLimit, reserve(byteCount) else { return }
    let temporary = path(identity, piece, temporary: true)
    let place = String(target.prefix(folder.count + 3))
    guard mkdir(place, 0o700) == 0 || errno == EEXIST else { return }
    let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    let isWritten = header.withUnsafeBytes { Self.write($0, to: descriptor) } && Self.write(bytes, to: descriptor)
    close(descriptor)
    if !isWritten || rename(temporary, target) != 0 { unlink(temporary) }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    return true
  }

  // MARK: Size

  /// Counts bytes that are about to be written; false when there is no room, or no way to tell.
  private func reserve(_ byteCount: Int) -> Bool {
    let lock = Glibc.open(folder + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { return false }
    defer { close(lock) }
    while flock(lock, LOCK_EX) != 0 {
      guard errno == EINTR else { return false }
    }
    let usage = Glibc.open(folder + "/usage", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard usage >= 0 else { return false }
    defer { close(usage) }
    var known: UInt64 = 0
    let isKnown = withUnsafeMutableBytes(of: &known) { pread(usage, $0.baseAddress, 8, 0) == 8 }
    var total = isKnown ? Int(clamping: known) : evict(to: byteLimit)
    // Some more than needed at a time: an eviction looks at every file.
    if total > byteLimit - byteCount { total = evict(to: max(0, byteLimit - max(byteCount, byteLimit / 16))) }
    guard total <= byteLimit - byteCount else { return false }
    var next = UInt64(total + byteCount)
    return withUnsafeBytes(of: &next) { pwrite(usage, $0.baseAddress, 8, 0) == 8 }
  }

  /// Removes the files used longest ago until the rest take at most so much; says how much that is.
  private func evict(to limit: Int) -> Int {
    struct File {
      var path: String
      var byteCount: Int
      var used: timespec
    }
    var files: [File] = []
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    for place in Self.names(in: folder) where place.count == 2 {
      for name in Self.names(in: "\(folder)/\(place)") {
        let path = "\(folder)/\(place)/\(name)"
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
        if name.hasPrefix("."), now.tv_sec - status.st_mtim.tv_sec > Self.abandonedAfterSeconds {
          unlink(path)
        } else {
          files.append(File(path: path, byteCount: Int(status.st_size), used: status.st_mtim))
        }
      }
    }
    files.sort { ($0.used.tv_sec, $0.used.tv_nsec) < ($1.used.tv_sec, $1.used.tv_nsec) }
    var total = files.reduce(0) { $0 + $1.byteCount }
    for file in files {
      guard total > limit else { break }
      if unlink(file.path) == 0 || errno == ENOENT { total -= file.byteCount }
    }
    return total
  }

  private static func names(in folder: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}

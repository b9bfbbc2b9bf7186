import Glibc

/// Files of this machine behind `ObjectStore`.
///
/// Answers to `async` calls are worked out on `BlockingPool`, since files block. Hidden temporary files (`LocalFileWriter`) are not listed.
package struct LocalStore: ObjectStore {
  private let pool: BlockingPool

  package init(pool: BlockingPool = .shared) { self.pool = pool }

  package func read(_ location: Location, _ range: Range<Int>?) async throws(StorageError) -> ByteSlice {
    try await pool.run { () throws(StorageError) in
      let reader = try LocalFileReader(location, path: Self.path(location))
      return try reader.read(range ?? 0..<reader.size)
    }
  }

  package func info(_ location: Location) async throws(StorageError) -> ObjectInfo {
    try await pool.run { () throws(StorageError) in
      var status = stat()
      guard stat(try Self.path(location), &status) == 0 else { throw StorageError(errno: errno, location, "cannot examine") }
      guard status.st_mode & S_IFMT == S_IFREG else { throw StorageError(.notFound, location, "is not a file") }
      return ObjectInfo(location, status: status)
    }
  }

  package func write(_ location: Location, _ bytes: ByteSlice, if condition: PutCondition) async throws(StorageError)
    -> ObjectVersion
  {
    try await pool.run { () throws(StorageError) in
      let writer = try LocalFileWriter(location, path: Self.path(location), if: condition, .synced)
      try writer.append(bytes)
      return try writer.finish()
    }
  }

  /// Always one page: the walk has to see every name to sort them.
  package func list(_ prefix: Location, after: String?) async throws(StorageError) -> ListPage {
    try await pool.run { () throws(StorageError) in
      var walk = FolderWalk(prefix)
      try walk.start(at: Self.path(prefix))
      return ListPage(objects: walk.sortedObjects())
    }
  }

  package func delete(_ locations: [Location]) async throws(StorageError) {
    try await pool.run { () throws(StorageError) in
      for location in locations {
        guard unlink(try Self.path(location)) == 0 || errno == ENOENT || errno == ENOTDIR else {
          throw StorageError(errno: errno, location, "cannot remove")
        }
      }
    }
  }

  package func deleteEmptyFolders(_ folder: Location) async throws(StorageError) {
    try await pool.run { () throws(StorageError) in
      var walk = FolderWalk(folder)
      try walk.start(at: try Self.path(folder))
      for folder in walk.folders.reversed() { rmdir(folder) }  // Those with something in them stay.
    }
  }

  package func deleteFolder(_ folder: Location) async throws(StorageError) {
    try await pool.run { () throws(StorageError) in
      let path = try Self.path(folder)
      var walk = FolderWalk(folder)
      walk.includesHidden = true
      try walk.start(at: path)
      for object in walk.objects {
        guard let file = object.location.localPath else { continue }
        guard unlink(file) == 0 || errno == ENOENT else { throw StorageError(errno: errno, object.location, "cannot remove") }
      }
      // Deepest first; a folder somebody has just put a file into stays.
      for folder in walk.folders.reversed() { rmdir(folder) }
    }
  }

  package func openReader(_ location: Location, size: Int?) throws(StorageError) -> any SynchronousReader {
    try LocalFileReader(location, path: Self.path(location))
  }

  package func openWriter(_ location: Location, if condition: PutCondition, _ durability: Durability) throws(StorageError)
    -> any ObjectWriter
  {
    try LocalFileWriter(location, path: Self.path(location), if: condition, durability)
  }

  private static func path(_ location: Location) throws(StorageError) -> String {
    guard let path = location.localPath, !path.isEmpty, !path.utf8.contains(0) else {
      throw StorageError(.invalidLocation, location, "this is not a path of the local file system")
    }
    return path
  }
}

/// Collects the files below a folder, following links to folders but never in a circle.
private struct FolderWalk {
  private let root: Location
  private(set) var objects: [ObjectInfo] = []
  /// Paths of the folders seen, each after the one it lies in; links to folders are not among them.
  private(set) var folders: [String] = []
  var includesHidden = false

  init(_ root: Location) { self.root = root }

  /// `path` may be a file, a folder, or missing, which leaves the result empty.
  mutating func start(at path: String) throws(StorageError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return }
      throw StorageError(errno: errno, root, "cannot list")
    }
    if status.st_mode & S_IFMT == S_IFREG {
      objects = [ObjectInfo(root, status: status)]
    } else if status.st_mode & S_IFMT == S_IFDIR {
      try walk(path, root, [Folder(status)])
    }
  }

  func sortedObjects() -> [ObjectInfo] {
    objects.sorted { $0.location.text.precedesInByteOrder($1.location.text) }
  }

  private struct Folder: Equatable {
    var device: dev_t
    var inode: ino_t
    init(_ status: stat) {
      device = status.st_dev
      inode = status.st_ino
    }
  }

  /// - Parameter ancestors: the folders on the way here, to notice a link that leads back.
  private mutating func walk(_ path: String, _ location: Location, _ ancestors: [Folder]) throws(StorageError) {
    guard let stream = opendir(path) else {
      if errno == ENOENT { return }
      throw StorageError(errno: errno, location, "cannot list")
    }
    defer { closedir(stream) }
    var link = stat()
    if lstat(path, &link) == 0, link.st_mode & S_IFMT == S_IFDIR { folders.append(path) }
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw StorageError(errno: errno, location, "cannot list") }
        return
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
        field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      if !includesHidden, name.hasPrefix("."), name.hasSuffix(".tmp") { continue }
      var status = stat()
      // Gone since, or a link to nothing: not an object.
      guard fstatat(dirfd(stream), name, &status, 0) == 0 else { continue }
      let child = location.appending(name)
      switch status.st_mode & S_IFMT {
      case S_IFREG:
        objects.append(ObjectInfo(child, status: status))
      case S_IFDIR:
        let folder = Folder(status)
        guard !ancestors.contains(folder), ancestors.count < 256 else { continue }
        try walk(path.utf8.last == UInt8(ascii: "/") ? path + name : path + "/" + name, child, ancestors + [folder])
      default:
        continue
      }
    }
  }
}

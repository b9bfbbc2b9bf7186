import Glibc

/// An open local file, read with `pread`; the kernel reads ahead when told with `posix_fadvise`.
package final class LocalFileReader: SynchronousReader {
  package let location: Location
  package let size: Int
  package let version: ObjectVersion
  private let descriptor: Int32

  package var readsAheadByItself: Bool { true }

  /// - Parameter location: names the file in errors; `path` is what is opened.
  package init(_ location: Location, path: String) throws(StorageError) {
    self.location = location
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StorageError(errno: errno, location, "cannot open") }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      close(descriptor)
      throw StorageError(errno: code, location, "cannot examine")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      throw StorageError(isFolder ? .notFound : .notSupported, location, isFolder ? "is a folder, not a file" : "is not a regular file")
    }
    self.descriptor = descriptor
    size = Int(status.st_size)
    version = ObjectVersion(status: status)
  }

  deinit { close(descriptor) }

  package func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    guard offset >= 0, offset <= size, destination.count <= size - offset else {
      let (end, overflow) = offset.addingReportingOverflow(destination.count)
      throw outOfBounds(offset..<(overflow || end < offset ? offset : end))
    }
    guard var cursor = destination.baseAddress else { return }
    var position = offset
    var missing = destination.count
    while missing > 0 {
      let got = pread(descriptor, cursor, min(missing, 1 << 30), off_t(position))
      if got < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, location, "cannot read at offset \(position)")
      }
      guard got > 0 else {
        throw StorageError(.corrupt, location, "the file was cut short while it was read: \(size) bytes before, \(position) now")
      }
      cursor += got
      position += got
      missing -= got
    }
  }

  package func willNeed(_ range: Range<Int>) {
    guard range.lowerBound >= 0, !range.isEmpty else { return }
    // A hint: its failure changes nothing.
    _ = posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
  }
}

extension ObjectVersion {
  /// Size, inode and time of change to the nanosecond: differs after every replacement by rename.
  init(status: stat) {
    self.init("\(status.st_size)-\(status.st_ino)-\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)")
  }
}

extension ObjectInfo {
  init(_ location: Location, status: stat) {
    self.init(
      location: location, size: Int(status.st_size), version: ObjectVersion(status: status),
      modifiedMicroseconds: Int64(status.st_mtim.tv_sec) &* 1_000_000 &+ Int64(status.st_mtim.tv_nsec) / 1_000)
  }
}

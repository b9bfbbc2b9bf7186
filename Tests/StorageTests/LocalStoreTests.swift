import Glibc
import Storage
import TestSupport
import Testing

struct LocalStoreTests {
  @Test("a missing file, a folder and a path through a file are reported as such")
  func missing() async throws {
    let scratch = ScratchFolder()
    let store = LocalStore()
    _ = try await store.write(scratch.location("f"), .empty)
    for name in ["none", "f/x"] {
      await #expect { _ = try await store.read(scratch.location(name)) } throws: { ($0 as? StorageError)?.kind == .notFound }
    }
    await #expect { _ = try await store.read(Location(scratch.path)) } throws: { ($0 as? StorageError)?.kind == .notFound }
    await #expect { _ = try await store.write(scratch.location("f/x"), .empty) } throws: { $0 is StorageError }
    await #expect { _ = try await store.write(scratch.location("f/"), .empty) } throws: {
      ($0 as? StorageError)?.kind == .invalidLocation
    }
  }

  @Test("errno becomes a kind and a text")
  func errorKinds() {
    #expect(StorageError(errno: ENOSPC, Location("x"), "cannot write").kind == .diskFull)
    #expect(StorageError(errno: EACCES, Location("x"), "cannot write").description == "x: cannot write: Permission denied")
    #expect(StorageError(errno: EMFILE, Location("x"), "cannot open").isRetryable)
  }

  @Test("a file system that refuses new files says so, and nothing remains")
  func refused() async throws {
    // /proc takes no files from anyone, not even from root.
    await #expect { _ = try await LocalStore().write(Location("/proc/frazil-test"), .empty) } throws: { $0 is StorageError }
    await #expect { _ = try await LocalStore().read(Location("/dev/full")) } throws: { ($0 as? StorageError)?.kind == .notSupported }
  }

  @Test("links that lead back do not make a listing endless")
  func links() async throws {
    let scratch = ScratchFolder()
    _ = try await LocalStore().write(scratch.location("a/f"), .empty)
    symlink(scratch.path, scratch.path + "/a/loop")
    symlink("nothing", scratch.path + "/dangling")
    #expect(try await LocalStore().listAll(Location(scratch.path)).map(\.location.name) == ["f"])
  }

  @Test("s3 without a mount says what to do")
  func noStore() async throws {
    await #expect { _ = try await StoreRouter().read(Location("s3://b/x")) } throws: { error in
      guard let error = error as? StorageError else { return false }
      return error.kind == .notSupported && error.message.contains("--offline") && error.location.text == "s3://b/x"
    }
  }

  @Test("errors behind a mount name both places")
  func mountedErrors() async throws {
    var mounts = MountTable()
    mounts.mountOffline("/nowhere-at-all")
    await #expect { _ = try await StoreRouter(mounts: mounts).read(Location("s3://b/x")) } throws: { error in
      (error as? StorageError)?.description
        == "s3://b/x: cannot open: No such file or directory (mounted at /nowhere-at-all/b/x)"
    }
  }

  @Test("the nth call of a memory store fails on demand, before or after its work")
  func faults() async throws {
    let store = MemoryStore()
    store.inject(.init(call: 2, of: .write))
    store.inject(.init(call: 3, of: .write, .after, .outcomeUnknown))
    let place = Location("mem://x")
    _ = try await store.write(place, ByteSlice(utf8: "1"))
    await #expect { _ = try await store.write(place, ByteSlice(utf8: "2")) } throws: { ($0 as? StorageError)?.kind == .io }
    #expect(try await store.read(place).string == "1")
    await #expect { _ = try await store.write(place, ByteSlice(utf8: "3")) } throws: {
      ($0 as? StorageError)?.kind == .outcomeUnknown
    }
    #expect(try await store.read(place).string == "3")
  }
}

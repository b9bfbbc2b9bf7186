public import SQLSyntax
import Storage

/// A file of results at a location such as `s3://bucket/results.csv`; it is seen when it is finished, whole.
public final class ResultFile: Sendable {
  private let held: HeldWriter

  fileprivate init(_ held: HeldWriter) { self.held = held }

  public func append(_ bytes: [UInt8]) async throws(SQLError) {
    let held = held
    do throws(StorageError) { try await BlockingPool.shared.run { () throws(StorageError) in try held.writer.append(bytes) } } catch {
      throw SQLError(wrapping: error)
    }
  }

  /// Makes the file visible.
  public func finish() async throws(SQLError) {
    let held = held
    do throws(StorageError) { try await BlockingPool.shared.run { () throws(StorageError) in _ = try held.writer.finish() } } catch {
      throw SQLError(wrapping: error)
    }
  }

  /// Leaves nothing.
  public func abort() async {
    let held = held
    do throws(StorageError) { try await BlockingPool.shared.run { () throws(StorageError) in held.writer.abort() } } catch {
      return  // `abort` has no errors.
    }
  }
}

// SAFETY: `@unchecked Sendable` because it is handed to one thread at a time, which its one user waits for.
private struct HeldWriter: @unchecked Sendable {
  let writer: any ObjectWriter
}

extension Engine {
  /// Whether results go there by a `ResultFile` rather than as a file of the operating system.
  public static func isResultLocation(_ text: String) -> Bool { !Location(text).isLocal }

  /// Begins a file of results, in the place of one that may be there.
  public func makeResultFile(at location: String) async throws(SQLError) -> ResultFile {
    let store = store
    do throws(StorageError) {
      return ResultFile(
        try await BlockingPool.shared.run { () throws(StorageError) in HeldWriter(writer: try store.openWriter(Location(location), if: .none, .synced)) })
    } catch { throw SQLError(wrapping: error) }
  }
}

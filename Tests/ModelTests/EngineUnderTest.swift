import Foundation
import Frazil
import Storage
import TestSupport

/// How the engine is set for one life of tables; results depend on none of it.
struct EngineSettings: Sendable {
  var workers = 1
  var batchCapacity = 8_192
  var isOptimising = true
  var scanEncoding = Configuration.ScanEncoding.asStored

  init(_ random: inout SeededRandom) {
    if random.chance(10) { workers = 2 }
    if random.chance(20) { batchCapacity = random.pick([1, 3, 7]) }
    if random.chance(10) { isOptimising = false }
    if random.chance(15) { scanEncoding = .dictionary }
  }
}

/// One engine over a store in memory. Its clock stands still and its ids are drawn from the seed, so that a life can be repeated.
final class EngineUnderTest {
  let store = MemoryStore()
  private let settings: EngineSettings
  private let folder: String
  private let seed: UInt64
  private var session: Session
  /// 2026-01-01 00:00 UTC
  private(set) var now: Int64 = 1_767_225_600_000_000

  /// - Parameter folder: for the catalog, which is always in files.
  init(_ settings: EngineSettings, folder: String, seed: UInt64) throws {
    self.settings = settings
    self.folder = folder
    self.seed = seed
    session = try Self.makeSession(settings, folder, seed, now, store)
  }

  /// Lets ten days pass: what VACUUM may remove has to be old.
  func passTenDays() throws {
    now += 10 * 86_400_000_000
    session = try Self.makeSession(settings, folder, seed, now, store)
  }

  private static func makeSession(
    _ settings: EngineSettings, _ folder: String, _ seed: UInt64, _ now: Int64, _ store: MemoryStore
  ) throws -> Session {
    var configuration = Configuration(warehouse: folder)
    configuration.workers = settings.workers
    configuration.batchCapacity = settings.batchCapacity
    configuration.scanEncoding = settings.scanEncoding
    if !settings.isOptimising { configuration.disabledRules = Configuration.optimiserRules }
    configuration.memoryLimit = 256 << 20
    configuration.spillDirectory = folder
    configuration.now = now
    // With a seed one worker writes everything; two shall write together.
    configuration.seed = settings.workers == 1 ? seed : nil
    return try Engine(configuration, stores: ["mem": store]).makeSession()
  }

  /// Rows changed.
  func run(_ sql: String) async throws(SQLError) -> Int? {
    let result = try await session.run(sql)
    for try await _ in result.rows {}
    return result.rowsAffected
  }

  /// The rows of a query as text.
  func rows(_ sql: String) async throws(SQLError) -> [[String?]] {
    var rows: [[String?]] = []
    for try await batch in try await session.run(sql).rows { rows += batch.texts }
    return rows
  }
}

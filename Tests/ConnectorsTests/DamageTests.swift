import Frazil
import Glibc
import JSONText
import TestSupport
import Testing

/// Tables with some bytes changed: errors, never a crash. FRAZIL_FUZZ names a seed and FRAZIL_FUZZ_COUNT how many changes, to look longer.
@Suite("Damaged tables")
struct DamageTests {
  /// Small tables that have every kind of file: plain and nested data, the three kinds of deletes, version 1 and 3, Avro data.
  private static let tables = [
    "g_w_v2_eqdel", "g_w_v2_posdel", "g_w_v2_to_v3", "g_w_v3_defaults", "g_w_evolved", "g_w_v1_hadoop", "im_v3_deletion_vectors",
    "im_delete_both_eq_and_pos", "im_v3_default_value_avro", "dk_legacy_v1", "g_p_nested", "dk_big_query", "im_resolution_test",
  ]

  private static func damaged(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var result = bytes
    guard !result.isEmpty else { return [1] }
    func position(_ random: inout SeededRandom) -> Int {
      // Footers and headers are hit as often as everything between.
      switch random.next() % 4 {
      case 0: Int(random.next() % UInt64(min(64, result.count)))
      case 1: result.count - 1 - Int(random.next() % UInt64(min(400, result.count)))
      default: Int(random.next() % UInt64(result.count))
      }
    }
    switch random.next() % 6 {
    case 0: result.removeLast(result.count - position(&random))
    case 1: result.remove(at: position(&random))
    case 2: result.insert(UInt8(truncatingIfNeeded: random.next()), at: position(&random))
    case 3:
      let start = position(&random)
      for index in start..<min(start + 8, result.count) { result[index] = random.next() % 2 == 0 ? 0 : 0xFF }
    default: for _ in 0...random.next() % 4 { result[position(&random)] ^= UInt8(1 << (random.next() % 8)) }
    }
    return result
  }

  // The limit is for one that never ends, however busy the machine is.
  @Test("any change to any file gives rows or an error that names a file", .timeLimit(.minutes(20)), arguments: [31, 32] as [UInt64])
  func mutations(seed: UInt64) async throws {
    let seed = Corpus.environment("FRAZIL_FUZZ").flatMap { UInt64($0) }.map { $0 &+ seed } ?? seed
    let count = Corpus.environment("FRAZIL_FUZZ_COUNT").flatMap { Int($0) } ?? 260
    let tables = try CorpusTable.all().filter { Self.tables.contains($0.name) }
    guard !tables.isEmpty else { return }
    var random = SeededRandom(seed)
    let scratch = ScratchFolder()
    var outcomes: [String: Int] = [:]
    for table in tables {
      let folder = scratch.path + "/" + table.name
      _ = Corpus.run("cp", ["-r", table.folder, folder])
      _ = Corpus.run("chmod", ["-R", "u+w", folder])
      var configuration = table.configuration
      configuration.memoryLimit = 1 << 30
      configuration.mounts = configuration.mounts.map {
        Configuration.Mount(prefix: $0.prefix, folder: folder + $0.folder.dropFirst(table.folder.count))
      }
      let metadata = try table.expected.root.requireString("metadata")
      let files = Corpus.files(below: folder, suffix: "").filter { path in
        [".parquet", ".avro", ".puffin"].contains { path.hasSuffix($0) } || path.hasSuffix(metadata)
      }
      for _ in 0..<count / tables.count {
        let path = files[Int(random.next() % UInt64(files.count))]
        let original = try #require(Corpus.bytes(path))
        Corpus.write(Self.damaged(original, &random), to: path)
        defer { Corpus.write(original, to: path) }
        let place = "seed \(seed): \(table.name) \(path.dropFirst(folder.count))"
        if Corpus.environment("FRAZIL_FUZZ_TRACE") != nil {
          print(place)
          fflush(nil)
        }
        do {
          _ = try await QueryRows.run("SELECT * FROM iceberg_table('\(folder)/\(metadata)')", configuration)
          outcomes["rows", default: 0] += 1
        } catch let error as SQLError {
          outcomes[error.code.name, default: 0] += 1
          #expect(error.code != .genericInternalError, "\(place): \(error.message)")
          let text = error.message + error.notes.map(\.message).joined()
          #expect([".parquet", ".avro", ".puffin", ".json", folder].contains { text.contains($0) } || error.code == .notSupported, "\(place): \(error.code) \(text)")
        }
      }
    }
    print("damaged tables, seed \(seed): \(outcomes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
    #expect(outcomes.count > 3)
  }
}

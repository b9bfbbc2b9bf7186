import Columnar
import Compression
import Parquet
import TestSupport
import Testing

@Suite("Damaged files")
struct DamageTests {
  /// xorshift64*: small, and the same everywhere.
  private struct Random {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state ^= state >> 12
      state ^= state << 25
      state ^= state >> 27
      return Int((state &* 0x2545_F491_4F6C_DD1D) >> 33) % max(1, bound)
    }
  }

  private static func damaged(_ bytes: [UInt8], _ random: inout Random) -> [UInt8] {
    var copy = bytes
    for _ in 0...random.next(4) {
      // Half of the damage goes to the footer, where it reaches furthest.
      let start = random.next(2) == 0 ? max(0, copy.count - 600) : 0
      let place = start + random.next(copy.count - start)
      switch random.next(5) {
      case 0: copy[place] = UInt8(random.next(256))
      case 1: copy[place] ^= 1 << UInt8(random.next(8))
      case 2: copy[place] = [0, 0xFF, 0x7F, 0x80][random.next(4)]
      case 3: copy.remove(at: place)
      default: copy.insert(UInt8(random.next(256)), at: place)
      }
    }
    return copy
  }

  /// Reads what can be read; errors are expected, traps are not.
  private static func read(_ bytes: [UInt8], isLocal: Bool) {
    do throws(ParquetError) {
      let file = try ParquetFile.open(MemoryBytes(bytes, readsAheadByItself: isLocal))
      for group in 0..<min(file.rowGroupCount, 20) {
        for leaf in file.leaves.prefix(20) {
          _ = file.select(
            rowGroup: group,
            where: [ColumnPredicate(leaf: leaf.index, .equal(.integer(5))), ColumnPredicate(leaf: leaf.index, .equal(.text("x")))])
        }
        // Each column by itself, so that damage to one does not hide the others.
        for column in file.columns {
          do throws(ParquetError) {
            let all = try RowGroupReader(file, rowGroup: group, columns: [column], context: QueryContext())
            var batches = 0
            while try all.next(maxRows: 2_000) != nil, batches < 200 { batches += 1 }
            let some = try RowGroupReader(file, rowGroup: group, columns: [column], rows: [3..<7, 150..<180], context: QueryContext())
            while try some.next(maxRows: 50) != nil {}
          } catch {
            // A named error is what damage should give.
          }
        }
      }
    } catch {
      // Likewise.
    }
  }

  @Test("damage anywhere gives an error or other values, never a trap")
  func randomDamage() throws {
    let rounds = Corpus.environment("FRAZIL_FUZZ_ROUNDS").flatMap { Int($0) } ?? 6
    let seed = Corpus.environment("FRAZIL_FUZZ_SEED").flatMap { UInt64($0) } ?? 20_240_611
    var random = Random(state: seed)
    var files: [[UInt8]] = []
    for (name, options) in RoundTripTests.variants() where name != "small pages" {
      var options = options
      options.bloomFilterPaths = ["i32", "s"]
      files.append(try RoundTripTests.write(400, hasNulls: true, options).0.bytes)
    }
    if let folder = Corpus.folder("parquet") {
      for entry in CorpusEntry.all(folder) where entry.outcome == "ok" {
        if let bytes = Corpus.bytes(folder + "/data/" + entry.file), bytes.count < 20_000 { files.append(bytes) }
      }
    }
    for round in 0..<rounds {
      for file in files.indices where (file + round) % 3 == 0 || rounds > 10 {
        Self.read(Self.damaged(files[file], &random), isLocal: round % 2 == 0)
      }
    }
    print("Parquet damage: seed \(seed), \(rounds) rounds over \(files.count) files")
  }

  @Test("a file cut anywhere is an error")
  func truncation() throws {
    let bytes = try RoundTripTests.write(50, hasNulls: true, ParquetWriterOptions()).0.bytes
    for length in stride(from: 0, to: bytes.count - 1, by: 97) {
      #expect(throws: ParquetError.self) { _ = try ParquetFile.open(MemoryBytes(Array(bytes[..<length]))) }
    }
  }

  @Test("a wrong checksum names the page")
  func checksum() throws {
    var options = ParquetWriterOptions()
    options.writesChecksums = true
    options.codec = .uncompressed
    options.usesDictionary = false
    let sink = MemorySink()
    let writer = try ParquetWriter(Schema([Field("x", .bigint, isNullable: false)]), to: sink, options: options)
    try writer.write(Batch(columns: [Column(type: .bigint, count: 3, values: Buffer.of([1, 2, 3] as [Int64]))], count: 3))
    _ = try writer.finish()
    var bytes = sink.bytes
    let place = try #require(bytes.indices.first { $0 > 4 && Array(bytes[$0..<$0 + 9]) == [2, 0, 0, 0, 0, 0, 0, 0, 3] })
    bytes[place] = 9
    let file = try ParquetFile.open(MemoryBytes(bytes))
    let reader = try RowGroupReader(file, rowGroup: 0, columns: file.columns, context: QueryContext())
    do throws(ParquetError) {
      _ = try reader.next(maxRows: 10)
      Issue.record("the damage went unnoticed")
    } catch {
      #expect(error.kind == .corrupt)
      #expect(error.message.contains("checksum"))
      #expect(error.column == "x")
      #expect(error.rowGroup == 0)
      #expect(error.byteOffset == 4)
      #expect(error.file == "memory.parquet")
    }
  }
}

import Columnar
import TestSupport
import Testing

@testable import Execution

@Suite struct KeyBloomFilterTests {
  private static func column(_ values: [Int64]) -> Column {
    let buffer = Buffer(byteCount: max(values.count, 1) * 8)
    for (row, value) in values.enumerated() { buffer.base.storeBytes(of: value, toByteOffset: row * 8, as: Int64.self) }
    return Column(type: .bigint, count: values.count, values: buffer)
  }

  private static func passing(_ filter: KeyBloomFilter, _ column: Column) -> [Int] {
    let batch = Batch(columns: [column, self.column((0..<Int64(column.count)).map { $0 })], count: column.count)
    guard let kept = KeyFilterPass(filter, column: 0).apply(to: batch) else { return [] }
    return (0..<kept.count).compactMap { row in
      if case .int(let value) = kept.columns[1].scalarValue(at: row) { Int(value) } else { nil }
    }
  }

  @Test("no key is missed and few others pass, at sizes around powers of two", arguments: [0, 1, 63, 320, 321, 5_000, 100_000])
  func keys(count: Int) throws {
    var random = SeededRandom(UInt64(count) + 1)
    let keys = (0..<count).map { _ in Int64(bitPattern: random.next()) }
    let filter = try #require(KeyBloomFilter(Self.column(keys)))
    for begin in stride(from: 0, to: count, by: 8_192) {
      let piece = Array(keys[begin..<min(begin + 8_192, count)])
      #expect(Self.passing(filter, Self.column(piece)).count == piece.count)
    }
    let others = (0..<20_000).map { _ in Int64(bitPattern: random.next()) }
    #expect(Self.passing(filter, Self.column(others)).count < 300)
  }

  @Test("the rows that pass are the same in every encoding")
  func encodings() throws {
    let filter = try #require(KeyBloomFilter(Self.column((0..<1_000).map { $0 * 3 })))
    let flat = Self.column((0..<3_000).map { $0 % 500 })
    let rewriter = EncodingRewriter(.dictionary)
    let dictionary = rewriter.rewrite(Batch(columns: [flat], count: flat.count)).columns[0]
    #expect(dictionary.dictionary != nil)
    #expect(Self.passing(filter, dictionary) == Self.passing(filter, flat))
    #expect(Self.passing(filter, Column.constant(.bigint(6), count: 5)) == [0, 1, 2, 3, 4])
    #expect(Self.passing(filter, flat).count >= 1_000)
  }

  @Test("a filter that lets most rows pass is given up")
  func useless() throws {
    let keys = Self.column((0..<4_096).map { $0 })
    let pass = KeyFilterPass(try #require(KeyBloomFilter(keys)), column: 0)
    for _ in 0..<32 where pass.isWorthIt { _ = pass.apply(to: Batch(columns: [keys], count: keys.count)) }
    #expect(!pass.isWorthIt && pass.dropped == 0)
  }
}

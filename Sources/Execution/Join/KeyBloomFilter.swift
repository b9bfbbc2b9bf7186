import CIntrinsics
import Columnar

/// Which keys a join's build side may have: no key that it has is missing, about one in 200 of the others passes too.
///
/// Four bits of one 64-bit word per key, all from the key's hash (a register-blocked Bloom filter: Lang et al., "Performance-Optimal
/// Filtering", VLDB 2019), so that a test costs one cache miss at most, mostly in a cache that the join's table does not fit in.
// SAFETY: written by `init` only.
final class KeyBloomFilter: @unchecked Sendable {
  private let words: Buffer
  private let wordMask: UInt64

  /// Beyond this size (16 MiB) the filter would fit in the cache no better than the table.
  private static let mostWords = 1 << 21

  /// nil when the keys are too many. NULLs need no place: they match nothing.
  init?(_ keys: Column) {
    var count = 64
    while count &* 5 < keys.count { count &*= 2 }
    if count > Self.mostWords { return nil }
    words = .zeroed(byteCount: count &* 8)
    wordMask = UInt64(count &- 1)
    let table = words.base.assumingMemoryBound(to: UInt64.self)
    Self.forEachHash(of: keys) { hash, _ in
      table[place(hash)] |= Self.bits(hash)
      return true
    }
  }

  /// Whether every key passes, or is NULL.
  func holdsAll(of keys: Column) -> Bool {
    let table = words.base.assumingMemoryBound(to: UInt64.self)
    let view = ColumnView(keys)
    return Self.forEachHash(of: keys) { hash, row in
      let bits = Self.bits(hash)
      return table[place(hash)] & bits == bits || !view.isValid(row)
    }
  }

  /// In pieces: the hashes of all keys would be memory that no limit knows of.
  ///
  /// - Returns: false as soon as `body` does.
  @inline(__always)
  @discardableResult
  private static func forEachHash(of keys: Column, _ body: (_ hash: UInt64, _ row: Int) -> Bool) -> Bool {
    let size = 8192
    let scratch = Buffer(byteCount: size &* 8)
    defer { withExtendedLifetime(scratch) {} }
    let hashes = scratch.base.assumingMemoryBound(to: UInt64.self)
    for begin in stride(from: 0, to: keys.count, by: size) {
      let piece = keys.slice(begin, min(size, keys.count &- begin))
      piece.hash(into: hashes, combining: false)
      for row in 0..<piece.count where !body(hashes[row], begin &+ row) { return false }
    }
    return true
  }

  @inline(__always)
  private func place(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: (hash &>> 24) & wordMask) }

  @inline(__always)
  private static func bits(_ hash: UInt64) -> UInt64 {
    1 &<< (hash & 63) | 1 &<< ((hash &>> 6) & 63) | 1 &<< ((hash &>> 12) & 63) | 1 &<< ((hash &>> 18) & 63)
  }

  /// Lists the rows of hashes that may be keys; `rows` has room for one more than `count`.
  ///
  /// - Returns: how many.
  func select(_ hashes: UnsafePointer<UInt64>, count: Int, into rows: UnsafeMutablePointer<UInt32>) -> Int {
    let table = words.base.assumingMemoryBound(to: UInt64.self)
    var kept = 0
    for row in 0..<count {
      let bits = Self.bits(hashes[row])
      rows[kept] = UInt32(truncatingIfNeeded: row)
      kept &+= table[place(hashes[row])] & bits == bits ? 1 : 0
    }
    return kept
  }
}

extension [KeyFilterPass] {
  /// The rows for which the joins above a scan may have a match; nil when there are none.
  func filtered(_ batch: Batch) -> Batch? {
    var batch = batch
    for pass in self where pass.isWorthIt {
      guard let kept = pass.apply(to: batch) else { return nil }
      batch = kept
    }
    return batch
  }
}

/// One worker's use of such a filter on the batches of a scan. It stops where too few rows go to be worth it.
final class KeyFilterPass {
  private let filter: KeyBloomFilter
  private let column: Int
  private var hashes = Buffer(byteCount: 0)
  private var rows = Buffer(byteCount: 0)
  private var tested = 0
  private var passed = 0
  private(set) var isWorthIt = true
  /// Rows that were left out.
  private(set) var dropped = 0

  /// - Parameter column: of the batches.
  init(_ filter: KeyBloomFilter, column: Int) {
    self.filter = filter
    self.column = column
  }

  /// The rows that may have a match; nil when none has.
  func apply(to batch: Batch) -> Batch? {
    let count = batch.count
    var key = batch.columns[column]
    if let dictionary = key.dictionary, dictionary.values.count > count { key = key.flattened() }
    if hashes.byteCount < count &* 8 { hashes = Buffer(byteCount: count &* 8) }
    if rows.byteCount < (count &+ 1) &* 4 { rows = Buffer(byteCount: (count &+ 1) &* 4) }
    let target = hashes.base.assumingMemoryBound(to: UInt64.self)
    let list = rows.base.assumingMemoryBound(to: UInt32.self)
    key.hash(into: target, combining: false)
    let kept = filter.select(target, count: count, into: list)
    tested &+= count
    passed &+= kept
    dropped &+= count &- kept
    // Joins along foreign keys mostly keep every row.
    if tested >= 1 << 16 {
      if passed &* 4 > tested &* 3 { isWorthIt = false }
      tested = 0
      passed = 0
    }
    if kept == count { return batch }
    return kept == 0 ? nil : batch.take(list, count: kept)
  }
}

import CIntrinsics
import Columnar

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Group keys of one worker -> dense row numbers, fast when the keys come in a recurring order.
///
/// Long tables usually hold one sample after another, each in the order of the loci. So the table remembers in which order keys
/// were seen, as a linked list over its rows, and compares a key first with the successor of the row before it, then with a few
/// more; only then is it hashed. A new key is spliced in behind the row before it, so that keys missing from one sample do not break
/// the order. Where the order is of no use (shuffled input) the table notices, batch by batch, and probes its hash table with staged
/// prefetches instead; now and then it tries the order again.
///
///     keys:  row -> StringView (long ones copied into the heap)
///     next:  row -> row seen after it
///     slots: open addressing, | upper 32 hash bits | row + 1 |, 0 = free
final class PivotKeyTable {
  /// Rows so far.
  private(set) var count = 0
  private var capacity = 0
  private var keyBuffer = Buffer(byteCount: 0)
  private var nextBuffer = Buffer(byteCount: 0)
  private var slotBuffer = Buffer.zeroed(byteCount: 8 << 10)
  private var slotMask = (1 << 10) - 1
  private var heap = StringHeap()
  /// The row of the NULL key, which is in no slot.
  private var nullRow: UInt32 = PivotKeyTable.none

  private var head: UInt32 = PivotKeyTable.none
  private var tail: UInt32 = PivotKeyTable.none
  /// The row of the key before the next one.
  private var previous: UInt32 = PivotKeyTable.none
  private var usesOrder = true
  private var batchesUntilRetry = 0

  /// "No row", and the end of the list.
  static let none = UInt32.max
  /// Rows of the list that are compared before a key is hashed.
  private static let lookAhead = 8
  /// Batches of hashing before the order is tried again.
  private static let retryInterval = 64

  private var hashScratch = Buffer(byteCount: 0)

  /// The views of all keys, `count` of them; the NULL key's is not readable.
  var keys: UnsafeMutablePointer<StringView> { keyBuffer.base.assumingMemoryBound(to: StringView.self) }
  private var next: UnsafeMutablePointer<UInt32> { nextBuffer.base.assumingMemoryBound(to: UInt32.self) }
  var heapBlocks: [Buffer] { heap.blocks }
  var byteCount: Int { capacity * 20 + (slotMask + 1) * 8 + heap.byteCount }

  func isNullKey(_ row: Int) -> Bool { UInt32(truncatingIfNeeded: row) == nullRow }

  /// Finds or adds the rows of a batch of keys.
  ///
  /// - Parameters:
  ///   - views: `count` keys.
  ///   - validity: absent, or a byte per key, 0 = NULL.
  ///   - rows: receives `count` row numbers.
  func resolve(
    _ views: UnsafePointer<StringView>, validity: UnsafePointer<UInt8>?, count batchCount: Int,
    into rows: UnsafeMutablePointer<UInt32>
  ) {
    reserve(count + batchCount)
    if !usesOrder {
      batchesUntilRetry -= 1
      if batchesUntilRetry > 0 {
        resolveByHash(views, validity, batchCount, rows)
        return
      }
    }
    let misses = resolveByOrder(views, validity, batchCount, rows)
    usesOrder = misses * 2 <= batchCount
    if !usesOrder { batchesUntilRetry = Self.retryInterval }
  }

  /// - Returns: keys that existed but were not where the order said.
  private func resolveByOrder(
    _ views: UnsafePointer<StringView>, _ validity: UnsafePointer<UInt8>?, _ batchCount: Int,
    _ rows: UnsafeMutablePointer<UInt32>
  ) -> Int {
    let keys = self.keys
    let next = self.next
    var before = previous
    var misses = 0
    row: for index in 0..<batchCount {
      if let validity, validity[index] == 0 {
        before = rowOfNull(after: before)
        rows[index] = before
        continue
      }
      let view = views + index
      var candidate = before == Self.none ? head : next[Int(before)]
      var steps = 0
      while candidate != Self.none && steps < Self.lookAhead {
        if keysEqual(keys + Int(candidate), view) {
          rows[index] = candidate
          before = candidate
          continue row
        }
        candidate = next[Int(candidate)]
        steps &+= 1
      }
      let hash = UInt32(truncatingIfNeeded: Hashing.string(view) &>> 32)
      let (row, isNew) = findOrAdd(view, hash: hash, after: before)
      if !isNew { misses &+= 1 }
      rows[index] = row
      before = row
    }
    previous = before
    return misses
  }

  /// Hashes all keys, then fetches slots, rows and key bytes ahead of the comparisons, so that cache misses overlap.
  private func resolveByHash(
    _ views: UnsafePointer<StringView>, _ validity: UnsafePointer<UInt8>?, _ batchCount: Int,
    _ rows: UnsafeMutablePointer<UInt32>
  ) {
    if hashScratch.byteCount < batchCount * 4 { hashScratch = Buffer(byteCount: batchCount * 4) }
    let hashes = hashScratch.base.assumingMemoryBound(to: UInt32.self)
    let window = 64
    var start = 0
    while start < batchCount {
      let end = min(start + window, batchCount)
      let slots = slotBuffer.base.assumingMemoryBound(to: UInt64.self)
      let mask = slotMask
      let keys = self.keys
      for index in start..<end {
        if let validity, validity[index] == 0 { continue }
        let hash = UInt32(truncatingIfNeeded: Hashing.string(views + index) &>> 32)
        hashes[index] = hash
        frazil_prefetch(slots + (Int(hash) & mask))
      }
      for index in start..<end {
        if let validity, validity[index] == 0 { continue }
        let slot = slots[Int(hashes[index]) & mask]
        if slot != 0 { frazil_prefetch(keys + Int(UInt32(truncatingIfNeeded: slot) &- 1)) }
      }
      for index in start..<end {
        if let validity, validity[index] == 0 { continue }
        let slot = slots[Int(hashes[index]) & mask]
        guard slot != 0 else { continue }
        let key = keys + Int(UInt32(truncatingIfNeeded: slot) &- 1)
        if key.pointee.length > 12 { frazil_prefetch(UnsafeRawPointer(bitPattern: UInt(key.pointee.rest))) }
      }
      for index in start..<end {
        if let validity, validity[index] == 0 {
          rows[index] = rowOfNull(after: tail)
        } else {
          rows[index] = findOrAdd(views + index, hash: hashes[index], after: tail).row
        }
      }
      start = end
    }
    if batchCount > 0 { previous = rows[batchCount - 1] }
  }

  private func findOrAdd(_ view: UnsafePointer<StringView>, hash: UInt32, after before: UInt32) -> (
    row: UInt32, isNew: Bool
  ) {
    let slots = slotBuffer.base.assumingMemoryBound(to: UInt64.self)
    let mask = slotMask
    let keys = self.keys
    var position = Int(hash) & mask
    while true {
      let slot = slots[position]
      if slot == 0 { break }
      if UInt32(truncatingIfNeeded: slot &>> 32) == hash {
        let row = UInt32(truncatingIfNeeded: slot) &- 1
        if keysEqual(keys + Int(row), view) { return (row, false) }
      }
      position = (position &+ 1) & mask
    }
    let row = UInt32(truncatingIfNeeded: count)
    slots[position] = UInt64(hash) &<< 32 | UInt64(row &+ 1)
    keys[count] = view.pointee.isInline ? view.pointee : heap.copy(StringView.buffer(at: view))
    link(row, after: before)
    count &+= 1
    if count &* 2 > mask { growSlots() }
    return (row, true)
  }

  private func rowOfNull(after before: UInt32) -> UInt32 {
    if nullRow != Self.none { return nullRow }
    let row = UInt32(truncatingIfNeeded: count)
    var view = StringView()
    view.length = .max  // equal to no real key
    keys[count] = view
    link(row, after: before)
    count &+= 1
    nullRow = row
    return row
  }

  private func link(_ row: UInt32, after before: UInt32) {
    let next = self.next
    if before == Self.none {
      next[Int(row)] = head
      head = row
    } else {
      next[Int(row)] = next[Int(before)]
      next[Int(before)] = row
    }
    if next[Int(row)] == Self.none { tail = row }
  }

  private func growSlots() {
    let grown = (slotMask + 1) * 4
    let larger = Buffer.zeroed(byteCount: grown * 8)
    let target = larger.base.assumingMemoryBound(to: UInt64.self)
    let source = slotBuffer.base.assumingMemoryBound(to: UInt64.self)
    let mask = grown - 1
    for index in 0...slotMask where source[index] != 0 {
      var position = Int(source[index] &>> 32) & mask
      while target[position] != 0 { position = (position &+ 1) & mask }
      target[position] = source[index]
    }
    slotBuffer = larger
    slotMask = mask
  }

  private func reserve(_ wanted: Int) {
    guard wanted > capacity else { return }
    let grown = max(wanted, capacity + capacity / 2, 1 << 12)
    let largerKeys = Buffer(byteCount: grown * 16)
    let largerNext = Buffer(byteCount: grown * 4)
    memcpy(largerKeys.base, keyBuffer.base, count * 16)
    memcpy(largerNext.base, nextBuffer.base, count * 4)
    keyBuffer = largerKeys
    nextBuffer = largerNext
    capacity = grown
  }

  /// All rows in the learned order.
  func orderedRows() -> [UInt32] {
    var rows: [UInt32] = []
    rows.reserveCapacity(count)
    let next = self.next
    var row = head
    while row != Self.none {
      rows.append(row)
      row = next[Int(row)]
    }
    return rows
  }

  /// Adds the keys of another worker's table, walked in its order.
  ///
  /// - Returns: for each row of `other`, the row here.
  func absorb(_ other: PivotKeyTable) -> [UInt32] {
    var mapped = [UInt32](repeating: Self.none, count: other.count)
    let order = other.orderedRows()
    let chunk = 4_096
    let views = Buffer(byteCount: chunk * 16)
    let validity = Buffer(byteCount: chunk)
    let rows = Buffer(byteCount: chunk * 4)
    defer { withExtendedLifetime((views, validity, rows)) {} }
    let viewPointer = views.base.assumingMemoryBound(to: StringView.self)
    let validPointer = validity.base.assumingMemoryBound(to: UInt8.self)
    let rowPointer = rows.base.assumingMemoryBound(to: UInt32.self)
    previous = Self.none
    usesOrder = true
    var start = 0
    while start < order.count {
      let size = min(chunk, order.count - start)
      for index in 0..<size {
        let row = Int(order[start + index])
        viewPointer[index] = other.keys[row]
        validPointer[index] = other.isNullKey(row) ? 0 : 1
      }
      resolve(viewPointer, validity: other.nullRow == Self.none ? nil : validPointer, count: size, into: rowPointer)
      for index in 0..<size { mapped[Int(order[start + index])] = rowPointer[index] }
      start += size
    }
    return mapped
  }
}

/// Equality with the loads of strings up to 32 bytes in line: locus keys share their first bytes, and a call for each costs more.
@inline(__always)
private func keysEqual(_ left: UnsafePointer<StringView>, _ right: UnsafePointer<StringView>) -> Bool {
  if left.pointee.head != right.pointee.head { return false }
  if left.pointee.rest == right.pointee.rest { return true }
  let count = left.pointee.count
  if count <= 12 || left.pointee.length == .max { return false }
  let first = StringView.bytes(at: left)
  let second = StringView.bytes(at: right)
  if count > 32 { return memcmp(first, second, count) == 0 }
  let tail = count &- 8
  var difference =
    (first.loadUnaligned(fromByteOffset: 4, as: UInt64.self) ^ second.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
    | (first.loadUnaligned(fromByteOffset: tail, as: UInt64.self)
      ^ second.loadUnaligned(fromByteOffset: tail, as: UInt64.self))
  if count > 20 {
    difference |=
      first.loadUnaligned(fromByteOffset: 12, as: UInt64.self)
      ^ second.loadUnaligned(fromByteOffset: 12, as: UInt64.self)
    if count > 28 {
      difference |=
        first.loadUnaligned(fromByteOffset: 20, as: UInt64.self)
        ^ second.loadUnaligned(fromByteOffset: 20, as: UInt64.self)
    }
  }
  return difference == 0
}

import CIntrinsics
import Columnar
import Glibc

/// Numbers the distinct keys it is shown, densely from 0: the table behind grouping, DISTINCT and joins.
///
/// Open addressing with linear probing. A slot holds the upper half of the hash and the group number plus one; 0 is free.
/// Keys lie in rows of a `KeyLayout` in group order, so that they can be read back as columns. NULL is a key like any other and
/// equals itself; NaNs are one key and so are zeros of both signs.
///
/// In the one-key shapes a NULL is stored as a zero: it cannot be mistaken for one, because the tags of `Hashing.null` and of the
/// hash of a zero or an empty string differ.
final class GroupTable {
  /// What `find` reports for a key that is not there.
  static let none = UInt32.max

  let layout: KeyLayout
  private(set) var count = 0
  /// The group of the NULL key, in the one-key shapes.
  private var nullGroup = -1

  private var slots: Buffer
  private var slotMask: Int
  private var rows: Buffer
  private var hashes: Buffer
  private var rowCapacity: Int
  private var heap = StringHeap()
  /// Nested key columns as they came, for reading back: per nested field the rows of new groups.
  private var nestedChunks: [[Column]]

  /// For inserting, which only one thread does at a time.
  private let ownScratch = KeyScratch()

  /// - Parameter groups: so many are expected at most; making room for them at once spares the table from growing step by step.
  init(types: [SQLType], expecting groups: Int = 0) {
    layout = KeyLayout(types: types)
    var size = 1024
    while size < groups &* 2 { size &*= 2 }
    slotMask = size &- 1
    slots = .zeroed(byteCount: size &* 8)
    rowCapacity = max(256, groups)
    rows = Buffer(byteCount: rowCapacity &* layout.stride)
    hashes = Buffer(byteCount: rowCapacity &* 8)
    nestedChunks = layout.fields.map { _ in [] }
  }

  /// Bytes held, without the scratch of one batch.
  var byteCount: Int {
    slots.byteCount &+ rows.byteCount &+ hashes.byteCount &+ heapByteCount &+ nestedByteCount
  }
  private var heapByteCount = 0
  private var nestedByteCount = 0

  /// The group of each row, new groups where the key is new; groups are numbered in row order.
  func insert(_ columns: [Column], count: Int, groups: UnsafeMutablePointer<UInt32>) {
    ownScratch.prepare(layout, columns, count: count)
    let view = layout.shape == .general || columns[0].hasNoValidity ? nil : ColumnView(columns[0])
    insertPrepared(count: count, groups: groups, isNull: view.map { view in { !view.isValid($0) } }) { columns[$0] }
  }

  /// The group of each row, or `none`. Several threads may look up at the same time, each with scratch of its own.
  func find(_ columns: [Column], count: Int, groups: UnsafeMutablePointer<UInt32>, scratch: KeyScratch) {
    scratch.prepare(layout, columns, count: count)
    _ = probe(scratch, count: count, groups: groups, inserting: false)
  }

  /// Adds groups of another table of the same layout: its group `numbers[i]` is group `map[i]` here.
  func insert(groupsOf other: GroupTable, _ numbers: UnsafePointer<UInt32>, count total: Int, map: UnsafeMutablePointer<UInt32>) {
    let stride = layout.stride
    var begin = 0
    while begin < total {
      let size = min(8192, total &- begin)
      let chosen = numbers + begin
      ownScratch.reserve(layout, size)
      let hashes = ownScratch.hashes.base.assumingMemoryBound(to: UInt64.self)
      for index in 0..<size {
        let group = Int(chosen[index])
        (ownScratch.rows.base + index &* stride).copyMemory(from: other.rows.base + group &* stride, byteCount: stride)
        hashes[index] = other.groupHashes[group]
      }
      let isNull = other.nullGroup < 0 ? nil : { (row: Int) in Int(chosen[row]) == other.nullGroup }
      insertPrepared(count: size, groups: map + begin, isNull: isNull) { field in
        other.keyColumn(field, start: 0, count: other.count).take(chosen, count: size)
      }
      begin &+= size
    }
  }

  /// Hashes of the groups, in group order.
  var groupHashes: UnsafePointer<UInt64> { UnsafePointer(hashes.base.assumingMemoryBound(to: UInt64.self)) }

  /// - Parameters:
  ///   - isNull: which rows have the NULL key, in the one-key shapes; nil when none has.
  ///   - column: a nested key column by its field.
  private func insertPrepared(
    count rowCount: Int, groups: UnsafeMutablePointer<UInt32>, isNull: ((Int) -> Bool)?, column: (Int) -> Column
  ) {
    reserve(count &+ rowCount)
    let before = count
    count = probe(ownScratch, count: rowCount, groups: groups, inserting: true)
    let added = count &- before
    guard added > 0 else { return }
    let fresh = UnsafePointer(ownScratch.newRows.base.assumingMemoryBound(to: UInt32.self))
    if layout.hasPointers { adoptStrings(from: before) }
    if let isNull { for index in 0..<added where isNull(Int(fresh[index])) { nullGroup = before &+ index } }
    for (index, field) in layout.fields.enumerated() {
      guard case .nested = field.kind else { continue }
      let taken = column(index).take(fresh, count: added).compacted()
      nestedByteCount &+= taken.estimatedByteCount
      nestedChunks[index].append(taken)
    }
  }

  /// Long strings of new groups move from the batch's memory to the table's.
  private func adoptStrings(from first: Int) {
    for field in layout.fields {
      switch field.kind {
      case .text, .nested:
        for group in first..<count {
          let place = rows.base + (group &* layout.stride &+ field.offset)
          var view = place.loadUnaligned(as: StringView.self)
          if view.isInline { continue }
          let copy = heap.copy(StringView.buffer(at: &view))
          heapByteCount &+= copy.count
          place.storeBytes(of: copy, as: StringView.self)
        }
      default: break
      }
    }
  }

  // MARK: Growing

  private func reserve(_ groups: Int) {
    if groups > rowCapacity {
      var capacity = rowCapacity
      while capacity < groups { capacity &*= 2 }
      Buffer.grow(&rows, to: capacity &* layout.stride, keeping: count &* layout.stride, isZeroed: false)
      Buffer.grow(&hashes, to: capacity &* 8, keeping: count &* 8, isZeroed: false)
      rowCapacity = capacity
    }
    if groups &* 2 > slotMask &+ 1 {
      var size = slotMask &+ 1
      while size < groups &* 2 { size &*= 2 }
      rehash(size: size)
    }
  }

  private func rehash(size: Int) {
    let larger = Buffer.zeroed(byteCount: size &* 8)
    let mask = size &- 1
    let table = larger.base.assumingMemoryBound(to: UInt64.self)
    let hashes = groupHashes
    for group in 0..<count {
      let hash = hashes[group]
      var slot = Int(truncatingIfNeeded: hash) & mask
      while table[slot] != 0 { slot = (slot &+ 1) & mask }
      table[slot] = (hash & 0xFFFF_FFFF_0000_0000) | UInt64(truncatingIfNeeded: group &+ 1)
    }
    slots = larger
    slotMask = mask
  }

  // MARK: Probing

  private func probe(
    _ scratch: KeyScratch, count rowCount: Int, groups: UnsafeMutablePointer<UInt32>, inserting: Bool
  ) -> Int {
    switch layout.shape {
    case .word: probe(WordEquality(), scratch, count: rowCount, groups: groups, inserting: inserting)
    case .text: probe(TextEquality(), scratch, count: rowCount, groups: groups, inserting: inserting)
    case .general:
      if layout.hasPointers {
        probe(GeneralEquality(layout: layout), scratch, count: rowCount, groups: groups, inserting: inserting)
      } else {
        probe(
          BytesEquality(words: layout.comparedByteCount / 8), scratch, count: rowCount, groups: groups,
          inserting: inserting)
      }
    }
  }

  /// Slots and rows beyond this size are prefetched a block of rows ahead.
  private static let prefetchThreshold = 1 << 18

  /// Returns the number of groups afterwards; `newRows` lists the rows that made new ones.
  @inline(__always)
  private func probe<Equality: KeyEquality>(
    _ equality: Equality, _ scratch: KeyScratch, count rowCount: Int, groups: UnsafeMutablePointer<UInt32>, inserting: Bool
  ) -> Int {
    let slots = slots.base.assumingMemoryBound(to: UInt64.self)
    let mask = slotMask
    let rows = rows.base
    let stride = layout.stride
    let keys = UnsafeRawPointer(scratch.rows.base)
    let hashes = UnsafePointer(scratch.hashes.base.assumingMemoryBound(to: UInt64.self))
    let groupHashes = self.hashes.base.assumingMemoryBound(to: UInt64.self)
    let fresh = scratch.newRows.base.assumingMemoryBound(to: UInt32.self)
    let tagMask: UInt64 = 0xFFFF_FFFF_0000_0000
    let isLarge = (mask &+ 1) &* 8 > Self.prefetchThreshold
    var known = count
    var added = 0
    var begin = 0
    while begin < rowCount {
      let end = isLarge ? min(begin &+ 64, rowCount) : rowCount
      if isLarge {
        for row in begin..<end { frazil_prefetch(slots + (Int(truncatingIfNeeded: hashes[row]) & mask)) }
        for row in begin..<end {
          let hash = hashes[row]
          let entry = slots[Int(truncatingIfNeeded: hash) & mask]
          if entry & tagMask == hash & tagMask {
            frazil_prefetch(rows + (Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1) &* stride)
          }
        }
      }
      for row in begin..<end {
        let hash = hashes[row]
        let tag = hash & tagMask
        var slot = Int(truncatingIfNeeded: hash) & mask
        let key = keys + row &* stride
        while true {
          let entry = slots[slot]
          if entry == 0 {
            if inserting {
              slots[slot] = tag | UInt64(truncatingIfNeeded: known &+ 1)
              (rows + known &* stride).copyMemory(from: key, byteCount: stride)
              groupHashes[known] = hash
              fresh[added] = UInt32(truncatingIfNeeded: row)
              added &+= 1
              groups[row] = UInt32(truncatingIfNeeded: known)
              known &+= 1
            } else {
              groups[row] = Self.none
            }
            break
          }
          if entry & tagMask == tag {
            let group = Int(truncatingIfNeeded: entry & 0xFFFF_FFFF) &- 1
            if equality.isSame(UnsafeRawPointer(rows + group &* stride), key) {
              groups[row] = UInt32(truncatingIfNeeded: group)
              break
            }
          }
          slot = (slot &+ 1) & mask
        }
      }
      begin = end
    }
    return known
  }

  // MARK: Reading keys back

  /// Key `field` of groups `start ..< start + size`.
  func keyColumn(_ field: Int, start: Int, count size: Int) -> Column {
    let description = layout.fields[field]
    let type = description.type
    if case .nested = description.kind {
      let all = Column.concatenated(nestedChunks[field], type: type)
      if nestedChunks[field].count > 1 { nestedChunks[field] = [all] }
      return all.slice(start, size)
    }
    let width = type.physical.byteWidth
    let values = Buffer(byteCount: size &* width)
    let source = UnsafeRawPointer(rows.base) + (start &* layout.stride &+ description.offset)
    let stride = layout.stride
    switch description.kind {
    case .timestampTZ(let zoneOffset):
      let target = values.base.assumingMemoryBound(to: TimestampTZ.self)
      for row in 0..<size {
        let place = source + row &* stride
        let zone = (place - description.offset + zoneOffset).loadUnaligned(as: Int32.self)
        target[row] = TimestampTZ(instant: place.loadUnaligned(as: Int64.self), zone: zone)
      }
    default:
      switch width {
      case 1: Self.unpack(source, stride, values, size, UInt8.self)
      case 2: Self.unpack(source, stride, values, size, UInt16.self)
      case 4: Self.unpack(source, stride, values, size, UInt32.self)
      case 8: Self.unpack(source, stride, values, size, UInt64.self)
      default: Self.unpack(source, stride, values, size, UInt128.self)
      }
    }
    return Column(
      flat: FlatVector(
        values: BufferSlice(values), validity: validity(field, start: start, count: size).map { BufferSlice($0) },
        heap: layout.hasPointers ? heap.blocks : []),
      type: type, count: size)
  }

  private static func unpack<Value: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ stride: Int, _ values: Buffer, _ count: Int, _ type: Value.Type
  ) {
    let target = values.base.assumingMemoryBound(to: type)
    for row in 0..<count { target[row] = (source + row &* stride).loadUnaligned(as: type) }
  }

  private func validity(_ field: Int, start: Int, count size: Int) -> Buffer? {
    if layout.shape != .general {
      guard nullGroup >= start && nullGroup < start &+ size else { return nil }
      let bytes = Buffer(byteCount: size)
      memset(bytes.base, 1, size)
      bytes.base.storeBytes(of: 0, toByteOffset: nullGroup &- start, as: UInt8.self)
      return bytes
    }
    let bytes = Buffer(byteCount: size)
    let target = bytes.base.assumingMemoryBound(to: UInt8.self)
    var nulls = false
    for row in 0..<size {
      let isNull = layout.isNull(UnsafeRawPointer(rows.base) + (start &+ row) &* layout.stride, field: field)
      target[row] = isNull ? 0 : 1
      nulls = nulls || isNull
    }
    return nulls ? bytes : nil
  }
}

/// The encoded keys and hashes of one batch on their way into a table; kept by whoever probes it.
final class KeyScratch {
  fileprivate private(set) var rows = Buffer(byteCount: 0)
  fileprivate private(set) var hashes = Buffer(byteCount: 0)
  /// Rows that made new groups.
  fileprivate private(set) var newRows = Buffer(byteCount: 0)
  /// Encoded nested keys.
  private var arena = StringHeap()

  init() {}

  fileprivate func reserve(_ layout: KeyLayout, _ count: Int) {
    if rows.byteCount < count &* layout.stride { rows = Buffer(byteCount: count &* layout.stride) }
    if hashes.byteCount < count &* 8 {
      hashes = Buffer(byteCount: count &* 8)
      newRows = Buffer(byteCount: count &* 4)
    }
  }

  fileprivate func prepare(_ layout: KeyLayout, _ columns: [Column], count: Int) {
    reserve(layout, count)
    arena = StringHeap()
    layout.encode(columns, count: count, into: rows.base, arena: &arena)
    let target = hashes.base.assumingMemoryBound(to: UInt64.self)
    if columns.isEmpty { memset(target, 0, count &* 8) }
    for (index, column) in columns.enumerated() { column.hash(into: target, combining: index > 0) }
  }
}

/// How two key rows are compared; a protocol so that each shape gets a loop of its own.
private protocol KeyEquality {
  func isSame(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool
}

private struct WordEquality: KeyEquality {
  @inline(__always)
  func isSame(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    left.load(as: UInt64.self) == right.load(as: UInt64.self)
  }
}

private struct TextEquality: KeyEquality {
  @inline(__always)
  func isSame(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    StringView.equal(left.assumingMemoryBound(to: StringView.self), right.assumingMemoryBound(to: StringView.self))
  }
}

private struct BytesEquality: KeyEquality {
  let words: Int
  @inline(__always)
  func isSame(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    let first = left.assumingMemoryBound(to: UInt64.self)
    let second = right.assumingMemoryBound(to: UInt64.self)
    var difference: UInt64 = 0
    for word in 0..<words { difference |= first[word] ^ second[word] }
    return difference == 0
  }
}

private struct GeneralEquality: KeyEquality {
  let layout: KeyLayout
  @inline(__always)
  func isSame(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer) -> Bool {
    BytesEquality(words: layout.comparedByteCount / 8).isSame(left, right) || layout.isSameKey(left, right)
  }
}

import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Numbers the distinct values of a chunk in order of first sight, until there are too many.
///
/// Dictionary and constant columns are looked up once an entry; equal neighbours once a run.
struct DictionaryBuilder {
  private let isString: Bool
  private let width: Int
  /// Stored bytes of the entries may not pass this.
  private let byteLimit: Int
  private let storedWidth: Int

  /// Per slot: upper half of the hash, entry number + 1; 0 is free.
  private var slots: Buffer
  private var slotMask: Int
  private(set) var count = 0
  private(set) var storedBytes = 0
  /// Entries, `width` bytes each.
  private(set) var entries: Buffer
  private var entryCapacity = 256

  /// The dictionary last met and what its entries became; `.max` for entries not met yet.
  private var knownDictionary: UnsafeRawPointer?
  private var known: [UInt32] = []

  init(physical: PhysicalType, storedWidth: Int, byteLimit: Int) {
    isString = physical == .string
    width = physical.byteWidth
    self.byteLimit = byteLimit
    self.storedWidth = storedWidth
    slots = Buffer.zeroed(byteCount: 1_024 * 8)
    slotMask = 1_023
    entries = Buffer(byteCount: 256 * max(1, physical.byteWidth))
  }

  /// Numbers of the values of `column` (without nulls), into `ids`.
  ///
  /// - Returns: values done; fewer than `column.count` when the dictionary is full.
  mutating func add(_ column: Column, into ids: UnsafeMutablePointer<UInt32>) -> Int {
    switch column.encoding {
    case .constant(let vector):
      guard column.count > 0 else { return 0 }
      guard let id = number(vector.values.base) else { return 0 }
      ids.update(repeating: id, count: column.count)
      return column.count
    case .dictionary(let vector): return add(vector, column.count, into: ids)
    case .flat(let vector):
      let base = UnsafeRawPointer(vector.values.base)
      switch width {
      case 1: return add(base.assumingMemoryBound(to: UInt8.self), column.count, into: ids)
      case 2: return add(base.assumingMemoryBound(to: UInt16.self), column.count, into: ids)
      case 4: return add(base.assumingMemoryBound(to: UInt32.self), column.count, into: ids)
      case 8: return add(base.assumingMemoryBound(to: UInt64.self), column.count, into: ids)
      default:
        if !isString { return add(base.assumingMemoryBound(to: UInt128.self), column.count, into: ids) }
        return addStrings(base.assumingMemoryBound(to: StringView.self), column.count, into: ids)
      }
    }
  }

  private mutating func add(_ vector: DictionaryVector, _ count: Int, into ids: UnsafeMutablePointer<UInt32>) -> Int {
    let source = vector.values.flat
    let base = UnsafeRawPointer(source.values.base)
    if knownDictionary != base || known.count != vector.values.count {
      knownDictionary = base
      known = Array(repeating: .max, count: vector.values.count)
    }
    let indices = vector.indices.pointer(as: UInt32.self)
    for row in 0..<count {
      let index = Int(indices[row])
      var id = known[index]
      if id == .max {
        guard let new = number(UnsafeMutableRawPointer(mutating: base + index &* width)) else { return row }
        id = new
        known[index] = id
      }
      ids[row] = id
    }
    return count
  }

  private mutating func add<Value: FixedWidthInteger>(
    _ values: UnsafePointer<Value>, _ count: Int, into ids: UnsafeMutablePointer<UInt32>
  ) -> Int {
    guard count > 0 else { return 0 }
    var last = ~values[0]
    var lastID: UInt32 = 0
    for row in 0..<count {
      let value = values[row]
      if value != last {
        let hash = Self.hash(value)
        guard let id = find(hash, { $0.assumingMemoryBound(to: Value.self)[$1] == value }) else {
          guard let new = insert(hash, stored: storedWidth) else { return row }
          entries.base.storeBytes(of: value, toByteOffset: Int(new) &* MemoryLayout<Value>.size, as: Value.self)
          (last, lastID) = (value, new)
          ids[row] = new
          continue
        }
        (last, lastID) = (value, id)
      }
      ids[row] = lastID
    }
    return count
  }

  private mutating func addStrings(
    _ values: UnsafePointer<StringView>, _ count: Int, into ids: UnsafeMutablePointer<UInt32>
  ) -> Int {
    for row in 0..<count {
      if row > 0, StringView.equal(values + row, values + (row &- 1)) {
        ids[row] = ids[row &- 1]
        continue
      }
      guard let id = number(string: values + row) else { return row }
      ids[row] = id
    }
    return count
  }

  /// The number of the value at an address; nil when it is new and there is no room.
  private mutating func number(_ value: UnsafeMutableRawPointer) -> UInt32? {
    if isString { return number(string: value.assumingMemoryBound(to: StringView.self)) }
    func fixed<Value: FixedWidthInteger>(_ type: Value.Type) -> UInt32? {
      var id: UInt32 = 0
      return add(value.assumingMemoryBound(to: type), 1, into: &id) == 1 ? id : nil
    }
    switch width {
    case 1: return fixed(UInt8.self)
    case 2: return fixed(UInt16.self)
    case 4: return fixed(UInt32.self)
    case 8: return fixed(UInt64.self)
    default: return fixed(UInt128.self)
    }
  }

  private mutating func number(string: UnsafePointer<StringView>) -> UInt32? {
    let bytes = StringView.buffer(at: string)
    let hash = Self.hash(bytes)
    if let id = find(hash, { StringView.equal($0.assumingMemoryBound(to: StringView.self) + $1, string) }) {
      return id
    }
    guard let new = insert(hash, stored: bytes.count &+ 4) else { return nil }
    entries.base.assumingMemoryBound(to: StringView.self)[Int(new)] = string.pointee
    return new
  }

  // MARK: Hash table

  @inline(__always)
  private static func hash<Value: FixedWidthInteger>(_ value: Value) -> UInt64 {
    var bits = UInt64(truncatingIfNeeded: value)
    if Value.bitWidth > 64 { bits ^= UInt64(truncatingIfNeeded: value &>> 64) &* 0x9E37_79B9_7F4A_7C15 }
    bits ^= bits &>> 32
    bits = bits &* 0xD6E8_FEB8_6659_FD93
    bits ^= bits &>> 32
    bits = bits &* 0xD6E8_FEB8_6659_FD93
    return bits ^ bits &>> 32
  }

  @inline(__always)
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    guard let base = bytes.baseAddress else { return 0 }
    return XXHash64.hash(base, count: bytes.count)
  }

  /// The entry with this hash for which `isEqual(entries, number)` holds.
  @inline(__always)
  private func find(_ hash: UInt64, _ isEqual: (UnsafeRawPointer, Int) -> Bool) -> UInt32? {
    let table = slots.base.assumingMemoryBound(to: UInt64.self)
    let entries = UnsafeRawPointer(self.entries.base)
    let tag = hash & 0xFFFF_FFFF_0000_0000
    var slot = Int(truncatingIfNeeded: hash) & slotMask
    while true {
      let found = table[slot]
      if found == 0 { return nil }
      let id = UInt32(truncatingIfNeeded: found) &- 1
      if found & 0xFFFF_FFFF_0000_0000 == tag && isEqual(entries, Int(id)) { return id }
      slot = (slot &+ 1) & slotMask
    }
  }

  /// A number for a new entry, whose value the caller then stores; nil when the dictionary is full.
  private mutating func insert(_ hash: UInt64, stored: Int) -> UInt32? {
    guard storedBytes &+ stored <= byteLimit, count < 1 << 24 else { return nil }
    if count == entryCapacity {
      entryCapacity &*= 2
      let larger = Buffer(byteCount: entryCapacity &* width)
      memcpy(larger.base, entries.base, count &* width)
      entries = larger
    }
    if (count &+ 1) &* 2 > slotMask { growSlots() }
    let id = UInt32(truncatingIfNeeded: count)
    place(hash & 0xFFFF_FFFF_0000_0000 | UInt64(id &+ 1), at: Int(truncatingIfNeeded: hash))
    hashes.append(UInt32(truncatingIfNeeded: hash))
    count &+= 1
    storedBytes &+= stored
    return id
  }

  /// Lower halves of the entries' hashes, for growing the table.
  private var hashes: [UInt32] = []

  private func place(_ content: UInt64, at hash: Int) {
    let table = slots.base.assumingMemoryBound(to: UInt64.self)
    var slot = hash & slotMask
    while table[slot] != 0 { slot = (slot &+ 1) & slotMask }
    table[slot] = content
  }

  private mutating func growSlots() {
    let old = slots
    let oldCount = slotMask &+ 1
    slotMask = oldCount &* 2 &- 1
    slots = Buffer.zeroed(byteCount: oldCount &* 16)
    let table = old.base.assumingMemoryBound(to: UInt64.self)
    for slot in 0..<oldCount where table[slot] != 0 {
      place(table[slot], at: Int(hashes[Int(UInt32(truncatingIfNeeded: table[slot]) &- 1)]))
    }
  }

  // MARK: Whether to try at all

  /// Guesses from a sample whether a dictionary pays: runs of neighbours from all over the chunk, whose repetitions tell
  /// about how many distinct values there are (the more of n drawn values repeat, the fewer there are: about n^2 / 2 repeats).
  static func looksWorthwhile(_ pieces: [Column], physical: PhysicalType, storedWidth: Int, byteLimit: Int) -> Bool {
    let total = pieces.reduce(0) { $0 + $1.count }
    if total < 512 { return total > 1 }
    let flatCount = pieces.reduce(0) { sum, piece in
      if case .flat = piece.encoding { return sum + piece.count }
      return sum
    }
    // Encoded columns arrive with their repetitions known.
    if flatCount * 2 < total { return true }
    var sample = DictionaryBuilder(physical: physical, storedWidth: 1, byteLimit: 1 << 30)
    let runCount = 32
    let runLength = min(64, total / runCount)
    var drawn = 0
    let ids = UnsafeMutablePointer<UInt32>.allocate(capacity: runLength)
    defer { ids.deallocate() }
    for run in 0..<runCount {
      var start = total / runCount * run
      for piece in pieces {
        if start >= piece.count {
          start -= piece.count
          continue
        }
        let part = piece.slice(start, min(runLength, piece.count - start))
        drawn += sample.add(part, into: ids)
        break
      }
    }
    let repeats = drawn - sample.count
    guard repeats >= 4 else { return false }
    let distinct = min(drawn * drawn / (2 * repeats), total)
    let entryWidth = physical == .string ? sample.storedBytes / max(1, sample.count) : storedWidth
    return distinct * entryWidth <= byteLimit && distinct * 2 <= total
  }
}

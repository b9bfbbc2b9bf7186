import Columnar

/// Group numbers for the key columns of batches, with the shortcuts that encodings allow:
///
/// - all keys constant: one look-up for the batch;
/// - one dictionary key: one look-up per entry that occurs, kept while batches share the dictionary;
/// - several dictionary or constant keys: one look-up per combination that occurs, while there are few combinations;
/// - anything else: `GroupTable` row by row.
final class Grouper {
  let table: GroupTable
  private let scratch = KeyScratch()
  private var cache = EntryCache()
  /// What the keys that the cache knows to be absent are absent from.
  private var countAtLastFind = -1

  init(types: [SQLType]) { table = GroupTable(types: types) }

  /// For looking up in a finished table that several threads share.
  init(sharing table: GroupTable) { self.table = table }

  var count: Int { table.count }
  var byteCount: Int { table.byteCount &+ cache.byteCount }

  /// What became of a batch.
  enum Outcome {
    /// Every row belongs to this group.
    case single(UInt32)
    /// `groups` is filled.
    case rows
  }

  /// Groups of all rows; unknown keys get a new group when `inserting`, else `GroupTable.none`.
  func assign(
    _ keys: [Column], count: Int, groups: UnsafeMutablePointer<UInt32>, inserting: Bool
  ) -> Outcome {
    if keys.allSatisfy(\.isConstant) {
      var group: UInt32 = 0
      lookUp(keys.map { $0.repeated(1) }, count: 1, &group, inserting)
      return .single(group)
    }
    if inserting ? countAtLastFind >= 0 : countAtLastFind != table.count {
      cache.reset()
      countAtLastFind = inserting ? -1 : table.count
    }
    if cache.prepare(for: keys, rows: count) {
      assignThroughCache(keys, count, groups, inserting)
    } else {
      lookUp(keys, count: count, groups, inserting)
    }
    return .rows
  }

  private func lookUp(_ keys: [Column], count: Int, _ groups: UnsafeMutablePointer<UInt32>, _ inserting: Bool) {
    if inserting {
      table.insert(keys, count: count, groups: groups)
    } else {
      table.find(keys, count: count, groups: groups, scratch: scratch)
    }
  }

  private func assignThroughCache(
    _ keys: [Column], _ count: Int, _ groups: UnsafeMutablePointer<UInt32>, _ inserting: Bool
  ) {
    let codes = cache.codes(keys, count: count)
    let known = cache.groups
    var missing: UInt32 = 0
    for row in 0..<count {
      let group = known[Int(codes[row])]
      groups[row] = group
      missing |= group &>> 31
    }
    if missing == 0 { return }
    // First row of each combination that has not been looked up.
    var rows: [UInt32] = []
    for row in 0..<count where groups[row] >= EntryCache.pending {
      let code = Int(codes[row])
      if known[code] == GroupTable.none {
        known[code] = EntryCache.pending
        rows.append(UInt32(truncatingIfNeeded: row))
      }
    }
    var found = [UInt32](repeating: 0, count: rows.count)
    if !rows.isEmpty { lookUp(keys.map { $0.take(rows) }, count: rows.count, &found, inserting) }
    for (position, row) in rows.enumerated() {
      known[Int(codes[Int(row)])] = found[position] == GroupTable.none ? EntryCache.absent : found[position]
    }
    for row in 0..<count {
      let group = known[Int(codes[row])]
      groups[row] = group == EntryCache.absent ? GroupTable.none : group
    }
  }
}

/// Group numbers by dictionary entry, or by combination of entries of several dictionaries.
///
/// A combination's code is the mixed-radix number of the entries; a dictionary with row validity has one entry more, for NULL.
private struct EntryCache {
  /// Being looked up; above every group number, as `GroupTable.none` is.
  static let pending = UInt32.max - 1
  /// Looked up and not in the table.
  static let absent = UInt32.max - 2
  private static let maxCombinations = 1 << 18

  private var dictionaries: [Column] = []
  private var radices: [Int] = []
  private var capacity = 0
  private var storage = Buffer(byteCount: 0)
  private var codeBuffer = Buffer(byteCount: 0)
  private var rowsSeen = 0

  var groups: UnsafeMutablePointer<UInt32> { storage.base.assumingMemoryBound(to: UInt32.self) }
  var byteCount: Int { storage.byteCount }

  mutating func reset() {
    dictionaries = []
    capacity = 0
  }

  /// Makes the cache ready for these columns; false when it cannot or should not be used.
  mutating func prepare(for keys: [Column], rows: Int) -> Bool {
    var values: [Column] = []
    for key in keys {
      switch key.encoding {
      case .flat: return false
      case .constant: values.append(key.repeated(1))
      case .dictionary(let vector):
        if vector.values.count == 0 { return false }
        values.append(vector.values)
      }
    }
    let isSame = values.count == dictionaries.count && zip(values, dictionaries).allSatisfy { $0.sharesValues(with: $1) }
    if isSame {
      rowsSeen &+= rows
      if capacity > 0 { return true }
    } else {
      dictionaries = values
      radices = values.map { $0.count + 1 }
      rowsSeen = rows
      capacity = 0
    }
    var combinations = 1
    for radix in radices {
      let (product, overflow) = combinations.multipliedReportingOverflow(by: radix)
      if overflow { return false }
      combinations = product
    }
    // Filling the table must not cost more than looking up the rows.
    if combinations > rowsSeen &* 8 || (radices.count > 1 && combinations > Self.maxCombinations) { return false }
    if storage.byteCount < combinations &* 4 { storage = Buffer(byteCount: combinations &* 4) }
    capacity = combinations
    groups.initialize(repeating: GroupTable.none, count: combinations)
    return true
  }

  /// The code of each row; for one dictionary without row validity that is its indices.
  mutating func codes(_ keys: [Column], count: Int) -> UnsafePointer<UInt32> {
    if keys.count == 1, let vector = keys[0].dictionary, vector.validity == nil {
      return vector.indices.pointer(as: UInt32.self)
    }
    if codeBuffer.byteCount < count &* 4 { codeBuffer = Buffer(byteCount: count &* 4) }
    let codes = codeBuffer.base.assumingMemoryBound(to: UInt32.self)
    codes.initialize(repeating: 0, count: count)
    for (position, key) in keys.enumerated() {
      let radix = UInt32(truncatingIfNeeded: radices[position])
      guard let vector = key.dictionary else {
        for row in 0..<count { codes[row] = codes[row] &* radix }
        continue
      }
      let indices = vector.indices.pointer(as: UInt32.self)
      if let validity = vector.validity?.pointer(as: UInt8.self) {
        for row in 0..<count { codes[row] = codes[row] &* radix &+ (validity[row] == 0 ? radix &- 1 : indices[row]) }
      } else {
        for row in 0..<count { codes[row] = codes[row] &* radix &+ indices[row] }
      }
    }
    return UnsafePointer(codes)
  }
}

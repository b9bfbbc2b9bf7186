import Columnar
import Iceberg

/// The keys of equality delete files that name the same columns and apply to the same data files, with the highest sequence number
/// each key was deleted at. SPEC "Equality Delete Files".
///
/// A hash table with linear probing over the rows of `keys`: a data row is gone when its key is here with a sequence number above
/// its own. NULL equals NULL, NaN equals NaN.
final class EqualityDeletes: @unchecked Sendable {  // not changed after `init`
  private var keys: [Column] = []
  private var sequences: [Int64] = []
  private var hashes: [UInt64] = []
  /// Row of `keys` + 1; 0 is free.
  private var table: [UInt32] = []
  private var reservation: MemoryReservation

  /// - Parameters:
  ///   - types: of the key columns.
  ///   - files: batches of the key columns of each delete file, with its data sequence number.
  init(types: [SQLType], files: [(sequence: Int64, batches: [Batch])], _ context: QueryContext) throws {
    reservation = MemoryReservation(context.memory, holder: "equality deletes")
    let batches = files.flatMap(\.batches)
    let count = batches.reduce(0) { $0 + $1.count }
    guard count < Int(Int32.max) else {
      throw IcebergError(.unsupported, "\(count) equality deletes apply to one partition; compact the table")
    }
    guard count > 0 else { return }
    var size = 16
    while size < 2 * count { size *= 2 }
    let width = types.reduce(0) { $0 + max(1, $1.physical.byteWidth) + 1 }
    guard reservation.reserve(count * (16 + width) + 4 * size) else {
      throw MemoryLimitExceeded(holder: "equality deletes", limit: context.memory.limit)
    }
    keys = types.indices.map { index in
      Column.concatenated(batches.map { $0.columns[index] }, type: types[index]).flattened()
    }
    for file in files {
      sequences += Array(repeating: file.sequence, count: file.batches.reduce(0) { $0 + $1.count })
    }
    hashes = Self.hashes(keys, count: count)
    table = [UInt32](repeating: 0, count: size)
    let views = keys.map { KeyView($0) }
    for row in 0..<count {
      var slot = Int(truncatingIfNeeded: hashes[row]) & (size - 1)
      while true {
        let found = Int(table[slot])
        if found == 0 {
          table[slot] = UInt32(row + 1)
          break
        }
        if hashes[found - 1] == hashes[row], Self.equal(views, row, views, found - 1) {
          sequences[found - 1] = max(sequences[found - 1], sequences[row])
          break
        }
        slot = (slot + 1) & (size - 1)
      }
    }
  }

  /// Sets the flags of the rows that are deleted to 0.
  ///
  /// - Parameters:
  ///   - columns: the key columns of some rows of a data file.
  ///   - sequence: the data file's data sequence number.
  /// - Returns: how many flags were 1 before.
  func clear(_ flags: UnsafeMutablePointer<UInt8>, columns: [Column], count: Int, sequence: Int64) -> Int {
    guard !table.isEmpty, count > 0 else { return 0 }
    let rowHashes = Self.hashes(columns, count: count)
    let own = keys.map { KeyView($0) }
    let views = columns.map { KeyView($0) }
    let mask = table.count - 1
    var cleared = 0
    for row in 0..<count where flags[row] != 0 {
      var slot = Int(truncatingIfNeeded: rowHashes[row]) & mask
      while table[slot] != 0 {
        let key = Int(table[slot]) - 1
        if hashes[key] == rowHashes[row], Self.equal(views, row, own, key) {
          if sequences[key] > sequence {
            flags[row] = 0
            cleared += 1
          }
          break
        }
        slot = (slot + 1) & mask
      }
    }
    return cleared
  }

  private static func hashes(_ columns: [Column], count: Int) -> [UInt64] {
    [UInt64](unsafeUninitializedCapacity: count) { buffer, initialised in
      if let base = buffer.baseAddress {
        for (index, column) in columns.enumerated() { column.hash(into: base, combining: index > 0) }
      }
      initialised = count
    }
  }

  private static func equal(_ left: [KeyView], _ leftRow: Int, _ right: [KeyView], _ rightRow: Int) -> Bool {
    for index in left.indices where !left[index].equal(leftRow, right[index], rightRow) { return false }
    return true
  }
}

/// Reads single values of a key column. Keys are primitive (SPEC), so children do not occur.
private struct KeyView {
  private let column: Column
  private let view: ColumnView
  private let physical: PhysicalType

  init(_ column: Column) {
    self.column = column
    view = ColumnView(column)
    physical = column.type.physical
  }

  func equal(_ row: Int, _ other: KeyView, _ otherRow: Int) -> Bool {
    let isValid = view.isValid(row)
    guard isValid == other.view.isValid(otherRow) else { return false }
    guard isValid else { return true }
    let left = view.index(row)
    let right = other.view.index(otherRow)
    func same<Value: Equatable>(_ type: Value.Type) -> Bool {
      view.pointer(as: type)[left] == other.view.pointer(as: type)[right]
    }
    switch physical {
    case .boolean, .int8: return same(UInt8.self)
    case .int16: return same(Int16.self)
    case .int32: return same(Int32.self)
    case .int64: return same(Int64.self)
    case .int128: return same(Int128.self)
    case .timestampTZ: return same(TimestampTZ.self)
    case .float:
      return Hashing.normalised(view.pointer(as: Float.self)[left]) == Hashing.normalised(other.view.pointer(as: Float.self)[right])
    case .double:
      return Hashing.normalised(view.pointer(as: Double.self)[left]) == Hashing.normalised(other.view.pointer(as: Double.self)[right])
    case .string:
      return StringView.equal(view.pointer(as: StringView.self) + left, other.view.pointer(as: StringView.self) + right)
    case .list, .row: return false
    }
  }
}

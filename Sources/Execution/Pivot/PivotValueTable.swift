import Columnar

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The distinct doubles of one worker's cells, numbered from 1, so that a cell takes two bytes instead of eight.
///
/// Measured values often have few digits (percentages, ratios of small counts), and their files have a dictionary already: then a matrix
/// of numbers is a quarter as large, and it is written with its dictionary at hand. When there are too many values, cells hold the values themselves.
///
///     values: number - 1 -> bits of the double
///     slots:  open addressing, number of the value or 0
final class PivotValueTable {
  private(set) var count = 0
  private var values = Buffer(byteCount: 1_024 * 8)
  private var slots = Buffer.zeroed(byteCount: 4_096 * 2)
  private var slotMask = 4_095

  static let limit = Int(UInt16.max)

  var byteCount: Int { values.byteCount + slots.byteCount }
  /// Bits of the values, in the order of their numbers.
  var bits: UnsafePointer<UInt64> { UnsafePointer(values.base.assumingMemoryBound(to: UInt64.self)) }

  /// The number of a value, a new one if it is new; nil when the table is full.
  func number(_ bits: UInt64) -> UInt16? {
    let table = slots.base.assumingMemoryBound(to: UInt16.self)
    let known = values.base.assumingMemoryBound(to: UInt64.self)
    var slot = Int(truncatingIfNeeded: Hashing.word(bits)) & slotMask
    while true {
      let found = table[slot]
      if found == 0 { break }
      if known[Int(found) &- 1] == bits { return found }
      slot = (slot &+ 1) & slotMask
    }
    guard count < Self.limit else { return nil }
    if (count + 1) * 8 > values.byteCount { growValues() }
    values.base.assumingMemoryBound(to: UInt64.self)[count] = bits
    count += 1
    let number = UInt16(truncatingIfNeeded: count)
    table[slot] = number
    if count * 2 > slotMask { growSlots() }
    return number
  }

  private func growValues() {
    let larger = Buffer(byteCount: values.byteCount * 2)
    memcpy(larger.base, values.base, count * 8)
    values = larger
  }

  private func growSlots() {
    slotMask = (slotMask + 1) * 4 - 1
    slots = Buffer.zeroed(byteCount: (slotMask + 1) * 2)
    let table = slots.base.assumingMemoryBound(to: UInt16.self)
    let known = bits
    for index in 0..<count {
      var slot = Int(truncatingIfNeeded: Hashing.word(known[index])) & slotMask
      while table[slot] != 0 { slot = (slot &+ 1) & slotMask }
      table[slot] = UInt16(truncatingIfNeeded: index + 1)
    }
  }

  /// All values as a column, whose row is the number less one. The table must not grow any more.
  func column(_ type: SQLType) -> Column { Column(type: type, count: count, values: values) }
}

/// Row numbers that pass a filter, ascending; scratch that operators keep and reuse.
package final class Selection {
  package private(set) var count = 0
  private var storage = Buffer(byteCount: 0)

  package init() {}

  package var indices: UnsafePointer<UInt32> { UnsafePointer(storage.base.assumingMemoryBound(to: UInt32.self)) }

  /// Keeps the rows where the boolean column is true (NULL counts as false).
  package func select(_ condition: Column) {
    let rows = condition.count
    if storage.byteCount < rows * 4 { storage = Buffer(byteCount: rows * 4) }
    let target = storage.base.assumingMemoryBound(to: UInt32.self)
    let view = ColumnView(condition)
    let flags = view.pointer(as: UInt8.self)
    var kept = 0
    if view.isConstant {
      if rows > 0, view.isValid(0), flags[0] != 0 {
        for row in 0..<rows { target[row] = UInt32(truncatingIfNeeded: row) }
        kept = rows
      }
    } else if view.isFlat {
      if let validity = view.valueValidity {
        for row in 0..<rows {
          target[kept] = UInt32(truncatingIfNeeded: row)
          kept &+= Int(flags[row] & validity[row])
        }
      } else {
        for row in 0..<rows {
          target[kept] = UInt32(truncatingIfNeeded: row)
          kept &+= Int(flags[row])
        }
      }
    } else {
      for row in 0..<rows where view.isValid(row) && flags[view.index(row)] != 0 {
        target[kept] = UInt32(truncatingIfNeeded: row)
        kept &+= 1
      }
    }
    count = kept
  }
}

extension Batch {
  /// The rows where `condition` is true; the batch itself when all are.
  package func filtered(by condition: Column, using scratch: Selection) -> Batch {
    scratch.select(condition)
    if scratch.count == count { return self }
    return take(scratch.indices, count: scratch.count)
  }
}

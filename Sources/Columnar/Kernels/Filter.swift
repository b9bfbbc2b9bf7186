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
    } else if let indices = view.indices {
      switch (view.valueValidity, view.rowValidity) {
      case (nil, nil):
        for row in 0..<rows {
          target[kept] = UInt32(truncatingIfNeeded: row)
          kept &+= Int(flags[Int(indices[row])])
        }
      case (let entries, let validity):
        for row in 0..<rows {
          let entry = Int(indices[row])
          target[kept] = UInt32(truncatingIfNeeded: row)
          kept &+= Int(flags[entry] & (entries?[entry] ?? 1) & (validity?[row] ?? 1))
        }
      }
    }
    count = kept
  }

  /// Keeps those of the rows kept so far where the boolean column, which has a value for every row of the batch, is true.
  package func narrow(_ condition: Column) {
    let view = ColumnView(condition)
    let target = storage.base.assumingMemoryBound(to: UInt32.self)
    let flags = view.pointer(as: UInt8.self)
    var kept = 0
    if let indices = view.indices, !view.mayHaveNulls {
      for place in 0..<count {
        let row = target[place]
        target[kept] = row
        kept &+= Int(flags[Int(indices[Int(row)])])
      }
    } else {
      for place in 0..<count {
        let row = Int(target[place])
        target[kept] = UInt32(truncatingIfNeeded: row)
        kept &+= view.isValid(row) ? Int(flags[view.index(row)]) : 0
      }
    }
    withExtendedLifetime(condition) {}
    count = kept
  }

  /// Keeps those of the rows kept so far whose places among them `chosen` lists.
  package func narrow(to chosen: Selection) {
    let target = storage.base.assumingMemoryBound(to: UInt32.self)
    let places = chosen.indices
    for place in 0..<chosen.count { target[place] = target[Int(places[place])] }
    count = chosen.count
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

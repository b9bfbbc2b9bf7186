package import Columnar

/// Guesses how many bytes rows take in a file before compression; decides when a row group is full.
package enum RowSizes {
  package static func estimate(_ batch: Batch) -> Int {
    batch.columns.reduce(0) { $0 + estimate($1, rows: batch.count) }
  }

  private static func estimate(_ column: Column, rows: Int) -> Int {
    guard rows > 0, column.count > 0 else { return 0 }
    switch column.encoding {
    case .constant: return rows / 8 + 16
    case .dictionary: return rows * 2 + 16
    case .flat(let vector):
      switch column.type.physical {
      case .string:
        let views = vector.values.pointer(as: StringView.self)
        let step = max(1, column.count / 64)
        var total = 0
        var seen = 0
        for index in stride(from: 0, to: column.count, by: step) {
          total += views[index].count + 4
          seen += 1
        }
        return total / seen * column.count
      case .row: return vector.children.reduce(column.count / 8) { $0 + estimate($1, rows: $1.count) }
      case .list:
        // The children may belong to more rows than these (a slice): count what the rows refer to.
        let entries = vector.values.pointer(as: ListEntry.self)
        var elements = 0
        for index in 0..<column.count { elements += Int(entries[index].count) }
        return vector.children.reduce(column.count) { sum, child in
          guard child.count > 0 else { return sum }
          return sum + Int(Double(estimate(child, rows: child.count)) / Double(child.count) * Double(elements))
        }
      case let physical: return column.count * physical.byteWidth
      }
    }
  }
}

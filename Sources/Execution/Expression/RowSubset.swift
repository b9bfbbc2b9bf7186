import Columnar

extension Batch {
  /// Some rows of the batch for an expression that reads only `columns`; the others keep their place with arbitrary values.
  func subset(_ rows: [UInt32], columns wanted: Set<Int>) -> Batch { subset(rows, count: rows.count, columns: wanted) }

  func subset(_ rows: UnsafePointer<UInt32>, count: Int, columns wanted: Set<Int>) -> Batch {
    Batch(
      columns: columns.enumerated().map { index, column in
        wanted.contains(index) ? column.take(rows, count: count) : column.slice(0, count)
      }, count: count)
  }
}

/// Results computed for disjoint groups of rows, put together in row order.
struct RowPieces {
  private var pieces: [Column] = []
  /// For each row the place of its value among the entries of all pieces.
  private var places: [UInt32]
  private var entries: UInt32 = 0
  private let count: Int

  init(count: Int) {
    self.count = count
    places = [UInt32](repeating: 0, count: count)
  }

  /// `column[i]` is the value of row `rows[i]`.
  mutating func add(_ column: Column, rows: [UInt32]) {
    if column.isConstant {
      for row in rows { places[Int(row)] = entries }
      pieces.append(column.repeated(1))
      entries &+= 1
    } else {
      for (position, row) in rows.enumerated() {
        places[Int(row)] = entries &+ UInt32(truncatingIfNeeded: position)
      }
      pieces.append(column)
      entries &+= UInt32(truncatingIfNeeded: column.count)
    }
  }

  func finish(_ type: SQLType) -> Column {
    let allConstant = pieces.count == Int(entries) && pieces.allSatisfy(\.isConstant)
    let values = Column.concatenated(pieces.map { $0.flattened() }, type: type)
    if allConstant { return .dictionary(values: values, indices: Buffer.of(places), count: count) }
    return values.take(places)
  }
}

/// Every row of a batch.
func allRows(_ count: Int) -> [UInt32] { (0..<UInt32(truncatingIfNeeded: count)).map { $0 } }

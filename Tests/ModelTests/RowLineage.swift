/// Row lineage of format version 3 (iceberg spec, "Row Lineage"): a row keeps its `_row_id` for life, also through updates and
/// compaction; `_last_updated_sequence_number` stays while the row does, and grows when it is updated.
struct RowLineage {
  struct Broken: Error { var message: String }

  private struct Mark { var rowID: Int64, sequenceNumber: Int64 }

  /// Ids ever seen, by table: new rows have others.
  private var used: [String: Set<Int64>] = [:]

  /// Compares with what is known of the rows, and learns what is not. Rows that look the same are one to every statement, so that
  /// which of them is which cannot matter.
  ///
  /// - Parameter found: all rows of the table, with the id and the number in the last two columns.
  mutating func check(_ table: inout ModelTable, _ found: [[String?]]) throws(Broken) {
    var marks: [String: [Mark]] = [:]
    var ids: Set<Int64> = []
    for row in found {
      guard row.count >= 2, let id = row[row.count - 2].flatMap({ Int64($0) }), let number = row[row.count - 1].flatMap({ Int64($0) })
      else { throw Broken(message: "a row has no id or no number: \(ModelTable.joined(row))") }
      guard ids.insert(id).inserted else { throw Broken(message: "_row_id \(id) is there twice") }
      marks[ModelTable.joined(row.dropLast(2)), default: []].append(Mark(rowID: id, sequenceNumber: number))
    }
    var unknown: [String: [Int]] = [:]
    for index in table.rows.indices {
      let row = table.rows[index]
      let key = ModelTable.shown(row.values)
      guard let id = row.rowID else {
        unknown[key, default: []].append(index)
        continue
      }
      guard let place = marks[key]?.firstIndex(where: { $0.rowID == id }), let mark = marks[key]?.remove(at: place) else {
        throw Broken(message: "the row of _row_id \(id) has another id now: \(key)")
      }
      if let old = row.sequenceNumber, row.isUpdated ? mark.sequenceNumber <= old : mark.sequenceNumber != old {
        throw Broken(
          message: "_last_updated_sequence_number was \(old), is \(mark.sequenceNumber), and the row was \(row.isUpdated ? "" : "not ")updated: \(key)")
      }
      table.rows[index].sequenceNumber = mark.sequenceNumber
      table.rows[index].isUpdated = false
    }
    for (key, indices) in unknown {
      for (index, mark) in zip(indices, marks[key] ?? []) {
        guard used[table.name, default: []].insert(mark.rowID).inserted else {
          throw Broken(message: "_row_id \(mark.rowID) of a new row was another row's: \(key)")
        }
        table.rows[index].rowID = mark.rowID
        table.rows[index].sequenceNumber = mark.sequenceNumber
        table.rows[index].isUpdated = false
      }
    }
  }
}

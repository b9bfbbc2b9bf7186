extension Column {
  /// The value of one row, for results, literals and statistics; not for loops over many rows.
  package func scalar(at row: Int) -> Scalar { Scalar(type, scalarValue(at: row)) }

  package func scalarValue(at row: Int) -> ScalarValue {
    precondition(row >= 0 && row < count)
    let view = ColumnView(self)
    guard view.isValid(row) else { return .null }
    let index = view.index(row)
    switch type.physical {
    case .boolean: return .boolean(view.pointer(as: UInt8.self)[index] != 0)
    case .int8: return .int(Int64(view.pointer(as: Int8.self)[index]))
    case .int16: return .int(Int64(view.pointer(as: Int16.self)[index]))
    case .int32: return .int(Int64(view.pointer(as: Int32.self)[index]))
    case .int64: return .int(view.pointer(as: Int64.self)[index])
    case .int128: return .int128(view.pointer(as: Int128.self)[index])
    case .float: return .real(view.pointer(as: Float.self)[index])
    case .double: return .double(view.pointer(as: Double.self)[index])
    case .string: return .bytes(Array(StringView.buffer(at: view.pointer(as: StringView.self) + index)))
    case .timestampTZ: return .timestampTZ(view.pointer(as: TimestampTZ.self)[index])
    case .row: return .row(view.children.map { $0.scalarValue(at: index) })
    case .list:
      let entry = view.pointer(as: ListEntry.self)[index]
      let range = Int(entry.offset)..<Int(entry.offset) + Int(entry.count)
      if case .map = type {
        return .map(
          range.map { position in
            ScalarPair(
              key: view.children[0].scalarValue(at: position), value: view.children[1].scalarValue(at: position))
          })
      }
      return .list(range.map { view.children[0].scalarValue(at: $0) })
    }
  }
}

import Columnar

/// Writes nested values as bytes that are equal exactly when the values are not distinct (`IS NOT DISTINCT FROM`).
///
///     value := 0 | 1 body
///     body  := fixed-width bytes (floats normalised) | length: 4, bytes | count: 4, values... | fields...
///
/// The entries of a map have no order: they are written sorted by their encoded keys.
final class KeyEncoder {
  private let column: Column
  private let view: ColumnView
  private let physical: PhysicalType
  private let isMap: Bool
  private let children: [KeyEncoder]
  private var scratch: [UInt8] = []

  init(_ column: Column) {
    self.column = column
    view = ColumnView(column)
    physical = column.type.physical
    if case .map = column.type { isMap = true } else { isMap = false }
    children = view.children.map { KeyEncoder($0) }
  }

  /// The encoded row as a view; long ones live in `arena`. A NULL row is the empty view.
  func encode(_ row: Int, into arena: inout StringHeap) -> StringView {
    guard view.isValid(row) else { return StringView() }
    scratch.removeAll(keepingCapacity: true)
    append(row, to: &scratch)
    return scratch.withUnsafeBytes { arena.copy($0) }
  }

  private func append(_ row: Int, to bytes: inout [UInt8]) {
    guard view.isValid(row) else {
      bytes.append(0)
      return
    }
    bytes.append(1)
    let index = view.index(row)
    switch physical {
    case .float: Self.append(Hashing.normalised(view.pointer(as: Float.self)[index]), to: &bytes)
    case .double: Self.append(Hashing.normalised(view.pointer(as: Double.self)[index]), to: &bytes)
    case .timestampTZ: Self.append(view.pointer(as: TimestampTZ.self)[index].instant, to: &bytes)
    case .string:
      let text = StringView.buffer(at: view.pointer(as: StringView.self) + index)
      Self.append(UInt32(truncatingIfNeeded: text.count), to: &bytes)
      bytes.append(contentsOf: text)
    case .row: for child in children { child.append(index, to: &bytes) }
    case .list:
      let entry = view.pointer(as: ListEntry.self)[index]
      let range = Int(entry.offset)..<Int(entry.offset) + Int(entry.count)
      Self.append(entry.count, to: &bytes)
      if isMap {
        let entries = range.map { element -> [UInt8] in
          var encoded: [UInt8] = []
          children[0].append(element, to: &encoded)
          children[1].append(element, to: &encoded)
          return encoded
        }
        for encoded in entries.sorted(by: { $0.lexicographicallyPrecedes($1) }) { bytes.append(contentsOf: encoded) }
      } else {
        for element in range { children[0].append(element, to: &bytes) }
      }
    default:
      let width = physical.byteWidth
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: view.values + index &* width, count: width))
    }
  }

  private static func append<Value: BitwiseCopyable>(_ value: Value, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }
}

import Columnar
import Functions

/// The texts of one result column, made for the whole batch at once.
struct ResultText {
  private let column: Column

  /// Athena's text of each value.
  init(athena column: Column) { self.column = AthenaText.column(column).flattened() }

  /// Calls `body` with the bytes of a row; nothing for NULL.
  /// - Returns: false for NULL.
  @discardableResult
  func withBytes(_ row: Int, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    let vector = column.flat
    if let validity = vector.validity?.pointer(as: UInt8.self), validity[row] == 0 { return false }
    body(StringView.buffer(at: vector.values.pointer(as: StringView.self) + row))
    return true
  }

  func string(_ row: Int) -> String? {
    var text: String?
    withBytes(row) { text = String(decoding: $0, as: UTF8.self) }
    return text
  }
}

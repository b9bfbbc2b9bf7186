import Columnar
import Functions

/// The texts of one result column, made for the whole batch at once.
struct ResultText {
  private let column: Column

  /// Athena's text of each value.
  init(athena column: Column) { self.column = AthenaText.column(column).flattened() }

  /// Each value as JSON: numbers and nesting kept, everything else its text as a string.
  init(json column: Column, context: QueryContext) {
    if canCast(from: column.type, to: .json),
      let converted = try? castColumn(column, to: .json, isTry: false, context: context)
    {
      self.column = converted.flattened()
    } else {
      let texts = AthenaText.column(column).flattened()
      let builder = ColumnBuilder(type: .json, capacity: texts.count)
      let views = texts.flat.values.pointer(as: StringView.self)
      for row in 0..<texts.count {
        guard ColumnView(texts).isValid(row) else {
          builder.appendNull()
          continue
        }
        var quoted: [UInt8] = []
        Self.appendQuoted(StringView.buffer(at: views + row), to: &quoted)
        quoted.withUnsafeBytes { builder.append(bytes: $0) }
      }
      self.column = builder.finish()
    }
  }

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

  /// A JSON string with its quotes and escapes.
  static func appendQuoted(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    let hex = Array("0123456789abcdef".utf8)
    bytes.append(UInt8(ascii: "\""))
    for byte in text {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 10: bytes += Array("\\n".utf8)
      case 13: bytes += Array("\\r".utf8)
      case 9: bytes += Array("\\t".utf8)
      case 0..<32: bytes += Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

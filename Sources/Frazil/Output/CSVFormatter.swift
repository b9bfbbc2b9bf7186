import Columnar

/// Athena's result files: every value in quotes, the header too, quotes inside doubled; NULL is nothing at all, so that it differs from an empty
/// string. Line breaks inside values stay as they are.
struct CSVFormatter: ResultFormatter {
  let columns: [ResultColumn]

  func begin() -> [UInt8] {
    var bytes: [UInt8] = []
    for (index, column) in columns.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      Array(column.name.utf8).withUnsafeBytes { Self.appendField($0, to: &bytes) }
    }
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  func write(_ batch: ResultBatch) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(batch.rowCount * columns.count * 8)
    let texts = batch.batch.columns.map { ResultText(athena: $0) }
    for row in 0..<batch.rowCount {
      for (index, text) in texts.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        text.withBytes(row) { Self.appendField($0, to: &bytes) }
      }
      bytes.append(UInt8(ascii: "\n"))
    }
    return bytes
  }

  func end() -> [UInt8] { [] }

  private static func appendField(_ field: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    let quote = UInt8(ascii: "\"")
    bytes.append(quote)
    if field.contains(quote) {
      for byte in field {
        if byte == quote { bytes.append(quote) }
        bytes.append(byte)
      }
    } else {
      bytes.append(contentsOf: field)
    }
    bytes.append(quote)
  }
}

import Columnar

/// Athena's result files: fields in quotes when they need it, NULL as nothing at all, so that it differs from an empty string.
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

  static func appendField(_ field: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    let needsQuotes =
      field.isEmpty
      || field.contains {
        $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
      }
    guard needsQuotes else {
      bytes.append(contentsOf: field)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in field {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

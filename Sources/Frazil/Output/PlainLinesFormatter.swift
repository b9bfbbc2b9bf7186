import Columnar

/// Lines that were laid out already, as they are: a plan or a CREATE statement can be read whole, and copied.
struct PlainLinesFormatter: ResultFormatter {
  func begin() -> [UInt8] { [] }

  func write(_ batch: ResultBatch) -> [UInt8] {
    var bytes: [UInt8] = []
    for column in batch.batch.columns {
      let text = ResultText(athena: column)
      for row in 0..<batch.rowCount {
        text.withBytes(row) { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\n"))
      }
    }
    return bytes
  }

  func end() -> [UInt8] { [] }
}

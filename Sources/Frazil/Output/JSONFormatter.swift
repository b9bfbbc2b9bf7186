import Columnar

/// An array of objects, or one object a line. Numbers, NULLs and nesting are kept (`JSONValues`).
struct JSONFormatter: ResultFormatter {
  private let names: [[UInt8]]
  private let isLines: Bool
  private var isFirst = true

  init(columns: [ResultColumn], isLines: Bool) {
    self.isLines = isLines
    names = JSONValues.uniqueNames(columns.map(\.name))
  }

  func begin() -> [UInt8] { isLines ? [] : [UInt8(ascii: "[")] }

  mutating func write(_ batch: ResultBatch) -> [UInt8] {
    var bytes: [UInt8] = []
    let columns = batch.batch.columns.map { JSONValues($0) }
    for row in 0..<batch.rowCount {
      if !isLines { bytes.append(contentsOf: isFirst ? "\n".utf8 : ",\n".utf8) }
      isFirst = false
      bytes.append(UInt8(ascii: "{"))
      for (index, column) in columns.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(contentsOf: names[index])
        column.append(row, to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
      if isLines { bytes.append(UInt8(ascii: "\n")) }
    }
    return bytes
  }

  func end() -> [UInt8] { isLines ? [] : Array((isFirst ? "]\n" : "\n]\n").utf8) }
}

import Columnar

/// An array of objects, or one object a line. Numbers, NULLs and nesting are kept; a repeated column name gets a number behind it,
/// so that no value is lost to readers that keep one of a kind.
struct JSONFormatter: ResultFormatter {
  private let names: [[UInt8]]
  private let isLines: Bool
  private var isFirst = true

  init(columns: [ResultColumn], isLines: Bool) {
    self.isLines = isLines
    var seen: [String: Int] = [:]
    names = columns.map { column in
      let count = seen[column.name, default: 0]
      seen[column.name] = count + 1
      let name = count == 0 ? column.name : "\(column.name)_\(count + 1)"
      var bytes: [UInt8] = []
      Array(name.utf8).withUnsafeBytes { ResultText.appendQuoted($0, to: &bytes) }
      return bytes + [UInt8(ascii: ":")]
    }
  }

  func begin() -> [UInt8] { isLines ? [] : [UInt8(ascii: "[")] }

  mutating func write(_ batch: ResultBatch) -> [UInt8] {
    var bytes: [UInt8] = []
    let context = QueryContext()
    let texts = batch.batch.columns.map { ResultText(json: $0, context: context) }
    for row in 0..<batch.rowCount {
      if !isLines { bytes.append(contentsOf: isFirst ? "\n".utf8 : ",\n".utf8) }
      isFirst = false
      bytes.append(UInt8(ascii: "{"))
      for (index, text) in texts.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(contentsOf: names[index])
        if !text.withBytes(row, { bytes.append(contentsOf: $0) }) { bytes.append(contentsOf: "null".utf8) }
      }
      bytes.append(UInt8(ascii: "}"))
      if isLines { bytes.append(UInt8(ascii: "\n")) }
    }
    return bytes
  }

  func end() -> [UInt8] { isLines ? [] : Array("\n]\n".utf8) }
}

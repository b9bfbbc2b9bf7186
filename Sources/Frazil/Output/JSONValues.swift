import Columnar

/// The values of one result column as JSON, made for the whole batch at once.
///
/// Numbers, booleans and nesting stay what they are (a decimal keeps all its digits), JSON is passed through, everything else is its Athena
/// text as a string. NaN and the infinities, which JSON has no numbers for, are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`. A map
/// becomes an object; a row does too, its unnamed fields called `field0`, `field1`, … as Athena calls them.
indirect enum JSONValues {
  case plain(ResultText)
  case number(ResultText)
  case text(ResultText)
  case list(NestedColumn, elements: JSONValues)
  case map(NestedColumn, keys: ResultText, values: JSONValues)
  case row(NestedColumn, fields: [(name: [UInt8], values: JSONValues)])

  init(_ column: Column) {
    switch column.type {
    case .boolean, .tinyint, .smallint, .integer, .bigint, .decimal, .json: self = .plain(ResultText(athena: column))
    case .real, .double: self = .number(ResultText(athena: column))
    case .array:
      let nested = NestedColumn(column)
      self = .list(nested, elements: JSONValues(nested.view.children[0]))
    case .map:
      let nested = NestedColumn(column)
      self = .map(nested, keys: ResultText(athena: nested.view.children[0]), values: JSONValues(nested.view.children[1]))
    case .row(let fields):
      let nested = NestedColumn(column)
      let names = Self.uniqueNames(fields.enumerated().map { $1.name ?? "field\($0)" })
      self = .row(nested, fields: zip(names, nested.view.children).map { (name: $0, values: JSONValues($1)) })
    default: self = .text(ResultText(athena: column))
    }
  }

  func append(_ row: Int, to bytes: inout [UInt8]) {
    switch self {
    case .plain(let text):
      if !text.withBytes(row, { bytes.append(contentsOf: $0) }) { Self.appendNull(to: &bytes) }
    case .number(let text):
      let isValid = text.withBytes(row) { number in
        // `NaN`, `Infinity` and `-Infinity` end in a letter.
        let isFinite = number.last.map { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ?? false
        if isFinite { bytes.append(contentsOf: number) } else { Self.appendQuoted(number, to: &bytes) }
      }
      if !isValid { Self.appendNull(to: &bytes) }
    case .text(let text):
      if !text.withBytes(row, { Self.appendQuoted($0, to: &bytes) }) { Self.appendNull(to: &bytes) }
    case .list(let nested, let elements):
      guard let entry = nested.entry(row) else { return Self.appendNull(to: &bytes) }
      bytes.append(UInt8(ascii: "["))
      for position in 0..<Int(entry.count) {
        if position > 0 { bytes.append(UInt8(ascii: ",")) }
        elements.append(Int(entry.offset) + position, to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .map(let nested, let keys, let values):
      guard let entry = nested.entry(row) else { return Self.appendNull(to: &bytes) }
      bytes.append(UInt8(ascii: "{"))
      for position in 0..<Int(entry.count) {
        if position > 0 { bytes.append(UInt8(ascii: ",")) }
        keys.withBytes(Int(entry.offset) + position) { Self.appendQuoted($0, to: &bytes) }
        bytes.append(UInt8(ascii: ":"))
        values.append(Int(entry.offset) + position, to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    case .row(let nested, let fields):
      guard nested.view.isValid(row) else { return Self.appendNull(to: &bytes) }
      bytes.append(UInt8(ascii: "{"))
      for (index, field) in fields.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes.append(contentsOf: field.name)
        field.values.append(row, to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  /// Each name as `"name":`. A repeated one gets a number behind it, so that no value is lost to readers that keep one of a kind.
  static func uniqueNames(_ names: [String]) -> [[UInt8]] {
    var taken = Set(names)
    var seen = Set<String>()
    return names.map { name in
      var unique = name
      if !seen.insert(name).inserted {
        var number = 2
        while !taken.insert("\(name)_\(number)").inserted { number += 1 }
        unique = "\(name)_\(number)"
      }
      var bytes: [UInt8] = []
      Array(unique.utf8).withUnsafeBytes { appendQuoted($0, to: &bytes) }
      return bytes + [UInt8(ascii: ":")]
    }
  }

  private static func appendNull(to bytes: inout [UInt8]) { bytes.append(contentsOf: "null".utf8) }

  /// A JSON string with its quotes and escapes.
  private static func appendQuoted(_ text: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    var start = 0
    for (index, byte) in text.enumerated() where byte < 32 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
      bytes.append(contentsOf: text[start..<index])
      start = index + 1
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 10: bytes += Array("\\n".utf8)
      case 13: bytes += Array("\\r".utf8)
      case 9: bytes += Array("\\t".utf8)
      default:
        let hex = Array("0123456789abcdef".utf8)
        bytes += Array("\\u00".utf8) + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    bytes.append(contentsOf: text[start...])
    bytes.append(UInt8(ascii: "\""))
  }
}

/// A flat column and a view of it, which does not keep it alive by itself.
struct NestedColumn {
  private let column: Column
  let view: ColumnView

  init(_ column: Column) {
    self.column = column.flattened()
    view = ColumnView(self.column)
  }

  /// Nil for NULL.
  func entry(_ row: Int) -> ListEntry? {
    view.isValid(row) ? view.pointer(as: ListEntry.self)[row] : nil
  }
}

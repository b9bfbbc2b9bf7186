package import Columnar

/// The text of values in result files and tables, as Athena writes them (athena-api.md, "Value text"); NULL is the caller's affair
/// at the top and `null` inside nested values.
///
/// One formatter serves one column: it holds the views, so per value nothing is looked up again.
package struct AthenaText: ~Copyable {
  private let root: Node
  private var clock = ZoneClock()

  package init(_ column: Column) { root = Node(column) }

  package func isNull(_ row: Int) -> Bool { !root.view.isValid(row) }

  /// Appends the text of a row; nothing for NULL.
  package mutating func append(row: Int, to out: inout TextBuffer) {
    guard root.view.isValid(row) else { return }
    Self.append(root, root.view.index(row), &out, &clock)
  }

  /// The texts of a whole column as varchar, each entry of a dictionary once.
  package static func column(_ column: Column) -> Column {
    if let dictionary = column.dictionary, dictionary.values.count < column.count {
      return Column(
        type: .varchar, count: column.count,
        encoding: .dictionary(
          DictionaryVector(
            values: AthenaText.column(dictionary.values), indices: dictionary.indices, validity: dictionary.validity)))
    }
    switch column.type {
    case .varchar, .json: return column.relabelled(.varchar)
    default: break
    }
    if column.isConstant, column.count > 1 { return AthenaText.column(column.slice(0, 1)).asConstant(count: column.count) }
    var formatter = AthenaText(column)
    var out = TextColumnBuilder(count: column.count)
    for row in 0..<column.count {
      if formatter.isNull(row) { out.setNull() } else { formatter.append(row: row, to: &out.bytes) }
      out.endRow()
    }
    return out.finish(.varchar)
  }

  /// A column and its children with their views.
  final class Node {
    let column: Column
    let view: ColumnView
    let type: SQLType
    let children: [Node]
    let fieldNames: [String]

    init(_ column: Column) {
      self.column = column
      view = ColumnView(column)
      type = column.type
      children = view.children.map { Node($0) }
      if case .row(let fields) = column.type {
        fieldNames = fields.enumerated().map { $1.name ?? "field\($0)" }
      } else {
        fieldNames = []
      }
    }
  }

  private static func appendNested(_ node: Node, _ row: Int, _ out: inout TextBuffer, _ clock: inout ZoneClock) {
    guard node.view.isValid(row) else { return out.append("null") }
    append(node, node.view.index(row), &out, &clock)
  }

  private static func append(_ node: Node, _ index: Int, _ out: inout TextBuffer, _ clock: inout ZoneClock) {
    let view = node.view
    switch node.type {
    case .unknown: out.append("null")
    case .boolean: if view.pointer(as: UInt8.self)[index] != 0 { out.append("true") } else { out.append("false") }
    case .tinyint: out.append(integer: Int64(view.pointer(as: Int8.self)[index]))
    case .smallint: out.append(integer: Int64(view.pointer(as: Int16.self)[index]))
    case .integer: out.append(integer: Int64(view.pointer(as: Int32.self)[index]))
    case .bigint: out.append(integer: view.pointer(as: Int64.self)[index])
    case .real: out.append(real: view.pointer(as: Float.self)[index])
    case .double: out.append(double: view.pointer(as: Double.self)[index])
    case .decimal(let precision, let scale):
      out.append(decimal: loadDecimal(view.values, index, isShort: precision <= 18), scale: scale)
    case .varchar, .json: out.append(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .char(let length):
      out.append(paddedText: StringView.buffer(at: view.pointer(as: StringView.self) + index), length: length)
    case .varbinary, .sketch: out.append(hexPairs: StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .uuid: out.append(uuid: view.pointer(as: Int128.self)[index])
    case .ipaddress: out.append(ipAddress: view.pointer(as: Int128.self)[index])
    case .color: out.append(text: TerminalColor(value: view.pointer(as: Int32.self)[index]).text)
    case .date: out.append(date: Int(view.pointer(as: Int32.self)[index]))
    case .time(let precision):
      out.append(
        timeOfDay: Int(view.pointer(as: Int64.self)[index]),
        ticksPerSecond: Int(SQLType.ticksPerSecond(precision: precision)), fractionDigits: max(3, precision))
    case .timeTZ(let precision):
      out.append(timeTZ: view.pointer(as: TimestampTZ.self)[index], precision: precision, fractionDigits: max(3, precision))
    case .timestamp(let precision):
      out.append(
        timestamp: view.pointer(as: Int64.self)[index], precision: precision, fractionDigits: max(3, precision))
    case .timestampTZ(let precision):
      out.append(
        timestampTZ: view.pointer(as: TimestampTZ.self)[index], precision: precision,
        fractionDigits: max(3, precision), clock: &clock)
    case .intervalDayToSecond: out.append(dayTimeInterval: view.pointer(as: Int64.self)[index])
    case .intervalYearToMonth: out.append(yearMonthInterval: view.pointer(as: Int32.self)[index])
    case .array:
      let entry = view.pointer(as: ListEntry.self)[index]
      out.append(UInt8(ascii: "["))
      for element in 0..<Int(entry.count) {
        if element > 0 { out.append(", ") }
        appendNested(node.children[0], Int(entry.offset) &+ element, &out, &clock)
      }
      out.append(UInt8(ascii: "]"))
    case .map:
      let entry = view.pointer(as: ListEntry.self)[index]
      out.append(UInt8(ascii: "{"))
      var isFirst = true
      for element in sortedKeys(node, entry) {
        if !isFirst { out.append(", ") }
        isFirst = false
        appendNested(node.children[0], element, &out, &clock)
        out.append(UInt8(ascii: "="))
        appendNested(node.children[1], element, &out, &clock)
      }
      out.append(UInt8(ascii: "}"))
    case .row:
      out.append(UInt8(ascii: "{"))
      for (field, child) in node.children.enumerated() {
        if field > 0 { out.append(", ") }
        out.append(text: node.fieldNames[field])
        out.append(UInt8(ascii: "="))
        appendNested(child, index, &out, &clock)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  /// Maps print in ascending order of keys.
  private static func sortedKeys(_ node: Node, _ entry: ListEntry) -> [Int] {
    let comparer = RowComparer(node.children[0].column)
    return (Int(entry.offset)..<Int(entry.offset) + Int(entry.count)).sorted { comparer.order($0, $1) < 0 }
  }
}

extension TextBuffer {
  /// Hex bytes separated by blanks: `31 32 0a`.
  package mutating func append(hexPairs bytes: UnsafeRawBufferPointer) {
    for (index, byte) in bytes.enumerated() {
      if index > 0 { append(UInt8(ascii: " ")) }
      append(hex: byte)
    }
  }

  @inline(__always)
  mutating func append(hex byte: UInt8, isUpper: Bool = false) {
    for digit in [byte >> 4, byte & 15] {
      append(digit < 10 ? 0x30 &+ digit : (isUpper ? 0x37 : 0x57) &+ digit)
    }
  }

  /// `char(n)` is stored without trailing blanks and printed with them.
  mutating func append(paddedText bytes: UnsafeRawBufferPointer, length: Int) {
    append(bytes)
    let missing = length - UTF8Text.count(bytes)
    if missing > 0 { for _ in 0..<missing { append(0x20) } }
  }

  /// `12151fd2-7586-11e9-8f9e-2a86e4085a59`; the stored number has its top bit flipped.
  package mutating func append(uuid stored: Int128) {
    let bits = UInt128(bitPattern: stored) ^ (1 << 127)
    for index in 0..<16 {
      if index == 4 || index == 6 || index == 8 || index == 10 { append(UInt8(ascii: "-")) }
      append(hex: UInt8(truncatingIfNeeded: bits >> UInt128(120 - index * 8)))
    }
  }

  /// Canonical IPv4 or IPv6 text; IPv4 addresses are stored as `::ffff:a.b.c.d`.
  package mutating func append(ipAddress stored: Int128) {
    let bits = UInt128(bitPattern: stored) ^ (1 << 127)
    if bits >> 32 == 0xFFFF {
      for index in 0..<4 {
        if index > 0 { append(UInt8(ascii: ".")) }
        append(unsigned: UInt64(UInt8(truncatingIfNeeded: bits >> UInt128(24 - index * 8))))
      }
      return
    }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(112 - $0 * 16)) }
    // RFC 5952: the longest run of at least two zero groups is shortened, the first of equals.
    var best = 0..<0
    var start = 0
    for index in 0...8 where index == 8 || groups[index] != 0 {
      if index - start > max(best.count, 1) { best = start..<index }
      start = index + 1
    }
    for (index, group) in groups.enumerated() {
      if best.contains(index) {
        if index == best.lowerBound { append("::") }
        continue
      }
      if index > 0 && index != best.upperBound { append(UInt8(ascii: ":")) }
      append(text: String(group, radix: 16))
    }
  }
}

package import Columnar

/// Writes batches as one JSON object per line, as the Hive and OpenX JSON SerDes read them.
///
/// Numbers, booleans, NULLs and nesting stay what they are; decimals are numbers with all their digits; dates and times are texts;
/// binary is base64; NaN and infinities are the texts `NaN`, `Infinity`, `-Infinity`; map keys become texts.
package final class JSONLinesWriter {
  private let sink: TextSink
  /// What stands before each value: `{"a":`, `,"b":`.
  private let leads: [[UInt8]]
  private var output = JSONOutput()
  private static let flushByteCount = 1 << 18

  package init(_ sink: TextSink, columns: [Field]) throws {
    self.sink = sink
    leads = JSONColumn.leads(columns.map(\.name))
    for column in columns { try Self.check(column.type, column.name) }
  }

  package func write(_ batch: Batch) throws {
    let columns = batch.columns.map { JSONColumn($0) }
    let isEmpty = columns.isEmpty
    for row in 0..<batch.count {
      for (lead, column) in zip(leads, columns) {
        output.append(lead)
        column.write(row, to: &output)
      }
      output.append(isEmpty ? "{}\n" as StaticString : "}\n")
      if output.bytes.count >= Self.flushByteCount { try flush() }
    }
  }

  package func finish() throws {
    try flush()
    try sink.finish()
  }

  package func abort() { sink.abort() }

  private func flush() throws {
    guard !output.bytes.isEmpty else { return }
    try sink.write(output.bytes)
    output.removeAll()
  }

  private static func check(_ type: SQLType, _ name: String) throws(TextFormatError) {
    switch type {
    case .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth:
      throw TextFormatError(.notSupported, "column '\(name)' of type \(type) cannot be written as JSON; cast it to \(type.physical == .string ? "varbinary" : "varchar")")
    default:
      for child in type.children { try check(child, name) }
    }
  }
}

/// One column being written, its view made once per batch.
private final class JSONColumn {
  private let column: Column
  private let type: SQLType
  private let view: ColumnView
  private let children: [JSONColumn]
  /// Rows: what stands before each field.
  private let leads: [[UInt8]]

  init(_ column: Column) {
    self.column = column
    type = column.type
    view = ColumnView(column)
    children = view.children.map { JSONColumn($0) }
    if case .row(let fields) = column.type {
      leads = Self.leads(fields.enumerated().map { index, field in field.name ?? "field\(index)" })
    } else {
      leads = []
    }
  }

  /// `{"a":`, `,"b":` … for the names of an object's members.
  static func leads(_ names: [String]) -> [[UInt8]] {
    names.enumerated().map { index, name in
      var lead = JSONOutput()
      lead.append(index == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
      lead.append(string: name)
      lead.append(UInt8(ascii: ":"))
      return lead.bytes
    }
  }

  func write(_ row: Int, to output: inout JSONOutput) {
    guard view.isValid(row) else { return output.append("null" as StaticString) }
    let index = view.index(row)
    switch type {
    case .boolean, .unknown: output.append(view.pointer(as: UInt8.self)[index] != 0 ? "true" as StaticString : "false")
    case .tinyint: output.append(integer: Int64(view.pointer(as: Int8.self)[index]))
    case .smallint: output.append(integer: Int64(view.pointer(as: Int16.self)[index]))
    case .integer: output.append(integer: Int64(view.pointer(as: Int32.self)[index]))
    case .bigint: output.append(integer: view.pointer(as: Int64.self)[index])
    case .real:
      let value = view.pointer(as: Float.self)[index]
      if value.isFinite { output.append(value.description) } else { output.append(double: Double(value)) }
    case .double: output.append(double: view.pointer(as: Double.self)[index])
    case .decimal(_, let scale): output.append(ValueText.decimal(int128(index), scale: scale))
    case .varchar, .char: output.append(string: StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .json: output.append(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .varbinary:
      output.append(UInt8(ascii: "\""))
      output.append(Base64Coding.encode(StringView.buffer(at: view.pointer(as: StringView.self) + index)))
      output.append(UInt8(ascii: "\""))
    case .date: output.append(string: ValueText.date(view.pointer(as: Int32.self)[index]))
    case .timestamp(let precision):
      output.append(string: ValueText.timestamp(view.pointer(as: Int64.self)[index], precision: precision))
    case .timestampTZ(let precision):
      output.append(string: ValueText.timestamp(view.pointer(as: TimestampTZ.self)[index].instant, precision: precision) + " UTC")
    case .time(let precision):
      output.append(string: ValueText.time(view.pointer(as: Int64.self)[index], precision: precision))
    case .uuid: output.append(string: ValueText.uuid(view.pointer(as: Int128.self)[index]))
    case .array:
      output.append(UInt8(ascii: "["))
      let range = elements(index)
      for element in range {
        if element > range.lowerBound { output.append(UInt8(ascii: ",")) }
        children[0].write(element, to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .map:
      output.append(UInt8(ascii: "{"))
      let range = elements(index)
      for element in range {
        if element > range.lowerBound { output.append(UInt8(ascii: ",")) }
        children[0].writeKey(element, to: &output)
        output.append(UInt8(ascii: ":"))
        children[1].write(element, to: &output)
      }
      output.append(UInt8(ascii: "}"))
    case .row:
      for (lead, child) in zip(leads, children) {
        output.append(lead)
        child.write(index, to: &output)
      }
      output.append(leads.isEmpty ? "{}" as StaticString : "}")
    case .ipaddress, .timeTZ, .sketch, .color, .intervalDayToSecond, .intervalYearToMonth: output.append("null" as StaticString)
    }
  }

  /// A value as the key of an object: a string, whatever it is.
  private func writeKey(_ row: Int, to output: inout JSONOutput) {
    var single = JSONOutput()
    write(row, to: &single)
    if single.bytes.first == UInt8(ascii: "\"") {
      output.append(single.bytes)
    } else {
      single.bytes.withUnsafeBytes { output.append(string: $0) }
    }
  }

  private func elements(_ index: Int) -> Range<Int> {
    let entry = view.pointer(as: ListEntry.self)[index]
    return Int(entry.offset)..<Int(entry.offset) + Int(entry.count)
  }

  private func int128(_ index: Int) -> Int128 {
    type.physical == .int128 ? view.pointer(as: Int128.self)[index] : Int128(view.pointer(as: Int64.self)[index])
  }
}

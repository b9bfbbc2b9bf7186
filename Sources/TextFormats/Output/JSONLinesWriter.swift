package import Columnar
import JSONText

/// Writes batches as one JSON object per line, as the Hive and OpenX JSON SerDes read them.
///
/// Numbers, booleans, NULLs and nesting stay what they are; decimals are numbers with all their digits; dates and times are texts;
/// binary is base64; NaN and infinities are the texts `NaN`, `Infinity`, `-Infinity`; map keys become texts.
package final class JSONLinesWriter {
  private let sink: TextSink
  private let names: [String]
  private var output: [UInt8] = []
  private var writer = JSONWriter()
  private static let flushByteCount = 1 << 18

  package init(_ sink: TextSink, columns: [Field]) throws {
    self.sink = sink
    names = columns.map(\.name)
    for column in columns { try Self.check(column.type, column.name) }
  }

  package func write(_ batch: Batch) throws {
    let columns = batch.columns.map { JSONColumn($0) }
    for row in 0..<batch.count {
      writer.beginObject()
      for (name, column) in zip(names, columns) {
        writer.key(name)
        column.write(row, to: &writer)
      }
      writer.endObject()
      output.append(contentsOf: writer.bytes)
      output.append(0x0A)
      writer.reset()
      if output.count >= Self.flushByteCount { try flush() }
    }
  }

  package func finish() throws {
    try flush()
    try sink.finish()
  }

  package func abort() { sink.abort() }

  private func flush() throws {
    guard !output.isEmpty else { return }
    try sink.write(output)
    output.removeAll(keepingCapacity: true)
  }

  private static func check(_ type: SQLType, _ name: String) throws(TextFormatError) {
    switch type {
    case .ipaddress, .intervalDayToSecond, .intervalYearToMonth:
      throw TextFormatError(.notSupported, "column '\(name)' of type \(type) cannot be written as JSON; cast it to varchar")
    default:
      for child in type.children { try check(child, name) }
    }
  }
}

/// One column being written, its view made once per batch.
private final class JSONColumn {
  private let column: Column
  private let view: ColumnView
  private let children: [JSONColumn]
  private let names: [String]

  init(_ column: Column) {
    self.column = column
    view = ColumnView(column)
    children = view.children.map { JSONColumn($0) }
    if case .row(let fields) = column.type {
      names = fields.enumerated().map { index, field in field.name ?? "field\(index)" }
    } else {
      names = []
    }
  }

  func write(_ row: Int, to writer: inout JSONWriter) {
    guard view.isValid(row) else { return writer.null() }
    let index = view.index(row)
    switch column.type {
    case .boolean, .unknown: writer.boolean(view.pointer(as: UInt8.self)[index] != 0)
    case .tinyint: writer.integer(Int64(view.pointer(as: Int8.self)[index]))
    case .smallint: writer.integer(Int64(view.pointer(as: Int16.self)[index]))
    case .integer: writer.integer(Int64(view.pointer(as: Int32.self)[index]))
    case .bigint: writer.integer(view.pointer(as: Int64.self)[index])
    case .real: writer.float(view.pointer(as: Float.self)[index])
    case .double: writer.double(view.pointer(as: Double.self)[index])
    case .decimal(_, let scale): writer.raw(ValueText.decimal(int128(index), scale: scale))
    case .varchar, .char: writer.string(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .json: writer.raw(StringView.buffer(at: view.pointer(as: StringView.self) + index))
    case .varbinary:
      Base64Coding.encode(StringView.buffer(at: view.pointer(as: StringView.self) + index)).withUnsafeBytes { writer.string($0) }
    case .date: writer.string(ValueText.date(view.pointer(as: Int32.self)[index]))
    case .timestamp(let precision):
      writer.string(ValueText.timestamp(view.pointer(as: Int64.self)[index], precision: precision))
    case .timestampTZ(let precision):
      writer.string(ValueText.timestamp(view.pointer(as: TimestampTZ.self)[index].instant, precision: precision) + " UTC")
    case .time(let precision): writer.string(ValueText.time(view.pointer(as: Int64.self)[index], precision: precision))
    case .uuid: writer.string(ValueText.uuid(view.pointer(as: Int128.self)[index]))
    case .array:
      writer.beginArray()
      for element in elements(index) { children[0].write(element, to: &writer) }
      writer.endArray()
    case .map:
      writer.beginObject()
      for element in elements(index) {
        writer.key(children[0].text(element))
        children[1].write(element, to: &writer)
      }
      writer.endObject()
    case .row:
      writer.beginObject()
      for (name, child) in zip(names, children) {
        writer.key(name)
        child.write(index, to: &writer)
      }
      writer.endObject()
    case .ipaddress, .intervalDayToSecond, .intervalYearToMonth: writer.null()
    }
  }

  /// A value as the key of an object: what it would be as a JSON string.
  private func text(_ row: Int) -> String {
    if column.type.isText, view.isValid(row) {
      return StringView.string(at: view.pointer(as: StringView.self) + view.index(row))
    }
    var single = JSONWriter()
    write(row, to: &single)
    let text = single.text
    return text.hasPrefix("\"") ? String(text.dropFirst().dropLast()) : text
  }

  private func elements(_ index: Int) -> Range<Int> {
    let entry = view.pointer(as: ListEntry.self)[index]
    return Int(entry.offset)..<Int(entry.offset) + Int(entry.count)
  }

  private func int128(_ index: Int) -> Int128 {
    column.type.physical == .int128 ? view.pointer(as: Int128.self)[index] : Int128(view.pointer(as: Int64.self)[index])
  }
}

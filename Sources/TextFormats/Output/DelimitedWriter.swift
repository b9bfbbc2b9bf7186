package import Columnar

/// Writes batches as delimited text. Columns must be text already (cast to varchar): how values look is the casts' business.
package final class DelimitedWriter {
  package struct Options: Sendable {
    package enum Quoting: Sendable {
      /// Values go out as they are, as Hive's text files have them; one that holds a delimiter or line end is refused.
      case never
      /// RFC 4180: only values that need it, and empty texts, which would look like NULL.
      case whenNeeded
      case always
    }

    package var delimiter: UInt8
    package var quoting: Quoting
    package var nullText: [UInt8]
    package var header: [String]?

    package init(delimiter: UInt8, quoting: Quoting, nullText: [UInt8], header: [String]? = nil) {
      self.delimiter = delimiter
      self.quoting = quoting
      self.nullText = nullText
      self.header = header
    }

    /// UNLOAD's TEXTFILE: \001 between fields, `\N` for NULL, no quotes, no header.
    package static func textFile(delimiter: UInt8 = 1) -> Options {
      Options(delimiter: delimiter, quoting: .never, nullText: Array("\\N".utf8))
    }

    package static func csv(header: [String]?) -> Options {
      Options(delimiter: UInt8(ascii: ","), quoting: .whenNeeded, nullText: [], header: header)
    }
  }

  private let sink: TextSink
  private let options: Options
  private var output: [UInt8] = []
  private var rowCount = 0
  private static let flushByteCount = 1 << 18

  package init(_ sink: TextSink, _ options: Options) throws {
    self.sink = sink
    self.options = options
    if let header = options.header {
      for (index, name) in header.enumerated() {
        if index > 0 { output.append(options.delimiter) }
        var name = name
        name.withUTF8 { append(UnsafeRawBufferPointer($0)) }
      }
      output.append(0x0A)
    }
  }

  package func write(_ batch: Batch) throws {
    for column in batch.columns where column.type.physical != .string {
      throw TextFormatError(.badOption, "a column of type \(column.type) must be cast to varchar before it is written as text")
    }
    let views = batch.columns.map(ColumnView.init)
    let delimiter = options.delimiter
    for row in 0..<batch.count {
      for (index, view) in views.enumerated() {
        if index > 0 { output.append(delimiter) }
        if view.isValid(row) {
          let value = StringView.buffer(at: view.pointer(as: StringView.self) + view.index(row))
          if options.quoting == .never { try checkPlain(value) }
          append(value)
        } else {
          output.append(contentsOf: options.nullText)
        }
      }
      output.append(0x0A)
      if output.count >= Self.flushByteCount { try flush() }
    }
    withExtendedLifetime(batch) {}
  }

  /// Writes what is left and makes the object visible.
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

  /// Without quotes such a value would be read back as something else.
  private func checkPlain(_ value: UnsafeRawBufferPointer) throws {
    let delimiter = options.delimiter
    guard value.contains(where: { $0 == delimiter || $0 == 0x0A || $0 == 0x0D }) else { return }
    let shown = String(decoding: value.prefix(60), as: UTF8.self)
    throw TextFormatError(
      .badData,
      "the value '\(shown)' holds the field delimiter or a line end, which text files without quotes cannot hold; use format CSV, JSON or PARQUET, or another field_delimiter"
    )
  }

  private func append(_ value: UnsafeRawBufferPointer) {
    switch options.quoting {
    case .never:
      output.append(contentsOf: value)
    case .always:
      appendQuoted(value)
    case .whenNeeded:
      let delimiter = options.delimiter
      let isNullText = value.elementsEqual(options.nullText)
      if isNullText || value.contains(where: { $0 == delimiter || $0 == UInt8(ascii: "\"") || $0 == 0x0A || $0 == 0x0D }) {
        appendQuoted(value)
      } else {
        output.append(contentsOf: value)
      }
    }
  }

  private func appendQuoted(_ value: UnsafeRawBufferPointer) {
    output.append(UInt8(ascii: "\""))
    for byte in value {
      if byte == UInt8(ascii: "\"") { output.append(byte) }
      output.append(byte)
    }
    output.append(UInt8(ascii: "\""))
  }
}

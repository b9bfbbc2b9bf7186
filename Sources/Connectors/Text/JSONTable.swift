import Columnar
import Compression
import Planner
import SQLSyntax
package import Storage
import TextFormats

extension TextFileTable {
  /// `read_json(path, option => value, ...)`, with DuckDB's options. Columns are those of all files, by name.
  package static func readJSON(_ arguments: NamedArguments, function: String, store: any ObjectStore) async throws -> TextFileTable {
    var arguments = arguments
    let columns = try arguments.columns("columns")
    let isLineDelimited = try Self.layout(&arguments, function)
    let sampleCount = try arguments.count("sample_size") ?? 20_480
    let filesToLookAt = try arguments.count("maximum_sample_files") ?? 32
    let compression = try FileCompression.option(&arguments, function)
    let maySplit = try arguments.boolean("parallel") ?? true
    let splitByteCount = try arguments.count("buffer_size")
    // Files are always joined by name; DuckDB's option is taken so that its scripts run.
    _ = try arguments.boolean("union_by_name")
    _ = try arguments.boolean("auto_detect")
    let pathOptions = try PathColumns.Options(&arguments)
    try arguments.finish()
    let infos = try await FileList.files(arguments.paths, in: store)
    let sources = infos.map { TextSource(store, $0, compression: compression) }
    let found = try JSONInference(
      Array(sources.prefix(max(filesToLookAt, 1))), isLineDelimited: isLineDelimited, sampleCount: max(sampleCount, 1))
    let fields = columns ?? found.columns
    let files = zip(infos, sources).map { info, source in
      var file = TextFile(info, source, .json(found.format), columns: fields)
      file.maySplit = maySplit
      return file
    }
    return TextFileTable(
      files, columns: fields, pathColumns: try PathColumns(infos, pathOptions), splitByteCount: splitByteCount)
  }

  /// The option `format`: nil is found out.
  private static func layout(_ arguments: inout NamedArguments, _ function: String) throws -> Bool? {
    let isLineFunction = function == "read_ndjson"
    guard let name = try arguments.text("format")?.lowercased() else { return isLineFunction ? true : nil }
    switch name {
    case "auto": return isLineFunction ? true : nil
    case "newline_delimited", "nd": return true
    case "unstructured", "array": return false
    default:
      throw SQLError(
        .invalidArguments, "\(function): format '\(name)' is not known",
        hint: "auto, newline_delimited, array and unstructured are")
    }
  }
}

import Columnar
import Compression
import Planner
import SQLSyntax
package import Storage
import TextFormats

extension TextFileTable {
  /// `read_csv(path, option => value, ...)`, with DuckDB's options.
  package static func readCSV(_ arguments: NamedArguments, store: any ObjectStore) async throws -> TextFileTable {
    var arguments = arguments
    let options = try CSVTableOptions(&arguments)
    try arguments.finish()
    let infos = try await FileList.files(arguments.paths, in: store)
    let sources = infos.map { TextSource(store, $0, compression: options.compression) }
    let pathColumns = try PathColumns(infos, options.path)
    var files: [TextFile] = []
    var columns: [Field] = []
    if options.unionByName {
      var union = ColumnUnion()
      for (index, (info, source)) in zip(infos, sources).enumerated() {
        TextSource.announceStarts(of: sources, behind: index)
        let found = try CSVInference(source, options.inference)
        union.add(found.columns, untyped: found.untypedColumns)
        files.append(options.file(info, source, found))
      }
      columns = union.columns
      for index in files.indices { files[index].columns = union.typed(files[index].columns) }
    } else {
      let found = try CSVInference(sources[0], options.inference)
      columns = found.columns
      for (index, (info, source)) in zip(infos, sources).enumerated() {
        var file = options.file(info, source, found)
        file.isReadByHeader = index > 0 && found.hasHeader && !options.namesAreGiven
        files.append(file)
      }
    }
    return TextFileTable(files, columns: columns, pathColumns: pathColumns, splitByteCount: options.splitByteCount)
  }
}

/// The options of `read_csv` (DuckDB's, as of version 1.5).
private struct CSVTableOptions {
  var inference = CSVInference.Options()
  var path: PathColumns.Options
  var compression: FileCompression?
  var unionByName: Bool
  var namesAreGiven: Bool
  var maySplit: Bool
  var splitByteCount: Int?

  init(_ arguments: inout NamedArguments) throws {
    if let delimiter = try arguments.character("delim", "sep", "delimiter") {
      guard let delimiter else { throw SQLError(.invalidArguments, "read_csv: option 'delim' must be one ASCII character") }
      inference.delimiter = delimiter
    }
    if let quote = try arguments.character("quote") { inference.quote = quote }
    if let escape = try arguments.character("escape") { inference.escape = escape }
    inference.hasHeader = try arguments.boolean("header")
    if let texts = try arguments.texts("nullstr", "null", "nullstring") { inference.nullTexts = texts.map { Array($0.utf8) } }
    inference.padsMissingFields = try arguments.boolean("null_padding") ?? false
    inference.skippedLines = try arguments.count("skip") ?? 0
    inference.columns = try arguments.columns("columns")
    for column in try arguments.columns("types", "dtypes", "column_types") ?? [] { inference.types[column.name.lowercased()] = column.type }
    inference.names = try arguments.texts("names", "column_names")
    inference.allVarchar = try arguments.boolean("all_varchar") ?? false
    if let count = try arguments.count("sample_size") { inference.sampleCount = max(count, 1) }
    namesAreGiven = inference.columns != nil || inference.names != nil
    unionByName = try arguments.boolean("union_by_name") ?? false
    if try arguments.boolean("auto_detect") == false, inference.columns == nil {
      throw SQLError(.invalidArguments, "read_csv: auto_detect => false needs the option columns")
    }
    compression = try FileCompression.option(&arguments, "read_csv")
    maySplit = try arguments.boolean("parallel") ?? true
    splitByteCount = try arguments.count("buffer_size")
    path = try PathColumns.Options(&arguments)
  }

  func file(_ info: ObjectInfo, _ source: TextSource, _ found: CSVInference) -> TextFile {
    var file = TextFile(info, source, .delimited(found.format), columns: found.columns)
    file.hasHeader = found.hasHeader
    file.maySplit = maySplit
    return file
  }
}

extension FileCompression {
  /// The option `compression`: nil is told by each file's name.
  static func option(_ arguments: inout NamedArguments, _ function: String) throws -> FileCompression? {
    guard let name = try arguments.text("compression")?.lowercased(), name != "auto", name != "auto_detect" else { return nil }
    guard let compression = FileCompression(rawValue: name == "uncompressed" ? "none" : name) else {
      throw SQLError(
        .invalidArguments, "\(function): compression '\(name)' is not known",
        hint: "auto, none, gzip, zstd, snappy and lz4 are")
    }
    return compression
  }
}

/// The columns of several files together, by name; types that hold the values of all.
struct ColumnUnion {
  private(set) var columns: [Field] = []
  private var isUntyped: [Bool] = []
  private var places: [String: Int] = [:]

  /// - Parameter untyped: columns without any value in their file, whose type says nothing.
  mutating func add(_ more: [Field], untyped: Set<Int> = []) {
    for (index, field) in more.enumerated() {
      let key = field.name.lowercased()
      guard let place = places[key] else {
        places[key] = columns.count
        columns.append(field)
        isUntyped.append(untyped.contains(index))
        continue
      }
      if untyped.contains(index) { continue }
      columns[place].type = isUntyped[place] ? field.type : Self.joined(columns[place].type, field.type)
      isUntyped[place] = false
    }
  }

  /// The columns of one file under the names and types of the union.
  func typed(_ fields: [Field]) -> [Field] {
    fields.map { field in places[field.name.lowercased()].map { columns[$0] } ?? field }
  }

  private static func joined(_ left: SQLType, _ right: SQLType) -> SQLType {
    switch (left, right) {
    case _ where left == right: left
    case (.bigint, .double), (.double, .bigint): .double
    case (.date, .timestamp), (.timestamp, .date): .timestamp(precision: 6)
    default: .varchar
    }
  }
}

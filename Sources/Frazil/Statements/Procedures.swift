import Catalogs
import Columnar
import Connectors
import Iceberg
import Planner
import SQLSyntax
import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// CALL: procedures over tables, with Spark's names and arguments, and Trino's where it has the same one.
extension StatementRunner {
  func runCall(_ call: CallStatement, range: SourceRange) async throws -> StatementResult {
    let parts = call.name.parts.map(\.folded)
    guard parts.count == 2 || parts.count == 3, parts[parts.count - 2] == "system" else {
      throw SQLError(
        .procedureNotFound, "Procedure '\(call.name.folded)' is not registered", range: call.name.range,
        hint: "Procedures are called as system.name(…).")
    }
    let arguments = try ProcedureArguments(call, binder: Binder(relations: ResolvedRelations(), settings: binderSettings()))
    switch parts[parts.count - 1] {
    case "register_table": return try await registerTable(arguments)
    case "unregister_table": return try await unregisterTable(arguments)
    case let name:
      throw SQLError(
        .procedureNotFound, "Procedure 'system.\(name)' is not registered", range: call.name.range,
        hint: Suggestion.hint(for: name, among: ["register_table", "unregister_table"]))
    }
  }

  /// `register_table(table, metadata_file)`, or Trino's `(schema_name, table_name, table_location [, metadata_file_name])`.
  private func registerTable(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let isTrinos = arguments.isNamed("schema_name") || arguments.positionalCount > 2
    let name: [String]
    var place: ProcedureArguments.Text
    if isTrinos {
      let values = try arguments.texts(["schema_name", "table_name", "table_location", "metadata_file_name"], required: 3)
      name = [values[0], values[1]].compactMap { $0?.value.lowercased() }
      place = try arguments.require(values[2], "table_location")
      if let file = values[3] { place.value = Location(place.value).appending("metadata/" + file.value).text }
    } else {
      let values = try arguments.texts(["table", "metadata_file"], required: 2)
      name = try arguments.require(values[0], "table").value.lowercased().split(separator: ".").map(String.init)
      place = try arguments.require(values[1], "metadata_file")
    }
    let (database, table) = try tablePlace(name, arguments.range)
    return try await located(place.range) {
      _ = try await catalog.database(database)
      let file = try await MetadataDiscovery.currentMetadata(at: Location(absolute(place.value)), in: engine.store)
      let metadata = try await TableMetadata.load(file, from: engine.store)
      try await CatalogPointer(catalog, database: database, table: table, description: metadata.properties["comment"])
        .create(at: file, metadata)
      let summary = metadata.currentSnapshot?.summary
      return textResult(
        ["current_snapshot_id", "total_records_count", "total_data_files_count"],
        [[metadata.currentSnapshotID.map { "\($0)" }, summary?["total-records"], summary?["total-data-files"]]])
    }
  }

  /// Trino's `unregister_table(schema_name, table_name)`: the entry goes, the files stay.
  private func unregisterTable(_ arguments: ProcedureArguments) async throws -> StatementResult {
    let values = try arguments.texts(["schema_name", "table_name"], required: 2)
    let (database, table) = try tablePlace([values[0], values[1]].compactMap { $0?.value.lowercased() }, arguments.range)
    return try await located(arguments.range) {
      guard try await catalog.table(table, in: database).isIceberg else {
        throw SQLError(.notSupported, "'\(database).\(table)' is not an Iceberg table", range: arguments.range)
      }
      try await catalog.dropTable(table, in: database)
      return StatementResult()
    }
  }

  private func tablePlace(_ parts: [String], _ range: SourceRange) throws(SQLError) -> (database: String, table: String) {
    switch parts.count {
    case 1: return (session.database, parts[0])
    case 2: return (parts[0], parts[1])
    case 3 where parts[0] == Engine.catalogName: return (parts[1], parts[2])
    default: throw SQLError(.invalidProcedureArgument, "'\(parts.joined(separator: "."))' does not name a table", range: range)
    }
  }

  /// A relative path would mean something else in the next process; one that a mount takes is left alone.
  private func absolute(_ path: String) -> String {
    guard Location(path).scheme == nil, !path.hasPrefix("/"), access(path, F_OK) == 0, let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return Location(String(cString: folder)).appending(Location(path).canonicalText).text
  }
}

/// The arguments of a CALL, by name or by position.
struct ProcedureArguments {
  struct Text {
    var value: String
    var range: SourceRange
  }

  private var positional: [(value: Scalar, range: SourceRange)] = []
  private var named: [String: (value: Scalar, range: SourceRange)] = [:]
  let range: SourceRange

  init(_ call: CallStatement, binder: Binder) throws(SQLError) {
    range = call.name.range
    for argument in call.arguments {
      let value = (try binder.evaluateConstant(argument.value), argument.value.range)
      if let name = argument.name {
        guard named.updateValue(value, forKey: name.folded) == nil else {
          throw SQLError(.invalidProcedureArgument, "Argument '\(name.folded)' is given twice", range: name.range)
        }
      } else {
        positional.append(value)
      }
    }
    guard positional.isEmpty || named.isEmpty else {
      throw SQLError(.invalidProcedureArgument, "Named and positional arguments cannot be mixed", range: range)
    }
  }

  var positionalCount: Int { positional.count }
  func isNamed(_ name: String) -> Bool { named[name] != nil }

  /// The values of text arguments in the order of `names`; the first `required` must be there.
  func texts(_ names: [String], required: Int) throws(SQLError) -> [Text?] {
    if let extra = named.first(where: { !names.contains($0.key) }) {
      throw SQLError(
        .invalidProcedureArgument, "Unknown argument: \(extra.key)", range: extra.value.range, hint: Suggestion.hint(for: extra.key, among: names))
    }
    guard positional.count <= names.count else {
      throw SQLError(.invalidProcedureArgument, "Too many arguments: \(names.joined(separator: ", ")) are known", range: range)
    }
    var result: [Text?] = []
    for (index, name) in names.enumerated() {
      let argument = index < positional.count ? positional[index] : named[name]
      guard let argument, !argument.value.isNull else {
        if index < required { throw SQLError(.invalidProcedureArgument, "Required argument '\(name)' is missing", range: range) }
        result.append(nil)
        continue
      }
      guard let text = argument.value.text else {
        throw SQLError(.invalidProcedureArgument, "Argument '\(name)' must be text", range: argument.range)
      }
      result.append(Text(value: text, range: argument.range))
    }
    return result
  }

  func require(_ text: Text?, _ name: String) throws(SQLError) -> Text {
    guard let text else { throw SQLError(.invalidProcedureArgument, "Required argument '\(name)' is missing", range: range) }
    return text
  }
}

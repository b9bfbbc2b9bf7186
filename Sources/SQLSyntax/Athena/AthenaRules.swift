/// What Athena refuses and this engine accepts: its limits, and statements, syntax and functions that only this engine, Trino or Spark has.
///
/// The one place where strict mode (`--strict-athena`, `SET SESSION strict_athena = true`) is written down. `docs/strict-mode.md` lists the table, and a
/// test holds the two together. Most rules look at the syntax of a statement alone; those without a check need types or table states, and the
/// places that have these ask for them by name.
///
/// Nothing is refused on a guess: a rule names the pages of the Athena user guide that it comes from. Where a page gives the grammar of a statement, what
/// the grammar lacks is refused.
package struct AthenaRule: Sendable {
  package var name: String
  /// One sentence: what is refused.
  package var refuses: String
  /// The pages of Athena's user guide that say so, by their titles.
  package var source: String
  /// Finds what the rule refuses in a statement. Nil: checked where names and types are known.
  var check: (@Sendable (Subject) throws(SQLError) -> Void)?

  struct Subject: Sendable {
    let statement: Statement
    let pieces: SyntaxPieces
  }

  /// Refuses a statement that Athena would refuse, and what is prepared or explained by it.
  package static func check(_ statement: Statement) throws(SQLError) {
    let subject = Subject(statement: statement, pieces: SyntaxPieces(statement))
    for rule in all { try rule.check?(subject) }
    switch statement.kind {
    case .prepare(_, let inner): try check(inner)
    case .explain(let explain): try check(explain.statement)
    default: break
    }
  }

  /// All that rules find in a statement, instead of the first; for scripts that are sent elsewhere as a whole.
  ///
  /// - Parameter names: only these rules; nil is all.
  package static func violations(_ statement: Statement, rules names: Set<String>? = nil) -> [SQLError] {
    let subject = Subject(statement: statement, pieces: SyntaxPieces(statement))
    var found: [SQLError] = []
    for rule in all where names?.contains(rule.name) ?? true {
      do throws(SQLError) { try rule.check?(subject) } catch { found.append(error) }
    }
    switch statement.kind {
    case .prepare(_, let inner): found += violations(inner, rules: names)
    case .explain(let explain): found += violations(explain.statement, rules: names)
    default: break
    }
    return found
  }

  /// The error of strict mode.
  package static func refused(_ code: ErrorCode = .syntaxError, _ message: String, at range: SourceRange) -> SQLError {
    SQLError(
      code, message, range: range, hint: "Strict mode refuses what Athena refuses; SET SESSION strict_athena = false switches it off.")
  }
}

extension AthenaRule {
  package static let all: [AthenaRule] = limits + statements + definitions + queries + bound

  // MARK: Limits

  private static let limits: [AthenaRule] = [
    AthenaRule("query-length", "a statement of more than 262,144 bytes", source: "Service Quotas") { (subject: Subject) throws(SQLError) in
      let range = subject.statement.range
      let count = range.upperBound - range.lowerBound
      if count > 262_144 {
        throw refused(.queryTextTooLarge, "Query text length (\(count)) exceeds the maximum length (262144)", at: SourceRange(range.lowerBound, range.lowerBound))
      }
    },
    AthenaRule("function-arguments", "more than 127 arguments of a function", source: "Considerations and limitations") { (subject: Subject) throws(SQLError) in
      for expression in subject.pieces.expressions {
        guard case .function(let call) = expression.kind, call.arguments.count > 127 else { continue }
        throw refused(.tooManyArguments, "Too many arguments for function call \(call.name.folded)()", at: call.name.range)
      }
    },
    AthenaRule("array-elements", "more than 254 elements in ARRAY[...]", source: "Considerations and limitations") { (subject: Subject) throws(SQLError) in
      for expression in subject.pieces.expressions {
        guard case .array(let elements) = expression.kind, elements.count > 254 else { continue }
        throw refused(.tooManyArguments, "Too many arguments for array constructor", at: expression.range)
      }
    },
    AthenaRule("row-limit", "a LIMIT of more than 2,147,483,647 rows", source: "Considerations and limitations") { (subject: Subject) throws(SQLError) in
      for query in subject.pieces.queries {
        guard case .rows(let count)? = query.limit, case .number(let number) = count.kind else { continue }
        if let value = number.int64Value, value <= Int64(Int32.max) { continue }
        throw refused(.invalidLimitClause, "Invalid limit: \(number.text)", at: count.range)
      }
    },
    AthenaRule("buckets", "more than 100 buckets, in CLUSTERED BY or bucket_count", source: "Service Quotas") { (subject: Subject) throws(SQLError) in
      guard case .createTable(let create) = subject.statement.kind else { return }
      if let buckets = create.buckets, buckets.bucketCount.int64Value ?? 101 > 100 {
        throw refused(.invalidTableProperty, "The number of buckets must not exceed 100", at: create.range(ofClause: "CLUSTERED BY") ?? create.name.range)
      }
      for property in create.withProperties where property.name.folded == "bucket_count" {
        if case .number(let number) = property.value.kind, number.int64Value ?? 101 > 100 {
          throw refused(.invalidTableProperty, "The number of buckets must not exceed 100", at: property.value.range)
        }
      }
    },
  ]

  // MARK: Statements

  private static let statements: [AthenaRule] = [
    AthenaRule(
      "statements",
      "CALL, USE, TRUNCATE TABLE, COMMENT ON, CREATE TABLE LIKE, ALTER VIEW, SET TIME ZONE, transactions, ANALYZE, REFRESH TABLE, DESCRIBE INPUT | OUTPUT | DATABASE, SHOW STATS, SHOW CREATE SCHEMA, SHOW TABLE EXTENDED, SHOW ROLES | GRANTS", source: "Unsupported DDL; Considerations and limitations; DML queries, functions, and operators"
    ) { (subject: Subject) throws(SQLError) in
      switch subject.statement.kind {
      // SET SESSION and SHOW SESSION stay: they switch strict mode itself.
      case .call, .use, .truncate, .comment, .createTableLike, .alterView, .setTimeZone, .startTransaction, .commit, .rollback, .describeInput,
        .describeOutput, .describeSchema, .analyze, .refresh:
        throw refused("Queries of this type are not supported", at: subject.statement.range)
      case .show(let show):
        switch show {
        case .statistics, .createSchema, .tableExtended, .roles, .roleGrants, .grants:
          throw refused("Queries of this type are not supported", at: subject.statement.range)
        case .catalogs, .schemas, .tables, .views, .columns, .createTable, .createView, .tableProperties, .partitions, .functions, .session: return
        }
      default: return
      }
    },
    AthenaRule("prepare", "PREPARE of anything but SELECT, CREATE TABLE AS, INSERT and UNLOAD", source: "PREPARE") { (subject: Subject) throws(SQLError) in
      guard case .prepare(_, let inner) = subject.statement.kind else { return }
      switch inner.kind {
      case .query, .insert, .unload: return
      case .createTable(let create) where create.query != nil: return
      default: throw refused("Queries of this type are not supported", at: inner.range)
      }
    },
    AthenaRule("insert-overwrite", "INSERT OVERWRITE, and INSERT INTO ... PARTITION (Spark)", source: "INSERT INTO") { (subject: Subject) throws(SQLError) in
      guard case .insert(let insert) = subject.statement.kind else { return }
      if insert.isOverwrite { throw unexpected("OVERWRITE", at: subject.statement.range) }
      if let partition = insert.partition { throw unexpected("PARTITION", at: partition.range) }
    },
    AthenaRule("row-change-alias", "an alias of the target in UPDATE and DELETE", source: "UPDATE; DELETE") { (subject: Subject) throws(SQLError) in
      switch subject.statement.kind {
      case .update(let update): if let alias = update.alias { throw unexpected(alias.spelling, at: alias.range) }
      case .delete(let delete): if let alias = delete.alias { throw unexpected(alias.spelling, at: alias.range) }
      default: return
      }
    },
    AthenaRule(
      "merge-clauses", "Spark's UPDATE SET *, INSERT * and WHEN NOT MATCHED BY SOURCE, and names of the target's columns with the target's name before them", source: "MERGE INTO"
    ) { (subject: Subject) throws(SQLError) in
      guard case .merge(let merge) = subject.statement.kind else { return }
      for clause in merge.clauses {
        if clause.match == .notMatchedBySource { throw unexpected("BY", at: clause.range) }
        switch clause.action {
        case .updateAll, .insertAll: throw unexpected("*", at: clause.range)
        case .update(let assignments):
          for assignment in assignments where !assignment.target.isSimple { throw unexpected(".", at: assignment.target.range) }
        case .insert(let columns, _): for column in columns where !column.isSimple { throw unexpected(".", at: column.range) }
        case .delete: break
        }
      }
    },
    AthenaRule("update-target", "names of columns with the table's name before them in UPDATE SET", source: "UPDATE") { (subject: Subject) throws(SQLError) in
      guard case .update(let update) = subject.statement.kind else { return }
      for assignment in update.assignments where !assignment.target.isSimple { throw unexpected(".", at: assignment.target.range) }
    },
  ]

  // MARK: Definitions

  private static let definitions: [AthenaRule] = [
    AthenaRule("replace-table", "CREATE OR REPLACE TABLE and REPLACE TABLE", source: "CREATE TABLE; CREATE TABLE AS") { (subject: Subject) throws(SQLError) in
      guard case .createTable(let create) = subject.statement.kind, create.mode != .create else { return }
      throw refused("Queries of this type are not supported", at: subject.statement.range)
    },
    AthenaRule("using", "Spark's USING and OPTIONS in CREATE TABLE", source: "Creating Iceberg tables") { (subject: Subject) throws(SQLError) in
      guard case .createTable(let create) = subject.statement.kind else { return }
      if let provider = create.provider { throw unexpected("USING", at: provider.range) }
      if let range = create.range(ofClause: "OPTIONS") { throw unexpected("OPTIONS", at: range) }
    },
    AthenaRule("table-location", "CREATE TABLE of an Iceberg table without LOCATION", source: "Creating Iceberg tables") { (subject: Subject) throws(SQLError) in
      guard case .createTable(let create) = subject.statement.kind, create.query == nil, create.provider == nil, create.location == nil,
        create.isIceberg
      else { return }
      throw refused(
        .invalidTableProperty, "No location was specified for table. An S3 location must be specified", at: create.name.range)
    },
    AthenaRule("column-constraints", "NOT NULL and DEFAULT of columns", source: "Creating Iceberg tables") { (subject: Subject) throws(SQLError) in
      func check(_ isNotNull: Bool, _ hasDefault: Bool, _ range: SourceRange) throws(SQLError) {
        if isNotNull { throw unexpected("NOT", at: range) }
        if hasDefault { throw unexpected("DEFAULT", at: range) }
      }
      switch subject.statement.kind {
      case .createTable(let create):
        for column in create.columns { try check(column.isNotNull, column.defaultValue != nil, column.range) }
      case .alterTable(let alter):
        guard case .addColumns(let columns, _) = alter.action else { return }
        for column in columns { try check(column.isNotNull, column.defaultValue != nil, column.range) }
      default: return
      }
    },
    AthenaRule("iceberg-types", "types of an Iceberg table's columns that Athena's DDL does not have: tinyint, smallint, char, time, uuid, timestamp with time zone", source: "Supported data types for Iceberg tables") {
      (subject: Subject) throws(SQLError) in
      guard case .createTable(let create) = subject.statement.kind, create.isIceberg else { return }
      for column in create.columns {
        guard let name = column.type.namesNoAthenaType else { continue }
        throw refused(.notSupported, "Type not supported for Iceberg: \(name)", at: column.type.range)
      }
    },
    AthenaRule("partition-transforms", "Spark's years, months, days, hours, date, date_hour and truncation or bucketing under other names", source: "Creating Iceberg tables") {
      (subject: Subject) throws(SQLError) in
      guard case .createTable(let create) = subject.statement.kind else { return }
      for case .term(let term) in create.partitionedBy {
        guard let transform = term.transform, !["year", "month", "day", "hour", "bucket", "truncate"].contains(transform.folded) else { continue }
        throw refused(.invalidTableProperty, "Unknown partition transform: \(transform.folded)", at: transform.range)
      }
    },
    AthenaRule("table-properties", "properties of Iceberg tables that are not in Athena's list, among them format-version", source: "Creating Iceberg tables") {
      (subject: Subject) throws(SQLError) in
      var keys: [(name: String, range: SourceRange)] = []
      switch subject.statement.kind {
      case .createTable(let create) where create.isIceberg:
        keys = create.tableProperties.map { ($0.key.value, $0.range) }
        keys += create.withProperties.map { ($0.name.folded, $0.range) }
      // Properties of Hive tables are free; which kind the table is of shows only when it runs, and Athena's own names are fine for both.
      case .alterTable(let alter):
        guard case .setProperties(let entries) = alter.action else { return }
        keys = entries.filter { $0.key.value.contains("write.") || $0.key.value.lowercased() == "format-version" }.map { ($0.key.value, $0.range) }
      default: return
      }
      for key in keys where !athenaProperties.contains(key.name.lowercased()) {
        throw refused(.invalidTableProperty, "Unsupported table property key: \(key.name)", at: key.range)
      }
    },
    AthenaRule(
      "alter-table",
      "ALTER TABLE but ADD COLUMNS (...), DROP COLUMN c, CHANGE COLUMN, REPLACE COLUMNS, RENAME TO, SET | UNSET TBLPROPERTIES, SET LOCATION and Hive's partitions; so no evolution of partitions, no sort orders, branches and tags", source: "Evolving Iceberg table schema; Unsupported DDL"
    ) { (subject: Subject) throws(SQLError) in
      guard case .alterTable(let alter) = subject.statement.kind else { return }
      let range = subject.statement.range
      if alter.ifExists { throw unexpected("IF", at: range) }
      switch alter.action {
      case .addColumns(let columns, let ifNotExists):
        if ifNotExists { throw unexpected("IF", at: range) }
        for column in columns where !column.path.isSimple || column.position != nil || !column.isInParentheses {
          throw unexpected(column.path.spelling, at: column.range)
        }
      case .dropColumns(let columns, let ifExists):
        if ifExists { throw unexpected("IF", at: range) }
        if columns.count > 1 { throw unexpected("COLUMNS", at: range) }
        for column in columns where !column.isSimple { throw unexpected(".", at: column.range) }
      case .changeColumn(let change): if !change.column.isSimple { throw unexpected(".", at: change.column.range) }
      case .rename, .replaceColumns, .setProperties, .unsetProperties, .setLocation, .addPartitions, .dropPartitions, .renamePartition: return
      case .renameColumn, .alterColumn, .setExpressionProperties, .setSerDeProperties, .addPartitionField, .dropPartitionField,
        .replacePartitionField, .writeOrder, .setIdentifierFields, .dropIdentifierFields, .createReference, .dropReference, .execute:
        throw refused("Queries of this type are not supported", at: range)
      }
    },
    AthenaRule("alter-schema", "ALTER DATABASE but SET DBPROPERTIES", source: "ALTER DATABASE SET DBPROPERTIES") { (subject: Subject) throws(SQLError) in
      guard case .alterSchema(_, let action) = subject.statement.kind else { return }
      if case .setProperties = action { return }
      throw refused("Queries of this type are not supported", at: subject.statement.range)
    },
    AthenaRule("drop-purge", "DROP TABLE ... PURGE", source: "DROP TABLE") { (subject: Subject) throws(SQLError) in
      guard case .dropTable(let drop) = subject.statement.kind, drop.isPurge else { return }
      throw unexpected("PURGE", at: subject.statement.range)
    },
    AthenaRule("view-clauses", "IF NOT EXISTS and TBLPROPERTIES in CREATE VIEW", source: "CREATE VIEW") { (subject: Subject) throws(SQLError) in
      guard case .createView(let create) = subject.statement.kind else { return }
      if create.ifNotExists { throw unexpected("IF", at: subject.statement.range) }
      if let property = create.tableProperties.first { throw unexpected("TBLPROPERTIES", at: property.range) }
    },
  ]

  // MARK: Queries

  private static let queries: [AthenaRule] = [
    AthenaRule("pivot", "PIVOT and UNPIVOT", source: "SELECT") { (subject: Subject) throws(SQLError) in
      for relation in subject.pieces.relations {
        switch relation.kind {
        case .pivot(_, let pivot): throw unexpected("PIVOT", at: pivot.range)
        case .unpivot(_, let unpivot): throw unexpected("UNPIVOT", at: unpivot.range)
        default: continue
        }
      }
    },
    AthenaRule("qualify", "QUALIFY", source: "SELECT") { (subject: Subject) throws(SQLError) in
      for select in subject.pieces.selects { if let qualify = select.qualify { throw unexpected("QUALIFY", at: qualify.range) } }
    },
    AthenaRule("file-functions", "read_csv, read_parquet and the other table functions", source: "Functions in Athena") { (subject: Subject) throws(SQLError) in
      for relation in subject.pieces.relations {
        guard case .function(let call) = relation.kind else { continue }
        if !call.isWrapped { throw unexpected("(", at: call.name.range) }
        guard call.name.folded != "sequence", call.name.folded != "exclude_columns" else { continue }
        throw refused(.functionNotFound, "Table function '\(call.name.folded)' not registered", at: call.name.range)
      }
    },
    AthenaRule("table-names", "Spark's names of metadata tables and branches with more than three parts", source: "Querying Iceberg table metadata") { (subject: Subject) throws(SQLError) in
      for relation in subject.pieces.relations {
        guard case .table(let reference) = relation.kind, reference.name.parts.count > 3 else { continue }
        throw refused("Too many dots in table name: \(reference.name.spelling)", at: reference.name.range)
      }
    },
    AthenaRule("spark-time-travel", "time travel without FOR (Spark), FOR SYSTEM_TIME and FOR SYSTEM_VERSION", source: "Time travel and version travel queries") { (subject: Subject) throws(SQLError) in
      for relation in subject.pieces.relations {
        guard case .table(let reference) = relation.kind, let clause = reference.timeTravel, clause.isSparkForm || clause.hasSystemName else { continue }
        throw unexpected((clause.hasSystemName ? "SYSTEM_" : "") + (clause.unit == .version ? "VERSION" : clause.hasSystemName ? "TIME" : "TIMESTAMP"), at: clause.range)
      }
    },
    AthenaRule("named-parameters", "parameters by name, :name", source: "Using prepared statements") { (subject: Subject) throws(SQLError) in
      for expression in subject.pieces.expressions {
        guard case .parameter(.named) = expression.kind else { continue }
        throw unexpected(":", at: expression.range)
      }
    },
    AthenaRule(
      "functions", "functions that Athena does not have: \(foreignFunctions.sorted().joined(separator: ", ")), and Spark's date_add(date, days), to_date(text) and to_timestamp(text), which with a pattern take Teradata's", source: "Functions in Athena"
    ) { (subject: Subject) throws(SQLError) in
      for expression in subject.pieces.expressions {
        guard case .function(let call) = expression.kind, call.name.isSimple else { continue }
        let name = call.name.folded
        // Trino has these names with one argument more.
        let isShort = name == "date_add" && call.arguments.count == 2 || (name == "to_date" || name == "to_timestamp") && call.arguments.count == 1
        if foreignFunctions.contains(name) || isShort {
          throw refused(.functionNotFound, "Function '\(name)' not registered", at: call.name.range)
        }
        // Where the two kinds of patterns differ, Trino knows Teradata's only.
        if name == "to_date" || name == "to_timestamp" || name == "to_char", call.arguments.count == 2,
          case .string(let pattern) = call.arguments[1].value.kind, pattern != pattern.lowercased()
        {
          throw refused(.invalidFunctionArgument, "Failed to tokenize string [\(pattern)]", at: call.arguments[1].value.range)
        }
      }
    },
  ]

  // MARK: Rules that need types or tables

  package static let textAsTime = "text-as-time"
  package static let usingColumns = "using-columns"
  package static let timestampPrecision = "timestamp-precision"
  package static let optimizeFilter = "optimize-where"
  package static let partitionCount = "partitions"
  package static let recursionDepth = "recursion"
  /// Rounds of a recursive query.
  package static let mostRecursions = 10

  private static let bound: [AthenaRule] = [
    AthenaRule(textAsTime, "text compared with a date or timestamp: day < '2026-01-31'", source: "Engine version 3, breaking changes", nil),
    AthenaRule(usingColumns, "columns of JOIN ... USING (k) with a table's name before them: a.k", source: "SELECT", nil),
    AthenaRule(
      timestampPrecision, "timestamps of another precision than 6 in CREATE TABLE AS of an Iceberg table, and timestamps with time zone there", source: "Engine version 3, breaking changes", nil),
    AthenaRule(optimizeFilter, "OPTIMIZE ... WHERE on columns that the table is not partitioned by", source: "OPTIMIZE", nil),
    AthenaRule(
      recursionDepth, "WITH RECURSIVE that goes deeper than \(mostRecursions) rounds", source: "SELECT", nil),
    AthenaRule(
      partitionCount, "INSERT, CREATE TABLE AS and UNLOAD of rows for more than 100 partitions", source: "Using CTAS and INSERT INTO to work around the 100 partition limit", nil),
  ]

  /// In the words of Trino's parser, without the list of what it expected.
  private static func unexpected(_ text: String, at range: SourceRange) -> SQLError {
    refused("mismatched input '\(text)'", at: range)
  }

  private static func refused(_ message: String, at range: SourceRange) -> SQLError { refused(.syntaxError, message, at: range) }

  private init(_ name: String, _ refuses: String, source: String, _ check: (@Sendable (Subject) throws(SQLError) -> Void)?) {
    self.name = name
    self.refuses = refuses
    self.source = source
    self.check = check
  }

  /// Names that scripts for Spark and DuckDB use, and Trino's newest ones, which Athena does not know.
  private static let foreignFunctions: Set<String> = [
    "aggregate", "array_contains", "array_size", "arrays_zip", "char_length", "character_length", "cosine_distance", "date_sub", "dot_product",
    "euclidean_distance", "get_json_object", "hex", "initcap", "lcase", "map_from_arrays", "overlay", "parse_json", "size", "sort_array",
    "string_agg", "t_cdf", "t_pdf", "title_case", "to_json_string", "ucase", "unhex",
  ]

  /// - Source: Athena user guide, "Creating Iceberg tables"; CTAS has the last five besides.
  private static let athenaProperties: Set<String> = [
    "table_type", "format", "write_compression", "compression_level", "write_target_data_file_size_bytes",
    "optimize_rewrite_min_data_file_size_bytes", "optimize_rewrite_max_data_file_size_bytes", "optimize_rewrite_data_file_threshold",
    "optimize_rewrite_delete_file_threshold", "vacuum_min_snapshots_to_keep", "vacuum_max_snapshot_age_seconds",
    "vacuum_max_metadata_files_to_keep", "write_data_path_enabled", "is_external", "location", "partitioning", "parquet_compression",
    "orc_compression",
  ]
}

extension CreateTableStatement {
  /// By its properties; `USING iceberg` has a rule of its own.
  fileprivate var isIceberg: Bool {
    tableProperties.contains { $0.key.value.lowercased() == "table_type" && $0.value.value.lowercased() == "iceberg" }
      || withProperties.contains { property in
        guard property.name.folded == "table_type", case .string(let value) = property.value.kind else { return false }
        return value.lowercased() == "iceberg"
      }
  }
}

extension TypeName {
  /// What it is called, when columns of Iceberg tables cannot have it on Athena.
  fileprivate var namesNoAthenaType: String? {
    switch kind {
    case .named(let name, _): ["tinyint", "smallint", "char", "uuid", "time", "timestamptz", "timestamp_ltz", "timestamp_ntz"].contains(name.folded) ? name.folded : nil
    case .time: "time"
    case .timestamp(_, let withTimeZone): withTimeZone ? "timestamp with time zone" : nil
    case .array(let element): element.namesNoAthenaType
    case .map(let key, let value): key.namesNoAthenaType ?? value.namesNoAthenaType
    case .row(let fields): fields.lazy.compactMap(\.type.namesNoAthenaType).first
    case .interval: nil
    }
  }
}

import Foundation
import TestSupport
import Testing

/// The executable as a script sees it: arguments, streams, exit codes.
@Suite(.enabled(if: Binary.path != nil, "FRAZIL_BINARY is not set"))
struct CommandLineTests {
  let folder = ScratchFolder()

  private func run(_ arguments: String..., input: String? = nil, environment: [String: String] = [:]) throws -> Binary.Outcome {
    try Binary.run(arguments, in: folder, input: input, environment: environment)
  }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(filePath: folder.path + "/" + name))
  }

  @Test("-c runs statements, results go to standard output, and nothing is left behind")
  func statements() throws {
    let outcome = try run("--format", "csv", "-c", "SELECT 1 AS a; SELECT 'x' AS b")
    #expect(outcome.status == 0 && outcome.errors == "")
    #expect(outcome.output == "\"a\"\n\"1\"\n\"b\"\n\"x\"\n")
    #expect(Corpus.files(below: folder.path, suffix: "").isEmpty)
  }

  @Test("several -c run one after the other in one session")
  func severalStatements() throws {
    let outcome = try run("--format", "csv", "-c", "PREPARE p FROM SELECT ? AS a", "-c", "EXECUTE p USING 5")
    #expect(outcome.status == 0 && outcome.output == "\"a\"\n\"5\"\n")
  }

  @Test("--timer says how long each statement took, on standard error")
  func timer() throws {
    let outcome = try run("--timer", "--format", "csv", "-c", "SELECT 1 AS a; SELECT 2 AS a")
    #expect(outcome.status == 0 && outcome.output == "\"a\"\n\"1\"\n\"a\"\n\"2\"\n")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("time: ") && $0.hasSuffix(" s") }, "\(outcome.errors)")
  }

  @Test("--timer says what Athena would bill: 10 MB at least for what scans, nothing for definitions, failures and what scans nothing")
  func scanCost() throws {
    try write("a,b\n1,2\n", to: "t.csv")
    let outcome = try run(
      "--timer", "--format", "csv", "-c", "SELECT 1 AS x; CREATE DATABASE d; SELECT * FROM read_csv('t.csv'); SELECT count(*) AS n FROM read_csv('t.csv')", "-c",
      "SELECT nothing FROM read_csv('t.csv')")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 10, "\(outcome.errors)")
    #expect(lines[0].hasSuffix(" s") && lines[1].hasSuffix(" s"))
    for index in [2, 3] { #expect(lines[index].hasSuffix("; scanned 8 B, which Athena would bill as 10 MB ($0.00005)"), "\(lines[index])") }
    #expect(lines.contains("in all: scanned 16 B, which Athena would bill as 20 MB ($0.00010) at $5 per TB"), "\(outcome.errors)")
  }

  @Test("run takes scripts in order, and standard input is a script")
  func scripts() throws {
    try write("CREATE VIEW v AS SELECT 1 AS a;\n-- the end\n", to: "one.sql")
    try write("SELECT * FROM v", to: "two.sql")
    let files = try run("--format", "csv", "run", "one.sql", "two.sql")
    #expect(files.status == 0 && files.output == "\"a\"\n\"1\"\n")
    let input = try run("--format", "csv", input: "SELECT a + 1 AS b FROM v;\n")
    #expect(input.status == 0 && input.output == "\"b\"\n\"2\"\n")
    let dash = try run("--format", "csv", "run", "-", input: "SELECT 3 AS c")
    #expect(dash.status == 0 && dash.output == "\"c\"\n\"3\"\n")
    let empty = try run(input: "")
    #expect(empty.status == 0 && empty.output == "" && empty.errors == "")
  }

  @Test("a failed statement ends the script with exit code 1: what stands before it has run, the rest has not")
  func failure() throws {
    try write("SELECT 1 AS a;\n\nSELECT x\nFROM (VALUES 1) t (y);\nSELECT 3 AS c;", to: "s.sql")
    let outcome = try run("--format", "csv", "run", "s.sql")
    #expect(outcome.status == 1 && outcome.output == "\"a\"\n\"1\"\n")
    #expect(
      outcome.errors == """
        s.sql: COLUMN_NOT_FOUND: Column 'x' cannot be resolved
          line 3, column 8
          3 | SELECT x
            |        ^
          hint: did you mean 'y'?

        """)
    let syntax = try run("--format", "csv", "-c", "SELECT 1 AS a; SELEC 2; SELECT 3")
    #expect(syntax.status == 1 && syntax.output == "\"a\"\n\"1\"\n")
    #expect(syntax.errors.contains("line 1, column 16\n  1 | SELECT 1 AS a; SELEC 2; SELECT 3\n    |                ^^^^^\n"))
    #expect(syntax.errors.contains("hint: did you mean 'SELECT'?"))
    // The second file is not begun.
    try write("CREATE DATABASE never", to: "t.sql")
    #expect(try run("run", "s.sql", "t.sql").status == 1)
    #expect(try run("--format", "csv", "-c", "SHOW DATABASES LIKE 'never'").output == "\"database_name\"\n")
  }

  @Test("the caret stands under the mistake behind tabs and wide characters")
  func carets() throws {
    let outcome = try run("-c", "SELECT\t'日本',\tfoo")
    #expect(outcome.errors.contains("  1 | SELECT '日本', foo\n    |                ^^^\n"))
  }

  @Test(
    "wrong usage is exit code 2 and says what is wrong",
    arguments: [
      (["--formt", "csv"], "did you mean '--format'"), (["--format", "xml", "-c", "SELECT 1"], "table, csv, json, jsonl, markdown"),
      (["--format"], "--format needs a value"), (["--param", "x", "-c", "SELECT 1"], "NAME=VALUE"),
      (["--param", "2=x", "-c", "SELECT 1"], "out of order"), (["--param", "a=1", "--param", "A=2", "-c", "SELECT 1"], "given twice"), (["run"], "at least one script"), (["run", "none.sql"], "cannot read none.sql"),
      (["nonsense"], "unknown command 'nonsense'"), (["some.sql"], "frazil run some.sql"), (["--workers", "0", "-c", "SELECT 1"], "--workers"),
      (["--workers", "x"], "--workers"), (["--memory", "4 bananas"], "--memory"), (["--cache-size", "x"], "--cache-size"), (["--mount", "s3://x"], "FROM=TO"), (["--mount", "=x"], "FROM=TO"),
      (["--on", "spark", "-c", "SELECT 1"], "athena or trino=URL"), (["--workgroup", "w", "-c", "SELECT 1"], "--on athena"), (["--on", "athena", "check", "t"], "does not go with --on"),
      (["--now", "yesterday"], "--now"), (["--seed", "-1"], "--seed"), (["-c", "SELECT 1", "run", "x.sql"], "do not go together"),
      (["--output", "no/such/folder/x.csv", "-c", "SELECT 1"], "cannot write no/such/folder/x.csv"),
    ] as [([String], String)])
  func usage(arguments: [String], message: String) throws {
    let outcome = try Binary.run(arguments, in: folder)
    #expect(outcome.status == 2 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("frazil: ") && outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test("a script that is no UTF-8 is refused, rather than read as other text")
  func encoding() throws {
    try Data([0x53, 0x45, 0x4C, 0x45, 0x43, 0x54, 0x20, 0x27, 0xE9, 0x27]).write(to: URL(filePath: folder.path + "/latin.sql"))
    let outcome = try run("run", "latin.sql")
    #expect(outcome.status == 2 && outcome.errors.contains("cannot read latin.sql: it is not UTF-8 text"))
  }

  @Test("a missing script is found before the first one runs")
  func missingScript() throws {
    try write("CREATE DATABASE made", to: "one.sql")
    #expect(try run("run", "one.sql", "none.sql").status == 2)
    #expect(try run("--format", "csv", "-c", "SHOW DATABASES LIKE 'made'").output == "\"database_name\"\n")
  }

  @Test("--help and --version go to standard output; the help names every option of the README")
  func help() throws {
    let version = try run("--version")
    #expect(version.status == 0 && version.output.hasPrefix("frazil ") && version.errors == "")
    let help = try run("--help")
    let short = try run("-h")
    #expect(help.status == 0 && help.errors == "" && help.output == short.output)
    let options = ReadmeTests.readme.matches(of: /`(--[a-z-]+)/).map { String($0.output.1) }
    #expect(options.count > 8)
    for option in options { #expect(help.output.contains("  \(option) "), "\(option)") }
  }

  @Test("what was changed is said on standard error, also what UNLOAD wrote")
  func rowsAffected() throws {
    let outcome = try run(
      "-c", "CREATE TABLE t (id int) TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO t VALUES (1), (2); INSERT INTO t SELECT * FROM t WHERE id > 1")
    #expect(outcome.status == 0 && outcome.output == "")
    #expect(outcome.errors == "rows affected: 2\nrows affected: 1\n")
  }

  @Test("--warehouse, else FRAZIL_WAREHOUSE, else ./warehouse; --database is where names are looked up")
  func warehouse() throws {
    let create = "CREATE DATABASE d; CREATE VIEW d.v AS SELECT 1 AS x"
    for (options, environment, place) in [
      ([], [:], "warehouse"), (["--warehouse", "a"], ["FRAZIL_WAREHOUSE": "b"], "a"), (["--warehouse=c"], [:], "c"),
      ([], ["FRAZIL_WAREHOUSE": "b"], "b"), ([], ["FRAZIL_WAREHOUSE": ""], nil),
    ] as [([String], [String: String], String?)] {
      guard let place else {
        #expect(try Binary.run(options + ["--format", "csv", "--database", "d", "-c", "SELECT x FROM v"], in: folder, environment: environment).output == "\"x\"\n\"1\"\n")
        continue
      }
      #expect(try Binary.run(options + ["-c", create], in: folder, environment: environment).status == 0)
      #expect(FileManager.default.fileExists(atPath: "\(folder.path)/\(place)/.frazil/catalog/d/v.table.json"))
    }
  }

  @Test("--output takes all results of a script, without anything else")
  func output() throws {
    let outcome = try run("--format", "jsonl", "--output", "out.jsonl", "-c", "SELECT 1 AS a; SELECT 2 AS a")
    #expect(outcome.status == 0 && outcome.output == "" && outcome.errors == "")
    #expect(try String(contentsOfFile: folder.path + "/out.jsonl", encoding: .utf8) == "{\"a\":1}\n{\"a\":2}\n")
  }

  @Test("--now and --seed: two runs write the same")
  func fixed() throws {
    let sql = "SELECT current_timestamp AS t, random() AS r, uuid() AS u"
    let first = try run("--now", "2026-01-31T12:00:00Z", "--seed", "7", "--format", "csv", "-c", sql)
    let second = try run("--now", "2026-01-31 12:00:00", "--seed", "7", "--format", "csv", "-c", sql)
    #expect(first.status == 0 && first.output == second.output)
    #expect(first.output.contains("2026-01-31 12:00:00.000 UTC"))
    let other = try run("--now", "2026-01-31T12:00:00Z", "--seed", "8", "--format", "csv", "-c", sql)
    #expect(other.output != first.output)
  }

  @Test("--param gives :name and ? their values: literals are what they say, all else is text")
  func parameters() throws {
    let named = try run(
      "--format", "csv", "--param", "n=41", "--param", "Day=DATE '2026-01-31'", "--param", "s=it's = text", "--param", "d=2026-01-31", "-c",
      "SELECT :n + 1, :day, :s, typeof(:d)")
    #expect(named.output.hasSuffix("\n\"42\",\"2026-01-31\",\"it's = text\",\"varchar\"\n"), "\(named)")
    try write("SELECT ? || '!' AS a;\nSELECT 1 AS b;", to: "p.sql")
    #expect(try run("--format", "csv", "--param", "1=hello", "run", "p.sql").output == "\"a\"\n\"hello!\"\n\"b\"\n\"1\"\n")
    let missing = try run("-c", "SELECT ?")
    #expect(missing.status == 1 && missing.errors.contains("Incorrect number of parameters: expected 1 but found 0"))
    let unknown = try run("--param", "name=1", "-c", "SELECT :nam")
    #expect(unknown.status == 1 && unknown.errors.contains("Parameter ':nam' has no value"))
    #expect(try run("--param", "n=1", "-c", "CREATE VIEW v AS SELECT :n AS n").errors.contains("Parameter ':n' has no value"))
  }

  @Test("--strict-athena refuses what Athena refuses, and nothing without it")
  func strict() throws {
    #expect(try run("-c", "USE default").status == 0)
    let refused = try run("--strict-athena", "-c", "USE default")
    #expect(refused.status == 1 && refused.errors.contains("Queries of this type are not supported"))
  }

  @Test("--mount and --offline: metadata keeps its URIs, files lie in folders")
  func mounts() throws {
    let create = "CREATE TABLE t (id int) LOCATION 's3://lake/db/t' TBLPROPERTIES ('table_type' = 'ICEBERG'); INSERT INTO t VALUES (1)"
    #expect(try run("--mount", "s3://lake/db=local", "-c", create).status == 0)
    #expect(FileManager.default.fileExists(atPath: folder.path + "/local/t/metadata"))
    let location = try run("--format", "csv", "--mount", "s3://lake=.", "-c", "SELECT 1 AS x FROM t")
    #expect(location.status == 1 && location.errors.contains("s3://lake/db/t/metadata"))
    let path = try run("--mount", "s3://lake/db=local", "--format", "csv", "-c", "SELECT DISTINCT substr(\"$path\", 1, 15) AS p FROM t")
    #expect(path.output == "\"p\"\n\"s3://lake/db/t/\"\n")
    #expect(try run("--offline", "mirror", "--warehouse", "w2", "-c", create).status == 0)
    #expect(FileManager.default.fileExists(atPath: folder.path + "/mirror/lake/db/t/metadata"))
    let remote = try run("-c", "SELECT 1 AS x FROM t")
    #expect(remote.status == 1 && remote.errors.contains("s3://lake"))
  }

  @Test("sizes of --memory: units of 1,024, in any case", arguments: ["1", "512mb", "4GB", "4 GiB", "1.5g", "64k"])
  func memory(size: String) throws {
    #expect(try run("--memory", size, "--version").status == 0)
    #expect(try run("--memory", size, "-c", "CREATE SCHEMA IF NOT EXISTS d").status == 0)
  }
}

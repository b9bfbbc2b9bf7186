import Columnar
import Parquet
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("Other readers read what is written")
struct OtherReadersTests {
  /// Computes the values of `RoundTripTests.value` again and compares them with what pyarrow and DuckDB read.
  static let script = #"""
    import sys, datetime as dt, decimal, math, uuid
    import pyarrow.parquet as pq
    import duckdb
    D = decimal.Decimal
    decimal.getcontext().prec = 50
    epoch = dt.datetime(1970, 1, 1)
    utc = epoch.replace(tzinfo=dt.timezone.utc)
    def micros(n): return epoch + dt.timedelta(microseconds=n)
    def text(i): return "value %d" % (i % 7) + (" with a long tail é" if i % 11 == 0 else "")
    def number(i):
        u = ((i << 100) | i) & (2**128 - 1)
        return uuid.UUID(int=u)
    def row(i):
        return {
            "b": i % 3 == 0, "i8": i % 200 - 100, "i16": i % 60000 - 30000, "i32": i * 1000 - 5, "i64": i * 10**10 - 7,
            "f": i / 4, "d": i / 3, "d5": D(i % 99999) / 100, "d15": D(i * 1000001) / 1000,
            "d38": (D(i) * 10**21 - 1) / 10**10, "s": text(i), "bin": bytes([i & 255, i >> 8 & 255, 255]), "u": number(i),
            "day": dt.date(1970, 1, 1) + dt.timedelta(days=i - 1000),
            "t": (epoch + dt.timedelta(microseconds=i * 1000003 % 86400000000)).time(), "ts": micros(i * 1000003 - 77),
            "tsn": i * 1000000007 - 5, "tz": i * 60000001,
            "l": [None if i % 6 == 5 and k == 1 else k * i for k in range(i % 4)],
            "m": {"k%d" % k: i + k for k in range(i % 3)},
            "r": {"x": None if i % 4 == 1 else i, "y": None if i % 5 == 2 else ["e%d" % (k + i) for k in range(i % 3)]},
        }
    def norm(name, v):
        if v is None: return None
        if name == "m": return dict(v)
        if name == "u": return uuid.UUID(bytes=v) if isinstance(v, bytes) else v
        if name == "tz": return v if isinstance(v, int) else (v - utc) // dt.timedelta(microseconds=1)
        return v
    rows, has_nulls = int(sys.argv[1]), sys.argv[2] == "true"
    for path in sys.argv[3:]:
        wanted = {k: [] for k in row(0)}
        for i in range(rows):
            for k, v in row(i).items(): wanted[k].append(None if has_nulls and i % 5 == 0 else v)
        table = pq.read_table(path)
        file = pq.ParquetFile(path)
        assert file.metadata.num_rows == rows
        con = duckdb.connect()
        con.execute("set timezone='UTC'")
        for name in wanted:
            got = [norm(name, v) for v in (table.column(name).cast("int64") if name == "tsn" else table.column(name)).to_pylist()]
            for i, (a, b) in enumerate(zip(got, wanted[name])):
                assert a == b, (path, "pyarrow", name, i, a, b)
            shown = {"tsn": "epoch_ns(tsn)", "tz": "epoch_us(tz)"}.get(name, name)
            got = [norm(name, r[0]) for r in con.execute(f"select {shown} from '{path}'").fetchall()]
            for i, (a, b) in enumerate(zip(got, wanted[name])):
                assert a == b, (path, "duckdb", name, i, a, b)
        for value in (5, 700):
            n = con.execute(f"select count(*) from '{path}' where i32 = {value * 1000 - 5}").fetchall()[0][0]
            assert n == (0 if has_nulls else 1), (path, value, n)
    print("agreed")
    """#

  private static func run(_ python: String, _ arguments: [String]) -> String {
    let quoted = ([python] + arguments).map { "'" + $0 + "'" }.joined(separator: " ")
    guard let pipe = popen(quoted + " 2>&1", "r") else { return "no process" }
    var output = ""
    var line = [CChar](repeating: 0, count: 4_096)
    while fgets(&line, Int32(line.count), pipe) != nil {
      output += String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    pclose(pipe)
    return output
  }

  private static func save(_ bytes: [UInt8], _ path: String) {
    guard let file = fopen(path, "wb") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  @Test("pyarrow and DuckDB agree on every type and every way of writing")
  func agreement() throws {
    guard let python = Corpus.python() else { return }
    var template = Array("/tmp/frazil-parquet-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer { _ = Self.run("/bin/rm", ["-r", folder]) }
    Self.save(Array(Self.script.utf8), folder + "/check.py")
    for hasNulls in [false, true] {
      var paths: [String] = []
      for (index, variant) in RoundTripTests.variants().enumerated() {
        var options = variant.1
        options.bloomFilterPaths = ["i32", "s", "u"]
        let (sink, _) = try RoundTripTests.write(1_500, hasNulls: hasNulls, options)
        paths.append("\(folder)/\(index).parquet")
        Self.save(sink.bytes, paths[index])
      }
      let output = Self.run(python, [folder + "/check.py", "1500", "\(hasNulls)"] + paths)
      #expect(output == "agreed\n")
    }
  }
}

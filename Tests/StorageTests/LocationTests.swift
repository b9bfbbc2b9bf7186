import Storage
import Testing

struct LocationTests {
  @Test(
    "a location is cut into scheme, authority and path, and keeps its text",
    arguments: [
      ("s3://bucket/a/b.parquet", "s3", "bucket", "a/b.parquet"),
      ("S3A://bucket//a%20b", "s3a", "bucket", "/a%20b"),
      ("hdfs://host:1/x", "hdfs", "host:1", "x"),
      ("s3://bucket", "s3", "bucket", ""),
      ("file:///tmp/x", "file", "", "tmp/x"),
      ("file:/tmp/x", "file", "", "tmp/x"),
    ])
  func parts(text: String, scheme: String, authority: String, path: String) {
    let location = Location(text)
    #expect(location.scheme == scheme)
    #expect(location.authority == authority)
    #expect(location.path == path)
    #expect(location.text == text)
  }

  @Test("plain paths, also with a colon inside, are local")
  func plainPaths() {
    #expect(Location("a:b/c").scheme == nil)
    #expect(Location("c:x").localPath == "c:x")
    #expect(Location("/tmp/x").localPath == "/tmp/x")
    #expect(Location("file:///tmp/x").localPath == "/tmp/x")
    #expect(Location("file://localhost/tmp/x").localPath == "/tmp/x")
    #expect(Location("s3://b/x").localPath == nil)
    #expect(Location("").localPath == "")
  }

  @Test("parents stop at the bucket and at the root")
  func parents() {
    #expect(Location("s3://b/x/y").parent?.text == "s3://b/x")
    #expect(Location("s3://b/x").parent?.text == "s3://b/")
    #expect(Location("s3://b/").parent == nil)
    #expect(Location("/x/").parent?.text == "/")
    #expect(Location("/").parent == nil)
    #expect(Location("x.csv").parent?.text == ".")
    #expect(Location("file:/x/y").parent?.text == "file:/x")
    #expect(Location("/a/b/c").name == "c")
  }

  @Test("appending puts one slash between")
  func appending() {
    #expect(Location("s3://b/x/").appending("y").text == "s3://b/x/y")
    #expect(Location("s3://b/x").appending("/y").text == "s3://b/x/y")
    #expect(Location("/").appending("y").text == "/y")
  }

  @Test("a relative path is found across spellings of one scheme, and only below a segment border")
  func relative() {
    #expect(Location("s3a://b/t/data/x").relativePath(below: Location("s3://b/t")) == "data/x")
    #expect(Location("file:///t/x").relativePath(below: Location("/t/")) == "x")
    #expect(Location("s3://b/table2/x").relativePath(below: Location("s3://b/table")) == nil)
    #expect(Location("s3://b/t").relativePath(below: Location("s3://b/t")) == nil)
  }

  @Test(
    "mounts replace the longest prefix that ends at a segment border",
    arguments: [
      ("s3://bucket/x/a", "/m/x/a"), ("s3a://bucket/x/a", "/m/x/a"), ("s3://bucket/x", "/m/x"),
      ("s3://bucket/xy/a", "/all/bucket/xy/a"), ("s3://bucket/x/deep/a", "/deep/a"), ("s3://other/k//j", "/all/other/k//j"),
      ("hdfs://host:1/x/y", "/h/y"), ("data/persistent/t/m.json", "/p/m.json"), ("/test-warehouse/t", "/w/t"),
      ("file:///test-warehouse/t", "/w/t"), ("./data/persistent/t/m", "/p/m"),
    ])
  func mounts(from: String, to: String) throws {
    var table = MountTable()
    table.mountOffline("/all")
    try table.mount(option: "s3://bucket/x/=/m/x")
    try table.mount(option: "s3://bucket/x/deep=/deep")
    try table.mount(option: "hdfs://host:1/x=/h/")
    try table.mount(option: "data/persistent/t=/p")
    try table.mount(option: "/test-warehouse=/w")
    #expect(try table.resolve(Location(from))?.text == to)
  }

  @Test("what no mount catches stays where it is, and '..' does not leave a mount")
  func mountBorders() throws {
    var table = MountTable()
    try table.mount(option: "s3://b/day=1=/m")
    #expect(try table.resolve(Location("s3://b/day=1/x"))?.text == "/m/x")
    #expect(try table.resolve(Location("gs://b/day=1/x")) == nil)
    #expect(throws: StorageError.self) { try table.resolve(Location("s3://b/day=1/../../etc/passwd")) }
    for bad in ["", "x", "=x", "x="] {
      #expect(throws: StorageError.self) { try table.mount(option: bad) }
    }
  }
}

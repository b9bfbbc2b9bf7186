import Frazil
import Testing

/// `frazil.toml` and `--catalog`.
@Suite struct ConfigurationFileTests {
  @Test("catalogs are read from tables and dotted keys, with strings of both kinds, numbers and booleans")
  func reading() throws {
    let file = try ConfigurationFile(
      """
      # what is used
      default-catalog = "Lake"   # and why

      [catalogs.Lake]
      type = 'REST'
      uri = "https://host/\\u0061\\t\\"x\\""
      header.X-Team = 'a # b'
      rest-page-size = 100
      "rest.sigv4-enabled" = true

      [catalogs]
      near.type = "local"
      near.warehouse = ''
      """, path: "f.toml")
    #expect(file.defaultCatalog == "Lake")
    #expect(
      file.catalogs == [
        CatalogConfiguration(
          name: "lake", type: "rest",
          properties: ["uri": "https://host/a\t\"x\"", "header.X-Team": "a # b", "rest-page-size": "100", "rest.sigv4-enabled": "true"]),
        CatalogConfiguration(name: "near", type: "local", properties: ["warehouse": ""]),
      ])
  }

  @Test("the cache is named in the file, and options come first")
  func cache() throws {
    let file = try ConfigurationFile("cache = '/var/cache/x'\ncache-size = \"20GB\"", path: "f.toml")
    var configuration = Configuration()
    file.complete(&configuration)
    #expect(configuration.cacheDirectory == "/var/cache/x")
    #expect(configuration.cacheSize == 20 << 30)
    configuration.cacheDirectory = "/other"
    file.complete(&configuration)
    #expect(configuration.cacheDirectory == "/other")
  }

  @Test(
    "mistakes are told with file and line, and without what may be a secret",
    arguments: [
      ("[catalogs.a]\ntype = \"rest\"\ntoken = [\"s3cret\"]", "f.toml, line 3"), ("x = 1", "f.toml, line 1: 'x'"), ("cache-size = 'much'", "f.toml, line 1: cache-size"), ("\n[a", "line 2"), ("a b = 1", "line 1"),
      ("[catalogs.a]\ntoken = \"s3cret", "line 2"), ("[catalogs.a]\ntoken = \"s3cret\" x", "line 2"), ("[catalogs.a]\ntoken = \"\\q\"", "line 2"),
      ("[catalogs.a]\ntoken = s3cret", "line 2"), ("[catalogs.a]\n[catalogs.a]", "line 2"), ("[catalogs.a]\ntype = 'x'\ntype = 'x'", "line 3"),
      ("[[catalogs]]", "line 1"), ("[catalogs.a]\ntoken = \"\"\"s3cret\"\"\"", "line 2"), ("[catalogs.a]\nuri = 'x'", "'a' has no type"), ("= 1", "line 1"),
      ("a =", "line 1"), ("[catalogs.a]\nx = \"\\uD800\"", "line 2"), ("[catalogs.a]\nx = nan", "line 2"),
    ])
  func mistakes(text: String, wanted: String) throws {
    let error = #expect(throws: SQLError.self) { try ConfigurationFile(text, path: "f.toml") }
    let message = error?.message ?? ""
    #expect(message.contains(wanted) && !message.contains("s3cret"), "\(message)")
  }

  @Test("what is said nearer counts, catalog by catalog")
  func nearer() throws {
    var configuration = Configuration()
    configuration.catalogs = [try CatalogConfiguration(option: "a=local,warehouse=/option")]
    try ConfigurationFile("default-catalog = 'b'\n[catalogs]\na.type = 'local'\na.warehouse = '/near'\nb.type = 'local'\nb.warehouse = '/b'", path: "near")
      .complete(&configuration)
    try ConfigurationFile("default-catalog = 'a'\n[catalogs.b]\ntype = 'rest'\n[catalogs.c]\ntype = 'local'\nwarehouse = '/c'", path: "far")
      .complete(&configuration)
    #expect(configuration.defaultCatalog == "b")
    #expect(configuration.catalogs.map { $0.properties["warehouse"] } == ["/option", "/b", "/c"])
  }

  @Test("an option's values may hold commas and equal signs")
  func option() throws {
    let catalog = try CatalogConfiguration(option: "Lake=REST,uri=http://h?a=b,scope=one two,three,token=x=y==")
    #expect(catalog.name == "lake" && catalog.type == "rest")
    #expect(catalog.properties == ["uri": "http://h?a=b", "scope": "one two,three", "token": "x=y=="])
    for text in ["", "lake", "lake=rest,uri", "lake=rest,=x"] { #expect(throws: SQLError.self) { try CatalogConfiguration(option: text) } }
  }

  @Test("a variable that is not set is missed when its catalog is used, at once for the default one")
  func missingVariable() async throws {
    var configuration = Configuration()
    configuration.catalogs = [try CatalogConfiguration(option: "a=rest,uri=http://h,token=${NO_SUCH_VARIABLE_HERE}")]
    let session = try Engine(configuration).makeSession()
    _ = try await session.run("SELECT 1")
    let used = await #expect(throws: SQLError.self) { try await session.run("SHOW DATABASES IN a") }
    #expect(used?.message.contains("NO_SUCH_VARIABLE_HERE, which is not set") == true)
    configuration.defaultCatalog = "a"
    let standard = #expect(throws: SQLError.self) { try Engine(configuration) }
    #expect(standard?.message.contains("NO_SUCH_VARIABLE_HERE") == true)
  }

  @Test(
    "catalogs that cannot be are refused before anything runs",
    arguments: [
      ("local=local,warehouse=/x", "cannot be called 'local'"), ("awsdatacatalog=rest,uri=http://x", "cannot be called"), ("a=oracle,x=y", "'oracle'"),
      ("a=rest", "needs uri"), ("a=rest,uri=host", "is no URL"), ("a=rest,uri=http://h,tokn=s3cret", "no property 'tokn'"),
      ("a=glue,endpoint=nowhere", "is no URL"), ("a=local", "needs warehouse"),
    ])
  func refused(option: String, wanted: String) throws {
    var configuration = Configuration()
    configuration.catalogs = [try CatalogConfiguration(option: option)]
    let error = #expect(throws: SQLError.self) { try Engine(configuration) }
    #expect(error?.message.contains(wanted) == true && error?.message.contains("s3cret") == false, "\(error?.message ?? "")")
  }
}

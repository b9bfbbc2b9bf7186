import Testing

/// Modules are floors of a house: a module imports what its row allows, and nothing else.
@Suite struct LayerTests {
  /// Module, its floor in ARCHITECTURE.md, and the modules of ours that it may import.
  ///
  /// The compiler refuses cycles, but lets a module import what it reaches only through others; this table does not.
  static let modules: [(name: String, floor: Int, imports: Set<String>)] = [
    ("SQLSyntax", 0, []),
    ("Columnar", 0, []),
    ("Compression", 0, []),
    ("JSONText", 0, []),
    ("Digests", 0, []),
    ("Storage", 0, ["Compression", "Digests", "JSONText"]),
    ("Avro", 1, ["Columnar", "Compression", "JSONText"]),
    ("Parquet", 1, ["Columnar", "Compression", "Storage"]),
    ("TextFormats", 1, ["Columnar", "Compression", "JSONText", "Storage"]),
    ("Functions", 1, ["Columnar", "Digests", "JSONText"]),
    ("Iceberg", 2, ["Avro", "Parquet", "Compression", "JSONText", "Storage", "Columnar"]),
    ("Planner", 2, ["SQLSyntax", "Functions", "Columnar"]),
    ("Catalogs", 3, ["Iceberg", "JSONText", "Storage", "Columnar"]),
    ("Execution", 3, ["Planner", "Functions", "Columnar", "Compression", "SQLSyntax", "Storage"]),
    (
      "Connectors", 3,
      [
        "Planner", "Catalogs", "Iceberg", "Parquet", "Avro", "TextFormats", "JSONText", "Storage", "Compression", "Functions",
        "Columnar", "SQLSyntax",
      ]
    ),
    (
      "Frazil", 4,
      [
        "Execution", "Connectors", "Planner", "Catalogs", "Iceberg", "Parquet", "Avro", "TextFormats", "JSONText", "Storage",
        "Compression", "Functions", "Columnar", "SQLSyntax",
      ]
    ),
    ("CLI", 5, ["Frazil"]),
  ]
  /// Neighbours on one floor of which the first may import the second.
  static let neighbours: [(String, String)] = [("Storage", "Compression"), ("Storage", "Digests"), ("Storage", "JSONText"), ("Connectors", "Catalogs")]
  /// C modules and the system's, and who may import them. Foundation is in nobody's row: it would double the executable.
  static let system: [String: Set<String>] = [
    "CZlib": ["Compression"], "CZstd": ["Compression"], "CSnappy": ["Compression"], "CLZ4": ["Compression"],
    "CIntrinsics": ["Columnar", "Digests", "Functions", "Storage", "Parquet", "TextFormats", "Execution"], "CPCRE2": ["Functions"], "CStemmer": ["Functions"],
    "CCurl": ["Storage"], "CSQLite": ["Catalogs"],
  ]
  static let anywhere: Set<String> = ["Swift", "Glibc", "Darwin", "Synchronization"]

  @Test("the table goes down: no module may import one of its own floor or above, listed neighbours aside")
  func tableGoesDown() {
    let floors = Dictionary(uniqueKeysWithValues: Self.modules.map { ($0.name, $0.floor) })
    for module in Self.modules {
      for imported in module.imports {
        let isNeighbour = Self.neighbours.contains { $0 == (module.name, imported) }
        #expect((floors[imported] ?? .max) < module.floor || isNeighbour, "\(module.name) imports \(imported)")
      }
    }
  }

  @Test("every module imports only what its row allows", arguments: modules.map(\.name))
  func imports(module: String) throws {
    let allowed = try #require(Self.modules.first { $0.name == module }).imports
    let files = ProjectFiles.swift(in: "Sources/\(module)/")
    #expect(!files.isEmpty)
    for path in files {
      for name in ProjectFiles.lines(path).compactMap(Self.importedModule) {
        let isAllowed = allowed.contains(name) || Self.anywhere.contains(name) || Self.system[name]?.contains(module) == true
        #expect(isAllowed, "\(path) imports \(name)")
      }
    }
  }

  @Test("ARCHITECTURE.md has every module on its floor, and no other")
  func architecture() {
    var floors: [String: Int] = [:]
    for line in ProjectFiles.lines("ARCHITECTURE.md") where line.hasPrefix("| ") {
      let cells = line.split(separator: "|").map { $0.filter { $0 != " " } }
      guard cells.count == 3, let floor = Int(cells[0]) else { continue }
      for name in cells[1].split(separator: ",") {
        floors[String(name.filter { $0 != "`" }).replacing("Sources/", with: "")] = floor
      }
    }
    #expect(floors == Dictionary(uniqueKeysWithValues: Self.modules.map { ($0.name, $0.floor) }))
  }

  @Test("Package.swift gives a module nothing that its row does not allow")
  func package() throws {
    let text = ProjectFiles.text("Package.swift")
    for module in Self.modules {
      let row = try #require(text.firstMatch(of: try Regex("(?:module\\(\\s*|name: )\"\(module.name)\",\\s*(?:dependencies: )?\\[([^\\]]*)\\]")))
      let names = row.output[1].substring?.split { !$0.isLetter && !$0.isNumber }.map(String.init) ?? []
      for name in names {
        #expect(module.imports.contains(name) || Self.system[name]?.contains(module.name) == true, "\(module.name) depends on \(name)")
      }
    }
  }

  /// The module that a line imports: `@_exported public import Name` and its shorter forms.
  private static func importedModule(_ line: String) -> String? {
    guard ProjectFiles.contains(Array(line.utf8), "import ") else { return nil }
    var words = line.split(separator: " ")
    while let word = words.first, word.hasPrefix("@") || ["public", "package", "internal", "private", "fileprivate"].contains(word) {
      words.removeFirst()
    }
    guard words.first == "import", words.count > 1 else { return nil }
    let name = ["struct", "class", "enum", "func"].contains(words[1]) && words.count > 2 ? words[2] : words[1]
    return String(name.prefix { $0 != "." })
  }
}

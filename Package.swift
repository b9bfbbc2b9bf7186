// swift-tools-version: 6.2
import Foundation
import PackageDescription

// The modules and what each may import are described in ARCHITECTURE.md; TidyTests holds the same table.

let upcoming: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
/// For modules without raw memory: the compiler reports every unsafe expression.
let strict = upcoming + [.strictMemorySafety()]

/// The static library where there is one: a shared one more costs time at every start.
func library(_ name: String) -> LinkerSetting {
  let isStatic = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]
    .contains { FileManager.default.fileExists(atPath: "\($0)/lib\(name).a") }
  return .linkedLibrary(isStatic ? ":lib\(name).a" : name)
}

func module(_ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: upcoming)
}

var targets: [Target] = [
  // C
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
  .systemLibrary(name: "CSnappy", providers: [.apt(["libsnappy-dev"])]),
  .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
  .systemLibrary(name: "CPCRE2", providers: [.apt(["libpcre2-dev"])]),
  .systemLibrary(name: "CStemmer", providers: [.apt(["libstemmer-dev"])]),
  .target(name: "CIntrinsics"),
  .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
  .target(name: "CSQLite", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
  // floor 0: import none of ours
  module("SQLSyntax", [], strict),
  module("Columnar", ["CIntrinsics"], upcoming),
  module("Compression", ["CZlib", "CZstd", "CSnappy", "CLZ4"], upcoming),
  module("JSONText", [], upcoming),
  module("Digests", ["CIntrinsics"], upcoming),
  module("Storage", ["CCurl", "CIntrinsics", "Compression", "Digests", "JSONText"], upcoming),
  // floor 1
  module("Avro", ["Columnar", "Compression", "JSONText"], upcoming),
  module("Parquet", ["Columnar", "Compression", "Storage", "CIntrinsics"], upcoming),
  module("TextFormats", ["Columnar", "Compression", "JSONText", "Storage", "CIntrinsics"], upcoming),
  .target(
    name: "Functions", dependencies: ["Columnar", "Digests", "JSONText", "CPCRE2", "CStemmer", "CIntrinsics"], swiftSettings: upcoming,
    linkerSettings: [library("pcre2-8"), library("stemmer")]),
  // floor 2
  module("Iceberg", ["Avro", "Parquet", "Compression", "JSONText", "Storage", "Columnar"], upcoming),
  module("Planner", ["SQLSyntax", "Functions", "Columnar"], strict),
  // floor 3
  module("Catalogs", ["CSQLite", "Iceberg", "JSONText", "Storage", "Columnar"], strict),
  module(
    "Connectors",
    [
      "Planner", "Catalogs", "Iceberg", "Parquet", "Avro", "TextFormats", "JSONText", "Storage", "Functions", "Columnar",
      "Compression", "SQLSyntax",
    ], upcoming),
  module("Execution", ["Planner", "Functions", "Columnar", "Compression", "SQLSyntax", "Storage", "CIntrinsics"], upcoming),
  // floor 4
  module(
    "Frazil",
    [
      "Execution", "Connectors", "Planner", "Catalogs", "Iceberg", "Parquet", "Avro", "TextFormats", "JSONText", "Storage",
      "Functions", "Columnar", "Compression", "SQLSyntax",
    ], upcoming),
  // floor 5
  .executableTarget(name: "CLI", dependencies: ["Frazil"], swiftSettings: upcoming),
  // tests
  .executableTarget(
    name: "slt", dependencies: ["Frazil"], path: "Tests/SQLLogicTests/Runner", swiftSettings: upcoming),
  .executableTarget(
    name: "model", dependencies: ["Frazil", "Storage", "TestSupport"], path: "Tests/ModelTests", swiftSettings: upcoming),
  .executableTarget(
    name: "faults", dependencies: ["Frazil", "Catalogs", "Connectors", "Iceberg", "Storage", "Columnar", "JSONText", "TestSupport"],
    path: "Tests/FaultTests", swiftSettings: upcoming),
  .executableTarget(
    name: "kernels",
    dependencies: ["Execution", "Planner", "Functions", "Parquet", "Compression", "Storage", "Columnar", "SQLSyntax"],
    path: "bench/Kernels", swiftSettings: upcoming),
  .target(
    name: "TestSupport", dependencies: ["JSONText", "Storage"], path: "Tests/TestSupport", swiftSettings: upcoming),
  tests("SQLSyntaxTests", ["SQLSyntax", "TestSupport"]),
  tests("ColumnarTests", ["Columnar", "TestSupport"]),
  tests("FormatsTests", ["Compression", "JSONText", "Avro", "TestSupport"]),
  tests("StorageTests", ["Digests", "JSONText", "Storage", "TestSupport"]),
  tests("ParquetTests", ["Parquet", "Columnar", "Digests", "Storage", "Compression", "JSONText", "TestSupport"]),
  tests("TextFormatsTests", ["TextFormats", "Columnar", "Compression", "Storage", "TestSupport"]),
  tests("FunctionsTests", ["Functions", "Columnar", "TestSupport"]),
  tests("IcebergTests", ["Iceberg", "Avro", "Compression", "Parquet", "Columnar", "Storage", "JSONText", "TestSupport"]),
  tests("CatalogsTests", ["Catalogs", "Columnar", "Iceberg", "Storage", "JSONText", "TestSupport"]),
  tests("PlannerTests", ["Planner", "Functions", "Columnar", "SQLSyntax", "TestSupport"]),
  tests("ExecutionTests", ["Execution", "Planner", "Functions", "Columnar", "SQLSyntax", "TestSupport"]),
  tests(
    "ConnectorsTests", ["Frazil", "Connectors", "Planner", "Iceberg", "Columnar", "Digests", "Storage", "JSONText", "TestSupport"]),
  tests("FrazilTests", ["Frazil", "JSONText", "Storage", "TestSupport"]),
  tests("TidyTests", ["SQLSyntax", "Functions", "TestSupport"]),
]

// FRAZIL_ONLY=ParquetTests swift test   builds that target and what it needs, nothing else.
if let only = Context.environment["FRAZIL_ONLY"] {
  var wanted = Set(only.split(separator: ",").map(String.init))
  var grew = true
  while grew {
    grew = false
    for target in targets where wanted.contains(target.name) {
      for case .byNameItem(let name, _) in target.dependencies where wanted.insert(name).inserted { grew = true }
    }
  }
  targets.removeAll { !wanted.contains($0.name) }
}

let present = Set(targets.map(\.name))
let package = Package(
  name: "frazil",
  products: [
    present.contains("Frazil") ? .library(name: "Frazil", targets: ["Frazil"]) : nil,
    present.contains("CLI") ? .executable(name: "frazil", targets: ["CLI"]) : nil,
    present.contains("slt") ? .executable(name: "slt", targets: ["slt"]) : nil,
    present.contains("model") ? .executable(name: "model", targets: ["model"]) : nil,
    present.contains("faults") ? .executable(name: "faults", targets: ["faults"]) : nil,
    present.contains("kernels") ? .executable(name: "kernels", targets: ["kernels"]) : nil,
  ].compactMap { $0 },
  targets: targets,
  swiftLanguageModes: [.v6])

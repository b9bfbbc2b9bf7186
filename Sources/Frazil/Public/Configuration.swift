import Planner

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How an engine finds its tables, and what it may use.
public struct Configuration: Sendable {
  /// Where tables without a LOCATION go: a directory, which holds the local catalog too, or a location such as `s3://bucket/prefix`.
  public var warehouse: String
  /// Directory of the local catalog; nil is `.frazil/catalog` in the warehouse, or in the current directory for a warehouse elsewhere.
  public var catalogDirectory: String?
  /// Catalogs besides the local one.
  public var catalogs: [CatalogConfiguration]
  /// The name of the catalog that unqualified names and `awsdatacatalog` mean; nil is the local one.
  public var defaultCatalog: String?
  /// The environment variables that say how AWS is reached and as whom.
  public var environment: [String: String]
  /// The database that unqualified names belong to.
  public var database: String
  /// Prefixes of locations, as they stand in metadata, and the local folders that take their place.
  public var mounts: [Mount]
  /// Takes the place of all of `s3://`.
  public var offlineDirectory: String?
  /// A folder that takes everything that is written, to tables, catalogs and files alike; nil writes to where things are.
  public var overlayDirectory: String?
  /// Bytes that operators may hold; beyond it they spill.
  public var memoryLimit: Int
  /// Threads of the data plane.
  public var workers: Int
  /// Fixes `current_timestamp` and the times in metadata: microseconds since 1970-01-01 00:00 UTC. Nil is the system's clock.
  public var now: Int64?
  /// Fixes ids, file names and `random()`. Nil draws from the system.
  public var seed: UInt64?
  /// Where operators spill; nil is the system's temporary directory.
  public var spillDirectory: String?
  /// Where pieces of remote objects that do not change are kept between processes; nil keeps none.
  public var cacheDirectory: String?
  /// Bytes that `cacheDirectory` may hold.
  public var cacheSize: Int?
  /// Rows per batch; results do not depend on it.
  public var batchCapacity: Int
  /// Optimiser rules that are switched off, by name; results do not depend on them.
  public var disabledRules: Set<String>
  /// How often a statement that changes rows is run again when commits of others contradict it. 0, as on Athena, reports
  /// ICEBERG_COMMIT_ERROR at once. Sessions change it with `SET SESSION commit_retry_statements = n`.
  public var commitRetryStatements: Int
  /// Refuses what Athena would refuse: its limits, and statements, functions and syntax that only Frazil, Trino or Spark has. Sessions change it
  /// with `SET SESSION strict_athena = true`.
  public var strictAthena: Bool
  /// For tests: scans hand out their columns in this encoding.
  public var scanEncoding: ScanEncoding

  public struct Mount: Sendable, Hashable {
    public var prefix: String
    public var folder: String
    public init(prefix: String, folder: String) {
      self.prefix = prefix
      self.folder = folder
    }
  }

  public enum ScanEncoding: String, Sendable, CaseIterable { case asStored, dictionary, constant }

  public init(warehouse: String = "./warehouse") {
    self.warehouse = warehouse
    environment = Self.processEnvironment()
    database = "default"
    catalogs = []
    mounts = []
    memoryLimit = Self.physicalMemory() / 100 * 80
    workers = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    batchCapacity = 8_192
    disabledRules = []
    commitRetryStatements = 0
    strictAthena = false
    scanEncoding = .asStored
  }

  /// The names of all optimiser rules.
  public static var optimiserRules: Set<String> { Set(OptimizerRule.allCases.map(\.rawValue)) }

  /// `4GB`, `512MB`, `64kB`, `1GiB` or plain bytes; units are powers of 1,024. Nil when it is no size.
  public static func parseByteSize(_ text: String) -> Int? {
    let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    guard let number = Double(digits), number > 0 else { return nil }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
    let exponent: Int
    switch unit {
    case "", "b": exponent = 0
    case "k", "kb", "kib": exponent = 1
    case "m", "mb", "mib": exponent = 2
    case "g", "gb", "gib": exponent = 3
    case "t", "tb", "tib": exponent = 4
    default: return nil
    }
    let size = number * Double(1 << (10 * exponent))
    return size >= 1 && size < 9e18 ? Int(size) : nil
  }

  private static func processEnvironment() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let pair = String(cString: text)
      if let equals = pair.firstIndex(of: "=") { variables[String(pair[..<equals])] = String(pair[pair.index(after: equals)...]) }
      entry += 1
    }
    return variables
  }

  private static func physicalMemory() -> Int {
    let pages = Int(sysconf(Int32(_SC_PHYS_PAGES)))
    let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    return pages > 0 && pageSize > 0 ? pages * pageSize : 4 << 30
  }
}

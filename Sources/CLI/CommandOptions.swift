import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The command line, understood: what to run, and on what.
///
/// Written by hand: a page of code, and no package to fetch before the first build.
struct CommandOptions {
  enum Action: Equatable {
    /// A prompt when standard input is a terminal, else the script that comes from there.
    case standardInput
    case statements([String])
    /// `-` is standard input.
    case scripts([String])
    /// Tables to verify.
    case check([String])
    /// What an overlay holds.
    case overlayDifferences
    /// Removes an overlay, or what it holds of one table.
    case dropOverlay(table: String?)
    case help
    case version
    /// Says whose credentials are used for AWS.
    case whoami
  }

  var action = Action.standardInput
  var configuration: Configuration
  /// Values for `:name` and `?`.
  var parameters = StatementParameters()
  var format = OutputFormat.table
  /// `check` reports as JSON.
  var reportsJSON = false
  /// How long each statement took is said on standard error.
  var showsTime = false
  /// A file that takes the results.
  var output: String?
  /// Where statements run; nil is here.
  var remote: RemoteTarget?
  private var workgroup: String?

  /// A command line that makes no sense: one sentence.
  struct UsageError: Error {
    let message: String
  }

  private static let optionNames = [
    "--warehouse", "--catalog-directory", "--catalog", "--default-catalog", "--database", "--format", "--output", "--mount", "--offline",
    "--memory", "--cache", "--cache-size", "--workers", "--now", "--seed", "--commit-retry-statements", "--param", "--strict-athena", "--on", "--workgroup", "--overlay",
    "--timer", "--help", "--version", "--json", "-c", "-h",
  ]

  /// - Parameters:
  ///   - arguments: without the name of the program.
  ///   - warehouse: where the catalog is when no option says it.
  init(_ arguments: [String], warehouse: String) throws(UsageError) {
    configuration = Configuration(warehouse: warehouse)
    var words: [String] = []
    var statements: [String] = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        words += rest
        break
      }
      guard argument.hasPrefix("-"), argument != "-" else {
        words.append(argument)
        continue
      }
      var name = argument
      var inlineValue: String?
      if argument.hasPrefix("--"), let split = argument.firstIndex(of: "=") {
        name = String(argument[..<split])
        inlineValue = String(argument[argument.index(after: split)...])
      }
      if name == "-h" || name == "--help" {
        action = .help
        return
      }
      if name == "--version" {
        action = .version
        return
      }
      if argument == "--timer" {
        showsTime = true
        continue
      }
      if argument == "--json" {
        reportsJSON = true
        continue
      }
      if argument == "--strict-athena" {
        configuration.strictAthena = true
        continue
      }
      guard Self.optionNames.contains(name) else {
        let hint = Suggestion.hint(for: name, among: Self.optionNames).map { "; \($0)" } ?? ""
        throw UsageError(message: "unknown option \(name)\(hint)")
      }
      guard let value = inlineValue ?? rest.popFirst() else { throw UsageError(message: "\(name) needs a value") }
      if name == "-c" { statements.append(value) } else { try set(name, value) }
    }
    action = try Self.action(words, statements)
    try completeOverlay(words)
    try completeRemote()
    if reportsJSON {
      guard case .check = action else { throw UsageError(message: "--json goes with check; --format json is for results") }
    }
  }

  private static func action(_ words: [String], _ statements: [String]) throws(UsageError) -> Action {
    guard let command = words.first else { return statements.isEmpty ? .standardInput : .statements(statements) }
    if command == "check" {
      if words.count == 1 { throw UsageError(message: "check needs at least one table") }
      if !statements.isEmpty { throw UsageError(message: "-c and check do not go together") }
      return .check(Array(words.dropFirst()))
    }
    if command == "whoami" {
      if words.count > 1 || !statements.isEmpty { throw UsageError(message: "whoami takes nothing more") }
      return .whoami
    }
    if command == "overlay" {
      if !statements.isEmpty { throw UsageError(message: "-c and overlay do not go together") }
      switch (words.count > 1 ? words[1] : "", words.count) {
      case ("diff", 2...3): return .overlayDifferences
      case ("drop", 2...4): return .dropOverlay(table: nil)
      default: throw UsageError(message: "overlay is overlay diff DIR or overlay drop DIR [TABLE]")
      }
    }
    guard command == "run" else {
      let isFile = command.hasSuffix(".sql") || access(command, R_OK) == 0
      throw UsageError(
        message: isFile
          ? "unknown command '\(command)'; did you mean: frazil run \(command)?"
          : "unknown command '\(command)'; statements are given with -c")
    }
    if words.count == 1 { throw UsageError(message: "run needs at least one script file") }
    if !statements.isEmpty { throw UsageError(message: "-c and run do not go together") }
    return .scripts(Array(words.dropFirst()))
  }

  private mutating func set(_ name: String, _ value: String) throws(UsageError) {
    switch name {
    case "--warehouse":
      if value.isEmpty { throw UsageError(message: "--warehouse needs a folder") }
      configuration.warehouse = value
    case "--catalog-directory": configuration.catalogDirectory = value
    case "--catalog":
      let catalog: CatalogConfiguration
      do { catalog = try CatalogConfiguration(option: value) } catch {
        throw UsageError(message: "--catalog: \(error.message)" + (error.hint.map { " (\($0))" } ?? ""))
      }
      guard !configuration.catalogs.contains(where: { $0.name == catalog.name }) else {
        throw UsageError(message: "--catalog \(catalog.name) is given twice")
      }
      configuration.catalogs.append(catalog)
    case "--default-catalog": configuration.defaultCatalog = value
    case "--database": configuration.database = value
    case "--format":
      guard let format = OutputFormat(rawValue: value.lowercased()) else {
        let names = OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")
        throw UsageError(message: "--format is one of \(names), not '\(value)'")
      }
      self.format = format
    case "--output": output = value
    case "--on":
      guard let target = RemoteTarget(option: value) else { throw UsageError(message: "--on is athena or trino=URL, not '\(value)'") }
      remote = target
    case "--workgroup": workgroup = value
    case "--overlay":
      if value.isEmpty { throw UsageError(message: "--overlay needs a folder") }
      configuration.overlayDirectory = value
    case "--mount":
      // A folder may hold `=`, a location hardly does: the first one that leaves both sides something.
      guard let split = value.dropFirst().firstIndex(of: "="), value.index(after: split) != value.endIndex else {
        throw UsageError(message: "--mount takes FROM=TO, not '\(value)'")
      }
      configuration.mounts.append(
        Configuration.Mount(prefix: String(value[..<split]), folder: String(value[value.index(after: split)...])))
    case "--offline": configuration.offlineDirectory = value
    case "--memory":
      guard let size = Configuration.parseByteSize(value) else {
        throw UsageError(message: "--memory takes a size like 512MB or 4GB, not '\(value)'")
      }
      configuration.memoryLimit = size
    case "--cache":
      if value.isEmpty { throw UsageError(message: "--cache needs a folder") }
      configuration.cacheDirectory = value
    case "--cache-size":
      guard let size = Configuration.parseByteSize(value) else {
        throw UsageError(message: "--cache-size takes a size like 512MB or 10GB, not '\(value)'")
      }
      configuration.cacheSize = size
    case "--workers":
      guard let workers = Int(value), workers >= 1, workers <= 1_024 else {
        throw UsageError(message: "--workers is a number from 1 to 1024, not '\(value)'")
      }
      configuration.workers = workers
    case "--commit-retry-statements":
      guard let count = Int(value), (0...1_000).contains(count) else {
        throw UsageError(message: "--commit-retry-statements is a number from 0 to 1000, not '\(value)'")
      }
      configuration.commitRetryStatements = count
    case "--param": try addParameter(value)
    case "--now":
      guard let moment = Configuration.parseInstant(value) else {
        throw UsageError(message: "--now takes a timestamp like 2026-01-31T12:00:00Z, not '\(value)'")
      }
      configuration.now = moment
    case "--seed":
      guard let seed = UInt64(value) else { throw UsageError(message: "--seed is a whole number, not '\(value)'") }
      configuration.seed = seed
    default: throw UsageError(message: "unknown option \(name)")
    }
  }

  /// `overlay diff` and `overlay drop` name the folder themselves, or take that of `--overlay`.
  private mutating func completeOverlay(_ words: [String]) throws(UsageError) {
    var rest = words.dropFirst(2)
    switch action {
    case .overlayDifferences, .dropOverlay:
      if configuration.overlayDirectory == nil { configuration.overlayDirectory = rest.popFirst() }
      guard configuration.overlayDirectory != nil else { throw UsageError(message: "overlay \(words[1]) needs a folder") }
      if case .dropOverlay = action { action = .dropOverlay(table: rest.popFirst()) }
      guard rest.isEmpty else { throw UsageError(message: "overlay \(words[1]) takes nothing more than its folder" + (words[1] == "drop" ? " and a table" : "")) }
    case .standardInput, .statements, .scripts, .check, .help, .version, .whoami: break
    }
  }

  /// Options that only Athena has, and what makes no sense elsewhere. Athena itself writes results to S3, so `--output s3://…` says where.
  private mutating func completeRemote() throws(UsageError) {
    if workgroup != nil, remote?.kind != .athena { throw UsageError(message: "--workgroup goes with --on athena") }
    guard remote != nil else { return }
    if configuration.overlayDirectory != nil { throw UsageError(message: "--overlay keeps writes on this machine; it does not go with --on") }
    switch action {
    case .check: throw UsageError(message: "check reads tables here; it does not go with --on")
    case .whoami: throw UsageError(message: "whoami does not go with --on")
    case .overlayDifferences, .dropOverlay: throw UsageError(message: "overlay does not go with --on")
    case .standardInput, .statements, .scripts, .help, .version: break
    }
    remote?.workgroup = workgroup
    if remote?.kind == .athena, let location = output, location.hasPrefix("s3://") {
      remote?.resultLocation = location
      output = nil
    }
  }

  /// `name=value`, or `1=value` for the first `?`.
  private mutating func addParameter(_ text: String) throws(UsageError) {
    guard let split = text.firstIndex(of: "="), split != text.startIndex else {
      throw UsageError(message: "--param takes NAME=VALUE, not '\(text)'")
    }
    let name = text[..<split].lowercased()
    let value = String(text[text.index(after: split)...])
    guard let number = Int(name) else {
      guard parameters.named.updateValue(value, forKey: name) == nil else { throw UsageError(message: "--param \(name) is given twice") }
      return
    }
    guard number == parameters.positional.count + 1 else {
      throw UsageError(message: "--param \(number)=... is out of order: the values of ? are given as 1=..., 2=... in turn")
    }
    parameters.positional.append(value)
  }
}

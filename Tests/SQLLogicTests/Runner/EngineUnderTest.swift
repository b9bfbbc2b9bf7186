import Frazil

/// Why a statement failed: `CODE: line L:C: message`, then the hint on a line of its own.
struct StatementFailure: Error {
  let text: String
}

/// Sessions of one engine in the settings of a mode.
struct EngineUnderTest {
  private let engine: Engine
  private let lackingCapabilities: Set<Capability>
  /// Below which the tables of the default catalog lie.
  let warehouse: String
  private var sessions: [String: Session] = [:]
  private var session: Session

  init(mode: Mode, warehouse: String, scratch: String) throws {
    var configuration = Configuration(warehouse: warehouse)
    configuration.workers = mode.workers
    if let capacity = mode.batchCapacity { configuration.batchCapacity = capacity }
    if mode.reencodesScans { configuration.scanEncoding = .dictionary }
    if mode.forcesSpill { configuration.memoryLimit = 8 << 20 }
    if !mode.optimises { configuration.disabledRules = Configuration.optimiserRules }
    configuration.spillDirectory = scratch
    // A fixed clock and seed: cases that print times or ids rely on them.
    configuration.now = 1_767_225_600_000_000  // 2026-01-01 00:00 UTC
    configuration.seed = 1
    configuration.catalogs = [CatalogConfiguration(name: "elsewhere", type: "local", properties: ["warehouse": scratch + "/elsewhere"])]
    if let text = configuration.environment["FRAZIL_SLT_CATALOG"], !text.isEmpty {
      let folder = scratch.split(separator: "/").suffix(1).joined()
      func filledIn(_ text: String) -> String {
        text.replacing("{id}", with: "\(folder)-\(mode.name)").replacing("{scratch}", with: scratch)
      }
      let catalog = try CatalogConfiguration(option: "tested=" + filledIn(text))
      configuration.catalogs.append(catalog)
      configuration.defaultCatalog = "tested"
      lackingCapabilities = Capability.lacking(inCatalogOfType: catalog.type)
      self.warehouse = configuration.environment["FRAZIL_SLT_WAREHOUSE"].map(filledIn) ?? warehouse
    } else {
      lackingCapabilities = []
      self.warehouse = warehouse
    }
    engine = try Engine(configuration)
    session = engine.makeSession()
    sessions["main"] = session
  }

  /// Other catalogs than the local one begin without the database `default`.
  func makeDefaultDatabase() async throws { _ = try await session.run("CREATE DATABASE IF NOT EXISTS default") }

  /// Whether the default catalog cannot do this.
  func lacks(_ capability: Capability) -> Bool { lackingCapabilities.contains(capability) }

  /// Goes on in the session of a name; the first one is `main`.
  mutating func use(_ name: String) {
    session = sessions[name] ?? engine.makeSession()
    sessions[name] = session
  }

  /// Runs a statement with all rules of the optimiser on, whatever the mode says.
  func run(_ sql: String, isOptimised: Bool) async -> Result<TextResult, StatementFailure> {
    guard isOptimised else { return await run(sql) }
    for rule in Configuration.optimiserRules.sorted() {
      if case .failure(let error) = await run("SET SESSION \(rule) = true") { return .failure(error) }
    }
    let outcome = await run(sql)
    for rule in Configuration.optimiserRules.sorted() {
      if case .failure(let error) = await run("RESET SESSION \(rule)") { return .failure(error) }
    }
    return outcome
  }

  func run(_ sql: String) async -> Result<TextResult, StatementFailure> {
    do {
      let result = try await session.run(sql)
      var rows: [[String?]] = []
      for try await batch in result.rows { rows += batch.texts }
      return .success(
        TextResult(
          columnNames: result.columns.map(\.name), columnTypes: result.columns.map(\.type), rows: rows,
          affectedRows: result.rowsAffected))
    } catch {
      let hint = error.hint.map { "\nhint: \($0)" } ?? ""
      return .failure(StatementFailure(text: error.summary(in: SourceText(sql)) + hint))
    }
  }
}

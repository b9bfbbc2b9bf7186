import Foundation
import Frazil
import Iceberg
import Storage
import TestSupport

/// Tables as faults left them, written to the disk: one of each scenario and fault, at a call drawn from a seed.
///
/// Every line of `<folder>/tables.jsonl` names a metadata file and the rows that a reader must find.
struct Export {
  let folder: String
  let matrix: FaultMatrix

  func run(_ scenarios: [Scenario], seed: UInt64) async -> Main.Total {
    var total = Main.Total()
    var random = SeededRandom(seed)
    var lines: [String] = []
    for (index, scenario) in scenarios.enumerated() {
      let fault = Fault.allCases[index % Fault.allCases.count]
      do {
        let baseline = try await matrix.baseline(scenario, in: "\(folder)/\(index)")
        let call = 1 + random.below(baseline.callCount)
        guard let place = try await matrix.run(scenario, baseline, FaultStore.Plan(call: call, fault: fault)) else { continue }
        lines.append(try await write(place, name: "\(scenario.name), \(fault.rawValue) at call \(call)"))
        total.passed += 1
      } catch {
        say("\(scenario.name), \(fault.rawValue): \(error)")
        total.failed += 1
      }
    }
    do { try (lines.joined(separator: "\n") + "\n").write(toFile: folder + "/tables.jsonl", atomically: true, encoding: .utf8) } catch {
      say("cannot write the list: \(error)")
      total.failed += 1
    }
    return total
  }

  private func write(_ place: Place, name: String) async throws -> String {
    for path in place.tableFiles {
      let bytes = try await place.store.read(Location(path)).array
      let file = URL(filePath: path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(bytes).write(to: file)
    }
    let (_, location) = try await place.metadata()
    let rows = try await place.session().rows("SELECT CAST(id AS varchar), region FROM t ORDER BY id, region")
    let texts = rows.map { values in values.map { if case .text(let text) = $0 { text } else { "" } } }
    let line: [String: Any] = ["name": name, "metadata": location.text, "rows": texts]
    return String(decoding: try JSONSerialization.data(withJSONObject: line, options: [.sortedKeys, .withoutEscapingSlashes]), as: UTF8.self)
  }
}

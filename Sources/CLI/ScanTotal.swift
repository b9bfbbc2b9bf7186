import Frazil

/// What the statements of a run scanned, and what Athena bills for that.
final class ScanTotal {
  private var statementCount = 0
  private var bytesScanned = 0
  private var bytesBilled = 0
  private var isAthenas = false

  /// - Returns: the part of a statement's line that says so: `scanned 1.20 GiB, which Athena would bill as 1229 MB ($0.0059)`.
  func add(_ cost: ScanCost) -> String {
    statementCount += 1
    bytesScanned += cost.bytesScanned
    bytesBilled += cost.bytesBilled
    isAthenas = cost.isAthenas
    return Self.text(scanned: cost.bytesScanned, billed: cost.bytesBilled, isAthenas: isAthenas)
  }

  /// For the end; nil when the lines of the statements say it already.
  var text: String? {
    guard statementCount > 1 else { return nil }
    return "in all: " + Self.text(scanned: bytesScanned, billed: bytesBilled, isAthenas: isAthenas)
      + " at $\(Int(ScanCost.dollarsPerTerabyte)) per TB"
  }

  private static func text(scanned: Int, billed: Int, isAthenas: Bool) -> String {
    let amount = "\(billed >> 20) MB ($\(Quantity.dollars(ScanCost.dollars(billed))))"
    let size = Quantity.bytes(Double(scanned))
    return isAthenas ? "Athena scanned \(size) and bills \(amount)" : "scanned \(size), which Athena would bill as \(amount)"
  }
}

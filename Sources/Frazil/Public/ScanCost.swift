/// What Athena bills for the data a statement scanned.
///
/// Per statement, rounded up to the megabyte and 10 MB at least; definitions, statements that fail and those that scan nothing are free.
///
/// - Source: aws.amazon.com/athena/pricing, "SQL queries on data in Amazon S3 with per-query billing".
public struct ScanCost: Sendable, Hashable {
  public let bytesScanned: Int
  /// A whole number of megabytes.
  public let bytesBilled: Int
  /// Whether Athena ran the statement, rather than this machine.
  public let isAthenas: Bool

  private static let megabyte = 1 << 20
  private static let leastMegabytes = 10
  /// In most regions.
  public static let dollarsPerTerabyte = 5.0

  init(bytesScanned: Int, isAthenas: Bool) {
    self.bytesScanned = bytesScanned
    self.isAthenas = isAthenas
    let megabytes = bytesScanned / Self.megabyte + (bytesScanned % Self.megabyte > 0 ? 1 : 0)
    bytesBilled = max(megabytes, Self.leastMegabytes) * Self.megabyte
  }

  public var megabytesBilled: Int { bytesBilled / Self.megabyte }

  /// US dollars for so many bytes.
  public static func dollars(_ bytesBilled: Int) -> Double { Double(bytesBilled) / Double(1 << 40) * dollarsPerTerabyte }
}

extension ScriptStatement {
  /// Whether Athena bills what the statement scans.
  var isBilled: Bool {
    guard case .statement(let statement) = content else { return false }
    switch statement.kind {
    case .query, .insert, .update, .delete, .merge, .unload, .optimize, .vacuum, .execute, .executeImmediate: return true
    case .createTable(let create): return create.query != nil
    case .explain(let explain): return explain.isAnalyze
    default: return false
    }
  }

  /// - Returns: nil for what Athena does for nothing.
  func cost(bytesScanned: Int, isAthenas: Bool) -> ScanCost? {
    isBilled && bytesScanned > 0 ? ScanCost(bytesScanned: bytesScanned, isAthenas: isAthenas) : nil
  }
}

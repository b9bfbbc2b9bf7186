import Storage

/// The properties of a table that decide how it is written, with their defaults. Java's TableProperties.
///
/// A value that cannot be read as what it should be counts as not set, as a table may come from anywhere; statements check what they
/// are given.
package struct TableProperties: Sendable {
  private let properties: [String: String]

  package init(_ properties: [String: String]) { self.properties = properties }

  package subscript(_ key: String) -> String? { properties[key] }

  /// A positive number.
  package func number(_ key: String) -> Int64? { properties[key].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil } }

  package func flag(_ key: String) -> Bool? {
    switch properties[key]?.lowercased() {
    case "true": true
    case "false": false
    default: nil
    }
  }

  /// A folder property; relative values, as the newer SPEC allows, lie below the table's location.
  func folder(_ key: String, _ standard: String, of location: String) -> Location {
    guard var value = properties[key], !value.isEmpty else { return Location(location).appending(standard) }
    while value.count > 1, value.hasSuffix("/") { value.removeLast() }
    let isAbsolute = value.hasPrefix("/") || Location(value).scheme != nil
    return isAbsolute ? Location(value) : Location(location).appending(value)
  }

  // MARK: Files

  package var dataFormat: String { properties["write.format.default"]?.lowercased() ?? "parquet" }
  package var targetFileSize: Int { Int(clamping: number("write.target-file-size-bytes") ?? 536_870_912) }
  package var usesObjectStorageLayout: Bool { flag("write.object-storage.enabled") ?? false }
  package var hasPartitionedObjectPaths: Bool { flag("write.object-storage.partitioned-paths") ?? true }

  /// Whether rows of one partition are brought together before they are written: `write.distribution-mode` is `hash` or `range`, `hash` being
  /// the default of partitioned tables. `write.delete.distribution-mode` and its siblings say it for their command.
  package func distributesRows(of command: String?, isPartitioned: Bool) -> Bool {
    let own = command.flatMap { properties["write.\($0).distribution-mode"] }
    switch (own ?? properties["write.distribution-mode"])?.lowercased() {
    case "none": return false
    case "hash", "range": return true
    default: return isPartitioned
    }
  }

  // MARK: Commits

  /// Writes of a session with a write-audit-publish id are staged, those of one with such a branch go there.
  package var isWriteAuditPublish: Bool { flag("write.wap.enabled") ?? false }

  /// Java gives up after 4; here a commit costs milliseconds and appends never contradict each other, so patience is cheaper.
  var commitRetries: Int { properties["commit.retry.num-retries"].flatMap { Int($0) }.map { max(0, $0) } ?? 100 }
  var commitRetryMinimumWait: Int { Int(clamping: number("commit.retry.min-wait-ms") ?? 10) }
  var commitRetryMaximumWait: Int { Int(clamping: number("commit.retry.max-wait-ms") ?? 1_000) }
  var commitRetryTotalTimeout: Int { Int(clamping: number("commit.retry.total-timeout-ms") ?? 1_800_000) }
  /// How often it is looked up whether a commit took effect whose answer was lost.
  var statusChecks: Int { properties["commit.status-check.num-retries"].flatMap { Int($0) }.map { max(0, $0) } ?? 3 }
  var statusCheckMinimumWait: Int { Int(clamping: number("commit.status-check.min-wait-ms") ?? 100) }
  var statusCheckMaximumWait: Int { Int(clamping: number("commit.status-check.max-wait-ms") ?? 60_000) }
  var statusCheckTotalTimeout: Int { Int(clamping: number("commit.status-check.total-timeout-ms") ?? 1_800_000) }
  var manifestTargetSize: Int64 { number("commit.manifest.target-size-bytes") ?? 8_388_608 }
  var manifestMinimumMergeCount: Int { Int(clamping: number("commit.manifest.min-count-to-merge") ?? 100) }
  var mergesManifests: Bool { flag("commit.manifest-merge.enabled") ?? true }
  var summaryPartitionLimit: Int { Int(clamping: number("write.summary.partition-limit") ?? 0) }
  var previousVersionsMax: Int { Int(clamping: number("write.metadata.previous-versions-max") ?? 100) }
  var deletesOldMetadata: Bool { flag("write.metadata.delete-after-commit.enabled") ?? false }
  var compressesMetadata: Bool { properties["write.metadata.compression-codec"]?.lowercased() == "gzip" }

  // MARK: Maintenance

  /// False for tables whose files may belong to others as well: maintenance must not delete any.
  package var mayDeleteFiles: Bool { flag("gc.enabled") ?? true }
}

/// One way to run the same cases. Results must not depend on it.
struct Mode: Sendable {
  let name: String
  /// Rows per batch.
  var batchCapacity: Int?
  var workers = 2
  /// Scans hand out dictionary and constant columns in place of flat ones.
  var reencodesScans = false
  /// Everything that can spill does so after a few rows.
  var forcesSpill = false
  /// The optimiser's rules are off, the pivot's recognition among them.
  var optimises = true

  static let all: [Mode] = [
    Mode(name: "plain"),
    Mode(name: "batch1", batchCapacity: 1, workers: 1),
    Mode(name: "batch3", batchCapacity: 3),
    Mode(name: "encoded", workers: 1, reencodesScans: true),
    Mode(name: "spill", batchCapacity: 3, forcesSpill: true),
    Mode(name: "unoptimised", workers: 1, optimises: false),
  ]
}

package import Storage

/// Names of metadata files: `00003-<uuid>.metadata.json`, the number counting the table's states.
package enum MetadataFileName {
  /// - Parameter previous: the file of the state before; nil for a new table.
  package static func next(after previous: Location?, uuid: String, isCompressed: Bool) -> String {
    let number = previous.map { (version(of: $0.name) ?? -1) &+ 1 } ?? 0
    let digits = String(number)
    let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    return "\(padded)-\(uuid)\(isCompressed ? ".gz" : "").metadata.json"
  }

  /// The number a name begins with; nil for names without one (Hadoop's `v3.metadata.json` counts as one).
  private static func version(of name: String) -> Int? {
    let digits = (name.hasPrefix("v") ? name.dropFirst() : name[...]).prefix { $0.isASCII && $0.isNumber }
    return Int(digits)
  }
}

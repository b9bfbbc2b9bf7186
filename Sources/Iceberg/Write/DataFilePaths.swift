package import Columnar
package import Storage

/// Where the data files of one write go.
///
/// ```
/// data/part=value/20260131_120000_00000_x7k2p-<uuid>.parquet           usual
/// data/1001/0110/0011/10010101/part=value/…-<uuid>.parquet             write.object-storage.enabled
/// ```
package struct DataFilePaths: Sendable {
  private let folder: Location
  private let location: String
  private let spec: PartitionSpec
  private let isHashed: Bool
  private let hasPartitionedHashes: Bool
  private let prefix: String
  private let ids: IDSource

  /// - Parameter nowMilliseconds: when the statement began, for the file names.
  package init(_ metadata: TableMetadata, ids: IDSource, nowMilliseconds: Int64) {
    let properties = TableProperties(metadata.properties)
    folder = properties.folder("write.data.path", "data", of: metadata.location)
    location = metadata.location
    spec = metadata.partitionSpec
    isHashed = properties.usesObjectStorageLayout
    hasPartitionedHashes = properties.hasPartitionedObjectPaths
    self.ids = ids
    prefix = Self.queryID(nowMilliseconds, ids)
  }

  /// A new file of a partition.
  ///
  /// - Parameter spec: the partition's, when it is not the table's current one: deletes of older files.
  package func next(_ partition: [Scalar], spec: PartitionSpec? = nil, suffix: String = ".parquet") -> Location {
    let spec = spec ?? self.spec
    let name = "\(prefix)-\(ids.uuid())\(suffix)"
    let path = spec.fields.isEmpty ? "" : spec.path(partition) + "/"
    guard isHashed else { return folder.appending(path + name) }
    // A data folder outside the table's location is shared by tables: their names come after the hash.
    let context =
      folder.relativePath(below: Location(location)) == nil
      ? location.split(separator: "/").suffix(2).map { $0 + "/" }.joined() : ""
    guard hasPartitionedHashes else { return folder.appending(Self.hashed(name) + "-" + name) }
    return folder.appending("\(Self.hashed(path + name))/\(context)\(path)\(name)")
  }

  /// The low 20 bits of the hash, cut 4/4/4/8.
  package static func hashed(_ name: String) -> String {
    let hash = UInt32(bitPattern: Array(name.utf8).withUnsafeBytes(Murmur3.hash)) & 0xF_FFFF
    let digits = String(hash, radix: 2)
    let bits = String(repeating: "0", count: 20 - digits.count) + digits
    func part(_ start: Int, _ count: Int) -> Substring { bits.dropFirst(start).prefix(count) }
    return "\(part(0, 4))/\(part(4, 4))/\(part(8, 4))/\(part(12, 8))"
  }

  /// In the form of Trino's query ids, which begin Athena's file names: `20260131_120000_00000_x7k2p`.
  private static func queryID(_ milliseconds: Int64, _ ids: IDSource) -> String {
    let seconds = floorDivide(milliseconds, 1_000)
    let days = floorDivide(seconds, 86_400)
    let date = CivilDate(days: days)
    let second = seconds - days * 86_400
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")
    var random = ids.next()
    var suffix = ""
    for _ in 0..<5 {
      suffix.append(alphabet[Int(random & 31)])
      random >>= 5
    }
    return "\(date.year)\(two(date.month))\(two(date.day))_\(two(second / 3_600))\(two(second / 60 % 60))\(two(second % 60))_00000_\(suffix)"
  }
}

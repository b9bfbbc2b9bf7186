import Columnar
import Glibc
import Synchronization

/// What `TimestampTZ.zone` and `QueryContext.sessionZone` stand for.
///
/// | number | zone |
/// |---|---|
/// | 0 | UTC |
/// | 2000 + m | fixed offset of m minutes, -1080...1080 |
/// | from 10 000 | named zones, in the order in which this process met them |
package enum ZoneID {
  package static let utc: Int32 = 0
  private static let fixedBase: Int32 = 2_000
  private static let namedBase: Int32 = 10_000

  private struct Registry {
    var numbers: [String: Int32] = [:]
    var zones: [TimeZoneRules] = []
  }
  private static let registry = Mutex(Registry())

  /// `+02:00` and the like.
  package static func fixed(minutes: Int) -> Int32 {
    minutes == 0 ? utc : fixedBase + Int32(truncatingIfNeeded: max(-1080, min(1080, minutes)))
  }

  /// The zone of a name (`UTC`, `America/New_York`, case-sensitive) or an offset (`+02:00`, `-0330`, `+5`); nil when there is none.
  package static func named(_ name: String) -> Int32? {
    switch name {
    case "UTC", "Z", "UCT", "Zulu", "GMT0", "Greenwich", "Universal", "Etc/UTC", "Etc/UCT", "Etc/Zulu", "Etc/Universal",
      "GMT", "Etc/GMT", "Etc/GMT0", "Etc/Greenwich":
      return utc
    default: break
    }
    if let minutes = offsetMinutes(name) { return fixed(minutes: minutes) }
    if let known = registry.withLock({ $0.numbers[name] }) { return known }
    guard let rules = load(name) else { return nil }
    return registry.withLock { registry in
      if let known = registry.numbers[name] { return known }
      let number = namedBase + Int32(registry.zones.count)
      registry.zones.append(rules)
      registry.numbers[name] = number
      return number
    }
  }

  /// As Trino prints it: `UTC`, `+02:00`, `America/New_York`.
  package static func name(_ zone: Int32) -> String {
    if zone == utc { return "UTC" }
    if let rules = rules(zone) { return rules.name }
    let minutes = Int(zone - fixedBase)
    let size = abs(minutes)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    return "\(minutes < 0 ? "-" : "+")\(two(size / 60)):\(two(size % 60))"
  }

  static func rules(_ zone: Int32) -> TimeZoneRules? {
    guard zone >= namedBase else { return nil }
    return registry.withLock { registry in
      let index = Int(zone - namedBase)
      return index < registry.zones.count ? registry.zones[index] : nil
    }
  }

  static func fixedSeconds(_ zone: Int32) -> Int? {
    if zone == utc { return 0 }
    return zone < namedBase ? Int(zone - fixedBase) * 60 : nil
  }

  /// `+02:00`, `-2`, `+0530`: minutes east.
  private static func offsetMinutes(_ text: String) -> Int? {
    var bytes = Array(text.utf8)[...]
    for prefix in ["UTC", "GMT", "UT"] where text.hasPrefix(prefix) && text.utf8.count > prefix.utf8.count {
      bytes = bytes.dropFirst(prefix.utf8.count)
      break
    }
    guard let sign = bytes.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
    bytes = bytes.dropFirst()
    let digits = bytes.filter { $0 != UInt8(ascii: ":") }
    guard (1...4).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
    if bytes.count != digits.count {
      guard bytes.count == 5, bytes[bytes.startIndex + 2] == UInt8(ascii: ":") else { return nil }
    }
    let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    let minutes = digits.count <= 2 ? value * 60 : (value / 100) * 60 + value % 100
    guard minutes <= 14 * 60, digits.count <= 2 || value % 100 < 60 else { return nil }
    return sign == UInt8(ascii: "-") ? -minutes : minutes
  }

  private static func load(_ name: String) -> TimeZoneRules? {
    // A name is a relative path of plain words; nothing else may reach the file system.
    let isPlain = name.utf8.allSatisfy { byte in
      let letter = byte | 0x20
      return (letter >= 0x61 && letter <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || "/_-+".utf8.contains(byte)
    }
    guard isPlain, !name.isEmpty, name.utf8.count <= 64, !name.hasPrefix("/"), !name.contains("//") else { return nil }
    for folder in ["/usr/share/zoneinfo/", "/usr/lib/zoneinfo/", "/usr/share/lib/zoneinfo/"] {
      if let bytes = contents(folder + name), let rules = TimeZoneFile.parse(bytes, name: name) { return rules }
    }
    return nil
  }

  /// At most 1 MiB of a regular file.
  private static func contents(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG, information.st_size <= 1 << 20 else {
      return nil
    }
    var bytes = [UInt8](repeating: 0, count: Int(information.st_size))
    let size = bytes.count
    var filled = 0
    while filled < size {
      let got = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + filled }, size - filled) }
      guard got > 0 else { return nil }
      filled += got
    }
    return bytes
  }
}

/// Converts between instants and local times of changing zones; remembers the zone and the span it looked up last.
struct ZoneClock {
  private var zone: Int32 = ZoneID.utc
  private var rules: TimeZoneRules?
  private var offset = 0
  private var from = Int.min
  private var until = Int.max

  init() {}

  /// Seconds east of UTC at an instant.
  mutating func offsetSeconds(zone: Int32, at seconds: Int) -> Int {
    if zone != self.zone { select(zone) }
    if seconds >= from && seconds < until { return offset }
    guard let rules else { return offset }
    (offset, from, until) = rules.span(at: seconds)
    return offset
  }

  /// Local ticks of an instant: the same number of ticks that a UTC clock would need to show the same reading.
  mutating func local(_ value: TimestampTZ, ticksPerSecond: Int64) -> Int64 {
    let seconds = CivilCalendar.floorDivide(Int(value.instant), Int(ticksPerSecond))
    return value.instant &+ Int64(offsetSeconds(zone: value.zone, at: seconds)) &* ticksPerSecond
  }

  /// The instant at which a clock in the zone reads `local`.
  mutating func instant(local: Int64, zone: Int32, ticksPerSecond: Int64) -> Int64 {
    if zone != self.zone { select(zone) }
    let seconds = CivilCalendar.floorDivide(Int(local), Int(ticksPerSecond))
    guard let rules else { return local &- Int64(offset) &* ticksPerSecond }
    return local &+ Int64(rules.instant(ofLocal: seconds) &- seconds) &* ticksPerSecond
  }

  private mutating func select(_ zone: Int32) {
    self.zone = zone
    rules = ZoneID.rules(zone)
    offset = ZoneID.fixedSeconds(zone) ?? 0
    (from, until) = rules == nil ? (.min, .max) : (.max, .min)
  }
}

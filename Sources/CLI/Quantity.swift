/// Numbers as people read them.
enum Quantity {
  /// `950`, `12.3 k`, `4.56 M`, `7.89 G`
  static func count(_ value: Double) -> String { scaled(value, 1_000, ["", " k", " M", " G", " T"]) }

  /// `950 B`, `12.3 KiB`, `4.56 MiB`
  static func bytes(_ value: Double) -> String { scaled(value, 1_024, [" B", " KiB", " MiB", " GiB", " TiB"]) }

  /// `0.00005`, `0.0123`, `1.20`: two digits that say something.
  static func dollars(_ value: Double) -> String { decimal(value, value >= 1 ? 2 : value >= 0.01 ? 4 : 5) }

  /// `0.012 s`, `4.5 s`, `1 min 05 s`, `2 h 03 min`
  static func seconds(_ duration: Duration) -> String { seconds(duration / .seconds(1)) }

  static func seconds(_ value: Double) -> String {
    guard value >= 60 else { return decimal(value, value < 1 ? 3 : value < 10 ? 2 : 1) + " s" }
    let whole = Int(value)
    return whole < 3_600
      ? "\(whole / 60) min \(twoDigits(whole % 60)) s" : "\(whole / 3_600) h \(twoDigits(whole / 60 % 60)) min"
  }

  private static func scaled(_ value: Double, _ step: Double, _ units: [String]) -> String {
    var value = max(0, value)
    var unit = 0
    while value >= step, unit + 1 < units.count {
      value /= step
      unit += 1
    }
    return decimal(value, unit == 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2) + units[unit]
  }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

  private static func decimal(_ value: Double, _ digits: Int) -> String {
    var factor = 1
    for _ in 0..<digits { factor *= 10 }
    let scaled = Int((value * Double(factor)).rounded())
    guard digits > 0 else { return "\(scaled)" }
    let fraction = String(scaled % factor)
    return "\(scaled / factor)." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}

import Columnar

/// A value of the type color.
struct TerminalColor: SQLArgument, SQLResult {
  /// Red, green and blue in a byte each, or `-1 - index` for one of the terminal's own.
  let value: Int32
  static var pattern: TypePattern { .exact(.color) }
  static var resultType: SQLType { .color }
  static func load(_ base: UnsafePointer<Int32>, _ index: Int) -> TerminalColor { TerminalColor(value: base[index]) }
  var output: Int32 { value }

  init(value: Int32) { self.value = value }
  init(red: Int, green: Int, blue: Int) { value = Int32(truncatingIfNeeded: red << 16 | green << 8 | blue) }

  private static let names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]

  /// `#rgb`, or the name of one of the terminal's own.
  init?(_ text: String) {
    let bytes = Array(text.utf8)
    let digits = bytes.dropFirst().compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    if bytes.count == 4, bytes[0] == UInt8(ascii: "#"), digits.count == 3 {
      self.init(red: digits[0] * 17, green: digits[1] * 17, blue: digits[2] * 17)
    } else if let index = Self.names.firstIndex(of: text.lowercased()) {
      self.init(value: -1 - Int32(index))
    } else {
      return nil
    }
  }

  var isRGB: Bool { value >= 0 }
  /// Red, green and blue, 0...255.
  private var parts: [Int] { [16, 8, 0].map { Int(value) >> $0 & 0xFF } }

  var text: String {
    guard isRGB else { return Self.names[Int(-1 - value) & 7] }
    return "#" + parts.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// What switches a terminal to the color: one of its 256, of which 216 are a cube of six levels a side.
  var escape: String {
    let levels = parts.map { $0 * 6 / 256 }
    return "\u{1B}[38;5;\(isRGB ? 16 + levels[0] * 36 + levels[1] * 6 + levels[2] : Int(-1 - value))m"
  }
  static let reset = "\u{1B}[0m"

  /// A color between two by hue, saturation and brightness.
  func mixed(with other: TerminalColor, _ fraction: Float) -> TerminalColor {
    let (low, high) = (hueSaturationBrightness, other.hueSaturationBrightness)
    return TerminalColor(
      hue: fraction * (high.hue - low.hue) + low.hue, saturation: fraction * (high.saturation - low.saturation) + low.saturation,
      brightness: fraction * (high.brightness - low.brightness) + low.brightness)
  }

  /// Each from 0 to 1; the hue goes round from red over green and blue.
  private var hueSaturationBrightness: (hue: Float, saturation: Float, brightness: Float) {
    let parts = parts
    let (highest, lowest) = (parts.max() ?? 0, parts.min() ?? 0)
    guard highest > lowest else { return (0, 0, Float(highest) / 255) }
    let spread = Float(highest - lowest)
    let distances = parts.map { Float(highest - $0) / spread }
    let sector: Float =
      parts[0] == highest
      ? distances[2] - distances[1] : parts[1] == highest ? 2 + distances[0] - distances[2] : 4 + distances[1] - distances[0]
    let hue = sector / 6
    return (hue < 0 ? hue + 1 : hue, spread / Float(highest), Float(highest) / 255)
  }

  private init(hue: Float, saturation: Float, brightness: Float) {
    func byte(_ part: Float) -> Int { part.isNaN ? 0 : Int(min(255, max(0, part * 255 + 0.5))) }
    guard saturation != 0 else {
      let gray = byte(brightness)
      self.init(red: gray, green: gray, blue: gray)
      return
    }
    let sector = (hue - hue.rounded(.down)) * 6
    let rest = sector - sector.rounded(.down)
    let none = brightness * (1 - saturation)
    let falling = brightness * (1 - saturation * rest)
    let rising = brightness * (1 - saturation * (1 - rest))
    let parts =
      switch sector.isNaN ? 0 : Int(sector) {
      case 0: [brightness, rising, none]
      case 1: [falling, brightness, none]
      case 2: [none, brightness, rising]
      case 3: [none, falling, brightness]
      case 4: [rising, none, brightness]
      default: [brightness, none, falling]
      }
    self.init(red: byte(parts[0]), green: byte(parts[1]), blue: byte(parts[2]))
  }
}

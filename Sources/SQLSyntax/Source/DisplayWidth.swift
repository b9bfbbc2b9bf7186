/// Terminal cells that a text takes: East Asian wide characters and emoji take two, combining marks by themselves none.
///
/// Source: Unicode's East Asian Width (UAX #11), the ranges that terminals agree on.
package func displayWidth(_ text: some StringProtocol) -> Int {
  if text.utf8.allSatisfy({ $0 < 128 }) { return text.utf8.count }
  return text.reduce(0) { $0 + displayWidth($1) }
}

package func displayWidth(_ character: Character) -> Int {
  let scalars = character.unicodeScalars
  guard let first = scalars.first?.value else { return 0 }
  switch first {
  case 0..<0x300: break
  case 0x300...0x36F, 0x200B...0x200F, 0x2060...0x2064, 0xFE00...0xFE0F, 0xFEFF: return 0
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
    0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF, 0x20000...0x3FFFD:
    return 2
  default: break
  }
  // The emoji form of a character that also has a narrow text form.
  return scalars.contains { $0.value == 0xFE0F } ? 2 : 1
}

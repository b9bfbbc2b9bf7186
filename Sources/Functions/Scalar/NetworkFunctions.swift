import Columnar

extension FunctionLibrary {
  static let network: [ScalarDefinition] = [
    checkedBinary("contains", "Whether an address belongs to a network in CIDR notation, such as 10.0.0.0/8.") {
      (network: Text, address: IPAddress) throws(KernelError) -> Bool in
      try Network(network.string).contains(address.bits)
    }
  ]
}

/// The 128 bits of an address; those of version 4 are mapped into version 6.
private struct IPAddress: SQLArgument {
  let bits: UInt128
  static var pattern: TypePattern { .exact(.ipaddress) }
  // Columns hold addresses with the top bit flipped.
  static func load(_ base: UnsafePointer<Int128>, _ index: Int) -> IPAddress { IPAddress(bits: UInt128(bitPattern: base[index]) ^ 1 << 127) }

  static func isVersion4(_ bits: UInt128) -> Bool { bits >> 32 == 0xFFFF }
}

private struct Network {
  let bits: UInt128
  /// Of all 128.
  let prefix: Int

  init(_ text: String) throws(KernelError) {
    guard let slash = text.firstIndex(of: "/") else { throw .invalidArgument("Invalid CIDR") }
    guard let stored = IdentifierParser.ipAddress(String(text[..<slash])) else { throw .invalidArgument("Invalid network IP address") }
    let length = text[text.index(after: slash)...]
    bits = UInt128(bitPattern: stored) ^ 1 << 127
    let isVersion4 = IPAddress.isVersion4(bits) && !text[..<slash].contains(":")
    guard let count = Int(length), length.allSatisfy(\.isNumber), count <= (isVersion4 ? 32 : 128) else { throw .invalidArgument("Invalid prefix length") }
    prefix = isVersion4 ? 96 + count : count
  }

  func contains(_ address: UInt128) -> Bool {
    guard IPAddress.isVersion4(address) == IPAddress.isVersion4(bits) else { return false }
    return prefix == 0 || (address ^ bits) >> UInt128(128 - prefix) == 0
  }
}

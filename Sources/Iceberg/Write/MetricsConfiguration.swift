/// What is recorded of a column in manifests.
package enum MetricsMode: Hashable, Sendable {
  case none
  /// Sizes and counts.
  case counts
  /// Counts, and bounds cut to that many characters or bytes.
  case truncate(Int)
  /// Counts, and whole bounds.
  case full

  /// A property's value: `none`, `counts`, `truncate(16)`, `full`, in any case.
  package init?(_ text: String) {
    let word = text.lowercased().filter { $0 != " " }
    switch word {
    case "none": self = .none
    case "counts": self = .counts
    case "full": self = .full
    default:
      guard word.hasPrefix("truncate("), word.hasSuffix(")"), let length = Int(word.dropFirst(9).dropLast()), length > 0 else { return nil }
      self = .truncate(length)
    }
  }
}

/// The metrics mode of every column of a table. Java's MetricsConfig:
/// a column's own property, then at least `truncate(16)` for sort columns, then the table's default; without one, `truncate(16)` for the
/// first 100 columns of wide tables and nothing for the rest.
package struct MetricsConfiguration: Sendable {
  private let modes: [Int32: MetricsMode]

  private static let standard = MetricsMode.truncate(16)

  package init(_ metadata: TableMetadata) {
    let properties = metadata.properties
    let schema = metadata.schema
    let stated = properties["write.metadata.metrics.default"].flatMap(MetricsMode.init)
    let limit = Int(clamping: TableProperties(properties).number("write.metadata.metrics.max-inferred-column-defaults") ?? 100)
    let all = schema.allFields
    // Containers are not counted, what is in them is.
    let counted = all.filter { field in
      switch field.type {
      case .list, .map: false
      default: true
      }
    }
    let withDefault: Set<Int32> =
      counted.count <= limit ? Set(all.map(\.id)) : Set(Self.breadthFirst(schema.fields).filter { !$0.type.isNested }.prefix(limit).map(\.id))
    let sorted = Set(
      metadata.sortOrder.fields.filter { field in
        switch field.transform {
        case .bucket, .void, .unknown: false
        default: true
        }
      }.map(\.sourceID))
    var modes: [Int32: MetricsMode] = [:]
    for field in all {
      var mode = stated ?? (withDefault.contains(field.id) ? Self.standard : .none)
      if sorted.contains(field.id) {
        switch mode {
        case .none, .counts: mode = Self.standard
        case .truncate, .full: break
        }
      }
      if let name = schema.fullName(id: field.id), let own = properties["write.metadata.metrics.column." + name].flatMap(MetricsMode.init) {
        mode = own
      }
      modes[field.id] = mode
    }
    self.modes = modes
  }

  package func mode(_ fieldID: Int32) -> MetricsMode { modes[fieldID] ?? .none }

  /// The fields of a struct before those of its children.
  private static func breadthFirst(_ fields: [IcebergField]) -> [IcebergField] {
    fields + fields.flatMap { breadthFirst($0.type.children) }
  }
}

/// Bounds cut to a length: still below, or above, every value.
package enum BoundTruncation {
  /// The first `length` characters of text, or bytes of binary.
  package static func lower(_ bytes: [UInt8], length: Int, isText: Bool) -> [UInt8] {
    Array(bytes.prefix(isText ? byteCount(of: bytes, characters: length) : length))
  }

  /// The cut value with its last character (byte) that can be increased, increased, and the rest dropped.
  ///
  /// - Returns: nil when none can be increased: there is no upper bound of that length.
  package static func upper(_ bytes: [UInt8], length: Int, isText: Bool) -> [UInt8]? {
    let cut = lower(bytes, length: length, isText: isText)
    if cut.count == bytes.count { return bytes }
    if !isText {
      guard let last = cut.lastIndex(where: { $0 != 0xFF }) else { return nil }
      return Array(cut[..<last]) + [cut[last] + 1]
    }
    var scalars = Array(String(decoding: cut, as: UTF8.self).unicodeScalars)
    while let last = scalars.popLast() {
      // D800 to DFFF are no characters.
      let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
      if let successor = Unicode.Scalar(next) {
        scalars.append(successor)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return Array(String(text).utf8)
      }
    }
    return nil
  }

  private static func byteCount(of bytes: [UInt8], characters: Int) -> Int {
    var left = characters
    for (index, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
      if left == 0 { return index }
      left -= 1
    }
    return bytes.count
  }
}

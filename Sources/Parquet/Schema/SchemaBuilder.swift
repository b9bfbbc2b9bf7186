import Columnar

/// Turns the footer's flat list of schema elements into columns: first the tree as the file has it, then lists, maps and rows
/// as SQL sees them, older spellings included.
///
/// - Source: parquet-format, LogicalTypes.md, "Nested Types" with its backward-compatibility rules.
struct SchemaBuilder {
  /// Timestamps of 12 bytes become `timestamp(9)` instead of `timestamp(6)`.
  var int96InNanoseconds = false

  private(set) var leaves: [LeafColumn] = []
  private(set) var columns: [ColumnNode] = []
  private var elements: [SchemaElement] = []

  /// Deeper schemas are refused: building and reading them recurses.
  private static let maxDepth = 64

  /// One element with its children, as in the file.
  private struct Group {
    var element: SchemaElement
    var children: [Group]
  }

  init(int96InNanoseconds: Bool) { self.int96InNanoseconds = int96InNanoseconds }

  mutating func build(_ elements: [SchemaElement]) throws(ParquetError) {
    self.elements = elements
    var position = 0
    guard !elements.isEmpty else { throw .corrupt("the schema has no root") }
    let root = try group(&position, depth: 0)
    guard position == elements.count else {
      throw .corrupt("schema elements", expected: "\(position) in the tree", found: "\(elements.count)")
    }
    guard root.element.childCount != nil || root.element.kind == nil else { throw .corrupt("the schema's root is a column") }
    for child in root.children {
      columns.append(try node(child, Place(path: [])))
    }
  }

  private func group(_ position: inout Int, depth: Int) throws(ParquetError) -> Group {
    guard depth <= Self.maxDepth else { throw .unsupported("schema nested deeper than \(Self.maxDepth) groups") }
    guard position < elements.count else {
      throw .corrupt("the schema ends before the children its groups announce")
    }
    let element = elements[position]
    position += 1
    let childCount = Int(element.childCount ?? 0)
    guard childCount >= 0, childCount <= elements.count - position else {
      throw .corrupt(
        "children of schema element '\(element.name)'", expected: "0...\(elements.count - position)", found: "\(childCount)")
    }
    var children: [Group] = []
    for _ in 0..<childCount { children.append(try group(&position, depth: depth + 1)) }
    return Group(element: element, children: children)
  }

  /// Where a node stands: its ancestors' names and levels.
  private struct Place {
    var path: [String]
    /// Levels of the parent.
    var repetition = 0
    var definition = 0
    /// The innermost repeated group around.
    var context = ColumnNode.Levels()

    /// The place below an optional or repeated node.
    func inside(_ element: SchemaElement) -> Place {
      var place = self
      place.path.append(element.name)
      switch element.repetition {
      case .optional: place.definition += 1
      case .repeated:
        place.definition += 1
        place.repetition += 1
        place.context = ColumnNode.Levels(repetition: place.repetition, definition: place.definition)
      case .required, nil: break
      }
      return place
    }
  }

  /// A node of any kind, at the place of its parent.
  private mutating func node(_ group: Group, _ place: Place) throws(ParquetError) -> ColumnNode {
    let element = group.element
    if element.repetition == .repeated {
      // A repeated field outside of a list or map: a list of required elements that is never NULL by itself.
      let inner = place.inside(element)
      let child = try contents(group, inner, isOptional: false)
      return ColumnNode(
        name: element.name, shape: .list(child), type: .array(child.type), isNullable: false, fieldID: element.fieldID,
        leaves: child.leaves, problem: child.problem, definition: place.definition, context: place.context,
        element: inner.context)
    }
    return try contents(group, place.inside(element), isOptional: element.repetition == .optional)
  }

  /// The node itself, its own repetition already counted into `inner`.
  private mutating func contents(_ group: Group, _ inner: Place, isOptional: Bool) throws(ParquetError) -> ColumnNode {
    let element = group.element
    if element.childCount == nil || (element.childCount == 0 && element.rawKind != nil) {
      return try leaf(element, inner, isOptional: isOptional)
    }
    switch LogicalKind(of: element) {
    case .list:
      if let list = try list(group, inner, isOptional: isOptional) { return list }
    case .map, .mapKeyValue:
      if let map = try map(group, inner, isOptional: isOptional) { return map }
    case .variant:
      return try row(
        group, inner, isOptional: isOptional,
        problem: .unsupported("column '\(inner.path.joined(separator: "."))' has the type VARIANT, which is not supported"))
    default: break
    }
    return try row(group, inner, isOptional: isOptional, problem: nil)
  }

  private func make(
    _ element: SchemaElement, _ inner: Place, _ shape: ColumnNode.Shape, _ type: SQLType, isOptional: Bool,
    _ leaves: [LeafColumn], _ problem: ParquetError?, element elementLevels: ColumnNode.Levels = .init()
  ) -> ColumnNode {
    ColumnNode(
      name: element.name, shape: shape, type: type, isNullable: isOptional, fieldID: element.fieldID, leaves: leaves,
      problem: problem, definition: inner.definition, context: inner.context, element: elementLevels)
  }

  private mutating func row(_ group: Group, _ inner: Place, isOptional: Bool, problem: ParquetError?) throws(ParquetError)
    -> ColumnNode
  {
    var fields: [ColumnNode] = []
    for child in group.children { fields.append(try node(child, inner)) }
    let type = SQLType.row(fields.map { RowField(name: $0.name, type: $0.type) })
    let refusal: ParquetError? =
      fields.isEmpty
      ? .unsupported("column '\(inner.path.joined(separator: "."))' is a group without fields") : nil
    return make(
      group.element, inner, .row(fields), type, isOptional: isOptional, fields.flatMap(\.leaves),
      problem ?? refusal ?? fields.lazy.compactMap(\.problem).first)
  }

  /// A LIST group; nil when it does not have the shape of one (it is then read as a row).
  private mutating func list(_ group: Group, _ inner: Place, isOptional: Bool) throws(ParquetError) -> ColumnNode? {
    guard group.children.count == 1, let repeated = group.children.first, repeated.element.repetition == .repeated else {
      return nil
    }
    let repeatedPlace = inner.inside(repeated.element)
    let element: ColumnNode
    if Self.isElement(repeated, listName: group.element.name) {
      element = try contents(repeated, repeatedPlace, isOptional: false)
    } else {
      element = try node(repeated.children[0], repeatedPlace)
    }
    return make(
      group.element, inner, .list(element), .array(element.type), isOptional: isOptional, element.leaves, element.problem,
      element: repeatedPlace.context)
  }

  /// Whether the repeated child of a LIST group is the element itself (two-level lists) rather than a wrapper around it.
  private static func isElement(_ repeated: Group, listName: String) -> Bool {
    if repeated.element.childCount == nil || repeated.children.count != 1 { return true }
    if repeated.children[0].element.repetition == .repeated { return true }
    return repeated.element.name == "array" || repeated.element.name == listName + "_tuple"
  }

  /// A MAP group; nil when it does not have the shape of one.
  private mutating func map(_ group: Group, _ inner: Place, isOptional: Bool) throws(ParquetError) -> ColumnNode? {
    guard group.children.count == 1, let entries = group.children.first, entries.element.repetition == .repeated,
      entries.children.count == 1 || entries.children.count == 2
    else { return nil }
    let place = inner.inside(entries.element)
    let key = try node(entries.children[0], place)
    guard entries.children.count == 2 else {
      // A set written as a map without values: a list of its keys.
      return make(
        group.element, inner, .list(key), .array(key.type), isOptional: isOptional, key.leaves, key.problem,
        element: place.context)
    }
    let value = try node(entries.children[1], place)
    return make(
      group.element, inner, .map(key: key, value: value), .map(key: key.type, value: value.type), isOptional: isOptional,
      key.leaves + value.leaves, key.problem ?? value.problem, element: place.context)
  }

  private mutating func leaf(_ element: SchemaElement, _ inner: Place, isOptional: Bool) throws(ParquetError) -> ColumnNode {
    let path = inner.path
    guard let kind = element.kind else {
      throw .corrupt("physical type of column '\(path.joined(separator: "."))'", expected: "0...7", found: "\(element.rawKind ?? -1)")
    }
    guard inner.definition <= 255 else { throw .unsupported("more than 255 definition levels") }
    var typeLength = 0
    if kind == .fixedByteArray {
      let length = Int(element.typeLength ?? -1)
      guard length >= 0, length <= 1 << 28 else {
        throw .corrupt("type length of column '\(path.joined(separator: "."))'", expected: "0...2^28", found: "\(length)")
      }
      typeLength = length
    }
    let mapping = TypeMapping(element, kind, typeLength: typeLength, int96InNanoseconds: int96InNanoseconds)
    let leaf = LeafColumn(
      index: leaves.count, path: path, kind: kind, typeLength: typeLength, maxDefinition: inner.definition,
      maxRepetition: inner.repetition, type: mapping.type, conversion: mapping.conversion, logical: mapping.logical,
      fieldID: element.fieldID)
    leaves.append(leaf)
    return make(
      element, inner, .leaf(leaf), mapping.type, isOptional: isOptional, [leaf],
      mapping.problem?.located(column: leaf.dottedPath))
  }
}

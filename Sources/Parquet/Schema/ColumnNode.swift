package import Columnar

/// One leaf of the file's schema: the unit that is stored as a column chunk.
package struct LeafColumn: Sendable {
  /// Position among the leaves, which is the position of its chunk in every row group.
  package let index: Int
  /// Names from the root's child down, as in the file.
  package let path: [String]
  package let kind: PhysicalKind
  /// Bytes per value of a fixed byte array, else 0.
  package let typeLength: Int
  package let maxDefinition: Int
  package let maxRepetition: Int
  package let type: SQLType
  /// How stored values become values of `type`.
  let conversion: ValueConversion
  package let logical: LogicalKind?
  package let fieldID: Int32?

  package var dottedPath: String { path.joined(separator: ".") }
}

/// A column of the file, or a part of a nested one, as the reader hands it out.
///
/// Levels count optional and repeated groups from the root down (Dremel): `definition` is the level from which on the node
/// itself is there; the context is the innermost repeated group around it. A value of the node starts at every level
/// entry with `repetition <= contextRepetition` and `definition >= contextDefinition`.
package final class ColumnNode: Sendable {
  package enum Shape: Sendable {
    case leaf(LeafColumn)
    case list(ColumnNode)
    case map(key: ColumnNode, value: ColumnNode)
    case row([ColumnNode])
  }

  package let name: String
  package let shape: Shape
  package let type: SQLType
  package let isNullable: Bool
  package let fieldID: Int32?
  /// Leaves below the node, ascending.
  package let leaves: [LeafColumn]
  /// Why the column cannot be read, for types this reader refuses; thrown when the column is asked for.
  package let problem: ParquetError?
  let definition: UInt8
  let contextRepetition: UInt8
  let contextDefinition: UInt8
  /// Lists and maps: the levels of the repeated group.
  let elementRepetition: UInt8
  let elementDefinition: UInt8

  init(
    name: String, shape: Shape, type: SQLType, isNullable: Bool, fieldID: Int32?, leaves: [LeafColumn],
    problem: ParquetError?, definition: Int, context: Levels, element: Levels
  ) {
    self.name = name
    self.shape = shape
    self.type = type
    self.isNullable = isNullable
    self.fieldID = fieldID
    self.leaves = leaves
    self.problem = problem
    self.definition = UInt8(truncatingIfNeeded: definition)
    contextRepetition = UInt8(truncatingIfNeeded: context.repetition)
    contextDefinition = UInt8(truncatingIfNeeded: context.definition)
    elementRepetition = UInt8(truncatingIfNeeded: element.repetition)
    elementDefinition = UInt8(truncatingIfNeeded: element.definition)
  }

  struct Levels {
    var repetition = 0
    var definition = 0
  }

  package var children: [ColumnNode] {
    switch shape {
    case .leaf: []
    case .list(let element): [element]
    case .map(let key, let value): [key, value]
    case .row(let fields): fields
    }
  }

  /// The column as a field of a `Schema`, with the field ids of everything nested in it when it has one itself.
  package var field: Field { Field(name, type, isNullable: isNullable, id: identifier) }

  private var identifier: FieldID? {
    guard let fieldID else { return nil }
    let children = self.children
    // A nested node without an id gets 0, which no table uses.
    return FieldID(
      fieldID, children: children.map { $0.identifier ?? FieldID(0) }, childIsNullable: children.map(\.isNullable))
  }

  /// The node with only those leaves below it for which `isWanted` holds; nil when there are none. Maps keep their keys,
  /// and a row without any wanted leaf that is itself asked for keeps its first leaf, which tells when it is NULL.
  package func pruned(_ isWanted: (LeafColumn) -> Bool) -> ColumnNode? {
    switch shape {
    case .leaf(let leaf): return isWanted(leaf) ? self : nil
    case .list(let element):
      guard let element = element.pruned(isWanted) else { return nil }
      return rebuilt(.list(element), type: .array(element.type), leaves: element.leaves)
    case .map(let key, let value):
      guard let value = value.pruned(isWanted) else {
        guard let key = key.pruned(isWanted) else { return nil }
        // Without a value column the map is still a map: its values are read too.
        return rebuilt(.map(key: key, value: value), type: .map(key: key.type, value: value.type), leaves: key.leaves + value.leaves)
      }
      return rebuilt(
        .map(key: key, value: value), type: .map(key: key.type, value: value.type), leaves: key.leaves + value.leaves)
    case .row(let fields):
      let kept = fields.compactMap { $0.pruned(isWanted) }
      guard !kept.isEmpty else { return nil }
      return rebuilt(
        .row(kept), type: .row(kept.map { RowField(name: $0.name, type: $0.type) }), leaves: kept.flatMap(\.leaves))
    }
  }

  private func rebuilt(_ shape: Shape, type: SQLType, leaves: [LeafColumn]) -> ColumnNode {
    ColumnNode(
      name: name, shape: shape, type: type, isNullable: isNullable, fieldID: fieldID, leaves: leaves,
      problem: remainingProblem(shape), definition: Int(definition),
      context: Levels(repetition: Int(contextRepetition), definition: Int(contextDefinition)),
      element: Levels(repetition: Int(elementRepetition), definition: Int(elementDefinition)))
  }

  /// The node's own problem, or one of the children that are left: what was pruned away does no harm.
  private func remainingProblem(_ shape: Shape) -> ParquetError? {
    guard children.contains(where: { $0.problem != nil }) else { return problem }
    let kept: [ColumnNode] =
      switch shape {
      case .leaf: []
      case .list(let element): [element]
      case .map(let key, let value): [key, value]
      case .row(let fields): fields
      }
    return kept.lazy.compactMap(\.problem).first
  }
}

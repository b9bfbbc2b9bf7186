import Columnar

/// A leaf column as it is written.
struct WrittenLeaf: Sendable {
  let index: Int
  let path: [String]
  let fieldID: Int32?
  let type: SQLType
  let kind: PhysicalKind
  /// Bytes of a fixed byte array, else 0.
  let typeLength: Int
  let maxDefinition: Int
  let maxRepetition: Int
  let form: StoredForm

  var dottedPath: String { path.joined(separator: ".") }
}

/// How the engine's values are stored.
enum StoredForm: Sendable, Hashable {
  case bits
  /// The same bytes.
  case copy
  case int8ToInt32, int16ToInt32
  /// Decimals of at most 9 digits.
  case int64ToInt32
  /// Big-endian two's complement in that many bytes.
  case decimal(Int)
  case uuid
  /// Text and binary.
  case byteArray
  /// Binary of one length.
  case fixedBytes(Int)
  /// A column of NULLs only.
  case null
}

/// A column or a part of a nested one as it is written.
final class WriterNode: Sendable {
  enum Shape: Sendable {
    case leaf(WrittenLeaf)
    case list(WriterNode)
    case map(key: WriterNode, value: WriterNode)
    case row([WriterNode])
  }

  let name: String
  let shape: Shape
  let isOptional: Bool
  /// Definition level of a present value.
  let definition: Int
  /// Lists and maps: repetition level of an element that is not the first.
  let elementRepetition: Int

  init(name: String, shape: Shape, isOptional: Bool, definition: Int, elementRepetition: Int = 0) {
    self.name = name
    self.shape = shape
    self.isOptional = isOptional
    self.definition = definition
    self.elementRepetition = elementRepetition
  }
}

/// Lays out a `Schema` as Parquet: schema elements, and a tree with levels.
struct WriterSchema {
  private(set) var columns: [WriterNode] = []
  private(set) var leaves: [WrittenLeaf] = []
  /// The thrift schema list, root first.
  private(set) var elements: [Element] = []
  private let fixedLengths: [Int32: Int]

  /// A schema element with what is written for its type.
  struct Element {
    var name: String
    var kind: PhysicalKind?
    var typeLength: Int?
    var repetition: Repetition?
    var childCount: Int?
    var fieldID: Int32?
    var type: SQLType?
    var group: Group?

    enum Group {
      case list, map
    }
  }

  /// Levels and names of a node's surroundings.
  private struct Place {
    var path: [String]
    var definition = 0
    var repetition = 0
  }

  init(_ schema: Schema, rootName: String, fixedLengths: [Int32: Int]) throws(ParquetError) {
    self.fixedLengths = fixedLengths
    elements = [Element(name: rootName, childCount: schema.count)]
    for field in schema.fields {
      columns.append(
        try add(field.name, field.type, isOptional: field.isNullable, id: field.id, Place(path: [])))
    }
  }

  private mutating func add(
    _ name: String, _ type: SQLType, isOptional: Bool, id: FieldID?, _ outer: Place
  ) throws(ParquetError) -> WriterNode {
    var place = outer
    place.path.append(name)
    if isOptional { place.definition += 1 }
    // 0 marks a nested node without an id.
    let fieldID = id.flatMap { $0.id == 0 ? nil : $0.id }
    func child(_ index: Int) -> (id: FieldID?, isOptional: Bool) {
      guard let id else { return (nil, true) }
      return (
        index < id.children.count ? id.children[index] : nil,
        index < id.childIsNullable.count ? id.childIsNullable[index] : true
      )
    }
    var element = Element(name: name, repetition: isOptional ? .optional : .required, fieldID: fieldID)
    switch type {
    case .row(let fields):
      guard !fields.isEmpty else { throw .unsupported("column '\(name)' is a row without fields, which Parquet cannot hold") }
      element.childCount = fields.count
      elements.append(element)
      var nodes: [WriterNode] = []
      for (index, field) in fields.enumerated() {
        let (id, isOptional) = child(index)
        nodes.append(try add(field.name ?? "field\(index)", field.type, isOptional: isOptional, id: id, place))
      }
      return WriterNode(name: name, shape: .row(nodes), isOptional: isOptional, definition: place.definition)
    case .array(let elementType):
      let (inner, repetition) = openRepeated(&element, "list", childCount: 1, place)
      element.group = .list
      let (id, isElementOptional) = child(0)
      let node = try add("element", elementType, isOptional: isElementOptional, id: id, inner)
      return WriterNode(
        name: name, shape: .list(node), isOptional: isOptional, definition: place.definition, elementRepetition: repetition)
    case .map(let keyType, let valueType):
      let (inner, repetition) = openRepeated(&element, "key_value", childCount: 2, place)
      let key = try add("key", keyType, isOptional: false, id: child(0).id, inner)
      let (id, isValueOptional) = child(1)
      let value = try add("value", valueType, isOptional: isValueOptional, id: id, inner)
      return WriterNode(
        name: name, shape: .map(key: key, value: value), isOptional: isOptional, definition: place.definition,
        elementRepetition: repetition)
    default:
      let (kind, length, form) = try storage(type, fieldID, place.path)
      guard place.definition <= 255 else { throw .unsupported("more than 255 definition levels") }
      element.kind = kind
      element.typeLength = length
      element.type = type
      elements.append(element)
      let leaf = WrittenLeaf(
        index: leaves.count, path: place.path, fieldID: fieldID, type: type, kind: kind, typeLength: length ?? 0,
        maxDefinition: place.definition, maxRepetition: place.repetition, form: form)
      leaves.append(leaf)
      return WriterNode(name: name, shape: .leaf(leaf), isOptional: isOptional, definition: place.definition)
    }
  }

  /// Appends the outer group of a list or map and its repeated group.
  private mutating func openRepeated(_ element: inout Element, _ name: String, childCount: Int, _ place: Place)
    -> (inner: Place, repetition: Int)
  {
    element.childCount = 1
    element.group = childCount == 1 ? .list : .map
    elements.append(element)
    elements.append(Element(name: name, repetition: .repeated, childCount: childCount))
    var inner = place
    inner.path.append(name)
    inner.definition += 1
    inner.repetition += 1
    return (inner, inner.repetition)
  }

  /// Bytes of a fixed byte array that holds every decimal of `precision` digits.
  static func decimalByteCount(_ precision: Int) -> Int {
    var limit: Int128 = 1
    for _ in 0..<min(precision, 38) { limit *= 10 }
    var count = 1
    while count < 16, (Int128(1) << Int128(8 * count - 1)) <= limit - 1 { count += 1 }
    return count
  }

  private func storage(_ type: SQLType, _ fieldID: Int32?, _ path: [String]) throws(ParquetError)
    -> (PhysicalKind, Int?, StoredForm)
  {
    switch type {
    case .unknown: return (.int32, nil, .null)
    case .boolean: return (.boolean, nil, .bits)
    case .tinyint: return (.int32, nil, .int8ToInt32)
    case .smallint: return (.int32, nil, .int16ToInt32)
    case .integer, .date: return (.int32, nil, .copy)
    case .bigint, .time, .timestamp, .timestampTZ: return (.int64, nil, .copy)
    case .real: return (.float, nil, .copy)
    case .double: return (.double, nil, .copy)
    case .decimal(let precision, _):
      if precision <= 9 { return (.int32, nil, .int64ToInt32) }
      if precision <= 18 { return (.int64, nil, .copy) }
      let length = Self.decimalByteCount(precision)
      return (.fixedByteArray, length, .decimal(length))
    case .uuid: return (.fixedByteArray, 16, .uuid)
    case .varchar, .char, .json: return (.byteArray, nil, .byteArray)
    case .varbinary:
      guard let fieldID, let length = fixedLengths[fieldID] else { return (.byteArray, nil, .byteArray) }
      guard length > 0 else { throw .invalidRequest("fixed length \(length) of column '\(path.joined(separator: "."))'") }
      return (.fixedByteArray, length, .fixedBytes(length))
    case .intervalDayToSecond, .intervalYearToMonth, .ipaddress, .timeTZ, .sketch, .color:
      throw .unsupported("column '\(path.joined(separator: "."))' has the type \(type), which Parquet files cannot hold")
    case .array, .map, .row: throw .invalidRequest("a nested type where a leaf is due")
    }
  }
}

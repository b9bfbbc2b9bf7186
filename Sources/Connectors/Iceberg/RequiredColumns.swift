import Columnar
import SQLSyntax

/// Refuses NULL where a table does not allow it.
struct RequiredColumns: Sendable {
  /// A place in a column that must not be NULL, or that has such places inside.
  private indirect enum Check: Sendable {
    case leaf(isRequired: Bool, name: String)
    case nested(isRequired: Bool, name: String, children: [Check?])
  }
  private let checks: [Check?]

  init(_ schema: Schema) {
    checks = schema.fields.map { Self.check(name: $0.name, type: $0.type, isRequired: !$0.isNullable, id: $0.id) }
  }

  /// nil where nothing needs to be checked.
  private static func check(name: String, type: SQLType, isRequired: Bool, id: FieldID?) -> Check? {
    let types = type.children
    let children = types.enumerated().map { index, child -> Check? in
      let isNullable = id.flatMap { index < $0.childIsNullable.count ? $0.childIsNullable[index] : nil } ?? true
      let childID = id.flatMap { index < $0.children.count ? $0.children[index] : nil }
      let childName: String =
        switch type {
        case .row(let fields): "\(name).\(fields[index].name ?? "field\(index)")"
        case .map: "\(name).\(index == 0 ? "key" : "value")"
        default: name + ".element"
        }
      return check(name: childName, type: child, isRequired: !isNullable, id: childID)
    }
    if children.contains(where: { $0 != nil }) { return .nested(isRequired: isRequired, name: name, children: children) }
    return isRequired ? .leaf(isRequired: true, name: name) : nil
  }

  func check(_ batch: Batch) throws(SQLError) {
    for (check, column) in zip(checks, batch.columns) {
      if let check { try Self.check(check, column, isPresent: nil) }
    }
  }

  /// - Parameter isPresent: the rows of the column that exist: a NULL struct says nothing of its fields. nil is all.
  private static func check(_ check: Check, _ column: Column, isPresent: [Bool]?) throws(SQLError) {
    switch check {
    case .leaf(_, let name): try refuseNulls(column, name, isPresent)
    case .nested(let isRequired, let name, let children):
      if isRequired { try refuseNulls(column, name, isPresent) }
      let flat = column.flattened()
      let view = ColumnView(flat)
      var present: [Bool]
      if flat.type.physical == .row {
        present = (0..<flat.count).map { view.isValid($0) && (isPresent?[$0] ?? true) }
      } else {
        // Elements that a row that exists refers to.
        present = [Bool](repeating: false, count: flat.flat.children.first?.count ?? 0)
        let entries = view.pointer(as: ListEntry.self)
        withExtendedLifetime(flat) {
          for row in 0..<flat.count where view.isValid(row) && (isPresent?[row] ?? true) {
            for element in Int(entries[row].offset)..<Int(entries[row].offset) + Int(entries[row].count) { present[element] = true }
          }
        }
      }
      for (child, column) in zip(children, flat.flat.children) {
        if let child { try self.check(child, column, isPresent: present) }
      }
    }
  }

  private static func refuseNulls(_ column: Column, _ name: String, _ isPresent: [Bool]?) throws(SQLError) {
    guard !column.hasNoValidity else { return }
    let view = ColumnView(column)
    for row in 0..<column.count where !view.isValid(row) && (isPresent?[row] ?? true) {
      throw SQLError(.constraintViolation, "NULL value not allowed for NOT NULL column: \(name)")
    }
  }
}

import Columnar
import Functions
import Iceberg
import Planner
import SQLSyntax

/// The order that rows are brought into before they are written.
enum RowOrder {
  /// By transformed columns, as a table's sort order names them (iceberg.md section 5).
  case fields([IcebergSortOrder.SortField])
  /// Along the Z-order curve over columns, given by their ids.
  case zOrder([Int32])

  /// The argument `sort_order` of `rewrite_data_files`: `zorder(a, b)`, or what WRITE ORDERED BY takes: `a, bucket(16, b) DESC NULLS LAST`.
  init(_ text: String, _ schema: IcebergSchema, _ range: SourceRange) throws(SQLError) {
    func wrong(_ message: String, hint: String? = nil) -> SQLError {
      SQLError(.invalidProcedureArgument, "sort_order: \(message)", range: range, hint: hint)
    }
    if let items = try? Parser.parseOrderItems(text),  // What is no ORDER BY item may still be a term of a write order.
      let curve = items.lazy.compactMap({ Self.zOrderArguments($0.expression) }).first
    {
      guard items.count == 1, !items[0].isDescending, items[0].nulls == nil else {
        throw wrong("zorder(…) stands alone, without a direction", hint: "put all columns into it: zorder(a, b, c)")
      }
      var ids: [Int32] = []
      for argument in curve {
        guard let path = Self.path(argument) else { throw wrong("zorder takes the names of columns") }
        let field = try Self.field(path, schema, range)
        guard let type = try? field.type.sqlType(), ZOrder.takes(type) else {
          throw wrong("column '\(path)' of type \(field.type) cannot be part of a Z-order", hint: "columns of primitive types can")
        }
        if ids.contains(field.id) { throw wrong("column '\(path)' is given twice") }
        ids.append(field.id)
      }
      guard !ids.isEmpty else { throw wrong("zorder needs at least one column") }
      self = .zOrder(ids)
      return
    }
    do { self = .fields(try schema.sortFields(try Parser.parseWriteOrderTerms(text), at: range)) } catch {
      throw error.range == range ? error : wrong("\(error.message)", hint: error.hint)
    }
  }

  private static func zOrderArguments(_ expression: Expression) -> [Expression]? {
    guard case .function(let call) = expression.kind, call.name.isSimple, call.name.folded == "zorder" else { return nil }
    return call.arguments.map(\.value)
  }

  private static func path(_ expression: Expression) -> String? {
    switch expression.kind {
    case .name(let name): name.folded
    case .field(let parent, let field): path(parent).map { $0 + "." + field.folded }
    default: nil
    }
  }

  private static func field(_ path: String, _ schema: IcebergSchema, _ range: SourceRange) throws(SQLError) -> IcebergField {
    guard let field = schema.field(named: path), schema.isReachable(field.id) else {
      throw SQLError(
        .columnNotFound, "Column '\(path)' cannot be resolved", range: range,
        hint: Suggestion.hint(for: path, among: schema.fields.map(\.name)))
    }
    return field
  }

  /// Sorts a plan whose first columns are those of `schema`.
  ///
  /// - Returns: nil when the order has a transform that cannot be computed.
  func sort(_ plan: LogicalPlan, _ schema: IcebergSchema) -> LogicalPlan? {
    switch self {
    case .fields(let fields):
      var keys: [SortKey] = []
      for field in fields {
        guard let value = Self.value(field.sourceID, plan, schema), let key = Self.transformed(value, field.transform) else { return nil }
        keys.append(SortKey(key, isDescending: !field.isAscending, nullsFirst: field.nullsFirst))
      }
      return keys.isEmpty ? plan : .sort(plan, keys)
    case .zOrder(let ids):
      let values = ids.compactMap { Self.value($0, plan, schema) }
      guard values.count == ids.count else { return nil }
      let curve = ResolvedScalar(
        name: "zorder", argumentTypes: values.map(\.type), resultType: .varbinary, propagatesNulls: false
      ) { arguments, call in ZOrder.keys(arguments, count: call.count) }
      return .sort(plan, [SortKey(.call(curve, values, .unknown))])
    }
  }

  /// A column, or a field inside structs.
  private static func value(_ id: Int32, _ plan: LogicalPlan, _ schema: IcebergSchema) -> BoundExpression? {
    guard let path = schema.path(toID: id), schema.isReachable(id),
      let column = schema.fields.firstIndex(where: { $0.id == path[0].id })
    else { return nil }
    var value = BoundExpression.column(column, plan.columns[column].type, .unknown)
    for (parent, child) in zip(path, path.dropFirst()) {
      guard let index = parent.type.children.firstIndex(where: { $0.id == child.id }), case .row(let fields) = value.type else { return nil }
      value = .field(value, index: index, type: fields[index].type, .unknown)
    }
    return value
  }

  private static func transformed(_ value: BoundExpression, _ transform: PartitionTransform) -> BoundExpression? {
    switch transform {
    case .identity: return value
    case .unknown: return nil
    case .void, .bucket, .truncate, .year, .month, .day, .hour:
      guard let type = transform.resultType(value.type) else { return nil }
      let function = ResolvedScalar(
        name: transform.text, argumentTypes: [value.type], resultType: type, propagatesNulls: false
      ) { arguments, _ in transform.apply(arguments[0]) }
      return .call(function, [value], .unknown)
    }
  }
}

extension IcebergSchema {
  /// Whether a field is a column, or inside structs only.
  fileprivate func isReachable(_ id: Int32) -> Bool {
    guard let path = path(toID: id) else { return false }
    return path.dropLast().allSatisfy { if case .structure = $0.type { true } else { false } }
  }

  /// The fields of a sort order as WRITE ORDERED BY names them; NULLs first ascending and last descending unless it says otherwise.
  ///
  /// - Parameter range: where errors point, for terms that are no part of the statement's own text.
  func sortFields(_ terms: [WriteOrder.Term], at range: SourceRange? = nil) throws(SQLError) -> [IcebergSortOrder.SortField] {
    var fields: [IcebergSortOrder.SortField] = []
    for term in terms {
      let path = term.term.column.parts.map(\.folded).joined(separator: ".")
      guard let source = field(named: path) else {
        throw SQLError(
          .columnNotFound, "Column '\(path)' does not exist", range: range ?? term.term.range,
          hint: Suggestion.hint(for: path, among: self.fields.map(\.name)))
      }
      let transform = try PartitionTransform(term.term)
      guard isReachable(source.id), let type = try? source.type.sqlType(), transform.resultType(type) != nil else {
        throw SQLError(
          .typeMismatch, "Cannot order by \(transform == .identity ? "" : "\(transform.text) of ")column '\(path)' of type \(source.type)",
          range: range ?? term.term.range)
      }
      fields.append(
        IcebergSortOrder.SortField(
          sourceID: source.id, transform: transform, isAscending: !term.isDescending,
          nullsFirst: term.nulls.map { $0 == .first } ?? !term.isDescending))
    }
    return fields
  }
}

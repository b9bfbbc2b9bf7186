import Columnar
import Functions
import Planner
import SQLSyntax

/// Window functions as the operator runs them: what to compute from the input before sorting, and which of those columns each part uses.
///
/// Held rows are the input's columns followed by the computed ones: partition keys, order keys, arguments, filters, frame offsets.
struct WindowShape: Sendable {
  struct Call: Sendable {
    let function: ResolvedWindow
    let arguments: [Int]
    let filter: Int?
    let frame: Frame
    let ignoresNulls: Bool
    let range: SourceRange
  }

  struct Frame: Sendable {
    let unit: WindowFrame.Unit
    let start: Bound
    let end: Bound
  }

  enum Bound: Sendable {
    case unboundedPreceding
    case preceding(Offset)
    case currentRow
    case following(Offset)
    case unboundedFollowing
  }

  struct Offset: Sendable {
    let column: Int
    let range: SourceRange
    /// For RANGE: what takes the order key to the value at the edge of the frame.
    let edge: ResolvedScalar?
  }

  let inputTypes: [SQLType]
  let computed: [BoundExpression]
  let partition: [Int]
  let orderKeys: [Int]
  /// Partition, then order.
  let order: SortOrder
  let calls: [Call]

  init(_ node: WindowNode) throws(SQLError) {
    let inputTypes = node.input.columns.map(\.type)
    var computed: [BoundExpression] = []
    func place(_ expression: BoundExpression) -> Int {
      if case .column(let index, _, _) = expression { return index }
      computed.append(expression)
      return inputTypes.count + computed.count - 1
    }
    let partition = node.partition.map(place)
    let orderKeys = node.order.map { place($0.expression) }
    self.inputTypes = inputTypes
    self.partition = partition
    self.orderKeys = orderKeys
    order = SortOrder(
      partition.map { SortOrder.Key(column: $0, isDescending: false, nullsFirst: false) }
        + zip(node.order, orderKeys).map {
          SortOrder.Key(column: $1, isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
        })

    func offset(_ expression: BoundExpression, _ frame: WindowFrame, isPreceding: Bool) throws(SQLError) -> Offset {
      var edge: ResolvedScalar?
      if case .range = frame.unit {
        guard node.order.count == 1 else {
          throw SQLError(
            .invalidWindowFrame, "Window frame of type RANGE PRECEDING or FOLLOWING requires single sort item in ORDER BY",
            range: expression.range)
        }
        // Going back in a descending order means greater values.
        let name = isPreceding != node.order[0].isDescending ? "-" : "+"
        do {
          edge = try FunctionLibrary.standard.resolveScalar(name, [node.order[0].expression.type, expression.type])
        } catch {
          throw SQLError(
            .typeMismatch,
            "Window frame RANGE value type (\(expression.type)) not compatible with sort item type (\(node.order[0].expression.type))",
            range: expression.range)
        }
      }
      return Offset(column: place(expression), range: expression.range, edge: edge)
    }
    func bound(_ bound: WindowFrame.Bound, _ frame: WindowFrame) throws(SQLError) -> Bound {
      switch bound {
      case .unboundedPreceding: .unboundedPreceding
      case .currentRow: .currentRow
      case .unboundedFollowing: .unboundedFollowing
      case .preceding(let expression): .preceding(try offset(expression, frame, isPreceding: true))
      case .following(let expression): .following(try offset(expression, frame, isPreceding: false))
      }
    }
    var calls: [Call] = []
    for call in node.functions {
      calls.append(
        Call(
          function: call.function,
          // Rows that the filter drops must not make an argument fail.
          arguments: call.arguments.map { argument in place(call.filter.map { argument.onlyWhere($0) } ?? argument) },
          filter: call.filter.map(place),
          frame: Frame(
            unit: call.frame.unit, start: try bound(call.frame.start, call.frame), end: try bound(call.frame.end, call.frame)),
          ignoresNulls: call.ignoresNulls, range: call.range))
    }
    self.calls = calls
    self.computed = computed
  }

  var types: [SQLType] { inputTypes + computed.map(\.type) }
}

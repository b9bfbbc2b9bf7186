import Columnar
@testable import Functions

/// Aggregates and functions by signature only, for plans whose functions are not in the library.
extension FunctionLibrary {
  static let standIn: FunctionLibrary = {
    final class NoState: AggregateState {
      func resize(groupCount: Int) {}
      func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {}
      func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {}
      func finish(start: Int, count: Int) throws(KernelError) -> Column { .nulls(.unknown, count: count) }
      var byteCount: Int { 0 }
    }
    func aggregate(
      _ name: String, _ parameters: [TypePattern], _ result: ResultRule, ordered: Bool = false, unique: Bool = false
    ) -> AggregateDefinition {
      AggregateDefinition(
        name, "", parameters, returns: result, isOrderSensitive: ordered, ignoresDuplicates: unique
      ) { _, _ in { _ in NoState() } }
    }
    return FunctionLibrary(
      scalars: [], operators: comparisonOperators + arithmeticOperators,
      aggregates: [
        aggregate("count", [], .type(.bigint)),
        aggregate("count", [.variable("T")], .type(.bigint)),
        aggregate("sum", [.exact(.bigint)], .type(.bigint)),
        aggregate("sum", [.exact(.double)], .type(.double)),
        aggregate("avg", [.exact(.double)], .type(.double)),
        aggregate("max", [.variable("T")], .argument(0), unique: true),
        aggregate("min", [.variable("T")], .argument(0), unique: true),
        aggregate("any_value", [.variable("T")], .argument(0), unique: true),
        aggregate("array_agg", [.variable("T")], .computed("array(T)") { types throws(FunctionError) in .array(types[0]) }, ordered: true),
      ])
  }()
}

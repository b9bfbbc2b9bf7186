import Columnar
import Functions
import TestSupport
import Testing

/// Every overload of every scalar function on border values: a value or an error, the same whatever the encoding and batch size.
@Suite struct ScalarEdgeTests {
  private static let rows = 24

  /// An overload with types chosen for its parameters.
  private struct Sample {
    let function: ResolvedScalar
    let lambdaTypes: [SQLType]
  }

  private static func sample(_ definition: ScalarDefinition, _ random: inout SeededRandom) -> Sample? {
    var variables: [String: SQLType] = [:]
    let patterns = definition.parameters + (definition.isVariadic ? [definition.parameters[definition.parameters.count - 1]] : [])
    var arguments: [ArgumentType] = []
    for pattern in patterns {
      if case .function(let parameters, _) = pattern {
        arguments.append(.lambda(parameterCount: parameters.count))
      } else {
        arguments.append(.value(EdgeValues.type(for: pattern, &random, &variables)))
      }
    }
    let function = try? FunctionLibrary.standard.resolveScalar(definition.names[0], arguments) { index, parameters in
      guard case .function(_, let result) = patterns[index] else { return .unknown }
      switch result {
      case .exact(let type): return type
      case .varchar: return .varchar
      case .variable(let name): return variables[name] ?? parameters.first ?? .bigint
      default: return parameters.first ?? .bigint
      }
    }
    // Some variables get types that the function refuses, such as maps as keys of an order.
    guard let function else { return nil }
    let lambdaTypes = zip(arguments, function.argumentTypes).compactMap { argument, type -> SQLType? in
      if case .lambda = argument { type } else { nil }
    }
    return Sample(function: function, lambdaTypes: lambdaTypes)
  }

  /// Lambdas that answer the same for every element: the border values in turn would depend on the batch.
  private static func lambdas(_ types: [SQLType]) -> [LambdaEvaluator] {
    types.map { type in
      { _, _, count in .constant(Scalar(type, EdgeValues.of(type)[0]), count: count) }
    }
  }

  private static func run(_ sample: Sample, _ columns: [Column], count: Int) -> Result<[Int], KernelError> {
    let context = QueryContext(nowMicroseconds: 1_600_000_000_000_000)
    do throws(KernelError) {
      let result = try sample.function.kernel(
        columns,
        FunctionCall(
          count: count, resultType: sample.function.resultType, context: context, lambdas: lambdas(sample.lambdaTypes)))
      #expect(result.count == count, "\(sample.function.name)")
      #expect(result.type == sample.function.resultType, "\(sample.function.name)")
      // Hashes stand for values: NaN equals itself then, and long values cost little.
      return .success((0..<count).map { result.scalarValue(at: $0).hashValue })
    } catch {
      return .failure(error)
    }
  }

  @Test("border values give values or errors, alike in batches, row by row, as constants and as dictionaries")
  func borders() throws {
    var random = SeededRandom(20_260_731)
    var tried: Set<String> = []
    // Sequences between borders have millions of elements; the cases of arrays hold their borders.
    for definition in FunctionLibrary.standard.allScalars where definition.names[0] != "sequence" {
      for _ in 0..<2 {
        guard let sample = Self.sample(definition, &random) else { continue }
        tried.insert(definition.names[0])
        let name = "\(definition.signature) as \(sample.function.argumentTypes)"
        let columns = sample.function.argumentTypes.map { EdgeValues.column($0, count: Self.rows, &random) }
        let whole = Self.run(sample, columns, count: Self.rows)
        _ = Self.run(sample, columns.map { $0.slice(0, 0) }, count: 0)
        guard definition.isDeterministic else { continue }
        var single: [Int] = []
        var firstFailure: String?
        for row in 0..<Self.rows {
          let one = columns.map { $0.slice(row, 1).flattened() }
          let flat = Self.run(sample, one, count: 1)
          let constant = Self.run(sample, one.map { $0.asConstant(count: 3) }, count: 3)
          switch (flat, constant) {
          case (.success(let value), .success(let values)):
            #expect(values == [value[0], value[0], value[0]], "\(name), row \(row) as a constant")
            single.append(value[0])
          case (.failure(let error), .failure(let other)):
            #expect(error.code == other.code, "\(name), row \(row)")
            firstFailure = firstFailure ?? error.code
          default: Issue.record("\(name), row \(row): \(flat) as a row, \(constant) as a constant")
          }
        }
        switch whole {
        case .success(let values): #expect(firstFailure == nil && values == single, "\(name)")
        case .failure(let error): #expect(firstFailure != nil, "\(name): \(error.code) \(error.message), but no row fails")
        }
      }
    }
    #expect(tried.count > 230)
  }

  @Test("NULL in, NULL out, for functions that say so")
  func nulls() throws {
    var random = SeededRandom(7)
    for definition in FunctionLibrary.standard.allScalars where definition.propagatesNulls && !definition.parameters.isEmpty {
      guard let sample = Self.sample(definition, &random), sample.lambdaTypes.isEmpty else { continue }
      for position in sample.function.argumentTypes.indices {
        let columns = sample.function.argumentTypes.enumerated().map { index, type -> Column in
          index == position ? .nulls(type, count: 2) : .constant(Scalar(type, EdgeValues.of(type)[0]), count: 2)
        }
        if case .success(let values) = Self.run(sample, columns, count: 2) {
          #expect(values == [ScalarValue.null.hashValue, ScalarValue.null.hashValue], "\(definition.signature), argument \(position)")
        }
      }
    }
  }
}

import Columnar
import Functions
import Testing

@Suite struct RegistryTests {
  @Test("every function is described in a sentence")
  func descriptions() {
    for line in FunctionLibrary.standard.listing {
      #expect(line.description.hasSuffix(".") || line.description.contains(": "), "\(line.name): \(line.description)")
      #expect(!line.name.isEmpty && line.name == line.name.lowercased())
      #expect(!line.returnType.isEmpty)
    }
  }

  @Test("no overload is defined twice")
  func uniqueness() {
    var seen: Set<String> = []
    for definition in FunctionLibrary.standard.allScalars {
      for name in definition.names {
        // Lambdas of other parameter counts are other overloads.
        let key = "\(name)(\(definition.parameters.map(\.description).joined(separator: ", ")))\(definition.isVariadic)"
        #expect(seen.insert(key).inserted, "\(key)")
      }
    }
    for definition in FunctionLibrary.standard.allAggregates {
      for name in definition.names {
        #expect(seen.insert("agg \(name)(\(definition.parameters.map(\.description).joined(separator: ", ")))").inserted, "\(name)")
      }
    }
  }

  @Test("a name nearly right gets a hint; a wrong argument list gets the right ones")
  func messages() {
    do {
      _ = try FunctionLibrary.standard.resolveScalar("lenght", [.varchar])
      Issue.record("no error")
    } catch {
      let error = error as? FunctionError
      #expect(error?.code == "FUNCTION_NOT_FOUND")
      #expect(error?.message == "Function 'lenght' not registered")
      #expect(error?.hint == "did you mean 'length'?")
    }
    do {
      _ = try FunctionLibrary.standard.resolveScalar("regexp_like", [.bigint, .varchar])
      Issue.record("no error")
    } catch {
      let message = (error as? FunctionError)?.message ?? ""
      #expect(message.hasPrefix("Unexpected parameters (bigint, varchar) for function regexp_like. Expected: regexp_like("))
    }
  }
}

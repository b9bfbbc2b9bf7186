import Columnar

extension FunctionLibrary {
  /// Arrays of doubles as vectors. NULL where an element is NULL.
  static let vectors: [ScalarDefinition] = [
    vector("cosine_similarity", "Cosine of the angle between two vectors.") { $0.cosine },
    vector("cosine_distance", "1 minus the cosine of the angle between two vectors.") { 1 - $0.cosine },
    vector("dot_product", "The sum of the products of two vectors' elements.") { $0.product },
    vector("euclidean_distance", "The length of the difference of two vectors.") { $0.difference.squareRoot() },
  ]

  /// Sums over the elements of two vectors of one length.
  private struct VectorSums {
    var product = 0.0
    var first = 0.0
    var second = 0.0
    var difference = 0.0

    var cosine: Double { product / (first * second).squareRoot() }
  }

  private static func vector(
    _ name: String, _ description: String, _ result: @escaping @Sendable (VectorSums) -> Double
  ) -> ScalarDefinition {
    ScalarDefinition(
      name, description, [.array(.double), .array(.double)], returns: .type(.double),
      kernel: listScalarKernel(.double) { (lists: ListArguments, row: Int) throws(KernelError) -> Double? in
        let (mine, theirs) = (lists[0].range(row), lists[1].range(row))
        guard mine.count == theirs.count else { throw .invalidArgument("The arguments must have the same length") }
        let (x, y) = (Operand(lists[0].elements), Operand(lists[1].elements))
        var sums = VectorSums()
        for (i, j) in Swift.zip(mine, theirs) {
          guard x.isValid(i), y.isValid(j) else { return nil }
          let (a, b) = (x.pointer(as: Double.self)[i & x.mask], y.pointer(as: Double.self)[j & y.mask])
          sums.product += a * b
          sums.first += a * a
          sums.second += b * b
          sums.difference += (a - b) * (a - b)
        }
        return result(sums)
      })
  }
}

extension Statement {
  /// The parameters of a statement, `?` and `:name`, in the order of the text; those of what EXPLAIN explains are among them, those of what
  /// PREPARE keeps are not.
  package var parameterPlaces: [(parameter: Parameter, range: SourceRange)] {
    if case .explain(let explain) = kind { return explain.statement.parameterPlaces }
    var places: [(parameter: Parameter, range: SourceRange)] = []
    for expression in SyntaxPieces(self).expressions {
      if case .parameter(let parameter) = expression.kind { places.append((parameter, expression.range)) }
    }
    return places.sorted { $0.range.lowerBound < $1.range.lowerBound }
  }
}

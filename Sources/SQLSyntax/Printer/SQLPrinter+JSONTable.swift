extension SQLPrinter {
  static func render(_ table: JSONTableClause) -> String {
    let path = words(
      "\(render(table.path.input))\(table.path.encoding.map(format) ?? ""), \(render(table.path.path))", table.pathName.map { "AS \(render($0))" }, passing(table.path))
    return
      "JSON_TABLE(\(words(path, "COLUMNS \(group(table.columns, render))", table.plan.map { "PLAN \(plan($0))" }, table.onError.map { "\($0.rawValue) ON ERROR" })))"
  }

  private static func render(_ column: JSONTableColumn) -> String {
    func path(_ path: StringLiteral?) -> String? { path.map { "PATH \(render($0))" } }
    switch column {
    case .ordinality(let name): return "\(render(name)) FOR ORDINALITY"
    case .value(let name, let type, let own, let onEmpty, let onError):
      return words("\(render(name)) \(render(type))", path(own), behaviours(onEmpty, onError))
    case .query(let name, let type, let own, let wrapper, let quotes, let onEmpty, let onError):
      return words(
        "\(render(name)) \(render(type)) FORMAT JSON", path(own), wrapper?.rawValue, quotes?.rawValue, behaviours(onEmpty, onError))
    case .nested(let own, let name, let columns):
      return words("NESTED PATH \(render(own))", name.map { "AS \(render($0))" }, "COLUMNS \(group(columns, render))")
    }
  }

  private static func plan(_ plan: JSONTablePlan) -> String {
    switch plan {
    case .everywhere(let joining, let combination):
      "DEFAULT (\([joining?.rawValue, combination?.rawValue].compactMap { $0 }.joined(separator: ", ")))"
    case .path, .nested, .siblings: "(\(paths(plan)))"
    }
  }

  private static func paths(_ plan: JSONTablePlan) -> String {
    switch plan {
    case .everywhere: self.plan(plan)
    case .path(let name): render(name)
    case .nested(let name, let joining, let inner): "\(render(name)) \(joining.rawValue) \(term(inner))"
    case .siblings(let combination, let plans): plans.map(term).joined(separator: " \(combination.rawValue) ")
    }
  }

  private static func term(_ plan: JSONTablePlan) -> String {
    if case .path(let name) = plan { return render(name) }
    return "(\(paths(plan)))"
  }
}

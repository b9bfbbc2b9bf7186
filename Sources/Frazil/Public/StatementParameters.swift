import Columnar
import Planner
import SQLSyntax

/// Values for `:name` and `?`, as texts: a text that is a literal of SQL (`12`, `1.5e0`, `true`, `NULL`, `'text'`, `DATE '2026-01-31'`,
/// `ARRAY[1, 2]`) has that value and type; any other text is varchar, without quotes.
public struct StatementParameters: Sendable, Hashable {
  /// By name without its colon; case does not count.
  public var named: [String: String]
  /// Of the first `?`, the second, and so on. A statement with `?` needs exactly as many.
  public var positional: [String]

  public init(named: [String: String] = [:], positional: [String] = []) {
    self.named = named
    self.positional = positional
  }
}

extension StatementParameters {
  /// A value as it stands in a statement: a literal as it is, other text in quotes.
  static func literal(_ text: String) -> String {
    do {
      let expression = try Parser.parseExpression(text)
      // Without a comment behind it, which would swallow what follows.
      if expression.isLiteral { return text.cut(expression.range) }
    } catch {
      // What is no expression is text.
    }
    return "'" + text.replacing("'", with: "''") + "'"
  }
}

/// The same, read.
struct ParameterValues: Sendable {
  private(set) var named: [String: Scalar] = [:]
  private(set) var positional: [Scalar] = []

  init() {}

  init(_ parameters: StatementParameters, binder: Binder) throws(SQLError) {
    for (name, text) in parameters.named { named[name.lowercased()] = try Self.value(text, of: ":\(name)", binder) }
    for (index, text) in parameters.positional.enumerated() {
      positional.append(try Self.value(text, of: "\(index + 1)", binder))
    }
  }

  private static func value(_ text: String, of name: String, _ binder: Binder) throws(SQLError) -> Scalar {
    let expression: Expression
    // What is no expression is text.
    do { expression = try Parser.parseExpression(text) } catch { return .text(text) }
    guard expression.isLiteral else { return .text(text) }
    do { return try binder.evaluateConstant(expression) } catch {
      throw SQLError(error.code, "Parameter '\(name)': \(error.message)", hint: error.hint)
    }
  }
}

extension Expression {
  /// Nothing but literals.
  fileprivate var isLiteral: Bool {
    switch kind {
    case .null, .boolean, .number, .string, .bytes, .typedLiteral, .interval: true
    case .array(let elements): elements.allSatisfy(\.isLiteral)
    case .row(let elements): elements.allSatisfy(\.value.isLiteral)
    default: false
    }
  }
}

/// How tightly operators bind, from loosest to tightest. `||` is looser than `+`, which is Trino's rule and not every engine's.
enum Precedence: Int, Comparable {
  case or
  case and
  case not
  case predicate
  case concatenation
  case sum
  case product
  case operand

  static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }

  var next: Precedence { Precedence(rawValue: rawValue + 1) ?? .operand }
}

extension Parser {
  /// Grammar: expression
  mutating func parseExpression() throws(SyntaxFailure) -> Expression { try parseExpression(.or) }

  /// An expression without AND, OR, NOT and comparisons at its top.
  ///
  /// Grammar: valueExpression
  mutating func parseValueExpression() throws(SyntaxFailure) -> Expression { try parseExpression(.concatenation) }

  /// Precedence climbing: an operand, then every operator that binds at least as tightly as `minimum`.
  ///
  /// This function and those it calls down to `parseParenthesized` are kept short on purpose: they are the ones that pile up on the stack.
  ///
  /// Grammar: expression, conjunction, negation, predicate, valueExpression, sum, product
  private mutating func parseExpression(_ minimum: Precedence) throws(SyntaxFailure) -> Expression {
    let start = index
    let outer = beginHeight()
    var left = minimum <= .not && at(.not) ? try parseNegation() : try parseOperand()
    var hasPredicate = false
    while try extend(&left, minimum, &hasPredicate, start) {}
    joinHeight(outer)
    return left
  }

  /// `NOT` binds looser than comparisons, so it stands before one and never inside `a + NOT b`.
  ///
  /// Grammar: negation
  private mutating func parseNegation() throws(SyntaxFailure) -> Expression {
    let start = index
    advance()
    try enterNesting()
    let operand = try parseExpression(.not)
    leaveNesting()
    return node(.not(operand), from: start)
  }

  /// A node from the token `start` to the one before the current.
  ///
  /// Mutating only so that the parser is read after the parts of the node were parsed: a plain method would see it as it was before.
  mutating func node(_ kind: ExpressionKind, from start: Int) -> Expression { Expression(kind, range: range(from: start)) }

  /// Reads one more operator and what stands on its right; false when none follows that binds tightly enough.
  private mutating func extend(
    _ left: inout Expression, _ minimum: Precedence, _ hasPredicate: inout Bool, _ start: Int
  ) throws(SyntaxFailure) -> Bool {
    if let (operation, precedence) = arithmeticOperator, precedence >= minimum {
      let place = NotCompared(wrappedValue: advance().range)
      left = node(.binary(operation, left, try parseExpression(precedence.next), at: place), from: start)
    } else if minimum <= .predicate, isAtPredicate {
      if hasPredicate { throw chainedComparison() }
      hasPredicate = true
      left = try parsePredicate(left, start)
    } else if minimum <= .and, at(.and) {
      left = try parseLogical(.and, left, start)
    } else if minimum <= .or, at(.or) {
      left = try parseLogical(.or, left, start)
    } else {
      note(.rule("operator"))
      return false
    }
    try growHeight()
    return true
  }

  private func chainedComparison() -> SyntaxFailure {
    failure(
      "comparisons cannot be chained: mismatched input '\(text(of: token.range))'", at: token.range,
      hint: "put parentheses around one of them, or join them with AND")
  }

  private var arithmeticOperator: (BinaryOperator, Precedence)? {
    switch token.kind {
    case .asterisk: (.multiply, .product)
    case .slash: (.divide, .product)
    case .percent: (.modulo, .product)
    case .plus: (.add, .sum)
    case .minus: (.subtract, .sum)
    case .concatenate: (.concatenate, .concatenation)
    default: nil
    }
  }

  /// All terms of one chain of AND or OR.
  ///
  /// Grammar: expression, conjunction
  private mutating func parseLogical(
    _ operation: LogicalOperator, _ first: Expression, _ start: Int
  ) throws(SyntaxFailure) -> Expression {
    var terms = [first]
    try enterNesting()
    while operation == .and ? accept(.and) : accept(.or) {
      terms.append(try parseExpression(operation == .and ? .not : .and))
    }
    leaveNesting()
    return node(.logical(operation, terms), from: start)
  }

  // MARK: Predicates

  private var comparisonOperator: ComparisonOperator? {
    switch token.kind {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less: .less
    case .lessOrEqual: .lessOrEqual
    case .greater: .greater
    case .greaterOrEqual: .greaterOrEqual
    default: nil
    }
  }

  private var isAtPredicate: Bool {
    if comparisonOperator != nil { return true }
    switch token.keyword {
    case .is, .in, .like, .between: return true
    case .not: return [.in, .like, .between].contains(peek(1).keyword)
    default: return false
    }
  }

  /// What follows the value on the left, which began at token `start`.
  ///
  /// Grammar: predicateTail
  private mutating func parsePredicate(_ value: Expression, _ start: Int) throws(SyntaxFailure) -> Expression {
    if let comparison = comparisonOperator {
      return try parseComparison(comparison, value, start)
    }
    try enterNesting()
    let isNegated = accept(.not)
    let kind: ExpressionKind =
      switch advance().keyword {
      case .is: try parseIsPredicate(value)
      case .in: try parseInPredicate(value, isNegated)
      case .like: try parseLikePredicate(value, isNegated)
      default: try parseBetweenPredicate(value, isNegated)
      }
    leaveNesting()
    return node(kind, from: start)
  }

  /// Grammar: comparison
  private mutating func parseComparison(
    _ comparison: ComparisonOperator, _ value: Expression, _ start: Int
  ) throws(SyntaxFailure) -> Expression {
    let place = NotCompared(wrappedValue: advance().range)
    if isAtQuantifier {
      let quantifier: Quantifier = advance().keyword == .all ? .all : .any
      return node(.quantified(comparison, value, quantifier, try parseParenthesizedQuery()), from: start)
    }
    return node(.comparison(comparison, value, try parseValueExpression(), at: place), from: start)
  }

  private var isAtQuantifier: Bool {
    (at(.all) || at(.any) || at(.some)) && peek(1).kind == .leftParenthesis && startsQuery(at: index + 2)
  }

  /// Grammar: isPredicate
  private mutating func parseIsPredicate(_ value: Expression) throws(SyntaxFailure) -> ExpressionKind {
    let isNegated = accept(.not)
    if accept(.null) { return .isNull(value, isNegated: isNegated) }
    try expect(.distinct, .from)
    return .isDistinct(value, try parseValueExpression(), isNegated: isNegated)
  }

  /// Grammar: inPredicate
  private mutating func parseInPredicate(_ value: Expression, _ isNegated: Bool) throws(SyntaxFailure) -> ExpressionKind {
    guard at(.leftParenthesis) else {
      note(.symbol(.leftParenthesis))
      throw mismatch()
    }
    if startsQuery(at: index + 1) {
      return .inQuery(value, try parseParenthesizedQuery(), isNegated: isNegated)
    }
    return .inList(value, try parseExpressionList(), isNegated: isNegated)
  }

  /// Grammar: likePredicate
  private mutating func parseLikePredicate(_ value: Expression, _ isNegated: Bool) throws(SyntaxFailure) -> ExpressionKind {
    let pattern = try parseValueExpression()
    let escape = accept(.escape) ? try parseValueExpression() : nil
    return .like(LikeExpression(value: value, pattern: pattern, escape: escape, isNegated: isNegated))
  }

  /// Grammar: betweenPredicate
  private mutating func parseBetweenPredicate(
    _ value: Expression, _ isNegated: Bool
  ) throws(SyntaxFailure) -> ExpressionKind {
    let lower = try parseValueExpression()
    try expect(.and)
    let upper = try parseValueExpression()
    return .between(BetweenExpression(value: value, lower: lower, upper: upper, isNegated: isNegated))
  }

  // MARK: Operands

  /// `( expression, … )` with at least one.
  ///
  /// Grammar: expressionList
  mutating func parseExpressionList() throws(SyntaxFailure) -> [Expression] {
    try expect(.leftParenthesis)
    let elements = try parseExpressions()
    try expect(.rightParenthesis)
    return elements
  }

  /// `expression, …` with at least one. A loop of its own rather than `list`, whose generic frames would add to every level.
  ///
  /// Grammar: expressions
  mutating func parseExpressions() throws(SyntaxFailure) -> [Expression] {
    var elements = [try parseExpression()]
    while accept(.comma) { elements.append(try parseExpression()) }
    return elements
  }

  /// Signs and what they stand before. A minus directly before digits belongs to the number.
  ///
  /// Grammar: operand
  private mutating func parseOperand() throws(SyntaxFailure) -> Expression {
    (at(.minus) || at(.plus)) && !isAtSignedNumber ? try parseSigned() : try parsePostfix()
  }

  /// Grammar: operand
  private mutating func parseSigned() throws(SyntaxFailure) -> Expression {
    let start = index
    while (at(.minus) || at(.plus)) && !isAtSignedNumber { advance() }
    let signEnd = index
    var operand = try parsePostfix()
    for position in stride(from: signEnd - 1, through: start, by: -1) {
      operand = node(.unary(tokens[position].kind == .minus ? .minus : .plus, operand), from: position)
      try growHeight()
    }
    return operand
  }

  private var isAtSignedNumber: Bool {
    guard token.kind == .minus else { return false }
    switch peek(1).kind {
    case .integer, .decimal, .double: return true
    default: return false
    }
  }

  /// A primary followed by subscripts, fields and time zones.
  ///
  /// Grammar: postfix
  mutating func parsePostfix() throws(SyntaxFailure) -> Expression {
    let start = index
    try enterNesting()
    let outer = beginHeight()
    var value = isAtSignedNumber ? try parseSignedNumber() : try parsePrimary()
    while try extendPostfix(&value, start) {}
    try endHeight(outer)
    leaveNesting()
    return value
  }

  /// Grammar: postfix
  private mutating func parseSignedNumber() throws(SyntaxFailure) -> Expression {
    let start = index
    advance()
    return node(.number(try parseNumber(isNegative: true, start: start)), from: start)
  }

  private mutating func extendPostfix(_ value: inout Expression, _ start: Int) throws(SyntaxFailure) -> Bool {
    if at(.leftBracket) {
      advance()
      try enterNesting()
      let position = try parseExpression()
      leaveNesting()
      try expect(.rightBracket)
      value = node(.element(value, index: position), from: start)
    } else if at(.dot), peek(1).kind != .asterisk {
      advance()
      value = node(.field(value, try parseAnyName()), from: start)
    } else if at(.at, .time) {
      advance()
      advance()
      try expect(.zone)
      try enterNesting()
      value = node(.atTimeZone(value, zone: try parsePrimary()), from: start)
      leaveNesting()
    } else {
      return false
    }
    try growHeight()
    return true
  }
}

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
  /// Grammar: expression, conjunction, negation, predicate, valueExpression, sum, product
  private mutating func parseExpression(_ minimum: Precedence) throws(SyntaxFailure) -> Expression {
    let start = index
    let outer = beginHeight()
    var left = try parseNegation(minimum)
    var hasPredicate = false
    while true {
      if let (operation, precedence) = arithmeticOperator, precedence >= minimum {
        advance()
        let right = try parseExpression(precedence.next)
        left = Expression(.binary(operation, left, right), range: range(from: start))
        try growHeight()
      } else if minimum <= .predicate, isAtPredicate {
        if hasPredicate {
          throw failure(
            "comparisons cannot be chained: mismatched input '\(text(of: token.range))'", at: token.range,
            hint: "put parentheses around one of them, or join them with AND")
        }
        left = try parsePredicate(left, start)
        hasPredicate = true
        try growHeight()
      } else if minimum <= .and, at(.and) {
        left = try parseLogical(.and, left, start)
        try growHeight()
      } else if minimum <= .or, at(.or) {
        left = try parseLogical(.or, left, start)
        try growHeight()
      } else {
        note(.rule("operator"))
        joinHeight(outer)
        return left
      }
    }
  }

  /// `NOT` binds looser than comparisons, so it stands before one and never inside `a + NOT b`.
  private mutating func parseNegation(_ minimum: Precedence) throws(SyntaxFailure) -> Expression {
    guard minimum <= .not, at(.not) else { return try parseOperand() }
    let start = index
    advance()
    try enterNesting()
    let operand = try parseExpression(.not)
    leaveNesting()
    return Expression(.not(operand), range: range(from: start))
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
  private mutating func parseLogical(
    _ operation: LogicalOperator, _ first: Expression, _ start: Int
  ) throws(SyntaxFailure) -> Expression {
    var terms = [first]
    while operation == .and ? accept(.and) : accept(.or) {
      terms.append(try parseExpression(operation == .and ? .not : .and))
    }
    return Expression(.logical(operation, terms), range: range(from: start))
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
      advance()
      return try parseComparison(comparison, value, start)
    }
    let isNegated = accept(.not)
    let kind: ExpressionKind =
      switch advance().keyword {
      case .is: try parseIsPredicate(value)
      case .in: try parseInPredicate(value, isNegated)
      case .like: try parseLikePredicate(value, isNegated)
      default: try parseBetweenPredicate(value, isNegated)
      }
    return Expression(kind, range: range(from: start))
  }

  /// Grammar: comparison
  private mutating func parseComparison(
    _ comparison: ComparisonOperator, _ value: Expression, _ start: Int
  ) throws(SyntaxFailure) -> Expression {
    if let keyword = token.keyword, [.all, .any, .some].contains(keyword), peek(1).kind == .leftParenthesis,
      startsQuery(at: index + 2)
    {
      advance()
      let query = try parseParenthesizedQuery()
      let quantifier: Quantifier = keyword == .all ? .all : .any
      return Expression(.quantified(comparison, value, quantifier, query), range: range(from: start))
    }
    let right = try parseValueExpression()
    return Expression(.comparison(comparison, value, right), range: range(from: start))
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
    try parenthesizedList { (parser: inout Parser) throws(SyntaxFailure) in try parser.parseExpression() }
  }

  /// Signs and what they stand before. A minus directly before digits belongs to the number.
  ///
  /// Grammar: operand
  private mutating func parseOperand() throws(SyntaxFailure) -> Expression {
    guard token.kind == .minus || token.kind == .plus else { return try parsePostfix() }
    let start = index
    while (token.kind == .minus || token.kind == .plus) && !isAtSignedNumber { advance() }
    let signEnd = index
    var operand = try parsePostfix()
    for position in stride(from: signEnd - 1, through: start, by: -1) {
      let sign: UnaryOperator = tokens[position].kind == .minus ? .minus : .plus
      operand = Expression(.unary(sign, operand), range: range(from: position))
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
    var value: Expression
    if isAtSignedNumber {
      advance()
      let number = try parseNumber(isNegative: true, start: start)
      value = Expression(.number(number), range: number.range)
    } else {
      value = try parsePrimary()
    }
    while true {
      if at(.leftBracket) {
        advance()
        let position = try parseExpression()
        try expect(.rightBracket)
        value = Expression(.element(value, index: position), range: range(from: start))
      } else if at(.dot), peek(1).kind != .asterisk {
        advance()
        value = Expression(.field(value, try parseAnyName()), range: range(from: start))
      } else if at(.at, .time) {
        advance()
        advance()
        try expect(.zone)
        value = Expression(.atTimeZone(value, zone: try parsePrimary()), range: range(from: start))
      } else {
        break
      }
      try growHeight()
    }
    try endHeight(outer)
    leaveNesting()
    return value
  }
}

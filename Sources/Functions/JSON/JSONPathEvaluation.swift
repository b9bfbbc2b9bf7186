import Columnar
import Glibc

/// A path that does not fit the value: what ON ERROR clauses are about.
struct JSONPathError: Error {
  let message: String
}

/// Walks one value by a path.
///
/// In lax mode arrays are opened where an object or a scalar is expected, and what is not there is nothing; in strict mode both are
/// errors.
struct JSONPathEvaluator {
  let program: JSONPathProgram
  let root: JSONItem
  let variables: [String: JSONItem]

  func evaluate() throws(JSONPathError) -> [JSONItem] { try items(program.root, Scope()) }

  /// What `@` and `last` stand for.
  private struct Scope {
    var current: JSONItem?
    var last: Int?
  }

  private var isLax: Bool { !program.isStrict }

  private func items(_ expression: JSONPathExpression, _ scope: Scope) throws(JSONPathError) -> [JSONItem] {
    switch expression {
    case .root: return [root]
    case .current:
      guard let current = scope.current else { throw JSONPathError(message: "'@' stands outside a filter") }
      return [current]
    case .last:
      guard let last = scope.last else { throw JSONPathError(message: "'last' stands outside a subscript") }
      return [.integer(Int64(last))]
    case .variable(let name):
      guard let value = variables[name] else { throw JSONPathError(message: "no value for parameter '\(name)' passed") }
      return [value]
    case .literal(let literal): return [item(literal)]
    case .member(let base, let name): return try members(try items(base, scope), name)
    case .descendant(let base, let name):
      var found: [JSONItem] = []
      for item in try items(base, scope) { descend(item, name, &found) }
      return found
    case .elements(let base, let places): return try elements(try items(base, scope), places, scope)
    case .method(let base, let method): return try apply(method, try items(base, scope))
    case .filter(let base, let predicate):
      var kept: [JSONItem] = []
      for item in opened(try items(base, scope)) {
        var inner = scope
        inner.current = item
        if try holds(predicate, inner) == true { kept.append(item) }
      }
      return kept
    case .negate(let operand): return try numbers(try items(operand, scope)) { -$0 } integer: { $0 == .min ? nil : -$0 }
    case .plus(let operand): return try numbers(try items(operand, scope)) { $0 } integer: { $0 }
    case .arithmetic(let operation, let left, let right):
      return [try arithmetic(operation, try single(left, scope), try single(right, scope))]
    }
  }

  private func item(_ literal: JSONPathExpression.Literal) -> JSONItem {
    switch literal {
    case .null: .null
    case .boolean(let flag): .boolean(flag)
    case .integer(let value): .integer(value)
    case .double(let value): .double(value)
    case .string(let text): .string(text)
    }
  }

  /// In lax mode the elements of arrays stand for them.
  private func opened(_ list: [JSONItem]) -> [JSONItem] {
    guard isLax else { return list }
    return list.flatMap { item -> [JSONItem] in if case .array(let inner) = item { inner } else { [item] } }
  }

  private func members(_ list: [JSONItem], _ name: [UInt8]?) throws(JSONPathError) -> [JSONItem] {
    var found: [JSONItem] = []
    for item in opened(list) {
      guard case .object(let members) = item else {
        if isLax { continue }
        throw JSONPathError(message: "an object is expected, found \(item.typeName)")
      }
      guard let name else {
        found += members.map(\.value)
        continue
      }
      if let member = members.first(where: { $0.name == name }) {
        found.append(member.value)
      } else if !isLax {
        throw JSONPathError(message: "the object has no member '\(String(decoding: name, as: UTF8.self))'")
      }
    }
    return found
  }

  private func descend(_ item: JSONItem, _ name: [UInt8], _ found: inout [JSONItem]) {
    switch item {
    case .object(let members):
      if let member = members.first(where: { $0.name == name }) { found.append(member.value) }
      for member in members { descend(member.value, name, &found) }
    case .array(let items): for inner in items { descend(inner, name, &found) }
    default: break
    }
  }

  private func elements(
    _ list: [JSONItem], _ places: [(from: JSONPathExpression, to: JSONPathExpression?)]?, _ scope: Scope
  ) throws(JSONPathError) -> [JSONItem] {
    var found: [JSONItem] = []
    for item in list {
      let array: [JSONItem]
      if case .array(let items) = item {
        array = items
      } else {
        guard isLax else { throw JSONPathError(message: "an array is expected, found \(item.typeName)") }
        array = [item]
      }
      guard let places else {
        found += array
        continue
      }
      var inner = scope
      inner.last = array.count - 1
      for place in places {
        let from = try index(place.from, inner)
        let to = try place.to.map { (expression) throws(JSONPathError) in try index(expression, inner) } ?? from
        if !isLax, from < 0 || to >= array.count || from > to {
          throw JSONPathError(message: "array subscript \(from) is out of bounds")
        }
        let first = max(from, 0)
        let last = min(to, array.count - 1)
        if first <= last { found += array[first...last] }
      }
    }
    return found
  }

  private func index(_ expression: JSONPathExpression, _ scope: Scope) throws(JSONPathError) -> Int {
    guard case .number(_, let value, let integer) = try single(expression, scope) else {
      throw JSONPathError(message: "an array subscript must be a number")
    }
    if let integer { return Int(clamping: integer) }
    return Int(exactly: value.rounded(.towardZero)) ?? -1
  }

  private func single(_ expression: JSONPathExpression, _ scope: Scope) throws(JSONPathError) -> JSONItem {
    let list = opened(try items(expression, scope))
    guard list.count == 1 else { throw JSONPathError(message: "a single value is expected, found \(list.count)") }
    return list[0]
  }

  // MARK: Methods and arithmetic

  private func apply(_ method: JSONPathExpression.Method, _ list: [JSONItem]) throws(JSONPathError) -> [JSONItem] {
    switch method {
    case .type: return list.map { .string(Array($0.typeName.utf8)) }
    case .size:
      var sizes: [JSONItem] = []
      for item in list {
        if case .array(let items) = item {
          sizes.append(.integer(Int64(items.count)))
        } else {
          guard isLax else { throw JSONPathError(message: "an array is expected, found \(item.typeName)") }
          sizes.append(.integer(1))
        }
      }
      return sizes
    case .double:
      var result: [JSONItem] = []
      for item in opened(list) {
        switch item {
        case .number(_, let value, _): result.append(.double(value))
        case .string(let text):
          guard let value = text.withUnsafeBytes({ NumberParser.double($0) }) else {
            throw JSONPathError(message: "'\(String(decoding: text, as: UTF8.self))' is not a number")
          }
          result.append(.double(value))
        default: throw JSONPathError(message: "a number or string is expected, found \(item.typeName)")
        }
      }
      return result
    case .ceiling: return try numbers(opened(list)) { Glibc.ceil($0) } integer: { $0 }
    case .floor: return try numbers(opened(list)) { Glibc.floor($0) } integer: { $0 }
    case .abs: return try numbers(opened(list)) { $0.magnitude } integer: { $0 == .min ? nil : Swift.abs($0) }
    case .keyvalue:
      var result: [JSONItem] = []
      for (number, item) in opened(list).enumerated() {
        guard case .object(let members) = item else { throw JSONPathError(message: "an object is expected, found \(item.typeName)") }
        for member in members {
          result.append(
            .object([
              (Array("name".utf8), .string(member.name)), (Array("value".utf8), member.value),
              (Array("id".utf8), .integer(Int64(number))),
            ]))
        }
      }
      return result
    }
  }

  private func numbers(
    _ list: [JSONItem], _ body: (Double) -> Double, integer: (Int64) -> Int64?
  ) throws(JSONPathError) -> [JSONItem] {
    var result: [JSONItem] = []
    for item in opened(list) {
      guard case .number(_, let value, let whole) = item else {
        throw JSONPathError(message: "a number is expected, found \(item.typeName)")
      }
      if let whole, let exact = integer(whole) { result.append(.integer(exact)) } else { result.append(.double(body(value))) }
    }
    return result
  }

  private func arithmetic(
    _ operation: JSONPathExpression.Operation, _ left: JSONItem, _ right: JSONItem
  ) throws(JSONPathError) -> JSONItem {
    guard case .number(_, let x, let a) = left, case .number(_, let y, let b) = right else {
      throw JSONPathError(message: "numbers are expected, found \(left.typeName) and \(right.typeName)")
    }
    if let a, let b {
      let overflow = JSONPathError(message: "arithmetic overflow")
      let result: (partialValue: Int64, overflow: Bool)
      switch operation {
      case .add: result = a.addingReportingOverflow(b)
      case .subtract: result = a.subtractingReportingOverflow(b)
      case .multiply: result = a.multipliedReportingOverflow(by: b)
      case .divide, .modulo:
        guard b != 0 else { throw JSONPathError(message: "division by zero") }
        result = operation == .divide ? a.dividedReportingOverflow(by: b) : a.remainderReportingOverflow(dividingBy: b)
      }
      if result.overflow { throw overflow }
      return .integer(result.partialValue)
    }
    switch operation {
    case .add: return .double(x + y)
    case .subtract: return .double(x - y)
    case .multiply: return .double(x * y)
    case .divide: return .double(x / y)
    case .modulo: return .double(Glibc.fmod(x, y))
    }
  }

  // MARK: Conditions; nil is unknown

  private func holds(_ predicate: JSONPathPredicate, _ scope: Scope) throws(JSONPathError) -> Bool? {
    switch predicate {
    case .and(let left, let right):
      let first = try holds(left, scope)
      if first == false { return false }
      let second = try holds(right, scope)
      return second == false ? false : (first == nil || second == nil ? nil : true)
    case .or(let left, let right):
      let first = try holds(left, scope)
      if first == true { return true }
      let second = try holds(right, scope)
      return second == true ? true : (first == nil || second == nil ? nil : false)
    case .not(let inner): return try holds(inner, scope).map { !$0 }
    case .isUnknown(let inner): return try holds(inner, scope) == nil
    case .exists(let path):
      guard let found = quietly(path, scope) else { return nil }
      return !found.isEmpty
    case .startsWith(let text, let prefix):
      guard let texts = quietly(text, scope), let prefixes = quietly(prefix, scope), prefixes.count == 1,
        case .string(let start) = prefixes[0]
      else { return nil }
      return decide(opened(texts)) { item in
        guard case .string(let bytes) = item else { return nil }
        return bytes.starts(with: start)
      }
    case .matches(let text, let regex):
      guard let texts = quietly(text, scope) else { return nil }
      return decide(opened(texts)) { item in
        guard case .string(let bytes) = item else { return nil }
        return bytes.withUnsafeBytes { subject in
          do throws(KernelError) { return try RegexMatcher(regex).find(subject) } catch { return nil }
        }
      }
    case .comparison(let comparison, let left, let right):
      guard let lefts = quietly(left, scope), let rights = quietly(right, scope) else { return nil }
      let others = opened(rights)
      var sawUnknown = false
      for one in opened(lefts) {
        for other in others {
          switch Self.compare(comparison, one, other) {
          case true?: return true
          case nil: sawUnknown = true
          case false?: break
          }
        }
      }
      return sawUnknown ? nil : false
    }
  }

  /// A path inside a condition: its errors make the condition unknown.
  private func quietly(_ expression: JSONPathExpression, _ scope: Scope) -> [JSONItem]? {
    do throws(JSONPathError) { return try items(expression, scope) } catch { return nil }
  }

  private func decide(_ list: [JSONItem], _ test: (JSONItem) -> Bool?) -> Bool? {
    var sawUnknown = false
    for item in list {
      switch test(item) {
      case true?: return true
      case nil: sawUnknown = true
      case false?: break
      }
    }
    return sawUnknown ? nil : false
  }

  private static func compare(_ comparison: JSONPathPredicate.Comparison, _ left: JSONItem, _ right: JSONItem) -> Bool? {
    let order: Int
    switch (left, right) {
    case (.null, .null): order = 0
    case (.null, _), (_, .null):
      return comparison == .equal ? false : comparison == .notEqual ? true : nil
    case (.boolean(let x), .boolean(let y)): order = (x ? 1 : 0) - (y ? 1 : 0)
    case (.number(_, let x, let a), .number(_, let y, let b)):
      if let a, let b {
        order = a < b ? -1 : (a == b ? 0 : 1)
      } else {
        order = x < y ? -1 : (x == y ? 0 : 1)
      }
    case (.string(let x), .string(let y)): order = x == y ? 0 : (x.lexicographicallyPrecedes(y) ? -1 : 1)
    default: return nil
    }
    switch comparison {
    case .equal: return order == 0
    case .notEqual: return order != 0
    case .less: return order < 0
    case .lessOrEqual: return order <= 0
    case .greater: return order > 0
    case .greaterOrEqual: return order >= 0
    }
  }
}

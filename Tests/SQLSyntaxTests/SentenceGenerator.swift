/// A small generator with a seed (SplitMix64), so that a failing sentence comes back.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Makes sentences that reach a given production: the straight way there, then at random, preferring what was taken least often.
struct SentenceGenerator {
  private let grammar: GrammarFile
  var random: SeededGenerator
  /// How often each production was entered.
  private(set) var visits: [String: Int] = [:]
  /// How often each alternative of a choice was taken, by `id * 64 + alternative`.
  private var taken: [Int: Int] = [:]
  /// Fewest productions that have to be entered to finish each production.
  private let heights: [String: Int]
  /// For each production, those whose body mentions it.
  private let users: [String: Set<String>]
  private var tokens: [String] = []
  /// Number of tokens beyond which the shortest way to the end is taken.
  private var tokenLimit = 0

  /// Productions within each other, beyond which the shortest way is taken.
  private static let randomDepth = 16
  private static let randomTokens = 24

  static let samples: [String: [String]] = [
    "identifier": ["a", "b", "c1", "_x", "\"Q q\"", "`b``q`", "t2"], "reserved word": ["table", "order", "select"], "word": ["a", "b", "write"],
    "string": ["'s'", "'it''s'", "''", "'é'"], "unicode string": ["U&'\\0041'"], "escape character": ["'#'"],
    "quoted identifier": ["\"Q q\""], "binary string": ["X'65 68'", "X''"], "integer": ["0", "1", "42", "1_000"],
    "decimal": ["1.5", ".5", "5."], "double": ["1e0", "1.5E-3"], "precision": ["3"], "named parameter": [":n"],
    "balanced tokens": ["a b ( c , 'd' )"],
  ]

  init(grammar: GrammarFile, seed: UInt64) {
    self.grammar = grammar
    random = SeededGenerator(seed: seed)
    heights = Self.heights(of: grammar)
    var users: [String: Set<String>] = [:]
    for (name, body) in grammar.productions {
      for mentioned in Self.mentions(body) { users[mentioned, default: []].insert(name) }
    }
    self.users = users
  }

  mutating func sentence(reaching target: String) -> [String] {
    tokens = []
    walk(.production("statement"), toward: target, distances(to: target))
    return tokens
  }

  /// Productions to enter from each production until `target` is reached.
  private func distances(to target: String) -> [String: Int] {
    var distances = [target: 0]
    var front: Set<String> = [target]
    var distance = 0
    while !front.isEmpty {
      distance += 1
      front = Set(front.flatMap { users[$0] ?? [] }).filter { distances[$0] == nil }
      for name in front { distances[name] = distance }
    }
    return distances
  }

  /// The straight way. Of what stands beside it, most is made as short as possible, so that the sentence stays readable.
  private mutating func walk(_ part: GrammarFile.Part, toward target: String, _ distances: [String: Int]) {
    func distance(_ part: GrammarFile.Part) -> Int { Self.mentions(part).map { distances[$0] ?? 1_000 }.min() ?? 1_000 }
    switch part {
    case .production(target): walkAtRandom(part, Self.randomDepth)
    case .production(let name):
      visits[name, default: 0] += 1
      walk(grammar.productions[name]!, toward: target, distances)
    case .sequence(let parts):
      let way = parts.indices.min { distance(parts[$0]) < distance(parts[$1]) }
      for (index, part) in parts.enumerated() {
        if index == way {
          walk(part, toward: target, distances)
        } else {
          walkAtRandom(part, Int.random(in: 0..<6, using: &random) == 0 ? Self.randomDepth : 0)
        }
      }
    case .choice(let alternatives, _):
      let shortest = alternatives.map(distance).min()
      walk(alternatives.filter { distance($0) == shortest }.randomElement(using: &random)!, toward: target, distances)
    case .optional(let inner, _), .repetition(let inner, _), .anyOrder(let inner): walk(inner, toward: target, distances)
    case .keyword, .symbol, .lexical: walkAtRandom(part, 0)
    }
  }

  private mutating func walkAtRandom(_ part: GrammarFile.Part, _ depth: Int) {
    tokenLimit = tokens.count + Self.randomTokens
    walk(part, depth)
  }

  /// - Parameter depth: how many more productions may be entered before the shortest way to the end is taken.
  private mutating func walk(_ part: GrammarFile.Part, _ depth: Int) {
    let isShort = depth <= 0 || tokens.count > tokenLimit
    switch part {
    case .keyword(let word): tokens.append(Bool.random(using: &random) ? word : word.lowercased())
    case .symbol(let text): tokens.append(text)
    case .lexical(let name): tokens.append(Self.samples[name]?.randomElement(using: &random) ?? "<\(name)>")
    case .production(let name):
      visits[name, default: 0] += 1
      if let body = grammar.productions[name] { walk(body, depth - 1) }
    case .sequence(let parts): for part in parts { walk(part, depth) }
    case .choice(let alternatives, let id):
      let index = isShort ? shortest(alternatives) : leastTaken(alternatives.count, id)
      taken[id * 64 + index, default: 0] += 1
      walk(alternatives[index], depth)
    case .optional(let inner, let id):
      guard !isShort else { return }
      let index = leastTaken(2, id)
      taken[id * 64 + index, default: 0] += 1
      if index == 1 { walk(inner, depth) }
    case .repetition(let inner, _):
      guard !isShort else { return }
      for _ in 0..<[0, 0, 0, 1, 1, 2].randomElement(using: &random)! { walk(inner, depth) }
    case .anyOrder(let inner):
      guard !isShort, case .production(let name) = inner, case .choice(let alternatives, let id)? = grammar.productions[name] else { return }
      visits[name, default: 0] += 1
      for index in alternatives.indices.shuffled(using: &random) where Bool.random(using: &random) {
        taken[id * 64 + index, default: 0] += 1
        walk(alternatives[index], depth - 1)
      }
    }
  }

  /// Random, with a strong preference for alternatives that were seldom taken.
  private mutating func leastTaken(_ count: Int, _ id: Int) -> Int {
    let candidates = (0..<2).map { _ in Int.random(in: 0..<count, using: &random) } + (0..<count).filter { taken[id * 64 + $0] == nil }.prefix(1)
    return candidates.min { taken[id * 64 + $0, default: 0] < taken[id * 64 + $1, default: 0] }!
  }

  private func shortest(_ alternatives: [GrammarFile.Part]) -> Int {
    alternatives.indices.min { Self.height(alternatives[$0], heights) < Self.height(alternatives[$1], heights) }!
  }

  private static func heights(of grammar: GrammarFile) -> [String: Int] {
    var heights = Dictionary(uniqueKeysWithValues: grammar.names.map { ($0, 1_000) })
    var changed = true
    while changed {
      changed = false
      for name in grammar.names {
        let height = min(1_000, 1 + Self.height(grammar.productions[name]!, heights))
        if height < heights[name]! {
          heights[name] = height
          changed = true
        }
      }
    }
    return heights
  }

  /// The productions named in a part.
  private static func mentions(_ part: GrammarFile.Part) -> Set<String> {
    switch part {
    case .keyword, .symbol, .lexical: []
    case .production(let name): [name]
    case .sequence(let parts), .choice(let parts, _): parts.reduce(into: []) { $0.formUnion(mentions($1)) }
    case .optional(let inner, _), .repetition(let inner, _), .anyOrder(let inner): mentions(inner)
    }
  }

  private static func height(_ part: GrammarFile.Part, _ heights: [String: Int]) -> Int {
    switch part {
    case .keyword, .symbol, .lexical, .optional, .repetition, .anyOrder: 0
    case .production(let name): heights[name] ?? 1_000
    case .sequence(let parts): parts.map { height($0, heights) }.max() ?? 0
    case .choice(let alternatives, _): alternatives.map { height($0, heights) }.min() ?? 0
    }
  }
}

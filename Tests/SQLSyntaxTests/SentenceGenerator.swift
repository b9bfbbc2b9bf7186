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

/// Walks the grammar at random, preferring what was taken least often.
struct SentenceGenerator {
  private let grammar: GrammarFile
  var random: SeededGenerator
  /// How often each production was entered.
  private(set) var visits: [String: Int] = [:]
  /// How often each alternative of a choice was taken, by `id * 64 + alternative`.
  private var taken: [Int: Int] = [:]
  /// Fewest productions that have to be entered to finish each production.
  private let heights: [String: Int]
  private var tokens: [String] = []

  /// Beyond these, the shortest way to the end is taken.
  private static let maximumDepth = 70
  private static let maximumTokens = 120

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
  }

  mutating func sentence(from start: String = "statement") -> [String] {
    tokens = []
    walk(.production(start), 0)
    return tokens
  }

  private mutating func walk(_ part: GrammarFile.Part, _ depth: Int) {
    let isLong = depth > Self.maximumDepth || tokens.count > Self.maximumTokens
    switch part {
    case .keyword(let word): tokens.append(Bool.random(using: &random) ? word : word.lowercased())
    case .symbol(let text): tokens.append(text)
    case .lexical(let name): tokens.append(Self.samples[name]?.randomElement(using: &random) ?? "<\(name)>")
    case .production(let name):
      visits[name, default: 0] += 1
      if let body = grammar.productions[name] { walk(body, depth + 1) }
    case .sequence(let parts): for part in parts { walk(part, depth) }
    case .choice(let alternatives, let id):
      let index = isLong ? shortest(alternatives) : leastTaken(alternatives.count, id)
      taken[id * 64 + index, default: 0] += 1
      walk(alternatives[index], depth)
    case .optional(let inner, let id):
      guard !isLong else { return }
      let index = leastTaken(2, id)
      taken[id * 64 + index, default: 0] += 1
      if index == 1 { walk(inner, depth) }
    case .repetition(let inner, let id):
      guard !isLong else { return }
      // None is the usual number, or sentences would never end.
      let count = taken[id * 64] == nil ? 1 : [0, 0, 0, 1, 1, 2].randomElement(using: &random)!
      taken[id * 64, default: 0] += 1
      for _ in 0..<count { walk(inner, depth) }
    case .anyOrder(let inner):
      guard !isLong, case .production(let name) = inner, case .choice(let alternatives, let id)? = grammar.productions[name] else { return }
      visits[name, default: 0] += 1
      for index in alternatives.indices.shuffled(using: &random) where Bool.random(using: &random) {
        taken[id * 64 + index, default: 0] += 1
        walk(alternatives[index], depth + 1)
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

  private static func height(_ part: GrammarFile.Part, _ heights: [String: Int]) -> Int {
    switch part {
    case .keyword, .symbol, .lexical, .optional, .repetition, .anyOrder: 0
    case .production(let name): heights[name] ?? 1_000
    case .sequence(let parts): parts.map { height($0, heights) }.max() ?? 0
    case .choice(let alternatives, _): alternatives.map { height($0, heights) }.min() ?? 0
    }
  }
}

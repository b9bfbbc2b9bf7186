/// A generator that gives the same numbers for a seed everywhere: splitmix64 (Steele, Lea and Flood, 2014).
struct RandomSource: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// True in `percent` of 100 cases.
  mutating func chance(_ percent: Int) -> Bool { number(0..<100) < percent }

  mutating func number(_ range: Range<Int>) -> Int { range.lowerBound + Int(next() % UInt64(range.count)) }

  /// One of `choices`, which are at least one.
  mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[number(0..<choices.count)] }

  /// One of the choices, each as often as its weight says.
  mutating func weighted<Choice>(_ choices: [(Int, Choice)]) -> Choice {
    var rest = number(0..<choices.reduce(0) { $0 + $1.0 })
    for (weight, choice) in choices.dropLast() {
      if rest < weight { return choice }
      rest -= weight
    }
    return choices[choices.count - 1].1
  }
}

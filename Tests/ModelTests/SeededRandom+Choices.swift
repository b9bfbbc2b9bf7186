import TestSupport

extension SeededRandom {
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

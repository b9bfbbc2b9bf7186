import Glibc
import Synchronization

/// When and how often a request is tried again, as AWS's tools do in their `standard` mode.
///
/// - Source: botocore, retries/standard.py: full jitter, a base of 1 s for throttling and 50 ms for the rest, 20 s at most.
package struct RetryPolicy: Sendable {
  /// Attempts in total, the first one included.
  package var attempts: Int
  package var budget: RetryBudget
  /// Waits so many milliseconds instead of the HTTP client; for tests that have no time.
  package var sleep: (@Sendable (Int) async -> Void)?
  /// From 0 to 1.
  package var random: @Sendable () -> Double

  private static let longestMilliseconds = 20_000.0

  package init(
    attempts: Int = 5, budget: RetryBudget = RetryBudget(), sleep: (@Sendable (Int) async -> Void)? = nil,
    random: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) {
    self.attempts = attempts
    self.budget = budget
    self.sleep = sleep
    self.random = random
  }

  /// Milliseconds to wait before retry number `retry` (0, 1, …).
  package func delay(retry: Int, isThrottling: Bool, headers: HTTPHeaders?) -> Int {
    let base = isThrottling ? 1_000.0 : 50.0
    let own = random() * min(base * pow(2, Double(min(retry, 20))), Self.longestMilliseconds)
    if let text = headers?["x-amz-retry-after"], let asked = Double(text), asked.isFinite {
      return Int(max(own, min(asked, own + 5_000)))
    }
    if let seconds = headers.flatMap(Self.secondsToWait), seconds.isFinite, seconds >= 0 {
      return Int(max(own, min(seconds * 1_000, 60_000)))
    }
    return Int(own)
  }
}

extension RetryPolicy {
  /// What `Retry-After` asks for: a number of seconds, or a moment, which is compared with the server's own clock. RFC 9110 section 10.2.3.
  private static func secondsToWait(_ headers: HTTPHeaders) -> Double? {
    guard let text = headers["retry-after"] else { return nil }
    if let seconds = Double(text) { return seconds }
    guard let moment = UTCTime.parse(http: text), let now = headers["date"].flatMap({ UTCTime.parse(http: $0) }) else { return nil }
    return Double(moment - now)
  }
}

/// Retries that all requests of a store may make together: a server in trouble is not made to suffer more.
package final class RetryBudget: Sendable {
  private static let capacity = 500
  private let tokens = Atomic<Int>(RetryBudget.capacity)

  package init() {}

  private static func cost(_ isThrottling: Bool) -> Int { isThrottling ? 5 : 14 }

  /// Whether one more retry is allowed; takes its price.
  func take(isThrottling: Bool) -> Bool {
    let price = Self.cost(isThrottling)
    if tokens.subtract(price, ordering: .relaxed).newValue >= 0 { return true }
    tokens.add(price, ordering: .relaxed)
    return false
  }

  /// After a success: the price of the retry that led to it, or a little for one that needed none.
  func giveBack(isThrottling: Bool?) {
    let amount = isThrottling.map(Self.cost) ?? 1
    if tokens.add(amount, ordering: .relaxed).newValue > Self.capacity { tokens.store(Self.capacity, ordering: .relaxed) }
  }
}

/// The time as the services see it: this machine's clock and a correction that replies taught.
package final class AWSClock: Sendable {
  private let now: @Sendable () -> Int64
  private let offset = Atomic<Int64>(0)
  /// Services accept 15 minutes; what is nearer than this is not the reason for a refusal.
  private static let tolerance: Int64 = 240

  /// - Parameter now: seconds since 1970 UTC.
  package init(now: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }) { self.now = now }

  package var seconds: Int64 { now() + offset.load(ordering: .relaxed) }

  /// Takes over the time of a reply's `Date` header; true when that changed something.
  func correct(by headers: HTTPHeaders) -> Bool {
    guard let date = headers["Date"].flatMap({ UTCTime.parse(http: $0) }) else { return false }
    guard abs(date - seconds) > Self.tolerance else { return false }
    offset.store(date - now(), ordering: .relaxed)
    return true
  }
}

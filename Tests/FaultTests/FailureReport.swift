import Foundation
import Synchronization

/// Prints a line at once: what was found must be there when the process ends early.
func say(_ text: some StringProtocol) {
  print(text)
  fflush(nil)
}

/// Shows the first failures in full; one cause often makes thousands.
final class FailureReport: Sendable {
  private let count = Mutex(0)
  private static let limit = 20

  func show(_ text: String) {
    let number = count.withLock { count in
      count += 1
      return count
    }
    if number <= Self.limit { say(text) }
    if number == Self.limit { say("more failures are only counted") }
  }
}

import Synchronization

/// Where requests get their keys from.
package protocol AWSCredentialProvider: Sendable {
  /// Keys that work now and for a while.
  func credentials() async throws(CredentialError) -> AWSCredentials
  /// A service called `used` expired: forgets them and gets others. False when there are none but these.
  func renew(_ used: AWSCredentials) async -> Bool
}

/// Keys that stay, as an option or a catalog hands them out.
package struct FixedCredentials: AWSCredentialProvider {
  private let fixed: AWSCredentials
  package init(_ credentials: AWSCredentials) { fixed = credentials }
  package func credentials() async throws(CredentialError) -> AWSCredentials { fixed }
  package func renew(_ used: AWSCredentials) async -> Bool { false }
}

/// Why there are no credentials; names files, profiles and variables, never a secret.
package struct CredentialError: Error, Sendable, Equatable, CustomStringConvertible {
  package var message: String
  /// Whether nobody said no: asking later may help.
  package var isRetryable: Bool

  package init(_ message: String, isRetryable: Bool = false) {
    self.message = message
    self.isRetryable = isRetryable
  }

  package var description: String { message }
}

/// What came of one source of the chain.
package struct CredentialAttempt: Sendable, Equatable {
  package enum Outcome: String, Sendable {
    case used
    /// Not configured on this machine.
    case absent
    /// Configured, and it went wrong.
    case failed
    /// An earlier source had answered.
    case notAsked
  }

  package var source: String
  package var outcome: Outcome
  package var detail: String
}

/// The keys of a chain of sources, kept and renewed before they expire, by one refresh however many ask.
package final class CachedCredentials: AWSCredentialProvider {
  private typealias Refresh = Task<Result<AWSCredentials, CredentialError>, Never>

  private struct State {
    var current: AWSCredentials?
    var obtainedAt: Int64 = 0
    var refresh: Refresh?
    /// Until then a refresh that is only advisable is not tried again.
    var quietUntil: Int64 = 0
  }

  private let state = Mutex(State())
  private let now: @Sendable () -> Int64
  private let resolve: @Sendable () async throws(CredentialError) -> AWSCredentials

  /// - Parameters:
  ///   - now: seconds since 1970 UTC.
  ///   - resolve: asks the source.
  package init(
    now: @escaping @Sendable () -> Int64, resolve: @escaping @Sendable () async throws(CredentialError) -> AWSCredentials
  ) {
    self.now = now
    self.resolve = resolve
  }

  package func credentials() async throws(CredentialError) -> AWSCredentials {
    let moment = now()
    let (ready, task): (AWSCredentials?, Refresh?) = state.withLock { state in
      if let current = state.current {
        switch Self.age(current, obtainedAt: state.obtainedAt, at: moment) {
        case .fresh: return (current, nil)
        case .ageing:
          if state.refresh == nil, moment >= state.quietUntil { state.refresh = startRefresh() }
          return (current, nil)
        case .old: break
        }
      }
      let task = state.refresh ?? startRefresh()
      state.refresh = task
      return (nil, task)
    }
    if let ready { return ready }
    guard let task else { throw CredentialError("no credentials") }
    switch await task.value {
    case .success(let credentials): return credentials
    case .failure(let error):
      // What has not expired yet still works.
      if let current = state.withLock({ $0.current }), let end = current.expiration, end > now() { return current }
      throw error
    }
  }

  package func renew(_ used: AWSCredentials) async -> Bool {
    state.withLock { state in
      if state.current == used { state.current = nil }
    }
    guard let other = try? await credentials() else { return false }
    return other != used
  }

  private func startRefresh() -> Refresh {
    Task(executorPreference: StorageExecutor.shared) { [self] in
      let result: Result<AWSCredentials, CredentialError>
      do throws(CredentialError) { result = .success(try await resolve()) } catch { result = .failure(error) }
      state.withLock { state in
        state.refresh = nil
        switch result {
        case .success(let credentials):
          state.current = credentials
          state.obtainedAt = now()
        case .failure: state.quietUntil = now() + 60
        }
      }
      return result
    }
  }

  private enum Age { case fresh, ageing, old }

  /// Renewed from 15 minutes before the end on, and waited for in the last 10, as botocore does; sooner for keys that live shorter.
  private static func age(_ credentials: AWSCredentials, obtainedAt: Int64, at moment: Int64) -> Age {
    guard let end = credentials.expiration else { return .fresh }
    let lifetime = max(0, end - obtainedAt)
    let left = end - moment
    if left <= min(600, lifetime / 4) { return .old }
    return left <= min(900, lifetime / 3) ? .ageing : .fresh
  }
}

import CCurl
import Glibc
import Synchronization

/// The thread that drives libcurl's multi interface. It starts with the first transfer, and sleeps in `poll` while there is none.
// SAFETY: `inbox` guards what other threads touch; `multi` is set once under it before the thread starts, and curl allows waking it from
// any thread; everything else belongs to the thread.
final class TransferLoop: @unchecked Sendable {
  private struct Inbox {
    var starting: [HTTPTransfer] = []
    var cancelled: [HTTPTransfer] = []
    var isClosed = false
    var isRunning = false
    var multi: UnsafeMutableRawPointer?
    var traffic = HTTPClient.Traffic()
  }

  private let inbox = Mutex(Inbox())
  private let trust: HTTPClient.Trust
  // The thread's own.
  private var multi: UnsafeMutableRawPointer?
  private var waiting: [HTTPTransfer] = []
  private var active: [UnsafeMutableRawPointer: HTTPTransfer] = [:]
  private var sleeping: [HTTPTransfer] = []
  /// Transfers under way at once; more wait for their turn, so that their time-outs do not run meanwhile.
  private static let transferLimit = 64

  init(trust: HTTPClient.Trust) { self.trust = trust }

  var traffic: HTTPClient.Traffic { inbox.withLock { $0.traffic } }

  func start(_ transfer: HTTPTransfer) {
    if let problem = ccurl_open() {
      transfer.finish(.failure(HTTPError(.libraryMissing, String(cString: problem))))
      return
    }
    let failure: HTTPError? = inbox.withLock { inbox in
      if inbox.isClosed { return HTTPError(.cancelled, "the HTTP client is closed") }
      if !inbox.isRunning {
        guard let multi = ccurl_multi_init() else { return HTTPError(.invalidRequest, "libcurl has no memory left") }
        inbox.multi = multi
        self.multi = multi
        _ = ccurl_multi_set_long(multi, Int32(CCURL_MULTI_MAX_CACHED_CONNECTIONS.rawValue), Self.transferLimit)
        guard DetachedThread.start({ self.run() }) else {
          _ = ccurl_multi_cleanup(multi)
          inbox.multi = nil
          return HTTPError(.unreachable, "the system refuses another thread")
        }
        inbox.isRunning = true
      }
      inbox.starting.append(transfer)
      if let multi = inbox.multi { _ = ccurl_multi_wakeup(multi) }
      return nil
    }
    if let failure { transfer.finish(.failure(failure)) }
  }

  func cancel(_ transfer: HTTPTransfer) {
    inbox.withLock { inbox in
      guard inbox.isRunning else { return }
      inbox.cancelled.append(transfer)
      if let multi = inbox.multi { _ = ccurl_multi_wakeup(multi) }
    }
  }

  /// Ends the thread; transfers under way fail.
  func close() {
    inbox.withLock { inbox in
      inbox.isClosed = true
      if let multi = inbox.multi { _ = ccurl_multi_wakeup(multi) }
    }
  }

  // MARK: On the thread

  private func run() {
    // TLS libraries write to sockets without MSG_NOSIGNAL; a lost peer must not end the process.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    guard let multi else { return }
    while true {
      let news = inbox.withLock { inbox in
        defer {
          inbox.starting = []
          inbox.cancelled = []
        }
        return (inbox.starting, inbox.cancelled, inbox.isClosed)
      }
      for transfer in news.0 {
        if transfer.wakeUp == nil { waiting.append(transfer) } else { sleeping.append(transfer) }
      }
      for transfer in news.1 { stop(transfer) }
      if news.2 { break }
      while active.count < Self.transferLimit, !waiting.isEmpty { begin(waiting.removeFirst()) }
      var running: Int32 = 0
      let code = ccurl_multi_perform(multi, &running)
      if code != 0 {
        failAll(HTTPError(.interrupted, "libcurl: \(String(cString: ccurl_multi_code_text(code)))", mayHaveTakenEffect: true))
      }
      var finished = false
      var result: Int32 = 0
      while let easy = ccurl_multi_finished(multi, &result) {
        finished = true
        end(easy, code: result)
      }
      if finished && !waiting.isEmpty { continue }
      _ = ccurl_multi_poll(multi, wakeSleepers())
    }
    failAll(HTTPError(.cancelled, "the HTTP client is closed", mayHaveTakenEffect: true))
    inbox.withLock { inbox in
      inbox.multi = nil
      _ = ccurl_multi_cleanup(multi)
    }
  }

  /// Ends the waits that are over; milliseconds until the next one is.
  private func wakeSleepers() -> Int32 {
    guard !sleeping.isEmpty else { return 60_000 }
    let now = ContinuousClock.now
    var next: Duration = .seconds(60)
    var rest: [HTTPTransfer] = []
    for transfer in sleeping {
      guard let moment = transfer.wakeUp, moment > now else {
        transfer.finish(.success(HTTPResponse(status: 0)))
        continue
      }
      next = min(next, moment - now)
      rest.append(transfer)
    }
    sleeping = rest
    return Int32(next / .milliseconds(1)) + 1
  }

  private func begin(_ transfer: HTTPTransfer) {
    do throws(HTTPError) {
      let easy = try transfer.open(trust: trust)
      guard let multi, ccurl_multi_add(multi, easy) == 0 else {
        transfer.closeHandles()
        throw HTTPError(.interrupted, "libcurl refuses the transfer")
      }
      active[easy] = transfer
    } catch {
      transfer.finish(.failure(error))
    }
  }

  private func stop(_ transfer: HTTPTransfer) {
    waiting.removeAll { $0 === transfer }
    sleeping.removeAll { $0 === transfer }
    if let easy = transfer.easy, active[easy] === transfer {
      active[easy] = nil
      if let multi { _ = ccurl_multi_remove(multi, easy) }
      transfer.closeHandles()
    }
    transfer.finish(.failure(HTTPError(.cancelled, "cancelled", mayHaveTakenEffect: true)))
  }

  private func end(_ easy: UnsafeMutableRawPointer, code: Int32) {
    guard let transfer = active.removeValue(forKey: easy) else { return }
    let result = transfer.result(code: code)
    inbox.withLock { inbox in
      inbox.traffic.requests += 1
      inbox.traffic.bytesReceived += transfer.bytesReceived
      inbox.traffic.bytesSent += transfer.bytesSent
    }
    if let multi { _ = ccurl_multi_remove(multi, easy) }
    transfer.closeHandles()
    transfer.finish(result)
  }

  private func failAll(_ error: HTTPError) {
    for (easy, transfer) in active {
      if let multi { _ = ccurl_multi_remove(multi, easy) }
      transfer.closeHandles()
      transfer.finish(.failure(error))
    }
    active = [:]
    let queued = inbox.withLock { inbox in
      defer { inbox.starting = [] }
      return inbox.starting
    }
    for transfer in waiting + queued + sleeping { transfer.finish(.failure(HTTPError(error.kind, error.message))) }
    waiting = []
    sleeping = []
  }
}

import CCurl
import Synchronization

/// Sends HTTP requests through libcurl: one thread drives all transfers, connections are kept and used again, HTTP/2 where the other side
/// offers it, TLS verified, proxies by `https_proxy` and its kin as curl reads them.
///
/// It does not retry, follow redirects or sign; `S3Client` and `AWSServiceClient` do.
package final class HTTPClient: Sendable {
  /// What the environment says about certificates.
  package struct Trust: Sendable {
    package var certificateFile: String?
    package var certificateFolder: String?

    /// `AWS_CA_BUNDLE` as AWS's tools, then `CURL_CA_BUNDLE`, `SSL_CERT_FILE` and `SSL_CERT_DIR` as curl; else what libcurl was built with.
    package init(environment: [String: String] = [:]) {
      func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
      certificateFile = value("AWS_CA_BUNDLE") ?? value("CURL_CA_BUNDLE") ?? value("SSL_CERT_FILE")
      certificateFolder = value("SSL_CERT_DIR")
    }
  }

  /// What went over the wire so far.
  package struct Traffic: Sendable, Equatable {
    package var requests = 0
    package var bytesReceived = 0
    package var bytesSent = 0
  }

  private let loop: TransferLoop

  package init(trust: Trust = Trust()) { loop = TransferLoop(trust: trust) }

  deinit { loop.close() }

  package var traffic: Traffic { loop.traffic }

  /// Sends a request and waits for the whole response. Cancelling the task stops the transfer.
  package func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
    if Task.isCancelled { throw HTTPError(.cancelled, "cancelled") }
    return try await withTransfer { HTTPTransfer(request, $0) }.get()
  }

  /// Waits on the client's own thread; ends early when the task is cancelled. `Task.sleep` needs one of Swift's threads, which may all be
  /// blocked by those who wait for this request.
  package func sleep(milliseconds: Int) async {
    guard milliseconds > 0, !Task.isCancelled else { return }
    // Time over is what is waited for, and cancellation is seen by the caller.
    _ = await withTransfer { HTTPTransfer(delayMilliseconds: milliseconds, $0) }
  }

  private func withTransfer(
    _ make: (@escaping @Sendable (Result<HTTPResponse, HTTPError>) -> Void) -> HTTPTransfer
  ) async -> Result<HTTPResponse, HTTPError> {
    let cell = Mutex<HTTPTransfer?>(nil)
    let result: Result<HTTPResponse, HTTPError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let transfer = make { continuation.resume(returning: $0) }
        cell.withLock { $0 = transfer }
        loop.start(transfer)
        // The handler may have run before there was a transfer to stop.
        if Task.isCancelled { loop.cancel(transfer) }
      }
    } onCancel: {
      if let transfer = cell.withLock({ $0 }) { loop.cancel(transfer) }
    }
    withExtendedLifetime(self) {}
    return result
  }

  /// `send` for the engine's own threads: blocks until the response is there, or `isCancelled` says so.
  package func sendAndWait(_ request: HTTPRequest, isCancelled: @escaping @Sendable () -> Bool = { false }) throws(HTTPError)
    -> HTTPResponse
  {
    let delivery = Delivery<Result<HTTPResponse, HTTPError>>()
    let transfer = HTTPTransfer(request) { delivery.deliver($0) }
    loop.start(transfer)
    while true {
      if let result = delivery.wait(milliseconds: 50) { return try result.get() }
      if isCancelled() { loop.cancel(transfer) }
    }
  }
}

import CCurl
import Glibc
import Synchronization

/// One request on its way: what curl's callbacks read and fill.
// SAFETY: all stored variables belong to the loop's thread, from `open` to `closeHandles`; only `completion` is taken under its lock.
final class HTTPTransfer: @unchecked Sendable {
  let request: HTTPRequest
  /// For a wait instead of a request: when it is over.
  let wakeUp: ContinuousClock.Instant?
  private let completion: Mutex<(@Sendable (Result<HTTPResponse, HTTPError>) -> Void)?>

  private(set) var easy: UnsafeMutableRawPointer?
  private var headerList: UnsafeMutableRawPointer?
  private var errorText: UnsafeMutablePointer<CChar>?
  private var sentOffset = 0
  private var startCount = 0
  private var status = 0
  private var headers = HTTPHeaders()
  private var headerByteCount = 0
  private var body: ByteBuffer?
  private var bodyCount = 0
  /// Why a callback ended the transfer; nil when curl did.
  private var stopped: Stop?

  private enum Stop { case bodyTooLarge, errorBodyCut, headersTooLarge }

  private static let headerLimit = 256 << 10
  private static let errorTextSize = 256
  private static let firstAllocationLimit = 64 << 20

  init(_ request: HTTPRequest, _ completion: @escaping @Sendable (Result<HTTPResponse, HTTPError>) -> Void) {
    self.request = request
    wakeUp = nil
    self.completion = Mutex(completion)
  }

  init(delayMilliseconds: Int, _ completion: @escaping @Sendable (Result<HTTPResponse, HTTPError>) -> Void) {
    request = HTTPRequest(.get, HTTPURL(scheme: "http", authority: ""))
    wakeUp = .now + .milliseconds(delayMilliseconds)
    self.completion = Mutex(completion)
  }

  var bytesReceived: Int { headerByteCount + bodyCount }
  var bytesSent: Int { sentOffset }

  /// Tells who waits, once.
  func finish(_ result: Result<HTTPResponse, HTTPError>) {
    let taken = completion.withLock { completion in
      defer { completion = nil }
      return completion
    }
    taken?(result)
  }

  // MARK: Opening

  /// An easy handle with everything set.
  func open(trust: HTTPClient.Trust) throws(HTTPError) -> UnsafeMutableRawPointer {
    guard let easy = ccurl_easy_init() else { throw HTTPError(.invalidRequest, "libcurl has no memory left") }
    self.easy = easy
    do throws(HTTPError) {
      try configure(easy, trust)
    } catch {
      closeHandles()
      throw error
    }
    return easy
  }

  private func configure(_ easy: UnsafeMutableRawPointer, _ trust: HTTPClient.Trust) throws(HTTPError) {
    let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Self.errorTextSize)
    errorText.initialize(repeating: 0, count: Self.errorTextSize)
    self.errorText = errorText
    let limits = request.limits
    var code: Int32 = 0
    func set(_ option: CCurlOption, _ value: Int) { if code == 0 { code = ccurl_set_long(easy, Int32(option.rawValue), value) } }
    func set(_ option: CCurlOption, _ text: String) { if code == 0 { code = ccurl_set_text(easy, Int32(option.rawValue), text) } }
    set(CCURL_OPTION_URL, request.url.text)
    set(CCURL_OPTION_NO_SIGNAL, 1)
    set(CCURL_OPTION_PROTOCOLS, 3)  // http and https
    set(CCURL_OPTION_PATH_AS_IS, 1)
    set(CCURL_OPTION_HTTP_VERSION, 4)  // CURL_HTTP_VERSION_2TLS
    set(CCURL_OPTION_TCP_NODELAY, 1)
    set(CCURL_OPTION_TCP_KEEPALIVE, 1)
    set(CCURL_OPTION_BUFFER_SIZE, 256 << 10)
    set(CCURL_OPTION_CONNECT_TIMEOUT_MS, limits.connectMilliseconds)
    set(CCURL_OPTION_TIMEOUT_MS, limits.totalMilliseconds)
    set(CCURL_OPTION_LOW_SPEED_LIMIT, 1)
    set(CCURL_OPTION_LOW_SPEED_TIME, limits.stallSeconds)
    if let file = trust.certificateFile { set(CCURL_OPTION_CA_FILE, file) }
    if let folder = trust.certificateFolder { set(CCURL_OPTION_CA_FOLDER, folder) }
    if limits.bypassesProxy { set(CCURL_OPTION_NO_PROXY, "*") }
    if let body = request.body {
      set(CCURL_OPTION_UPLOAD, 1)
      set(CCURL_OPTION_CUSTOM_REQUEST, request.method.rawValue)
      if code == 0 { code = ccurl_set_size(easy, Int32(CCURL_OPTION_BODY_SIZE.rawValue), Int64(body.count)) }
      set(CCURL_OPTION_UPLOAD_BUFFER_SIZE, 512 << 10)
    } else if request.method == .head {
      set(CCURL_OPTION_NO_BODY, 1)
    } else {
      set(CCURL_OPTION_HTTP_GET, 1)
      if request.method != .get { set(CCURL_OPTION_CUSTOM_REQUEST, request.method.rawValue) }
    }
    if code == 0 { code = ccurl_set_pointer(easy, Int32(CCURL_OPTION_ERROR_BUFFER.rawValue), errorText) }
    try appendHeaders()
    if code == 0 { code = ccurl_set_pointer(easy, Int32(CCURL_OPTION_HEADERS.rawValue), headerList) }
    // SAFETY: the loop retains the transfer while the handle exists.
    let context = Unmanaged.passUnretained(self).toOpaque()
    if code == 0 {
      code = ccurl_set_callbacks(
        easy, { bytes, size, count, context in HTTPTransfer.of(context)?.receiveBody(bytes, size * count) ?? 0 },
        { bytes, size, count, context in HTTPTransfer.of(context)?.receiveHeader(bytes, size * count) ?? 0 },
        { bytes, size, count, context in HTTPTransfer.of(context)?.sendBody(bytes, size * count) ?? Int(CCURL_READ_ABORT) },
        { context, offset, origin in HTTPTransfer.of(context)?.seek(Int(offset), origin) ?? 1 }, context)
    }
    if code == 0, !isRead, ccurl_set_start_callback(easy, { context, _, _, _, _ in HTTPTransfer.of(context)?.start() ?? 1 }, context) != 0 {
      set(CCURL_OPTION_FRESH_CONNECT, 1)
    }
    if code != 0 {
      throw HTTPError(.invalidRequest, "\(request.url.authority): \(String(cString: ccurl_code_text(code)))")
    }
  }

  private func appendHeaders() throws(HTTPError) {
    func append(_ line: String) throws(HTTPError) {
      guard !line.utf8.contains(where: { $0 == 0 || $0 == 10 || $0 == 13 }) else {
        throw HTTPError(.invalidRequest, "a header of the request holds a line break")
      }
      guard let head = ccurl_list_append(headerList, line) else { throw HTTPError(.invalidRequest, "libcurl has no memory left") }
      headerList = head
    }
    for field in request.headers.fields {
      // "Name:" would remove a header; "Name;" sends it without a value.
      try append(field.value.isEmpty ? field.name + ";" : field.name + ": " + field.value)
    }
    // No waiting for "100 Continue": parts are small, and many servers never send it.
    try append("Expect:")
    if request.headers["Accept"] == nil { try append("Accept:") }
    if request.headers["Content-Type"] == nil { try append("Content-Type:") }
    if request.headers["User-Agent"] == nil { try append("User-Agent: frazil") }
  }

  /// Frees what curl held. The response, if any, has been taken.
  func closeHandles() {
    if let easy { ccurl_easy_cleanup(easy) }
    if let headerList { ccurl_list_free(headerList) }
    errorText?.deallocate()
    easy = nil
    headerList = nil
    errorText = nil
    body = nil
  }

  // MARK: Callbacks

  private static func of(_ context: UnsafeMutableRawPointer?) -> HTTPTransfer? {
    context.map { Unmanaged<HTTPTransfer>.fromOpaque($0).takeUnretainedValue() }
  }

  private var isRead: Bool { request.method == .get || request.method == .head }

  /// curl repeats a request by itself when a kept connection is lost under it. Whether a write took effect the first time then nobody would
  /// know, so it is given up instead, and repeated by those who look.
  private func start() -> Int32 {
    startCount += 1
    return startCount > 1 ? 1 : 0
  }

  private func receiveHeader(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    guard let bytes, count > 0 else { return count }
    headerByteCount += count
    guard headerByteCount <= Self.headerLimit else {
      stopped = .headersTooLarge
      return 0
    }
    let line = UnsafeRawBufferPointer(start: bytes, count: count)
    if line.starts(with: "HTTP/".utf8) {
      // A new response: the one before was "100 Continue" or a proxy's answer to CONNECT.
      headers = HTTPHeaders()
      status = 0
      let digits = line.drop { $0 != UInt8(ascii: " ") }.dropFirst().prefix(3)
      for digit in digits {
        guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { break }
        status = status * 10 + Int(digit - UInt8(ascii: "0"))
      }
      return count
    }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return count }
    func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
      var bytes = bytes
      while let first = bytes.first, first <= 0x20 { bytes = bytes.dropFirst() }
      while let last = bytes.last, last <= 0x20 { bytes = bytes.dropLast() }
      return String(decoding: bytes, as: UTF8.self)
    }
    headers.append(text(line[..<colon]), text(line[(colon + 1)...]))
    return count
  }

  private func receiveBody(_ bytes: UnsafeMutablePointer<CChar>?, _ count: Int) -> Int {
    guard let bytes, count > 0 else { return count }
    let isSuccess = (200..<300).contains(status)
    let limit = isSuccess ? request.limits.bodySize : request.limits.errorBodySize
    let taken = min(count, limit - bodyCount)
    let needed = bodyCount + taken
    if body.map({ $0.byteCount < needed }) ?? true {
      let promised = headers["Content-Length"].flatMap(Int.init) ?? 0
      let capacity = max(needed, body == nil ? min(max(promised, 0), limit, Self.firstAllocationLimit) : 2 * needed)
      let larger = ByteBuffer(byteCount: capacity)
      if let body { larger.start.copyMemory(from: body.start, byteCount: bodyCount) }
      body = larger
    }
    if let body, taken > 0 { (body.start + bodyCount).copyMemory(from: bytes, byteCount: taken) }
    bodyCount = needed
    if taken < count {
      stopped = isSuccess ? .bodyTooLarge : .errorBodyCut
      return 0
    }
    return count
  }

  private func sendBody(_ bytes: UnsafeMutablePointer<CChar>?, _ capacity: Int) -> Int {
    guard let bytes, let body = request.body else { return 0 }
    let count = min(capacity, body.count - sentOffset)
    guard count > 0 else { return 0 }
    body.withBytes { source in
      if let base = source.baseAddress { UnsafeMutableRawPointer(bytes).copyMemory(from: base + sentOffset, byteCount: count) }
    }
    sentOffset += count
    return count
  }

  /// curl rewinds when a connection it wanted to use again turns out to be dead.
  private func seek(_ offset: Int, _ origin: Int32) -> Int32 {
    guard origin == SEEK_SET, let body = request.body, offset >= 0, offset <= body.count else { return 1 }
    sentOffset = offset
    return 0
  }

  // MARK: The outcome

  func result(code: Int32) -> Result<HTTPResponse, HTTPError> {
    let host = request.url.authority
    switch stopped {
    case .bodyTooLarge:
      return .failure(HTTPError(.tooLarge, "\(host) sent more than the \(request.limits.bodySize) bytes that were asked for", mayHaveTakenEffect: true))
    case .headersTooLarge:
      return .failure(HTTPError(.interrupted, "\(host) sent more than \(Self.headerLimit) bytes of headers", mayHaveTakenEffect: true))
    case .errorBodyCut: return .success(response)
    case nil: break
    }
    guard code != CCURL_OK.rawValue else {
      guard status >= 100 else { return .failure(HTTPError(.interrupted, "\(host) sent no HTTP response", mayHaveTakenEffect: true)) }
      if let length = headers["Content-Length"], Int(length) == nil {
        return .failure(HTTPError(.interrupted, "\(host) states a length that is no number", mayHaveTakenEffect: true))
      }
      return .success(response)
    }
    var detail = errorText.map { String(cString: $0) } ?? ""
    if detail.isEmpty { detail = String(cString: ccurl_code_text(code)) }
    if startCount > 1 { detail = "the connection was lost" }
    let wasSent = startCount > 1 || easy.map { ccurl_get_long($0, Int32(CCURL_INFO_REQUEST_SIZE.rawValue)) > 0 } == true
    let kind: HTTPError.Kind
    switch UInt32(bitPattern: code) {
    case CCURL_MALFORMED_URL.rawValue, CCURL_OUT_OF_MEMORY.rawValue: kind = .invalidRequest
    case CCURL_PROXY_NOT_RESOLVED.rawValue, CCURL_HOST_NOT_RESOLVED.rawValue, CCURL_NOT_CONNECTED.rawValue: kind = .unreachable
    case CCURL_TIMED_OUT.rawValue: kind = .timedOut
    // A connection lost during the handshake has the same code as a refused one; only a bad certificate is sure to stay.
    case CCURL_TLS_HANDSHAKE.rawValue: kind = .unreachable
    case CCURL_PEER_NOT_VERIFIED.rawValue, CCURL_TLS_CERTIFICATE_PROBLEM.rawValue, CCURL_CA_FILE_PROBLEM.rawValue: kind = .tls
    default: kind = .interrupted
    }
    return .failure(HTTPError(kind, "\(host): \(detail)", mayHaveTakenEffect: wasSent))
  }

  private var response: HTTPResponse {
    HTTPResponse(status: status, headers: headers, body: body?.slice(count: bodyCount) ?? .empty)
  }
}

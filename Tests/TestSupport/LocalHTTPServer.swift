import Glibc
import Synchronization

/// A small HTTP/1.1 server on a free port of this machine that answers as a test tells it, well or badly.
package final class LocalHTTPServer: Sendable {
  package struct Request: Sendable {
    package var method: String
    /// Path and query as they came.
    package var target: String
    /// Names in small letters.
    package var headers: [String: String]
    package var body: [UInt8]
    /// Counted from 0 over all connections.
    package var number: Int
    /// Counted from 0.
    package var connection: Int

    package var path: String { String(target.prefix { $0 != "?" }) }
    package var bodyText: String { String(decoding: body, as: UTF8.self) }
  }

  package enum Reply: Sendable {
    case response(Int, [(String, String)] = [], [UInt8] = [])
    /// These bytes, then the connection is closed.
    case raw([UInt8])
    /// Nothing at all, until the client gives up.
    case silence

    package static func text(_ status: Int, _ body: String, _ headers: [(String, String)] = []) -> Reply {
      .response(status, headers, Array(body.utf8))
    }
  }

  package let port: Int
  private let listener: Int32
  private let handler: @Sendable (Request) -> Reply
  private let seen = Mutex<(requests: [Request], connections: Int)>(([], 0))

  package init(_ handler: @escaping @Sendable (Request) -> Reply) {
    self.handler = handler
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    port = withUnsafeMutablePointer(to: &address) { [listener] pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        guard bind(listener, pointer, size) == 0, listen(listener, 64) == 0, getsockname(listener, pointer, &size) == 0 else { return 0 }
        return 1
      }
    } == 1 ? Int(UInt16(bigEndian: address.sin_port)) : 0
    precondition(port != 0, "no free port on this machine")
    startThread { server in server.accept() }
  }

  /// The thread that accepts holds the server, so tests call this to let it go.
  package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  package var url: String { "http://127.0.0.1:\(port)" }
  package var requests: [Request] { seen.withLock { $0.requests } }

  private func startThread(_ body: @escaping @Sendable (LocalHTTPServer) -> Void) {
    final class Work { let run: () -> Void; init(_ run: @escaping () -> Void) { self.run = run } }
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work { [self] in body(self) })
    pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, work.toOpaque())
    pthread_detach(thread)
  }

  private func accept() {
    while true {
      let connection = Glibc.accept(listener, nil, nil)
      guard connection >= 0 else { break }
      let number = seen.withLock { seen in
        seen.connections += 1
        return seen.connections - 1
      }
      startThread { server in
        server.serve(connection, number)
        close(connection)
      }
    }
    close(listener)
  }

  private func serve(_ descriptor: Int32, _ connection: Int) {
    var pending: [UInt8] = []
    while let (request, rest) = receive(descriptor, pending, connection) {
      pending = rest
      let numbered = seen.withLock { seen in
        var request = request
        request.number = seen.requests.count
        seen.requests.append(request)
        return request
      }
      switch handler(numbered) {
      case .response(let status, let headers, let body):
        var text = "HTTP/1.1 \(status) Reason\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if !headers.contains(where: { $0.0 == "Content-Length" }) { text += "Content-Length: \(body.count)\r\n" }
        guard send(descriptor, Array((text + "\r\n").utf8) + (request.method == "HEAD" ? [] : body)) else { return }
      case .raw(let bytes):
        _ = send(descriptor, bytes)
        return
      case .silence:
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) > 0 {}
        return
      }
    }
  }

  private func send(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      done += count
    }
    return true
  }

  private func receive(_ descriptor: Int32, _ pending: [UInt8], _ connection: Int) -> (Request, rest: [UInt8])? {
    var bytes = pending
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    func more() -> Bool {
      let count = read(descriptor, &chunk, chunk.count)
      if count > 0 { bytes += chunk[..<count] }
      return count > 0
    }
    let blank = Array("\r\n\r\n".utf8)
    var searched = 0
    var end: Int?
    while end == nil {
      while searched + 4 <= bytes.count {
        if bytes[searched..<searched + 4].elementsEqual(blank) {
          end = searched
          break
        }
        searched += 1
      }
      if end == nil, !more() { return nil }
    }
    guard let end else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3 else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    let length = headers["content-length"].flatMap(Int.init) ?? 0
    while bytes.count < end + 4 + length { if !more() { return nil } }
    let request = Request(
      method: String(words[0]), target: String(words[1]), headers: headers, body: Array(bytes[(end + 4)..<(end + 4 + length)]), number: 0,
      connection: connection)
    return (request, Array(bytes[(end + 4 + length)...]))
  }
}

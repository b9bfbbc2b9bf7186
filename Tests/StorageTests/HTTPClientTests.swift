import Glibc
import Storage
import Synchronization
import TestSupport
import Testing

struct HTTPClientTests {
  static func url(_ server: LocalHTTPServer, _ path: String = "/") throws -> HTTPURL { try #require(HTTPURL(server.url + path)) }

  static func failure(_ body: () async throws -> Void) async -> HTTPError? {
    do {
      try await body()
      return nil
    } catch { return error as? HTTPError }
  }

  @Test("methods, headers and bodies arrive as they were sent, and the response comes whole")
  func exchange() async throws {
    let server = LocalHTTPServer { request in
      .response(201, [("X-Answer", " yes "), ("x-answer", "again")], Array("\(request.method) \(request.target)|".utf8) + request.body)
    }
    defer { server.stop() }
    let client = HTTPClient()
    let url = try #require(HTTPURL(server.url + "/a/../b%20c//d?z=1&y=a%20b"))
    let get = try await client.send(HTTPRequest(.get, url))
    #expect(get.status == 201 && get.body.string == "GET /a/../b%20c//d?y=a%20b&z=1|")
    #expect(get.headers["X-ANSWER"] == "yes")
    let big = ByteSlice([UInt8](repeating: 65, count: 3_000_000))
    for method in [HTTPRequest.Method.put, .post, .delete] {
      let response = try await client.send(HTTPRequest(method, url, headers: HTTPHeaders([("X-Mine", "1"), ("X-Empty", "")]), body: big))
      #expect(response.body.count == big.count + "\(method.rawValue) /a/../b%20c//d?y=a%20b&z=1|".count)
    }
    let head = try await client.send(HTTPRequest(.head, url))
    #expect(head.body.isEmpty && head.headers["Content-Length"] != nil)
    let seen = server.requests
    #expect(seen[1].headers["x-mine"] == "1" && seen[1].headers["x-empty"] == "" && seen[1].headers["content-length"] == "3000000")
    #expect(seen[1].headers["expect"] == nil && seen[1].headers["content-type"] == nil)
    #expect(Set(seen.map(\.connection)).count == 1, "connections are used again")
    #expect(client.traffic.requests == 5)
  }

  @Test("threads that block and tasks use one client side by side")
  func blocking() async throws {
    let server = LocalHTTPServer { .response(200, [], Array($0.target.utf8)) }
    defer { server.stop() }
    let client = HTTPClient()
    let url = try Self.url(server, "/")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        group.addTask {
          var url = url
          url.path = "/\(number)"
          let body =
            number % 2 == 0
            ? try await client.send(HTTPRequest(.get, url)).body.string
            : try await BlockingPool.shared.run { [url] () throws(StorageError) in
              (try? client.sendAndWait(HTTPRequest(.get, url)))?.body.string ?? "failed"
            }
          #expect(body == "/\(number)")
        }
      }
      try await group.waitForAll()
    }
  }

  @Test("replies that are no HTTP, cut short, too large or never end are errors, not traps")
  func malformed() async throws {
    let bodies: [(String, HTTPError.Kind?)] = [
      ("", .interrupted), ("garbage\r\n\r\n", .interrupted), ("HTTP/1.1 \r\n\r\n", .interrupted),
      ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", .interrupted),
      ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", .interrupted),
      ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", .interrupted),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", .interrupted),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", .interrupted),
      ("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + String(repeating: "x", count: 2_000_000), .tooLarge),
      ("HTTP/1.1 200 OK\r\n: nothing\r\n\u{1}\u{2}: \u{3}\r\nContent-Length: 2\r\n\r\nok", nil),
      ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", nil),
    ]
    let server = LocalHTTPServer { request in .raw(Array(bodies[Int(request.path.dropFirst()) ?? 0].0.utf8)) }
    defer { server.stop() }
    let client = HTTPClient()
    for index in bodies.indices {
      var request = HTTPRequest(.get, try Self.url(server, "/\(index)"))
      request.limits.bodySize = 1 << 20
      let error = await Self.failure { [request] in
        let response = try await client.send(request)
        #expect(response.body.string == "ok")
      }
      #expect(error?.kind == bodies[index].1, "reply \(index): \(error?.message ?? "accepted")")
      if let error { #expect(error.mayHaveTakenEffect) }
    }
  }

  @Test("of an error's body only so much is read as the limit allows")
  func errorBody() async throws {
    let server = LocalHTTPServer { _ in .response(500, [], [UInt8](repeating: 66, count: 1_000_000)) }
    defer { server.stop() }
    var request = HTTPRequest(.get, try Self.url(server))
    request.limits.errorBodySize = 1_000
    let response = try await HTTPClient().send(request)
    #expect(response.status == 500 && response.body.count == 1_000)
  }

  @Test("a server that says nothing is given up after the stall limit and after the total limit")
  func stalls() async throws {
    let server = LocalHTTPServer { _ in .silence }
    defer { server.stop() }
    var stalled = HTTPRequest(.get, try Self.url(server))
    stalled.limits.stallSeconds = 1
    #expect(await Self.failure { _ = try await HTTPClient().send(stalled) }?.kind == .timedOut)
    var slow = HTTPRequest(.get, try Self.url(server))
    slow.limits.totalMilliseconds = 200
    #expect(await Self.failure { _ = try await HTTPClient().send(slow) }?.kind == .timedOut)
  }

  @Test("a server that takes no connection is given up after the time for connecting, and nothing has happened there")
  func connecting() async throws {
    // A listener that nobody accepts from: once its queue is full, the system answers no more.
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(listener) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let waiting = (0..<8).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0) }
    defer { for descriptor in waiting { close(descriptor) } }
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        guard bind(listener, pointer, size) == 0, listen(listener, 0) == 0, getsockname(listener, pointer, &size) == 0 else { return }
        for descriptor in waiting { _ = connect(descriptor, pointer, size) }
      }
    }
    let url = try #require(HTTPURL("http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/"))
    var request = HTTPRequest(.put, url, body: .empty)
    request.limits.connectMilliseconds = 200
    let error = await Self.failure { [request] in _ = try await HTTPClient().send(request) }
    #expect(error?.kind == .timedOut && error?.mayHaveTakenEffect == false && error?.isRetryable == true, "\(String(describing: error))")
  }

  @Test("cancelling a task, or the flag of a blocked thread, stops the transfer at once")
  func cancellation() async throws {
    let arrived = Atomic<Int>(0)
    let server = LocalHTTPServer { _ in
      arrived.add(1, ordering: .relaxed)
      return .silence
    }
    defer { server.stop() }
    let client = HTTPClient()
    let request = HTTPRequest(.get, try Self.url(server))
    let task = Task { await Self.failure { _ = try await client.send(request) } }
    while arrived.load(ordering: .relaxed) == 0 { await Task.yield() }
    task.cancel()
    #expect(await task.value?.kind == .cancelled)
    let error = await Task.detached {
      await Self.failure { _ = try client.sendAndWait(request) { arrived.load(ordering: .relaxed) == 2 } }
    }.value
    #expect(error?.kind == .cancelled)
  }

  @Test("nobody listening is an error that has had no effect; a certificate nobody vouches for is no passing trouble")
  func unreachable() async throws {
    let server = LocalHTTPServer { _ in .text(200, "") }
    let url = try Self.url(server)
    server.stop()
    let error = await Self.failure { _ = try await HTTPClient().send(HTTPRequest(.put, url, body: .empty)) }
    if let error { #expect(error.kind == .unreachable && !error.mayHaveTakenEffect && error.isRetryable) }
    let name = try #require(HTTPURL("http://no-such-host.invalid/"))
    let unknown = await Self.failure { _ = try await HTTPClient().send(HTTPRequest(.get, name)) }
    #expect(unknown?.kind == .unreachable && unknown?.message.contains("no-such-host.invalid") == true)
  }

  @Test("a header with a line break is refused before anything is sent")
  func headerInjection() async throws {
    let url = try #require(HTTPURL("http://127.0.0.1:9/"))
    let request = HTTPRequest(.get, url, headers: HTTPHeaders([("X", "a\r\nEvil: yes")]))
    #expect(await Self.failure { _ = try await HTTPClient().send(request) }?.kind == .invalidRequest)
  }

  @Test("URLs are cut and joined; what is none, or holds a password, is refused")
  func urls() {
    let url = HTTPURL("HTTPS://host:443/a%2Fb/?b=2&a=x+y&c")
    #expect(url?.authority == "host" && url?.path == "/a%2Fb/" && url?.canonicalQuery == "a=x%20y&b=2&c=")
    #expect(HTTPURL("http://h")?.text == "http://h/" && HTTPURL("http://[::1]:9000/x")?.isLoopback == true)
    for text in ["", "h", "ftp://h/", "http://", "http:///x", "http://user:pw@h/", "http://h/a b", "http://:80/"] {
      #expect(HTTPURL(text) == nil, "\(text)")
    }
  }
}

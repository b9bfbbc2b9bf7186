/// Header fields in the order they were set or came; names compare without case.
package struct HTTPHeaders: Sendable, Equatable {
  package struct Field: Sendable, Equatable {
    package var name: String
    package var value: String
  }

  package private(set) var fields: [Field] = []

  package init(_ pairs: [(String, String)] = []) {
    for pair in pairs { fields.append(Field(name: pair.0, value: pair.1)) }
  }

  /// The first value of a field. Setting replaces all of them; nil removes them.
  package subscript(_ name: String) -> String? {
    get {
      let wanted = name.asciiLowercased
      return fields.first { $0.name.asciiLowercased == wanted }?.value
    }
    set {
      let wanted = name.asciiLowercased
      fields.removeAll { $0.name.asciiLowercased == wanted }
      if let newValue { fields.append(Field(name: name, value: newValue)) }
    }
  }

  package mutating func append(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }
}

package struct HTTPRequest: Sendable {
  package enum Method: String, Sendable {
    case get = "GET"
    case head = "HEAD"
    case put = "PUT"
    case post = "POST"
    case delete = "DELETE"

    /// Whether doing it twice is the same as doing it once, by RFC 9110.
    package var isIdempotent: Bool { self != .post }
  }

  package var method: Method
  package var url: HTTPURL
  package var headers: HTTPHeaders
  /// Sent with its length; nil for methods that have none.
  package var body: ByteSlice?
  package var limits = HTTPLimits()

  package init(_ method: Method, _ url: HTTPURL, headers: HTTPHeaders = HTTPHeaders(), body: ByteSlice? = nil) {
    self.method = method
    self.url = url
    self.headers = headers
    self.body = body
  }
}

/// How long a transfer may take and how much may come back.
package struct HTTPLimits: Sendable {
  /// Name resolution, connection and TLS handshake.
  package var connectMilliseconds = 10_000
  /// The transfer is given up when no byte has moved for so long.
  package var stallSeconds = 30
  /// From start to end, whatever moves.
  package var totalMilliseconds = 900_000
  /// Bytes of a successful body; more is an error.
  package var bodySize = Int.max
  /// Bytes of another body; what is beyond is left unread.
  package var errorBodySize = 1 << 20
  /// For addresses of this machine or its host, which no proxy can reach.
  package var bypassesProxy = false

  package init() {}
}

package struct HTTPResponse: Sendable {
  package var status: Int
  package var headers: HTTPHeaders
  package var body: ByteSlice

  package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: ByteSlice = .empty) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  package var isSuccess: Bool { (200..<300).contains(status) }
}

/// Why there is no response.
package struct HTTPError: Error, Sendable, Equatable, CustomStringConvertible {
  package enum Kind: String, Sendable {
    /// libcurl is not there, or too old.
    case libraryMissing
    case invalidRequest
    /// The name is unknown, or nobody listens there.
    case unreachable
    /// The handshake failed, or the certificate is not one that is trusted.
    case tls
    /// Connecting took too long, nothing moved for too long, or it took too long in all.
    case timedOut
    /// The connection was lost, or what came was no HTTP.
    case interrupted
    /// The body is larger than the caller can use.
    case tooLarge
    case cancelled
  }

  package var kind: Kind
  /// Says which host, never a query or a header: they may hold signatures.
  package var message: String
  /// Whether the request, or part of it, had left: the other side may have done what it asks.
  package var mayHaveTakenEffect: Bool

  package init(_ kind: Kind, _ message: String, mayHaveTakenEffect: Bool = false) {
    self.kind = kind
    self.message = message
    self.mayHaveTakenEffect = mayHaveTakenEffect
  }

  package var description: String { message }

  /// Whether the same request may succeed later.
  package var isRetryable: Bool { kind == .unreachable || kind == .timedOut || kind == .interrupted }
}

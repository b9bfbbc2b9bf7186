import JSONText
import Storage
import Synchronization
import TestSupport

/// A real S3 server for the tests, started once and shared by them all; each test works under a prefix of its own.
final class S3TestServer: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case swift, rclone, moto

    /// Whether the server keeps `If-None-Match` and `If-Match` on PUT.
    var keepsIfAbsent: Bool { self != .rclone }
    var keepsIfMatches: Bool { false }
    var checksSignatures: Bool { self != .moto }
  }

  let kind: Kind
  let endpoint: String
  let credentials: AWSCredentials
  let region: String
  private let process: ServerProcess
  private let folder = ScratchFolder()
  static let bucket = "frazil-test"

  private init(_ kind: Kind) throws {
    self.kind = kind
    process = try ServerProcess("s3_server.py", [kind.rawValue, folder.path, Self.bucket])
    let root = try JSONDocument(process.greeting).root
    endpoint = try root.requireString("endpoint")
    region = try root.requireString("region")
    credentials = AWSCredentials(accessKeyID: try root.requireString("access_key"), secretAccessKey: try root.requireString("secret_key"))
  }

  private static let started = Mutex<[Kind: Result<S3TestServer, any Error>]>([:])

  /// The running server; throws when it cannot be started.
  static func shared(_ kind: Kind) throws -> S3TestServer {
    try started.withLock { started in
      let result = started[kind] ?? Result { try S3TestServer(kind) }
      started[kind] = result
      return try result.get()
    }
  }

  /// A store on this server, or on a proxy in front of it.
  func store(
    endpoint: String? = nil, credentials: AWSCredentials? = nil, attempts: Int = 5, configure: (inout S3Options) -> Void = { _ in }
  ) throws -> S3Store {
    var options = S3Options()
    options.endpoint = HTTPURL(endpoint ?? self.endpoint)
    options.region = region
    // The smallest that the server takes.
    options.partSize = kind == .moto ? 5 << 20 : 64 << 10
    configure(&options)
    return S3Store(
      client: S3Client(
        options: options, http: HTTPClient(), credentials: FixedCredentials(credentials ?? self.credentials), clock: AWSClock(),
        retry: RetryPolicy(attempts: attempts, sleep: { _ in })))
  }

  private static let counter = Atomic<Int>(0)

  /// A place that no other test uses.
  static func root(_ bucket: String = bucket) -> Location {
    Location("s3://\(bucket)/t\(counter.add(1, ordering: .relaxed).newValue)")
  }

  /// Uploads that were begun and neither finished nor aborted.
  func unfinishedUploads(_ store: S3Store, below prefix: Location) async throws -> [String] {
    let url = HTTPURL(endpoint + "/" + Self.bucket + "?uploads")
    var request = HTTPRequest(.get, url!)
    SigV4Signer(service: "s3", region: region).sign(&request, credentials, payload: .empty, at: AWSClock().seconds)
    let response = try await store.client.http.send(request)
    let root = try XMLElement.parse(response.body)
    return root.all("Upload").compactMap { $0.text(of: "Key") }.filter { $0.hasPrefix(prefix.path) }
  }
}

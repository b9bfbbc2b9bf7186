import Storage
import Synchronization
import Testing

/// Stores for which a catalog has handed out credentials.
@Suite struct GrantedStoresTests {
  private static let environment = ["AWS_ACCESS_KEY_ID": "own", "AWS_SECRET_ACCESS_KEY": "own", "AWS_EC2_METADATA_DISABLED": "true"]

  @Test("the longest prefix counts, at the border of a path segment; elsewhere the process's own credentials do")
  func prefixes() throws {
    let aws = AWSAccess(environment: Self.environment)
    let grants = GrantedStores(aws: aws)
    let router = StoreRouter(aws: aws, granted: grants)
    for prefix in ["s3://b/t", "s3://b/t/data", "s3://c"] {
      grants.grant(AWSCredentials(accessKeyID: prefix, secretAccessKey: "x"), below: Location(prefix), S3Options()) {
        () throws(CredentialError) in throw CredentialError("no more")
      }
    }
    func store(_ location: String) throws -> ObjectIdentifier { ObjectIdentifier(try #require(try router.resolve(Location(location)).store as? S3Store)) }
    let (table, data, bucket, own) = (
      try store("s3://b/t/metadata/x"), try store("s3://b/t/data/x"), try store("s3a://c/anything"), try store("s3://b/other")
    )
    #expect(Set([table, data, bucket, own]).count == 4)
    #expect(try store("s3://b/t") == table && store("s3a://b/t/data") == data && store("s3://b/t2/x") == own && store("s3://b/t/database/x") == table)
    #expect(try store("s3://cc/x") == own)
  }

  @Test("credentials near their end are asked for anew, refused ones once; what is handed over later counts at once")
  func renewal() async throws {
    let asked = Atomic<Int>(0)
    let credentials = VendedCredentials(AWSCredentials(accessKeyID: "first", secretAccessKey: "x", expiration: 1_030), now: { 1_000 }) {
      () throws(CredentialError) in
      let number = asked.add(1, ordering: .relaxed).newValue
      guard number < 3 else { throw CredentialError("no more") }
      return AWSCredentials(accessKeyID: "asked-\(number)", secretAccessKey: "x", expiration: 9_000)
    }
    let fresh = try await credentials.credentials()
    #expect(fresh.accessKeyID == "asked-1")
    #expect(try await credentials.credentials() == fresh)
    #expect(await credentials.renew(fresh))
    #expect(try await credentials.credentials().accessKeyID == "asked-2")
    #expect(await credentials.renew(fresh), "others are there already")
    let last = try await credentials.credentials()
    #expect(await !credentials.renew(last))
    credentials.replace(by: AWSCredentials(accessKeyID: "new", secretAccessKey: "x")) { () throws(CredentialError) in throw CredentialError("never") }
    #expect(try await credentials.credentials().accessKeyID == "new")
  }
}

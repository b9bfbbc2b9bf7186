import Storage
import Testing

/// Signatures published by AWS: "Signature Calculations for the Authorization Header" and "Authenticating Requests: Using Query Parameters" of
/// the S3 API reference, and the example of the IAM user guide.
struct SigV4Tests {
  static let credentials = AWSCredentials(
    accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
  static let may24: Int64 = 1_369_353_600

  func signature(_ request: HTTPRequest, _ payload: SigV4Signer.Payload) -> String {
    var request = request
    SigV4Signer(service: "s3", region: "us-east-1").sign(&request, Self.credentials, payload: payload, at: Self.may24)
    return request.headers["Authorization"].flatMap { $0.split(separator: "=").last.map(String.init) } ?? ""
  }

  @Test("S3: GET of a range")
  func get() throws {
    let url = try #require(HTTPURL("https://examplebucket.s3.amazonaws.com/test.txt"))
    let request = HTTPRequest(.get, url, headers: HTTPHeaders([("Range", "bytes=0-9")]))
    #expect(signature(request, .empty) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  }

  @Test("S3: PUT with a body and a key that needs encoding")
  func put() throws {
    let url = HTTPURL(scheme: "https", authority: "examplebucket.s3.amazonaws.com", path: "/" + PercentEncoding.encoded("test$file.text", keepsSlash: true))
    let body = ByteSlice(utf8: "Welcome to Amazon S3.")
    let headers = HTTPHeaders([("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")])
    let request = HTTPRequest(.put, url, headers: headers, body: body)
    #expect(signature(request, .hashing(body)) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
  }

  @Test("S3: query parameters with and without value")
  func queries() throws {
    let lifecycle = try #require(HTTPURL("https://examplebucket.s3.amazonaws.com/?lifecycle"))
    #expect(signature(HTTPRequest(.get, lifecycle), .empty) == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
    let list = try #require(HTTPURL("https://examplebucket.s3.amazonaws.com/?prefix=J&max-keys=2"))
    #expect(signature(HTTPRequest(.get, list), .empty) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
  }

  @Test("S3: a presigned URL")
  func presigned() throws {
    let url = try #require(HTTPURL("https://examplebucket.s3.amazonaws.com/test.txt"))
    let signer = SigV4Signer(service: "s3", region: "us-east-1")
    let signed = signer.presigned(.get, url, Self.credentials, expires: 86_400, at: Self.may24)
    #expect(signed.text.contains("X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"))
    #expect(signed.text.contains("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
  }

  @Test("IAM: the example of the user guide, whose service wants no header with the body's hash")
  func iam() throws {
    let url = try #require(HTTPURL("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08"))
    var request = HTTPRequest(.get, url, headers: HTTPHeaders([("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]))
    let keys = AWSCredentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    SigV4Signer(service: "iam", region: "us-east-1").sign(&request, keys, payload: .empty, at: 1_440_938_160)
    #expect(
      request.headers["Authorization"]
        == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, "
        + "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
    #expect(request.headers["X-Amz-Content-Sha256"] == nil)
  }

  @Test("a session token is sent and signed, unsigned payloads say so, and a second signature replaces the first")
  func tokens() throws {
    let url = try #require(HTTPURL("https://b.s3.amazonaws.com/k"))
    var request = HTTPRequest(.get, url)
    let keys = AWSCredentials(accessKeyID: "A", secretAccessKey: "S", sessionToken: "T")
    let signer = SigV4Signer(service: "s3", region: "eu-west-1")
    signer.sign(&request, keys, payload: .unsigned, at: Self.may24)
    signer.sign(&request, keys, payload: .unsigned, at: Self.may24)
    #expect(request.headers["X-Amz-Security-Token"] == "T" && request.headers["X-Amz-Content-Sha256"] == "UNSIGNED-PAYLOAD")
    #expect(request.headers["Authorization"]?.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,") == true)
    #expect(request.headers.fields.filter { $0.name == "Authorization" }.count == 1)
  }

  @Test("keys are encoded segment by segment and never normalised; times and dates are understood")
  func details() {
    #expect(PercentEncoding.encoded("a b/ü+=&'()*!~.-_/../%", keepsSlash: true) == "a%20b/%C3%BC%2B%3D%26%27%28%29%2A%21~.-_/../%25")
    #expect(PercentEncoding.decoded("a%20b%C3%BC%zz%4") == "a bü%zz%4")
    #expect(UTCTime.basic(Self.may24) == "20130524T000000Z" && UTCTime.extended(951_827_696) == "2000-02-29T12:34:56Z")
    #expect(UTCTime.parse(http: "Fri, 24 May 2013 00:00:00 GMT") == Self.may24)
    for text in ["2013-05-24T00:00:00Z", "2013-05-24T02:00:00+02:00", "2013-05-23T19:30:00-0430", "2013-05-24T00:00:00.000Z", "2013-05-24T00:00:00UTC"] {
      #expect(UTCTime.parse(iso: text)?.seconds == Self.may24, "\(text)")
    }
    for text in ["", "2013", "2013-13-24T00:00:00Z", "2013-05-24T00:00:00+2", "2013-05-24X00:00:00Z", "９013-05-24T00:00:00Z"] {
      #expect(UTCTime.parse(iso: text) == nil, "\(text)")
      #expect(UTCTime.parse(http: text) == nil)
    }
  }

  @Test("credentials print without their secrets")
  func secrecy() {
    let keys = AWSCredentials(accessKeyID: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "SECRET", sessionToken: "TOKEN")
    var dumped = ""
    dump(keys, to: &dumped)
    for text in ["\(keys)", String(reflecting: keys), dumped, "\([keys])"] {
      #expect(!text.contains("SECRET") && !text.contains("TOKEN"), "\(text)")
    }
  }
}

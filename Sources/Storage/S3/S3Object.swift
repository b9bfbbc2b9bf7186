/// A bucket and a key, cut from a location.
package struct S3Object: Hashable, Sendable {
  package var bucket: String
  package var key: String

  package init(bucket: String, key: String) {
    self.bucket = bucket
    self.key = key
  }

  /// - Throws: `invalidLocation` when there is no bucket, or the key is longer than S3's 1,024 bytes.
  package init(_ location: Location) throws(StorageError) {
    bucket = location.authority
    key = location.path
    guard !bucket.isEmpty, bucket.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "@") }) else {
      throw StorageError(.invalidLocation, location, "an S3 location looks like s3://bucket/key")
    }
    guard key.utf8.count <= 1_024 else {
      throw StorageError(.invalidLocation, location, "the key has \(key.utf8.count) bytes; S3 takes 1,024")
    }
  }
}

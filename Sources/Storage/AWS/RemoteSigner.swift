/// Somebody else who has the keys, and signs requests one by one.
package protocol RemoteSigner: Sendable {
  /// Puts the signature into a request.
  ///
  /// - Parameters:
  ///   - region: what the request's service is in.
  ///   - anew: takes no signature that was kept of an earlier request.
  /// - Returns: whether the signature was kept, so that a refusal may be due to its age.
  func sign(_ request: inout HTTPRequest, region: String, anew: Bool) async throws(CredentialError) -> Bool
}

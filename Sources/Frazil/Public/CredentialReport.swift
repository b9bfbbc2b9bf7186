import SQLSyntax
import Storage

/// Whose credentials requests to AWS are signed with, and how they were found. Holds no secret.
public struct CredentialReport: Sendable {
  public struct Source: Sendable {
    public var name: String
    /// `used`, `not configured`, `failed` or `not asked`.
    public var outcome: String
    public var detail: String
  }

  /// One line: the key in force, or why there is none.
  public var summary: String
  public var isFound: Bool
  public var region: String
  /// A server other than AWS's own.
  public var endpoint: String?
  /// In the order in which they are asked.
  public var sources: [Source]
}

extension Engine {
  /// Looks for credentials now, as the first request would.
  public func credentialReport() async -> CredentialReport {
    let settings = aws.settings
    let chain = aws.chain
    var summary: String
    var isFound = true
    do throws(CredentialError) {
      let credentials = try await chain.resolve()
      summary = credentials.description
      summary += credentials.sessionToken == nil ? "" : ", with a session token"
      summary += credentials.expiration.map { ", until \(UTCTime.extended($0))" } ?? ""
    } catch {
      summary = error.message
      isFound = false
    }
    return CredentialReport(
      summary: summary, isFound: isFound, region: settings.region ?? "us-east-1 (nothing states one)", endpoint: settings.configuredEndpoint("s3").map { HTTPURL($0) == nil ? "what is set is no URL" : $0 },
      sources: chain.lastAttempts.map { attempt in
        let outcome =
          switch attempt.outcome {
          case .used: "used"
          case .absent: "not configured"
          case .failed: "failed"
          case .notAsked: "not asked"
          }
        return CredentialReport.Source(name: attempt.source, outcome: outcome, detail: attempt.detail)
      })
  }
}

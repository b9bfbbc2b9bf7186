import Frazil
import TestSupport
import Testing

/// The README's tour, done.
@Suite struct ReadmeTests {
  static let readme = String(decoding: Corpus.bytes(Corpus.packageRoot + "/README.md") ?? [], as: UTF8.self)

  @Test("the library example of the README is the file that is compiled here")
  func isTheSameText() throws {
    let file = String(decoding: Corpus.bytes(Corpus.packageRoot + "/Tests/FrazilTests/ReadmeExample.swift") ?? [], as: UTF8.self)
    let block = try #require(Self.readme.firstMatch(of: /```swift\n(.*?)```/.dotMatchesNewlines()))
    #expect(String(block.output.1) == file)
  }

  @Test("the statements of the tour run one after the other, and the library example on what they left")
  func tour() async throws {
    let scratch = ScratchFolder()
    var configuration = Configuration(warehouse: scratch.path)
    configuration.workers = 2
    let session = try Engine(configuration).makeSession()
    let tour = try #require(Self.readme.firstMatch(of: /```sql\n(CREATE TABLE sales.*?)```/.dotMatchesNewlines()))
    for statement in session.statements(in: String(tour.output.1)) {
      for try await _ in try await session.run(statement).rows {}
    }
    let found = try await totals(warehouse: scratch.path)
    #expect(found.map(\.region) == ["east", "north", "south"])
    #expect(found.map(\.total) == [40, 12.5, 7.25])
  }
}

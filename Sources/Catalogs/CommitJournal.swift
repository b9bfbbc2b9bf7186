import JSONText
import Storage

/// Several documents of the local catalog that are replaced as one.
///
///     <root>/commit.journal.json     {"documents":[{"path":"db/t.table.json","content":"{...}"}, ...]}
///
/// Whoever replaces them, under the catalog's lock, first writes all of them here. The rename that gives this file its name is the
/// commit: before it nothing has happened; after it every reader takes the documents from here, and who holds the lock next writes those
/// that are not in place yet. A crash at any point therefore shows all documents old or all new.
///
/// ```
/// write journal ─ rename ─ replace document 1 ─ … ─ replace document n ─ remove journal
///       old     │                     new (read from the journal)      │  new (read from their places)
/// ```
struct CommitJournal: Sendable {
  struct Document: Sendable {
    /// Below the root of the catalog.
    let path: String
    let content: [UInt8]
  }

  private let root: String
  private let store: any ObjectStore

  init(root: String, store: any ObjectStore) {
    self.root = root
    self.store = store
  }

  private var location: Location { Location(root + "/commit.journal.json") }

  /// Replaces the documents, all or none. To be called with the lock held and no journal pending.
  func replace(_ documents: [Document]) async throws(CatalogError) {
    var json = JSONWriter(style: .compact)
    json.object { json in
      json.key("documents")
      json.array { json in
        for document in documents {
          json.object { json in
            json.member("path", document.path)
            json.member("content", String(decoding: document.content, as: UTF8.self))
          }
        }
      }
    }
    try await write(json.take(), at: location)
    // From here on it has happened. What cannot be put in place now, the next holder of the lock will.
    do { try await finish(documents) } catch { return }
  }

  /// Puts the documents of a commit that was cut off in their places. To be called with the lock held.
  func replay() async throws(CatalogError) {
    if let documents = try await pending() { try await finish(documents) }
  }

  /// The content that a document has by a commit that is not in its place yet; nil when none has it.
  func content(of path: String) async throws(CatalogError) -> [UInt8]? {
    try await pending()?.first { $0.path == path }?.content
  }

  private func finish(_ documents: [Document]) async throws(CatalogError) {
    for document in documents { try await write(document.content, at: Location(root + "/" + document.path)) }
    do throws(StorageError) {
      try await store.delete([location])
      // A journal that came back after a power failure would undo later commits.
      try LocalFileWriter.syncFolder(root, location)
    } catch {
      throw CatalogError(storage: error)
    }
  }

  private func pending() async throws(CatalogError) -> [Document]? {
    let bytes: [UInt8]
    do throws(StorageError) { bytes = try await store.read(location).array } catch {
      if error.kind == .notFound { return nil }
      throw CatalogError(storage: error)
    }
    do throws(JSONError) {
      var documents: [Document] = []
      for element in try JSONDocument(bytes).root.requireElements("documents") {
        documents.append(
          Document(path: try element.requireString("path"), content: Array(try element.requireString("content").utf8)))
      }
      return documents
    } catch {
      throw CatalogError(.corrupt, "catalog document \(location.text): \(error)")
    }
  }

  private func write(_ bytes: [UInt8], at location: Location) async throws(CatalogError) {
    do throws(StorageError) { _ = try await store.write(location, ByteSlice(bytes)) } catch {
      throw CatalogError(storage: error)
    }
  }
}

import Synchronization

/// An object of S3 being written. Small ones become one request; larger ones are uploaded in parts while the next part fills, and appear
/// when they are complete.
final class S3Writer: ObjectWriter {
  private(set) var byteCount = 0
  private let client: S3Client
  private let object: S3Object
  private let location: Location
  private let condition: PutCondition
  private let writeID = S3Client.makeWriteID()

  private var part: ByteBuffer?
  private var partFill = 0
  private var upload: String?
  private var mayHaveSibling = false
  private var sentParts: [Delivery<Result<S3Client.Part, StorageError>>] = []
  private var tasks: [Task<Void, Never>] = []
  private var finishedParts: [S3Client.Part] = []
  private var isClosed = false

  /// Parts on their way at once; the writing thread waits when there are more.
  private static let partsInFlight = 4
  /// S3's limit.
  private static let partLimit = 10_000

  init(_ client: S3Client, _ object: S3Object, _ location: Location, _ condition: PutCondition) {
    self.client = client
    self.object = object
    self.location = location
    self.condition = condition
  }

  deinit { abort() }

  func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
    guard !isClosed else { throw StorageError(.io, location, "cannot write: the object is closed") }
    var rest = bytes[...]
    while !rest.isEmpty {
      let number = finishedParts.count + sentParts.count + 1
      let capacity = client.options.partSize(number)
      let buffer = part ?? ByteBuffer(byteCount: capacity)
      part = buffer
      let count = min(rest.count, buffer.byteCount - partFill)
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
      if let base = piece.baseAddress { (buffer.start + partFill).copyMemory(from: base, byteCount: count) }
      partFill += count
      byteCount += count
      rest = rest.dropFirst(count)
      // A full part goes when more follows, so that the last one is never empty.
      if partFill == buffer.byteCount { try sendPart() }
    }
  }

  private func sendPart() throws(StorageError) {
    guard let buffer = part, partFill > 0 else { return }
    do throws(StorageError) {
      let upload = try begunUpload()
      while sentParts.count >= Self.partsInFlight { try collectOne() }
      let number = finishedParts.count + sentParts.count + 1
      guard number <= Self.partLimit else { throw StorageError(.diskFull, location, "the object has more than \(Self.partLimit) parts") }
      let bytes = buffer.slice(count: partFill)
      part = nil
      partFill = 0
      let delivery = Delivery<Result<S3Client.Part, StorageError>>()
      sentParts.append(delivery)
      tasks.append(
        Task(executorPreference: StorageExecutor.shared) { [client, object, location] in
          do throws(StorageError) {
            delivery.deliver(.success(try await client.uploadPart(object, location, upload: upload, number: number, bytes)))
          } catch {
            delivery.deliver(.failure(error))
          }
        })
    } catch {
      abort()
      throw error
    }
  }

  private func begunUpload() throws(StorageError) -> String {
    if let upload { return upload }
    let begun: (id: String, mayHaveSibling: Bool)
    do throws(StorageError) {
      begun = try waitForTask { [client, object, location, writeID] () async throws(StorageError) in
        try await client.createUpload(object, location, writeID: writeID)
      }
    } catch {
      // The upload may have begun without our learning its name.
      if error.kind == .outcomeUnknown { removeUploads(named: nil) }
      throw error
    }
    upload = begun.id
    mayHaveSibling = begun.mayHaveSibling
    return begun.id
  }

  /// Waits for the oldest part on its way.
  private func collectOne() throws(StorageError) {
    guard !sentParts.isEmpty else { return }
    let delivery = sentParts.removeFirst()
    tasks.removeFirst()
    finishedParts.append(try delivery.wait().get())
  }

  func finish() throws(StorageError) -> ObjectVersion {
    guard !isClosed else { throw StorageError(.io, location, "cannot finish: the object is closed") }
    guard upload != nil else {
      isClosed = true
      let bytes = part?.slice(count: partFill) ?? .empty
      part = nil
      return try waitForTask { [client, object, location, condition] () async throws(StorageError) in
        try await client.put(object, location, bytes, if: condition)
      }
    }
    do throws(StorageError) {
      try sendPart()
      while !sentParts.isEmpty { try collectOne() }
      let (upload, parts) = (try begunUpload(), finishedParts)
      let version = try waitForTask { [client, object, location, writeID, condition] () async throws(StorageError) in
        try await client.completeUpload(object, location, upload: upload, parts: parts, writeID: writeID, if: condition)
      }
      isClosed = true
      if mayHaveSibling { removeUploads(named: nil) }
      return version
    } catch {
      abort()
      throw error
    }
  }

  func abort() {
    guard !isClosed else { return }
    isClosed = true
    part = nil
    for task in tasks { task.cancel() }
    // A part that is still on its way would be stored after the upload is gone.
    for delivery in sentParts { _ = delivery.wait() }
    sentParts = []
    tasks = []
    guard let upload else { return }
    removeUploads(named: upload)
  }

  /// Ends this writer's upload and, when an answer to its beginning was lost, others of the same key, which nobody else writes.
  private func removeUploads(named known: String?) {
    let seeksSiblings = known == nil || mayHaveSibling
    // Nobody is left to be told when this fails: S3 lifecycle rules remove what remains.
    try? waitForTask { [client, object, location] () async throws(StorageError) in
      if let known { try await client.abortUpload(object, location, upload: known) }
      guard seeksSiblings else { return }
      for upload in try await client.uploads(object, location) { try await client.abortUpload(object, location, upload: upload) }
    }
  }
}

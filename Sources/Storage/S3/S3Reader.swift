import Synchronization

/// An open object of S3. What `willNeed` announces is requested at once, in blocks that travel side by side, so that requests overlap
/// with decoding; a read that nobody announced is a request of its own.
///
/// All requests after the first name the state the object had then: ranges of two states are never mixed.
final class S3Reader: SynchronousReader {
  let location: Location
  let size: Int
  var readsAheadByItself: Bool { true }
  var isRemote: Bool { true }
  var stateRead: ObjectVersion? { state.withLock { $0.version } }
  /// A request costs as much time as reading so many bytes more.
  var coalesceGap: Int { 1 << 20 }

  private let client: S3Client
  private let object: S3Object
  private let budget: ReadAheadBudget
  private let state: Mutex<State>

  private struct State {
    /// Ascending, disjoint.
    var blocks: [ReadAheadBlock] = []
    var version: ObjectVersion?
    /// The end of the object, where the footers of file formats are.
    var tail: ByteSlice?
  }

  private static let blockSize = 8 << 20
  private static let tailSize = 64 << 10
  /// An object up to this size is fetched whole when its end is asked for: a request for the rest would take longer than reading it along.
  private static let wholeSize = 1 << 20

  /// - Parameter size: nil asks for it, and fetches the end of the object in the same request.
  init(_ client: S3Client, _ object: S3Object, _ location: Location, size: Int?, budget: ReadAheadBudget) throws(StorageError) {
    self.client = client
    self.object = object
    self.location = location
    self.budget = budget
    if let size {
      self.size = size
      state = Mutex(State())
    } else {
      let content = try waitForTask { () async throws(StorageError) in try await client.get(object, location, last: Self.tailSize) }
      self.size = content.objectSize
      state = Mutex(State(version: content.version, tail: content.bytes.count == min(content.objectSize, Self.tailSize) ? content.bytes : nil))
    }
  }

  deinit {
    for block in state.withLock({ $0.blocks }) {
      block.giveUp()
      budget.release(block)
    }
  }

  func read(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    try fill(destination, from: offset, looksOnly: false)
    StorageTraffic.current?.note(bytesUsed: destination.count)
  }

  func look(at offset: Int, into destination: UnsafeMutableRawBufferPointer) throws(StorageError) {
    try fill(destination, from: offset, looksOnly: true)
  }

  private func fill(_ destination: UnsafeMutableRawBufferPointer, from offset: Int, looksOnly: Bool) throws(StorageError) {
    let (end, overflow) = offset.addingReportingOverflow(destination.count)
    guard offset >= 0, !overflow, end <= size else { throw outOfBounds(offset..<max(offset, overflow ? offset : end)) }
    var position = offset
    while position < end {
      let rest = UnsafeMutableRawBufferPointer(rebasing: destination[(position - offset)...])
      position += try readSome(at: position, into: rest, looksOnly: looksOnly)
    }
  }

  /// Fills a part of `destination` from its start on, at least a byte; says how much.
  private func readSome(at position: Int, into destination: UnsafeMutableRawBufferPointer, looksOnly: Bool) throws(StorageError) -> Int {
    let (tail, block, nextStart) = state.withLock { state in
      (
        state.tail, state.blocks.first { $0.range.contains(position) && !$0.isGivenUp },
        state.blocks.first { $0.range.lowerBound > position }?.range.lowerBound ?? size
      )
    }
    if let tail, position >= size - tail.count {
      return Self.copy(tail, from: position - (size - tail.count), into: destination)
    }
    if tail == nil, size > Self.tailSize, position >= size - Self.tailSize, try keepEnd() {
      return try readSome(at: position, into: destination, looksOnly: looksOnly)
    }
    if let block, case .success(let content) = block.wait(), content.bytes.count == block.range.count {
      try note(content)
      let count = Self.copy(content.bytes, from: position - block.range.lowerBound, into: destination)
      // What is read of a small object in several passes comes from one request.
      if !looksOnly, block.take(position..<position + count), size > Self.wholeSize { drop(block) }
      return count
    }
    // A block that failed is asked for once more here, where the error has a place to go.
    if let block {
      drop(block)
    }
    var range = position..<position + min(destination.count, max(1, block == nil ? nextStart - position : destination.count))
    if range.upperBound == size, tail == nil { range = max(0, min(range.lowerBound, size - Self.tailSize))..<size }
    let content = try fetch(range)
    if range.upperBound == size, range.count <= Self.tailSize { state.withLock { $0.tail = content.bytes } }
    return Self.copy(content.bytes, from: position - range.lowerBound, into: destination)
  }

  /// Keeps a copy of the object's end, from a block that holds it; a small object is fetched whole into one. False when that is not possible.
  private func keepEnd() throws(StorageError) -> Bool {
    let end = size - Self.tailSize..<size
    func block() -> ReadAheadBlock? { state.withLock { $0.blocks.first { $0.range.clamped(to: end) == end && !$0.isGivenUp } } }
    if block() == nil, size <= Self.wholeSize, missing(0..<size) == [0..<size] { _ = begin(0..<size) }
    guard let block = block() else { return false }
    guard case .success(let content) = block.wait(), content.bytes.count == block.range.count else {
      drop(block)
      return false
    }
    try note(content)
    let copy = ByteBuffer(byteCount: Self.tailSize)
    _ = Self.copy(content.bytes, from: end.lowerBound - block.range.lowerBound, into: copy.mutableBytes)
    let tail = copy.slice()
    state.withLock { $0.tail = tail }
    return true
  }

  private func fetch(_ range: Range<Int>) throws(StorageError) -> S3Client.Content {
    let version = state.withLock { $0.version }
    let content = try waitForTask { [client, object, location] () async throws(StorageError) in
      try await client.get(object, location, range: range, version: version)
    }
    try note(content)
    guard content.bytes.count == range.count else {
      throw StorageError(
        .corrupt, location, "bytes \(range.lowerBound)..<\(range.upperBound) were asked for, but the object has \(content.objectSize) bytes")
    }
    return content
  }

  private func note(_ content: S3Client.Content) throws(StorageError) {
    guard content.objectSize == size else {
      throw StorageError(.corrupt, location, "the object has \(content.objectSize) bytes where \(size) were expected")
    }
    let isSame = state.withLock { state in
      if state.version == nil { state.version = content.version }
      return state.version == content.version
    }
    guard isSame else { throw StorageError(.corrupt, location, "the object was replaced while it was read") }
  }

  private func drop(_ block: ReadAheadBlock) {
    state.withLock { $0.blocks.removeAll { $0 === block } }
    budget.release(block)
  }

  private static func copy(_ source: ByteSlice, from offset: Int, into destination: UnsafeMutableRawBufferPointer) -> Int {
    source.withBytes { source in
      let count = min(destination.count, source.count - offset)
      guard count > 0 else { return 0 }
      destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + count]))
      return count
    }
  }

  func willNeed(_ range: Range<Int>) {
    let wanted = range.clamped(to: 0..<size)
    guard !wanted.isEmpty else { return }
    for piece in missing(wanted) {
      var start = piece.lowerBound
      while start < piece.upperBound {
        let end = min(piece.upperBound, start + Self.blockSize)
        guard begin(start..<end) else { return }
        start = end
      }
    }
  }

  func release(_ range: Range<Int>) {
    // A small object's only block goes as well: what else of it is needed is needed by now. Nor does any stay for what frames a format puts
    // around its content.
    let blocks = state.withLock { state in
      let done = state.blocks.filter { $0.range.count - range.clamped(to: $0.range).count <= Self.tailSize || $0.range == 0..<size }
      state.blocks.removeAll { block in done.contains { $0 === block } }
      return done
    }
    for block in blocks {
      block.giveUp()
      budget.release(block)
    }
  }

  /// The parts of a range that no block covers, and the kept end of the object neither.
  private func missing(_ range: Range<Int>) -> [Range<Int>] {
    state.withLock { state in
      state.blocks.removeAll { $0.isGivenUp }
      var pieces: [Range<Int>] = []
      var start = range.lowerBound
      let end = min(range.upperBound, size - (state.tail?.count ?? 0))
      for block in state.blocks where block.range.upperBound > start && block.range.lowerBound < end {
        if block.range.lowerBound > start { pieces.append(start..<block.range.lowerBound) }
        start = max(start, block.range.upperBound)
      }
      if start < end { pieces.append(start..<end) }
      return pieces
    }
  }

  private func begin(_ range: Range<Int>) -> Bool {
    let block = ReadAheadBlock(range)
    guard budget.admit(block) else { return false }
    let version = state.withLock { state in
      let index = state.blocks.firstIndex { $0.range.lowerBound > range.lowerBound } ?? state.blocks.count
      // Another thread may have begun the same in between.
      let isTaken = state.blocks.contains { $0.range.overlaps(range) }
      if !isTaken { state.blocks.insert(block, at: index) }
      return isTaken ? nil : (state.version ?? ObjectVersion(""))
    }
    guard let version else {
      budget.release(block)
      return true
    }
    block.start { [client, object, location] () async throws(StorageError) in
      try await client.get(object, location, range: range, version: version)
    }
    return true
  }
}

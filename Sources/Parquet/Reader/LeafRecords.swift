import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Level entries next to each other in a page.
struct LevelEntries {
  var repetition: UnsafePointer<UInt8>
  var definition: UnsafePointer<UInt8>
  var count: Int
  /// Entries that have a value.
  var present: Int
}

/// Levels decoded ahead of the records they belong to.
struct LevelBlock {
  static let capacity = 4_096

  private let memory = Buffer(byteCount: 2 * LevelBlock.capacity)
  private(set) var count = 0
  var position = 0

  var repetition: UnsafeMutablePointer<UInt8> { memory.base.assumingMemoryBound(to: UInt8.self) }
  var definition: UnsafeMutablePointer<UInt8> { repetition + Self.capacity }
  var isEmpty: Bool { position == count }

  mutating func clear() {
    count = 0
    position = 0
  }

  mutating func fill(_ count: Int) {
    self.count = count
    position = 0
  }

  func check(maxRepetition: UInt8, maxDefinition: UInt8) throws(ParquetError) {
    var repetitionTop: UInt8 = 0
    var definitionTop: UInt8 = 0
    for index in 0..<count {
      repetitionTop = max(repetitionTop, repetition[index])
      definitionTop = max(definitionTop, definition[index])
    }
    guard repetitionTop <= maxRepetition, definitionTop <= maxDefinition else {
      throw .corrupt(
        "levels", expected: "repetition up to \(maxRepetition) and definition up to \(maxDefinition)",
        found: "\(repetitionTop) and \(definitionTop)")
    }
  }
}

/// Levels and present values of some records of one leaf.
struct LeafRecords {
  let leaf: LeafColumn
  let rowCount: Int
  /// Empty memory for leaves that do not repeat: all levels are 0.
  private var repetitionBuffer: Buffer?
  private var definitionBuffer: Buffer
  private(set) var count = 0
  private var capacity: Int
  /// The present values, without gaps: flat or dictionary.
  var values: Column

  /// One batch may not hold more; far beyond what records of sane files have.
  private static let maxEntries = 1 << 27

  init(leaf: LeafColumn, rowCount: Int) {
    self.leaf = leaf
    self.rowCount = rowCount
    capacity = max(rowCount, 64)
    definitionBuffer = Buffer(byteCount: capacity)
    repetitionBuffer = leaf.maxRepetition > 0 ? Buffer(byteCount: capacity) : nil
    values = Column(type: leaf.type, count: 0, values: Buffer(byteCount: 0))
  }

  var definition: UnsafePointer<UInt8> { UnsafePointer(definitionBuffer.base.assumingMemoryBound(to: UInt8.self)) }
  /// nil when all are 0.
  var repetition: UnsafePointer<UInt8>? {
    repetitionBuffer.map { UnsafePointer($0.base.assumingMemoryBound(to: UInt8.self)) }
  }

  mutating func append(_ entries: LevelEntries) throws(ParquetError) {
    let total = count &+ entries.count
    guard total <= Self.maxEntries else {
      throw .unsupported("more than \(Self.maxEntries) list elements in \(rowCount) rows")
    }
    if total > capacity {
      capacity = max(total, capacity &* 2)
      definitionBuffer = grown(definitionBuffer)
      repetitionBuffer = repetitionBuffer.map(grown)
    }
    memcpy(definitionBuffer.base + count, entries.definition, entries.count)
    if let repetitionBuffer { memcpy(repetitionBuffer.base + count, entries.repetition, entries.count) }
    count = total
  }

  private func grown(_ buffer: Buffer) -> Buffer {
    let larger = Buffer(byteCount: capacity)
    memcpy(larger.base, buffer.base, count)
    return larger
  }
}

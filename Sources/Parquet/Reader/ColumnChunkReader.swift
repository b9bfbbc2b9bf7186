import Columnar

#if canImport(Glibc)
  import Glibc
#endif

/// Reads one leaf column of one row group, front to back, in stretches of rows.
///
/// Not shared between threads. Columns that come out keep the page's encoding: dictionary pages give a dictionary column over
/// one dictionary for the whole chunk, a run gives a constant, plain strings are views into the page.
final class ColumnChunkReader {
  let leaf: LeafColumn
  private let loader: PageLoader
  private let bytes: ChunkSource
  private let chunkEnd: Int
  /// Where the pages of wanted rows end.
  private let wantedEnd: Int
  /// Level entries of the chunk that no page so far held.
  private var valuesLeft: Int
  /// Offset of the next page header.
  private var cursor: Int
  /// Pages with their first rows; set when rows may be skipped by jumping.
  private let pageIndex: [PageLocation]?
  private var nextIndexedPage = 0

  /// Flat entries; set once the dictionary page has been met.
  private(set) var dictionary: Column?
  private var dictionaryCount = 0

  // The current page. It is decompressed on first use, so that skipped pages cost nothing.
  private var stored: StoredPage?
  private var page: LoadedPage?
  private var reusable: Buffer?
  /// Level entries of the current page not yet consumed.
  private var pageLeft = 0

  // Grown on demand, never shared.
  private var scratch = Buffer(byteCount: 0)
  private var lengths = Buffer(byteCount: 0)
  /// Values without gaps, before nulls are put between them.
  private var dense = Buffer(byteCount: 0)
  /// Levels read ahead of a repeated column, to find where a record ends.
  private var levelBlock = LevelBlock()

  private(set) var pagesSkipped = 0

  /// - Parameters:
  ///   - start: offset of the chunk's first page.
  ///   - end: offset behind its last.
  ///   - pageIndex: the chunk's checked offset index; pass nil to read sequentially.
  ///   - rows: with a page index, the rows between the first and the last that are wanted: what lies outside is not read ahead.
  init(
    leaf: LeafColumn, chunk: ColumnChunkMetadata, bytes: ChunkSource, start: Int, end: Int, pageIndex: [PageLocation]?,
    rows: Range<Int>, loader: PageLoader
  ) {
    self.leaf = leaf
    self.bytes = bytes
    cursor = start
    chunkEnd = end
    valuesLeft = Int(truncatingIfNeeded: max(0, chunk.valueCount))
    self.pageIndex = pageIndex
    self.loader = loader
    wantedEnd = pageIndex?.first { Int($0.firstRow) >= rows.upperBound }.map { Int($0.offset) } ?? end
    // A dictionary stands before the first page, which may be far from the first page that is wanted.
    if let first = pageIndex?.first, start < Int(first.offset) { bytes.readAheadEnd = Int(first.offset) } else { bytes.readAheadEnd = wantedEnd }
  }

  // MARK: Pages

  /// Makes the next data page with values the current one; false at the end of the chunk.
  private func nextPage() throws(ParquetError) -> Bool {
    page = nil
    stored = nil
    while true {
      let offset: Int
      if let pageIndex {
        if dictionary == nil && nextIndexedPage == 0 && cursor < Int(pageIndex.first?.offset ?? 0) {
          offset = cursor
        } else {
          guard nextIndexedPage < pageIndex.count else { return false }
          offset = Int(pageIndex[nextIndexedPage].offset)
        }
      } else {
        guard valuesLeft > 0 else { return false }
        guard cursor < chunkEnd else {
          throw .corrupt("values of the column chunk", expected: "\(valuesLeft) more", found: "none", at: cursor)
        }
        offset = cursor
      }
      let found = try loader.stored(at: offset, in: bytes)
      cursor = offset &+ found.header.byteCount &+ Int(found.header.compressedSize)
      switch found.header.kind {
      case .dictionary:
        guard dictionary == nil else { throw .corrupt("a second dictionary page", at: offset) }
        try readDictionary(found)
      case .data, .dataV2:
        if pageIndex != nil { nextIndexedPage &+= 1 }
        let count = Int(found.header.valueCount)
        guard pageIndex != nil || count <= valuesLeft else {
          throw .corrupt("values of a page", expected: "at most \(valuesLeft)", found: "\(count)", at: offset)
        }
        valuesLeft &-= count
        if count == 0 { continue }
        stored = found
        pageLeft = count
        return true
      case .index, nil:
        if pageIndex != nil { nextIndexedPage &+= 1 }
      }
    }
  }

  private func readDictionary(_ found: StoredPage) throws(ParquetError) {
    bytes.readAheadEnd = wantedEnd
    do throws(ParquetError) {
      var (values, count, buffer) = try loader.dictionary(found)
      dictionaryCount = count
      let width = leaf.type.physical.byteWidth
      let target = Buffer(byteCount: count &* width)
      var heap: [Buffer] = []
      if count > 0 {
        try decode(count, from: &values, pageBuffer: buffer, into: target.base, heap: &heap)
      }
      buffer = target
      dictionary = Column(
        flat: FlatVector(values: BufferSlice(buffer), heap: heap), type: leaf.type, count: count)
    } catch {
      throw error.located(byteOffset: found.fileOffset)
    }
  }

  /// Decompresses the current page if that has not happened yet.
  private func load() throws(ParquetError) {
    guard page == nil, let stored else { return }
    do throws(ParquetError) {
      page = try loader.data(stored, reusable: &reusable)
    } catch {
      throw error.located(byteOffset: stored.fileOffset)
    }
  }

  private func grow(_ buffer: inout Buffer, _ byteCount: Int) {
    if buffer.byteCount < byteCount { buffer = Buffer(byteCount: max(byteCount, buffer.byteCount &* 2, 4_096)) }
  }

  // MARK: Values

  /// Decodes `count` values that are not dictionary ids into values of the leaf's type, without gaps.
  private func decode(
    _ count: Int, from values: inout ValueSource, pageBuffer: Buffer, into target: UnsafeMutableRawPointer,
    heap: inout [Buffer]
  ) throws(ParquetError) {
    let isFixed = leaf.kind != .byteArray
    switch leaf.conversion {
    case .nullOnly: break
    case .identity:
      let source = try values.readRaw(count, width: leaf.storedWidth, scratch: target)
      if source != UnsafeRawPointer(target) { memcpy(target, source, count &* leaf.storedWidth) }
    case .bytes:
      let block = try readViews(count, &values, into: target.assumingMemoryBound(to: StringView.self))
      retain(block ?? pageBuffer, in: &heap)
    case .decimalBytes(let isWide) where !isFixed:
      grow(&scratch, count &* 16)
      let views = scratch.base.assumingMemoryBound(to: StringView.self)
      let block = try readViews(count, &values, into: views)
      try ValueConverter.convertDecimalViews(views, count, isWide: isWide, into: target)
      withExtendedLifetime(block) {}
    default:
      try decodeConverted(count, from: &values, into: target)
    }
  }

  private func decodeConverted(_ count: Int, from values: inout ValueSource, into target: UnsafeMutableRawPointer)
    throws(ParquetError)
  {
    let width = leaf.storedWidth
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
    guard !overflow, byteCount <= 1 << 32 else { throw .unsupported("values of \(width) bytes in batches of \(count)") }
    if case .deltaBytes = values {
      // Prefix-compressed fixed byte arrays come as views; the conversions want them side by side.
      grow(&scratch, count &* 16)
      let views = scratch.base.assumingMemoryBound(to: StringView.self)
      let block = try readViews(count, &values, into: views)
      let packed = Buffer(byteCount: byteCount)
      for index in 0..<count { memcpy(packed.base + index &* width, StringView.bytes(at: views + index), width) }
      try ValueConverter.convert(leaf.conversion, packed.base, length: width, count, into: target)
      withExtendedLifetime(block) {}
      return
    }
    grow(&scratch, byteCount)
    let source = try values.readRaw(count, width: width, scratch: scratch.base)
    try ValueConverter.convert(leaf.conversion, source, length: width, count, into: target)
  }

  private func readViews(_ count: Int, _ values: inout ValueSource, into target: UnsafeMutablePointer<StringView>)
    throws(ParquetError) -> Buffer?
  {
    // The longest use of the scratch lengths is one Int32 a value, or one fixed value.
    grow(&lengths, count &* 4)
    return try values.readViews(
      count, fixedLength: leaf.kind == .fixedByteArray ? leaf.typeLength : nil,
      scratch: lengths.base.assumingMemoryBound(to: Int32.self), into: target)
  }

  private func retain(_ buffer: Buffer, in heap: inout [Buffer]) {
    if heap.last !== buffer { heap.append(buffer) }
  }

  /// Reads `count` dictionary ids of the current page and checks them against the dictionary.
  private func readIDs(_ count: Int, into target: UnsafeMutablePointer<UInt32>) throws(ParquetError) {
    guard case .ids(var decoder)? = page?.values else { throw .corrupt("dictionary indices are due") }
    try decoder.read(count, into: target)
    page?.values = .ids(decoder)
    var largest: UInt32 = 0
    for index in 0..<count { largest = max(largest, target[index]) }
    guard count == 0 || Int(largest) < dictionaryCount else { throw badID(largest) }
  }

  private func badID(_ id: UInt32) -> ParquetError {
    dictionary == nil
      ? .corrupt("dictionary indices without a dictionary page")
      : .corrupt("dictionary index", expected: "below \(dictionaryCount)", found: "\(id)")
  }

  /// Passes over `count` values of the loaded page.
  private func skipValues(_ count: Int) throws(ParquetError) {
    guard count > 0, var current = page else { return }
    switch current.values {
    case .ids(var decoder):
      try decoder.skip(count)
      current.values = .ids(decoder)
    case .booleanRuns(var decoder):
      try decoder.skip(count)
      current.values = .booleanRuns(decoder)
    case .delta(var decoder):
      try decoder.skip(count)
      current.values = .delta(decoder)
    case .split(var decoder):
      try decoder.skip(count)
      current.values = .split(decoder)
    case .bits(let base, let index, let bitCount):
      guard count <= bitCount &- index else { throw .corrupt("plain booleans end early") }
      current.values = .bits(base: base, index: index &+ count, count: bitCount)
    case .fixed(let start, let end, let width):
      let (byteCount, overflow) = count.multipliedReportingOverflow(by: width)
      guard !overflow, byteCount <= end - start else { throw .corrupt("plain values end early") }
      current.values = .fixed(cursor: start + byteCount, end: end, width: width)
    case .byteArrays(let start, let end):
      var position = start
      for _ in 0..<count {
        guard end - position >= 4 else { throw .corrupt("plain byte arrays end early") }
        let length = Int(UInt32(littleEndian: position.loadUnaligned(as: UInt32.self)))
        guard length <= end - position &- 4 else { throw .corrupt("plain byte arrays end early") }
        position += length &+ 4
      }
      current.values = .byteArrays(cursor: position, end: end)
    case .deltaLengths, .deltaBytes:
      var left = count
      while left > 0 {
        let step = min(left, 4_096)
        grow(&scratch, step &* 16)
        _ = try readViews(step, &current.values, into: scratch.base.assumingMemoryBound(to: StringView.self))
        left &-= step
      }
    }
    page = current
  }

  // MARK: Flat columns

  /// The next `count` rows of a column that is neither nested nor repeated (definition levels 0 and 1 at most).
  func readFlat(_ count: Int) throws(ParquetError) -> Column {
    if leaf.conversion == .nullOnly {
      try skip(count)
      return Column.nulls(leaf.type, count: count)
    }
    var assembly = ColumnAssembly(type: leaf.type, capacity: count)
    while assembly.done < count {
      if pageLeft == 0 {
        guard try nextPage() else { throw missingRows(count &- assembly.done) }
      }
      try load()
      let take = min(pageLeft, count &- assembly.done)
      do throws(ParquetError) {
        if let constant = try constant(take, rowCount: count) { return constant }
        try appendRows(take, to: &assembly)
      } catch {
        throw error.located(byteOffset: stored?.fileOffset)
      }
      pageLeft &-= take
    }
    return assembly.finish(dictionary: dictionary)
  }

  private func missingRows(_ count: Int) -> ParquetError {
    .corrupt("rows of the column chunk", expected: "\(count) more", found: "none", at: cursor)
  }

  /// All of the next `rowCount` rows when they lie in this page and are one run of the dictionary without nulls.
  private func constant(_ take: Int, rowCount: Int) throws(ParquetError) -> Column? {
    guard take == rowCount, var current = page, case .ids(var ids) = current.values, let dictionary else { return nil }
    guard try current.definition.uniform(take) == UInt8(leaf.maxDefinition) else {
      page = current
      return nil
    }
    let run = try ids.repetition()
    current.values = .ids(ids)
    guard let run, run.count >= take else {
      page = current
      return nil
    }
    guard Int(run.value) < dictionaryCount else { throw badID(run.value) }
    try ids.skip(take)
    try current.definition.skipUniform(take)
    current.values = .ids(ids)
    page = current
    pageLeft &-= take
    return dictionary.slice(Int(run.value), 1).asConstant(count: rowCount)
  }

  private func appendRows(_ take: Int, to assembly: inout ColumnAssembly) throws(ParquetError) {
    guard var current = page else { return }
    let done = assembly.done
    var present = take
    var validity: UnsafeMutablePointer<UInt8>?
    if leaf.maxDefinition > 0 {
      if let level = try current.definition.uniform(take) {
        try current.definition.skipUniform(take)
        if level == 0 {
          present = 0
          let bytes = assembly.validity()
          memset(bytes + done, 0, take)
          validity = bytes + done
        } else if assembly.hasValidity {
          memset(assembly.validity() + done, 1, take)
        }
      } else {
        let bytes = assembly.validity() + done
        try current.definition.read(take, into: bytes)
        present = Self.sum(bytes, take)
        validity = bytes
      }
    }
    page = current
    if present == take { validity = nil }
    if present == 0 {
      assembly.appendNulls(take)
    } else if current.values.isDictionary && assembly.mode != .flat {
      try appendIDs(take, present: present, validity, to: &assembly)
    } else {
      assembly.becomeFlat(dictionary)
      try appendValues(take, present: present, validity, to: &assembly)
    }
    assembly.done &+= take
  }

  private static func sum(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
    var total = 0
    for index in 0..<count { total &+= Int(bytes[index]) }
    return total
  }

  private func appendIDs(
    _ take: Int, present: Int, _ validity: UnsafePointer<UInt8>?, to assembly: inout ColumnAssembly
  ) throws(ParquetError) {
    let target = assembly.indices() + assembly.done
    guard let validity else { return try readIDs(take, into: target) }
    grow(&scratch, (present &+ 1) &* 4)
    let dense = scratch.base.assumingMemoryBound(to: UInt32.self)
    try readIDs(present, into: dense)
    dense[present] = 0
    Spreading.spread(dense, validity, take, into: target)
  }

  private func appendValues(
    _ take: Int, present: Int, _ validity: UnsafePointer<UInt8>?, to assembly: inout ColumnAssembly
  ) throws(ParquetError) {
    guard var current = page else { return }
    let width = leaf.type.physical.byteWidth
    let target = assembly.values() + assembly.done &* width
    if current.values.isDictionary {
      // The chunk has changed between dictionary and plain pages within this batch.
      let ids = Buffer(byteCount: (present &+ 1) &* 4)
      let dense = ids.base.assumingMemoryBound(to: UInt32.self)
      try readIDs(present, into: dense)
      guard let dictionary else { throw badID(0) }
      dense[present] = 0
      let rows = Buffer(byteCount: take &* 4)
      let indices = rows.base.assumingMemoryBound(to: UInt32.self)
      if let validity {
        Spreading.spread(dense, validity, take, into: indices)
      } else {
        memcpy(indices, dense, take &* 4)
      }
      assembly.gather(dictionary, indices, take, at: assembly.done)
      return
    }
    guard let validity else {
      try decode(take, from: &current.values, pageBuffer: current.buffer, into: target, heap: &assembly.heap)
      page = current
      return
    }
    grow(&dense, (present &+ 1) &* width)
    let base = dense.base
    try decode(present, from: &current.values, pageBuffer: current.buffer, into: base, heap: &assembly.heap)
    memset(base + present &* width, 0, width)
    page = current
    Spreading.spread(base, validity, take, width: width, into: target)
  }

  /// Passes over `count` rows of a column that is not repeated.
  func skip(_ count: Int) throws(ParquetError) {
    var left = count
    while left > 0 {
      if pageLeft == 0 {
        guard try nextPage() else { throw missingRows(left) }
      }
      let take = min(pageLeft, left)
      if take == pageLeft && page == nil {
        pagesSkipped &+= 1
      } else {
        try load()
        try skipEntries(take)
      }
      pageLeft &-= take
      left &-= take
    }
  }

  /// Passes over level entries of the loaded page together with their values.
  private func skipEntries(_ count: Int) throws(ParquetError) {
    guard leaf.maxDefinition > 0 else { return try skipValues(count) }
    var left = count
    while left > 0 {
      let step = min(left, 4_096)
      grow(&scratch, step)
      let levels = scratch.base.assumingMemoryBound(to: UInt8.self)
      guard var current = page else { return }
      try current.definition.read(step, into: levels)
      page = current
      var present = 0
      for index in 0..<step where levels[index] == UInt8(leaf.maxDefinition) { present &+= 1 }
      try skipValues(present)
      left &-= step
    }
  }

  /// Jumps to the page that holds `row`, by the page index, from `current` (the next row to be read). Returns the row then due.
  func jump(toward row: Int, from current: Int) throws(ParquetError) -> Int {
    guard let pageIndex else { return current }
    guard let target = pageIndex.lastIndex(where: { Int($0.firstRow) <= row }), target >= nextIndexedPage,
      Int(pageIndex[target].firstRow) > current
    else { return current }
    if dictionary == nil && nextIndexedPage == 0 && cursor < Int(pageIndex[0].offset) {
      let found = try loader.stored(at: cursor, in: bytes)
      if found.header.kind == .dictionary { try readDictionary(found) }
    }
    pagesSkipped &+= target &- nextIndexedPage &+ (pageLeft > 0 ? 1 : 0)
    nextIndexedPage = target
    page = nil
    stored = nil
    pageLeft = 0
    levelBlock.clear()
    return Int(pageIndex[target].firstRow)
  }

  /// Throws when the chunk has level entries beyond the last row.
  func checkEnd() throws(ParquetError) {
    guard pageIndex == nil else { return }
    guard pageLeft == 0, valuesLeft == 0 else {
      throw .corrupt("values behind the last row", expected: "none", found: "\(pageLeft &+ valuesLeft)", at: cursor)
    }
  }

  // MARK: Nested columns

  /// The levels and present values of the next `rowCount` records of a nested leaf.
  func readRecords(_ rowCount: Int) throws(ParquetError) -> LeafRecords {
    var records = LeafRecords(leaf: leaf, rowCount: rowCount)
    var assembly = ColumnAssembly(type: leaf.type, capacity: 0)
    try takeRecords(rowCount) { (entries) throws(ParquetError) in
      try records.append(entries)
      try appendPresent(entries.present, to: &assembly)
    }
    records.values = assembly.finish(dictionary: dictionary)
    return records
  }

  /// Passes over `rowCount` records of a repeated column.
  func skipRecords(_ rowCount: Int) throws(ParquetError) {
    if leaf.maxRepetition == 0 { return try skip(rowCount) }
    try takeRecords(rowCount) { (entries) throws(ParquetError) in try skipValues(entries.present) }
  }

  private func takeRecords(_ rowCount: Int, _ consume: (LevelEntries) throws(ParquetError) -> Void) throws(ParquetError) {
    var started = 0
    while true {
      if leaf.maxRepetition == 0 && started == rowCount { return }
      if pageLeft == 0 {
        // The last record is complete only when the next page, if there is one, begins another.
        guard try nextPage() else { break }
        levelBlock.clear()
      }
      try load()
      do throws(ParquetError) {
        guard let entries = try nextEntries(rowCount, &started) else { return }
        try consume(entries)
        pageLeft &-= entries.count
      } catch {
        throw error.located(byteOffset: stored?.fileOffset)
      }
    }
    guard started == rowCount else { throw missingRows(rowCount &- started) }
  }

  /// Level entries of the current page that belong to the wanted records; nil when the next entry starts a record too many.
  private func nextEntries(_ rowCount: Int, _ started: inout Int) throws(ParquetError) -> LevelEntries? {
    guard var current = page else { return nil }
    let maxDefinition = UInt8(truncatingIfNeeded: leaf.maxDefinition)
    if levelBlock.isEmpty {
      var wanted = min(pageLeft, LevelBlock.capacity)
      if leaf.maxRepetition == 0 { wanted = min(wanted, rowCount &- started) }
      try current.repetition.read(wanted, into: levelBlock.repetition)
      try current.definition.read(wanted, into: levelBlock.definition)
      page = current
      levelBlock.fill(wanted)
      try levelBlock.check(maxRepetition: UInt8(truncatingIfNeeded: leaf.maxRepetition), maxDefinition: maxDefinition)
    }
    let start = levelBlock.position
    let repetition = levelBlock.repetition
    let definition = levelBlock.definition
    var index = start
    var present = 0
    if leaf.maxRepetition == 0 {
      index = levelBlock.count
      started &+= index &- start
      for entry in start..<index where definition[entry] == maxDefinition { present &+= 1 }
    } else {
      guard started > 0 || repetition[start] == 0 else {
        throw .corrupt("first repetition level of a record", expected: "0", found: "\(repetition[start])")
      }
      while index < levelBlock.count {
        if repetition[index] == 0 {
          if started == rowCount { break }
          started &+= 1
        }
        if definition[index] == maxDefinition { present &+= 1 }
        index &+= 1
      }
      if index == start { return nil }
    }
    levelBlock.position = index
    return LevelEntries(
      repetition: repetition + start, definition: definition + start, count: index &- start, present: present)
  }

  /// Appends `count` present values of the loaded page.
  private func appendPresent(_ count: Int, to assembly: inout ColumnAssembly) throws(ParquetError) {
    guard count > 0, let current = page else { return }
    assembly.reserve(count)
    if current.values.isDictionary && assembly.mode != .flat {
      try appendIDs(count, present: count, nil, to: &assembly)
    } else {
      assembly.becomeFlat(dictionary)
      try appendValues(count, present: count, nil, to: &assembly)
    }
    assembly.done &+= count
  }
}

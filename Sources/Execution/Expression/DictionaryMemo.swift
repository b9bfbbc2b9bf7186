import Columnar

/// The result of a deterministic expression for each entry of the dictionary seen last.
///
/// The batches of a row group share their dictionary, so its entries are computed once although one batch alone may have
/// fewer rows than the dictionary has entries: they are, as soon as as many rows have been seen.
struct DictionaryMemo {
  private var dictionary: Column?
  private var rowsSeen = 0
  private var isKnown = false
  private var entries: Column?

  init() {}

  /// nil: not known yet. Some(nil): this dictionary cannot be computed entry by entry.
  mutating func result(for vector: DictionaryVector, rows: Int) -> Column?? {
    if let dictionary, dictionary.sharesValues(with: vector.values) {
      rowsSeen &+= rows
      return isKnown ? .some(entries) : nil
    }
    dictionary = vector.values
    rowsSeen = rows
    isKnown = false
    entries = nil
    return nil
  }

  func isWorthwhile(for vector: DictionaryVector) -> Bool { rowsSeen >= vector.values.count }

  mutating func keep(_ result: Column?, for vector: DictionaryVector) {
    entries = result
    isKnown = true
  }
}

extension Column {
  /// True when both are flat columns over the very same memory.
  func sharesValues(with other: Column) -> Bool {
    let mine = flat
    let theirs = other.flat
    guard count == other.count else { return false }
    if type.physical == .row { return false }
    return mine.values.buffer === theirs.values.buffer && mine.values.byteOffset == theirs.values.byteOffset
      && mine.validity?.buffer === theirs.validity?.buffer
      && mine.validity?.byteOffset == theirs.validity?.byteOffset
  }

  /// Other entries under the same row numbers.
  static func over(_ dictionary: DictionaryVector, values: Column, count: Int) -> Column {
    Column(
      type: values.type, count: count,
      encoding: .dictionary(
        DictionaryVector(values: values, indices: dictionary.indices, validity: dictionary.validity)))
  }
}

import Columnar
import Glibc

private let count = 1 << 16

/// Hashing, gathering, selecting and comparing: what `Columnar` does a batch at a time for all other modules.
func columnarKernels() -> [Kernel] {
  let words = Inputs.integers(count, below: 1 << 40, seed: 1)
  let wordColumn = Inputs.column(words)
  let loci = Inputs.loci(count)
  let textColumn = Inputs.column(loci)
  let views = textColumn.flat.values.pointer(as: StringView.self)
  let hashes = scratch(count, of: UInt64.self)
  let bareWords = copied(words)

  var random = InputRandom(2)
  let rows = copied((0..<count).map { _ in UInt32(random.next(below: count)) })
  let doubles = Inputs.percentages(count, seed: 3)
  let doubleColumn = Inputs.column(doubles)
  let bareDoubles = copied(doubles)
  let gathered = scratch(count, of: Double.self)

  let flags = Inputs.validity(count, oneIn: 2, seed: 4)
  let flagColumn = Column(type: .boolean, count: count, values: Buffer.of(flags))
  let bareFlags = copied(flags)
  let selection = Selection()
  let selected = scratch(count, of: UInt32.self)

  return [
    Kernel(name: "columnar: hash of bigint", limit: 2.5, count: count) {
      wordColumn.hash(into: hashes, combining: false)
    } loop: {
      hashWords(bareWords, into: hashes)
    },
    Kernel(name: "columnar: hash of varchar", limit: 2.5, count: count) {
      textColumn.hash(into: hashes, combining: false)
    } loop: {
      hashTexts(views, into: hashes)
    },
    Kernel(name: "columnar: equality of varchar", limit: 2.5, count: count) {
      use(equalNeighbours(views))
    } loop: {
      use(equalNeighboursByBytes(views))
    },
    Kernel(name: "columnar: take of double", limit: 2.5, count: count) {
      use(UInt64(doubleColumn.take(rows, count: count).count))
    } loop: {
      gather(bareDoubles, rows, into: gathered)
    },
    Kernel(name: "columnar: selection", limit: 2.5, count: count) {
      selection.select(flagColumn)
    } loop: {
      select(bareFlags, into: selected)
    },
  ]
}

@inline(never)
private func hashWords(_ values: UnsafePointer<Int64>, into hashes: UnsafeMutablePointer<UInt64>) {
  for row in 0..<count {
    let product = (UInt64(bitPattern: values[row]) ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    hashes[row] = product.high ^ product.low
  }
}

/// Strings of 13 to 16 bytes: two overlapping words.
@inline(never)
private func hashTexts(_ views: UnsafePointer<StringView>, into hashes: UnsafeMutablePointer<UInt64>) {
  for row in 0..<count {
    let length = Int(views[row].length)
    guard let bytes = UnsafeRawPointer(bitPattern: UInt(views[row].rest)) else { continue }
    let low = bytes.loadUnaligned(as: UInt64.self) ^ 0x9E37_79B9_7F4A_7C15
    let high = bytes.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self) ^ UInt64(truncatingIfNeeded: length)
    let first = low.multipliedFullWidth(by: high)
    let second = (first.high ^ first.low).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    hashes[row] = second.high ^ second.low
  }
}

@inline(never)
private func equalNeighbours(_ views: UnsafePointer<StringView>) -> UInt64 {
  var equal: UInt64 = 0
  for row in 1..<count where StringView.equal(views + (row &- 1), views + row) { equal &+= 1 }
  return equal
}

@inline(never)
private func equalNeighboursByBytes(_ views: UnsafePointer<StringView>) -> UInt64 {
  var equal: UInt64 = 0
  for row in 1..<count {
    let left = views[row &- 1]
    let right = views[row]
    guard left.length == right.length, let first = UnsafeRawPointer(bitPattern: UInt(left.rest)),
      let second = UnsafeRawPointer(bitPattern: UInt(right.rest))
    else { continue }
    if memcmp(first, second, Int(left.length)) == 0 { equal &+= 1 }
  }
  return equal
}

@inline(never)
private func gather(
  _ values: UnsafePointer<Double>, _ rows: UnsafePointer<UInt32>, into target: UnsafeMutablePointer<Double>
) {
  for row in 0..<count { target[row] = values[Int(rows[row])] }
}

@inline(never)
private func select(_ flags: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt32>) {
  var kept = 0
  for row in 0..<count {
    target[kept] = UInt32(truncatingIfNeeded: row)
    kept &+= Int(flags[row])
  }
  use(UInt64(kept))
}

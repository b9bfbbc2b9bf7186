import Columnar
import Glibc

/// One fixed-width value per group, growing as groups appear; new groups hold zero bytes.
final class GroupValues<Value: BitwiseCopyable> {
  private(set) var count = 0
  private var buffer = Buffer.zeroed(byteCount: 0)
  private(set) var base: UnsafeMutablePointer<Value>

  init() { base = buffer.base.assumingMemoryBound(to: Value.self) }

  func resize(_ wanted: Int) {
    guard wanted > count else { return }
    let stride = MemoryLayout<Value>.stride
    if wanted &* stride > buffer.byteCount {
      Buffer.grow(&buffer, to: max(wanted, count &* 2, 64) &* stride, keeping: count &* stride, isZeroed: true)
      base = buffer.base.assumingMemoryBound(to: Value.self)
    }
    count = wanted
  }

  var byteCount: Int { buffer.byteCount }
  subscript(_ group: Int) -> Value { base[group] }
}

/// `GroupValues` of a width known at run time.
final class GroupBytes {
  let width: Int
  private var count = 0
  private var buffer = Buffer.zeroed(byteCount: 0)

  init(width: Int) { self.width = width }

  var base: UnsafeMutableRawPointer { buffer.base }
  var byteCount: Int { buffer.byteCount }

  func resize(_ wanted: Int) {
    guard wanted > count else { return }
    if wanted &* width > buffer.byteCount {
      Buffer.grow(&buffer, to: max(wanted, count &* 2, 64) &* width, keeping: count &* width, isZeroed: true)
    }
    count = wanted
  }
}

/// Calls `body(row)` for the rows whose argument is valid; the whole loop is specialised for the argument's encoding.
@inline(__always)
func forEachValidRow(_ view: ColumnView, _ count: Int, _ body: (_ row: Int, _ index: Int) -> Void) {
  if view.isFlat {
    if let validity = view.valueValidity {
      for row in 0..<count where validity[row] != 0 { body(row, row) }
    } else {
      for row in 0..<count { body(row, row) }
    }
  } else if let indices = view.indices, !view.mayHaveNulls {
    for row in 0..<count { body(row, Int(indices[row])) }
  } else if view.isConstant {
    guard count > 0, view.isValid(0) else { return }
    for row in 0..<count { body(row, 0) }
  } else {
    for row in 0..<count where view.isValid(row) { body(row, view.index(row)) }
  }
}

/// A result column of the groups `start ..< start + count`, NULL where `isPresent` says no.
func groupColumn<Value: BitwiseCopyable>(
  _ type: SQLType, start: Int, count: Int, isPresent: (Int) -> Bool, value: (Int) throws(KernelError) -> Value
) throws(KernelError) -> Column {
  let values = Buffer.zeroed(byteCount: count &* MemoryLayout<Value>.stride)
  let target = values.base.assumingMemoryBound(to: Value.self)
  let validity = Buffer(byteCount: count)
  let flags = validity.base.assumingMemoryBound(to: UInt8.self)
  var present = 0
  for offset in 0..<count {
    let isThere = isPresent(start &+ offset)
    flags[offset] = isThere ? 1 : 0
    guard isThere else { continue }
    present &+= 1
    target[offset] = try value(start &+ offset)
  }
  return Column(type: type, count: count, values: values, validity: present == count ? nil : validity)
}

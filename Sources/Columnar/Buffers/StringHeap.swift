#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Grows by blocks and hands out stable copies of strings; what views of computed strings point into.
package struct StringHeap: Sendable {
  /// Every block so far, to be held by the column whose views point into them.
  package private(set) var blocks: [Buffer] = []
  private var used = 0
  private var nextBlockSize = 1 << 12

  package init() {}

  /// A view of a copy of `bytes`; short strings are inline and take no memory.
  package mutating func copy(_ bytes: UnsafeRawBufferPointer) -> StringView {
    guard let source = bytes.baseAddress, bytes.count > StringView.maxInlineLength else {
      guard let source = bytes.baseAddress else { return StringView() }
      return StringView(source, count: bytes.count)
    }
    let target = allocate(bytes.count)
    memcpy(target, source, bytes.count)
    return StringView(target, count: bytes.count)
  }

  /// `count` writable bytes that stay where they are; make the view with `StringView(_:count:)` once they are filled.
  package mutating func allocate(_ count: Int) -> UnsafeMutableRawPointer {
    if let block = blocks.last, used &+ count <= block.byteCount {
      defer { used &+= count }
      return block.base + used
    }
    let block = Buffer(byteCount: max(nextBlockSize, count))
    nextBlockSize = min(nextBlockSize &* 2, 1 << 20)
    blocks.append(block)
    used = count
    return block.base
  }

  /// Bytes held by all blocks.
  package var byteCount: Int { blocks.reduce(0) { $0 + $1.byteCount } }
}

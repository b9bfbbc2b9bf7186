/// A parsed JSON text: the bytes, and a flat tape of nodes that point into them.
///
/// ```
/// bytes  {"a":[1,"x"],"b":null}
/// tape   object(next 7) string "a" array(next 5) number 1 string "x" string "b" null
/// ```
///
/// Nothing is decoded while parsing: strings and numbers stay ranges of the bytes until an accessor of `JSONValue` asks. A container's
/// `next` lets a lookup step over what it does not want, so one key of a 2 MB file costs only the walk over its siblings.
///
/// A value stays usable as long as it is held; it keeps its document alive.
// SAFETY: `@unchecked Sendable` because everything is written by `init` or `reload` only; whoever reloads owns the document alone.
package final class JSONDocument: @unchecked Sendable {
  /// The whole text.
  package private(set) var bytes: UnsafeRawBufferPointer
  private let owned: UnsafeMutableRawBufferPointer?
  private let owner: AnyObject?
  var tape: UnsafeMutablePointer<JSONNode>
  private(set) var tapeCount = 0
  private var tapeCapacity: Int

  /// Containers within containers, unless the caller says otherwise. The parser does not recurse, but those who walk a value do.
  package static let defaultDepthLimit = 512

  /// Parses a copy of `bytes`.
  package convenience init(_ bytes: [UInt8], depthLimit: Int = defaultDepthLimit) throws(JSONError) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
    copy.copyBytes(from: bytes)
    try self.init(owning: copy, count: bytes.count, depthLimit: depthLimit)
  }

  /// Parses a copy of the text.
  package convenience init(_ text: String, depthLimit: Int = defaultDepthLimit) throws(JSONError) {
    try self.init(Array(text.utf8), depthLimit: depthLimit)
  }

  /// Parses bytes that `owner` keeps alive, without copying them.
  package init(
    borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject?, depthLimit: Int = defaultDepthLimit
  ) throws(JSONError) {
    self.bytes = bytes
    self.owner = owner
    owned = nil
    tapeCapacity = Self.capacityEstimate(bytes.count)
    tape = .allocate(capacity: tapeCapacity)
    try parse(depthLimit)
  }

  /// An empty document to `reload`, which holds `null`.
  package init() {
    bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    owner = nil
    owned = nil
    tapeCapacity = 64
    tape = .allocate(capacity: tapeCapacity)
    tape[0] = JSONNode(kind: .null, isPlain: true, offset: 0, length: 0, next: 1)
    tapeCount = 1
  }

  private init(owning copy: UnsafeMutableRawBufferPointer, count: Int, depthLimit: Int) throws(JSONError) {
    bytes = UnsafeRawBufferPointer(rebasing: copy[0..<count])
    owned = copy
    owner = nil
    tapeCapacity = Self.capacityEstimate(count)
    tape = .allocate(capacity: tapeCapacity)
    try parse(depthLimit)
  }

  deinit {
    tape.deallocate()
    owned?.deallocate()
  }

  /// Parses another text into the same memory: for readers of JSON lines, which parse millions of small texts.
  ///
  /// Values of the text before become meaningless, and `bytes` must stay alive while values of the new one are used. On an error the
  /// document holds `null`.
  package func reload(
    borrowing bytes: UnsafeRawBufferPointer, depthLimit: Int = defaultDepthLimit
  ) throws(JSONError) {
    self.bytes = bytes
    do { try parse(depthLimit) } catch {
      tape[0] = JSONNode(kind: .null, isPlain: true, offset: 0, length: 0, next: 1)
      tapeCount = 1
      throw error
    }
  }

  package var root: JSONValue { JSONValue(document: self, index: 0) }

  private func parse(_ depthLimit: Int) throws(JSONError) {
    var parser = JSONTapeParser(bytes: bytes, depthLimit: depthLimit, tape: tape, capacity: tapeCapacity)
    defer {
      // The parser may have moved the tape while growing it.
      tape = parser.tape
      tapeCapacity = parser.capacity
      tapeCount = parser.count
    }
    try parser.parse()
  }

  /// Real texts have a node for every 6 to 12 bytes; growing costs little where that is too small.
  private static func capacityEstimate(_ byteCount: Int) -> Int { byteCount / 12 + 16 }
}

/// What a JSON value is.
package enum JSONKind: UInt8, Hashable, Sendable {
  case null, boolean, number, string, array, object
}

/// One entry of the tape, 16 bytes. The key of an object member is a string node before its value.
struct JSONNode {
  var kind: JSONKind
  /// A string without escapes; a number without fraction and exponent; the boolean true.
  var isPlain: Bool
  /// First byte of the text: behind the opening quote for strings.
  var offset: UInt32
  /// Bytes of text for scalars (without quotes); elements or members for containers.
  var length: UInt32
  /// Tape index behind this value and all it contains.
  var next: UInt32
}

import Columnar

/// One sketch per group.
final class SketchState: AggregateState {
  /// Adds rows to the sketches of their groups.
  typealias Input = @Sendable (_ arguments: [Column], _ groups: UnsafePointer<UInt32>, _ count: Int, _ state: SketchState) throws(KernelError) -> Void

  private let type: SketchType
  private let input: Input
  private var sketches: [(any Sketch)?] = []
  private var heldBytes = 0

  init(_ type: SketchType, input: @escaping Input) {
    self.type = type
    self.input = input
  }

  func resize(groupCount: Int) {
    if groupCount > sketches.count { sketches += Array(repeating: nil, count: groupCount - sketches.count) }
  }

  func update(_ arguments: [Column], groups: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    if count > 0 { try input(arguments, groups, count, self) }
  }

  /// Changes the sketch of a group; the first time it is made.
  @inline(__always)
  func change<Kind: Sketch>(
    _ group: Int, _ make: () throws(KernelError) -> Kind, _ body: (Kind) throws(KernelError) -> Void
  ) throws(KernelError) {
    let sketch: Kind
    if let known = sketches[group] as? Kind {
      sketch = known
    } else {
      sketch = try make()
      sketches[group] = sketch
      heldBytes += sketch.byteCount
    }
    let before = sketch.byteCount
    try body(sketch)
    heldBytes += sketch.byteCount - before
  }

  func merge(_ other: any AggregateState, groupMap: UnsafePointer<UInt32>, count: Int) throws(KernelError) {
    guard let other = other as? SketchState else { return }
    for group in 0..<min(count, other.sketches.count) {
      guard let theirs = other.sketches[group] else { continue }
      let target = Int(groupMap[group])
      if let mine = sketches[target] {
        let before = mine.byteCount
        try mine.join(theirs)
        heldBytes += mine.byteCount - before
      } else {
        sketches[target] = theirs
        heldBytes += theirs.byteCount
      }
    }
  }

  func finish(start: Int, count: Int) throws(KernelError) -> Column {
    var out = TextColumnBuilder(count: count)
    for group in start..<start + count {
      if let sketch = sketches[group] { sketch.write(to: &out.bytes) } else { out.setNull() }
      out.endRow()
    }
    return out.finish(.sketch(type))
  }

  var byteCount: Int { heldBytes + sketches.count * 16 }
}

extension Sketch {
  /// `merge` where the kind is not known at compile time; a state has one kind only.
  fileprivate func join(_ other: any Sketch) throws(KernelError) {
    if let other = other as? Self { try merge(other) }
  }
}

import Columnar

extension Caster {
  /// Bytes that are looked at before they count as a sketch, so that no later function meets others; a P4HyperLogLog has a register per bucket.
  func castSketch(_ column: Column, to type: SketchType) throws(KernelError) -> Column {
    let values = Operand(column)
    let texts = values.pointer(as: StringView.self)
    return try text(column) { (row: Int, out: inout TextColumnBuilder) throws(KernelError) in
      let bytes = StringView.buffer(at: texts + row)
      do throws(KernelError) {
        switch type {
        case .hyperLogLog: try HyperLogLog(bytes: bytes).write(to: &out.bytes)
        case .p4HyperLogLog:
          let sketch = try HyperLogLog(bytes: bytes)
          sketch.makeDense()
          sketch.write(to: &out.bytes)
        case .tdigest: try TDigest(bytes: bytes).write(to: &out.bytes)
        case .qdigest: try QuantileDigest(bytes: bytes).write(to: &out.bytes)
        case .setDigest: try SetDigest(bytes: bytes).write(to: &out.bytes)
        }
      } catch {
        throw KernelError("INVALID_CAST_ARGUMENT", "Cannot cast \(column.type) to \(type): \(error.message)")
      }
    }
  }
}

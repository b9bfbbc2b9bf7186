#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension Column {
  /// Rows `offset ..< offset + count`, sharing storage.
  package func slice(_ offset: Int, _ count: Int) -> Column {
    precondition(offset >= 0 && count >= 0 && offset + count <= self.count)
    if offset == 0 && count == self.count { return self }
    switch encoding {
    case .constant(let vector): return Column(type: type, count: count, encoding: .constant(vector))
    case .dictionary(let vector):
      return Column(
        type: type, count: count,
        encoding: .dictionary(
          DictionaryVector(
            values: vector.values, indices: vector.indices.advanced(byBytes: offset * 4),
            validity: vector.validity?.advanced(byBytes: offset))))
    case .flat(let vector):
      let isRow = type.physical == .row
      return Column(
        flat: FlatVector(
          values: vector.values.advanced(byBytes: offset * type.physical.byteWidth),
          validity: vector.validity?.advanced(byBytes: offset), heap: vector.heap,
          children: isRow ? vector.children.map { $0.slice(offset, count) } : vector.children),
        type: type, count: count)
    }
  }

  /// The rows at `indices`, in that order: `result[i] = self[indices[i]]`. Dictionaries and constants keep their encoding,
  /// strings and lists share what they point to.
  ///
  /// - Parameter indices: `count` row numbers, each below `self.count`.
  package func take(_ indices: UnsafePointer<UInt32>, count: Int) -> Column {
    switch encoding {
    case .constant(let vector): return Column(type: type, count: count, encoding: .constant(vector))
    case .dictionary(let vector):
      let taken = Buffer(byteCount: count * 4)
      gatherValues(
        vector.indices.pointer(as: UInt32.self), indices, into: taken.base.assumingMemoryBound(to: UInt32.self), count)
      return Column(
        type: type, count: count,
        encoding: .dictionary(
          DictionaryVector(
            values: vector.values, indices: BufferSlice(taken),
            validity: vector.validity.map { BufferSlice(gatherBytes($0, indices, count)) })))
    case .flat(let vector):
      return Column(flat: gather(vector, indices, count, type.physical), type: type, count: count)
    }
  }

  package func take(_ indices: [UInt32]) -> Column {
    indices.withUnsafeBufferPointer { list in
      guard let base = list.baseAddress else { return slice(0, 0) }
      return take(base, count: list.count)
    }
  }

  func gathered(constantIndices count: Int) -> Column {
    guard case .constant(let vector) = encoding else { return self }
    let zeros = Buffer.zeroed(byteCount: count * 4)
    return Column(
      flat: gather(vector, zeros.base.assumingMemoryBound(to: UInt32.self), count, type.physical), type: type,
      count: count)
  }

  func gatheredFromDictionary() -> Column {
    guard case .dictionary(let dictionary) = encoding else { return self }
    let indices = dictionary.indices.pointer(as: UInt32.self)
    if dictionary.values.count == 0 { return Column.nulls(type, count: count).flattened() }
    let taken = gather(dictionary.values.flat, indices, count, type.physical)
    guard let rows = dictionary.validity else { return Column(flat: taken, type: type, count: count) }
    let validity = Buffer(byteCount: count)
    let target = validity.base.assumingMemoryBound(to: UInt8.self)
    let rowBytes = rows.pointer(as: UInt8.self)
    if let entries = taken.validity?.pointer(as: UInt8.self) {
      for row in 0..<count { target[row] = rowBytes[row] & entries[row] }
    } else {
      memcpy(target, rowBytes, count)
    }
    return Column(
      flat: FlatVector(
        values: taken.values, validity: BufferSlice(validity), heap: taken.heap, children: taken.children),
      type: type, count: count)
  }
}

extension Batch {
  package func slice(_ offset: Int, _ count: Int) -> Batch {
    Batch(columns: columns.map { $0.slice(offset, count) }, count: count)
  }

  package func take(_ indices: UnsafePointer<UInt32>, count: Int) -> Batch {
    Batch(columns: columns.map { $0.take(indices, count: count) }, count: count)
  }
}

/// `result[i] = source[indices[i]]` for a vector with everything that belongs to it.
private func gather(
  _ vector: FlatVector, _ indices: UnsafePointer<UInt32>, _ count: Int, _ physical: PhysicalType
) -> FlatVector {
  let values = Buffer(byteCount: count * physical.byteWidth)
  func fixed<Value: BitwiseCopyable>(_ type: Value.Type) {
    gatherValues(vector.values.pointer(as: type), indices, into: values.base.assumingMemoryBound(to: type), count)
  }
  switch physical.byteWidth {
  case 1: fixed(UInt8.self)
  case 2: fixed(UInt16.self)
  case 4: fixed(UInt32.self)
  case 8: fixed(UInt64.self)
  case 16: fixed(UInt128.self)
  default: break
  }
  return FlatVector(
    values: BufferSlice(values), validity: vector.validity.map { BufferSlice(gatherBytes($0, indices, count)) },
    heap: vector.heap,
    children: physical == .row ? vector.children.map { $0.take(indices, count: count) } : vector.children)
}

private func gatherBytes(_ source: BufferSlice, _ indices: UnsafePointer<UInt32>, _ count: Int) -> Buffer {
  let target = Buffer(byteCount: count)
  gatherValues(
    source.pointer(as: UInt8.self), indices, into: target.base.assumingMemoryBound(to: UInt8.self), count)
  return target
}

private func gatherValues<Value: BitwiseCopyable>(
  _ source: UnsafePointer<Value>, _ indices: UnsafePointer<UInt32>, into target: UnsafeMutablePointer<Value>,
  _ count: Int
) {
  for row in 0..<count { target[row] = source[Int(indices[row])] }
}

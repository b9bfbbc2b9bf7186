/// The values of one column for the rows of a batch. Immutable, cheap to copy (storage is reference-counted).
///
/// Encodings survive from the file to the operator (ARCHITECTURE section 0.4): work on a dictionary or constant column is done
/// once per entry. Kernels that need no special case read any encoding through `ColumnView`, or flatten with `flattened()`.
package struct Column: Sendable {
  package let type: SQLType
  /// Rows.
  package let count: Int
  package let encoding: Encoding

  package enum Encoding: Sendable {
    /// One value per row.
    case flat(FlatVector)
    /// One value (index 0) for all rows.
    case constant(FlatVector)
    /// Rows refer to the entries of a flat column.
    case dictionary(DictionaryVector)
  }

  package init(type: SQLType, count: Int, encoding: Encoding) {
    self.type = type
    self.count = count
    self.encoding = encoding
  }

  package init(flat vector: FlatVector, type: SQLType, count: Int) {
    self.init(type: type, count: count, encoding: .flat(vector))
  }

  /// Fixed-width values without nulls, or with validity bytes.
  package init(type: SQLType, count: Int, values: Buffer, validity: Buffer? = nil) {
    self.init(
      flat: FlatVector(values: BufferSlice(values), validity: validity.map { BufferSlice($0) }), type: type, count: count)
  }

  /// Text or binary: views, and the blocks that they point into.
  package init(type: SQLType, count: Int, views: Buffer, heap: [Buffer], validity: Buffer? = nil) {
    self.init(
      flat: FlatVector(values: BufferSlice(views), validity: validity.map { BufferSlice($0) }, heap: heap), type: type,
      count: count)
  }

  /// The same column under another type of the same physical layout.
  package func relabelled(_ type: SQLType) -> Column {
    assert(type.physical == self.type.physical)
    if case .dictionary(let vector) = encoding {
      return Column(
        type: type, count: count,
        encoding: .dictionary(
          DictionaryVector(
            values: vector.values.relabelled(type), indices: vector.indices, validity: vector.validity)))
    }
    return Column(type: type, count: count, encoding: encoding)
  }
}

/// Values of one physical type side by side, with validity and what they point to.
package struct FlatVector: Sendable {
  /// `PhysicalType.byteWidth` bytes per row; empty for rows.
  package let values: BufferSlice
  /// One byte per row, 1 = valid, 0 = NULL; absent when no row is NULL. The value of a NULL row is unspecified but readable;
  /// a NULL string is a readable view and a NULL list a readable entry.
  package let validity: BufferSlice?
  /// Blocks that string views point into.
  package let heap: [Buffer]
  /// Array: element. Map: keys and values. Row: the fields, each as long as the column.
  package let children: [Column]

  package init(values: BufferSlice, validity: BufferSlice? = nil, heap: [Buffer] = [], children: [Column] = []) {
    self.values = values
    self.validity = validity
    self.heap = heap
    self.children = children
  }
}

/// Rows that refer to entries of another column.
package final class DictionaryVector: Sendable {
  /// A flat column; entries may themselves be NULL.
  package let values: Column
  /// One `UInt32` per row, each below `values.count` (or 0 when the row is NULL and there are no entries).
  package let indices: BufferSlice
  /// One byte per row, 0 = the row is NULL whatever the entry says.
  package let validity: BufferSlice?

  package init(values: Column, indices: BufferSlice, validity: BufferSlice? = nil) {
    self.values = values
    self.indices = indices
    self.validity = validity
  }
}

/// Where the elements of one array or map lie in the child columns.
@frozen
package struct ListEntry: Sendable, BitwiseCopyable, Equatable {
  package var offset: UInt32
  package var count: UInt32
  @inlinable
  package init(offset: UInt32, count: UInt32) {
    self.offset = offset
    self.count = count
  }
}

extension Column {
  package static func dictionary(values: Column, indices: Buffer, count: Int, validity: Buffer? = nil) -> Column {
    Column(
      type: values.type, count: count,
      encoding: .dictionary(
        DictionaryVector(
          values: values, indices: BufferSlice(indices), validity: validity.map { BufferSlice($0) })))
  }

  package static func constant(_ scalar: Scalar, count: Int) -> Column {
    let builder = ColumnBuilder(type: scalar.type, capacity: 1)
    builder.append(scalar.value)
    return builder.finish().asConstant(count: count)
  }

  package static func nulls(_ type: SQLType, count: Int) -> Column { constant(.null(type), count: count) }

  /// Repeats the only row of a one-row column.
  package func asConstant(count: Int) -> Column {
    precondition(self.count == 1)
    switch encoding {
    case .constant(let vector): return Column(type: type, count: count, encoding: .constant(vector))
    case .flat(let vector): return Column(type: type, count: count, encoding: .constant(vector))
    case .dictionary: return flattened().asConstant(count: count)
    }
  }

  package var isConstant: Bool { if case .constant = encoding { true } else { false } }

  /// The dictionary behind the column, whose identity tells whether two batches share it.
  package var dictionary: DictionaryVector? { if case .dictionary(let vector) = encoding { vector } else { nil } }

  /// True when no row can be NULL without looking at the rows.
  package var hasNoValidity: Bool {
    switch encoding {
    case .flat(let vector), .constant(let vector): vector.validity == nil
    case .dictionary(let vector): vector.validity == nil && vector.values.hasNoValidity
    }
  }

  /// The flat vector of a flat column. Call `flattened()` first when the encoding is not known.
  package var flat: FlatVector {
    switch encoding {
    case .flat(let vector), .constant(let vector): vector
    case .dictionary(let vector): vector.values.flat
    }
  }

  /// The same rows with one value each.
  package func flattened() -> Column {
    switch encoding {
    case .flat: self
    case .constant: gathered(constantIndices: count)
    case .dictionary: gatheredFromDictionary()
    }
  }
}

/// Uniform read access to a column of any encoding: row -> index into values -> value.
///
/// Bind the column to a `let` that outlives the view: the view holds bare pointers.
package struct ColumnView {
  package let values: UnsafeRawPointer
  /// Per row, for dictionaries.
  package let indices: UnsafePointer<UInt32>?
  /// Validity of the values, by index.
  package let valueValidity: UnsafePointer<UInt8>?
  /// Validity of the rows, for dictionaries.
  package let rowValidity: UnsafePointer<UInt8>?
  /// All ones, or zero for constants, so that `row & mask` is the index.
  @usableFromInline let mask: Int
  package let children: [Column]
  package let count: Int

  package init(_ column: Column) {
    count = column.count
    switch column.encoding {
    case .flat(let vector), .constant(let vector):
      values = UnsafeRawPointer(vector.values.base)
      indices = nil
      valueValidity = vector.validity?.pointer(as: UInt8.self)
      rowValidity = nil
      mask = column.isConstant ? 0 : -1
      children = vector.children
    case .dictionary(let vector):
      let entries = vector.values.flat
      values = UnsafeRawPointer(entries.values.base)
      indices = vector.indices.pointer(as: UInt32.self)
      valueValidity = entries.validity?.pointer(as: UInt8.self)
      rowValidity = vector.validity?.pointer(as: UInt8.self)
      mask = -1
      children = entries.children
    }
  }

  @inlinable package var isFlat: Bool { indices == nil && mask == -1 }
  @inlinable package var isConstant: Bool { mask == 0 }
  @inlinable package var mayHaveNulls: Bool { valueValidity != nil || rowValidity != nil }

  /// The index of a row's value in `values`.
  @inlinable
  package func index(_ row: Int) -> Int {
    if let indices { return Int(indices[row]) }
    return row & mask
  }

  @inlinable
  package func isValid(_ row: Int) -> Bool {
    if let rowValidity, rowValidity[row] == 0 { return false }
    if let valueValidity { return valueValidity[index(row)] != 0 }
    return true
  }

  /// The values as pointer to a fixed-width type; index it with `index(row)`.
  @inlinable
  package func pointer<Value>(as type: Value.Type) -> UnsafePointer<Value> {
    values.assumingMemoryBound(to: Value.self)
  }
}

package import Columnar

/// Whether CAST is defined between two types (sql.md 4.2).
package func canCast(from source: SQLType, to target: SQLType) -> Bool {
  if source == target || source == .unknown { return true }
  switch (source, target) {
  case (.array(let from), .array(let to)): return canCast(from: from, to: to)
  case (.map(let fromKey, let fromValue), .map(let toKey, let toValue)):
    return canCast(from: fromKey, to: toKey) && canCast(from: fromValue, to: toValue)
  case (.row(let from), .row(let to)):
    return from.count == to.count && zip(from, to).allSatisfy { canCast(from: $0.type, to: $1.type) }
  case (.json, .varchar): return true
  case (.json, .array(let element)): return canCast(from: .json, to: element)
  case (.json, .map(let key, let value)):
    return (key == .varchar || canCast(from: .varchar, to: key)) && canCast(from: .json, to: value)
  case (.json, .row(let fields)): return fields.allSatisfy { canCast(from: .json, to: $0.type) }
  case (.json, .boolean), (.json, .decimal), (.json, .real), (.json, .double), (.json, .json): return true
  case (.json, let target): return target.isInteger
  case (.array(let element), .json): return canCast(from: element, to: .json)
  case (.map(let key, let value), .json):
    switch key {
    case .boolean, .varchar, .real, .double, .decimal, .unknown: return canCast(from: value, to: .json)
    default: return key.isInteger && canCast(from: value, to: .json)
    }
  case (.row(let fields), .json): return fields.allSatisfy { canCast(from: $0.type, to: .json) }
  case (.boolean, .json), (.varchar, .json), (.char, .json), (.date, .json), (.timestamp, .json), (.timestampTZ, .json):
    return true
  case (let source, .json): return source.isNumeric
  case (.varbinary, .uuid), (.uuid, .varbinary), (.varbinary, .ipaddress), (.ipaddress, .varbinary): return true
  case (.varchar, .varbinary), (.varbinary, .sketch), (.sketch, .varbinary): return true
  case (.sketch(let from), .sketch(let to)): return from.isHyperLogLog && to.isHyperLogLog
  case (.sketch, _), (_, .sketch), (.color, _), (_, .color): return false
  case (.varbinary, _), (_, .varbinary): return false
  case (_, .varchar), (_, .char): return !source.isNested
  case (.varchar, let target), (.char, let target):
    switch target {
    case .intervalDayToSecond, .intervalYearToMonth, .array, .map, .row, .unknown: return false
    default: return true
    }
  case (.boolean, let target): return target.isNumeric
  case (let source, .boolean): return source.isNumeric
  case (.date, .timestamp), (.date, .timestampTZ): return true
  case (.timestamp, .date), (.timestampTZ, .date), (.timestamp, .time), (.timestampTZ, .time): return true
  case (.timestamp, .timestamp), (.timestamp, .timestampTZ), (.timestampTZ, .timestamp), (.timestampTZ, .timestampTZ):
    return true
  case (.time, .time), (.time, .timestamp), (.time, .timestampTZ): return true
  case (.timeTZ, .time), (.timeTZ, .timeTZ), (.timeTZ, .timestamp), (.timeTZ, .timestampTZ): return true
  case (.time, .timeTZ), (.timestamp, .timeTZ), (.timestampTZ, .timeTZ): return true
  default: return source.isNumeric && target.isNumeric
  }
}

/// CAST of a whole column, in any encoding; constants and dictionaries keep theirs.
///
/// - Parameter isTry: TRY_CAST: rows that fail become NULL instead of an error.
/// - Throws: `INVALID_CAST_ARGUMENT` and friends with Trino's texts, and the first row that failed.
package func castColumn(
  _ column: Column, to target: SQLType, isTry: Bool, context: QueryContext
) throws(KernelError) -> Column {
  if column.type == target { return column }
  if column.type == .unknown { return .nulls(target, count: column.count) }
  guard canCast(from: column.type, to: target) else {
    throw KernelError("NOT_SUPPORTED", "Cannot cast \(column.type) to \(target)")
  }
  let caster = Caster(target: target, isTry: isTry, context: context)
  switch column.encoding {
  case .constant where column.count > 0:
    return try caster.cast(column.slice(0, 1).flattened()).asConstant(count: column.count)
  case .dictionary(let vector) where vector.values.count <= column.count:
    do throws(KernelError) {
      let values = try caster.cast(vector.values)
      return Column(
        type: target, count: column.count,
        encoding: .dictionary(
          DictionaryVector(values: values.flattened(), indices: vector.indices, validity: vector.validity)))
    } catch {
      // Perhaps an entry that no row uses: let the rows decide.
      return try caster.cast(column.flattened())
    }
  default: return try caster.cast(column.flattened())
  }
}

/// One cast, applied to flat columns.
struct Caster {
  let target: SQLType
  let isTry: Bool
  let context: QueryContext

  /// - Parameter column: flat, of another type than `target`, castable.
  func cast(_ column: Column) throws(KernelError) -> Column {
    switch (column.type, target) {
    case (_, _) where column.type == target: return column
    case (.unknown, _): return .nulls(target, count: column.count).flattened()
    case (.array, .array), (.map, .map), (.row, .row): return try castNested(column)
    case (_, .json): return try castToJSON(column)
    case (.json, _): return try castFromJSON(column)
    case (.varchar(let from), .varchar(let to)):
      if let to, from.map({ $0 > to }) ?? true { return try castToText(column) }
      return column.relabelled(target)
    case (.varchar, .varbinary), (.sketch, .varbinary): return column.relabelled(target)
    case (.varbinary, .sketch(let type)), (.sketch, .sketch(let type)): return try castSketch(column, to: type)
    case (_, .varchar), (_, .char): return try castToText(column)
    case (.varchar, _): return try castFromText(column)
    case (.char, _): return try castFromText(column)
    case (_, .boolean), (.boolean, _): return try castBoolean(column)
    case (.uuid, .varbinary), (.ipaddress, .varbinary), (.varbinary, .uuid), (.varbinary, .ipaddress):
      return try castIdentifierBytes(column)
    default:
      if column.type.isNumeric && target.isNumeric { return try castNumber(column) }
      return try castTemporal(column)
    }
  }

  // MARK: Loops

  /// Fixed-width results, row by row; NULL rows are skipped and errors become NULL under TRY.
  @inline(__always)
  func fixed<Output: BitwiseCopyable>(
    _ column: Column, _ type: Output.Type, _ body: (Int) throws(KernelError) -> Output
  ) throws(KernelError) -> Column {
    let count = column.count
    let values = Buffer.zeroed(byteCount: count &* MemoryLayout<Output>.stride)
    let target = values.pointer(as: type)
    let valid = column.flat.validity?.pointer(as: UInt8.self)
    var failed: Buffer?
    for row in 0..<count {
      if let valid, valid[row] == 0 { continue }
      do throws(KernelError) {
        target[row] = try body(row)
      } catch {
        guard isTry else { throw error.at(row: row) }
        failed = Self.markNull(row, in: failed, count: count, valid)
      }
    }
    let validity = failed.map { BufferSlice($0) } ?? column.flat.validity
    return Column(flat: FlatVector(values: BufferSlice(values), validity: validity), type: self.target, count: count)
  }

  /// Text results, row by row.
  @inline(__always)
  func text(
    _ column: Column, retaining blocks: [Buffer] = [],
    _ body: (Int, inout TextColumnBuilder) throws(KernelError) -> Void
  ) throws(KernelError) -> Column {
    let valid = column.flat.validity?.pointer(as: UInt8.self)
    var out = TextColumnBuilder(count: column.count)
    for row in 0..<column.count {
      if let valid, valid[row] == 0 {
        out.endRowAsNull()
        continue
      }
      do throws(KernelError) {
        try body(row, &out)
        out.endRow()
      } catch {
        guard isTry else { throw error.at(row: row) }
        out.endRowAsNull()
      }
    }
    return out.finish(target, retaining: blocks)
  }

  private static func markNull(
    _ row: Int, in known: Buffer?, count: Int, _ valid: UnsafePointer<UInt8>?
  ) -> Buffer {
    let buffer: Buffer
    if let known {
      buffer = known
    } else {
      buffer = Buffer.allValid(count: count)
      if let valid {
        let bytes = buffer.pointer(as: UInt8.self)
        for index in 0..<count { bytes[index] = valid[index] }
      }
    }
    buffer.pointer(as: UInt8.self)[row] = 0
    return buffer
  }
}

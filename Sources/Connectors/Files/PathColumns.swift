package import Columnar
import Planner
import Functions
import SQLSyntax
import Storage

/// Columns of a table over files that tell of a file's place, not its contents: `filename`, and the keys of Hive-style folders
/// (`year=2024/`), typed bigint or date when every value is one.
struct PathColumns: Sendable {
  let fields: [Field]
  /// By file, then by column.
  private let values: [[Scalar]]

  struct Options {
    /// Name of the column with the path, if wanted.
    var fileName: String?
    /// Nil: when all files lie in folders with the same keys.
    var hivePartitioning: Bool?

    init(_ arguments: inout NamedArguments) throws(SQLError) {
      if try arguments.boolean("filename") == true { fileName = "filename" }
      hivePartitioning = try arguments.boolean("hive_partitioning")
    }
  }

  init(_ files: [ObjectInfo], _ options: Options) throws(SQLError) {
    var fields: [Field] = []
    var values = [[Scalar]](repeating: [], count: files.count)
    if let name = options.fileName {
      fields.append(Field(name, .varchar))
      for (index, file) in files.enumerated() { values[index].append(.text(file.location.text)) }
    }
    if options.hivePartitioning ?? true {
      let folders = files.map { HivePath.entries(of: $0.location.text) }
      let keys = folders.first?.map(\.key) ?? []
      if folders.allSatisfy({ $0.map(\.key) == keys }) {
        for (column, key) in keys.enumerated() {
          let texts = folders.map { $0[column].value }
          let type = Self.type(of: texts)
          fields.append(Field(key, type))
          for (file, text) in texts.enumerated() {
            values[file].append(text.flatMap { PartitionValue.parse($0, as: type) } ?? .null(type))
          }
        }
      } else if options.hivePartitioning == true {
        throw SQLError(.invalidArguments, "hive_partitioning: the files do not lie in folders with the same keys")
      }
    }
    self.fields = fields
    self.values = values
  }

  func value(_ column: Int, file: Int) -> Scalar { values[file][column] }

  /// Whether a file can hold rows that pass the conditions on what its place tells: these columns and the hidden ones.
  ///
  /// - Parameter first: index of the first of these columns in the table, whose last visible columns they are.
  func mayHoldRows(_ number: Int, _ info: ObjectInfo, _ predicates: [ColumnPredicate], first: Int) -> Bool {
    predicates.allSatisfy { predicate in
      let column = predicate.column - first
      guard column >= 0 else { return true }
      let value = column < fields.count ? values[number][column] : HiddenColumns.value(column - fields.count, info)
      return ScalarTest.mayPass(value, predicate.test)
    }
  }

  private static func type(of texts: [String?]) -> SQLType {
    for type in [SQLType.bigint, .date]
    where texts.allSatisfy({ $0 == nil || $0.flatMap { PartitionValue.parse($0, as: type) } != nil }) {
      return texts.allSatisfy { $0 == nil } ? .varchar : type
    }
    return .varchar
  }
}

/// `key=value` segments of paths, as Hive writes them.
package enum HivePath {
  package static let nullName = "__HIVE_DEFAULT_PARTITION__"

  /// The keys (folded) and values of a file's folders from the outside in; nil for NULL.
  package static func entries(of path: String) -> [(key: String, value: String?)] {
    path.split(separator: "/").dropLast().compactMap { entry(String($0)) }
  }

  package static func entry(_ segment: String) -> (key: String, value: String?)? {
    guard let equals = segment.firstIndex(of: "="), equals != segment.startIndex else { return nil }
    let value = unescaped(String(segment[segment.index(after: equals)...]))
    return (unescaped(String(segment[..<equals])).lowercased(), value == nullName ? nil : value)
  }

  /// `key=value` with the characters percent-encoded that Hive does not let into a folder's name.
  package static func segment(_ key: String, _ value: String?) -> String {
    escaped(key) + "=" + (value.map { $0.isEmpty ? nullName : escaped($0) } ?? nullName)
  }

  /// Hive's list (FileUtils.escapePathName): control characters and `"#%'*/:=?\{[]^`, DEL.
  package static func escaped(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if byte < 0x20 || byte == 0x7F || special.contains(byte) {
        bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  package static func unescaped(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
    let source = Array(text.utf8)
    var bytes: [UInt8] = []
    var index = 0
    while index < source.count {
      if source[index] == UInt8(ascii: "%"), index + 2 < source.count,
        let code = UInt8(String(decoding: source[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
      {
        bytes.append(code)
        index += 3
      } else {
        bytes.append(source[index])
        index += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let special = Set("\"#%'*/:=?\\{[]^".utf8)
  private static let hex = Array("0123456789ABCDEF".utf8)
}

/// Values of partition columns, which are texts in folders and catalogs.
package enum PartitionValue {
  /// Nil when the text is no value of the type.
  package static func parse(_ text: String, as type: SQLType) -> Scalar? {
    if type == .varchar { return .text(text) }
    let column = Column.constant(.text(text), count: 1)
    guard let value = try? castColumn(column, to: type, isTry: false, context: QueryContext()) else { return nil }
    let scalar = value.scalar(at: 0)
    return scalar.isNull ? nil : scalar
  }
}

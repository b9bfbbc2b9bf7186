package import Catalogs
import Columnar
package import SQLSyntax
package import TextFormats

/// What the files of a Hive-style table are, as its storage descriptor says: the SerDe's class decides, the input format where there is none.
package enum ExternalFormat: Sendable {
  case text(TextSerDe)
  /// `byPosition`: the table's columns are the file's in order, whatever they are called (`parquet.column.index.access`).
  case parquet(byPosition: Bool)

  package static let parquetSerDe = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
  package static let parquetInput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
  package static let parquetOutput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
  package static let textInput = "org.apache.hadoop.mapred.TextInputFormat"
  package static let textOutput = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

  package init(_ storage: StorageDescriptor, tableProperties: [String: String]) throws {
    let input = storage.inputFormat ?? Self.textInput
    let isParquetInput = input.contains("Parquet")
    let library = storage.serDeLibrary ?? (isParquetInput ? Self.parquetSerDe : TextSerDe.lazySimple)
    if library == Self.parquetSerDe || library == "parquet.hive.serde.ParquetHiveSerDe" {
      let access = storage.serDeParameters["parquet.column.index.access"] ?? tableProperties["parquet.column.index.access"]
      self = .parquet(byPosition: access?.lowercased() == "true")
      return
    }
    guard !isParquetInput, input == Self.textInput || input.hasSuffix("TextInputFormat") else {
      throw SQLError.notSupported("tables with the input format \(input) cannot be read", hint: Self.hint)
    }
    guard
      let text = try TextSerDe(library: library, properties: storage.serDeParameters, tableProperties: tableProperties)
    else { throw SQLError.notSupported("tables with the SerDe \(library) cannot be read", hint: Self.hint) }
    self = .text(text)
  }

  private static let hint =
    "LazySimpleSerDe, OpenCSVSerde, the OpenX and Hive JSON SerDes and Parquet can be read."
}

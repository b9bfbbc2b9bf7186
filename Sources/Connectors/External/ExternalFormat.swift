package import Catalogs
import Columnar
import SQLSyntax
package import TextFormats

/// What the files of a Hive-style table are, as its storage descriptor says: the SerDe's class decides, the input format where there is none.
package enum ExternalFormat: Sendable {
  case text(TextSerDe)
  /// `byPosition`: the table's columns are the file's in order, whatever they are called (`parquet.column.index.access`).
  case parquet(byPosition: Bool)
  case avro

  package static let avroSerDe = "org.apache.hadoop.hive.serde2.avro.AvroSerDe"
  package static let avroInput = "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat"
  package static let avroOutput = "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat"
  package static let parquetSerDe = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
  package static let parquetInput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
  package static let parquetOutput = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
  package static let textInput = "org.apache.hadoop.mapred.TextInputFormat"
  package static let textOutput = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

  package init(_ storage: StorageDescriptor, tableProperties: [String: String]) throws {
    let input = storage.inputFormat ?? Self.textInput
    let library = storage.serDeLibrary ?? Self.serDe(ofInput: input)
    if library == Self.avroSerDe {
      self = .avro
      return
    }
    if library == Self.parquetSerDe || library == "parquet.hive.serde.ParquetHiveSerDe" {
      let access = storage.serDeParameters["parquet.column.index.access"] ?? tableProperties["parquet.column.index.access"]
      self = .parquet(byPosition: access?.lowercased() == "true")
      return
    }
    guard input == Self.textInput || input.hasSuffix("TextInputFormat") else {
      throw SQLError.notSupported("tables with the input format \(input) cannot be read", hint: Self.hint)
    }
    guard
      let text = try TextSerDe(library: library, properties: storage.serDeParameters, tableProperties: tableProperties)
    else { throw SQLError.notSupported("tables with the SerDe \(library) cannot be read", hint: Self.hint) }
    self = .text(text)
  }

  /// The SerDe that files of an input format usually have.
  package static func serDe(ofInput input: String) -> String {
    input.contains("Parquet") ? parquetSerDe : input.contains("Avro") ? avroSerDe : TextSerDe.lazySimple
  }

  private static let hint =
    "LazySimpleSerDe, OpenCSVSerde, the OpenX and Hive JSON SerDes, Parquet and Avro can be read."
}

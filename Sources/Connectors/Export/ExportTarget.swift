package import Columnar
package import Compression
package import Parquet
package import Storage
package import TextFormats

/// Where and how the rows of a statement become files: UNLOAD, and writes into external tables.
package struct ExportTarget: Sendable {
  package var folder: Location
  /// Columns of the rows; partition columns are the last ones and go into the names of folders.
  package var schema: Schema
  package var partitionColumnCount = 0
  package var format: ExportFormat
  /// A file without rows tells the columns when there are no rows at all.
  package var writesEmptyFile = false
  /// The folder was there before and stays when the statement fails.
  package var keepsFolder = false
  /// Where partitions that exist already lie, by name (`a=1/b=2`); others come below `folder`.
  package var partitionFolders: [String: Location] = [:]

  /// Goes into the names of files where a seed makes them repeatable.
  private(set) var salt: UInt64 = 0xCBF2_9CE4_8422_2325

  /// FNV-1a (Fowler, Noll, Vo).
  mutating func addSalt(_ text: String) {
    for byte in text.utf8 { salt = (salt ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }

  package init(folder: Location, schema: Schema, format: ExportFormat) {
    self.folder = folder
    self.schema = schema
    self.format = format
  }

  var fileFields: ArraySlice<Field> { schema.fields.dropLast(partitionColumnCount) }
  var partitionFields: ArraySlice<Field> { schema.fields.suffix(partitionColumnCount) }
}

package enum ExportFormat: Sendable {
  case parquet(ParquetWriterOptions)
  /// Delimited text; values in their SQL text form.
  case delimited(DelimitedWriter.Options, FileCompression, level: Int?)
  case jsonLines(FileCompression, level: Int?)
  case avro(Codec, level: Int?)

  /// With its dot: `.csv.gz`.
  var fileExtension: String {
    switch self {
    case .parquet: ".parquet"
    case .delimited(let options, let compression, _):
      switch options.delimiter {
      case UInt8(ascii: ","): ".csv" + compression.fileExtension
      case UInt8(ascii: "\t"): ".tsv" + compression.fileExtension
      default: ".txt" + compression.fileExtension
      }
    case .jsonLines(let compression, _): ".json" + compression.fileExtension
    case .avro: ".avro"
    }
  }
}

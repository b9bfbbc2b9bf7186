package import Columnar
import JSONText

/// How the rows of a table are spread over partitions; every data file belongs to one spec.
package struct PartitionSpec: Hashable, Sendable {
  package var id: Int32
  package var fields: [PartitionField]

  package init(id: Int32 = 0, fields: [PartitionField] = []) {
    self.id = id
    self.fields = fields
  }

  package static let unpartitioned = PartitionSpec()
  /// The largest partition field id of a table that never had one.
  package static let firstFieldID: Int32 = 1_000

  package var isUnpartitioned: Bool { fields.allSatisfy { $0.transform == .void } }

  /// Same fields, whatever the spec's own id and the ids of its fields.
  package func isCompatible(with other: PartitionSpec) -> Bool {
    fields.count == other.fields.count
      && zip(fields, other.fields).allSatisfy {
        $0.sourceID == $1.sourceID && $0.transform == $1.transform && $0.name == $1.name
      }
  }

  /// `day=2024-01-31/cat=a`, as every engine names folders.
  package func path(_ values: [Scalar]) -> String {
    zip(fields, values).map { field, value in
      PartitionTransform.formEncoded(field.name) + "=" + PartitionTransform.formEncoded(field.transform.pathText(value))
    }.joined(separator: "/")
  }

  init(json: JSONValue) throws(IcebergError) {
    let (id, fields) = try readingJSON { () throws(JSONError) in (try json.optionalInt32("spec-id") ?? 0, try json.require("fields")) }
    self.init(id: id, fields: try PartitionField.list(fields))
  }

  /// The header form of manifests: the field list alone.
  package var fieldsText: String {
    var writer = JSONWriter()
    writeFields(to: &writer)
    return writer.text
  }

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("spec-id", id)
      writer.member("fields") { writeFields(to: &$0) }
    }
  }

  func writeFields(to writer: inout JSONWriter) {
    writer.array { writer in
      for field in fields {
        writer.object { writer in
          writer.member("name", field.name)
          writer.member("transform", field.transform.text)
          writer.member("source-id", field.sourceID)
          writer.member("field-id", field.fieldID)
        }
      }
    }
  }
}

package struct PartitionField: Hashable, Sendable {
  /// The column the value is computed from.
  package var sourceID: Int32
  /// From 1000 on, unique over all specs of the table.
  package var fieldID: Int32
  package var name: String
  package var transform: PartitionTransform

  package init(sourceID: Int32, fieldID: Int32, name: String, transform: PartitionTransform) {
    self.sourceID = sourceID
    self.fieldID = fieldID
    self.name = name
    self.transform = transform
  }

  /// The name CREATE TABLE gives a field of that transform.
  package static func defaultName(column: String, _ transform: PartitionTransform) -> String {
    switch transform {
    case .identity, .unknown: column
    case .bucket: column + "_bucket"
    case .truncate: column + "_trunc"
    case .year: column + "_year"
    case .month: column + "_month"
    case .day: column + "_day"
    case .hour: column + "_hour"
    case .void: column + "_null"
    }
  }

  /// - Parameter json: a list of fields. Version 1 may leave out the field ids: they count from 1000 then.
  static func list(_ json: JSONValue) throws(IcebergError) -> [PartitionField] {
    try readingJSON { () throws(JSONError) in
      var fields: [PartitionField] = []
      for element in try json.requireElements() {
        let sourceID: Int32
        let transform: PartitionTransform
        if let sources = element.present("source-ids") {
          // Transforms of several columns are unknown to this version: kept, compared, never pruned by.
          let ids = sources.elements.compactMap(\.int32)
          sourceID = ids.first ?? 0
          let text = try element.requireString("transform")
          transform = ids.count == 1 ? PartitionTransform(text) : .unknown(text)
        } else {
          sourceID = try element.requireInt32("source-id")
          transform = PartitionTransform(try element.requireString("transform"))
        }
        fields.append(
          PartitionField(
            sourceID: sourceID,
            fieldID: try element.optionalInt32("field-id") ?? PartitionSpec.firstFieldID + Int32(clamping: fields.count),
            name: try element.requireString("name"), transform: transform))
      }
      return fields
    }
  }
}

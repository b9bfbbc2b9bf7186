import JSONText

/// An order rows of a file may be sorted in; order 0 is "unsorted".
package struct IcebergSortOrder: Hashable, Sendable {
  package struct SortField: Hashable, Sendable {
    package var sourceID: Int32
    package var transform: PartitionTransform
    package var isAscending: Bool
    package var nullsFirst: Bool

    package init(sourceID: Int32, transform: PartitionTransform = .identity, isAscending: Bool = true, nullsFirst: Bool = true) {
      self.sourceID = sourceID
      self.transform = transform
      self.isAscending = isAscending
      self.nullsFirst = nullsFirst
    }
  }

  package var id: Int32
  package var fields: [SortField]

  package init(id: Int32 = 0, fields: [SortField] = []) {
    self.id = id
    self.fields = fields
  }

  package static let unsorted = IcebergSortOrder()

  init(json: JSONValue) throws(IcebergError) {
    self = try readingJSON { () throws(JSONError) in
      var fields: [SortField] = []
      for element in try json.requireElements("fields") {
        let sources = element.present("source-ids")?.elements.compactMap(\.int32) ?? []
        let sourceID: Int32
        if let first = sources.first { sourceID = first } else { sourceID = try element.requireInt32("source-id") }
        let text = try element.requireString("transform")
        fields.append(
          SortField(
            sourceID: sourceID, transform: sources.count > 1 ? .unknown(text) : PartitionTransform(text),
            isAscending: try element.optionalString("direction")?.lowercased() != "desc",
            nullsFirst: try element.optionalString("null-order")?.lowercased() != "nulls-last"))
      }
      return IcebergSortOrder(id: try json.requireInt32("order-id"), fields: fields)
    }
  }

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("order-id", id)
      writer.member("fields") { writer in
        writer.array { writer in
          for field in fields {
            writer.object { writer in
              writer.member("transform", field.transform.text)
              writer.member("source-id", field.sourceID)
              writer.member("direction", field.isAscending ? "asc" : "desc")
              writer.member("null-order", field.nullsFirst ? "nulls-first" : "nulls-last")
            }
          }
        }
      }
    }
  }
}

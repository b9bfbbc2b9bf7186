import JSONText

/// How Athena stores a view in Glue: `/* Presto View: <base64 of a JSON document> */` in ViewOriginalText.
package struct ViewEncoding: Sendable, Hashable {
  package var sql: String
  package var catalog: String
  package var database: String
  /// Names and types (Trino's spelling) of the columns.
  package var columns: [Column]
  package var comment: String?

  package struct Column: Sendable, Hashable {
    package var name: String
    package var type: String
    package init(name: String, type: String) {
      self.name = name
      self.type = type
    }
  }

  package init(sql: String, catalog: String, database: String, columns: [Column], comment: String? = nil) {
    self.sql = sql
    self.catalog = catalog
    self.database = database
    self.columns = columns
    self.comment = comment
  }

  private static let prefix = "/* Presto View: "
  private static let suffix = " */"

  package var encoded: String {
    var json = JSONWriter()
    json.object { json in
      json.member("originalSql", sql)
      json.member("catalog", catalog)
      json.member("schema", database)
      json.key("columns")
      json.array { json in
        for column in columns {
          json.object { json in
            json.member("name", column.name)
            json.member("type", column.type)
          }
        }
      }
      if let comment {
        json.member("comment", comment)
      }
    }
    return Self.prefix + Base64.encode(json.take()) + Self.suffix
  }

  /// Nil when the text is not in this encoding (a Hive view, whose text is the SQL itself).
  package init?(_ text: String) throws(CatalogError) {
    guard text.hasPrefix(Self.prefix), text.hasSuffix(Self.suffix) else { return nil }
    guard let bytes = Base64.decode(text.dropFirst(Self.prefix.count).dropLast(Self.suffix.count).utf8) else {
      throw CatalogError(.corrupt, "the text of a Presto view is not base64")
    }
    do throws(JSONError) {
      let root = try JSONDocument(bytes).root
      sql = try root.requireString("originalSql")
      catalog = try root.optionalString("catalog") ?? "awsdatacatalog"
      database = try root.optionalString("schema") ?? "default"
      comment = try root.optionalString("comment")
      columns = []
      if let list = root.present("columns") {
        for element in try list.requireElements() {
          columns.append(
            Column(name: try element.requireString("name"), type: try element.requireString("type")))
        }
      }
    } catch {
      throw CatalogError(.corrupt, "the document of a Presto view: \(error)")
    }
  }
}

/// RFC 4648 base64 with padding.
package enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  package static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let left = bytes.count - index
      let word =
        UInt32(bytes[index]) << 16 | (left > 1 ? UInt32(bytes[index + 1]) << 8 : 0) | (left > 2 ? UInt32(bytes[index + 2]) : 0)
      text.append(alphabet[Int(word >> 18)])
      text.append(alphabet[Int(word >> 12 & 63)])
      text.append(left > 1 ? alphabet[Int(word >> 6 & 63)] : UInt8(ascii: "="))
      text.append(left > 2 ? alphabet[Int(word & 63)] : UInt8(ascii: "="))
      index += 3
    }
    return String(decoding: text, as: UTF8.self)
  }

  package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    var word: UInt32 = 0
    var bits = 0
    for byte in text where byte != UInt8(ascii: "=") {
      guard let digit = alphabet.firstIndex(of: byte) else { return nil }
      word = word << 6 | UInt32(digit)
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        word &= (1 << UInt32(bits)) - 1
      }
    }
    return bytes
  }
}

import Catalogs

/// SHOW CREATE TABLE of a Hive-style table: a statement that makes the same entry again, a line per element as Hive prints it.
struct HiveStatementText {
  let lines: [String]

  init(_ entry: CatalogTable) {
    let name = "\(StatementRunner.ddlName(entry.database)).\(StatementRunner.ddlName(entry.name))"
    var lines = ["CREATE EXTERNAL TABLE \(name) ("]
    lines += Self.columns(entry.storage.columns)
    if let comment = entry.description { lines.append("COMMENT \(Self.quoted(comment))") }
    if !entry.partitionKeys.isEmpty {
      lines.append("PARTITIONED BY (")
      lines += Self.columns(entry.partitionKeys)
    }
    if let library = entry.storage.serDeLibrary {
      lines += ["ROW FORMAT SERDE", "  \(Self.quoted(library))"]
      if !entry.storage.serDeParameters.isEmpty {
        lines.append("WITH SERDEPROPERTIES (")
        lines += Self.properties(entry.storage.serDeParameters)
      }
    }
    if let input = entry.storage.inputFormat, let output = entry.storage.outputFormat {
      lines += ["STORED AS INPUTFORMAT", "  \(Self.quoted(input))", "OUTPUTFORMAT", "  \(Self.quoted(output))"]
    }
    if let location = entry.storage.location { lines += ["LOCATION", "  \(Self.quoted(location))"] }
    // Both follow from the other clauses.
    let parameters = entry.parameters.filter { $0.key != "EXTERNAL" && $0.key != "comment" }
    if !parameters.isEmpty {
      lines.append("TBLPROPERTIES (")
      lines += Self.properties(parameters)
    }
    self.lines = lines
  }

  private static func columns(_ columns: [CatalogColumn]) -> [String] {
    columns.enumerated().map { index, column in
      "  `\(column.name)` \(column.type)" + (column.comment.map { " COMMENT \(quoted($0))" } ?? "")
        + (index + 1 == columns.count ? ")" : ",")
    }
  }

  private static func properties(_ properties: [String: String]) -> [String] {
    let sorted = properties.sorted { $0.key < $1.key }
    return sorted.enumerated().map { index, entry in
      "  \(quoted(entry.key))=\(quoted(entry.value))" + (index + 1 == sorted.count ? ")" : ",")
    }
  }

  /// A text of Hive's DDL, where backslashes escape.
  private static func quoted(_ text: String) -> String {
    var result = "'"
    for scalar in text.unicodeScalars {
      switch scalar {
      case "'": result += "\\'"
      case "\\": result += "\\\\"
      case "\t": result += "\\t"
      case "\n": result += "\\n"
      case let control where control.value < 0x20:
        let octal = String(control.value, radix: 8)
        result += "\\" + String(repeating: "0", count: 3 - octal.count) + octal
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "'"
  }
}

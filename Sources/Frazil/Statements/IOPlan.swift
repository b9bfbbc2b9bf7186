import Catalogs
import Columnar
import JSONText
import Planner

/// EXPLAIN (TYPE IO): the tables that a statement reads, with the conditions on their columns that scans are told, and the one it writes.
///
/// The names are those of Trino's JSON. Costs are left out, and what the table cannot estimate is `"NaN"` as there.
struct IOPlan {
  private let scans: [ScanNode]
  private let target: WriteTarget?
  private let catalogs: CatalogRegistry

  init(_ plan: LogicalPlan, target: WriteTarget?, catalogs: CatalogRegistry) {
    self.catalogs = catalogs
    var scans: [ScanNode] = []
    func collect(_ plan: LogicalPlan) {
      if case .scan(let node) = plan { scans.append(node) }
      plan.inputs.forEach(collect)
    }
    collect(plan)
    self.scans = scans
    self.target = target
  }

  var json: String {
    var writer = JSONWriter(style: .pretty)
    writer.object { writer in
      writer.key("inputTableColumnInfos")
      writer.array { writer in for scan in scans { write(scan, to: &writer) } }
      if let target, let name = target.details.first(where: { $0.label.isEmpty })?.text {
        writer.key("outputTable")
        write(table: name, to: &writer)
      }
    }
    return writer.text
  }

  private func write(_ scan: ScanNode, to writer: inout JSONWriter) {
    writer.object { writer in
      writer.key("table")
      write(table: scan.tableName, to: &writer)
      writer.key("constraint")
      writer.object { writer in
        writer.member("none", false)
        writer.key("columnConstraints")
        writer.array { writer in
          for column in Set(scan.predicates.map(\.column)).sorted() {
            let field = scan.table.field(at: column)
            let domain = ColumnDomain(scan.predicates.filter { $0.column == column }.map(\.test))
            writer.object { writer in
              writer.member("columnName", field.name)
              writer.member("type", "\(field.type)")
              writer.key("domain")
              domain.write(to: &writer)
            }
          }
        }
      }
      writer.key("estimate")
      writer.object { writer in
        Self.estimate("outputRowCount", scan.table.statistics.rowCount, &writer)
        Self.estimate("outputSizeInBytes", scan.table.statistics.byteCount, &writer)
      }
    }
  }

  private static func estimate(_ name: String, _ count: Int?, _ writer: inout JSONWriter) {
    if let count { writer.member(name, count) } else { writer.member(name, "NaN") }
  }

  /// A table of the catalog by its parts; files and table functions, which Trino does not know, by what they are called.
  private func write(table name: String, to writer: inout JSONWriter) {
    writer.object { writer in
      guard let table = TableIdentity(shownName: name, catalogs) else { return writer.member("location", name) }
      writer.member("catalog", table.catalog)
      writer.key("schemaTable")
      writer.object { writer in
        writer.member("schema", table.database)
        writer.member("table", table.name)
      }
    }
  }
}

/// Where the values of a column lie by some conditions: at least these values, maybe more than pass them all.
private struct ColumnDomain {
  private struct Bound {
    var value: Scalar?
    /// Trino's words: `EXACTLY`, `ABOVE`, `BELOW`.
    var kind: String
  }
  private var allowsNull = false
  private var ranges: [(low: Bound, high: Bound)] = []

  init(_ tests: [ColumnPredicate.Test]) {
    var low = Bound(value: nil, kind: "ABOVE")
    var high = Bound(value: nil, kind: "BELOW")
    for test in tests {
      switch test {
      case .equal(let value): ranges = [Self.point(value)]
      case .oneOf(let values): if ranges.isEmpty { ranges = values.map(Self.point) }
      case .greater(let value): low = Bound(value: value, kind: "ABOVE")
      case .greaterOrEqual(let value), .startsWith(let value): low = Bound(value: value, kind: "EXACTLY")
      case .less(let value): high = Bound(value: value, kind: "BELOW")
      case .lessOrEqual(let value): high = Bound(value: value, kind: "EXACTLY")
      case .notEqual(let value):
        if tests.count == 1 {
          ranges = [
            (low, Bound(value: value, kind: "BELOW")), (Bound(value: value, kind: "ABOVE"), high),
          ]
        }
      case .isNull: allowsNull = true
      case .isNotNull: break
      }
    }
    if ranges.isEmpty, !allowsNull { ranges = [(low, high)] }
  }

  private static func point(_ value: Scalar) -> (low: Bound, high: Bound) {
    (Bound(value: value, kind: "EXACTLY"), Bound(value: value, kind: "EXACTLY"))
  }

  func write(to writer: inout JSONWriter) {
    writer.object { writer in
      writer.member("nullsAllowed", allowsNull)
      writer.key("ranges")
      writer.array { writer in
        for range in ranges {
          writer.object { writer in
            writer.key("low")
            Self.write(range.low, to: &writer)
            writer.key("high")
            Self.write(range.high, to: &writer)
          }
        }
      }
    }
  }

  private static func write(_ bound: Bound, to writer: inout JSONWriter) {
    writer.object { writer in
      if let value = bound.value, let text = ResultText(athena: Column.constant(value, count: 1)).string(0) {
        writer.member("value", text)
      }
      writer.member("bound", bound.kind)
    }
  }
}

import TestSupport

/// A row of the table `t (id bigint, region varchar, x bigint)`.
struct Row: Hashable, Comparable, CustomStringConvertible {
  var id: Int
  var region: String
  var x: Int

  var description: String { "(\(id), '\(region)', \(x))" }
  static func < (left: Row, right: Row) -> Bool { (left.id, left.region, left.x) < (right.id, right.region, right.x) }
}

/// What a statement does to the rows: those that go, those that come, and the count it reports.
struct RowEffect {
  var removed: [Row] = []
  var added: [Row] = []
  /// Nil where the statement reports none.
  var count: Int?

  /// The rows after it; nil when one that goes is not there.
  func applied(to rows: [Row], mayRepeatDeletes: Bool = false) -> [Row]? {
    var rows = rows
    for row in removed {
      if let index = rows.firstIndex(of: row) {
        rows.remove(at: index)
      } else if !mayRepeatDeletes || rows.contains(where: { $0.id == row.id }) {
        return nil
      }
    }
    return (rows + added).sorted()
  }
}

/// A condition on rows, as SQL and as what it means.
enum RowCondition {
  case id(Int)
  case region(String)
  case above(Int)
  case regionBelow(String, Int)
  case anything

  func holds(_ row: Row) -> Bool {
    switch self {
    case .id(let id): row.id == id
    case .region(let region): row.region == region
    case .above(let x): row.x > x
    case .regionBelow(let region, let x): row.region == region && row.x < x
    case .anything: true
    }
  }

  var sql: String {
    switch self {
    case .id(let id): " WHERE id = \(id)"
    case .region(let region): " WHERE region = '\(region)'"
    case .above(let x): " WHERE x > \(x)"
    case .regionBelow(let region, let x): " WHERE region = '\(region)' AND x < \(x)"
    case .anything: ""
    }
  }
}

/// A statement on the table, as SQL and as what it means.
enum RowStatement {
  case insert([Row])
  case add(Int, RowCondition)
  case move(String, RowCondition)
  case delete(RowCondition)
  /// Matched rows are updated by x, or deleted where `deletes`; the others are inserted where `inserts`.
  case merge([Row], deletes: Bool, inserts: Bool)
  case overwrite([Row])
  case truncate
  case optimize
  case expire

  var sql: String {
    switch self {
    case .insert(let rows): return "INSERT INTO t VALUES " + Self.list(rows)
    case .add(let x, let condition): return "UPDATE t SET x = x + \(x)\(condition.sql)"
    case .move(let region, let condition): return "UPDATE t SET region = '\(region)'\(condition.sql)"
    case .delete(let condition): return "DELETE FROM t\(condition.sql)"
    case .merge(let rows, let deletes, let inserts):
      return "MERGE INTO t USING (VALUES \(Self.list(rows))) AS s(id, region, x) ON t.id = s.id WHEN MATCHED THEN "
        + (deletes ? "DELETE" : "UPDATE SET x = t.x + s.x")
        + (inserts ? " WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.region, s.x)" : "")
    case .overwrite(let rows): return "INSERT OVERWRITE t VALUES " + Self.list(rows)
    case .truncate: return "TRUNCATE TABLE t"
    case .optimize: return "CALL system.rewrite_data_files(table => 't', options => map('min-input-files', '2', 'delete-file-threshold', '1'))"
    case .expire:
      return "CALL system.expire_snapshots(table => 't', older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1)"
    }
  }

  func effect(on rows: [Row]) -> RowEffect {
    switch self {
    case .insert(let new): return RowEffect(added: new, count: new.count)
    case .add(let x, let condition):
      return changing(rows.filter(condition.holds)) { $0.x += x }
    case .move(let region, let condition):
      return changing(rows.filter(condition.holds)) { $0.region = region }
    case .delete(let condition):
      let gone = rows.filter(condition.holds)
      return RowEffect(removed: gone, count: gone.count)
    case .merge(let source, let deletes, let inserts):
      var effect = RowEffect()
      for row in source {
        let matched = rows.filter { $0.id == row.id }
        effect.removed += matched
        if !deletes { effect.added += matched.map { Row(id: $0.id, region: $0.region, x: $0.x + row.x) } }
        if matched.isEmpty, inserts { effect.added.append(row) }
        effect.count = (effect.count ?? 0) + matched.count + (matched.isEmpty && inserts ? 1 : 0)
      }
      return effect
    case .overwrite(let new): return RowEffect(removed: rows, added: new, count: new.count)
    case .truncate: return RowEffect(removed: rows)
    case .optimize, .expire: return RowEffect()
    }
  }

  var isDelete: Bool { if case .delete = self { true } else { false } }

  private func changing(_ rows: [Row], _ body: (inout Row) -> Void) -> RowEffect {
    let new = rows.map { row in
      var row = row
      body(&row)
      return row
    }
    return RowEffect(removed: rows, added: new, count: rows.count)
  }

  private static func list(_ rows: [Row]) -> String { rows.map { "\($0)" }.joined(separator: ", ") }
}

extension RowStatement {
  /// - Parameter nextID: ids of rows that come; some writers choose the same.
  static func random(_ random: inout SeededRandom, nextID: Int) -> RowStatement {
    let regions = ["a", "b", "c"]
    func row(_ id: Int) -> Row { Row(id: id, region: regions[random.below(3)], x: random.below(100)) }
    func condition() -> RowCondition {
      switch random.below(9) {
      case 0, 1, 2: .id(1 + random.below(7))
      case 3, 4: .region(regions[random.below(3)])
      case 5, 6: .above(random.below(100))
      case 7: .regionBelow(regions[random.below(3)], random.below(100))
      default: .anything
      }
    }
    switch random.below(20) {
    case 0, 1, 2: return .insert([row(nextID)])
    case 3, 4, 5, 6: return .add(1 + random.below(9), condition())
    case 7, 8: return .move(regions[random.below(3)], condition())
    case 9, 10, 11, 12: return .delete(condition())
    case 13, 14, 15:
      let first = 1 + random.below(8)
      return .merge([row(first), row(first + 1)], deletes: random.below(3) == 0, inserts: random.below(3) > 0)
    case 16: return .overwrite([row(nextID)])
    case 17: return .truncate
    case 18: return .optimize
    default: return .expire
    }
  }
}

extension SeededRandom {
  /// A number from 0 to `count` - 1.
  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}

import Frazil

struct RegionTotal: Decodable {
  var region: String
  var total: Double?
}

func totals(warehouse: String) async throws(SQLError) -> [RegionTotal] {
  let session = try Engine(Configuration(warehouse: warehouse)).makeSession()

  // One statement at a time; what changes rows says how many.
  let insert = try await session.run("INSERT INTO sales VALUES (DATE '2026-03-01', 'east', 40)")
  print("rows affected:", insert.rowsAffected ?? 0)

  // Batches arrive as they are made, so a long result needs little memory. Cancelling the task cancels the query.
  for try await batch in try await session.run("SELECT * FROM sales").rows {
    for row in batch.rows { print(row) }
  }

  // Rows by position as tuples, or by name as values of a Decodable type.
  for (day, region) in try await session.run("SELECT day, region FROM sales").tuples(of: String.self, String?.self) {
    print(day, region ?? "nowhere")
  }
  return try await session.run("SELECT region, sum(amount) AS total FROM sales GROUP BY region ORDER BY total DESC")
    .decoded(as: RegionTotal.self)
}

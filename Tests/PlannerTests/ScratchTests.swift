import Planner
import Testing
@Test func scratch() throws {
  let p = Planning()
  for sql in [
    "SELECT b, count(*), sum(a) + 1 FROM t GROUP BY b HAVING count(*) > 1 ORDER BY sum(a) DESC",
    "SELECT b, c, grouping(b, c), max(a) FROM t GROUP BY ROLLUP (b, c)",
    "SELECT a, sum(c) OVER (PARTITION BY b ORDER BY a), rank() OVER (PARTITION BY b ORDER BY a), row_number() OVER w FROM t WINDOW w AS (ORDER BY c DESC)",
    "SELECT a FROM t WHERE a IN (SELECT a FROM s)",
    "SELECT a FROM t WHERE a NOT IN (SELECT a FROM s)",
    "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.a = t.a AND s.x > t.c)",
    "SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM s WHERE s.a = t.a)",
    "SELECT a, (SELECT max(x) FROM s WHERE s.a = t.a) FROM t",
    "SELECT a, (SELECT count(*) + 1 FROM s WHERE s.a = t.a) FROM t",
    "SELECT a, (SELECT count(*) FROM s WHERE s.a < t.a) FROM t",
    "SELECT a, (SELECT y FROM s WHERE s.a = t.a ORDER BY x LIMIT 1) FROM t",
    "SELECT a FROM t WHERE c > (SELECT max(z) FROM u)",
    "SELECT a FROM t WHERE a > ALL (SELECT a FROM s)",
    "SELECT id, (SELECT sum(e) FROM UNNEST(list) AS q(e)) FROM nested",
    "SELECT t.a, q.x FROM t CROSS JOIN LATERAL (SELECT x FROM s WHERE s.a = t.a ORDER BY x LIMIT 2) q",
    "SELECT t.a, q.n FROM t, LATERAL (SELECT count(*) AS n FROM s WHERE s.a = t.a) q",
    "SELECT b, (SELECT max(x) FROM s WHERE s.y = t.b) FROM t GROUP BY b",
    "SELECT sum(CASE WHEN a IN (SELECT a FROM s) THEN 1 ELSE 0 END) FROM t",
    "SELECT t.b, s.y, u.z FROM u, t, s WHERE u.a = s.a AND t.a = s.a AND t.a = 5 AND t.c > 1",
    "SELECT t.b FROM t LEFT JOIN s ON t.a = s.a WHERE s.x > 3",
    "SELECT k, max(CASE WHEN sample = 'a' THEN v END) AS a, max(CASE sample WHEN 'b' THEN v END) AS b, max(IF('c' = sample, v)) AS c FROM l GROUP BY k",
    "SELECT * FROM l PIVOT (max(v) FOR sample IN ('a', 'b' AS bb))",
    "SELECT a FROM t WHERE a = 5 AND d >= DATE '2020-01-01' AND b IN ('x', 'y') AND CAST(a AS bigint) < 100 LIMIT 3",
    "SELECT count(*) FROM t",
    "SELECT a, count(*) FROM (SELECT a, b, c + 1 AS e FROM t UNION ALL SELECT a, y, x FROM s) q WHERE a > 2 GROUP BY a ORDER BY 2 DESC, 1 LIMIT 10",
    "SELECT sum(c * c), avg(c * c) FROM t",
    "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.a = t.a AND EXISTS (SELECT 1 FROM u WHERE u.a = s.a AND u.z = t.c))",
    "SELECT * FROM u UNPIVOT (val FOR col IN (a, z))",
    "WITH q AS (SELECT a, max(c) AS m, min(c) AS n, sum(a) FROM t GROUP BY a) SELECT q1.m FROM q q1 JOIN q q2 ON q1.a = q2.a",
  ] {
    print("-- \(sql)")
    do { print(try p.bound(sql)); print("=>"); print(try p.optimized(sql)) } catch { print("ERROR", p.failure(sql)) }
  }
}

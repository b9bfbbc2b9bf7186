"""Random queries over the small tables of `tables.py`, each in two spellings: Frazil's (Trino's rules) and DuckDB's.

Only what both engines mean alike is generated, so that every difference is a bug of one of them. Left out on purpose: NaN in
comparisons (DuckDB holds NaN equal to NaN), division by zero (NULL in DuckDB, an error in Trino), averages of decimals (double in
DuckDB), order among equal sort keys, and sums of doubles that are not multiples of a quarter (they depend on the order).
"""

from dataclasses import dataclass, field

from expressions import NUMERIC, ORDERED, SQL_TYPE, TYPES, E, ExpressionGenerator, combine, each


@dataclass
class Column:
    name: str
    type: str


@dataclass
class Relation:
    """Something in FROM: text, and the columns it offers, already qualified."""

    trino: str
    duck: str
    columns: list = field(default_factory=list)  # of E


@dataclass
class Query:
    trino: str
    duck: str
    columns: list  # of Column
    is_ordered: bool = False


class Generator(ExpressionGenerator):
    # MARK: FROM

    def table(self):
        # The empty table is a rare guest: most of what reads it is empty too.
        name = self.pick([n for n in self.tables for _ in range(1 if n == "t3" else 6)])
        alias = self.alias("t")
        return Relation(f"{name} AS {alias}", f"{name} AS {alias}",
                        [E.same(c.type, f"{alias}.{c.name}") for c in self.tables[name]])

    def values(self):
        alias = self.alias("v")
        types = [self.pick(TYPES) for _ in range(self.random.randint(1, 3))]
        names = [f"{t}{i}" for i, t in enumerate(types)]
        rows = []
        for _ in range(self.random.randint(1, 4)):
            rows.append([combine(t, f"CAST({{}} AS {SQL_TYPE[t]})", self.literal(t)) for t in types])
        both = [", ".join("(" + ", ".join(getattr(e, side) for e in row) + ")" for row in rows) for side in ("trino", "duck")]
        suffix = f") AS {alias}({', '.join(names)})"
        return Relation("(VALUES " + both[0] + suffix, "(VALUES " + both[1] + suffix,
                        [E.same(t, f"{alias}.{n}") for t, n in zip(types, names)])

    def derived(self, depth, outer=()):
        query = self.query(depth - 1, list(outer))
        alias = self.alias("q")
        return Relation(f"({query.trino}) AS {alias}", f"({query.duck}) AS {alias}",
                        [E.same(c.type, f"{alias}.{c.name}") for c in query.columns])

    def primary(self, depth):
        if depth > 0 and self.chance(0.25):
            return self.derived(depth)
        return self.values() if self.chance(0.12) else self.table()

    def relation(self, depth):
        left = self.primary(depth)
        while self.chance(0.45):
            left = self.join(left, depth)
        return left

    def join(self, left, depth):
        if depth > 0 and self.chance(0.12):
            right = self.derived(depth, left.columns)
            how = self.pick(["CROSS JOIN LATERAL", "LEFT JOIN LATERAL"])
            on = " ON TRUE" if how.startswith("LEFT") else ""
            return Relation(f"{left.trino} {how} {right.trino}{on}", f"{left.duck} {how} {right.duck}{on}", left.columns + right.columns)
        if self.chance(0.08):
            return self.unnest(left)
        if self.chance(0.1):
            joined = self.using()
            if joined is not None:
                return self.cross(left, joined)
        right = self.primary(depth - 1)
        columns = left.columns + right.columns
        if self.chance(0.08):
            return Relation(f"{left.trino} CROSS JOIN {right.trino}", f"{left.duck} CROSS JOIN {right.duck}", columns)
        condition = self.join_condition(left, right, depth)
        kind = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "INNER JOIN"])
        return Relation(f"({left.trino} {kind} {right.trino} ON {condition.trino})",
                        f"({left.duck} {kind} {right.duck} ON {condition.duck})", columns)

    def cross(self, left, right):
        return Relation(f"{left.trino} CROSS JOIN {right.trino}", f"{left.duck} CROSS JOIN {right.duck}", left.columns + right.columns)

    def unnest(self, left):
        type = self.pick(TYPES)
        elements = [self.expression(type, left.columns, 1) for _ in range(self.random.randint(1, 3))]
        alias = self.alias("u")
        how, on = self.pick([("CROSS JOIN", ""), ("LEFT JOIN", " ON TRUE")])
        texts = []
        for side in ("trino", "duck"):
            array = ", ".join(f"CAST({getattr(e, side)} AS {SQL_TYPE[type]})" for e in elements)
            texts.append(f"{getattr(left, side)} {how} UNNEST(ARRAY[{array}]) AS {alias}(x){on}")
        return Relation(*texts, left.columns + [E.same(type, f"{alias}.x")])

    def using(self):
        """Two tables joined over columns of one name, in parentheses."""
        a, b = self.table(), self.table()
        names = self.random.sample(["i", "j", "b", "n", "d", "s", "t"], self.pick([1, 1, 2]))
        types = {c.trino.split(".")[1]: c.type for c in a.columns}
        if any(n not in types or f"{b.columns[0].trino.split('.')[0]}.{n}" not in [c.trino for c in b.columns] for n in names):
            return None
        word = self.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        q = self.alias("j")
        # The merged columns, and one of each side under names of their own.
        left = self.pick([c for c in a.columns if c.trino.split(".")[1] not in names])
        right = self.pick([c for c in b.columns if c.trino.split(".")[1] not in names])
        select = ", ".join([*names, f"{left.trino} AS lx", f"{right.trino} AS rx"])
        text = f"(SELECT {select} FROM {a.trino} {word} {b.trino} USING ({', '.join(names)})) AS {q}"
        return Relation(text, text, [E.same(types[n], f"{q}.{n}") for n in names] + [
            E.same(left.type, f"{q}.lx"), E.same(right.type, f"{q}.rx")])

    def join_condition(self, left, right, depth):
        terms = []
        for _ in range(self.pick([1, 1, 1, 2])):
            type = self.pick(ORDERED)
            terms.append(combine("bool", f"{{}} {self.pick(['=', '=', '=', '=', '<', 'IS NOT DISTINCT FROM'])} {{}}",
                                 self.expression(type, left.columns, self.pick([0, 0, 1])),
                                 self.expression(type, right.columns, self.pick([0, 0, 1]))))
        if self.chance(0.25):
            terms.append(self.expression("bool", left.columns + right.columns, 2))
        return combine("bool", " AND ".join("({})" for _ in terms), *terms)

    # MARK: Subqueries

    def subquery_predicate(self, scope, depth):
        """A predicate with a subquery, often correlated with `scope`."""
        choice = self.random.randrange(5)
        outer = scope if self.chance(0.6) else []
        if choice == 0:
            inner = self.query(depth - 1, outer)
            word = self.pick(["", "NOT "])
            return E("bool", f"({word}EXISTS ({inner.trino}))", f"({word}EXISTS ({inner.duck}))")
        type = self.pick(ORDERED)
        inner = self.query(depth - 1, outer, types=[type])
        probe = self.expression(type, scope, 1)
        if choice <= 2:
            word = self.pick(["IN", "NOT IN"])
            return E("bool", f"({probe.trino} {word} ({inner.trino}))", f"({probe.duck} {word} ({inner.duck}))")
        operator = self.pick(["=", "<>", "<", ">="])
        quantifier = self.pick(["ANY", "ALL"])
        return E("bool", f"({probe.trino} {operator} {quantifier} ({inner.trino}))",
                 f"({probe.duck} {operator} {quantifier} ({inner.duck}))")

    def scalar_subquery(self, type, scope, depth):
        """An aggregate without GROUP BY: always one row."""
        outer = scope if self.chance(0.7) else []
        relation = self.relation(depth - 1)
        inner = relation.columns + list(outer)
        where = self.expression("bool", inner, 2)
        plain = self.table()
        if all("." in c.trino for c in plain.columns) and any(c.trino.endswith(".k") for c in plain.columns) and self.chance(0.3):
            scope = plain.columns + list(outer)
            value, where = self.expression(type, scope, 1), self.expression("bool", scope, 2)
            key = next(c for c in plain.columns if c.trino.endswith(".k"))
            tail = f" ORDER BY {key.trino} {self.pick(['', 'DESC'])} LIMIT 1"
            return E(type, f"(SELECT {value.trino} FROM {plain.trino} WHERE {where.trino}{tail})",
                     f"(SELECT {value.duck} FROM {plain.duck} WHERE {where.duck}{tail})")
        call = self.aggregate(type, relation.columns, False)
        if call is None:
            return self.literal(type)
        return E(type, f"(SELECT {call.trino} FROM {relation.trino} WHERE {where.trino})",
                 f"(SELECT {call.duck} FROM {relation.duck} WHERE {where.duck})")

    # MARK: Aggregates

    def aggregate(self, type, scope, with_filter=True):
        sub = lambda t: self.expression(t, scope, 1)
        distinct = "DISTINCT " if self.chance(0.2) else ""
        match type:
            case "int" | "str" | "date" | "ts" | "dec":
                call = combine(type, self.pick(["min", "max"]) + "({})", sub(type))
                if type == "dec" and self.chance(0.4):
                    call = combine(type, f"CAST(sum({distinct}{{}}) AS decimal(10,2))", sub(type))
            case "big":
                call = self.pick([
                    lambda: E.same("big", "count(*)"),
                    lambda: combine("big", f"count({distinct}{{}})", sub(self.pick(TYPES))),
                    lambda: combine("big", f"CAST(sum({distinct}{{}}) AS bigint)", sub(self.pick(["int", "big"]))),
                    # DuckDB's count_if of no rows is NULL.
                    lambda: each("big", "count_if({})", "count(CASE WHEN {} THEN 1 END)", sub("bool")),
                    lambda: combine("big", "max({})", sub("big")),
                ])()
            case "dbl":
                call = self.pick([
                    lambda: combine("dbl", f"sum({distinct}{{}})", sub("dbl")),
                    lambda: combine("dbl", f"avg({distinct}{{}})", sub(self.pick(["int", "big", "dbl"]))),
                    lambda: combine("dbl", "min({})", sub("dbl")),
                ])()
            case "bool":
                call = combine("bool", self.pick(["bool_and", "bool_or"]) + "({})", sub("bool"))
        if with_filter and self.chance(0.2):
            call = combine(type, "{} FILTER (WHERE {})", call, sub("bool"))
            if call.trino.startswith("CAST("):
                return self.aggregate(type, scope, False)
        return call

    # MARK: Windows

    def window(self, type, scope, unique):
        """A window call; `unique` orders rows totally."""
        sub = lambda t: self.expression(t, scope, 1)
        partition = [sub(self.pick(TYPES)) for _ in range(self.pick([0, 1, 1, 2]))]
        keys = [(sub(self.pick(ORDERED)), self.direction()) for _ in range(self.pick([0, 1, 1]))]
        total = [(u, self.direction()) for u in unique]

        def over(keys, frame=""):
            parts = []
            for side in ("trino", "duck"):
                text = ""
                if partition:
                    text += "PARTITION BY " + ", ".join(getattr(p, side) for p in partition)
                if keys:
                    text += " ORDER BY " + ", ".join(f"{getattr(k, side)} {d}" for k, d in keys)
                parts.append(f"OVER ({text} {frame})".replace("  ", " "))
            return parts

        choice = self.random.randrange(4)
        if choice == 0 and type == "big":
            name = self.pick(["row_number()", "rank()", "dense_rank()", f"ntile({self.random.randint(1, 4)})"])
            t, d = over(keys + total if name.startswith(("row", "ntile")) else keys or total)
            return E("big", f"{name} {t}", f"{name} {d}")
        if choice == 0 and type == "dbl":
            name = self.pick(["percent_rank()", "cume_dist()"])
            t, d = over(keys or total)
            return E("dbl", f"{name} {t}", f"{name} {d}")
        if choice <= 1:
            argument = sub(type)
            ignore = " IGNORE NULLS" if self.chance(0.4) else ""
            name = self.pick(["lag", "lead", "first_value", "last_value", "nth_value"])
            extra = ""
            if name in ("lag", "lead") and self.chance(0.6):
                extra = f", {self.random.randint(0, 3)}"
                if self.chance(0.4):
                    extra += f", {self.literal(type).trino}"
            if name == "nth_value":
                extra = f", {self.random.randint(1, 3)}"
            frame = "" if name in ("lag", "lead") else self.frame(["ROWS", "GROUPS"])
            t, d = over(keys + total, frame)
            return E(type, f"{name}({argument.trino}{extra}){ignore} {t}", f"{name}({argument.duck}{extra}{ignore}) {d}")
        call = self.aggregate(type, scope, self.chance(0.3))
        if call is None or call.trino.startswith("CAST(") or "(DISTINCT " in call.trino:
            return self.literal(type)
        if self.chance(0.3):
            key = self.expression(self.pick(["int", "big", "dec"]), scope, 0)
            frame = self.frame(["RANGE"], True)
            t, d = over([(key, self.direction())], frame)
        elif self.chance(0.5):
            t, d = over(keys + total, self.frame(["ROWS", "GROUPS", "RANGE"]))
        else:
            t, d = over(keys, self.frame(["GROUPS", "RANGE"]) if keys else "")
        return E(type, f"{call.trino} {t}", f"{call.duck} {d}")

    def direction(self):
        return self.pick(["", "DESC", "ASC NULLS FIRST", "DESC NULLS FIRST", "NULLS LAST", "DESC NULLS LAST"])

    def frame(self, units, numeric=False):
        unit = self.pick(units)
        if unit == "RANGE" and not numeric:
            return self.pick(["", "RANGE UNBOUNDED PRECEDING", "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                              "RANGE BETWEEN CURRENT ROW AND CURRENT ROW"])
        n = lambda: self.random.randint(0, 3)
        starts = ["UNBOUNDED PRECEDING", f"{n()} PRECEDING", "CURRENT ROW", f"{n()} FOLLOWING"]
        start = self.random.randrange(4)
        ends = [f"{n()} PRECEDING", "CURRENT ROW", f"{n()} FOLLOWING", "UNBOUNDED FOLLOWING"]
        allowed = {0: [0, 1, 2, 3], 1: [0, 1, 2, 3], 2: [1, 2, 3], 3: [2, 3]}[start]
        return f"{unit} BETWEEN {starts[start]} AND {ends[self.pick(allowed)]}"

    # MARK: Queries

    def query(self, depth, outer=(), types=None):
        """A query without order: any result columns, or those of `types`."""
        if depth > 0 and self.chance(0.12):
            return self.set_operation(depth, outer, types)
        if depth > 0 and self.chance(0.1):
            return self.with_query(depth, types)
        return self.select(depth, outer, types)

    def column_types(self, types):
        return types or [self.pick(TYPES) for _ in range(self.random.randint(1, 4))]

    def select(self, depth, outer, types):
        relation = self.relation(depth)
        scope = relation.columns + list(outer)
        where = self.where(scope, depth)
        is_free = types is None
        types = self.column_types(types)
        style = self.random.randrange(10)
        if style <= 2:
            return self.grouped(relation, where, types, outer, depth)
        if style == 4 and is_free and len(types) > 1:
            return self.pivoted(relation, where, types)
        if style == 3 and not outer:
            return self.windowed(relation, where, types)
        items = []
        for type in types:
            if depth > 0 and self.chance(0.08):
                items.append(self.scalar_subquery(type, scope, depth))
            else:
                items.append(self.expression(type, scope, 2))
        distinct = "DISTINCT " if self.chance(0.15) else ""
        return self.assemble(relation, where, items, types, distinct)

    def where(self, scope, depth):
        if self.chance(0.5):
            return None
        condition = self.expression("bool", scope, 2)
        if depth > 0 and self.chance(0.35):
            extra = self.subquery_predicate(scope, depth)
            condition = combine("bool", f"({{}} {self.pick(['AND', 'AND', 'OR'])} {{}})", condition, extra)
        return condition

    def assemble(self, relation, where, items, types, distinct="", tail_trino="", tail_duck=""):
        names = [f"c{i}" for i in range(len(items))]
        texts = []
        for side, tail in (("trino", tail_trino), ("duck", tail_duck)):
            select = ", ".join(f"{getattr(e, side)} AS {n}" for e, n in zip(items, names))
            text = f"SELECT {distinct}{select} FROM {getattr(relation, side)}"
            if where is not None:
                text += f" WHERE {getattr(where, side)}"
            texts.append(text + tail)
        return Query(texts[0], texts[1], [Column(n, t) for n, t in zip(names, types)])

    def grouped(self, relation, where, types, outer, depth):
        scope = relation.columns
        keys = [self.expression(self.pick(TYPES), scope, self.pick([0, 0, 1])) for _ in range(self.pick([0, 1, 1, 2, 3]))]
        keys = [k for k in keys if any(c.trino in k.trino for c in scope)]  # a constant is not a key in DuckDB's eyes
        items = []
        for type in types:
            matching = [k for k in keys if k.type == type]
            if matching and self.chance(0.5):
                items.append(self.pick(matching))
            else:
                items.append(self.aggregate(type, scope))
        tails = ["", ""]
        if keys:
            for i, side in enumerate(("trino", "duck")):
                tails[i] = " GROUP BY " + ", ".join(getattr(k, side) for k in keys)
            style = self.random.randrange(8)
            if style <= 2 and len({k.trino for k in keys}) == len(keys):
                for i, side in enumerate(("trino", "duck")):
                    texts = [getattr(k, side) for k in keys]
                    form = [f"ROLLUP ({', '.join(texts)})", f"CUBE ({', '.join(texts)})",
                            "GROUPING SETS (" + ", ".join([f"({', '.join(texts)})"] + [f"({t})" for t in texts] + ["()"]) + ")"][style]
                    tails[i] = " GROUP BY " + form
        if self.chance(0.25):
            having = combine("bool", "{} > {}", self.aggregate("big", scope), self.literal("int"))
            tails[0] += f" HAVING {having.trino}"
            tails[1] += f" HAVING {having.duck}"
        return self.assemble(relation, where, items, types, "", *tails)

    def pivoted(self, relation, where, types):
        """Aggregates that differ in the value of one column only."""
        scope = relation.columns
        key = self.expression(self.pick(ORDERED), scope, self.pick([0, 0, 1]))
        group = [self.expression(self.pick(TYPES), scope, 0) for _ in range(self.pick([0, 1, 1, 2]))]
        group = [g for g in group if any(c.trino in g.trino for c in scope)]
        items = []
        for type in types:
            value = self.literal(key.type)
            argument = self.expression(type if type != "bool" else "int", scope, 1)
            function = self.pick(["max", "min", "sum"]) if type == "dbl" else self.pick(["max", "min"])
            if type in ("big", "bool"):
                function, type = "count", "big"
            form = self.pick(["{f}({}) FILTER (WHERE {} = {})", "{f}(CASE WHEN {1} = {2} THEN {0} END)"])
            form = form.replace("{f}", function)
            form = form.replace("{}", "{0}", 1).replace("{}", "{1}", 1).replace("{}", "{2}", 1)
            items.append(combine(type, form, argument, key, value))
        tails = ["", ""]
        if group:
            tails = [" GROUP BY " + ", ".join(getattr(g, side) for g in group) for side in ("trino", "duck")]
            items.append(group[0])
        return self.assemble(relation, where, items, [i.type for i in items], "", *tails)

    def recursive(self):
        """Counts up from the rows of a table, in rounds."""
        name, limit = self.alias("w"), self.random.randint(3, 12)
        table = self.table()
        start = [self.expression("int", table.columns, 1), self.expression("str", table.columns, 0)]
        word = self.pick(["UNION", "UNION ALL"])
        # -1 is a fixed point of the third: such rows would come round after round.
        step = self.pick(["n + 1", "n + 2", "n * 2 + CASE n WHEN -1 THEN -1 ELSE 1 END", "abs(n) + 3"])
        query = (f"WITH RECURSIVE {name}(n, s) AS (SELECT {start[0].trino}, {start[1].trino} FROM {table.trino} {word} "
                 f"SELECT {step}, s FROM {name} WHERE n < {limit} AND n > -50) ")
        duck = query.replace(start[0].trino, start[0].duck).replace(start[1].trino, start[1].duck)
        saved = self.tables
        self.tables = {name: [Column("n", "int"), Column("s", "str")], **{t: c for t, c in saved.items() if t == "t0"}}
        body = self.select(1, (), None)
        self.tables = saved
        return Query(query + body.trino, duck + body.duck, body.columns)

    def windowed(self, relation, where, types):
        unique = [c for c in relation.columns if c.trino.endswith(".k")]
        # Every relation of FROM must give a total order; only the plain tables have a unique column.
        aliases = {c.trino.split(".")[0] for c in relation.columns}
        if len(unique) != len(aliases):
            relation = self.table()
            where = None
            unique = [c for c in relation.columns if c.trino.endswith(".k")]
        items = [self.window(t, relation.columns, unique) if unique and self.chance(0.7) else self.expression(t, relation.columns, 1)
                 for t in types]
        return self.assemble(relation, where, items, types)

    def set_operation(self, depth, outer, types):
        types = self.column_types(types)
        left = self.select(depth - 1, outer, types)
        right = self.select(depth - 1, outer, types)
        word = self.pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])
        return Query(f"({left.trino}) {word} ({right.trino})", f"({left.duck}) {word} ({right.duck})", left.columns)

    def with_query(self, depth, types):
        inner = self.query(depth - 1)
        name = self.alias("w")
        saved = self.tables
        self.tables = {**saved, name: inner.columns}
        body = self.select(depth - 1, (), types)
        self.tables = saved
        return Query(f"WITH {name} AS ({inner.trino}) {body.trino}", f"WITH {name} AS ({inner.duck}) {body.duck}", body.columns)

    def top(self):
        """A whole statement, at times with ORDER BY over every column and a limit."""
        query = self.recursive() if self.chance(0.05) else self.query(self.pick([0, 1, 1, 2]))
        if self.chance(0.4):
            keys = [f"{i + 1} {self.direction()}" for i in range(len(query.columns))]
            self.random.shuffle(keys)
            tail = " ORDER BY " + ", ".join(keys)
            if self.chance(0.6):
                if self.chance(0.4):
                    tail += f" OFFSET {self.random.randint(0, 5)}"
                tail += f" LIMIT {self.random.randint(0, 12)}"
            wrapped = "SELECT * FROM ({}) AS final"
            return Query(wrapped.format(query.trino) + tail, wrapped.format(query.duck) + tail, query.columns, True)
        return query

    def partitioned(self):
        """A statement over some relation, and the same over its rows in three parts: where a condition holds, where it does not, and where
        it is unknown. Together the parts are the whole, whatever the condition is: no other engine has to agree what it means."""
        relation = self.relation(self.pick([0, 1, 1, 2]))
        scope = relation.columns
        depth = self.pick([0, 1, 2])
        condition = self.expression("bool", scope, 3)
        if depth > 0 and self.chance(0.3):
            condition = combine("bool", f"({{}} {self.pick(['AND', 'OR'])} {{}})", condition, self.subquery_predicate(scope, depth))
        names = [f"c{i}" for i in range(self.random.randint(1, 4))]
        items = ", ".join(f"{self.expression(self.pick(TYPES), scope, 2).trino} AS {name}" for name in names)
        rows = f"SELECT {items} FROM {relation.trino}"
        parts = " UNION ALL ".join(
            f"{rows} WHERE {form.format(condition.trino)}" for form in ("({})", "NOT ({})", "({}) IS NULL"))
        # Sums over the rows that do not depend on their order: joins may have many.
        sums = ", ".join(["count(*) AS n", f"checksum(ROW({', '.join(names)})) AS rows"] + [f"checksum({name}) AS s_{name}" for name in names])
        return f"SELECT {sums} FROM ({rows}) AS whole", f"SELECT {sums} FROM ({parts}) AS parts"

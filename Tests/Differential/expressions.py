"""Random scalar expressions, each in two spellings: Frazil's (Trino's rules) and DuckDB's."""

import random
from dataclasses import dataclass

NUMERIC = ("int", "big", "dec", "dbl")
TYPES = ("int", "big", "dec", "dbl", "str", "date", "ts", "bool")
ORDERED = ("int", "big", "dec", "dbl", "str", "date", "ts")


@dataclass(frozen=True)
class E:
    """An expression: its type and its two spellings."""

    type: str
    trino: str
    duck: str

    @staticmethod
    def same(type, text):
        return E(type, text, text)


def combine(type, template, *parts):
    """One template for both engines; `{}` stands for the parts in order."""
    return E(type, template.format(*[p.trino for p in parts]), template.format(*[p.duck for p in parts]))


def each(type, trino, duck, *parts):
    return E(type, trino.format(*[p.trino for p in parts]), duck.format(*[p.duck for p in parts]))


class ExpressionGenerator:
    """Chance, and expressions over the columns of a scope."""

    def __init__(self, seed, tables):
        self.random = random.Random(seed)
        self.tables = tables  # name -> list of Column
        self.alias_count = 0

    # MARK: Chance

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, items):
        return self.random.choice(list(items))

    def alias(self, prefix="r"):
        self.alias_count += 1
        return f"{prefix}{self.alias_count}"

    # MARK: Scalars

    def literal(self, type):
        if self.chance(0.08):
            return E.same(type, f"CAST(NULL AS {SQL_TYPE[type]})")
        r = self.random
        match type:
            case "int":
                return E.same(type, str(r.randint(-3, 9)))
            case "big":
                return E.same(type, f"BIGINT '{r.randint(-3, 9)}'" if self.chance(0.5) else f"CAST({r.randint(0, 9)} AS bigint)")
            case "dec":
                return E.same(type, f"CAST('{r.randint(-40, 90) / 10:.2f}' AS decimal(10,2))")
            case "dbl":
                return E.same(type, f"CAST('{r.randint(-12, 30) / 4}' AS double)")
            case "str":
                return E.same(type, "'" + self.pick(["", "a", "b", "ab", "abc", "B", "x", "ä", "long enough not to be inline"]) + "'")
            case "date":
                return E.same(type, f"DATE '2024-0{r.randint(1, 3)}-{r.randint(1, 28):02}'")
            case "ts":
                return E.same(type, f"TIMESTAMP '2024-01-0{r.randint(1, 9)} {r.randint(0, 23):02}:00:00'")
            case "bool":
                return E.same(type, self.pick(["TRUE", "FALSE"]))

    def expression(self, type, scope, depth):
        """An expression of a type over the columns of a scope (a list of E)."""
        columns = [c for c in scope if c.type == type]
        if depth <= 0 or self.chance(0.25):
            if columns and self.chance(0.85):
                return self.pick(columns)
            return self.literal(type)
        sub = lambda t: self.expression(t, scope, depth - 1)
        if self.chance(0.25):
            return self.conditional(type, scope, depth)
        match type:
            case "bool":
                return self.predicate(scope, depth)
            case "int" | "big" | "dec" | "dbl":
                return self.arithmetic(type, sub)
            case "str":
                choice = self.random.randrange(5)
                if choice == 0:
                    return combine("str", "({} || {})", sub("str"), sub("str"))
                if choice == 1:
                    return combine("str", self.pick(["upper({})", "lower({})", "trim({})", "reverse({})"]), sub("str"))
                if choice == 2:
                    return combine("str", f"substr({{}}, {self.random.randint(1, 3)}, {self.random.randint(0, 3)})", sub("str"))
                if choice == 3:
                    return combine("str", "CAST({} AS varchar)", sub("int"))
                return combine("str", "replace({}, 'a', 'zz')", sub("str"))
            case "date":
                days = self.random.randint(-40, 40)
                if self.chance(0.5):
                    return each("date", f"date_add('day', {days}, {{}})", f"CAST({{}} + INTERVAL ({days}) DAY AS date)", sub("date"))
                return each("date", "date_trunc('month', {})", "CAST(date_trunc('month', {}) AS date)", sub("date"))
            case "ts":
                if self.chance(0.5):
                    return combine("ts", "CAST({} AS timestamp)", sub("date"))
                # DuckDB 1.5.5 takes NULL for different in date_trunc('day', x) <> a moment within a day; the COALESCE hides that it could.
                return each("ts", "date_trunc('day', {})", "COALESCE(date_trunc('day', {}), NULL)", sub("ts")) if self.chance(0.5) else combine(
                    "ts", "({} + INTERVAL '3' HOUR)", sub("ts"))

    def arithmetic(self, type, sub):
        choice = self.random.randrange(6)
        if choice <= 2:
            inner = combine(type, f"({{}} {self.pick('+-')} {{}})", sub(type), sub(type))
            return combine(type, f"CAST({{}} AS {SQL_TYPE[type]})", inner) if type == "dec" else inner
        if choice == 3:
            if type in ("int", "big"):
                return combine(type, "({} % 7 * {})", sub(type), E.same(type, str(self.random.randint(-3, 3))))
            return combine(type, "abs({})", sub(type))
        if choice == 4:
            if type in ("int", "big"):
                divisor = self.random.randint(2, 5)
                return each(type, f"({{}} / {divisor})", f"({{}} // {divisor})", sub(type))
            return combine(type, "(- {})", sub(type))
        if type == "big":
            return self.pick([
                lambda: combine("big", "length({})", sub("str")),
                lambda: each("big", "year({})", "year({})", sub("date")),
                lambda: combine("big", "CAST({} AS bigint)", sub("int")),
                lambda: combine("big", "day({})", sub("ts")),
            ])()
        if type == "dbl":
            return combine("dbl", "CAST({} AS double)", sub(self.pick(["int", "dec"])))
        if type == "dec":
            return combine("dec", "CAST({} AS decimal(10,2))", sub("int"))
        return combine("int", "COALESCE({}, 3)", sub("int"))

    def conditional(self, type, scope, depth):
        sub = lambda t: self.expression(t, scope, depth - 1)
        choice = self.random.randrange(4)
        if choice == 0:
            return combine(type, "CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END",
                           sub("bool"), sub(type), sub("bool"), sub(type), sub(type))
        if choice == 1:
            key = self.pick(["int", "str"])
            return combine(type, "CASE {} WHEN {} THEN {} WHEN {} THEN {} END",
                           sub(key), self.literal(key), sub(type), self.literal(key), sub(type))
        if choice == 2:
            return combine(type, "COALESCE({}, {})", sub(type), sub(type))
        return combine(type, "NULLIF({}, {})", sub(type), sub(type))

    def predicate(self, scope, depth):
        sub = lambda t: self.expression(t, scope, depth - 1)
        choice = self.random.randrange(12)
        type = self.pick(ORDERED)
        if choice <= 3:
            return combine("bool", f"({{}} {self.pick(['=', '<>', '<', '<=', '>', '>='])} {{}})", sub(type), sub(type))
        if choice == 4:
            return combine("bool", f"({{}} {self.pick(['=', '<', '>='])} {{}})", sub(self.pick(NUMERIC)), sub(self.pick(NUMERIC)))
        if choice == 5:
            return combine("bool", f"({{}} {self.pick(['AND', 'OR'])} {{}})", sub("bool"), sub("bool"))
        if choice == 6:
            return combine("bool", "(NOT {})", sub("bool"))
        if choice == 7:
            return combine("bool", f"({{}} IS {self.pick(['', 'NOT '])}NULL)", sub(self.pick(TYPES)))
        if choice == 8:
            return combine("bool", f"({{}} IS {self.pick(['', 'NOT '])}DISTINCT FROM {{}})", sub(type), sub(type))
        if choice == 9:
            items = [self.literal(type) for _ in range(self.random.randint(1, 4))]
            return combine("bool", f"({{}} {self.pick(['IN', 'NOT IN'])} (" + ", ".join("{}" for _ in items) + "))", sub(type), *items)
        if choice == 10:
            return combine("bool", f"({{}} {self.pick(['', 'NOT '])}BETWEEN {{}} AND {{}})", sub(type), sub(type), sub(type))
        pattern = self.pick(["a%", "%b", "%a%", "_", "a_c", "%", ""])
        return combine("bool", f"({{}} {self.pick(['', 'NOT '])}LIKE '{pattern}')", sub("str"))


SQL_TYPE = {
    "int": "integer", "big": "bigint", "dec": "decimal(10,2)", "dbl": "double", "str": "varchar", "date": "date",
    "ts": "timestamp", "bool": "boolean",
}

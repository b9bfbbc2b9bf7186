"""What the servers that stand for other engines run their statements with: DuckDB, and its types and errors in Trino's words."""

import re
import threading

import duckdb

SIMPLE = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint", "HUGEINT": "decimal(38,0)",
    "FLOAT": "real", "DOUBLE": "double", "VARCHAR": "varchar", "BLOB": "varbinary", "DATE": "date", "TIME": "time(6)", "UUID": "uuid",
    "TIMESTAMP": "timestamp(6)", "TIMESTAMP WITH TIME ZONE": "timestamp(6) with time zone", "JSON": "json", '"NULL"': "unknown"}


def signature(kind):
    """A DuckDB type as Trino writes it."""
    text = str(kind)
    if kind.id == "list":
        return f"array({signature(kind.children[0][1])})"
    if kind.id == "map":
        return f"map({signature(kind.children[0][1])}, {signature(kind.children[1][1])})"
    if kind.id == "struct":
        return "row(" + ", ".join(f"{name} {signature(child)}" for name, child in kind.children) + ")"
    if kind.id == "decimal":
        return text.lower()
    return SIMPLE.get(text, "varchar")


class Failed(Exception):
    """A statement that failed, in Trino's words: an error's name, and a message that begins with its place."""

    def __init__(self, name, message):
        super().__init__(message)
        self.name, self.message = name, message


def place(statement, text):
    """`LINE 2: ...` and the caret below, as `line 2:8: `."""
    found = re.search(r"LINE (\d+): (.*)\n( *)\^", text)
    if not found:
        return ""
    line, shown, indent = int(found.group(1)), found.group(2), len(found.group(3)) - len(f"LINE {found.group(1)}: ")
    column = statement.split("\n")[line - 1].find(shown.removeprefix("...").removesuffix("...")) + 1 + indent - (3 if shown.startswith("...") else 0)
    return f"line {line}:{max(column, 1)}: "


class Engine:
    """One database in memory; statements run one at a time."""

    def __init__(self):
        self.connection = duckdb.connect(":memory:")
        self.connection.execute("SET TimeZone = 'UTC'")
        self.lock = threading.Lock()

    def run(self, statement, schema, parameters=()):
        """Columns as (name, signature), rows, and how many rows were changed, or None."""
        with self.lock:
            self.connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"; SET schema = "{schema}"')
            try:
                relation = self.connection.execute(statement, list(parameters))
            except duckdb.ParserException as error:
                raise Failed("SYNTAX_ERROR", place(statement, str(error)) + "mismatched input") from error
            except duckdb.BinderException as error:
                raise Failed("COLUMN_NOT_FOUND", place(statement, str(error)) + str(error).splitlines()[0]) from error
            except duckdb.CatalogException as error:
                raise Failed("TABLE_NOT_FOUND", place(statement, str(error)) + str(error).splitlines()[0]) from error
            except duckdb.Error as error:
                raise Failed("GENERIC_USER_ERROR", str(error).splitlines()[0]) from error
            columns = [(entry[0], signature(entry[1])) for entry in relation.description or []]
            rows = relation.fetchall() if columns else []
            if re.match(r"\s*(INSERT|DELETE|UPDATE|MERGE|CREATE\s+TABLE\s+\S+\s+AS)", statement, re.IGNORECASE):
                return [], [], rows[0][0] if rows else 0
            if re.match(r"\s*(CREATE|DROP|ALTER)", statement, re.IGNORECASE):
                return [], [], None
            return columns, rows, None

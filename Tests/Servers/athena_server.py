"""Athena's API on a free loopback port, for tests: statements run in DuckDB, results come as Athena's documentation says they do.

    python athena_server.py

Prints `listening on PORT` once it answers, and runs until its standard input ends. moto's Athena gives back what it was told to; this one runs
statements: states go QUEUED, RUNNING, SUCCEEDED, FAILED or CANCELLED, the first row of a query's result holds the names of its columns, pages
have 1,000 rows, a client request token is known again, text that is no statement is refused by StartQueryExecution. A statement that
contains `/* hold */` runs until it is stopped. Needs DuckDB.

    GET /__executions   every execution: id, query, database, catalog, workgroup, output, token, state
"""

import http.server
import json
import threading
import time
import uuid

from duckdb_statements import Engine, Failed
from loopback import serve

ENGINE = Engine()
LOCK = threading.Lock()
EXECUTIONS, TOKENS = {}, {}
PAGE = 1000
# Types as ColumnInfo names them, with precision and scale.
COLUMN_TYPES = {
    "boolean": ("boolean", 0, 0), "tinyint": ("tinyint", 3, 0), "smallint": ("smallint", 5, 0), "integer": ("integer", 10, 0), "bigint": ("bigint", 19, 0),
    "real": ("float", 17, 0), "double": ("double", 17, 0), "varchar": ("varchar", 2147483647, 0), "date": ("date", 0, 0), "time(6)": ("time", 3, 0),
    "timestamp(6)": ("timestamp", 3, 0), "timestamp(6) with time zone": ("timestamp with time zone", 3, 0), "varbinary": ("varbinary", 1073741824, 0)}


class Refused(Exception):
    def __init__(self, message, code="INVALID_INPUT"):
        super().__init__(message)
        self.answer = {"__type": "InvalidRequestException", "Message": message, "AthenaErrorCode": code}


def column_info(name, kind):
    if kind.startswith("decimal("):
        precision, scale = map(int, kind[8:-1].split(","))
        kind, found = "decimal", ("decimal", precision, scale)
    else:
        found = COLUMN_TYPES.get(kind) or (kind.split("(")[0], 0, 0)
    return {"CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": name, "Label": name, "Type": found[0], "Precision": found[1],
            "Scale": found[2], "Nullable": "UNKNOWN", "CaseSensitive": found[0] == "varchar"}


def text(value):
    """A value as Athena writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex(" ")
    if isinstance(value, float):
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(text, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(key)}={text(item)}" for key, item in value.items()) + "}"
    if hasattr(value, "hour"):
        zone = " UTC" if getattr(value, "tzinfo", None) else ""
        value = value.replace(tzinfo=None)
        return (value.isoformat(sep=" ", timespec="microseconds") if hasattr(value, "year") else value.isoformat(timespec="microseconds")) + zone
    return str(value)


def datum(value):
    return {} if value is None else {"VarCharValue": text(value)}


class Execution:
    def __init__(self, request):
        self.id = str(uuid.uuid4())
        self.query = request["QueryString"]
        context = request.get("QueryExecutionContext", {})
        self.database, self.catalog = context.get("Database", "default"), context.get("Catalog", "AwsDataCatalog")
        self.workgroup, self.output = request.get("WorkGroup", "primary"), request.get("ResultConfiguration", {}).get("OutputLocation")
        self.token = request["ClientRequestToken"]
        self.state, self.reason, self.asked = "QUEUED", None, 0
        self.stopped = threading.Event()
        self.columns, self.rows, self.count, self.scanned = [], [], None, 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        self.state = "RUNNING"
        if "/* hold */" in self.query:
            self.stopped.wait()
            self.state, self.reason = "CANCELLED", "Query cancelled by user"
            return
        try:
            columns, rows, self.count = ENGINE.run(self.query, self.database)
            self.columns = [column_info(*column) for column in columns]
            self.rows = ([[{"VarCharValue": name} for name, _ in columns]] if columns else []) + [[datum(value) for value in row] for row in rows]
            self.scanned = sum(len(value.get("VarCharValue", "")) for row in self.rows[1:] for value in row)
            self.state = "SUCCEEDED"
        except Failed as failure:
            self.state, self.reason = "FAILED", f"{failure.name}: {failure.message}"

    def described(self):
        status = {"State": self.state, "SubmissionDateTime": time.time()}
        if self.reason:
            status["StateChangeReason"] = self.reason
            status["AthenaError"] = {"ErrorCategory": 2, "ErrorType": 1001, "Retryable": False, "ErrorMessage": self.reason}
        kind = self.query.split(None, 1)[0].upper()
        kind = "CREATE_TABLE_AS_SELECT" if kind == "CREATE" and self.count is not None else "SELECT" if kind in ("WITH", "VALUES") else kind
        return {"QueryExecution": {"QueryExecutionId": self.id, "Query": self.query, "StatementType": "DML", "SubstatementType": kind, "Status": status,
                                   "Statistics": {"DataScannedInBytes": self.scanned}, "WorkGroup": self.workgroup}}


def start(request):
    token = request.get("ClientRequestToken", "")
    if len(token) < 32 or len(token) > 128:
        raise Refused("ClientRequestToken has 32 to 128 characters")
    if token in TOKENS:
        known = EXECUTIONS[TOKENS[token]]
        if known.query != request["QueryString"]:
            raise Refused("Idempotent parameters do not match")
        return {"QueryExecutionId": known.id}
    if request["QueryString"].lstrip().upper().startswith("REFUSE"):
        raise Refused("line 1:1: mismatched input 'REFUSE'. Expecting: 'ALTER', 'SELECT'", "MALFORMED_QUERY")
    if request.get("WorkGroup") == "missing":
        raise Refused("WorkGroup missing is not found.")
    execution = Execution(request)
    EXECUTIONS[execution.id], TOKENS[token] = execution, execution.id
    return {"QueryExecutionId": execution.id}


def found(request):
    execution = EXECUTIONS.get(request["QueryExecutionId"])
    if execution is None:
        raise Refused(f"QueryExecution {request['QueryExecutionId']} was not found")
    return execution


def stop(request):
    found(request).stopped.set()
    return {}


def results(request):
    execution = found(request)
    if execution.state != "SUCCEEDED":
        raise Refused(f"Query has not yet finished. Current state: {execution.state}")
    start_row = int(request.get("NextToken") or 0)
    rows = [{"Data": row} for row in execution.rows[start_row : start_row + PAGE]]
    answer = {"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": execution.columns}}, "UpdateCount": execution.count or 0}
    if start_row + PAGE < len(execution.rows):
        answer["NextToken"] = str(start_row + PAGE)
    return answer


OPERATIONS = {"StartQueryExecution": start, "GetQueryExecution": lambda request: found(request).described(), "StopQueryExecution": stop, "GetQueryResults": results}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        keys = ("id", "query", "database", "catalog", "workgroup", "output", "token", "state")
        with LOCK:
            self.answer(200, [{key: getattr(execution, key) for key in keys} for execution in EXECUTIONS.values()])

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        operation = self.headers.get("X-Amz-Target", "").removeprefix("AmazonAthena.")
        if not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            self.answer(400, {"__type": "MissingAuthenticationTokenException", "Message": "Missing Authentication Token"})
            return
        try:
            with LOCK:
                content = OPERATIONS[operation](body)
            self.answer(200, content)
        except Refused as refused:
            self.answer(400, refused.answer)


if __name__ == "__main__":
    serve(Handler)

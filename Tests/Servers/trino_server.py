"""A Trino coordinator's statement protocol on a free loopback port, for tests: statements run in DuckDB.

    python trino_server.py

Prints `listening on PORT` once it answers, and runs until its standard input ends. Answers come in steps: first queued without columns, then pages of
three rows, each under a nextUri of its own that can be asked for again. USE, SET and RESET SESSION, transactions, PREPARE and DEALLOCATE answer with
their headers; EXECUTE takes the prepared text from the request's. A statement that contains `/* hold */` runs until it is deleted. Needs DuckDB.

    GET /__log          every request: method, path, headers X-Trino-*, body
    PUT /__unavailable  the next requests, as many as the body says, are answered 503
"""

import base64
import http.server
import json
import re
import threading
import urllib.parse

from duckdb_statements import Engine, Failed
from loopback import serve

ENGINE = Engine()
LOCK = threading.Lock()
QUERIES, LOG = {}, []
PAGE = 3
unavailable = 0


def plain(value):
    """A value as the protocol writes it."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "hour"):
        zone = " UTC" if getattr(value, "tzinfo", None) else ""
        value = value.replace(tzinfo=None)
        return (value.isoformat(sep=" ", timespec="microseconds") if hasattr(value, "year") else value.isoformat(timespec="microseconds")) + zone
    return str(value)


def nested(value, kind):
    if value is None:
        return None
    if kind.startswith("array("):
        return [nested(item, kind[6:-1]) for item in value]
    if kind.startswith("map("):
        return {str(key): plain(item) for key, item in value.items()}
    if kind.startswith("row("):
        return [plain(item) for item in value.values()]
    return plain(value)


class Query:
    def __init__(self, statement, headers):
        self.id = f"20260131_120000_{len(QUERIES):05}_abcde"
        self.statement, self.headers, self.error, self.deleted = statement, headers, None, False
        self.columns, self.rows, self.count, self.update, self.changes = [], [], None, None, []
        self.isHeld = "/* hold */" in statement
        if not self.isHeld:
            self.run()

    def run(self):
        statement, schema, parameters = self.statement, self.headers.get("X-Trino-Schema", "default"), ()
        if match := re.fullmatch(r"USE (?:(\w+)\.)?(\w+)", statement):
            self.update = "USE"
            self.changes = ([("X-Trino-Set-Catalog", match[1])] if match[1] else []) + [("X-Trino-Set-Schema", match[2])]
            return
        if match := re.fullmatch(r"SET SESSION (\w+) = (.*)", statement):
            self.update, self.changes = "SET SESSION", [("X-Trino-Set-Session", f"{match[1]}={urllib.parse.quote(match[2])}")]
            return
        if match := re.fullmatch(r"RESET SESSION (\w+)", statement):
            self.update, self.changes = "RESET SESSION", [("X-Trino-Clear-Session", match[1])]
            return
        if statement == "START TRANSACTION":
            self.update, self.changes = "START TRANSACTION", [("X-Trino-Started-Transaction-Id", "transaction-1")]
            return
        if statement in ("COMMIT", "ROLLBACK"):
            self.update, self.changes = statement, [("X-Trino-Clear-Transaction-Id", "true")]
            return
        if match := re.fullmatch(r"PREPARE (\w+) FROM (.*)", statement, re.DOTALL):
            self.update, self.changes = "PREPARE", [("X-Trino-Added-Prepare", f"{match[1]}={urllib.parse.quote_plus(match[2])}")]
            return
        if match := re.fullmatch(r"DEALLOCATE PREPARE (\w+)", statement):
            self.update, self.changes = "DEALLOCATE", [("X-Trino-Deallocated-Prepare", match[1])]
            return
        if match := re.fullmatch(r"EXECUTE (\w+)(?: USING (.*))?", statement):
            prepared = dict(pair.split("=", 1) for pair in self.headers.get("X-Trino-Prepared-Statement", "").split(",") if pair)
            if match[1] not in prepared:
                self.error = Failed("NOT_FOUND", f"Prepared statement not found: {match[1]}")
                return
            statement = urllib.parse.unquote_plus(prepared[match[1]])
            parameters = [int(text) for text in (match[2] or "").split(",") if text]
        try:
            self.columns, self.rows, self.count = ENGINE.run(statement, schema, parameters)
            self.update = statement.split()[0].upper() if not self.columns else None
        except Failed as failure:
            self.error = failure

    def answer(self, base, step):
        """What `nextUri` number `step` gives; the POST is step 0."""
        content = {"id": self.id, "infoUri": f"{base}/ui/query.html?{self.id}", "warnings": [], "stats": {
            "state": "QUEUED" if step == 0 else "RUNNING", "queued": step == 0, "completedSplits": step, "totalSplits": 4,
            "processedRows": min(len(self.rows), step * PAGE), "processedBytes": 100 * step, "physicalInputBytes": 1_000 * step}}
        following = f"{base}/v1/statement/executing/{self.id}/slug/{step + 1}"
        if self.deleted:
            content["error"] = {"message": "Query was canceled", "errorCode": 12, "errorName": "USER_CANCELED", "errorType": "USER_ERROR"}
        elif step == 0 or self.isHeld:
            content["nextUri"] = following
        elif self.error:
            content["stats"]["state"] = "FAILED"
            content["error"] = {"message": self.error.message, "errorCode": 1, "errorName": self.error.name, "errorType": "USER_ERROR"}
            if match := re.match(r"line (\d+):(\d+): ", self.error.message):
                content["error"]["errorLocation"] = {"lineNumber": int(match[1]), "columnNumber": int(match[2])}
        else:
            if self.columns:
                content["columns"] = [{"name": name, "type": kind, "typeSignature": {"rawType": kind.split("(")[0], "arguments": []}} for name, kind in self.columns]
            page = self.rows[(step - 1) * PAGE : step * PAGE]
            if page:
                content["data"] = [[nested(value, kind) for value, (_, kind) in zip(row, self.columns)] for row in page]
            if step * PAGE < len(self.rows):
                content["nextUri"] = following
            else:
                content["stats"]["state"] = "FINISHED"
                if self.update:
                    content["updateType"] = self.update
                if self.count is not None:
                    content["updateCount"] = self.count
        return content


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, status, content=None, headers=()):
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        global unavailable
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        base = f"http://{self.headers['Host']}"
        if self.path == "/__log":
            return self.send(200, LOG)
        with LOCK:
            if self.path == "/__unavailable":
                unavailable = int(body)
                return self.send(200, {})
            headers = {}
            for name, value in self.headers.items():
                if name.startswith("X-Trino-"):
                    headers[name] = f"{headers[name]},{value}" if name in headers else value
            LOG.append({"method": self.command, "path": self.path, "headers": headers, "body": body})
            if unavailable > 0:
                unavailable -= 1
                return self.send(503, None, [("Retry-After", "0")])
            if self.command == "POST" and self.path == "/v1/statement":
                query = Query(body, headers)
                QUERIES[query.id] = query
                return self.send(200, query.answer(base, 0))
            match = re.fullmatch(r"/v1/statement/executing/(\w+)/slug/(\d+)", self.path)
            if not match or match[1] not in QUERIES:
                return self.send(404, {"message": "no such query"})
            query = QUERIES[match[1]]
            if self.command == "DELETE":
                query.deleted = True
                return self.send(204)
            self.send(200, query.answer(base, int(match[2])), query.changes)

    do_GET = do_POST = do_PUT = do_DELETE = serve


if __name__ == "__main__":
    serve(Handler)

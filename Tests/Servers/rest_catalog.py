"""An Iceberg REST catalog on loopback over PyIceberg's SQLite catalog, for tests and benchmarks.

    python rest_catalog.py FOLDER PORT      port 0 takes a free one

Tables live below FOLDER/warehouse, the catalog in FOLDER/catalog.db. It prints `listening on PORT` once it answers, and keeps no state of its
own. One request is served at a time, so commits are atomic.
"""
import http.server
import json
import pathlib
import re
import sys
import threading
import traceback
import urllib.parse

import pyiceberg.exceptions as errors
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder

# Status and error type of the REST specification for what PyIceberg throws; the first that fits counts.
FAILURES = [
    (errors.NoSuchTableError, 404, "NoSuchTableException"),
    (errors.NoSuchNamespaceError, 404, "NoSuchNamespaceException"),
    (errors.TableAlreadyExistsError, 409, "AlreadyExistsException"),
    (errors.NamespaceAlreadyExistsError, 409, "AlreadyExistsException"),
    (errors.NamespaceNotEmptyError, 409, "NamespaceNotEmptyException"),
    (errors.CommitFailedException, 409, "CommitFailedException"),
]


def loaded(table):
    """A LoadTableResult."""
    return {"metadata-location": table.metadata_location, "metadata": json.loads(table.metadata.model_dump_json()), "config": {}}


class Service:
    """What the routes do; every method returns the body of the answer, None for an empty one."""

    def __init__(self, folder):
        self.catalog = SqlCatalog("rest", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")

    def config(self, body):
        return {"defaults": {}, "overrides": {}}

    def namespaces(self, body):
        return {"namespaces": [list(name) for name in self.catalog.list_namespaces()]}

    def create_namespace(self, body):
        self.catalog.create_namespace(tuple(body["namespace"]), body.get("properties") or {})
        return {"namespace": body["namespace"], "properties": body.get("properties") or {}}

    def namespace(self, body, space):
        return {"namespace": [space], "properties": dict(self.catalog.load_namespace_properties(space))}

    def drop_namespace(self, body, space):
        self.catalog.drop_namespace(space)

    def tables(self, body, space):
        return {"identifiers": [{"namespace": list(name[:-1]), "name": name[-1]} for name in self.catalog.list_tables(space)]}

    def views(self, body, space):
        return {"identifiers": []}

    def view(self, body, space, name):
        raise errors.NoSuchTableError(f"there are no views here: {space}.{name}")

    def create_table(self, body, space):
        spec = PartitionSpec.model_validate(body["partition-spec"]) if body.get("partition-spec") else UNPARTITIONED_PARTITION_SPEC
        order = SortOrder.model_validate(body["write-order"]) if body.get("write-order") else UNSORTED_SORT_ORDER
        arguments = ((space, body["name"]), Schema.model_validate(body["schema"]), body.get("location"), spec, order,
                     body.get("properties") or {})
        if body.get("stage-create"):
            table = self.catalog._create_staged_table(*arguments)
        else:
            table = self.catalog.create_table(*arguments)
        self.make_folders(table.metadata.location)
        return loaded(table)

    def make_folders(self, location):
        """Object stores have no folders, but this one is a disk, and not every client makes them."""
        root = pathlib.Path(urllib.parse.urlparse(location).path)
        for name in ("data", "metadata"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def table(self, body, space, name):
        return loaded(self.catalog.load_table((space, name)))

    def drop_table(self, body, space, name):
        self.catalog.drop_table((space, name))

    def rename(self, body):
        def identifier(side):
            return (*body[side]["namespace"], body[side]["name"])

        self.catalog.rename_table(identifier("source"), identifier("destination"))

    def commit(self, body, space, name):
        request = CommitTableRequest.model_validate({
            "identifier": {"namespace": [space], "name": name},
            "requirements": body.get("requirements", []), "updates": body.get("updates", [])})
        if any(requirement.type == "assert-create" for requirement in request.requirements):
            return loaded(self.finish_creation(space, name, request.updates))
        # Facts of the table that clients repeat, and that PyIceberg would refuse to change.
        updates = tuple(update for update in request.updates if update.action not in ("assign-uuid", "upgrade-format-version"))
        self.catalog.commit_table(self.catalog.load_table((space, name)), tuple(request.requirements), updates)
        return loaded(self.catalog.load_table((space, name)))

    def finish_creation(self, space, name, updates):
        """A table that was staged: it is made of its updates, and its first snapshot committed."""
        known = {update.action: update for update in updates}
        properties = {}
        for update in updates:
            if update.action == "set-properties":
                properties |= update.updates
        table = self.catalog.create_table(
            (space, name), known["add-schema"].schema_, known["set-location"].location if "set-location" in known else None,
            known["add-spec"].spec if "add-spec" in known else UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, properties)
        snapshots = tuple(update for update in updates if update.action in ("add-snapshot", "set-snapshot-ref"))
        if snapshots:
            self.catalog.commit_table(table, (), snapshots)
        return self.catalog.load_table((space, name))

    def commit_all(self, body):
        for change in body["table-changes"]:
            self.commit(change, change["identifier"]["namespace"][0], change["identifier"]["name"])

    def report_metrics(self, body, space, name):
        return None


SPACE, TABLE = r"/namespaces/([^/]+)", r"/namespaces/([^/]+)/tables/([^/]+)"
ROUTES = [(method, re.compile(pattern + "$"), action) for method, pattern, action in [
    ("GET", "/config", Service.config),
    ("GET", "/namespaces", Service.namespaces),
    ("POST", "/namespaces", Service.create_namespace),
    ("GET", SPACE, Service.namespace),
    ("HEAD", SPACE, Service.namespace),
    ("DELETE", SPACE, Service.drop_namespace),
    ("GET", SPACE + "/views", Service.views),
    ("GET", SPACE + "/views/([^/]+)", Service.view),
    ("HEAD", SPACE + "/views/([^/]+)", Service.view),
    ("GET", SPACE + "/tables", Service.tables),
    ("POST", SPACE + "/tables", Service.create_table),
    ("GET", TABLE, Service.table),
    ("HEAD", TABLE, Service.table),
    ("POST", TABLE, Service.commit),
    ("DELETE", TABLE, Service.drop_table),
    ("POST", TABLE + "/metrics", Service.report_metrics),
    ("POST", "/tables/rename", Service.rename),
    ("POST", "/transactions/commit", Service.commit_all),
]]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def log_message(self, *arguments):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        path = urllib.parse.urlparse(self.path).path
        for method, pattern, action in ROUTES:
            found = pattern.match(path.removeprefix("/v1"))
            if method == self.command and found:
                names = [urllib.parse.unquote(name) for name in found.groups()]
                try:
                    with self.lock:
                        result = action(self.server.service, body, *names)
                    return self.reply(204 if result is None or method == "HEAD" else 200, result)
                except Exception as error:
                    return self.fail(error)
        self.reply(404, {"error": {"message": f"no route for {self.command} {path}", "type": "NotFound", "code": 404}})

    def fail(self, error):
        for kind, status, name in FAILURES:
            if isinstance(error, kind):
                return self.reply(status, {"error": {"message": str(error), "type": name, "code": status}})
        traceback.print_exc()
        self.reply(400, {"error": {"message": f"{type(error).__name__}: {error}", "type": "BadRequestException", "code": 400}})

    def reply(self, status, body):
        content = b"" if status == 204 or self.command == "HEAD" else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_HEAD = do_DELETE = answer


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    server.service = Service(folder)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

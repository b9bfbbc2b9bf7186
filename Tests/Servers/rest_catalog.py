"""An Iceberg REST catalog on loopback over PyIceberg's SQLite catalog, for tests and benchmarks.

    python rest_catalog.py FOLDER PORT [OPTIONS]      port 0 takes a free one

Tables live below FOLDER/warehouse, the catalog in FOLDER/catalog.db, views in FOLDER/views.json. It prints `listening on PORT` once it answers.
One request is served at a time, so commits are atomic. OPTIONS are a JSON object:

    warehouse      where tables go instead; {name} in it is what a client asked for as `warehouse`
    properties     of PyIceberg's catalog, such as s3.endpoint
    prefix         that clients must put into paths
    token          the bearer token that requests must carry
    credential     "id:secret" that gives a token at /v1/oauth/tokens; every token is good for `token-requests` requests
    page-size      elements of a page of a list
    config         what every table's answer has as `config`; storage-credentials likewise
    endpoints      false: does not say what it offers
    signer         signs requests to S3 at /v1/aws/s3/sign: {"access_key", "secret_key"}; `token` is the bearer token it wants instead of the catalog's,
                   `below` the prefix that objects must have, `answer` what it says instead. Every question goes to FOLDER/signed.jsonl
    warehouses     true: every `warehouse` that a client asks for is an empty catalog of its own, below FOLDER/NAME, with its name as prefix
"""
import http.server
import json
import pathlib
import re
import secrets
import shutil
import sys
import threading
import traceback
import time
import urllib.parse
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pyiceberg.exceptions as errors
import pyiceberg.table.metadata
import pyiceberg.table.update
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC, PartitionSpec
from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.table import CommitTableRequest
from pyiceberg.table.metadata import TableMetadataV3
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, SortOrder
from pyiceberg.typedef import IcebergBaseModel

# PyIceberg reads the states of version 3, but writes none, for want of a writer of such tables. Clients have one; what states need is added here.


def written(metadata, **options):
    """The JSON of a state of version 3, with the next row id."""
    if metadata.next_row_id is None:
        taken = [(snapshot.first_row_id or 0) + (snapshot.added_rows or 0) for snapshot in metadata.snapshots]
        metadata = metadata.model_copy(update={"next_row_id": max(taken, default=0)})
    return IcebergBaseModel.model_dump_json(metadata, **options)


def with_defaults(schema, *arguments):
    """A schema with ids of its own, and the defaults of its columns, which PyIceberg leaves out."""
    fresh = assign_fresh_schema_ids(schema, *arguments)
    fields = [
        field.model_copy(update={"initial_default": stated.initial_default, "write_default": stated.write_default})
        for field, stated in zip(fresh.fields, schema.fields)]
    return Schema(*fields, schema_id=fresh.schema_id, identifier_field_ids=fresh.identifier_field_ids)


TableMetadataV3.model_dump_json = written
pyiceberg.table.metadata.assign_fresh_schema_ids = with_defaults
pyiceberg.table.update.SUPPORTED_TABLE_FORMAT_VERSION = 3

# Status and error type of the REST specification for what PyIceberg throws; the first that fits counts.
FAILURES = [
    (errors.ForbiddenError, 403, "ForbiddenException"),
    (errors.NoSuchTableError, 404, "NoSuchTableException"),
    (errors.NoSuchViewError, 404, "NoSuchViewException"),
    (errors.NoSuchNamespaceError, 404, "NoSuchNamespaceException"),
    (errors.TableAlreadyExistsError, 409, "AlreadyExistsException"),
    (errors.NamespaceAlreadyExistsError, 409, "AlreadyExistsException"),
    (errors.NamespaceNotEmptyError, 409, "NamespaceNotEmptyException"),
    (errors.CommitFailedException, 409, "CommitFailedException"),
]


class Signature(botocore.auth.S3SigV4Auth):
    """Bodies are signed where they are shown, and ranges are not, so that an answer is good for every part of an object."""

    def _should_sha256_sign_payload(self, request):
        return bool(request.body)

    def headers_to_sign(self, request):
        headers = super().headers_to_sign(request)
        del headers["range"]
        return headers


class Service:
    """What the routes do; every method returns the body of the answer, None for an empty one."""

    def __init__(self, folder, options):
        self.options, self.folder = options, folder
        self.catalog = SqlCatalog(
            "rest", uri=f"sqlite:///{folder}/catalog.db", warehouse=options.get("warehouse", f"file://{folder}/warehouse").replace("{name}", folder.name),
            **options.get("properties", {}))

    def config(self, body):
        answer = {"defaults": {}, "overrides": {"prefix": self.options["prefix"]} if "prefix" in self.options else {}}
        if self.options.get("endpoints", True):
            answer["endpoints"] = ENDPOINTS
        return answer

    def loaded(self, table):
        """A LoadTableResult."""
        answer = {"metadata-location": table.metadata_location, "metadata": json.loads(table.metadata.model_dump_json()),
                  "config": self.options.get("config", {})}
        if "storage-credentials" in self.options:
            answer["storage-credentials"] = self.options["storage-credentials"]
        return answer

    def page(self, key, elements, query):
        """A list, cut as the client and the options want it."""
        size = int(query.get("pageSize", self.options.get("page-size", 0)) or 0)
        if not size or ("page-size" not in self.options and "pageToken" not in query):
            return {key: elements}
        start = int(query.get("pageToken") or 0)
        more = {"next-page-token": str(start + size)} if start + size < len(elements) else {}
        return {key: elements[start : start + size], **more}

    def namespaces(self, body, query):
        return self.page("namespaces", [list(name) for name in sorted(self.catalog.list_namespaces())], query)

    def create_namespace(self, body):
        self.catalog.create_namespace(tuple(body["namespace"]), body.get("properties") or {})
        return {"namespace": body["namespace"], "properties": body.get("properties") or {}}

    def namespace(self, body, space):
        return {"namespace": [space], "properties": dict(self.catalog.load_namespace_properties(space))}

    def drop_namespace(self, body, space):
        if any(key.startswith(space + ".") for key in self.read_views()):
            raise errors.NamespaceNotEmptyError(f"there are views in {space}")
        self.catalog.drop_namespace(space)

    def change_namespace(self, body, space):
        done = self.catalog.update_namespace_properties(space, set(body.get("removals") or []), body.get("updates") or {})
        return {"updated": done.updated, "removed": done.removed, "missing": done.missing}

    def tables(self, body, query, space):
        names = sorted(name[-1] for name in self.catalog.list_tables(space))
        return self.page("identifiers", [{"namespace": [space], "name": name} for name in names], query)

    def register(self, body, space):
        return self.loaded(self.catalog.register_table((space, body["name"]), body["metadata-location"]))

    # Views: PyIceberg has none, so their metadata is kept in a file.

    def read_views(self):
        path = pathlib.Path(self.folder, "views.json")
        return json.loads(path.read_text()) if path.exists() else {}

    def write_views(self, views):
        pathlib.Path(self.folder, "views.json").write_text(json.dumps(views))

    def views(self, body, query, space):
        names = sorted(key.split(".", 1)[1] for key in self.read_views() if key.startswith(space + "."))
        return self.page("identifiers", [{"namespace": [space], "name": name} for name in names], query)

    def view(self, body, space, name):
        metadata = self.read_views().get(f"{space}.{name}")
        if metadata is None:
            raise errors.NoSuchViewError(f"View does not exist: {space}.{name}")
        return {"metadata-location": f"{metadata['location']}/metadata/{name}.json", "metadata": metadata, "config": {}}

    def create_view(self, body, space):
        views, key = self.read_views(), f"{space}.{body['name']}"
        self.catalog.load_namespace_properties(space)
        if key in views or self.catalog.table_exists(key):
            raise errors.TableAlreadyExistsError(f"View or table already exists: {key}")
        version = body["view-version"]
        views[key] = {
            "view-uuid": str(uuid.uuid4()), "format-version": 1, "location": body.get("location") or f"file://{self.folder}/warehouse/{key}",
            "schemas": [{**body["schema"], "schema-id": version["schema-id"]}], "current-version-id": version["version-id"], "versions": [version],
            "version-log": [{"timestamp-ms": version["timestamp-ms"], "version-id": version["version-id"]}],
            "properties": body.get("properties") or {}}
        self.write_views(views)
        return self.view(None, space, body["name"])

    def replace_view(self, body, space, name):
        views = self.read_views()
        metadata = self.view(None, space, name)["metadata"]
        for requirement in body["requirements"]:
            if requirement["type"] == "assert-view-uuid" and requirement["uuid"] != metadata["view-uuid"]:
                raise errors.CommitFailedException("the view has another uuid")
        for update in body["updates"]:
            if update["action"] == "add-schema":
                metadata["schemas"].append({**update["schema"], "schema-id": 1 + max(schema["schema-id"] for schema in metadata["schemas"])})
            elif update["action"] == "add-view-version":
                version = update["view-version"]
                if version["schema-id"] == -1:
                    version["schema-id"] = metadata["schemas"][-1]["schema-id"]
                metadata["versions"].append(version)
            elif update["action"] == "set-current-view-version":
                wanted = update["view-version-id"]
                metadata["current-version-id"] = metadata["versions"][-1]["version-id"] if wanted == -1 else wanted
                metadata["version-log"].append({"timestamp-ms": int(time.time() * 1000), "version-id": metadata["current-version-id"]})
            elif update["action"] == "set-properties":
                metadata["properties"].update(update["updates"])
            elif update["action"] == "remove-properties":
                for key in update["removals"]:
                    metadata["properties"].pop(key, None)
            else:
                raise ValueError(f"unknown update {update['action']}")
        views[f"{space}.{name}"] = metadata
        self.write_views(views)
        return self.view(None, space, name)

    def drop_view(self, body, space, name):
        views = self.read_views()
        if views.pop(f"{space}.{name}", None) is None:
            raise errors.NoSuchViewError(f"View does not exist: {space}.{name}")
        self.write_views(views)

    def rename_view(self, body):
        views = self.read_views()
        source, target = (".".join([*body[side]["namespace"], body[side]["name"]]) for side in ("source", "destination"))
        if source not in views:
            raise errors.NoSuchViewError(f"View does not exist: {source}")
        self.catalog.load_namespace_properties(tuple(body["destination"]["namespace"]))
        if target in views or self.catalog.table_exists(target):
            raise errors.TableAlreadyExistsError(f"View or table already exists: {target}")
        views[target] = views.pop(source)
        self.write_views(views)

    # Tables.

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
        return self.loaded(table)

    def make_folders(self, location):
        """Object stores have no folders, but this one is a disk, and not every client makes them."""
        if urllib.parse.urlparse(location).scheme not in ("", "file"):
            return
        root = pathlib.Path(urllib.parse.urlparse(location).path)
        for name in ("data", "metadata"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def table(self, body, space, name):
        return self.loaded(self.catalog.load_table((space, name)))

    def drop_table(self, body, query, space, name):
        if query.get("purgeRequested") == "true":
            location = self.catalog.load_table((space, name)).metadata.location
            self.catalog.purge_table((space, name))
            if urllib.parse.urlparse(location).scheme in ("", "file"):
                shutil.rmtree(urllib.parse.urlparse(location).path, ignore_errors=True)
        else:
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
            return self.loaded(self.finish_creation(space, name, request.updates))
        # A fact of the table that clients repeat, and that PyIceberg would refuse to change.
        updates = tuple(update for update in request.updates if update.action != "assign-uuid")
        self.catalog.commit_table(self.catalog.load_table((space, name)), tuple(request.requirements), updates)
        return self.loaded(self.catalog.load_table((space, name)))

    def finish_creation(self, space, name, updates):
        """A table that was staged: it is made of its updates, and its first snapshot committed."""
        known = {update.action: update for update in updates}
        properties = {}
        for update in updates:
            if update.action == "set-properties":
                properties |= update.updates
            elif update.action == "upgrade-format-version":
                properties["format-version"] = str(update.format_version)
        table = self.catalog.create_table(
            (space, name), known["add-schema"].schema_, known["set-location"].location if "set-location" in known else None,
            known["add-spec"].spec if "add-spec" in known else UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, properties)
        snapshots = tuple(update for update in updates if update.action in ("add-snapshot", "set-snapshot-ref"))
        if snapshots:
            self.catalog.commit_table(table, (), snapshots)
        return self.catalog.load_table((space, name))

    def commit_all(self, body):
        """What would be refused is found before the first commit: nobody else commits meanwhile."""
        for change in body["table-changes"]:
            space, name = change["identifier"]["namespace"][0], change["identifier"]["name"]
            metadata = self.catalog.load_table((space, name)).metadata
            for requirement in CommitTableRequest.model_validate(change).requirements:
                requirement.validate(metadata)
        for change in body["table-changes"]:
            self.commit(change, change["identifier"]["namespace"][0], change["identifier"]["name"])

    def report_metrics(self, body, space, name):
        return None

    # Storage.

    def sign(self, body):
        signer = self.options["signer"]
        with open(self.folder / "signed.jsonl", "a") as log:
            log.write(json.dumps(body) + "\n")
        if "answer" in signer:
            return signer["answer"]
        path = urllib.parse.urlparse(body["uri"]).path
        # What DeleteObjects deletes stands in its body alone.
        objects = [f"{path.rstrip('/')}/{key}" for key in re.findall("<Key>(.*?)</Key>", body.get("body", ""))] or [path]
        if not all(name.startswith(signer.get("below", "/")) for name in objects):
            raise errors.ForbiddenError("not below your table")
        request = botocore.awsrequest.AWSRequest(
            method=body["method"], url=body["uri"], headers={name: ",".join(values) for name, values in body["headers"].items()}, data=body.get("body"))
        keys = botocore.credentials.Credentials(signer["access_key"], signer["secret_key"])
        Signature(keys, "s3", body["region"]).add_auth(request)
        return {"uri": request.url, "headers": {name: [value] for name, value in request.headers.items()}}


SIGNER = "/aws/s3/sign"
SPACE, TABLE = r"/namespaces/([^/]+)", r"/namespaces/([^/]+)/tables/([^/]+)"
LISTS = (Service.namespaces, Service.tables, Service.views, Service.drop_table)  # these look at the query
ROUTES = [(method, re.compile(pattern + "$"), action) for method, pattern, action in [
    ("GET", "/config", Service.config),
    ("GET", "/namespaces", Service.namespaces),
    ("POST", "/namespaces", Service.create_namespace),
    ("GET", SPACE, Service.namespace),
    ("HEAD", SPACE, Service.namespace),
    ("DELETE", SPACE, Service.drop_namespace),
    ("POST", SPACE + "/properties", Service.change_namespace),
    ("POST", SPACE + "/register", Service.register),
    ("GET", SPACE + "/views", Service.views),
    ("POST", SPACE + "/views", Service.create_view),
    ("POST", SPACE + "/views/([^/]+)", Service.replace_view),
    ("DELETE", SPACE + "/views/([^/]+)", Service.drop_view),
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
    ("POST", "/views/rename", Service.rename_view),
    ("POST", "/transactions/commit", Service.commit_all),
    ("POST", SIGNER, Service.sign),
]]


def endpoint(method, pattern):
    """As the answer to /config names them."""
    for name in ("namespace", "view" if "/views" in pattern else "table"):
        pattern = pattern.replace("([^/]+)", "{" + name + "}", 1)
    return f"{method} /v1/{{prefix}}{pattern}"


ENDPOINTS = [endpoint(method, pattern.pattern.removesuffix("$")) for method, pattern, _ in ROUTES if pattern.pattern not in ("/config$", SIGNER + "$")]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer goes out whole and at once: head and body in two packets would wait for each other's acknowledgement, 40 ms a time.
    wbufsize = -1
    disable_nagle_algorithm = True
    lock = threading.Lock()
    tokens = {}

    def log_message(self, *arguments):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        url = urllib.parse.urlparse(self.path)
        path, query = url.path.removeprefix("/v1"), dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if path == "/oauth/tokens":
            return self.token(dict(urllib.parse.parse_qsl(content.decode())))
        if not self.is_known(path):
            return self.reply(401, {"error": {"message": "who are you?", "type": "NotAuthorizedException", "code": 401}})
        service = self.service(path, query)
        prefix = "/" + service.options.get("prefix", "")
        if prefix != "/" and path not in ("/config", SIGNER):
            if not path.startswith(prefix + "/"):
                return self.reply(404, {"error": {"message": f"no such prefix in {path}", "type": "NotFound", "code": 404}})
            path = path.removeprefix(prefix)
        body = json.loads(content) if length else {}
        for method, pattern, action in ROUTES:
            found = pattern.match(path)
            if method == self.command and found:
                names = [urllib.parse.unquote(name) for name in found.groups()]
                try:
                    with self.lock:
                        result = action(service, body, *([query] if action in LISTS else []), *names)
                    # What is read may be signed once for several requests.
                    kept = {"Cache-Control": "private" if body["method"] in ("GET", "HEAD") else "no-cache"} if path == SIGNER else {}
                    return self.reply(204 if result is None or method == "HEAD" else 200, result, kept)
                except Exception as error:
                    return self.fail(error)
        self.reply(404, {"error": {"message": f"no route for {self.command} {path}", "type": "NotFound", "code": 404}})

    def service(self, path, query):
        """The catalog that a request is for."""
        server = self.server
        if not server.service.options.get("warehouses"):
            return server.service
        name = query.get("warehouse", "") if path == "/config" else path.split("/")[1]
        with self.lock:
            if name not in server.services:
                folder = server.service.folder / name
                folder.mkdir(parents=True, exist_ok=True)
                server.services[name] = Service(folder, {**server.service.options, "prefix": name})
            return server.services[name]

    def is_known(self, path):
        options, given = self.server.service.options, (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if path == SIGNER and "token" in options.get("signer", {}):
            return given == options["signer"]["token"]
        if "credential" in options:
            with self.lock:
                left = self.tokens.get(given, 0)
                self.tokens[given] = left - 1
            return left > 0
        return given == options.get("token", given)

    def token(self, form):
        """RFC 6749, 4.4."""
        options = self.server.service.options
        if form.get("grant_type") != "client_credentials" or f"{form.get('client_id')}:{form.get('client_secret')}" != options.get("credential"):
            return self.reply(401, {"error": "invalid_client", "error_description": f"not {form.get('client_secret')}"})
        token = secrets.token_hex(16)
        with self.lock:
            self.tokens[token] = options.get("token-requests", 1_000_000)
        return self.reply(200, {"access_token": token, "token_type": "bearer", "expires_in": 3600, "scope": form.get("scope")})

    def fail(self, error):
        for kind, status, name in FAILURES:
            if isinstance(error, kind):
                return self.reply(status, {"error": {"message": str(error), "type": name, "code": status}})
        traceback.print_exc()
        self.reply(400, {"error": {"message": f"{type(error).__name__}: {error}", "type": "BadRequestException", "code": 400}})

    def reply(self, status, body, headers={}):
        content = b"" if status == 204 or self.command == "HEAD" else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_HEAD = do_DELETE = answer


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
    server.services = {}
    server.service = Service(folder, json.loads(sys.argv[3]) if len(sys.argv) > 3 else {})
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

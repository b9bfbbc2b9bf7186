"""The SQL logic tests that touch tables, once more with the default catalog on a server.

    python on_servers.py glue|rest SLT [FOLDER ...]      folders or files below cases; without any, those of FOLDERS

    glue   Glue, the warehouse on S3
    rest   an Iceberg REST catalog

Starts the servers of Tests/Servers on free loopback ports, with an empty catalog for every file, runs slt in mode plain, and ends with its line
`N passed, N failed`. Runs in the Python environment of the checks (PyIceberg); Glue and S3 come from the one of Tests/Servers/requirements.txt
(FRAZIL_SERVERS_PYTHON).
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).resolve().parents[1]
CASES = TESTS / "SQLLogicTests" / "cases"
# Folders whose cases make tables; the others need no catalog.
FOLDERS = ["branches", "catalogs", "evolution", "explain", "external", "iceberg_read", "iceberg_write", "maintenance", "queries", "row_changes", "show",
           "statements", "transactions", "unload", "views"]
BUCKET = "warehouse"
SERVERS_PYTHON = os.environ.get("FRAZIL_SERVERS_PYTHON", str(pathlib.Path.home() / ".cache" / "frazil" / "venv-servers" / "bin" / "python"))


@contextlib.contextmanager
def server(python, name, folder, *arguments):
    """Runs one of Tests/Servers in a folder; gives the first line it prints, by which it says where it listens."""
    log = pathlib.Path(folder, name).with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [python, str(TESTS / "Servers" / name), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder)
    try:
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{name} did not start: {log.read_text()}")
        yield line
    finally:
        process.stdin.close()  # The end of the servers that have processes of their own; the REST catalog does not look.
        if name == "rest_catalog.py":
            process.terminate()
        process.wait(30)


@contextlib.contextmanager
def glue(folder):
    """A Glue catalog whose accounts are one for every case, and a bucket."""
    with server(SERVERS_PYTHON, "s3_server.py", folder, "moto", folder, BUCKET) as told, server(SERVERS_PYTHON, "glue_server.py", folder) as listening:
        s3, port = json.loads(told), listening.split()[-1]
        yield f"glue,region=us-east-1,endpoint=http://127.0.0.1:{port},catalog-id={{id}},warehouse=s3://{BUCKET}/{{id}}", {
            "FRAZIL_SLT_WAREHOUSE": f"s3://{BUCKET}/{{id}}", "AWS_ENDPOINT_URL_S3": s3["endpoint"], "AWS_REGION": s3["region"],
            "AWS_ACCESS_KEY_ID": s3["access_key"], "AWS_SECRET_ACCESS_KEY": s3["secret_key"], "AWS_EC2_METADATA_DISABLED": "true"}


@contextlib.contextmanager
def rest(folder):
    """A REST catalog with a warehouse for every case."""
    # A path without file://, as the local catalog writes it.
    warehouse = f"{folder}/tables/{{name}}"
    with server(sys.executable, "rest_catalog.py", folder, folder, "0", json.dumps({"warehouses": True, "warehouse": warehouse})) as listening:
        yield f"rest,uri=http://127.0.0.1:{listening.split()[-1]},warehouse={{id}}", {"FRAZIL_SLT_WAREHOUSE": warehouse.format(name="{id}")}


def main():
    kind, slt, *folders = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder, {"glue": glue, "rest": rest}[kind](folder) as (catalog, environment):
        command = [slt, "--mode", "plain", *(folders or [str(CASES / name) for name in FOLDERS])]
        sys.exit(subprocess.run(command, env={**os.environ, **environment, "FRAZIL_SLT_CATALOG": catalog}).returncode)


if __name__ == "__main__":
    main()

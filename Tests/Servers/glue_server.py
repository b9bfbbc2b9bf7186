"""The Glue Data Catalog on a free loopback port, for tests: moto, with what it leaves out of Glue's behaviour.

    python glue_server.py

Prints `listening on PORT` once it answers, and runs until its standard input ends. Added to moto: UpdateTable compares VersionId and answers
ConcurrentModificationException, lists come in pages (MaxResults, NextToken), DeleteDatabase takes its tables along, one request is served at a
time, and every CatalogId has a catalog of its own. Needs the packages of requirements.txt.
"""

import logging
import sys
import threading

from moto.core.responses import ActionResult
from moto.glue.exceptions import GlueClientError
from moto.glue.models import glue_backends
from moto.glue.responses import GlueResponse
from moto.server import ThreadedMotoServer

LOCK = threading.Lock()
logging.getLogger("werkzeug").setLevel(logging.ERROR)


class ConcurrentModificationException(GlueClientError):
    def __init__(self):
        super().__init__("ConcurrentModificationException", "Update table failed due to concurrent modifications.")


def checking_version(original):
    def update_table(self):
        wanted = self.parameters.get("VersionId")
        table = self.glue_backend.get_table(self.parameters["DatabaseName"], self.parameters["TableInput"]["Name"])
        if wanted is not None and wanted != table.as_dict()["VersionId"]:
            raise ConcurrentModificationException()
        return original(self)
    return update_table


def paged(original, key):
    def answer(self):
        result = original(self).result
        start, size = int(self.parameters.get("NextToken") or 0), int(self.parameters.get("MaxResults") or 1000)
        elements = result[key]
        result[key] = elements[start : start + size]
        if start + size < len(elements):
            result["NextToken"] = str(start + size)
        return ActionResult(result)
    return answer


def serial(original):
    def call_action(self, *arguments):
        with LOCK:
            return original(self, *arguments)
    return call_action


GlueResponse.glue_backend = property(lambda self: glue_backends[self.parameters.get("CatalogId") or self.current_account][self.region])
GlueResponse.update_table = checking_version(GlueResponse.update_table)
for name, key in (("get_databases", "DatabaseList"), ("get_tables", "TableList"), ("get_partitions", "Partitions")):
    setattr(GlueResponse, name, paged(getattr(GlueResponse, name), key))
GlueResponse.call_action = serial(GlueResponse.call_action)


def main():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(f"listening on {server.get_host_and_port()[1]}", flush=True)
    sys.stdin.buffer.read()
    server.stop()


if __name__ == "__main__":
    main()

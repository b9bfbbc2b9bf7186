"""What lies between Frazil and servers: HTTP/2, certificates, proxies."""

import http.server
import json
import pathlib
import threading

import support
from servers import SERVERS, Glue, Lake, start

ANSWER = json.dumps({"defaults": {}, "overrides": {}, "namespaces": [["db"]]})


class Plain(Lake):
    """Frazil with a REST catalog `lake` at an address that somebody else sees to."""

    def __init__(self, place, uri, **environment):
        super().__init__(place, **environment)
        self.uri = uri

    def catalog_options(self):
        return ["--catalog", f"lake=rest,uri={self.uri}"]


@support.check
def network_http2_and_certificates(place):
    """HTTP/2 is spoken where it is offered, over one connection; a server whose certificate nobody vouches for is refused."""
    folder = pathlib.Path(place.folder) / "http2"
    process, port = start([Glue.python, str(SERVERS / "http2_server.py"), str(folder), ANSWER], "the HTTP/2 server")
    try:
        uri = f"https://localhost:{port}/api"
        Plain(place, uri).fails("SHOW DATABASES IN lake", f"GET {uri}/v1/config", "certificate")
        for variable in ("AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
            lake = Plain(place, uri, **{variable: str(folder / "certificate.pem")})
            (folder / "log").write_text("")
            assert lake.run("SHOW DATABASES IN lake; SHOW DATABASES IN lake") == [("db",), ("db",)]
            log = (folder / "log").read_text().splitlines()
            assert [line for line in log if not line.startswith("lost")] == ["connection"] + 3 * ["request"], (variable, log)
        Plain(place, f"https://127.0.0.2:{port}/api", AWS_CA_BUNDLE=str(folder / "certificate.pem")).fails("SHOW DATABASES IN lake", "127.0.0.2")
    finally:
        process.stdin.close()
        process.wait(30)


@support.check
def network_proxy(place):
    """Requests go through a proxy where the environment names one, but for hosts that it excludes; its password is printed nowhere."""
    seen = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_GET(self):
            seen.append((self.path, self.headers.get("Proxy-Authorization")))
            self.send_response(200)
            self.send_header("Content-Length", str(len(ANSWER)))
            self.end_headers()
            self.wfile.write(ANSWER.encode())

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy = f"http://me:pr0xy-s3cret@127.0.0.1:{server.server_address[1]}"
    lake = Plain(place, "http://catalog.invalid/api", http_proxy=proxy)
    lake.secrets = ["pr0xy-s3cret", "cHIweHktczNjcmV0"]
    assert lake.run("SHOW DATABASES IN lake") == [("db",)]
    assert [path for path, _ in seen] == ["http://catalog.invalid/api/v1/config", "http://catalog.invalid/api/v1/namespaces"], seen
    assert all(authorization for _, authorization in seen), "the proxy was not told who asks"
    lake.environment["no_proxy"] = "catalog.invalid"
    lake.fails("SHOW DATABASES IN lake", "catalog.invalid")
    del lake.environment["no_proxy"]
    server.shutdown()
    server.server_close()
    lake.fails("SHOW DATABASES IN lake", "catalog.invalid")

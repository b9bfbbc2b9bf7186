"""How the HTTP servers for tests begin and end."""

import http.server
import sys
import threading


def serve(handler):
    """Serves on a free loopback port, says which, and goes when whoever started it does."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on {server.server_port}", flush=True)
    sys.stdin.buffer.read()
    server.shutdown()

"""A proxy on a free loopback port that passes requests on to a server and breaks those it is told to.

    python fault_proxy.py http://127.0.0.1:SERVER_PORT

Prints `listening on PORT` once it answers, and runs until its standard input ends. Signatures stay valid: the Host header is passed on as it came.

    PUT  /__faults   takes a list of rules and forgets earlier ones and the log:
                     {"method": "PUT", "contains": "uploadId=", "skip": 1, "times": 2, "action": "status", "status": 503, "code": "SlowDown"}
                     `contains` looks at the path, `target` at the header X-Amz-Target, which names the operation of services like Glue.
                     A rule breaks the requests that fit it, after the first `skip`, `times` of them (1 when left out).
    GET  /__log      every request so far: method, target, operation (X-Amz-Target), action ("" for none), status

Actions: reset_headers (connection reset before the body is read), reset_before (before it is passed on), reset_after (carried out, answer lost),
truncate (half of the answer's body), corrupt (one byte of the body changed), status (a refusal, not passed on), status_after (carried out, then a
refusal), stall (nothing until the client goes), delay (`seconds` late).
"""

import http.client
import http.server
import json
import socket
import struct
import sys
import threading
import time
import urllib.parse

LOCK = threading.Lock()
RULES, LOG = [], []
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = None

    def log_message(self, *_):
        pass

    def rule(self):
        """The first rule that this request fits and that is due."""
        with LOCK:
            for rule in RULES:
                if rule.get("method", self.command) != self.command or rule.get("contains", "") not in self.path:
                    continue
                if rule.get("target", "") not in self.headers.get("X-Amz-Target", ""):
                    continue
                rule["seen"] = rule.get("seen", 0) + 1
                if rule.get("skip", 0) < rule["seen"] <= rule.get("skip", 0) + rule.get("times", 1):
                    return rule
        return {}

    def note(self, action, status):
        with LOCK:
            LOG.append({"method": self.command, "target": self.path, "operation": self.headers.get("X-Amz-Target", ""), "action": action, "status": status})

    def reset(self):
        """Ends the connection with RST rather than FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def answer(self, status, headers, body, length=None):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refusal(self, rule):
        code = rule.get("code", "InternalError")
        body = f"<Error><Code>{code}</Code><Message>injected</Message><RequestId>fault-1</RequestId></Error>".encode()
        headers = [("Content-Type", "application/xml"), *rule.get("headers", {}).items()]
        if "date" in rule:
            headers.append(("Date", rule["date"]))
        self.answer(rule.get("status", 500), headers, body)

    def control(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with LOCK:
            if self.command == "PUT":
                RULES[:] = json.loads(body)
                LOG.clear()
            text = json.dumps(LOG).encode()
        self.answer(200, [("Content-Type", "application/json")], text)

    def handle_request(self):
        if self.path.startswith("/__"):
            self.control()
            return
        rule = self.rule()
        action = rule.get("action", "")
        if action == "reset_headers":
            self.note(action, 0)
            self.reset()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if action in ("reset_before", "stall", "status"):
            self.note(action, rule.get("status", 0))
            if action == "stall":
                self.connection.settimeout(60)
                try:
                    self.connection.recv(1)
                except OSError:
                    pass
            if action == "status":
                self.refusal(rule)
            else:
                self.reset()
            return
        if action == "delay":
            time.sleep(rule.get("seconds", 1))
        status, headers, answer, length = self.forward(body)
        self.note(action, status)
        if action == "reset_after":
            self.reset()
        elif action == "status_after":
            self.refusal(rule)
        elif action == "truncate":
            self.answer(status, headers, answer[: len(answer) // 2], len(answer))
            self.wfile.flush()
            self.reset()
        else:
            if action == "corrupt" and answer:
                answer = answer[:-1] + bytes([answer[-1] ^ 0xFF])
            self.answer(status, headers, answer, length)

    def forward(self, body):
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP:
                connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        headers = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP | {"content-length"}]
        # The length of an answer to HEAD is that of the body it does not have.
        return response.status, headers, answer, response.getheader("Content-Length") if self.command == "HEAD" else None

    def attempt(self):
        try:
            self.handle_request()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = attempt

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def main():
    Handler.upstream = urllib.parse.urlsplit(sys.argv[1]).netloc
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on {server.server_port}", flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()

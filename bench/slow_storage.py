"""A proxy in front of an object store that is as far away as it is told to be, and remembers what was asked of it.

    python slow_storage.py http://127.0.0.1:SERVER_PORT [--delay-ms 30] [--megabytes-per-second 50]

Prints `listening on PORT` once it answers, and runs until its standard input ends. Every request waits `--delay-ms` before it is passed on; the bodies
of all answers together flow at `--megabytes-per-second` at most. Zero is no limit. Signatures stay valid: the Host header is passed on as it came.

    GET /__log     every request since the last call: method, target, range, seconds when it began and ended, bytes of the answer's body

`sequence` counts the longest chain of requests each of which began after the one before it had ended: the round trips that nothing hid.
"""
import argparse
import asyncio
import json
import sys
import time
import urllib.parse

CHUNK = 64 << 10


class Pipe:
    """Lets bytes of all connections through at one rate."""

    def __init__(self, bytes_per_second):
        self.rate = bytes_per_second
        self.free_at = 0.0

    async def take(self, count):
        if not self.rate:
            return
        now = time.monotonic()
        self.free_at = max(self.free_at, now) + count / self.rate
        # Short sleeps are inexact: a few milliseconds of credit even them out.
        if self.free_at - now > 0.003:
            await asyncio.sleep(self.free_at - now)


class Proxy:
    def __init__(self, upstream, delay, rate):
        self.host, _, port = urllib.parse.urlsplit(upstream).netloc.partition(":")
        self.port = int(port)
        self.delay = delay
        self.pipe = Pipe(rate)
        self.log = []
        self.idle = []

    @staticmethod
    async def head(reader):
        """First line and headers of a message; None at the end of the connection."""
        try:
            text = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        lines = text.decode("latin-1").split("\r\n")
        return lines[0], {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}, text

    async def serve(self, reader, writer):
        try:
            while (request := await self.head(reader)) is not None:
                line, headers, text = request
                method, target, _ = line.split(" ", 2)
                if headers.get("expect", "").lower() == "100-continue":
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    text = b"\r\n".join(part for part in text.split(b"\r\n") if not part.lower().startswith(b"expect:"))
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if target.startswith("/__log"):
                    answer = json.dumps(self.log).encode()
                    self.log = []
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
                    await writer.drain()
                    continue
                entry = {"method": method, "target": target, "range": headers.get("range", ""), "begin": time.monotonic()}
                await asyncio.sleep(self.delay)
                entry["bytes"] = await self.forward(method, text + body, writer)
                entry["end"] = time.monotonic()
                self.log.append(entry)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def forward(self, method, message, writer):
        """Passes a request on, and its answer back; bytes of the answer's body."""
        while True:
            used = bool(self.idle)
            upstream = self.idle.pop() if used else await asyncio.open_connection(self.host, self.port, limit=1 << 20)
            upstream[1].write(message)
            answer = await self.head(upstream[0])
            if answer is not None:
                break
            # The server has closed a connection that was kept: another one is made.
            upstream[1].close()
            if not used:
                raise ConnectionError("the server closed the connection")
        line, headers, text = answer
        writer.write(text)
        total = 0
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while True:
                size = await upstream[0].readuntil(b"\r\n")
                count = int(size.split(b";")[0], 16)
                rest = await upstream[0].readexactly(count + 2)
                await self.pipe.take(count)
                writer.write(size + rest)
                total += count
                if count == 0:
                    break
        elif method != "HEAD" and line.split(" ")[1] not in ("204", "304"):
            left = int(headers.get("content-length", 0))
            while left:
                chunk = await upstream[0].read(min(CHUNK, left))
                if not chunk:
                    raise ConnectionError("the server's answer ended early")
                left -= len(chunk)
                total += len(chunk)
                await self.pipe.take(len(chunk))
                writer.write(chunk)
                await writer.drain()
        await writer.drain()
        if headers.get("connection", "").lower() == "close":
            upstream[1].close()
        else:
            self.idle.append(upstream)
        return total


def sequence(log):
    """The longest chain of requests that did not overlap: the next one is always the one that ends first."""
    chain, free = 0, float("-inf")
    for entry in sorted(log, key=lambda entry: entry["end"]):
        if entry["begin"] >= free:
            chain += 1
            free = entry["end"]
    return chain


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("upstream")
    parser.add_argument("--delay-ms", type=float, default=30)
    parser.add_argument("--megabytes-per-second", type=float, default=50)
    options = parser.parse_args()
    proxy = Proxy(options.upstream, options.delay_ms / 1e3, options.megabytes_per_second * 1e6)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=1 << 20)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
